"""What becomes of a booking on the truck's side: accepted, declined to the next truck, loaded, in vain, weighed."""

from collections.abc import Sequence

from broker.rules.bookings.asked import ANSWER_S, MOST_LITRES, Asked, BookingDeed, InRound, check_version, left, seated
from broker.rules.bookings.book import Bookings, Changes
from broker.rules.bookings.places import Ground, round_at, still_fits
from broker.rules.states.booking import Booking, BookingError, VisitKey

OVERFILLED = 1.25  # so many times what was announced is more than was announced
FAILURES = ("no_show", "no_access", "wrong_waste", "unsafe", "too_much", "other")
REFUSALS = ("no_truck", "full_truck", "breakdown", "no_access", "wrong_waste", "unsafe", "other")


def accept(ask: Asked) -> Changes:
    """Yes, if the round is what it was when it was looked at, and can still be driven with this in it."""
    book, ground, deed, who, now = ask
    booking = book[deed.booking]
    round_ = book.rounds[booking.round_id]
    check_version(round_, deed)
    _check_age(deed, now)
    accepted = booking.accepted(who, now)
    if not still_fits(book, ground, round_, booking, now):
        raise BookingError(f"{booking.truck} cannot keep this window any more: decline it, and the next truck is asked")
    return [round_.driving(round_.order), accepted]


def decline(ask: Asked) -> Changes:
    """No: the next truck that can keep the window is asked; where there is none the property is told so."""
    book, ground, deed, who, now = ask
    booking = book[deed.booking]
    if deed.reason not in REFUSALS:
        raise BookingError(f"reason must be one of {' '.join(REFUSALS)}, got {deed.reason!r}")
    _check_age(deed, now)
    for vehicle in ground.plan.trucks_on_call():
        if vehicle.truck_id in (*booking.declined_by, booking.truck) or booking.until_at <= now:
            continue
        try:
            other = round_at(book, ground, vehicle.truck_id, booking.from_at, now)
            window = InRound(other, booking.from_at, booking.until_at)
            round_, seat = seated(book, ground, booking.booking_id, booking.pile, window, booking.litres, now)
        except BookingError:
            continue
        return [booking.passed_on(seat, now), *left(book, booking), round_]
    return [booking.declined(who, deed.reason, now), *left(book, booking)]


def _check_age(deed: BookingDeed, now: int) -> None:
    """Raise BookingError for an answer that was given too long ago, by a device without a network: it was about a day
    that is over, and whoever gave it would be surprised by what comes of it now."""
    ago_s = now - (deed.acted_at if deed.acted_at is not None else now)
    if ago_s > ANSWER_S:
        text = f"this answer was given {ago_s // 60} minutes ago, without a network: look at the booking, then answer"
        raise BookingError(text, stale=True)


def load(ask: Asked) -> Changes:
    """On the truck, with what the crew measured; it may measure again until it is weighed."""
    book, _, deed, who, now = ask
    booking = book[deed.booking]
    if deed.litres is None or not 0 <= deed.litres <= MOST_LITRES:
        raise BookingError(f"loaded needs the litres that were measured, 0 to {MOST_LITRES}")
    overfilled = deed.litres > booking.litres * OVERFILLED
    if booking.state == "loaded":
        return [booking.measured(deed.litres, who, now, overfilled=overfilled)]
    loaded_at = now if deed.acted_at is None else max(deed.acted_at, booking.accepted_at or 0, booking.at_site_at or 0)
    loaded = booking.loaded(loaded_at, who, deed.litres, now, overfilled=overfilled)
    return [loaded, *left(book, booking)]


def left_with(book: Bookings, booking: Booking, left_at: int, now: int) -> Changes:
    """The truck left, and nobody said what it loaded."""
    return [booking.loaded(left_at, None, None, now, overfilled=False), *left(book, booking)]


def fail(ask: Asked) -> Changes:
    """The truck came for nothing: nobody and nothing was there, or it could not be taken."""
    book, _, deed, who, now = ask
    booking = book[deed.booking]
    if deed.reason not in FAILURES:
        raise BookingError(f"reason must be one of {' '.join(FAILURES)}, got {deed.reason!r}")
    return ended_in_vain(book, booking, who, deed.reason, now)


def ended_in_vain(book: Bookings, booking: Booking, by: str, reason: str, now: int) -> Changes:
    """It ends without anything being fetched."""
    return [booking.failed(by, reason, now), *left(book, booking)]


def taken_over(
    book: Bookings, ground: Ground, booking: Booking, truck: str, visit: VisitKey, order: Sequence[VisitKey], now: int
) -> Changes:
    """Another truck took it over as it stands, by a dispatcher's word: it has its place in that one's round, as that
    truck's run has the visit in its `order`."""
    try:
        other = round_at(book, ground, truck, booking.from_at, now)
    except BookingError:  # a truck that nobody can book: it has no round
        return [booking.taken_over(truck, booking.round_id, visit, now)]
    later = set(order[order.index(visit) + 1 :]) if visit in order else set[VisitKey]()
    at = next((i for i, name in enumerate(other.order) if book[name].visit in later), len(other.order))
    taking = other.driving([*other.order[:at], booking.booking_id, *other.order[at:]])
    return [*left(book, booking), taking, booking.taken_over(truck, other.round_id, visit, now)]


def weighed(book: Bookings, truck: str, grams: int, now: int) -> Changes:
    """What the transfer station weighed of a truck, shared among what lies on it by what was measured of each."""
    loads = book.loaded_on(truck)
    sizes = [one.litres if one.measured_litres is None else one.measured_litres for one in loads]
    whole = sum(sizes)
    changes: Changes = []
    rest = grams
    for index, (one, size) in enumerate(zip(loads, sizes, strict=True)):
        last = index == len(loads) - 1
        share = rest if last else grams * size // whole if whole else grams // len(loads)
        rest -= share
        changes.append(one.completed(share, now))
    return changes
