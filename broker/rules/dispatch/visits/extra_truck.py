"""Which truck may be asked to take over: registered, on call until it is done, for that waste, with room for it."""

from datetime import timedelta

from broker.plan.calendar import day_start_at, local_date
from broker.plan.model import Vehicle
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.visits.offered_times import EXTRA
from broker.rules.dispatch.visits.replan_error import ReplanError
from broker.rules.replanning.offers import Offer
from firmware import wire

_ALWAYS = 1 << 60


def may_load(day: Day, truck: str, now: int) -> tuple[str, ...]:
    """The kinds of waste that a truck may be asked to load now; none if it is not registered or not on call."""
    vehicle = day.plan.vehicles.get(truck)
    if truck not in day.planned_trucks or day.run_of(truck) is not None or on_call_until(day, vehicle, now) is None:
        return ()
    return vehicle.wastes if vehicle is not None else wire.WASTES


def check_extra_truck(day: Day, run: Run, offer: Offer, truck: str | None, now: int) -> str:
    """The truck that is to drive the extra tour of an offer; ReplanError says why it cannot be this one."""
    if not truck:
        raise ReplanError("name the contractor's truck: `truck`, the id under which it signs in")
    if not wire.is_id(truck):
        raise ReplanError(f"{truck!r} is no device id: 1-{wire.MAX_ID_BYTES} of a-z A-Z 0-9 . _ -")
    against = why_not(day, run, truck, now) or _too_much(day, offer, truck, now)
    if against is None:
        return truck
    others = [other for other in day.plan.trucks() if why_not(day, run, other, now) is None and other != truck]
    raise ReplanError(f"{truck} {against}; {run.waste} may be given to: {' '.join(others) or 'no other truck now'}")


def on_call_until(day: Day, vehicle: Vehicle | None, now: int) -> int | None:
    """The end of its hours, also of those that began yesterday and go past midnight; None outside of them."""
    start_s, end_s = (vehicle.on_call_from_day_s, vehicle.on_call_until_day_s) if vehicle is not None else (None, None)
    if start_s is None or end_s is None:
        return _ALWAYS
    today = local_date(day.plan, now)
    begins = [day_start_at(day.plan, today - timedelta(days=ago)) for ago in range(3)]
    return max((begin + end_s for begin in begins if begin + start_s <= now < begin + end_s), default=None)


def why_not(day: Day, run: Run, truck: str, now: int) -> str | None:
    """What speaks against this truck for what a run owes; None where nothing does."""
    vehicle, own = day.plan.vehicles.get(truck), day.run_of(truck)
    if truck == run.truck:
        return "is the truck that cannot go on"
    if truck not in day.planned_trucks:
        return "is no registered vehicle: it is in no trip and not in vehicles.txt"
    if own is not None and own.waste != run.waste:
        return f"is on a run for {own.waste}: its load must not be mixed with {run.waste}"
    if own is not None:
        return f"is on a run of its own ({own.run_id}): the options count with it where it takes over"
    if vehicle is not None and run.waste not in vehicle.wastes:
        return f"does not load {run.waste} (vehicles.txt)"
    if on_call_until(day, vehicle, now) is None:
        return "is not on call now (vehicles.txt)"
    return None


def _too_much(day: Day, offer: Offer, truck: str, now: int) -> str | None:
    """What of the extra tour is beyond this very truck: its bins, or the end of its hours."""
    vehicle = day.plan.vehicles.get(truck)
    bins = sum(stop.bins for tour in offer.tours if tour.truck == EXTRA for stop in tour.stops)
    free = vehicle.capacity_bins if vehicle is not None else None
    if free is not None and bins > free:
        return f"has room for {free} bins and would be given {bins}"
    last_at = max((change.after_at or 0 for change in offer.changes if change.to_truck == EXTRA), default=0)
    if last_at > (on_call_until(day, vehicle, now) or 0):
        return "is not on call until its last room (vehicles.txt)"
    return None
