"""What is told outside, decided from one picture after the other. Pure: `memory` goes in, and comes out as it is then.

A call: made, held (again when it slips further), resumed, served, skipped, cancelled. A visit that was not called yet
and is expected later than planned by more than `slip_s`: late by how much, again when that changed as much. An alarm:
opened, acknowledged, decided, closed, withdrawn. An answer: who is asked, and each thing that they say or leave
undone. What the rules found: findings.py. Each is counted or named in the memory, so that the same fact has the same
id after a restart, and is told once.

What began longer than LOOKED_BACK_S before anybody looked last is remembered and not told: it was, or nobody listened.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from broker.feeds.outside.findings import LOOKED_BACK_S, Findings
from broker.feeds.outside.message import Message, message_id
from broker.feeds.reports.made import Made
from broker.reports.words import WORDS as REPORT_WORDS
from broker.reports.words import in_language, waste_word
from broker.rules.arrival.prediction import FRESH_LABELS
from broker.rules.states.case import Case
from broker.words import LANGUAGES, Words

GONE_S = 3600  # what no picture has is remembered for so long: a day that is rebuilt brings it back
STEADY_S = 60  # a lateness is told when it lasted
CALL_TYPES = {
    "due": "call.resumed", "held": "call.held", "served": "call.served", "skipped": "call.skipped",
    "cancelled": "call.cancelled",
}  # fmt: skip
CASE_EVIDENCE = 20  # of a case's evidence so much is told, the newest; a message has its bounds
KNOWN_LABELS = (*FRESH_LABELS, "held")  # of times that somebody can count on

Row = Mapping[str, Any]
Memory = dict[str, dict[str, Any]]
WORDS = Words(Path(__file__).parent / "words")


class News:
    """What is worth telling of one area's pictures."""

    def __init__(self, area: str, timezone: str, slip_s: int) -> None:
        self.area, self._zone, self._slip_s = area, ZoneInfo(timezone), slip_s
        self._findings = Findings(area, timezone)

    def of(self, picture: Row, memory: Memory, looked_at: int) -> tuple[list[Message], Memory]:
        """What `picture` holds that was not told, the oldest first, and what is remembered from now on.

        `looked_at` is when a picture was looked at last, also by a bridge that is no more.
        """
        kept: Memory = {}
        names = {row["room"]: row["name"] for row in picture["rooms"]}
        messages: list[Message] = []
        for run in picture["runs"]:
            for row in run["visits"]:
                named = {**row, "room_name": names.get(row["room"], row["room"])}
                if row["call_id"] is not None:
                    messages += self._call(named, memory, kept, picture["at"], looked_at)
                elif row["state"] == "pending" and run["state"] != "finished":
                    messages += self._late(named, memory, kept, picture["at"])
        for row in picture["incidents"]:
            messages += self._alarm(row, memory, kept, looked_at)
            for answer in row.get("answers", ()):
                messages += self._answer(row, answer, memory, kept, looked_at)
        messages += self._findings.of(picture, memory, kept, looked_at)
        kept = {key: {name: value for name, value in one.items() if name != "gone_at"} for key, one in kept.items()}
        for key in memory.keys() - kept.keys():
            gone_at = memory[key].get("gone_at", picture["at"])
            if 0 <= picture["at"] - gone_at < GONE_S:
                kept[key] = {**memory[key], "gone_at": gone_at}
        return sorted(messages, key=lambda message: message.at), kept

    def _call(self, row: Row, memory: Memory, kept: Memory, now: int, looked_at: int) -> Iterator[Message]:
        key = f"call/{row['call_id']}"
        state = "held" if row["held"] else row["state"]
        known = memory.get(key)
        if known is None:
            known = {"n": 1, "state": "due", "eta_at": row["promised_at"]}
            if row["due_at"] < looked_at - LOOKED_BACK_S:
                known["state"] = state
            else:
                yield self._of_call("call.made", row, 0, row["due_at"], row["promised_at"])
        slipped = state == "held" and (row["eta_at"] or 0) - (known["eta_at"] or 0) >= self._slip_s
        if state == "due" and row["label"] not in FRESH_LABELS:
            state = known["state"]  # nobody has heard that it goes on
        if state in CALL_TYPES and (state != known["state"] or slipped):
            yield self._of_call(CALL_TYPES[state], row, known["n"], now, row["eta_at"])
            known = {"n": known["n"] + 1, "state": state, "eta_at": row["eta_at"]}
        kept[key] = known

    def _of_call(self, kind: str, row: Row, number: int, at: int, eta_at: int | None) -> Message:
        promised = row["promised_at"]
        late_s = None if eta_at is None or promised is None else max(0, eta_at - promised)
        return self._of_visit(kind, ("call", row["call_id"], number, kind), row, at, eta_at, late_s)

    def _late(self, row: Row, memory: Memory, kept: Memory, now: int) -> Iterator[Message]:
        key = f"late/{row['id']}"
        known = memory.get(key, {"n": 0, "late_s": 0, "since": None})
        if row["planned_at"] and row["eta_at"] and row["label"] in KNOWN_LABELS:
            late_s = max(0, row["eta_at"] - row["planned_at"])
            since = (known["since"] or now) if abs(late_s - known["late_s"]) >= self._slip_s else None
            known = {**known, "since": since}
            if since is not None and now - since >= STEADY_S:
                yield self._of_visit("late.by", ("late", row["id"], known["n"]), row, now, row["eta_at"], late_s)
                known = {"n": known["n"] + 1, "late_s": late_s, "since": None}
        if known["n"] or known["since"] is not None or key in memory:
            kept[key] = known

    def _of_visit(
        self, kind: str, name: tuple[object, ...], row: Row, at: int, eta_at: int | None, late_s: int | None
    ) -> Message:
        fields = ("room", "room_name", "estate", "waste", "truck", "run_id", "visit_number", "call_id", "planned_at",
                  "promised_at", "reason")  # fmt: skip
        word = "late.over" if kind == "late.by" and (late_s or 0) < self._slip_s else kind
        text = self._text(word, row, eta_at, late_s)
        data = {"area": self.area, **{field: row[field] for field in fields}, "eta_at": eta_at, "late_by_s": late_s}
        return Message(message_id(self.area, *name), kind, at, {**data, "text": text})

    def _alarm(self, row: Row, memory: Memory, kept: Memory, looked_at: int) -> Iterator[Message]:
        name = (row["truck"], row["incident_id"], row["raised_at"])
        key = f"alarm/{'/'.join(map(str, name))}"
        told = list(memory.get(key, {}).get("told", ()))
        silent = key not in memory and row["raised_at"] < looked_at - LOOKED_BACK_S
        for kind, at, detail in _steps(row):
            step = f"{kind}/{detail}"
            if step in told:
                continue
            told.append(step)
            if not silent:
                yield self._of_alarm(kind, row, (*name, step), at)
        kept[key] = {"told": told}

    def _of_alarm(self, kind: str, row: Row, name: tuple[object, ...], at: int) -> Message:
        fields = ("incident_id", "truck", "reason", "stage", "decision", "condition", "room", "room_name", "estate",
                  "estate_name", "lat", "lon", "run_id", "pressed_at", "raised_at", "acknowledged_at", "decided_at",
                  "closed_at")  # fmt: skip
        data = {"area": self.area, **{field: row[field] for field in fields}, "text": self._text(kind, row, None, None)}
        return Message(message_id(self.area, "alarm", *name), kind, at, data)

    def _answer(self, row: Row, answer: Row, memory: Memory, kept: Memory, looked_at: int) -> Iterator[Message]:
        name = (row["truck"], row["incident_id"], row["raised_at"], answer["id"])
        key = f"answer/{'/'.join(map(str, name))}"
        kind, at = _said(answer)
        step = f"{kind}/{answer['version']}/{answer['step'] if answer['state'] == 'told' else ''}"
        silent = key not in memory and answer["asked_at"] < looked_at - LOOKED_BACK_S
        # What the dispatcher says is told as what becomes of the alarm.
        silent = silent or (answer["addressee"] == "dispatcher" and kind != "answer.nobody")
        if not silent and memory.get(key, {}).get("step") != step:
            yield self._of_answer(kind, row, answer, (*name, step), at)
        kept[key] = {"step": step}

    def _of_answer(self, kind: str, row: Row, answer: Row, name: tuple[object, ...], at: int) -> Message:
        fields = ("incident_id", "truck", "reason", "condition", "room", "room_name", "estate", "estate_name", "lat",
                  "lon", "raised_at")  # fmt: skip
        is_firm = answer["addressee"] == "contractor"
        data = {
            "area": self.area, **{field: row[field] for field in fields}, "addressee": answer["id"],
            "contractor": answer["party"] if is_firm else None, "asked_truck": answer["truck"],
            "asked_run_id": answer["run_id"], "state": answer["state"], "until_at": answer["until_at"],
            "version": answer["version"], "step": answer["told"][-1]["step"] if answer["told"] else None,
        }  # fmt: skip
        text = self._text(kind, {**row, "addressee": answer}, answer["until_at"], None)
        return Message(message_id(self.area, "answer", *name), kind, at, {**data, "text": text})

    def _text(self, word: str, row: Row, eta_at: int | None, late_s: int | None) -> dict[str, str]:
        said = {}
        for language in LANGUAGES:
            none = WORDS.say(language, "gap", "unknown")
            gaps = {
                "truck": row["truck"],
                "room": in_language(row["room_name"] or "", language) or WORDS.say(language, "gap", "run"),
                "time": none if eta_at is None else datetime.fromtimestamp(eta_at, self._zone).strftime("%H:%M"),
                "minutes": none if late_s is None else round(late_s / 60),
                "waste": waste_word(language, row.get("waste", "")),
                "reason": REPORT_WORDS.groups(language)["reason"].get(row["reason"] or "", none),
                "decision": WORDS.groups(language)["decision"].get(row.get("decision") or "", none),
                "addressee": _named(row.get("addressee"), language) or none,
            }
            said[language] = WORDS.say(language, "text", word, **gaps)
        return said


def _named(answer: Row | None, language: str) -> str:
    """Whose answer it is, in words, with the truck that is asked for."""
    if answer is None:
        return ""
    party = answer["party"] if answer["addressee"] == "contractor" else ""
    words = (WORDS.say(language, "addressee", answer["addressee"]), party, answer["truck"] or "")
    return " ".join(word for word in words if word)


def _said(answer: Row) -> tuple[str, int]:
    """The newest of an answer: (type, when)."""
    if answer["in_vain"]:
        return "answer.over", answer["ended_at"]
    if answer["state"] == "told" and answer["unanswered_at"] is not None:
        return "answer.nobody", answer["unanswered_at"]
    if answer["state"] == "promised" and answer["on_the_way_at"] is not None:
        return "answer.on_the_way", answer["on_the_way_at"]
    if answer["state"] == "told":  # each step of the chain is told of its own
        return "answer.asked", answer["told"][-1]["at"] if answer["told"] else answer["since_at"]
    return f"answer.{answer['state']}", answer["since_at"]


def _steps(row: Row) -> Iterator[tuple[str, int, object]]:
    """What has become of an incident: (type, when, what tells it from another step of the type)."""
    yield "alarm.opened", row["raised_at"], row["reason"]  # a breakdown that began as a blocked lane is opened again
    if row["acknowledged_at"] is not None:
        yield "alarm.acknowledged", row["acknowledged_at"], row["acknowledged_at"]
    if row["decided_at"] is not None:
        yield "alarm.decided", row["decided_at"], f"{row['decided_at']}/{row['decision']}"
    if not row["open"]:
        yield f"alarm.{row['workflow']}", row["closed_at"] or row["changed_at"], ""


def totals_message(area: str, day: str, ended_at: int, whole: Row, by_waste: Sequence[Row]) -> Message:
    """The figures of a day that is over, for the whole area and by waste kind."""
    text = {}
    for language in LANGUAGES:
        none = WORDS.say(language, "gap", "unknown")
        grams, bins = whole["grams"], whole["bins"]
        gaps = {"day": day, "visits": whole["visits"] or 0, "served": whole["served"] or 0,
                "bins": none if bins is None else bins,
                "kilograms": none if grams is None else round(grams / 1000)}  # fmt: skip
        text[language] = WORDS.say(language, "text", "totals.day", **gaps)
    data = {"area": area, "day": day, "figures": dict(whole), "by_waste": list(map(dict, by_waste)), "text": text}
    return Message(message_id(area, "totals", day), "totals.day", ended_at, data)


def report_message(area: str, made: Made) -> Message:
    """A report that is there, with its figures; one that was made anew is another message."""
    text = {}
    for language in LANGUAGES:
        none = WORDS.say(language, "gap", "unknown")
        grams = made.figures["grams"]
        kilograms = round(grams / 1000) if isinstance(grams, int) else none
        gaps = {"day": made.name, "visits": made.figures["visits"] or 0, "served": made.figures["served"] or 0,
                "kilograms": kilograms}  # fmt: skip
        text[language] = WORDS.say(language, "text", f"report.{made.kind}", **gaps)
        if made.revision > 1:
            text[language] += " " + WORDS.say(language, "text", "report.again", revision=made.revision)
    data = {"area": area, "name": made.name, "from_day": made.from_day, "to_day": made.to_day,
            "revision": made.revision, "figures": dict(made.figures), "chain": list(map(dict, made.chain)),
            "text": text}  # fmt: skip
    return Message(message_id(area, "report", made.name, made.revision), f"report.{made.kind}", made.made_at, data)


def case_message(area: str, case: Case) -> Message:
    """A case that was handed over to enforcement, with its evidence and without anybody's name."""
    text = {}
    for language in LANGUAGES:
        gaps = {"kind": REPORT_WORDS.groups(language)["case"][case.kind], "place": case.room or case.estate or "",
                "count": len(case.evidence)}  # fmt: skip
        text[language] = WORDS.say(language, "text", "case.handed_over", **gaps)
    fields = ("case_id", "version", "kind", "estate", "room", "waste", "note", "opened_at", "handed_over_at")
    rows = [asdict(one) for one in case.evidence[-CASE_EVIDENCE:]]
    data = {"area": area, **{name: getattr(case, name) for name in fields}, "evidence": rows, "text": text}
    at = case.handed_over_at or case.changed_at
    return Message(message_id(area, "case", case.case_id, case.hand_overs), "case.handed_over", at, data)
