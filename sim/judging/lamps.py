"""Judges of the lamps, by what the pins really showed."""

from collections.abc import Mapping
from typing import Any

from broker.plan.model import BY_APPOINTMENT
from firmware import wire
from sim.judging.verdict import Verdict, clock, verdict
from sim.world.evidence import Evidence, Interval, LampChange, TrueVisit

LIT = ("due", "held", "at_stop")
KNOWS_NOTHING = ("no_data", "dead")
BEFORE_S = 60.0  # "before arrival" means at least this long


def calls_of(evidence: Evidence, room: str, waste: str) -> list[Interval]:
    """When the lamp was lit, from dark to dark; a spell of `no_data` inside a call does not end it."""
    found: list[Interval] = []
    lit_since: float | None = None
    doubt_since: float | None = None
    for change in _changes(evidence, room, waste):
        if change.shown in LIT:
            lit_since = change.at if lit_since is None else lit_since
            doubt_since = None
        elif change.shown in KNOWS_NOTHING:
            doubt_since = change.at if doubt_since is None else doubt_since
        elif lit_since is not None:
            found.append(Interval(lit_since, change.at if doubt_since is None else doubt_since))
            lit_since = doubt_since = None
        else:
            doubt_since = None
    if lit_since is not None:
        found.append(Interval(lit_since, None))
    return found


def call_before(evidence: Evidence, visit: TrueVisit) -> list[Interval]:
    """The lightings since the truck of this waste kind was last here or first turned away, up to its departure."""
    same = [v for v in evidence.visits if (v.room, v.waste) == (visit.room, visit.waste) and v is not visit]
    earlier = [v.left_at for v in same if v.left_at is not None and v.left_at <= visit.arrived_at]
    since = max(earlier, default=evidence.start_at)
    until = visit.left_at if visit.left_at is not None else evidence.end_at
    return [call for call in calls_of(evidence, visit.room, visit.waste) if since - 1 <= call.start <= until]


def _called(evidence: Evidence) -> list[TrueVisit]:
    """The visits that were made and whose lamp is lit for them: hazardous waste comes by appointment."""
    return [visit for visit in _served(evidence) if visit.waste not in BY_APPOINTMENT]


def one_call_per_visit(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Every visit that was made had exactly one call: one id on the wire, one lighting of the lamp, no flicker."""
    faults = []
    judged = 0
    for visit in _called(evidence):
        judged += 1
        ids = {
            heard.body["call_id"]
            for heard in evidence.heard
            if heard.channel == "arrival"
            and heard.by == visit.room
            and heard.body["waste"] == visit.waste
            and heard.body["visit_number"] == visit.visit_number
            and heard.body["truck"] == visit.truck
            and heard.body["state"] in LIT
        }
        lit = call_before(evidence, visit)
        name = f"{visit.room} {visit.waste} visit {visit.visit_number} by {visit.truck}"
        if len(ids) != 1:
            faults.append(f"{name}: {len(ids)} call ids heard {sorted(map(str, ids))}")
        # A blocked first visit may have been called as well, and its lamp put out again.
        if not 1 <= len(lit) <= visit.visit_number:
            faults.append(f"{name}: lamp lit {len(lit)} times at {[clock(evidence, c.start) for c in lit]}")
    return verdict("one_call_per_visit", f"{judged} visits made", faults, enough=judged >= values["at_least"])


def lamp_lead(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The share of visits whose lamp lit between `low_min` and `high_min` minutes before the true arrival."""
    leads = []
    missed = []
    for visit in _called(evidence):
        lit = [call for call in call_before(evidence, visit) if call.start < visit.arrived_at]
        lead_min = (visit.arrived_at - lit[-1].start) / 60 if lit else 0.0
        leads.append(lead_min)
        if not values["low_min"] <= lead_min <= values["high_min"]:
            missed.append(f"{visit.room} {visit.waste}: {lead_min:.1f} min before {clock(evidence, visit.arrived_at)}")
    inside = len(leads) - len(missed)
    share = inside / len(leads) if leads else 0.0
    seen = f"{inside} of {len(leads)} leads in {values['low_min']:g}-{values['high_min']:g} min ({share:.0%})"
    faults = missed if share < values["share"] else ()
    return verdict("lamp_lead", seen, faults, enough=len(leads) >= values["at_least"])


def lamp_lit_before_arrival(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """The share of visits whose lamp was lit when the truck came, for at least a minute already."""
    visits = _called(evidence)
    dark = [
        f"{v.room} {v.waste}: showed {evidence.lamp_at(v.room, v.waste, v.arrived_at - BEFORE_S)} a minute before "
        f"{clock(evidence, v.arrived_at)}"
        for v in visits
        if evidence.lamp_at(v.room, v.waste, v.arrived_at - BEFORE_S) not in LIT
    ]
    lit = len(visits) - len(dark)
    share = lit / len(visits) if visits else 0.0
    faults = dark if share < values["share"] else ()
    return verdict(
        "lamp_lit_before_arrival", f"{lit} of {len(visits)} lamps lit", faults, enough=lit >= values["at_least"]
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
            faults.append(f"{visit.room} {visit.waste}: still {shown} at {clock(evidence, moment)}")
    return verdict("lamp_off_after_departure", f"{judged} departures", faults, enough=judged >= values["at_least"])


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
            fresh = any(
                not h.body["late"] and h.body["fix_at"] is not None and h.at <= made_at
                and made_at - h.body["fix_at"] <= wire.NO_DATA_S + 5
                for h in fixes
            )  # fmt: skip
            if not fresh:
                at = clock(evidence, call.start)
                faults.append(f"{room} {waste} lit at {at} without a fresh position of {truck}")
    return verdict(
        "no_lamp_from_late_data", f"{late} late positions came, {lit} lamps lit for {truck}", faults,
        enough=late > 0 and lit > 0,
    )  # fmt: skip


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
            shown = {evidence.lamp_at(room, waste, start)}
            shown |= {c.shown for c in evidence.lamps if (c.room, c.waste) == (room, waste) and start < c.at < end}
            if "off" in shown:
                faults.append(f"{room} {waste}: dark between {clock(evidence, start)} and {clock(evidence, end)}")
    seen = f"{judged} spells without word from the bridge"
    return verdict("never_dark_while_unknown", seen, faults, enough=judged >= values["at_least"])


def lamp_shows(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """A lamp (or all of a room) showed this, and nothing else, from one moment to another."""
    start, end = evidence.day_start_at + values["from"], evidence.day_start_at + values["to"]
    lamps = [(r, w) for r, w in evidence.lamp_keys() if r == values["room"] and values["waste"] in ("", w)]
    faults = []
    for room, waste in lamps:
        shown = [evidence.lamp_at(room, waste, start)]
        shown += [c.shown for c in _changes(evidence, room, waste) if start < c.at < end]
        if set(shown) != {values["shown"]}:
            faults.append(f"{room} {waste} showed {' '.join(shown)} instead of {values['shown']}")
    return verdict("lamp_shows", f"{len(lamps)} lamps of {values['room']}", faults, enough=bool(lamps))


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
        faults += [f"{room} {waste}: {change.shown} at {clock(evidence, change.at)}" for change in dark]
    return verdict("lamp_stays_lit", f"{judged} lamps were lit", faults, enough=judged >= values["at_least"])


def _served(evidence: Evidence) -> list[TrueVisit]:
    return [visit for visit in evidence.visits if visit.left_at is not None]


def _changes(evidence: Evidence, room: str, waste: str) -> list[LampChange]:
    mine = [change for change in evidence.lamps if change.room == room and change.waste in (waste, "any")]
    return sorted(mine, key=lambda change: change.at)


def _called_again(evidence: Evidence, visit: TrueVisit, moment: float) -> bool:
    """Whether the lamp went dark after the departure and was lit anew for the next truck by `moment`."""
    left = visit.left_at or 0.0
    return any(left < call.start <= moment for call in calls_of(evidence, visit.room, visit.waste))
