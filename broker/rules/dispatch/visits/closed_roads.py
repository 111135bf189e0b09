"""A closed road: from when to when a room, or the street between two rooms, cannot be driven; a person says so.

Every visit that would come through meanwhile is put off to the end of it, and put where it costs least then: the other
rooms keep their order. One whose lamp is lit is skipped (`no_access`) and owed again, by the lamp's rules for that; a
truck that stands at the door is there. A run that becomes so late, or early, that it would come meanwhile is found as
time passes. Where the road is opened before, what it had put off is free at once.
"""

from collections.abc import Iterator
from hashlib import blake2b

from broker.rules.day.closures import Closure
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.visits.moved_visits import insert_visit, owed_again
from broker.rules.dispatch.visits.skip_reasons import free_from
from broker.rules.effects.effect import Effect, Keep, Notice
from broker.rules.effects.records import call_record, put
from broker.rules.states.visit import Visit

LONGEST_S = 7 * 86400


def act_on_road(day: Day, act: Act, now: int) -> list[Effect]:
    """Close a road, or open one before its time; raises ActionError for what cannot be."""
    if act.action == "open_road":
        closure = day.closures.get(act.closure or "")
        if closure is None or closure.until_at <= now:
            raise ActionError("no such road is closed", missing=True)
        return [_kept(day, closure.ended(now), now), *_free(day, closure, now)]
    for room in (act.room or "", act.other_room):
        if room is not None and room not in day.plan.places:
            raise ActionError(f"there is no room {room!r}", missing=True)
    if act.room == act.other_room:
        raise ActionError("a street is between two rooms: name two, or one whose way is closed")
    from_at, until_at = now if act.from_at is None else act.from_at, act.until_at or 0
    if not now < until_at <= now + LONGEST_S or from_at >= until_at:
        raise ActionError("it must end after it begins, from now on, and within a week")
    named = (act.room, act.other_room, from_at, until_at, act.who, now)  # the same when the day is played again
    name = f"road-{blake2b(repr(named).encode(), digest_size=8).hexdigest()}"
    closure = Closure(name, act.room or "", act.other_room, from_at, until_at, act.who, act.reason)
    return [_kept(day, closure, now), *put_off(day, closure, now)]


def put_off(day: Day, closure: Closure, now: int) -> list[Effect]:
    """Have every visit that would come through meanwhile come after it."""
    effects: list[Effect] = []
    for run in list(day.runs.values()):
        for visit in list(_through(day, closure, run)):
            effects += _put_off(day, run, visit, closure, now)
    return effects


def keep_closed(day: Day, closure_id: str, now: int) -> list[Effect]:
    """As time passes: who would come through by now."""
    closure = day.closures.get(closure_id)
    return [] if closure is None or closure.until_at <= now else put_off(day, closure, now)


def _through(day: Day, closure: Closure, run: Run) -> Iterator[Visit]:
    """Those of a run's visits that are reached by the closed road while it is closed."""
    if run.state == "finished":
        return
    before = next((visit.room for visit in day.visits.of(reversed(run.order)) if visit.state == "served"), "")
    for visit in day.ahead(run):
        eta = run.etas.get(visit.key)
        beyond = visit.room == closure.room if closure.other_room is None else closure.between(before, visit.room)
        waits = visit.not_before_at is not None and visit.not_before_at >= closure.until_at
        if beyond and not waits and visit.state != "at_stop" and eta is not None and closure.covers(eta.eta_at):
            yield visit
        before = visit.room


def _put_off(day: Day, run: Run, visit: Visit, closure: Closure, now: int) -> list[Effect]:
    name = day.plan.places[visit.room].name
    effects: list[Effect] = [Notice("warning", f"{run.truck}: {name} comes after its road is open again")]
    if visit.state == "due":
        effects += put(day, visit.skipped("no_access"), now)
        effects.append(call_record(day, day.visits[visit.key], now, ended="skipped"))
        later = owed_again(day, visit, run.run_id, run.truck, not_before_at=closure.until_at)
    else:
        later = visit.open_from(closure.until_at)
    effects += put(day, later, now)
    return [*effects, *insert_visit(day, run, later, now)]


def _free(day: Day, closure: Closure, now: int) -> list[Effect]:
    """What waits for the end of this closure may be at once."""
    effects: list[Effect] = []
    rooms = (closure.room, closure.other_room)
    for visit in list(day.visits.values()):
        run = day.runs.get(visit.run_id)
        if visit.room not in rooms or visit.not_before_at != closure.until_at or run is None or not visit.owed:
            continue
        freed = _freed(day, visit, now)
        effects += put(day, freed, now)
        if freed.state == "pending":
            effects += insert_visit(day, run, freed, now)
    return effects


def _freed(day: Day, visit: Visit, now: int) -> Visit:
    """As it was before the road was closed: what else it waits for is not over by that."""
    pressed = [one for one in day.incidents.at(visit.room) if one.open and not visit.original]
    moments = (free_from(day, one, visit.run_id) for one in pressed)
    latest_at = max((at for at in moments if at is not None), default=now)
    return visit.open_from(latest_at) if latest_at > now else visit.freed()


def _kept(day: Day, closure: Closure, now: int) -> Keep:
    day.closures.keep(closure)
    name = closure.closure_id
    return Keep(f"closure:{name}:{day.clock.next_number()}", "closure", name, now, closure.body(), urgent=True)
