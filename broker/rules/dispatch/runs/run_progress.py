"""How a run goes on: positions become visits, visits become predictions, predictions become lamps.

    catch_up(truck)            a run that came back from its record learns where its truck is
    follow(run, events)        what the tracker saw: moving, arrived, left, passed by
    stay_on(run)               one stay serves the last visit of a run and the first of its truck's next one
    update(run)                predict anew, call the lamps that are due, tell the rooms and the truck
    finish_if_settled(run)     a run that owes nothing any more ends, and its truck gets its next one

Each returns what must be stored, published and told. `follow` settles what has happened, `update` says what will.
"""

from collections.abc import Iterable

from broker.plan.calendar import local_date
from broker.rules.arrival.lamp_call import call_id_of, call_kind, call_now, held_now, nothing_heard
from broker.rules.arrival.prediction import Eta
from broker.rules.day.attention.asked import Topic
from broker.rules.day.bins import collected_at, waiting, waiting_bins
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.incidents import incident_handling
from broker.rules.dispatch.runs.run_lessons import learn_start, learn_way_and_stay
from broker.rules.dispatch.visits.expected import expected
from broker.rules.dispatch.visits.full_trucks import full_by_count
from broker.rules.effects.attention import ask_about_passed
from broker.rules.effects.effect import Effect, Keep
from broker.rules.effects.messages import is_news, rooms_of, tell_rooms, tell_truck, times_moved
from broker.rules.effects.records import call_record, promise_basis, put, run_record
from broker.rules.states.visit import Visit, record_key
from broker.rules.tracking.types import TrackEvent, TrackKind


def follow(day: Day, run: Run, events: Iterable[TrackEvent], now: int) -> list[Effect]:
    """Settle what a run's tracker saw, and learn its driving and standing times."""
    effects: list[Effect] = []
    for event in events:
        effects += learn_way_and_stay(day, run, event)
        if event.kind == TrackKind.MOVING:
            effects += _start(day, run, event.at, now)
        if event.key is None:
            continue
        visit = day.visits.get((run.run_id, *event.key))
        if visit is not None and event.kind == TrackKind.STAYED:
            effects += _stayed(day, visit, event, now)
        if visit is None or not visit.owed:
            continue
        if event.kind == TrackKind.ARRIVED and visit.state != "at_stop":
            effects += _start(day, run, event.at, now)
            effects += _arrived(day, run, visit, event, now)
        elif event.kind == TrackKind.LEFT and visit.state == "at_stop":
            effects += learn_start(day, run, visit, event)
            effects += _left(day, run, visit, event, now)
        elif event.kind == TrackKind.DROVE_ON and visit.state == "at_stop":
            effects += _drove_on(day, visit, now)
        elif event.kind == TrackKind.PASSED_WITHOUT_DWELL:
            effects += _passed(day, visit, event.at, now)
    return effects


def catch_up(day: Day, truck: str, now: int) -> list[Effect]:
    """Tell a run that came back from its record, or is its truck's next one, where its truck is; what happened
    meanwhile is settled by that."""
    day.leftovers.followed(truck)
    fix, run = day.devices.truck(truck).fix, day.run_of(truck)
    if fix is None or run is None or not fix.fresh(now):
        return []
    return follow(day, run, run.tracker.on_fix(fix), now)


def stay_on(day: Day, run: Run, now: int) -> list[Effect]:
    """Where a run ends at the room at which its truck's next one begins, a long stay is of both.

    From the next run's start on it is of that one; before it the truck is asked to have stood for the first.
    """
    following = day.run_after(run)
    if following is None or now < following.planned_start_at:
        return []
    owed = day.owed(run)
    if len(owed) != 1 or owed[0].state != "at_stop":
        return []
    first, fix = next(iter(day.owed(following)), None), day.devices.truck(run.truck).fix
    stood_s = now - (owed[0].arrived_at or now)
    if first is None or first.room != owed[0].room or stood_s < run.tracker.settings.inferred_stay_s:
        return []
    if fix is None or not fix.fresh(now):
        return []
    arrived = following.tracker.on_fix(fix)
    effects = follow(day, following, arrived, now)  # first: its lamp shows a truck all the time
    if any(event.kind == TrackKind.ARRIVED for event in arrived):
        effects += follow(day, run, run.tracker.end_stay(fix.fix_at), now)
    return effects


def _start(day: Day, run: Run, at: int, now: int) -> list[Effect]:
    if run.state != "scheduled":
        return []
    run.start(at)
    return [run_record(day, run, now)]  # of now: it must be newer than what was known before it


def _arrived(day: Day, run: Run, visit: Visit, event: TrackEvent, now: int) -> list[Effect]:
    at, (bins, grams) = event.at, waiting(day, visit, event.at)
    day.attention.answered(Topic.PASSED, visit.key)
    arrived = visit.arrived(at, bins, grams, inferred=event.inferred, exactly=event.exact)
    effects = put(day, arrived, now)
    if visit.call_id is not None:
        effects.append(call_record(day, arrived, now))
    errors = run.promises.arrived((visit.room, visit.visit_number), at)
    for error in errors:
        day.history.learn_error(error)
    if errors:
        body = {"errors": [error.to_body() for error in errors], "widths": day.history.bands.widths}
        effects.append(Keep(f"error:{record_key(visit.key)}:{at}", "error", run.route_id, at, body))
    return effects


def _drove_on(day: Day, visit: Visit, now: int) -> list[Effect]:
    """What was taken for the stay was none."""
    owed = visit.drove_on()
    effects = put(day, owed, now)
    return [*effects, call_record(day, owed, now)] if owed.call_id is not None else effects


def _left(day: Day, run: Run, visit: Visit, event: TrackEvent, now: int) -> list[Effect]:
    left = visit.left(event.at, event.arrived_at)
    left = left.collected(collected_at(day, left))
    effects = put(day, left, now)
    if visit.call_id is not None:
        effects.append(call_record(day, left, now, ended="served"))
    effects += incident_handling.second_visit_served(day, left, now)
    effects += full_by_count(day, run, now)
    return effects + finish_if_settled(day, run, now)


def _stayed(day: Day, visit: Visit, event: TrackEvent, now: int) -> list[Effect]:
    """When the truck was there is known better by now; what a person said stays as it is."""
    if visit.state != "served" or visit.by_hand or event.arrived_at is None:
        return []
    stayed = visit.stayed(event.arrived_at, event.at)
    stayed = stayed.collected(collected_at(day, stayed))
    effects = put(day, stayed, now)
    return [*effects, call_record(day, stayed, now, ended="served")] if visit.call_id is not None else effects


def _passed(day: Day, visit: Visit, at: int, now: int) -> list[Effect]:
    """A stop passed without a stop: never silently served; a person is asked."""
    passed = visit.passed(at)
    ask_about_passed(day, passed, passed.passed_at or at)
    return put(day, passed, now)


def finish_if_settled(day: Day, run: Run, now: int) -> list[Effect]:
    """Close a run that owes nothing; its truck gets its next run."""
    if run.state == "finished" or day.owed(run):
        return []
    run.finish(now)
    day.attention.answered(Topic.OWES, run.run_id)
    effects: list[Effect] = [run_record(day, run, now)]
    following = day.run_of(run.truck)
    if following is not None:
        effects += [*catch_up(day, run.truck, now), *update(day, following, now)]
    return effects + tell_truck(day, following or run, now, changed=True)


def update(day: Day, run: Run, now: int, *, changed: bool = False) -> list[Effect]:
    """Predict a run anew, make the calls that are due, and tell its rooms and its truck what changed."""
    visits_before = [*day.visits.of(run.order)]
    before = [visit.state for visit in visits_before]
    active = day.run_of(run.truck) is run
    owed = day.owed(run)
    open_ones = [visit for visit in visits_before if visit.state not in ("served", "cancelled")]
    waits = {visit.key: waiting(day, visit, now) for visit in open_ones}  # at a skipped room too: it is on the list
    bins = waiting_bins(owed, waits)
    run.tracker.know_waiting(bins)
    etas, is_known = expected(day, run, bins, now, walked=run.walked)
    truck = day.devices.trucks.get(run.truck)
    followed = run.tracker.fix  # the truck may have been heard of since without its run being told
    heard = truck is not None and truck.fix is not None and truck.fix.fresh(now)
    heard = heard and (followed is None or followed.fresh(now))
    said = etas if heard else [eta.unheard for eta in etas]
    run.promises.note(said, now)
    run.predicted({(run.run_id, *eta.key): eta for eta in said}, now)
    effects: list[Effect] = []
    for key, eta in run.etas.items():
        visit = day.visits.get(key)
        if visit is None or not visit.owed:
            continue
        watch = day.visits.watch(key)
        if not heard:
            nothing_heard(watch)
            if eta.label == "held":  # so its driver said, or it was seen before it fell silent
                effects += _held(day, visit, eta, now)
            continue
        if active and followed is None:
            nothing_heard(watch)
        elif is_known and call_now(watch, visit, eta, day.settings.calls, now):
            has_called = any(other.arrived_at is not None for other in day.visits.of(run.order))
            watch.is_made_of(
                call_kind(visit, eta.label, has_called_at_a_room=has_called),
                promise_basis(day, run, etas, bins, key, now),
            )
            effects += _call(day, visit, eta.eta_at, now)
        else:
            effects += _held(day, visit, eta, now)
    effects += _keep_lit(day, run, now)
    changed = changed or before != [visit.state for visit in day.visits.of(run.order)]
    changes = [day.visits.changes(key[1], run.waste) for key in run.order]
    visits = (active, run.order, changes, local_date(day.plan, now))
    effects += _tell_rooms(day, run, visits, now)
    if not run.told_already("itinerary", (visits, waits)) or changed or times_moved(day, run, now):
        effects += tell_truck(day, run, now, changed=changed, waits=waits)
    return effects


def _held(day: Day, visit: Visit, eta: Eta, now: int) -> list[Effect]:
    """Whether a called visit's lamp shows held; when its truck was held first is kept at once."""
    watch = day.visits.watch(visit.key)
    before = watch.held_at
    held_now(watch, visit, eta, day.settings.calls, now)
    return [] if watch.held_at == before else [call_record(day, visit, now)]


def _tell_rooms(day: Day, run: Run, visits: object, now: int) -> list[Effect]:
    """Tell a run's rooms what changed. What a room is told follows from its visits, and from when each is expected and
    whether it is held, alone, but where a truck is silent: there it is a matter of time as well."""
    times = {key: (eta.eta_at, eta.label, day.visits.watch(key).held) for key, eta in run.etas.items()}
    before = run.expected
    same_visits = run.told_already("arrivals", visits)
    is_silent = any(label == "stale" for _, label, _ in times.values())
    owed = day.owed(run) if is_silent else []
    run.expects(times, is_calm=is_silent and all(visit.state == "pending" for visit in owed))
    if not same_visits or day.leftovers.unread or times.keys() != before.keys():
        return tell_rooms(day, rooms_of(run), now)
    places = {(visit.room, visit.waste) for visit in owed}
    for key, now_expected in times.items():
        place = (key[1], run.waste)
        was = before[key]
        if now_expected != was and (now_expected[1:] != was[1:] or is_news(day, place, now_expected[0])):
            places.add(place)
    return tell_rooms(day, {room for room, _ in places}, now, only=places) if places else []


def _keep_lit(day: Day, run: Run, now: int) -> list[Effect]:
    """Decide once, when a called visit was skipped, whether its lamp stays lit (held) until the truck is back.

    After a breakdown it does: a lit lamp is frozen. Else it does if the truck is back within `back_within_s`;
    if not, the bins are rolled back in and the second visit has its own call.
    """
    effects: list[Effect] = []
    for key in run.order:
        back = day.visits[key]
        eta = run.etas.get(key)
        if back.original or back.state != "pending" or eta is None:
            continue
        for visit in day.visits.at(back.room, back.waste):
            if visit.state == "skipped" and visit.call_id and visit.kept_lit is None and visit.key != back.key:
                soon = eta.eta_at - now <= day.settings.calls.back_within_s
                kept = visit.reason == "breakdown" or soon
                effects += put(day, visit.lamp_kept(kept), now)
    return effects


def _call(day: Day, visit: Visit, eta_at: int, now: int) -> list[Effect]:
    called = visit.called(now, eta_at, call_id_of(visit))
    return [*put(day, called, now), call_record(day, called, now, is_first=True)]
