"""What each room is told: its most relevant visit per waste kind becomes one retained `arrival` message."""

from typing import Any

from broker.rules.arrival.lamp_call import arrival_body
from broker.rules.arrival.prediction import Eta
from broker.rules.dispatch.day import Run, Shift
from broker.rules.dispatch.effects import Effect, Publish
from broker.rules.states.visit import Visit
from firmware import wire

VERSION_BASE = 2_000_000  # seconds: a run is opened long after this before it starts

# The more a room must do, the more relevant the visit; `skipped_back_soon` is a skipped visit whose truck returns.
_RANK = {"at_stop": 0, "due": 1, "held": 1, "skipped_back_soon": 2, "scheduled": 3, "served": 4, "skipped": 5}


def _eta_of(shift: Shift, visit: Visit) -> Eta | None:
    run = shift.runs.get(visit.run_id)
    return run.etas.get(visit.key) if run else None


def _next_visit(shift: Shift, visit: Visit) -> Visit | None:
    """The visit that makes up for a skipped one, wherever it was moved."""
    later = [
        other
        for other in shift.visits_at(visit.room, visit.waste)
        if other.owed
        and (other.run_id != visit.run_id or other.visit_number > visit.visit_number)
        and not other.original
    ]
    return min(later, key=lambda other: (other.visit_number, other.run_id), default=None)


def _shown(shift: Shift, visit: Visit, now: int) -> tuple[int, float, str, Visit, Eta | None]:
    """(rank, eta, arrival state, visit, eta) of one visit of a room."""
    eta = _eta_of(shift, visit)
    eta_at = float(eta.eta_at) if eta else float(visit.planned_at or 0)
    if visit.state == "at_stop":
        return (_RANK["at_stop"], eta_at, "at_stop", visit, eta)
    if visit.state == "due":
        state = "held" if shift.watch(visit.key).held or visit.passed_at is not None else "due"
        return (_RANK[state], eta_at, state, visit, eta)
    if visit.state == "pending":
        return (_RANK["scheduled"], eta_at, "scheduled", visit, eta)
    if visit.state == "skipped":
        back = _next_visit(shift, visit) if visit.call_id and visit.kept_lit is not False else None
        back_eta = _eta_of(shift, back) if back else None
        if back is not None and back.state == "pending":
            return (_RANK["skipped_back_soon"], float(back_eta.eta_at if back_eta else now), "held", visit, back_eta)
        return (_RANK["skipped"], -float(visit.left_at or visit.planned_at or 0), "skipped", visit, None)
    if visit.state == "served":
        return (_RANK["served"], -float(visit.left_at or 0), "served", visit, None)
    return (9, 0.0, "none", visit, None)


def arrival_of(shift: Shift, room: str, waste: str, now: int) -> dict[str, Any]:
    """The `arrival` body a room should hold now for one waste kind."""
    shown = [_shown(shift, visit, now) for visit in shift.visits_at(room, waste)]
    best = min(shown, key=lambda row: (row[0], row[1]), default=None)
    if now < shift.unread.get((room, waste), 0) and (best is None or best[0] >= _RANK["served"]):
        return arrival_body(waste, "scheduled", None, None, shift.settings.calls, now)  # a truck may come: nobody knows
    if best is None or best[2] == "none":
        return arrival_body(waste, "none", None, None, shift.settings.calls, now)
    return arrival_body(waste, best[2], best[3], best[4], shift.settings.calls, now)


def tell_rooms(shift: Shift, rooms: set[str], now: int, *, all_of_them: bool = False) -> list[Effect]:
    """The arrivals of `rooms` that changed: state or call at once, a time when it moved by `restate_s`."""
    effects: list[Effect] = []
    for room_id in sorted(rooms):
        room = shift.plan.rooms.get(room_id)
        if room is None:
            continue
        for waste in room.wastes:
            body = arrival_of(shift, room_id, waste, now)
            last = shift.arrivals.get((room_id, waste))
            if not all_of_them and last is not None and not _differs(last, body, shift.settings.restate_s):
                continue
            shift.arrivals[(room_id, waste)] = body
            effects.append(Publish(wire.topic("arrival", shift.plan.area_id, room_id, waste), body))
    return effects


def tell_orphaned(shift: Shift, now: int) -> list[Effect]:
    """Nothing comes, for the rooms and wastes that the plan no longer has: a lamp that is lit there must go off."""
    rooms = shift.plan.rooms
    return [
        Publish(
            wire.topic("arrival", shift.plan.area_id, room, waste),
            arrival_body(waste, "none", None, None, shift.settings.calls, now),
        )
        for room, waste in sorted(shift.orphaned)
        if room not in rooms or waste not in rooms[room].wastes
    ]


def _differs(last: dict[str, Any], body: dict[str, Any], restate_s: int) -> bool:
    if any(last[name] != body[name] for name in ("state", "call_id", "truck", "run_id", "visit_number")):
        return True
    if (last["eta_at"] is None) != (body["eta_at"] is None):
        return True
    return body["eta_at"] is not None and abs(last["eta_at"] - body["eta_at"]) >= restate_s


def rooms_of(run: Run) -> set[str]:
    """The rooms whose arrivals a run can change."""
    return {key[1] for key in run.order}


def tell_truck(shift: Shift, run: Run, now: int, *, changed: bool) -> list[Effect]:
    """The truck's itinerary: a new version when `changed`, the same version again when a time moved by `restate_s`."""
    if shift.run_of(run.truck) not in (run, None):
        return []
    if changed:
        # Grows over a restart too, though it is not stored with each change: a truck ignores a lower version.
        run.version = max(run.version + 1, now - run.planned_start_at + VERSION_BASE)
    counts = {room_id: room.bins for room_id, room in shift.rooms.items()}
    visits = []
    for key in run.order:
        visit = shift.visits[key]
        if not visit.original and visit.state in ("skipped", "cancelled"):
            continue  # a stuck driver who presses on and on must not make the message too long
        eta = run.etas.get(key)
        bin_count = counts.get(visit.room, {}).get(visit.waste)
        visits.append(
            {
                "room": visit.room,
                "name": shift.plan.rooms[visit.room].name,
                "sequence": visit.sequence,
                "visit_number": visit.visit_number,
                "state": visit.state,
                "eta_at": eta.eta_at if eta and visit.owed else None,
                "bins": [{"waste": visit.waste, "count": bin_count.count, "grams": bin_count.grams}]
                if bin_count
                else [],
            }
        )
    body = {
        "itinerary_id": run.run_id,
        "version": run.version,
        "run_id": run.run_id,
        "issued_at": now,
        "visits": visits,
    }
    last = shift.itineraries.get(run.truck)
    if last is not None and not changed and last["run_id"] == body["run_id"] and not _moved(shift, last, visits):
        return []
    shift.itineraries[run.truck] = body
    return [Publish(wire.topic("itinerary", shift.plan.area_id, run.truck), body)]


def _moved(shift: Shift, last: dict[str, Any], visits: list[dict[str, Any]]) -> bool:
    if len(last["visits"]) != len(visits):
        return True
    for old, new in zip(last["visits"], visits, strict=True):
        if (old["room"], old["visit_number"], old["state"], old["bins"]) != (
            new["room"], new["visit_number"], new["state"], new["bins"],
        ):
            return True
        if (old["eta_at"] is None) != (new["eta_at"] is None):
            return True
        if new["eta_at"] is not None and abs(old["eta_at"] - new["eta_at"]) >= shift.settings.restate_s:
            return True
    return False
