"""What people and time do with bookings becomes records; a visit that was made for one goes with it."""

from broker.plan.model import ON_CALL
from broker.rules.bookings.asked import Asked, BookingDeed
from broker.rules.bookings.book import Changes
from broker.rules.bookings.deeds import carry_out
from broker.rules.bookings.fetching import weighed as shared
from broker.rules.bookings.passing_time import time_passes, wake_at
from broker.rules.bookings.places import Ground
from broker.rules.day.day import Day
from broker.rules.dispatch.visits.moved_visits import set_visits
from broker.rules.dispatch.visits.tours import drive_s
from broker.rules.effects.effect import Effect
from broker.rules.effects.records import put, put_booking
from broker.rules.states.booking import COMING, Booking

KEEP_S = 14 * 86_400  # how long what is over stays in memory: as long as a start reads back


def ground_of(day: Day, now: int) -> Ground:
    """What the places of bookings rest on now: learned drives first, from where the trucks stand."""

    def travel_s(origin: str, to: str) -> int:
        return drive_s(day, ON_CALL.route_id, origin, to, now)

    return Ground(day.plan, day.settings.bookings, travel_s)


def do(day: Day, deed: BookingDeed, who: str, now: int) -> list[Effect]:
    """Carry out a deed; raises BookingError and changes nothing then."""
    return keep(day, carry_out(Asked(day.bookings, ground_of(day, now), deed, who, now)), now)


def weighed(day: Day, truck: str, grams: int, now: int) -> list[Effect]:
    """The transfer station weighed a truck's renovation waste: what lies on it is completed."""
    return keep(day, shared(day.bookings, truck, grams, now), now)


def of_booking(day: Day, booking_id: str, now: int) -> list[Effect]:
    """What time alone brings to a booking."""
    booking = day.bookings.get(booking_id)
    return [] if booking is None else keep(day, time_passes(day.bookings, booking, now), now)


def due(day: Day, now: int, *, only_holds: bool) -> list[str]:
    """The bookings to which time brings something now; `only_holds` while the clock may be wrong: a hold is had again
    with a click, what somebody relies on is not."""
    asked = (one for one in day.bookings.open() if one.state == "held" or not only_holds)
    moments = ((one.booking_id, wake_at(day.bookings, one)) for one in asked)
    return [booking_id for booking_id, at in moments if at is not None and at <= now]


def keep(day: Day, changes: Changes, now: int) -> list[Effect]:
    """The records of changes; what a truck had been told to do for a booking that it does not have any more, it has
    not."""
    effects: list[Effect] = []
    for changed in changes:
        before = day.bookings.get(changed.booking_id) if isinstance(changed, Booking) else None
        effects.append(put_booking(day, changed, now))
        if before is not None and isinstance(changed, Booking) and before.visit is not None:
            effects += _settle_visit(day, before, changed, now)
    return effects


def _settle_visit(day: Day, before: Booking, after: Booking, now: int) -> list[Effect]:
    """The visit that was made for a booking, where it is not owed for it any more."""
    visit = day.visits.get(before.visit) if before.visit is not None else None
    run = day.runs.get(visit.run_id) if visit is not None else None
    if visit is None or run is None or not visit.owed or (after.state in COMING and after.visit == before.visit):
        return []
    if after.state == "loaded":
        if visit.state == "at_stop":
            return []  # the truck stands there yet: it is served when it leaves
        settled = visit.served_by_hand(after.loaded_at)
    else:
        settled = visit.cancelled("not_out" if after.state == "failed" else "other")
    effects = put(day, settled, now)
    set_visits(day, run, now)
    return effects
