"""What a person should look at: one list for each topic, each entry about one visit, run, truck, press or rule.

An entry is on its list as long as it is so; it says since when, and what (`asked.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from broker.rules.day.attention.asked import Asked, Topic
from broker.rules.states.visit import VisitKey, record_key

Subject = VisitKey | str  # a visit, or the id of a run, a truck, a press


class About(NamedTuple):
    """What an entry is about."""

    topic: Topic
    subject: Subject

    @property
    def id(self) -> str:
        """One text for it: the screen tells entries apart by it."""
        if isinstance(self.subject, tuple):
            return f"{self.topic}/{record_key(self.subject)}"
        return f"{self.topic}/{self.subject}" if self.subject else str(self.topic)


@dataclass(frozen=True, slots=True)
class Attention:
    """Since when a person should look at it, and what is to be said."""

    since: int
    values: Asked

    @property
    def word(self) -> str:
        """The word that the screen has a sentence for."""
        return self.values.word

    def fields(self) -> dict[str, Any]:
        """The values by name."""
        return asdict(self.values)  # type: ignore[call-overload,no-any-return]  # each kind is a dataclass


# What is on no record, or is found by looking for a while.
KEPT_ASKED = frozenset({
    Topic.FAULT, Topic.CLOCK, Topic.PART, Topic.LIMIT, Topic.STRANGER, Topic.BOOTS, Topic.BEGIN, Topic.SILENT,
    Topic.ROAD, Topic.WAY, Topic.DOOR, Topic.SENSOR, Topic.DRIFT, Topic.LINK, Topic.FLOOD,
})  # fmt: skip


class AttentionList:
    """The entries of each topic by what they are about.

    Written by: effects, dispatch, day, ingest/decisions, ingest/restored, flood_control.
    """

    def __init__(self) -> None:
        self._lists: dict[Topic, dict[Subject, Attention]] = {topic: {} for topic in Topic}
        self._since: dict[Topic, dict[Subject, tuple[str, int]]] = {topic: {} for topic in Topic}  # word, since when
        self._by_id: dict[str, Attention] | None = None  # all of them, as long as they stay as they are
        self._covered: frozenset[str] | None = None  # what they stand for, for as long

    def ask(self, subject: Subject, values: Asked, since: int) -> None:
        """Put it on the list of its topic, in place of what was asked about the same: with its word it is so since that
        was asked first."""
        entry = self._lists[values.topic].get(subject)
        known = [self._since[values.topic].get(subject), (entry.word, entry.since) if entry is not None else None]
        since = min([since, *(first for word, first in filter(None, known) if word == values.word)])
        self._lists[values.topic][subject] = Attention(since, values)
        self._by_id = self._covered = None

    def remember(self, before: "AttentionList") -> None:
        """Though the day was begun again: what is on no record, and since when the rest was asked, until answered."""
        self._by_id = self._covered = None
        for topic in Topic:
            if topic in KEPT_ASKED:
                self._lists[topic] = dict(before.of(topic))
                continue
            asked = {subject: (entry.word, entry.since) for subject, entry in before.of(topic).items()}
            self._since[topic] = {**before._since[topic], **asked}
            for subject, entry in list(self.of(topic).items()):
                self.ask(subject, entry.values, entry.since)

    def answered(self, topic: Topic, subject: Subject) -> None:
        """It is no question any more."""
        if self._lists[topic].pop(subject, None) is not None:
            self._by_id = self._covered = None
        self._since[topic].pop(subject, None)

    def of(self, topic: Topic) -> Mapping[Subject, Attention]:
        """The entries of one topic."""
        return self._lists[topic]

    def by_id(self) -> Mapping[str, Attention]:
        """All entries by what they are about (`About.id`), topic by topic; many ask each second."""
        if self._by_id is None:
            self._by_id = {about.id: entry for about, entry in self}
        return self._by_id

    def covered(self) -> frozenset[str]:
        """What the entries stand for besides themselves, by id."""
        if self._covered is None:
            self._covered = frozenset(one for entry in self.by_id().values() for one in entry.values.covers)
        return self._covered

    def __iter__(self) -> Iterator[tuple[About, Attention]]:
        """All entries, topic by topic."""
        for topic, found in self._lists.items():
            yield from ((About(topic, subject), entry) for subject, entry in found.items())

    def __len__(self) -> int:
        return sum(map(len, self._lists.values()))
