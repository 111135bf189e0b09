"""What a run teaches: how long its drives and stays took, and how late it began."""

from dataclasses import replace
from typing import Any

from broker.rules.day.bins import collected_at
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.effects.effect import Effect, Keep
from broker.rules.learning.observations import StartRecord
from broker.rules.states.visit import Visit
from broker.rules.tracking.types import TrackEvent


def learn_way_and_stay(day: Day, run: Run, event: TrackEvent) -> list[Effect]:
    """The drive that ended with this, and the stay, with the bins that it was for."""
    effects: list[Effect] = []
    if event.leg is not None:
        day.history.learn_leg(event.leg)
        effects.append(_learned("leg", run, event.leg.to_room, event.at, event.leg.to_body()))
    if event.dwell is not None:
        known = day.visits.get((run.run_id, *event.key)) if event.key else None
        gone = known.left(event.at, event.arrived_at) if known and known.state == "at_stop" else known
        dwell = replace(event.dwell, bins=collected_at(day, gone).bins if gone else None, route_id=run.route_id)
        day.history.learn_dwell(dwell)
        effects.append(_learned("dwell", run, dwell.room_id, event.at, dwell.to_body()))
    return effects


def learn_start(day: Day, run: Run, visit: Visit, event: TrackEvent) -> list[Effect]:
    """How late the run began at the visit that its truck leaves, if nothing but its crew's habit decided that.

    Only now is it sure that the truck did not just halt there in the traffic, and since when it stood.
    """
    first, arrived_at = next(iter(day.visits.of(run.order)), None), visit.arrived_at
    if arrived_at is None or arrived_at != run.started_at or not visit.arrived_exactly:
        return []
    if visit is not first or not visit.original or not visit.planned_at:
        return []
    before = [other for other in day.runs.of_truck(run.truck) if other is not run]
    if any(other.planned_start_at < run.planned_start_at <= (other.ended_at or event.at) for other in before):
        return []
    start = StartRecord(run.route_id, (event.arrived_at or arrived_at) - visit.planned_at)
    day.history.learn_start(start)
    return [_learned("start", run, visit.room, event.at, start.to_body())]


def _learned(kind: str, run: Run, room: str, at: int, body: dict[str, Any]) -> Keep:
    return Keep(f"{kind}:{run.run_id}:{room}:{at}", kind, room, at, body)
