"""Judges of visits and records: what was really done against what the store says."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sim.judging.lamps import LIT
from sim.judging.verdict import Verdict, clock, verdict
from sim.world.evidence import Evidence, Heard, StoredRecord

DEVICE_KINDS = ("fix", "incident", "bins", "lamp", "keeper")


def visits_served(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The planned visits were made, and the store says so of exactly the visits that were made."""
    made = [visit for visit in evidence.visits if visit.left_at is not None]
    done = {(visit.room, visit.waste) for visit in made}
    planned = [(room, waste) for _, room, waste in evidence.planned]
    missing = [f"{room} {waste} was not visited" for room, waste in planned if (room, waste) not in done]
    share = 1 - len(missing) / len(planned) if planned else 0.0
    faults = missing if share < values["share"] else []
    newest = _newest(evidence, "visit")
    served = {
        (r.body["room"], r.body["waste"], r.body["visit_number"]): r.body
        for r in newest.values()
        if r.body["state"] == "served"
    }
    by_word = 0
    for visit in made:
        name = f"{visit.room} {visit.waste} visit {visit.visit_number}"
        body = served.pop((visit.room, visit.waste, visit.visit_number), None)
        if body is None:
            faults.append(f"{name} was made at {clock(evidence, visit.arrived_at)} but is not `served` in the store")
        elif body["arrived_at"] is None:
            by_word += 1  # told by a person, who does not know when
        elif abs(body["arrived_at"] - visit.arrived_at) > values["within_s"]:
            faults.append(f"{name}: stored arrival is {body['arrived_at'] - visit.arrived_at:+.0f} s off the truth")
    faults += [f"{room} {waste} visit {n} is `served` in the store and never was" for room, waste, n in served]
    seen = f"{len(made)} visits made, {len(done)} of {len(planned)} planned places, {by_word} known by word only"
    if by_word > values["by_word"]:
        faults.append(f"{by_word} visits are known only because a person said so")
    return verdict("visits_served", seen, faults, enough=len(made) >= values["at_least"])


def second_visit(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The room whose lane was blocked got a later, second visit, after the lane was free, and was called for it."""
    room = values["room"]
    blocked = evidence.blocked.get(room, [])
    found = [v for v in evidence.visits if v.room == room and v.visit_number >= 2 and v.left_at is not None]
    faults = []
    for visit in found:
        if any(interval.covers(visit.arrived_at) for interval in blocked):
            faults.append(f"visit {visit.visit_number} at {clock(evidence, visit.arrived_at)} met a blocked lane")
        pressed = [p.at for p in evidence.presses if p.truck == visit.truck and p.at < visit.arrived_at]
        if not pressed:
            faults.append("nobody had pressed the button before it")
        elif visit.arrived_at - pressed[-1] > values["within_min"] * 60:
            faults.append(f"it came {(visit.arrived_at - pressed[-1]) / 60:.0f} min after the press")
        if evidence.lamp_at(room, visit.waste, visit.arrived_at - 1) not in LIT:
            faults.append("its lamp was not lit when the truck came")
    at = ", ".join(clock(evidence, v.arrived_at) for v in found)
    return verdict(
        "second_visit", f"{room}: {len(found)} second visits {at}", faults, enough=bool(found) and bool(blocked)
    )


def visits_taken_over(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """What the broken truck still owed was visited by others, every room of it."""
    truck = values["truck"]
    broke = [p.at for p in evidence.presses if p.truck == truck and p.meant == "breakdown"]
    mine = [(room, waste) for who, room, waste in evidence.planned if who == truck]
    done = [v for v in evidence.visits if v.left_at is not None]
    by_others = [v for v in done if v.truck != truck and (v.room, v.waste) in mine]
    served = {(v.room, v.waste) for v in done}
    faults = [f"{room} {waste} was never visited" for room, waste in mine if (room, waste) not in served]
    seen = f"{len(by_others)} visits of {truck} made by others"
    return verdict("visits_taken_over", seen, faults, enough=bool(broke) and bool(by_others))


def itinerary_changed(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Within `within_s` of the press the truck had an itinerary that no longer begins with the blocked room."""
    truck = values["truck"]
    presses = [p for p in evidence.presses if p.truck == truck]
    told = [h for h in evidence.heard if h.by == truck and h.channel == "itinerary"]
    faults = []
    for press in presses:
        before = [h for h in told if h.at <= press.at]
        after = [h for h in told if press.at < h.at <= press.at + press.held_s + values["within_s"]]
        first = _first_open(before[-1]) if before else None
        if not any(_first_open(h) != first for h in after):
            faults.append(f"press at {clock(evidence, press.at)}: still sent to {first}")
    return verdict("itinerary_changed", f"{len(presses)} presses", faults, enough=bool(presses))


def records_stored_once(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Every record a device kept is in the store exactly once, and none that no device kept."""
    stored = Counter(_device_id(record) for record in evidence.stored if record.kind in DEVICE_KINDS)
    lost = [key for key in evidence.recorded if key not in stored]
    faults = [f"{key} ({evidence.recorded_kind.get(key, '?')}) is not in the store" for key in lost]
    faults += [f"{key} is in the store {count} times" for key, count in stored.items() if count > 1]
    strange = [key for key in stored if key not in evidence.recorded and key not in evidence.uncertain]
    faults += [f"{key} is in the store and no device kept it" for key in strange]
    kept = len(evidence.recorded)
    return verdict(
        "records_stored_once", f"{kept} records kept by devices, {len(stored)} stored", faults,
        enough=kept >= values["at_least"],
    )  # fmt: skip


def backlog_marked_late(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """After a gap the newest came first and the backlog behind it marked `late`; the store has it."""
    device = values["device"]
    kinds = ("fix", "bins")
    heard = [h for h in evidence.heard if h.by == "bridge" and h.device == device and h.channel in kinds]
    late = [h for h in heard if h.body["late"]]
    faults = []
    if late:
        first = heard.index(late[0])
        newest = max((h.body["boot"], h.body["seq"]) for h in heard[: first + 1])
        if (late[0].body["boot"], late[0].body["seq"]) >= newest and first + 1 < len(heard):
            faults.append(f"the first late record at {clock(evidence, late[0].at)} came before the newest one")
    stored = {_device_id(r) for r in evidence.stored if r.kind in kinds}
    names = [f"{device}:{one.body['boot']}:{one.body['seq']}" for one in late]
    faults += [f"late record {name} is not in the store" for name in names if name not in stored]
    return verdict("backlog_marked_late", f"{len(late)} late records of {device}", faults,
                   enough=len(late) >= values["at_least"])  # fmt: skip


def _newest(evidence: Evidence, kind: str) -> dict[str, StoredRecord]:
    """The newest record of each key; of one second the one written last."""
    newest: dict[str, StoredRecord] = {}
    for record in evidence.stored_of(kind):
        newest[record.key] = record
    return newest


def _device_id(record: StoredRecord) -> str:
    return ":".join(record.id.split(":")[:3])


def _first_open(heard: Heard) -> tuple[str, int] | None:
    for visit in heard.body["visits"]:
        if visit["state"] in ("pending", "due", "at_stop"):
            return visit["room"], visit["visit_number"]
    return None

