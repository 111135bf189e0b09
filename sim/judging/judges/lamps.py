"""Judges of the lamps, by what the pins really showed."""

from collections.abc import Mapping
from typing import Any

from broker.plan.model import BY_APPOINTMENT
from firmware import wire
from sim.judging.sentence import Sentence, said, shown_word, waste_word
from sim.judging.verdict import Verdict, clock, too_few, verdict, visit_name
from sim.world.evidence import Evidence, Heard, Interval, LampChange, TrueVisit

LIT = ("due", "held", "at_stop")
KNOWS_NOTHING = ("no_data", "dead")
BEFORE_S = 60.0  # "before arrival" means at least this long
AGAIN_WITHIN_S = 1800.0  # a truck that comes back so soon is called as the one that leaves drives off
LEFT_WITHIN_S = 180.0  # of a departure a lamp shows that it was seen


def calls_of(evidence: Evidence, room: str, waste: str) -> list[Interval]:
    """When the lamp was lit, from dark to dark; a spell of `no_data` inside a call does not end it, a departure does
    where the room is visited again so soon that the lamp goes from "at the stop" to the next call."""
    found: list[Interval] = []
    left, before = _left_to_come_again(evidence, room, waste), ""
    lit_since: float | None = None
    doubt_since: float | None = None
    for change in _changes(evidence, room, waste):
        if change.shown in LIT:
            goes_on = before == "at_stop" and any(0 <= change.at - at <= LEFT_WITHIN_S for at in left)
            if goes_on and lit_since is not None:
                found.append(Interval(lit_since, change.at))
                lit_since = change.at
            lit_since = change.at if lit_since is None else lit_since
            doubt_since = None
        elif change.shown in KNOWS_NOTHING:
            doubt_since = change.at if doubt_since is None else doubt_since
        elif lit_since is not None:
            found.append(Interval(lit_since, change.at if doubt_since is None else doubt_since))
            lit_since = doubt_since = None
        else:
            doubt_since = None
        before = change.shown
    if lit_since is not None:
        found.append(Interval(lit_since, None))
    return found


def _left_to_come_again(evidence: Evidence, room: str, waste: str) -> list[float]:
    """When a truck left the room that is visited again within half an hour."""
    here = [visit for visit in evidence.visits if (visit.room, visit.waste) == (room, waste)]
    return [
        one.left_at for one in here if one.left_at is not None
        and any(0 < other.arrived_at - one.left_at <= AGAIN_WITHIN_S for other in here)
    ]  # fmt: skip


def call_before(evidence: Evidence, visit: TrueVisit) -> list[Interval]:
    """The lightings since the truck of this waste kind was last here or first turned away, up to its departure."""
    same = [v for v in evidence.visits if (v.room, v.waste) == (visit.room, visit.waste) and v is not visit]
    earlier = [v.left_at for v in same if v.left_at is not None and v.left_at <= visit.arrived_at]
    since = max(earlier, default=evidence.start_at)
    until = visit.left_at if visit.left_at is not None else evidence.end_at
    return [call for call in calls_of(evidence, visit.room, visit.waste) if since - 1 <= call.start <= until]


def _called(evidence: Evidence) -> list[TrueVisit]:
    """The visits that were made and whose lamp is lit for them: hazardous waste comes by appointment, or was booked."""
    return [visit for visit in _served(evidence) if visit.waste not in BY_APPOINTMENT and not visit.booked]


def one_call_per_visit(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Every visit that was made had exactly one call: one id on the wire, one lighting of the lamp, no flicker."""
    faults = []
    judged = 0
    arrivals = [heard for heard in evidence.heard if heard.channel == "arrival"]
    for visit in _called(evidence):
        judged += 1
        ids = {
            heard.body["call_id"]
            for heard in arrivals
            if heard.by == visit.room
            and heard.body["waste"] == visit.waste
            and heard.body["visit_number"] == visit.visit_number
            and heard.body["truck"] == visit.truck
            and heard.body["state"] in LIT
        }
        lit = call_before(evidence, visit)
        if len(ids) != 1:
            at, heard_ids = clock(evidence, visit.arrived_at), sorted(map(str, ids))
            faults.append(said("fault", "call_ids", visit=visit_name(visit), at=at, calls=len(ids), ids=heard_ids))
        # A blocked first visit may have been called as well, and its lamp put out again.
        if not 1 <= len(lit) <= visit.visit_number:
            times = [clock(evidence, call.start) for call in lit]
            faults.append(
                said("fault", "lit_times", visit=visit_name(visit), most=visit.visit_number, times=len(lit), at=times)
            )
    return verdict("one_call_per_visit", faults, too_few("visits", judged, values["at_least"]), visits=judged)


def lamp_lead(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The share of visits whose lamp lit between `low_min` and `high_min` minutes before the true arrival."""
    leads = []
    missed = []
    for visit in _called(evidence):
        lit = [call for call in call_before(evidence, visit) if call.start < visit.arrived_at]
        lead_min = (visit.arrived_at - lit[-1].start) / 60 if lit else 0.0
        leads.append(lead_min)
        if not values["low_min"] <= lead_min <= values["high_min"]:
            missed.append(_lead_missed(evidence, visit, lit[-1].start if lit else None, values))
    inside = len(leads) - len(missed)
    share = inside / len(leads) if leads else 0.0
    faults = missed if share < values["share"] else ()
    return verdict(
        "lamp_lead", faults, too_few("visits", len(leads), values["at_least"]), inside=inside, all=len(leads),
        low=values["low_min"], high=values["high_min"], share=share,
    )  # fmt: skip


def _lead_missed(evidence: Evidence, visit: TrueVisit, lit_at: float | None, values: Mapping[str, Any]) -> Sentence:
    gaps = {
        "visit": visit_name(visit), "at": clock(evidence, visit.arrived_at),
        "low": clock(evidence, visit.arrived_at - 60 * values["high_min"]), "low_min": values["low_min"],
        "high": clock(evidence, visit.arrived_at - 60 * values["low_min"]), "high_min": values["high_min"],
    }  # fmt: skip
    if lit_at is None:
        return said("fault", "lead_none", **gaps)
    lead_min = (visit.arrived_at - lit_at) / 60
    return said("fault", "lead_off", lit=clock(evidence, lit_at), lead=lead_min, **gaps)


def lamp_lit_before_arrival(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The share of visits whose lamp was lit when the truck came, for at least a minute already."""
    visits = _called(evidence)
    shown = [(visit, evidence.lamp_at(visit.room, visit.waste, visit.arrived_at - BEFORE_S)) for visit in visits]
    dark = [
        said("fault", "lit_too_late", visit=visit_name(visit), by=clock(evidence, visit.arrived_at - BEFORE_S),
             at=clock(evidence, visit.arrived_at), shown=shown_word(one))
        for visit, one in shown if one not in LIT
    ]  # fmt: skip
    lit = len(visits) - len(dark)
    share = lit / len(visits) if visits else 0.0
    faults = dark if share < values["share"] else ()
    return verdict(
        "lamp_lit_before_arrival", faults, too_few("lit", lit, values["at_least"]), lit=lit, all=len(visits)
    )


def lamp_off_after_departure(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """After each departure the lamp was dark within `within_s`, or said that it knows nothing.

    A departure counts as soon as its lamp is dark; one whose lamp is still lit when the run ends within that time is
    undecided. So a slow machine, on which the same departures come closer to the end, is asked for no less.
    """
    faults = []
    judged = 0
    for visit in _served(evidence):
        due = (visit.left_at or 0.0) + values["within_s"]
        moment = min(due, evidence.end_at)
        shown = evidence.lamp_at(visit.room, visit.waste, moment)
        lit = shown in LIT and not _called_again(evidence, visit, moment)
        if lit and moment < due:
            continue
        judged += 1
        if lit:
            left = clock(evidence, visit.left_at or 0.0)
            faults.append(
                said("fault", "still_lit", visit=visit_name(visit), by=clock(evidence, due), within=values["within_s"],
                     left=left, shown=shown_word(shown))
            )  # fmt: skip
    lacks = too_few("departures", judged, values["at_least"], within=values["within_s"])
    return verdict("lamp_off_after_departure", faults, lacks, departures=judged)


def no_lamp_from_late_data(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """No lamp was called for this truck while the bridge had no position of it younger than 90 s; backlog did arrive.

    A call that was made in time may reach its room late.
    """
    truck = values["truck"]
    called = {record.body["call_id"]: record.body["called_at"] for record in evidence.stored_of("call")}
    fixes = [h for h in evidence.heard if h.by == "bridge" and h.channel == "fix" and h.device == truck]
    late = sum(1 for h in fixes if h.body["late"])
    faults = []
    lit = 0
    for heard in evidence.heard:
        if heard.channel != "arrival" or heard.body["truck"] != truck or heard.body["state"] not in LIT:
            continue
        room, waste = heard.by, heard.body["waste"]
        for call in calls_of(evidence, room, waste):
            if not heard.at - 1 <= call.start <= heard.at + 30:
                continue
            lit += 1
            made_at = min(call.start, called.get(heard.body["call_id"], call.start))
            since = made_at - wire.NO_DATA_S - 5
            newest = max((known_at for h in fixes if h.at <= made_at and (known_at := _position_at(h))), default=None)
            if newest is None or newest < since:
                known = said("names", "no_newest") if newest is None else (
                    said("names", "newest", at=clock(evidence, newest)))  # fmt: skip
                faults.append(
                    said("fault", "lit_blindly", room=room, waste=waste_word(waste), at=clock(evidence, call.start),
                         truck=truck, since=clock(evidence, since), newest=known)
                )  # fmt: skip
    lacks = None if late and lit else said("lacks", "late_data", truck=truck, late=late, lit=lit)
    return verdict("no_lamp_from_late_data", faults, lacks, late=late, lit=lit, truck=truck)


def _position_at(fix: Heard) -> float | None:
    """Of when a position is that the bridge heard in time; a truck that has just booted may not know when it is."""
    body = fix.body
    if body["late"]:
        return None
    return fix.at if body["fix_at"] is None and body["lat"] is not None else body["fix_at"]


def never_dark_while_unknown(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """No lamp was dark later than `grace_s` after its room had heard its last of the bridge."""
    faults = []
    judged = 0
    for room, waste in evidence.lamp_keys():
        for deaf in evidence.deaf.get(room, []):
            start = deaf.start + values["grace_s"]
            end = evidence.end_at if deaf.end is None else deaf.end
            if start >= end:
                continue
            judged += 1
            mine = [c for c in evidence.lamps if (c.room, c.waste) == (room, waste)]
            shown = [(start, evidence.lamp_at(room, waste, start))]
            shown += [(c.at, c.shown) for c in mine if start < c.at < end]
            dark = [at for at, what in shown if what == "off"]
            if dark:
                faults.append(
                    said("fault", "dark_unknown", room=room, waste=waste_word(waste), grace=values["grace_s"],
                         at=clock(evidence, dark[0]), **{"from": clock(evidence, start)})
                )  # fmt: skip
    lacks = too_few("spells", judged, values["at_least"], grace=values["grace_s"])
    return verdict("never_dark_while_unknown", faults, lacks, spells=judged)


def lamp_shows(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """A lamp (or all of a room) showed this, and nothing else, from one moment to another."""
    start, end = evidence.day_start_at + values["from"], evidence.day_start_at + values["to"]
    lamps = [(r, w) for r, w in evidence.lamp_keys() if r == values["room"] and values["waste"] in ("", w)]
    faults = []
    for room, waste in lamps:
        shown = [(start, evidence.lamp_at(room, waste, start))]
        shown += [(c.at, c.shown) for c in _changes(evidence, room, waste) if start < c.at < end]
        if {what for _, what in shown} != {values["shown"]}:
            seen = [said("names", "lit_at", shown=shown_word(what), at=clock(evidence, at)) for at, what in shown]
            faults.append(
                said("fault", "shows_other", room=room, waste=waste_word(waste), to=clock(evidence, end),
                     wanted=shown_word(values["shown"]), shown=seen, **{"from": clock(evidence, start)})
            )  # fmt: skip
    lacks = None if lamps else said("lacks", "lamps", room=values["room"])
    return verdict("lamp_shows", faults, lacks, lamps=len(lamps), room=values["room"])


def lamp_stays_lit(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Lamps lit at the first moment stayed lit until the second, or until their truck had left."""
    start, end = evidence.day_start_at + values["from"], evidence.day_start_at + values["to"]
    faults = []
    judged = 0
    for room, waste in evidence.lamp_keys():
        if evidence.lamp_at(room, waste, start) not in LIT:
            continue
        judged += 1
        left = [
            v.left_at for v in evidence.visits
            if (v.room, v.waste) == (room, waste) and v.left_at is not None and start <= v.left_at < end
        ]  # fmt: skip
        until = min(left, default=end)
        dark = [c for c in _changes(evidence, room, waste) if start < c.at < until and c.shown not in LIT]
        faults += [
            said("fault", "went_dark", room=room, waste=waste_word(waste), to=clock(evidence, end),
                 at=clock(evidence, change.at), shown=shown_word(change.shown), **{"from": clock(evidence, start)})
            for change in dark
        ]  # fmt: skip
    lacks = too_few("stays_lit", judged, values["at_least"], **{"from": clock(evidence, start)})
    return verdict("lamp_stays_lit", faults, lacks, lamps=judged)


def _served(evidence: Evidence) -> list[TrueVisit]:
    return [visit for visit in evidence.visits if visit.left_at is not None]


def _changes(evidence: Evidence, room: str, waste: str) -> list[LampChange]:
    mine = [change for change in evidence.lamps if change.room == room and change.waste in (waste, "any")]
    return sorted(mine, key=lambda change: change.at)


def _called_again(evidence: Evidence, visit: TrueVisit, moment: float) -> bool:
    """Whether the lamp went dark after the departure and was lit anew for the next truck by `moment`."""
    left = visit.left_at or 0.0
    return any(left < call.start <= moment for call in calls_of(evidence, visit.room, visit.waste))
