"""What a person is asked about trucks' computers, rooms' units, and the way to them."""

from broker.rules.day.attention.asked import Asked, Topic


class TruckSilent(Asked, topic=Topic.SILENT, word="truck_silent", level="severe"):
    """A truck on a run of which nothing was heard for so long."""

    truck: str
    minutes: int


class UnitSilent(Asked, topic=Topic.SILENT, word="unit_silent"):
    """A room's unit of which nothing was heard for so long."""

    room: str
    minutes: int


class _ForMany:
    """A finding that says for its `subjects` what would be said of each."""

    subjects: tuple[str, ...]

    @property
    def covers(self) -> tuple[str, ...]:
        """The entries about them."""
        return tuple(f"{Topic.SILENT}/{subject}" for subject in self.subjects)


class TrucksSilent(_ForMany, Asked, topic=Topic.SILENT, word="trucks_silent", level="severe"):
    """So many trucks on runs fell silent together."""

    count: int
    names: str
    subjects: tuple[str, ...]


class EstateSilent(_ForMany, Asked, topic=Topic.SILENT, word="estate_silent", level="severe"):
    """Units of so many rooms of one estate fell silent together."""

    estate: str
    count: int
    names: str
    subjects: tuple[str, ...]


class UnitsSilent(_ForMany, Asked, topic=Topic.SILENT, word="units_silent", level="severe"):
    """Units of rooms in so many estates fell silent together."""

    count: int
    names: str
    subjects: tuple[str, ...]


class UnitsNeverHeard(Asked, topic=Topic.SILENT, word="units_never_heard"):
    """So many rooms of the plan have units that never said anything: rather never set up than fallen silent."""

    count: int
    names: str


class Stranger(Asked, topic=Topic.STRANGER, word="stranger"):
    """A device that speaks and is in no plan: what it says is shown and kept, and moves nothing."""

    device: str


class LowerBoot(Asked, topic=Topic.BOOTS, word="lower_boot"):
    """A device that counts its starts from below what is known, and did not say that it began anew."""

    device: str
    boot: int
    known: int


class TwoDevices(Asked, topic=Topic.BOOTS, word="two_devices", level="severe"):
    """Two devices that speak under one id."""

    device: str
    boot: int
    other: int


class ClockAhead(Asked, topic=Topic.CLOCK, word="clock_ahead"):
    """A truck whose positions come from so far ahead."""

    truck: str
    seconds: int


class ButtonDead(Asked, topic=Topic.PART, word="button_dead", level="severe"):
    """A truck whose driver cannot press."""

    truck: str


class LightDead(Asked, topic=Topic.PART, word="light_dead"):
    """A truck whose driver sees no answer to a press."""

    truck: str


class GpsLightDead(Asked, topic=Topic.PART, word="gps_light_dead"):
    """A truck whose second light does not show whether there is a position."""

    truck: str


class OutboxDead(Asked, topic=Topic.PART, word="outbox_dead"):
    """A truck that keeps what is not acknowledged in its memory only."""

    truck: str


PART_ASKED: dict[str, type[ButtonDead | LightDead | GpsLightDead | OutboxDead]] = {
    "button": ButtonDead, "light": LightDead, "gps_light": GpsLightDead, "outbox": OutboxDead,
}  # fmt: skip


class SensorDisagrees(Asked, topic=Topic.SENSOR, word="sensor_disagrees", level="info"):
    """A room whose count, weight and crew say different things about its last visit."""

    room: str
    truck: str


class OverLimit(Asked, topic=Topic.LIMIT, word="over_limit"):
    """A device of which so many messages were refused, lately over this limit."""

    device: str
    limit: str
    count: int


class ShutOut(Asked, topic=Topic.LIMIT, word="shut_out", level="severe"):
    """A device that flooded: its account is closed for so many minutes more."""

    device: str
    limit: str
    count: int
    minutes: int


class FloodsElsewhere(Asked, topic=Topic.LIMIT, word="floods_elsewhere", level="severe"):
    """A device that floods a broker out of which the bridge can throw nobody."""

    device: str
    limit: str
    count: int


class BrokerAway(Asked, topic=Topic.LINK, word="broker_away", level="severe"):
    """Nothing can be heard of anybody for so long."""

    minutes: int
