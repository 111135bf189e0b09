"""What is told outside of alarms that the rules found: opened, seen, put aside, over; as the screen has them.

Each time that people were to be told is a fact of its own (`announced_at`): what got worse, or came off the shelf, is
opened again. An alarm that is on the list no more is over.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from broker.feeds.outside.message import Message, message_id
from broker.reports.words import in_language
from broker.words import LANGUAGES

LOOKED_BACK_S = 900  # what began so long before anybody looked last was told, or nobody listened
STEPS = {
    "unseen_active": "finding.opened", "seen_active": "finding.seen", "gone_unseen": "finding.over",
    "shelved": "finding.shelved", "out_of_service": "finding.out_of_service",
}  # fmt: skip
FIELDS = ("about", "topic", "word", "level", "values", "since", "state", "announced_at", "until")
_SCREEN = Path(__file__).parents[2] / "web" / "static"  # an alarm is told in the words that the screen has for it

Row = Mapping[str, Any]
Memory = dict[str, dict[str, Any]]


class Findings:
    """What is worth telling of the alarms of one area's pictures."""

    def __init__(self, area: str, timezone: str) -> None:
        self._area, self._zone = area, ZoneInfo(timezone)
        self._words = {one: json.loads((_SCREEN / f"{one}.json").read_bytes()) for one in LANGUAGES}

    def of(self, picture: Row, memory: Memory, kept: Memory, looked_at: int) -> Iterator[Message]:
        """What `picture` holds that was not told; what is remembered of it is put into `kept`."""
        now = picture["at"]
        for row in picture.get("alarms", ()):
            key = f"finding/{row['about']}"
            known = memory.get(key, {})
            if row["announced_at"] is None:
                continue
            is_new = row["announced_at"] != known.get("announced_at")
            told_before = is_new and not known and row["announced_at"] < looked_at - LOOKED_BACK_S
            if is_new and not told_before:
                yield self._message("finding.opened", {**row, "state": "unseen_active"}, row["announced_at"])
            step = STEPS[row["state"]]
            if not told_before and step != "finding.opened" and (is_new or step != known.get("step")):
                yield self._message(step, row, now)
            values = {field: row[field] for field in FIELDS}
            kept[key] = {"announced_at": row["announced_at"], "step": step, "row": values}
        here = {f"finding/{row['about']}" for row in picture.get("alarms", ())}
        for key, known in memory.items():
            if key.startswith("finding/") and key not in here and "row" in known:
                if known["step"] != "finding.over":
                    yield self._message("finding.over", {**known["row"], "state": "normal"}, now)
                kept[key] = {"announced_at": known["announced_at"], "step": "finding.over"}

    def _message(self, kind: str, row: Row, at: int) -> Message:
        name = (self._area, "finding", row["about"], row["announced_at"], kind, row["until"])
        data = {"area": self._area, **{field: row[field] for field in FIELDS}, "text": self.text(row)}
        return Message(message_id(*name), kind, at, data)

    def text(self, row: Row) -> dict[str, str]:
        """The screen's sentence, and how the alarm stands; of a word that a newer cell has, the cell's own sentence."""
        if "text" in row and any(row["word"] not in words for words in self._words.values()):
            return dict(row["text"])
        said = {}
        for language, words in self._words.items():
            until = "" if row["until"] is None else datetime.fromtimestamp(row["until"], self._zone).strftime("%H:%M")
            state = words.get(row["state"], words["over"]).replace("{until}", until)
            said[language] = f"{self.sentence(row, language)} ({state})"
        return said

    def sentence(self, row: Row, language: str) -> str:
        """What is so, as the screen says it."""
        words = self._words[language]
        values = {name: self._filled(words, language, name, value) for name, value in row["values"].items()}
        said = str(words.get(row["word"], row["word"])).format_map(values)
        return said.replace("  ", " ")  # the dispatcher has no name of its own

    def _filled(self, words: Mapping[str, str], language: str, name: str, value: Any) -> str:
        """A value as the screen writes it."""
        if name == "at" and type(value) is int:
            return datetime.fromtimestamp(value, self._zone).strftime("%H:%M")
        return words.get(f"addressee_{value}", "") or in_language(str(value), language)
