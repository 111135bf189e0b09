"""A booking follows its visit, and by that its truck: nobody who moves visits needs to know of bookings.

It is on its way once the stop before was left and its window is near; at the first stop, once the truck drives.
"""

from broker.rules.bookings.book import Changes
from broker.rules.bookings.fetching import ended_in_vain, left_with, taken_over
from broker.rules.day.day import Day
from broker.rules.dispatch.bookings.booking_handling import ground_of, keep
from broker.rules.effects.effect import Effect
from broker.rules.states.booking import COMING, NOBODY, Booking
from broker.rules.states.visit import Visit

NEAR_S = 3600  # a truck that has left the stop before hours ahead is not on its way yet


def follow_visits(day: Day, now: int) -> list[Effect]:
    """What became of the visits that are made for bookings, as far as the bookings do not say it yet."""
    effects: list[Effect] = []
    for booking in day.bookings.open():
        if booking.state in COMING and booking.visit is not None:
            visit = day.visits.get(booking.visit)
            if visit is not None:
                effects += keep(day, _follow(day, booking, visit, now), now)
    return effects


def _follow(day: Day, booking: Booking, visit: Visit, now: int) -> Changes:
    if visit.state == "at_stop":
        return [] if booking.state == "at_site" else [booking.arrived(visit.arrived_at or now, now)]
    if visit.state == "served":
        return left_with(day.bookings, booking, visit.left_at or now, now)
    if visit.state in ("skipped", "cancelled"):
        return _replaced(day, booking, visit, now)
    if booking.state == "at_site":
        return [booking.drove_on(now)]
    if booking.state == "accepted" and _is_next(day, booking, visit, now):
        return [booking.departed(now, now)]
    return []


def _is_next(day: Day, booking: Booking, visit: Visit, now: int) -> bool:
    """Whether its truck has nothing to do before it, and drives."""
    run = day.runs.get(visit.run_id)
    owed = day.owed(run) if run is not None else []
    if run is None or not owed or owed[0].key != visit.key or now < booking.from_at - NEAR_S:
        return False
    left_one = any(before.state == "served" for before in day.visits.of(run.order))
    return left_one or run.tracker.progress(now).started


def _replaced(day: Day, booking: Booking, visit: Visit, now: int) -> Changes:
    """The visit that is owed in place of one that was skipped; none: nobody comes any more."""
    others = {one.visit for one in day.bookings.open() if one.booking_id != booking.booking_id}
    here = [one for one in day.visits.at(visit.room, visit.waste) if one.owed and one.key not in others]
    again = min(here, key=lambda one: (one.run_id != visit.run_id, one.visit_number), default=None)
    if again is None:
        reason = visit.reason if visit.reason not in (None, "other") else None
        return ended_in_vain(day.bookings, booking, NOBODY, reason or "not_reached", now)
    put_off = booking if booking.state == "accepted" else booking.put_off(now)
    if again.truck == booking.truck:
        return [put_off.made_for(again.key, now)]
    order = day.runs[again.run_id].order if again.run_id in day.runs else ()
    return taken_over(day.bookings, ground_of(day, now), put_off, again.truck, again.key, order, now)
