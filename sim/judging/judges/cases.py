"""Judges of cases for enforcement: what suggests one, and which way it went."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from broker.rules.statistics.grounds import grounds
from firmware import wire
from sim.judging.sentence import Term, said
from sim.judging.verdict import Verdict, too_few, verdict
from sim.world.evidence import Evidence


def case_suggested(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """A lane that was blocked so many times, hours apart, is a ground for a case; each press is its evidence once."""
    room, times = values["room"], values["times"]
    blocked = evidence.blocked.get(room, [])
    presses = [p for p in evidence.presses if p.meant == "lane_blocked" and any(one.covers(p.at) for one in blocked)]
    found = [
        one for one in grounds(evidence.stored, 0, wire.LATEST_AT, times)
        if (one.kind, one.room) == ("chronic_lane", room)
    ]  # fmt: skip
    told = len(found[0].happened) if found else 0
    spells = sum(any(one.covers(p.at) for p in presses) for one in blocked)
    faults = []
    if spells >= times and told != len(presses):
        faults.append(said("fault", "case_of_others", room=room, pressed=len(presses), told=told))
    lacks = too_few("blocked", spells, times, room=room)
    return verdict("case_suggested", faults, lacks, room=room, told=told)


def case_went(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """By the record the newest case of a room went through exactly these states, with so much evidence or more."""
    room = values["room"]
    records = [record for record in evidence.stored_of("case") if record.body["room"] == room]
    bodies = [record.body for record in records if record.key == records[-1].key]
    states = [state for state, _ in groupby(body["state"] for body in bodies)]
    words = [Term("case", state) for state in states]
    count = len({one["key"] for one in bodies[-1]["evidence"]}) if bodies else 0
    faults = []
    if bodies and states != values["states"]:
        wanted = [Term("case", state) for state in values["states"]]
        faults.append(said("fault", "case_states", room=room, wanted=wanted, states=words))
    if bodies and count < values["evidence"]:
        faults.append(said("fault", "case_evidence", room=room, wanted=values["evidence"], found=count))
    lacks = too_few("cases", len(bodies), 1)
    return verdict("case_went", faults, lacks, room=room, states=words, evidence=count)
