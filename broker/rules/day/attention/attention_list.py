"""What a person should look at: one list for each topic, each entry about one visit, run, truck, press or rule.

An entry is on its list as long as it is so; it says since when, and in typed values what the screen's sentence for
its `word` (broker/web/static/*.json) is filled with.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from broker.rules.states.visit import VisitKey, record_key


class Topic(StrEnum):
    """What kind of thing an entry is about."""

    PASSED = "passed"  # a visit: was it served?
    OWES = "owes"  # a run that is long over and owes visits
    GONE = "gone"  # a run whose route or rooms left the plan
    UNREAD = "unread"  # a run of which something on record cannot be understood
    CLOCK = "clock"  # a truck whose time is wrong
    PART = "part"  # a truck of which a part does not work
    LEFT_OUT = "left_out"  # the records that could not be understood
    FAULT = "fault"  # a rule that failed, and on what
    LIMIT = "limit"  # a device that says more than it may
    STRANGER = "stranger"  # a device that is in no plan
    BOOTS = "boots"  # a device whose boot number went back, or goes back and forth
    PLAN = "plan"  # the plan: what it does not know
    PRESS = "press"  # a press that no rule could work on
    BEGIN = "begin"  # a run that should begin, or should have begun
    SILENT = "silent"  # a device, or many at once, of which nothing is heard
    ROAD = "road"  # a truck that stands on the road
    WAY = "way"  # a run: what it will not reach in time, or cannot load any more
    DOOR = "door"  # a visit: the truck is there, the bins are not
    SENSOR = "sensor"  # a room whose sensors contradict each other or the crew
    LINK = "link"  # the way to the devices
    FLOOD = "flood"  # the alarms themselves: too many at once
    ANSWER = "answer"  # an addressee of an incident: nobody answered, or a promise is broken


class Asked:
    """The values of an entry; each kind says its topic, its word and how much it matters (GTFS severity)."""

    topic: ClassVar[Topic]
    word: ClassVar[str]
    level: ClassVar[str] = "warning"

    @property
    def covers(self) -> tuple[str, ...]:
        """The ids of entries that are not asked for themselves any more, because this one says it for them."""
        return ()


@dataclass(frozen=True, slots=True)
class PassedBy(Asked):
    """A room passed by without a stop."""

    topic, word = Topic.PASSED, "passed_by"
    truck: str
    room: str


@dataclass(frozen=True, slots=True)
class LongStay(Asked):
    """A truck that stands at a room for very long."""

    topic, word = Topic.PASSED, "long_stay"
    truck: str
    run: str
    room: str
    minutes: int


@dataclass(frozen=True, slots=True)
class RunOwes(Asked):
    """A run that is long over and owes so many visits."""

    topic, word = Topic.OWES, "run_owes"
    truck: str
    run: str
    count: int


@dataclass(frozen=True, slots=True)
class RunGone(Asked):
    """A run whose route left the plan."""

    topic, word = Topic.GONE, "run_gone"
    truck: str
    run: str


@dataclass(frozen=True, slots=True)
class RoomsGone(Asked):
    """A run of which so many rooms left the plan."""

    topic, word = Topic.GONE, "rooms_gone"
    truck: str
    run: str
    count: int


@dataclass(frozen=True, slots=True)
class VisitsUnread(Asked):
    """A run that goes on without these rooms."""

    topic, word = Topic.UNREAD, "visits_unread"
    truck: str
    run: str
    rooms: str


@dataclass(frozen=True, slots=True)
class RunUnread(Asked):
    """A run that is not begun anew, because it has a record."""

    topic, word = Topic.UNREAD, "run_unread"
    truck: str
    run: str


@dataclass(frozen=True, slots=True)
class ClockAhead(Asked):
    """A truck whose positions come from so far ahead."""

    topic, word = Topic.CLOCK, "clock_ahead"
    truck: str
    seconds: int


@dataclass(frozen=True, slots=True)
class ButtonDead(Asked):
    """A truck whose driver cannot press."""

    topic, word, level = Topic.PART, "button_dead", "severe"
    truck: str


@dataclass(frozen=True, slots=True)
class LightDead(Asked):
    """A truck whose driver sees no answer to a press."""

    topic, word = Topic.PART, "light_dead"
    truck: str


@dataclass(frozen=True, slots=True)
class GpsLightDead(Asked):
    """A truck whose second light does not show whether there is a position."""

    topic, word = Topic.PART, "gps_light_dead"
    truck: str


@dataclass(frozen=True, slots=True)
class OutboxDead(Asked):
    """A truck that keeps what is not acknowledged in its memory only."""

    topic, word = Topic.PART, "outbox_dead"
    truck: str


PART_ASKED: dict[str, type[ButtonDead | LightDead | GpsLightDead | OutboxDead]] = {
    "button": ButtonDead, "light": LightDead, "gps_light": GpsLightDead, "outbox": OutboxDead,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeftOut(Asked):
    """So many records or runs could not be brought back at the start; the first of them by name."""

    topic, word, level = Topic.LEFT_OUT, "left_out", "severe"
    count: int
    names: str


@dataclass(frozen=True, slots=True)
class RuleFailed(Asked):
    """A rule failed on something so many times, and is tried again in so many seconds."""

    topic, word, level = Topic.FAULT, "rule_failed", "severe"
    rule: str
    about: str
    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class RuleFailedBefore(Asked):
    """A rule failed on something so many times, and did not for an hour."""

    topic, word = Topic.FAULT, "rule_failed_before"
    rule: str
    about: str
    count: int


@dataclass(frozen=True, slots=True)
class PlanNever(Asked):
    """A plan that has no day on which anything runs."""

    topic, word, level = Topic.PLAN, "plan_never", "severe"
    runs: int


@dataclass(frozen=True, slots=True)
class PlanEnded(Asked):
    """A plan whose last day is over."""

    topic, word, level = Topic.PLAN, "plan_ended", "severe"
    last_day: str


@dataclass(frozen=True, slots=True)
class PlanNotBegun(Asked):
    """A plan whose first day is still to come."""

    topic, word, level = Topic.PLAN, "plan_not_begun", "severe"
    first_day: str


@dataclass(frozen=True, slots=True)
class PlanEndsToday(Asked):
    """A plan whose last day it is."""

    topic, word, level = Topic.PLAN, "plan_ends_today", "severe"
    last_day: str


@dataclass(frozen=True, slots=True)
class PlanEnds(Asked):
    """A plan that ends within a week."""

    topic, word = Topic.PLAN, "plan_ends"
    last_day: str
    days: int


@dataclass(frozen=True, slots=True)
class RoutesEnded(Asked):
    """Routes on which nothing runs any more, while others go on."""

    topic, word = Topic.PLAN, "routes_ended"
    routes: str


@dataclass(frozen=True, slots=True)
class RoutesEnd(Asked):
    """Routes on which nothing runs any more after this week, while others go on."""

    topic, word = Topic.PLAN, "routes_end"
    routes: str


@dataclass(frozen=True, slots=True)
class PressUnworked(Asked):
    """A press is open, and nothing was re-planned for it."""

    topic, word, level = Topic.PRESS, "press_unworked", "severe"
    truck: str
    incident: str


@dataclass(frozen=True, slots=True)
class PressTakenBack(Asked):
    """A press is open though its driver took it back, and nothing was re-planned for that."""

    topic, word, level = Topic.PRESS, "press_taken_back", "severe"
    truck: str
    incident: str


@dataclass(frozen=True, slots=True)
class OverLimit(Asked):
    """A device of which so many messages were refused, lately over this limit."""

    topic, word = Topic.LIMIT, "over_limit"
    device: str
    limit: str
    count: int


@dataclass(frozen=True, slots=True)
class ShutOut(Asked):
    """A device that flooded: its account is closed for so many minutes more."""

    topic, word, level = Topic.LIMIT, "shut_out", "severe"
    device: str
    limit: str
    count: int
    minutes: int


@dataclass(frozen=True, slots=True)
class FloodsElsewhere(Asked):
    """A device that floods a broker out of which the bridge can throw nobody."""

    topic, word, level = Topic.LIMIT, "floods_elsewhere", "severe"
    device: str
    limit: str
    count: int


@dataclass(frozen=True, slots=True)
class Stranger(Asked):
    """A device that speaks and is in no plan: what it says is shown and kept, and moves nothing."""

    topic, word = Topic.STRANGER, "stranger"
    device: str


@dataclass(frozen=True, slots=True)
class LowerBoot(Asked):
    """A device that counts its starts from below what is known, and did not say that it began anew."""

    topic, word = Topic.BOOTS, "lower_boot"
    device: str
    boot: int
    known: int


@dataclass(frozen=True, slots=True)
class TwoDevices(Asked):
    """Two devices that speak under one id."""

    topic, word, level = Topic.BOOTS, "two_devices", "severe"
    device: str
    boot: int
    other: int


@dataclass(frozen=True, slots=True)
class NobodyAnswered(Asked):
    """An addressee of whose chain everybody was told, and nobody has seen it."""

    topic, word, level = Topic.ANSWER, "nobody_answered", "severe"
    truck: str
    incident: str
    addressee: str
    party: str
    minutes: int


@dataclass(frozen=True, slots=True)
class PromiseBroken(Asked):
    """An addressee that promised something until a time that is over."""

    topic, word = Topic.ANSWER, "promise_broken"
    truck: str
    incident: str
    addressee: str
    party: str
    at: int


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
    Topic.ROAD, Topic.WAY, Topic.DOOR, Topic.SENSOR, Topic.LINK, Topic.FLOOD,
})  # fmt: skip


class AttentionList:
    """The entries of each topic by what they are about.

    Written by: effects, dispatch, day, ingest/decisions, ingest/restored_day, flood_control.
    """

    def __init__(self) -> None:
        self._lists: dict[Topic, dict[Subject, Attention]] = {topic: {} for topic in Topic}
        self._since: dict[Topic, dict[Subject, tuple[str, int]]] = {topic: {} for topic in Topic}  # word, since when

    def ask(self, subject: Subject, values: Asked, since: int) -> None:
        """Put it on the list of its topic, in place of what was asked about the same."""
        word, first = self._since[values.topic].get(subject, ("", since))
        self._lists[values.topic][subject] = Attention(min(since, first) if word == values.word else since, values)

    def remember(self, before: "AttentionList") -> None:
        """Though the day was begun again: what is on no record, and since when the rest was asked, until answered."""
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
        self._lists[topic].pop(subject, None)
        self._since[topic].pop(subject, None)

    def of(self, topic: Topic) -> Mapping[Subject, Attention]:
        """The entries of one topic."""
        return self._lists[topic]

    def __iter__(self) -> Iterator[tuple[About, Attention]]:
        """All entries, topic by topic."""
        for topic, found in self._lists.items():
            yield from ((About(topic, subject), entry) for subject, entry in found.items())

    def __len__(self) -> int:
        return sum(map(len, self._lists.values()))


def listed(names: Sequence[str]) -> str:
    """Names in a row; those that have two languages ("A / B"), in a row for each."""
    rows = [", ".join(name.split(" / ")[part] for name in names) for part in (0, -1)]
    return rows[0] if rows[0] == rows[1] else " / ".join(rows)
