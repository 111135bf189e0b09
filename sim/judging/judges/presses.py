"""Judges of the button: every press is kept once, and the light tells the driver how far it came."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from sim.judging.sentence import Term, said, shown_word
from sim.judging.verdict import Verdict, clock, verdict
from sim.world.evidence import Evidence

MATCH_S = 6.0
NO_MATCH = "press_matches"  # the word of a press whose moment is not that of any incident


def press_stored_once(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """Each press that was meant is one incident in the store, each incident belongs to one press, none is missing."""
    truck = values["truck"]
    presses = [p for p in evidence.presses if p.truck == truck and p.meant in ("lane_blocked", "breakdown")]
    incidents: dict[str, list[Mapping[str, Any]]] = {}
    seen_records: set[tuple[int, int]] = set()
    faults = []
    for record in evidence.stored_of("incident"):
        if not record.id.startswith(f"{truck}:"):
            continue
        body = record.body
        incidents.setdefault(body["incident_id"], []).append(body)
        if (body["boot"], body["seq"]) in seen_records:
            faults.append(said("fault", "press_record_twice", boot=body["boot"], seq=body["seq"], truck=truck))
        seen_records.add((body["boot"], body["seq"]))
    if len(incidents) != len(presses):
        faults.append(
            said("fault", "press_incidents", truck=truck, presses=len(presses), found=len(incidents),
                 incidents=list(incidents))
        )  # fmt: skip
    for press in presses:
        close = [
            name for name, bodies in incidents.items()
            if bodies[0]["pressed_at"] is None or abs(bodies[0]["pressed_at"] - press.at) <= MATCH_S
        ]  # fmt: skip
        if len(close) != 1:
            at = clock(evidence, press.at)
            faults.append(said("fault", NO_MATCH, truck=truck, at=at, within=MATCH_S, matches=len(close)))
        elif values["reason"] and incidents[close[0]][-1]["reason"] != values["reason"]:
            wanted, stored = (Term("reasons", one) for one in (values["reason"], incidents[close[0]][-1]["reason"]))
            faults.append(said("fault", "press_reason", incident=close[0], wanted=wanted, reason=stored))
    open_at_bridge = {r.body["incident_id"] for r in evidence.stored_of("workflow") if r.body["truck"] == truck}
    faults += [said("fault", "press_ignored", incident=name) for name in incidents if name not in open_at_bridge]
    lacks = None
    if len(presses) != values["presses"]:
        lacks = said("lacks", "presses", truck=truck, presses=values["presses"], found=len(presses))
    return verdict("press_stored_once", faults, lacks, presses=len(presses), truck=truck, incidents=list(incidents))


def light_stages(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """After the first press the button's light went through these stages, in this order."""
    truck = values["truck"]
    first = min((p.at for p in evidence.presses if p.truck == truck), default=None)
    shown = [c.shown for c in evidence.lights if c.truck == truck and first is not None and c.at >= first]
    rest = iter(shown)
    missing = [stage for stage in values["stages"] if stage not in rest]
    seen = [shown_word(one) for one in shown]
    faults = [
        said("fault", "light_stage", at=clock(evidence, first), truck=truck, missing=shown_word(missing[0]),
             stages=[shown_word(one) for one in values["stages"]], shown=seen)
    ] if missing and first is not None else []  # fmt: skip
    return verdict(
        "light_stages", faults, None if shown else said("lacks", "light", truck=truck), truck=truck, shown=seen
    )


def acknowledged(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """When a person acknowledged, the driver's light stood steady within `within_s`."""
    truck = values["truck"]
    clicks = [at for at, who in evidence.acknowledged if who == truck]
    steady = [c.at for c in evidence.lights if c.truck == truck and c.shown == "steady"]
    within_s = values["within_s"]
    faults = [
        said("fault", "not_steady", at=clock(evidence, at), truck=truck, by=clock(evidence, at + within_s),
             within=within_s, shown=shown_word(_light_at(evidence, truck, at + within_s)))
        for at in clicks
        if not any(at <= shown_at <= at + within_s for shown_at in steady)
    ]  # fmt: skip
    lacks = None if clicks else said("lacks", "acknowledged", truck=truck)
    return verdict("acknowledged", faults, lacks, clicks=len(clicks), truck=truck)


def _light_at(evidence: Evidence, truck: str, moment: float) -> str:
    shown = [change.shown for change in evidence.lights if change.truck == truck and change.at <= moment]
    return shown[-1] if shown else "off"


def answered(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """By the record an addressee went through these states in this order, with so many promises kept and broken."""
    truck, name = values["truck"], values["of"]
    rows = [
        (record.key, row) for record in evidence.stored_of("workflow") if record.body["truck"] == truck
        for row in record.body["answers"] if row["id"] == name
    ]  # fmt: skip
    states = [one for one, before in pairwise([*(row["state"] for _, row in rows), None]) if one != before]
    rest = iter(states)
    missing = [state for state in values["states"] if state not in rest]
    newest = dict(rows).values()
    counts = {word: sum(row[word] for row in newest) for word in ("kept", "broken")}
    words = [Term("answers", state) for state in states]
    faults = []
    if rows and missing:
        faults.append(said("fault", "answer_state", of=name, missing=Term("answers", missing[0]), states=words))
    if rows and any(counts[word] != values[word] for word in counts):
        wanted = {f"wanted_{word}": values[word] for word in counts}
        faults.append(said("fault", "promises", of=name, **counts, **wanted))
    lacks = None if rows else said("lacks", "answers", of=name, truck=truck)
    return verdict("answered", faults, lacks, of=name, states=words, **counts)
