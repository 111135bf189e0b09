"""What an entry says: typed values that the screen's sentence for its `word` (broker/web/static/*.json) is filled with.

Its kinds stand by what they are about, in the files `about_*.py` beside this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, dataclass_transform


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
    DRIFT = "drift"  # rooms whose calls were off to one side for a week
    LINK = "link"  # the way to the devices
    FLOOD = "flood"  # the alarms themselves: too many at once
    ANSWER = "answer"  # an addressee of an incident: nobody answered, or a promise is broken


@dataclass_transform(frozen_default=True)
class Asked:
    """The values of an entry; each kind is a frozen dataclass of them that says its topic, its word and how much it
    matters (GTFS severity)."""

    topic: ClassVar[Topic]
    word: ClassVar[str]
    level: ClassVar[str]

    def __init_subclass__(cls, *, topic: Topic, word: str, level: str = "warning") -> None:
        """A kind is declared by its header and its fields."""
        cls.topic, cls.word, cls.level = topic, word, level
        dataclass(frozen=True)(cls)

    @property
    def covers(self) -> tuple[str, ...]:
        """The ids of entries that are not asked for themselves any more, because this one says it for them."""
        return ()


def listed(names: Sequence[str]) -> str:
    """Names in a row; those that have two languages ("A / B"), in a row for each."""
    rows = [", ".join(name.split(" / ")[part] for name in names) for part in (0, -1)]
    return rows[0] if rows[0] == rows[1] else " / ".join(rows)
