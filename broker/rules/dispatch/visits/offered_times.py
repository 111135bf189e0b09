"""What an offer says of times is what will be told once it is chosen: each tour is driven in thought by the very
arithmetic that predicts a run (`expected.py`). The search for places (replanning/) reckons with straight ways.
"""

from collections.abc import Iterator
from dataclasses import replace

from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.visits.expected import would_arrive
from broker.rules.replanning.insertion import NOT_OURS_S, PROMISE_COST_S
from broker.rules.replanning.offers import Change, Offer, Steps
from broker.rules.replanning.tours import Tour, Ways, schedule
from broker.rules.states.visit import Visit, VisitKey

EXTRA = "extra"  # the place of the contractor's truck in an offer until the dispatcher names it


def gaining(offer: Offer) -> set[str]:
    """The trucks that take something over."""
    return {change.to_truck for change in offer.changes if change.to_truck not in (None, change.from_truck)}


def timed(day: Day, run: Run, offer: Offer, ways: Ways, now: int) -> Steps[Offer | None]:
    """The offer with the times that follow from it now; None if it is about what is settled by now."""
    gains, arrive_at = gaining(offer), dict[VisitKey, int]()
    for tour in offer.tours:
        yield
        taking = extra_run(day, run, tour, ways) if tour.truck == EXTRA else day.runs.get(tour.run_id)
        keys = [stop.key for stop in tour.stops]
        if taking is None or any(key not in day.visits or not day.visits[key].owed for key in keys):
            return None
        if tour.truck in gains:
            times = would_arrive(day, taking, list(_owed_by(day, taking, keys)), now)
            arrive_at.update(zip(keys, times, strict=True))
        else:
            arrive_at.update({key: taking.etas[key].eta_at for key in keys if key in taking.etas})
    changes = tuple(_change(day, change, arrive_at.get(change.key), ways.slip_s) for change in offer.changes)
    broken = sum(change.broken for change in changes)
    return replace(offer, changes=changes, broken=broken, cost_s=offer.detour_s + PROMISE_COST_S * broken)


def extra_run(day: Day, run: Run, tour: Tour, ways: Ways) -> Run:
    """A run of no timetable for the extra truck of an offer: it is at its first room when the tour says so."""
    return run_in_thought(day, run, min(schedule(tour, ways).arrive_at, default=tour.start_at))


def times_of_extra(day: Day, run: Run, visits: list[Visit], start_at: int, now: int) -> list[int]:
    """When an extra truck would be at each of these, in their order, that is at the first one at `start_at`."""
    taking = run_in_thought(day, run, start_at)
    return would_arrive(day, taking, list(_owed_by(day, taking, [visit.key for visit in visits])), now)


def run_in_thought(day: Day, run: Run, start_at: int) -> Run:
    """A run of no timetable that takes over from another one, and is kept nowhere."""
    route = day.plan.route(run.route_id)
    if route is None:
        raise KeyError(run.route_id)  # a run whose route left the plan has no tracker either
    return Run(
        run_id=EXTRA,
        trip_id=EXTRA,
        route_id=run.route_id,
        truck=EXTRA,
        waste=run.waste,
        planned_start_at=start_at,
        planned_end_at=max(run.planned_end_at, start_at),
        order=(),
        tracker=day.new_tracker(EXTRA, route, EXTRA, [], start_at),
        shift_end_at=run.shift_end_at,
    )


def _owed_by(day: Day, taking: Run, keys: list[VisitKey]) -> Iterator[Visit]:
    for number, key in enumerate(keys):
        visit = day.visits[key]
        # Another run's visit is made up for by one of this run's: it lies on no line, and its number tells it apart.
        mine = visit.run_id == taking.run_id
        yield visit if mine else replace(visit, run_id=taking.run_id, visit_number=1000 + number, original=False)


def _change(day: Day, change: Change, after_at: int | None, slip_s: int) -> Change:
    """The same with another time, and whether that breaks what its keeper was told."""
    if change.to_truck is None or after_at is None:
        return change
    broken = change.before_at is not None and abs(after_at - change.before_at) > slip_s
    if broken and change.to_truck == change.from_truck:
        run = day.runs.get(change.key[0])
        standing = run.etas.get(change.key) if run is not None else None
        broken = standing is None or abs(after_at - standing.eta_at) > NOT_OURS_S
    return replace(change, after_at=after_at, broken=broken)
