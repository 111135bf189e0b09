"""What a report shows, as plain data: taken from the evidence of a run, all moments in seconds after its start.

    street       minutes that bins stood outside and that trucks waited for bins
    area         lines and rooms on the map
    trucks       places, button, light, itineraries; spells without power or receiver
    rooms        lamps, arrivals told, blocked lanes; spells without power or word from the bridge
    visits       what really happened, with the call and what was predicted at it
    deeds        what became of each press, and what keepers said of lanes
    expectations what was asked, whether it held, when that was decided, and why
"""

from collections.abc import Iterable, Sequence
from typing import Any

from broker.plan.geometry import distance_m
from broker.plan.model import Plan
from sim.judging.judges.lamps import LIT, call_before
from sim.judging.outcome import Outcome
from sim.judging.sentence import both
from sim.judging.street import street
from sim.report.moments import all_decided_at
from sim.world.evidence import Evidence, Heard, Interval, TrueVisit

VERSION = 4
MOVED_M = 4.0  # a place nearer to the last one shown is left out
STANDING_S = 30.0  # but so often one is shown
PATH_DIGITS = 6


def facts_of(outcome: Outcome, plan: Plan) -> dict[str, Any]:
    """All that the page of a run shows, ready to be written as JSON."""
    scenario, evidence = outcome.scenario, outcome.evidence
    decided = all_decided_at(evidence, scenario.demands, outcome.verdicts)
    return {
        "version": VERSION,
        "scenario": scenario.name,
        "about": scenario.about,
        "date": scenario.date.isoformat(),
        "seed": scenario.seed,
        "held": outcome.held,
        "start_s": evidence.start_at - evidence.day_start_at,
        "length_s": evidence.end_at - evidence.start_at,
        "messages": outcome.mqtt.published,
        "records": len(evidence.recorded),
        "street": _street(evidence),
        "area": _area(plan, evidence),
        "trucks": {truck: _truck(evidence, truck) for truck in sorted(evidence.track)},
        "rooms": {room: _room(evidence, room) for room in sorted(plan.rooms)},
        "visits": [_visit(evidence, visit) for visit in evidence.visits],
        "deeds": _deeds(evidence),
        "expectations": [
            {"kind": verdict.kind, "asked": dict(demand.values), "held": verdict.held, "seen": both(verdict.seen),
             "faults": [both(fault) for fault in verdict.faults], "decided_s": _s(evidence, at)}
            for demand, verdict, at in zip(scenario.demands, outcome.verdicts, decided, strict=True)
        ],
        "notes": [both(note) for note in evidence.notes],
    }  # fmt: skip


def _street(evidence: Evidence) -> dict[str, float]:
    found = street(evidence)
    return {"visits": found.visits, "outside_min": round(found.outside_min), "waited": found.waited,
            "waited_min": round(found.waited_s / 60, 1)}  # fmt: skip


def _s(evidence: Evidence, at: float) -> float:
    return round(at - evidence.start_at, 1)


def _spells(evidence: Evidence, intervals: Iterable[Interval]) -> list[list[float]]:
    return [[_s(evidence, one.start), _s(evidence, evidence.end_at if one.end is None else one.end)]
            for one in intervals]  # fmt: skip


def _area(plan: Plan, evidence: Evidence) -> dict[str, Any]:
    driven = {truck for truck, _, _ in evidence.planned}
    routes = {}
    for run in plan.runs.values():
        if run.truck_id in driven:
            route = plan.route_of(run)
            routes[route.route_id, route.line] = route
    return {
        "name": plan.name,
        "lines": [{"name": route.name, "waste": route.waste, "line": _path(route.line)} for route in routes.values()],
        "rooms": {room.room_id: {"name": room.name, "lat": room.lat, "lon": room.lon} for room in plan.rooms.values()},
    }


def _path(line: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[round(lat, PATH_DIGITS), round(lon, PATH_DIGITS)] for lat, lon in line]


def _truck(evidence: Evidence, truck: str) -> dict[str, Any]:
    return {
        "places": _places(evidence, truck),
        "presses": [{"s": _s(evidence, press.at), "held_s": press.held_s, "meant": press.meant}
                    for press in evidence.presses if press.truck == truck],
        "light": [[_s(evidence, change.at), change.shown] for change in evidence.lights if change.truck == truck],
        "itineraries": _itineraries(evidence, truck),
        "no_power": _spells(evidence, evidence.unpowered.get(truck, [])),
        "no_gps": _spells(evidence, evidence.gps_gaps.get(truck, [])),
    }  # fmt: skip


def _places(evidence: Evidence, truck: str) -> list[list[float]]:
    """[second, latitude, longitude], as many as one can see on a map."""
    shown: list[list[float]] = []
    for at, lat, lon in evidence.track[truck]:
        second = _s(evidence, at)
        if shown:
            before_s, before_lat, before_lon = shown[-1]
            if second - before_s < STANDING_S and distance_m(lat, lon, before_lat, before_lon) < MOVED_M:
                continue
        shown.append([second, round(lat, PATH_DIGITS), round(lon, PATH_DIGITS)])
    return shown


def _itineraries(evidence: Evidence, truck: str) -> list[dict[str, Any]]:
    """Each order of visits that the cab showed; a new time alone is not a new one."""
    found: list[dict[str, Any]] = []
    for heard in evidence.heard:
        if heard.channel == "itinerary" and heard.by == truck:
            visits = [[visit["room"], visit["visit_number"], visit["state"]] for visit in heard.body["visits"]]
            if not found or found[-1]["visits"] != visits:
                found.append({"s": _s(evidence, heard.at), "visits": visits})
    return found


def _room(evidence: Evidence, room: str) -> dict[str, Any]:
    lamps: dict[str, list[list[Any]]] = {}
    for change in evidence.lamps:
        if change.room == room:
            lamps.setdefault(change.waste, []).append([_s(evidence, change.at), change.shown])
    told: dict[str, list[list[Any]]] = {}
    for heard in evidence.heard:
        if heard.channel == "arrival" and heard.by == room and heard.body["eta_at"] is not None:
            told.setdefault(heard.body["waste"], []).append(_told(evidence, heard))
    return {
        "lamps": lamps,
        "told": told,
        "blocked": _spells(evidence, evidence.blocked.get(room, [])),
        "deaf": _spells(evidence, evidence.deaf.get(room, [])),
        "no_power": _spells(evidence, evidence.unpowered.get(room, [])),
    }


def _told(evidence: Evidence, heard: Heard) -> list[Any]:
    """[second, state, predicted second, earliest, latest, truck, visit number]"""
    body = heard.body
    band = [None if body[name] is None else _s(evidence, body[name]) for name in ("early_at", "late_at")]
    return [_s(evidence, heard.at), body["state"], _s(evidence, body["eta_at"]), *band, body["truck"],
            body["visit_number"]]  # fmt: skip


def _visit(evidence: Evidence, visit: TrueVisit) -> dict[str, Any]:
    calls = [call for call in call_before(evidence, visit) if call.start < visit.arrived_at]
    called_at = calls[-1].start if calls else None
    told = [heard for heard in evidence.heard if heard.channel == "arrival" and heard.by == visit.room
            and heard.body["waste"] == visit.waste and heard.body["state"] in LIT and heard.body["eta_at"] is not None
            and called_at is not None and heard.at <= called_at + 1 and heard.body["truck"] == visit.truck
            and heard.body["visit_number"] == visit.visit_number]  # fmt: skip
    return {
        "truck": visit.truck, "room": visit.room, "waste": visit.waste, "visit_number": visit.visit_number,
        "arrived_s": _s(evidence, visit.arrived_at),
        "left_s": None if visit.left_at is None else _s(evidence, visit.left_at),
        "bins": visit.bins_taken, "grams": visit.grams_taken,
        "called_s": None if called_at is None else _s(evidence, called_at),
        "predicted_s": _s(evidence, told[-1].body["eta_at"]) if told else None,
    }  # fmt: skip


def _deeds(evidence: Evidence) -> list[dict[str, Any]]:
    """What became of each press, and what keepers said of lanes, in order."""
    found = [{"s": _s(evidence, at), "where": room, "did": "lane_clear", "who": room}
             for at, room in evidence.lane_clear]  # fmt: skip
    before: dict[str, Any] = {}
    for record in evidence.stored_of("workflow"):
        body = record.body
        known, before[record.key] = before.get(record.key, {}), body
        steps = [body["workflow"]] if body["workflow"] != known.get("workflow") else []
        if body["decision"] != known.get("decision"):
            steps = [body["decision"]]
        if body["condition"] == "cleared" != known.get("condition"):
            steps.append("cleared")
        found += [{"s": _s(evidence, record.at), "where": body["truck"], "did": step, "who": body["who"] or ""}
                  for step in steps]  # fmt: skip
    return sorted(found, key=lambda deed: deed["s"])
