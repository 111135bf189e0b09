"""What a run still owes when it is long over: it goes to the next run of its kind, or ends with a reason; its keeper is
told either way (`scheduled` by the run that comes, or `skipped`).

    its end + forget_after_s   a person is asked (`RunOwes`); what another run of that kind can take goes to it at once
    + NOBODY_COMES_S           what is still owed is skipped for a reason, and the run closes
    the route's next run       calls at the room by its timetable, or owes it besides
    + NOBODY_ANSWERS_S         so does what was passed by, or where its truck stood last

What was passed by, or where a truck stands, is a question first: was it served? It waits for its answer, and the run
with it, as long as it is on the screen. Of what ended a person may still say that it was served.
"""

from collections.abc import Iterator

from broker.rules.day.attention.asked import listed
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.visits.moved_visits import insert_visit, owed_again, set_visits
from broker.rules.dispatch.visits.tours import stop_of, tour_of, ways_of
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.records import call_record, put, run_record
from broker.rules.replanning.offers import insert
from broker.rules.states.visit import Visit

NOBODY_COMES_S = 12 * 3600
NOBODY_ANSWERS_S = 14 * 86400 - 2 * 3600  # soon it is on the screen no more


def is_long_over(day: Day, run_id: str, now: int) -> bool:
    """Whether a run should have ended long ago."""
    run = day.runs.get(run_id)
    return run is not None and run.state != "finished" and now > _end_at(run) + day.settings.forget_after_s


def _end_at(run: Run) -> int:
    return max(run.planned_end_at, run.shift_end_at or 0)


def end_shift(day: Day, run_id: str, now: int) -> list[Effect]:
    """Hand over, or end, what a run owes that is long over."""
    run = day.runs.get(run_id)
    if run is None or not is_long_over(day, run_id, now):
        return []
    end_at = _end_at(run)
    effects: list[Effect] = []
    given, ended = list[str](), list[str]()
    for visit in day.owed(run):
        if visit.room not in day.plan.rooms:
            continue  # no bin room: whoever called the truck there is answered by its own rules
        is_asked = visit.state == "at_stop" or visit.passed_at is not None
        taking = None if is_asked else _taking(day, run, visit, now)
        if taking is not None or now > end_at + (NOBODY_ANSWERS_S if is_asked else NOBODY_COMES_S):
            effects += _handed_over(day, run, visit, taking, now)
            (ended if taking is None else given).append(day.plan.places[visit.room].name)
    if not effects:
        return []
    if given:
        text = f"{run.truck}: its run is over, another one of its kind takes {listed(given)}"
        effects.append(Notice("warning", text))
    if ended:
        text = f"{run.truck}: its run is over, not served and nobody comes today: {listed(ended)}"
        effects.append(Notice("severe", text))
    set_visits(day, run, now)
    return [*effects, run_record(day, run, now)]


def left_over(day: Day, route_id: str, rooms: set[str]) -> Iterator[Visit]:
    """What earlier runs of a route ended without serving, at rooms where its next run does not call."""
    skipped = (visit.room for visit in day.visits.of_route(route_id) if visit.state == "skipped")
    for room in dict.fromkeys(skipped):
        if room in rooms or room not in day.plan.rooms:
            continue
        of_route = [visit for visit in day.visits.at(room) if visit.route == route_id]
        last = max(of_route, key=lambda visit: (visit.planned_at or 0, visit.visit_number))
        if last.state == "skipped":
            yield last


def _taking(day: Day, run: Run, visit: Visit, now: int) -> Run | None:
    """The run that takes a visit over: one that calls there anyhow, else of its route, else of its kind."""
    others = [
        other
        for other in day.runs.values()
        if other is not run and other.state != "finished" and other.waste == run.waste
        and day.run_of(other.truck) is other and now <= _end_at(other)
    ]  # fmt: skip
    others.sort(key=lambda other: (
        not _calls(day, other, visit), other.route_id != run.route_id, other.planned_start_at, other.run_id,
    ))  # fmt: skip
    for other in others:
        if _calls(day, other, visit) or not insert(
            tour_of(day, other, now), stop_of(day, other, visit, now), ways_of(day, other, now)
        ).unplaced:
            return other
    return None


def _calls(day: Day, run: Run, visit: Visit) -> bool:
    return any(owed.room == visit.room for owed in day.owed(run))


def _handed_over(day: Day, run: Run, visit: Visit, taking: Run | None, now: int) -> list[Effect]:
    broken = any(
        one.run_id == run.run_id and one.reason == "breakdown" and one.open for one in day.incidents.of_truck(run.truck)
    )
    reason = "breakdown" if broken else "full_truck" if run.full_at is not None else "other"
    effects = put(day, visit.skipped(reason), now)
    if visit.call_id:
        effects.append(call_record(day, day.visits[visit.key], now, ended="skipped"))
    if taking is not None and not _calls(day, taking, visit):
        again = owed_again(day, visit, taking.run_id, taking.truck, not_before_at=None)
        effects += put(day, again, now)
        effects += insert_visit(day, taking, again, now)
    return effects
