"""A run as a timeline that a person can read: what happened in the street, and what became of it by the record."""

from collections.abc import Iterator, Mapping
from typing import Any

from broker.feeds.outside.findings import Findings
from broker.people.roles import ROLES
from broker.web.pages.rendering import WORDS as PAGES
from broker.words import LANGUAGES
from sim.judging.verdict import clock
from sim.report.page import WORDS
from sim.world.evidence import Evidence, StoredRecord

_NEVER = object()
_ALARMS = Findings("", "UTC")  # no zone: what clocks show is filled in here

Line = tuple[float, str, dict[str, Any]]  # when, which sentence, what it is filled with


def timeline(evidence: Evidence, language: str = "en") -> list[str]:
    """Its lines in the order of time; of one moment the street's come first."""
    if language not in LANGUAGES:
        raise ValueError(f"language: {language!r} is none of {' '.join(LANGUAGES)}")
    told = (*_street(evidence), *_incidents(evidence), *_visits(evidence), *_roads(evidence), *_others(evidence))
    lines = sorted((line for line in told if line[0] >= evidence.start_at), key=lambda line: line[0])
    return [f"{clock(evidence, at)}  {_said(language, word, gaps)}" for at, word, gaps in lines]


def _said(language: str, word: str, gaps: Mapping[str, Any]) -> str:
    groups = {"deed": "deeds", "answer": "answers", "stage": "stages", "reason": "reasons", "of_case": "cases"}
    filled = {
        name: WORDS.say(language, groups[name], str(value)) if name in groups else value for name, value in gaps.items()
    }
    if "of" in gaps:  # a contractor is one of several
        kind, _, firm = str(gaps["of"]).partition(".")
        filled["of"] = f"{WORDS.say(language, 'parties', kind)} {firm}".rstrip()
    if "step" in gaps:
        filled["step"] = PAGES.say(language, "role" if gaps["step"] in ROLES else "duty", gaps["step"])
    if "alarm" in gaps:
        filled["alarm"] = _ALARMS.sentence(gaps["alarm"], language)
    return WORDS.say(language, "timeline", word, **filled)


def _street(evidence: Evidence) -> Iterator[Line]:
    """What is so, whoever knows of it."""
    for room, spells in evidence.blocked.items():
        for spell in spells:
            yield spell.start, "blocked", {"room": room}
            if spell.end is not None:
                yield spell.end, "free", {"room": room}
    for room, spells in evidence.second_units.items():
        for spell in spells:
            yield spell.start, "second_unit", {"room": room}
            if spell.end is not None:
                yield spell.end, "taken_away", {"room": room}
    for press in evidence.presses:
        yield press.at, "press", {"truck": press.truck}
    for at, room in evidence.lane_clear:
        yield at, "lane_clear", {"room": room}
    for visit in evidence.visits:
        gaps: dict[str, object] = {"truck": visit.truck, "room": visit.room, "number": visit.visit_number}
        yield visit.arrived_at, "arrives", gaps
        if visit.left_at is not None:
            yield visit.left_at, "leaves", gaps


def _incidents(evidence: Evidence) -> Iterator[Line]:
    """What was decided and answered, each once: where an incident's newest record says other than the one before."""
    told: dict[str, Mapping[str, Any]] = {}
    for record in evidence.stored_of("workflow"):
        body, before = record.body, told.get(record.key, {})
        told[record.key] = body
        deed = body["decision"] if body["workflow"] == "in_progress" else body["workflow"]
        step = (body["workflow"], body["decided_at"])
        if step != (before.get("workflow"), before.get("decided_at")):
            yield record.at, "deed", {"truck": body["truck"], "deed": deed}
        rows = {row["id"]: row for row in before.get("answers", ())}
        for row in body["answers"]:
            yield from _answer(evidence, record.at, row, rows.get(row["id"], {"told": (), "state": None, "version": 0}))


def _visits(evidence: Evidence) -> Iterator[Line]:
    """What a room is not given, why, and what it is owed for it."""
    for record in _changed(evidence, "visit", "state"):
        body = record.body
        gaps = {"truck": body["truck"], "room": body["room"], "number": body["visit_number"]}
        if body["state"] == "skipped":
            yield record.at, "skipped", {**gaps, "reason": body["reason"] or "other"}
        elif body["state"] == "pending" and not body["original"] and body["not_before_at"] is not None:
            yield record.at, "owed", {**gaps, "at": clock(evidence, body["not_before_at"])}


def _roads(evidence: Evidence) -> Iterator[Line]:
    """Full trucks and closed roads."""
    for record in _changed(evidence, "run", "full_at", at_first=None):
        full = record.body["full_at"] is not None
        yield record.at, "full" if full else "emptied", {"truck": record.body["truck"]}
    for record in _changed(evidence, "closure", "until_at"):
        until = clock(evidence, record.body["until_at"])
        yield record.at, "closed", {"room": record.body["room"], "at": until}


def _others(evidence: Evidence) -> Iterator[Line]:
    """Alarms, bookings and cases: each change of their states."""
    for record in _changed(evidence, "alarm", "state"):
        body = record.body
        values = {name: clock(evidence, value) if name == "at" else value for name, value in body["values"].items()}
        yield record.at, "alarm", {"alarm": {"word": body["word"], "values": values}, "stage": body["state"]}
    for record in _changed(evidence, "case", "state"):
        gaps = {"room": record.body["room"], "of_case": record.body["kind"], "number": len(record.body["evidence"])}
        yield record.at, "case", {**gaps, "stage": record.body["state"]}
    for record in _changed(evidence, "booking", "state"):
        body = record.body
        yield record.at, "booking", {"truck": body["truck"], "pile": body["pile"], "stage": body["state"]}


def _changed(evidence: Evidence, kind: str, field: str, at_first: object = _NEVER) -> Iterator[StoredRecord]:
    """The records of a kind that say another thing in a field than the one before of their key."""
    before: dict[str, object] = {}
    for record in evidence.stored_of(kind):
        value = record.body[field]
        if before.get(record.key, at_first) != value:
            yield record
        before[record.key] = value


def _answer(evidence: Evidence, at: float, row: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Line]:
    """Whom it told and what it said since."""
    for one in row["told"][len(before["told"]) :]:
        yield at, "told", {"of": row["id"], "step": one["step"]}
    if row["version"] != before["version"] and row["state"] == "promised":
        yield at, "promise", {"of": row["id"], "at": clock(evidence, row["until_at"])}
    elif row["version"] != before["version"] and row["state"] != "told":
        yield at, "answer", {"of": row["id"], "answer": row["state"]}
    if row["unanswered_at"] is not None and before.get("unanswered_at") is None:
        yield at, "nobody", {"of": row["id"]}
    if row["in_vain"] and not before.get("in_vain"):
        yield at, "in_vain", {"of": row["id"]}
