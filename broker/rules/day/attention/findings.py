"""What the rules find by themselves and a person must act on: the values of each, with its word and level."""

from dataclasses import dataclass

from broker.rules.day.attention.attention_list import Asked, Topic


@dataclass(frozen=True, slots=True)
class TruckSilent(Asked):
    """A truck on a run of which nothing was heard for so long."""

    topic, word, level = Topic.SILENT, "truck_silent", "severe"
    truck: str
    minutes: int


@dataclass(frozen=True, slots=True)
class UnitSilent(Asked):
    """A room's unit of which nothing was heard for so long."""

    topic, word = Topic.SILENT, "unit_silent"
    room: str
    minutes: int


class _ForMany:
    """A finding that says for its `subjects` what would be said of each."""

    subjects: tuple[str, ...]

    @property
    def covers(self) -> tuple[str, ...]:
        """The entries about them."""
        return tuple(f"{Topic.SILENT}/{subject}" for subject in self.subjects)


@dataclass(frozen=True, slots=True)
class TrucksSilent(_ForMany, Asked):
    """So many trucks on runs fell silent together."""

    topic, word, level = Topic.SILENT, "trucks_silent", "severe"
    count: int
    names: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EstateSilent(_ForMany, Asked):
    """Units of so many rooms of one estate fell silent together."""

    topic, word, level = Topic.SILENT, "estate_silent", "severe"
    estate: str
    count: int
    names: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnitsSilent(_ForMany, Asked):
    """Units of rooms in so many estates fell silent together."""

    topic, word, level = Topic.SILENT, "units_silent", "severe"
    count: int
    names: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TruckNotHeard(Asked):
    """A truck that should be switched on: its run begins in so many minutes."""

    topic, word = Topic.BEGIN, "truck_not_heard"
    truck: str
    run: str
    minutes: int


@dataclass(frozen=True, slots=True)
class RunNotBegun(Asked):
    """A run that should have begun so many minutes ago."""

    topic, word, level = Topic.BEGIN, "run_not_begun", "severe"
    truck: str
    run: str
    minutes: int


@dataclass(frozen=True, slots=True)
class ExtraTruckNotHeard(Asked):
    """A truck that was to take over so many minutes ago, and is not heard."""

    topic, word, level = Topic.BEGIN, "extra_truck_not_heard", "severe"
    truck: str
    run: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Standing(Asked):
    """A truck that stands on the road, and whose driver has not pressed."""

    topic, word = Topic.ROAD, "standing"
    truck: str
    run: str
    room: str
    minutes: int


@dataclass(frozen=True, slots=True)
class NotOut(Asked):
    """A truck that stands at a room whose bins are inside still."""

    topic, word = Topic.DOOR, "not_out"
    truck: str
    room: str
    count: int


@dataclass(frozen=True, slots=True)
class TruckFull(Asked):
    """A truck that has loaded what it can, while its run owes visits."""

    topic, word = Topic.WAY, "truck_full"
    truck: str
    run: str
    bins: int
    capacity: int
    count: int


@dataclass(frozen=True, slots=True)
class WillMiss(Asked):
    """A run that will be so late at some rooms, the worst of which is named; who could take some of them over."""

    topic, word = Topic.WAY, "will_miss"
    truck: str
    run: str
    room: str
    minutes: int
    count: int
    able: str


@dataclass(frozen=True, slots=True)
class SensorDisagrees(Asked):
    """A room whose count, weight and crew say different things about its last visit."""

    topic, word, level = Topic.SENSOR, "sensor_disagrees", "info"
    room: str
    truck: str


@dataclass(frozen=True, slots=True)
class BrokerAway(Asked):
    """Nothing can be heard of anybody for so long."""

    topic, word, level = Topic.LINK, "broker_away", "severe"
    minutes: int


@dataclass(frozen=True, slots=True)
class AlarmFlood(Asked):
    """So many alarms in ten minutes."""

    topic, word = Topic.FLOOD, "alarm_flood"
    count: int


# Those that take a while of looking or listening to be found.
FOUND_BY_LOOKING: tuple[type[Asked], ...] = (
    TruckSilent, UnitSilent, TrucksSilent, EstateSilent, UnitsSilent, TruckNotHeard, RunNotBegun, ExtraTruckNotHeard,
    Standing, NotOut, WillMiss,
)  # fmt: skip
