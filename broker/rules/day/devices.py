"""What is known of the trucks' and rooms' devices: their life, what they said last, in which order they speak."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.rules.collecting.readings import Reading, Readings
from broker.rules.day.boots import Boots
from broker.rules.tracking.types import GpsFix

SILENT = ("lost", "disconnected")  # lives of a device of which nobody hears
BEGINS = ("init", "ready")  # what a device says when it starts
_BEFORE_ALL = (-1, -1)


@dataclass(slots=True)  # not frozen: that takes thrice as long to make, and each report makes some
class BinCount:
    """The newest bin report of a room for one waste kind."""

    count: int | None
    grams: int | None
    quality: int
    at: int


@dataclass(slots=True)
class _Device:
    """What is known of any device.

    Written by: dispatch/device_messages, day, ingest/restored.
    """

    life: str = "disconnected"
    boot: int = 0
    fw: str | None = None
    heard_at: int | None = None  # also of its last will
    spoke_at: int | None = None  # itself
    newest: dict[str, tuple[int, int]] = field(default_factory=dict)  # channel -> newest (boot, seq)
    boots: Boots = field(default_factory=Boots)
    answer: Mapping[str, Any] | None = None  # to the command that was answered last: its id, done, said

    def heard(self, now: int, life: str | None = None) -> None:
        """It spoke, or (by its `life`) the broker speaks of it as lost."""
        self.heard_at = now
        if life not in SILENT:
            self.spoke_at = now

    def lives(self, life: str, boot: int, fw: str | None) -> bool:
        """Take in its life; whether that is news. The will of a connection before its last restart says nothing."""
        known = max(self.boot, *(said for said, _ in self.newest.values()), 0)
        if boot < known and life in SILENT:
            return False
        if boot < known:
            self.newest.clear()  # a new card or a new board counts from elsewhere
        news = (self.life, self.boot) != (life, boot)
        self.life, self.boot, self.fw = life, boot, self.fw if fw is None else fw
        return news

    def answers(self, body: Mapping[str, Any]) -> None:
        """What became of a command, if its life says so."""
        if "answers" in body:
            self.answer = {"id": body["answers"], "done": body.get("done", True), "said": body.get("said", "")}

    def was(self, boot: int, fw: str | None, at: int) -> None:
        """What the record knows of it."""
        self.boot, self.fw = boot, fw
        self.boots = Boots(boot, at)

    def counted(self, boots: Boots) -> None:
        """How it counted its starts in the last hours, by the record."""
        self.boots = boots if boots.believed is not None else self.boots

    def said(self, channel: str, boot: int, seq: int) -> None:
        """The newest that counts of a channel."""
        self.newest[channel] = (boot, seq)

    def is_old(self, channel: str, body: Mapping[str, Any]) -> bool:
        """Whether something newer of this channel was decided on already (incidents are told apart by their id)."""
        if channel in ("incident", "keeper"):
            return False
        number = body["boot"], body["seq"]
        if number <= self.newest.get(channel, _BEFORE_ALL):
            return True
        if not body.get("late", False):
            self.newest[channel] = number
        return False

    def not_after(self, now: int) -> None:
        """Leave behind what only a clock that was ahead can have said."""
        self.heard_at, self.spoke_at = _past(self.heard_at, now), _past(self.spoke_at, now)


@dataclass(slots=True)
class TruckState(_Device):
    """What is known of a truck; `fix` is its newest position that may be used for decisions.

    Written by: dispatch/device_messages, ingest/restored.
    """

    fix: GpsFix | None = None
    mode: int = 0

    def sees(self, mode: int) -> None:
        """How good its receiver says that a position is (gpsd's TPV mode)."""
        self.mode = mode

    def stands(self, fix: GpsFix) -> None:
        """Where it is."""
        self.fix = fix

    def not_after(self, now: int) -> None:
        """As of any device; a position too."""
        _Device.not_after(self, now)
        if self.fix is not None and self.fix.fix_at > now:
            self.fix = None


@dataclass(slots=True)
class RoomState(_Device):
    """What is known of a room's unit: its life, the bins in its sight per waste kind, its lamps as read back.

    Written by: dispatch/device_messages, dispatch/incidents, dispatch/visits/bin_counts, ingest/restored.
    """

    bins: dict[str, BinCount] = field(default_factory=dict)
    readings: dict[str, Readings] = field(default_factory=dict)  # per waste kind, of the last hours
    lamps: dict[str, dict[str, Any]] = field(default_factory=dict)
    lamps_at: int | None = None
    bins_out_at: int | None = None

    def counts(self, rows: Iterable[Mapping[str, Any]], at: int) -> None:
        """What stands there of each waste kind that a report names."""
        for row in rows:
            self.bins[row["waste"]] = BinCount(row["count"], row["grams"], row["quality"], at)

    def read(self, rows: Iterable[Mapping[str, Any]], at: int, boot: int, seq: int) -> None:
        """A report, of now or of earlier: what stood there of each waste kind at a moment."""
        for row in rows:
            readings = self.readings.get(row["waste"])
            if readings is None:
                readings = self.readings[row["waste"]] = Readings()
            readings.add(Reading.of_row(row, at, boot, seq))

    def fell_silent(self, at: int) -> None:
        """Its unit was lost: until it speaks nobody knows what stands there."""
        for readings in self.readings.values():
            readings.add(Reading.silence(at))

    def shows(self, lamps: list[dict[str, Any]], now: int) -> None:
        """What its lamps show, as it read back."""
        self.lamps, self.lamps_at = {lamp["waste"]: lamp for lamp in lamps}, now

    def counts_nothing(self) -> None:
        """Nobody knows what stands there."""
        self.bins.clear()

    def put_out(self, at: int) -> None:
        """Its keeper says that the bins stand outside."""
        self.bins_out_at = max(at, self.bins_out_at or at)

    def not_after(self, now: int) -> None:
        """As of any device; counts and lamps too."""
        _Device.not_after(self, now)
        self.lamps_at, self.bins_out_at = _past(self.lamps_at, now), _past(self.bins_out_at, now)
        for readings in self.readings.values():
            readings.not_after(now)
        for waste, was in self.bins.items():
            self.bins[waste] = BinCount(was.count, was.grams, was.quality, min(was.at, now))


class Devices:
    """Trucks and rooms by id, known as soon as they are named.

    Written by: bridge, dispatch/device_messages, dispatch/incidents/keepers, dispatch/runs/run_progress,
    dispatch/visits/bin_counts, ingest/restored.
    """

    def __init__(self) -> None:
        self._hears_since: int | None = None
        self._deaf_since: int | None = None
        self._trucks: dict[str, TruckState] = {}
        self._rooms: dict[str, RoomState] = {}
        self._wrong_clocks = self._stale_fixes = 0
        self._readings_since = 0

    @property
    def hears_since(self) -> int | None:
        """Since when the broker brings what devices say; None while it does not."""
        return self._hears_since

    @property
    def deaf_since(self) -> int | None:
        """Since when the broker brings nothing; None while it does."""
        return self._deaf_since

    def hear(self, now: int) -> None:
        """The way to the devices is there (again)."""
        self._hears_since, self._deaf_since = now, None

    def hear_nothing(self, now: int) -> None:
        """The way to the devices is not there."""
        self._hears_since, self._deaf_since = None, now if self._deaf_since is None else self._deaf_since

    @property
    def wrong_clocks(self) -> int:
        """How many positions came from a clock that was ahead."""
        return self._wrong_clocks

    @property
    def stale_fixes(self) -> int:
        """How many positions were too old to decide on."""
        return self._stale_fixes

    def count_wrong_clock(self) -> None:
        """A position came from a clock that was ahead."""
        self._wrong_clocks += 1

    def count_stale_fix(self) -> None:
        """A position was too old to decide on."""
        self._stale_fixes += 1

    @property
    def readings_since(self) -> int:
        """From when on all is known that rooms' units said."""
        return self._readings_since

    def read_since(self, at: int) -> None:
        """The record was read from here on only."""
        self._readings_since = at

    @property
    def trucks(self) -> Mapping[str, TruckState]:
        """Those that are known."""
        return self._trucks

    @property
    def rooms(self) -> Mapping[str, RoomState]:
        """Those that are known."""
        return self._rooms

    def truck(self, name: str) -> TruckState:
        """What is known of a truck; nothing, the first time."""
        return self._trucks.get(name) or self._trucks.setdefault(name, TruckState())

    def room(self, name: str) -> RoomState:
        """What is known of a room's unit; nothing, the first time."""
        return self._rooms.get(name) or self._rooms.setdefault(name, RoomState())

    def not_after(self, now: int) -> None:
        """Leave behind what only a clock that was ahead can have said."""
        self._hears_since, self._deaf_since = _past(self._hears_since, now), _past(self._deaf_since, now)
        for device in (*self._trucks.values(), *self._rooms.values()):
            device.not_after(now)


def _past(at: int | None, now: int) -> int | None:
    """A moment of a clock that may have been ahead: no later than now."""
    return None if at is None else min(at, now)
