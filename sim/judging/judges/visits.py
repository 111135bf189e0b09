"""Judges of visits and records: what was really done against what the store says."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sim.judging.judges.lamps import LIT
from sim.judging.sentence import Term, said, shown_word, waste_word
from sim.judging.verdict import Verdict, clock, not_on_record, recorded_visit, too_few, verdict, visit_name
from sim.world.evidence import Evidence, Heard, StoredRecord

DEVICE_KINDS = ("fix", "incident", "bins", "lamp", "keeper")
NEVER_WAS = "never_was"  # the word of a visit that is on record and that nobody made


def visits_served(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The planned visits were made, and the store says so of exactly the visits that were made."""
    made = [visit for visit in evidence.visits if visit.left_at is not None]
    visited, missing = Counter((visit.room, visit.waste) for visit in made), []
    for truck, room, waste in evidence.planned:  # a room may be planned more than once
        visited[room, waste] -= 1
        if visited[room, waste] < 0:
            missing.append(said("fault", "not_visited", truck=truck, room=room, waste=waste_word(waste)))
    share = 1 - len(missing) / len(evidence.planned) if evidence.planned else 0.0
    faults = missing if share < values["share"] else []
    newest = evidence.newest_of("visit")
    served = {
        (r.body["room"], r.body["waste"], r.body["visit_number"]): r
        for r in newest.values()
        if r.body["state"] == "served"
    }
    by_word = 0
    for visit in made:
        name, at = visit_name(visit), clock(evidence, visit.arrived_at)
        record = served.pop((visit.room, visit.waste, visit.visit_number), None)
        told_at = record.body["arrived_at"] if record is not None else None
        if record is None:
            faults.append(not_on_record(evidence, visit))
        elif told_at is None:
            by_word += 1  # told by a person, who does not know when
        elif abs(told_at - visit.arrived_at) > values["within_s"]:
            faults.append(
                said("fault", "arrival_off", visit=name, at=at, within=values["within_s"],
                     told=clock(evidence, told_at), off=told_at - visit.arrived_at)
            )  # fmt: skip
    faults += [
        said("fault", NEVER_WAS, visit=recorded_visit(record.body), at=clock(evidence, record.at))
        for record in served.values()
    ]
    if by_word > values["by_word"]:
        faults.append(said("fault", "by_word", most=values["by_word"], by_word=by_word))
    return verdict(
        "visits_served", faults, too_few("visits", len(made), values["at_least"]), made=len(made),
        done=len(evidence.planned) - len(missing), planned=len(evidence.planned), by_word=by_word,
    )  # fmt: skip


def second_visit(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The room whose lane was blocked got a later, second visit, after the lane was free, and was called for it."""
    room = values["room"]
    blocked = evidence.blocked.get(room, [])
    found = [v for v in evidence.visits if v.room == room and v.visit_number >= 2 and v.left_at is not None]
    faults = []
    for visit in found:
        name, at = visit_name(visit), clock(evidence, visit.arrived_at)
        if any(interval.covers(visit.arrived_at) for interval in blocked):
            faults.append(said("fault", "into_blocked", visit=name, at=at))
        pressed = [p.at for p in evidence.presses if p.truck == visit.truck and p.at < visit.arrived_at]
        within_s = values["within_min"] * 60
        if not pressed:
            faults.append(said("fault", "not_pressed", visit=name, at=at, truck=visit.truck))
        elif visit.arrived_at - pressed[-1] > within_s:
            faults.append(
                said("fault", "second_late", visit=name, at=at, by=clock(evidence, pressed[-1] + within_s),
                     within=values["within_min"], pressed=clock(evidence, pressed[-1]),
                     min=(visit.arrived_at - pressed[-1]) / 60)
            )  # fmt: skip
        shown = evidence.lamp_at(room, visit.waste, visit.arrived_at - 1)
        if shown not in LIT:
            faults.append(said("fault", "second_dark", visit=name, at=at, shown=shown_word(shown)))
    lacks = None
    if not found or not blocked:
        by = clock(evidence, evidence.end_at)
        lacks = said("lacks", "second_visit", room=room, by=by, blocked=len(blocked), found=len(found))
    at_times = [clock(evidence, visit.arrived_at) for visit in found]
    return verdict("second_visit", faults, lacks, room=room, visits=len(found), at=at_times)


def visits_taken_over(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """What the broken truck still owed was visited by others, every room of it."""
    truck = values["truck"]
    broke = [p.at for p in evidence.presses if p.truck == truck and p.meant == "breakdown"]
    mine = [(room, waste) for who, room, waste in evidence.planned if who == truck]
    done = [v for v in evidence.visits if v.left_at is not None]
    by_others = [v for v in done if v.truck != truck and (v.room, v.waste) in mine]
    served = {(v.room, v.waste) for v in done}
    by = clock(evidence, evidence.end_at)
    faults = [
        said("fault", "not_taken_over", room=room, waste=waste_word(waste), truck=truck, by=by)
        for room, waste in mine
        if (room, waste) not in served
    ]
    lacks = None
    if not broke or not by_others:
        lacks = said("lacks", "taken_over", truck=truck, broke=len(broke), found=len(by_others))
    return verdict("visits_taken_over", faults, lacks, visits=len(by_others), truck=truck)


def visited_between(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """A truck came to the room between two moments, and at no other time."""
    room, start, end = values["room"], evidence.day_start_at + values["from"], evidence.day_start_at + values["to"]
    found = [visit for visit in evidence.visits if visit.room == room]
    span = {"from": clock(evidence, start), "to": clock(evidence, end)}
    faults = [
        said("fault", "not_between", visit=visit_name(visit), at=clock(evidence, visit.arrived_at), **span)
        for visit in found
        if not start <= visit.arrived_at <= end
    ]
    lacks = None if found else said("lacks", "visited", room=room, **span)
    return verdict("visited_between", faults, lacks, room=room, visits=len(found))


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
            by = clock(evidence, press.at + press.held_s + values["within_s"])
            where = first[0] if first else said("names", "nothing")
            faults.append(
                said("fault", "still_sent", truck=truck, at=clock(evidence, press.at), first=where, by=by)
            )
    lacks = None if presses else said("lacks", "unpressed", truck=truck)
    return verdict("itinerary_changed", faults, lacks, presses=len(presses))


def records_stored_once(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Every record a device kept is in the store exactly once, and none that no device kept."""
    stored = Counter(_device_id(record) for record in evidence.stored if record.kind in DEVICE_KINDS)
    lost = [key for key in evidence.recorded if key not in stored]
    faults = [
        said("fault", "record_lost", record=key, kind=Term("kinds", evidence.recorded_kind.get(key, "?")),
             at=clock(evidence, evidence.recorded[key]))
        for key in lost
    ]  # fmt: skip
    faults += [said("fault", "record_twice", record=key, times=count) for key, count in stored.items() if count > 1]
    strange = [key for key in stored if key not in evidence.recorded and key not in evidence.uncertain]
    faults += [said("fault", "record_strange", record=key) for key in strange]
    kept = len(evidence.recorded)
    return verdict(
        "records_stored_once", faults, too_few("records", kept, values["at_least"]), kept=kept, stored=kept - len(lost)
    )


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
            faults.append(said("fault", "backlog_first", device=device, at=clock(evidence, late[0].at)))
    stored = {_device_id(r) for r in evidence.stored if r.kind in kinds}
    names = [(f"{device}:{one.body['boot']}:{one.body['seq']}", clock(evidence, one.at)) for one in late]
    faults += [said("fault", "backlog_lost", record=name, at=at) for name, at in names if name not in stored]
    lacks = too_few("backlog", len(late), values["at_least"], device=device)
    return verdict("backlog_marked_late", faults, lacks, late=len(late), device=device)


def _device_id(record: StoredRecord) -> str:
    return ":".join(record.id.split(":")[:3])


def _first_open(heard: Heard) -> tuple[str, int] | None:
    for visit in heard.body["visits"]:
        if visit["state"] in ("pending", "due", "at_stop"):
            return visit["room"], visit["visit_number"]
    return None

