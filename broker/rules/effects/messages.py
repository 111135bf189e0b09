"""What rooms and trucks are told. A room: of its most relevant visit per waste kind, in one retained `arrival`;
a truck: its `itinerary`. A broker may have forgotten all of it, or missed what was said while it was away: see
`all_to_tell`.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from broker.plan.calendar import local_date
from broker.rules.arrival.lamp_call import arrival_body, eta_to_tell
from broker.rules.arrival.prediction import Eta
from broker.rules.day.bins import Waits, waits_for
from broker.rules.day.day import Day
from broker.rules.day.incidents import IncidentKey
from broker.rules.day.runs import Run
from broker.rules.effects.effect import Effect, Publish
from broker.rules.effects.records import close_topics, tell_incident
from broker.rules.states.visit import Visit, VisitKey
from firmware import wire

# The more a room must do, the more relevant the visit; `skipped_back_soon` is a skipped visit whose truck returns.
_RANK = {"at_stop": 0, "due": 1, "held": 1, "skipped_back_soon": 2, "scheduled": 3, "served": 4, "skipped": 5}

_relevance = itemgetter(0, 1)
_said_of = itemgetter("run_id", "visit_number", "call_id", "truck")

Telling = Callable[[Day, int], list[Effect]]


class Arrival(NamedTuple):
    """What a room should hold for one waste kind: a state of the wire, of which visit, and when that is predicted."""

    state: str
    visit: Visit | None = None
    eta: Eta | None = None


def _eta_of(day: Day, visit: Visit) -> Eta | None:
    run = day.runs.get(visit.run_id)
    return run.etas.get(visit.key) if run else None


def _next_visit(day: Day, visit: Visit) -> Visit | None:
    """The visit that makes up for a skipped one, wherever it was moved."""
    later = [
        other
        for other in day.visits.at(visit.room, visit.waste)
        if other.owed
        and (other.run_id != visit.run_id or other.visit_number > visit.visit_number)
        and not other.original
    ]
    return min(later, key=lambda other: (other.visit_number, other.run_id), default=None)


def _shown(day: Day, visit: Visit, now: int) -> tuple[int, float, str, Visit, Eta | None]:
    """(rank, eta, arrival state, visit, eta) of one visit of a room."""
    eta = _eta_of(day, visit)
    eta_at = float(eta.eta_at) if eta else float(visit.planned_at or 0)
    if visit.state == "at_stop":
        return (_RANK["at_stop"], eta_at, "at_stop", visit, eta)
    if visit.state == "due":
        state = "held" if day.visits.watch(visit.key).held or visit.passed_at is not None else "due"
        return (_RANK[state], eta_at, state, visit, eta)
    if visit.state == "pending":
        return (_RANK["scheduled"], eta_at, "scheduled", visit, eta)
    if visit.state == "skipped":
        back = _next_visit(day, visit) if visit.call_id and visit.kept_lit is not False else None
        back_eta = _eta_of(day, back) if back else None
        if back is not None and back.state == "pending":
            return (_RANK["skipped_back_soon"], float(back_eta.eta_at if back_eta else now), "held", visit, back_eta)
        return (_RANK["skipped"], -float(visit.left_at or visit.planned_at or 0), "skipped", visit, None)
    if visit.state == "served":
        return (_RANK["served"], -float(visit.left_at or 0), "served", visit, None)
    return (9, 0.0, "none", visit, None)


def arrival_of(day: Day, room: str, waste: str, now: int) -> Arrival:
    """What a room should hold now for one waste kind."""
    visits = day.visits.at(room, waste)
    best = min([_shown(day, visit, now) for visit in visits], key=_relevance) if visits else None
    if best is None or best[0] >= _RANK["served"]:
        a_truck_may_come = now < day.leftovers.unread.get((room, waste), 0)
        if a_truck_may_come or not day.outlook.knows(room, waste, local_date(day.plan, now)):
            return Arrival("scheduled")  # nobody knows
    return Arrival("none") if best is None or best[2] == "none" else Arrival(best[2], best[3], best[4])


def tell_rooms(
    day: Day, rooms: set[str], now: int, *, all_of_them: bool = False, only: Container[tuple[str, str]] | None = None
) -> list[Effect]:
    """The arrivals of `rooms` that changed: state or call at once, a time when it moved by `restate_s`.

    `only` for these rooms and waste kinds, where no others can have changed.
    """
    effects: list[Effect] = []
    for room_id in sorted(rooms):
        room = day.plan.rooms.get(room_id)
        if room is None:
            continue
        for waste in room.wastes:
            if only is not None and (room_id, waste) not in only:
                continue
            arrival = arrival_of(day, room_id, waste, now)
            last = day.told.arrivals.get((room_id, waste))
            if not all_of_them and last is not None and not _differs(day, last, arrival, now):
                continue
            body = arrival_body(waste, *arrival, day.settings.calls, now)
            day.told.tell_room(room_id, waste, body)
            effects.append(Publish(wire.topic("arrival", day.plan.area_id, room_id, waste), body))
    return effects


def all_to_tell(day: Day) -> dict[tuple[str, str], Telling]:
    """Everything a broker should hold of ours, each by (rule, what it is about), with how to tell it; lights first."""
    trucks = {run.truck for run in day.runs.values()} | day.leftovers.listless
    orphaned = sorted(day.leftovers.orphaned)
    return {
        **{("tell_incident", "/".join(key)): partial(_tell_incident, key=key) for key in day.incidents},
        **{("tell_room", room): partial(_tell_room, room=room) for room in sorted(day.plan.rooms)},
        **{("tell_orphaned", "/".join(one)): partial(_tell_orphaned, orphaned=one) for one in orphaned},
        **{("tell_truck", truck): partial(_tell_truck, truck=truck) for truck in sorted(trucks)},
    }


def _tell_incident(day: Day, now: int, *, key: IncidentKey) -> list[Effect]:
    """The stage of an incident, the end of one that is over."""
    del now
    incident = day.incidents.get(key)
    if incident is None:
        return []
    return tell_incident(day, incident) if incident.open else close_topics(day, incident)


def _tell_room(day: Day, now: int, *, room: str) -> list[Effect]:
    return tell_rooms(day, {room}, now, all_of_them=True)


def _tell_orphaned(day: Day, now: int, *, orphaned: tuple[str, str]) -> list[Effect]:
    """Nothing comes, for a room and waste that the plan no longer has: a lamp that is lit there must go off."""
    room, waste = orphaned
    if room in day.plan.rooms and waste in day.plan.rooms[room].wastes:
        return []
    body = arrival_body(waste, "none", None, None, day.settings.calls, now)
    return [Publish(wire.topic("arrival", day.plan.area_id, room, waste), body)]


def _tell_truck(day: Day, now: int, *, truck: str) -> list[Effect]:
    """A truck's itinerary; none for one whose run is not here any more."""
    run = day.run_of(truck) or day.last_run_of(truck)
    if run is not None:
        day.told.unsay_to_truck(truck)
        return tell_truck(day, run, now, changed=False)
    if truck in day.leftovers.listless:
        return [Publish(wire.topic("itinerary", day.plan.area_id, truck), None)]
    return []


def is_news(day: Day, place: tuple[str, str], eta_at: int) -> bool:
    """Whether a room and waste must be looked at because a visit there is expected at another time now."""
    told = day.told.arrivals.get(place)
    told_at = told["eta_at"] if told is not None and day.visits.is_single(place) else None
    return told_at is None or abs(told_at - eta_at) >= day.settings.restate_s


def _differs(day: Day, last: Mapping[str, Any], arrival: Arrival, now: int) -> bool:
    state, visit, eta = arrival
    if last["state"] != state:
        return True
    if visit is None:
        return last["run_id"] is not None
    if _said_of(last) != (visit.run_id, visit.visit_number, visit.call_id, visit.truck):
        return True
    told, before_at = eta_to_tell(state, eta, day.settings.calls, now), last["eta_at"]
    if before_at is None or told is None:
        return (before_at is None) != (told is None)
    soon = before_at - now <= day.settings.calls.call_at_s
    if state == "scheduled" and not soon and _only_waited(day, before_at, last["sent_at"], told, now):
        return False
    return bool(abs(before_at - told.eta_at) >= day.settings.restate_s)


def _only_waited(day: Day, told_at: int, said_at: int, eta: Eta, now: int) -> bool:
    """Whether a silent truck's arrival moved by no more than the time since it was told: that is no news."""
    return eta.label == "stale" and 0 <= eta.eta_at - told_at < now - said_at + day.settings.restate_s


def times_moved(day: Day, run: Run, now: int) -> bool:
    """Whether a truck must be told anew because its visits are expected at other times now."""
    told = day.told.itineraries.get(run.truck)
    if told is None or told["run_id"] != run.run_id:
        return True
    for visit in told["visits"]:
        eta = run.etas.get((run.run_id, visit["room"], visit["visit_number"]))
        if eta is None and visit["eta_at"] is None:
            continue
        if eta is None or visit["eta_at"] is None or _moved_on(day, visit["eta_at"], told["issued_at"], eta, now):
            return True
    return False


def _moved_on(day: Day, told_at: int, said_at: int, eta: Eta, now: int) -> bool:
    return abs(told_at - eta.eta_at) >= day.settings.restate_s and not _only_waited(day, told_at, said_at, eta, now)


def rooms_of(run: Run) -> set[str]:
    """The rooms whose arrivals a run can change."""
    return {key[1] for key in run.order}


def tell_truck(
    day: Day, run: Run, now: int, *, changed: bool, waits: Mapping[VisitKey, Waits] | None = None
) -> list[Effect]:
    """The truck's itinerary: a new version when `changed`, the same version again when a time moved by `restate_s`.

    `waits` for its visits, as far as it was looked up already.
    """
    if day.run_of(run.truck) not in (run, None):
        return []
    if changed:
        run.begin_version(now)
    visits, etas = [], []
    for key in run.order:
        visit = day.visits[key]
        if not visit.original and visit.state in ("skipped", "cancelled"):
            continue  # a stuck driver who presses on and on must not make the message too long
        eta = run.etas.get(key)
        count, grams = (waits and waits.get(key)) or waits_for(day, visit, now)
        etas.append(eta)
        visits.append(
            {
                "room": visit.room,
                "name": day.plan.places[visit.room].name,
                "sequence": visit.sequence,
                "visit_number": visit.visit_number,
                "state": visit.state,
                "eta_at": eta.eta_at if eta and visit.owed else None,
                "bins": []
                if count is None and grams is None
                else [{"waste": visit.waste, "count": count, "grams": grams}],
            }
        )
    body = {
        "itinerary_id": run.run_id,
        "version": run.version,
        "run_id": run.run_id,
        "issued_at": now,
        "visits": visits,
    }
    last = day.told.itineraries.get(run.truck)
    same_run = last is not None and last["run_id"] == run.run_id
    if last is not None and same_run and not changed and not _moved(day, last, visits, etas, now):
        return []
    day.told.tell_truck(run.truck, body)
    return [Publish(wire.topic("itinerary", day.plan.area_id, run.truck), body)]


def _moved(
    day: Day, last: Mapping[str, Any], visits: list[dict[str, Any]], etas: Sequence[Eta | None], now: int
) -> bool:
    if len(last["visits"]) != len(visits):
        return True
    for old, new, eta in zip(last["visits"], visits, etas, strict=True):
        if (old["room"], old["visit_number"], old["state"], old["bins"]) != (
            new["room"], new["visit_number"], new["state"], new["bins"],
        ):
            return True
        if (old["eta_at"] is None) != (new["eta_at"] is None):
            return True
        if eta is not None and new["eta_at"] is not None and _moved_on(day, old["eta_at"], last["issued_at"], eta, now):
            return True
    return False
