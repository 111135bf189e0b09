"""The bin-room unit in virtual time: the very `firmware.binroom.unit`, with pins, flash and a network of the world."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from firmware import __version__
from firmware.binroom.lamp import PATTERNS
from firmware.binroom.settings import REPORT_GRAMS
from firmware.binroom.unit import Unit
from sim.judging.sentence import said
from sim.virtual.broker import Will
from sim.virtual.link import Network, VirtualLink
from sim.virtual.sensors import Sensors
from sim.world.evidence import Evidence, Heard
from sim.world.lamp_patterns import PatternReader
from sim.world.spoken import Spoken
from sim.world.timeline import Appointment, Timeline

PRESS_S = 0.3
JUST_AFTER_S = 1e-6  # so that what is due in a millisecond is due by then, however the seconds are rounded



def blinks(state: str) -> bool:
    """Whether a lamp's level changes while it shows this."""
    on_ms, period_ms = PATTERNS[state]
    return 0 < on_ms < period_ms


Shown = Callable[[str, str, float], None]  # waste, pattern, since


class VirtualRoom:
    """One unit; its flash outlives its power."""

    def __init__(
        self, timeline: Timeline, broker: Network, area: str, room_id: str, wastes: Sequence[str],
        evidence: Evidence, dice: random.Random, shown: Shown, flash: Path, kinds: Sequence[str], slow: float = 0.0,
        boots: int = 0,
    ) -> None:
        """`kinds` of sensors with the firmware's own drivers; without any the unit is told the truth at once.

        `slow`: by which share its clock is; `boots`: so often it was switched on before.
        """
        self._pace = 1.0 - slow
        self._timeline = timeline
        self._broker = broker
        self._config = {
            "area": area, "device": room_id, "wastes": list(wastes), "lamps": "each", "fw": __version__,
            "report_grams": REPORT_GRAMS,
        }
        self._room_id = room_id
        self._evidence = evidence
        self._dice = dice
        self._flash: dict[tuple[int, int], list[Any]] = {}
        self._boot = boots
        self._truth: dict[str, tuple[int, int]] = {}
        self._sensors = {
            waste: Sensors(timeline, flash / waste, waste, kinds, random.Random(f"{room_id} {waste}"), self._handle)
            for waste in (wastes if kinds else ())
        }
        self._readers = [
            PatternReader(timeline, lambda since, pattern, w=waste: shown(w, pattern, since))  # type: ignore[misc]
            for waste in wastes
        ]
        self._unit: Unit | None = None
        self._link: VirtualLink | None = None
        self._wake: Appointment | None = None
        self._wakes_at_ms = 0
        self._looks_away = False
        self._powered_at = 0.0
        self._read_back: dict[tuple[int, bool], str] = {}

    # --- what the world does --------------------------------------------------------------------------

    def set_bins(self, waste: str, count: int, grams: int) -> None:
        """The sensors now see this."""
        if self._sensors:
            self._sensors[waste].see(count, grams)
        else:
            self._truth[waste] = (count, grams)
            self._handle("bins", waste, count, grams, 0)

    def press(self, event: str) -> None:
        """The keeper presses a button for a moment."""
        self._handle("button", event, True)
        self._timeline.after(PRESS_S, lambda: self._handle("button", event, False))

    def power(self, on: bool) -> None:
        """Plug in or pull out."""
        if on and self._unit is None:
            self._start()
        elif not on and self._unit is not None:
            if self._link is not None:
                self._link.die()
            if self._wake is not None:
                self._wake.cancel()
            self._wake = self._unit = None
            self._looks_away = False
            for sensors in self._sensors.values():
                sensors.power(False)
            for reader in self._readers:
                reader.power_off()

    def take_away(self) -> None:
        """Pull it out for good; whether what it kept had come in nobody here knows."""
        self.power(False)
        for boot, seq in self._flash:
            self._given_up(boot, seq)

    @property
    def at_work(self) -> Unit | None:
        """The unit itself; None without power."""
        return self._unit

    @property
    def connected(self) -> bool:
        """Whether it believes to be connected."""
        return self._unit is not None and self._link is not None and self._link.connected

    def waiting(self) -> int:
        """How many records it keeps that nobody acknowledged."""
        return len(self._flash)

    # --- what the board does --------------------------------------------------------------------------

    def _start(self) -> None:
        self._boot += 1
        self._powered_at = self._timeline.now
        unit = Unit(self._config, self._boot, [list(record) for record in self._flash.values()])
        self._unit = unit
        for reader in self._readers:
            reader.level(False)
        topic, payload = unit.will()
        self._link = VirtualLink(
            self._timeline, self._broker, self._room_id, self._dice, will=Will(topic, payload),
            filters=unit.subscriptions(), receive=self._receive, up=lambda: self._handle("link", True),
            down=lambda: self._handle("link", False),
        )  # fmt: skip
        self._handle("wake")
        for waste, (count, grams) in self._truth.items():
            self._handle("bins", waste, count, grams, 0)
        for sensors in self._sensors.values():
            sensors.power(True)

    def _receive(self, topic: str, payload: bytes) -> None:
        if "/arrival/" in topic and payload:
            heard = Heard(self._timeline.now, self._room_id, "arrival", self._room_id, Spoken(payload))
            self._evidence.heard.append(heard)
        self._handle("message", topic, payload)

    def _now_ms(self) -> int:
        return int((self._timeline.now - self._powered_at) * 1000 * self._pace)

    def _handle(self, *event: Any) -> None:
        unit = self._unit
        if unit is None:
            return
        now_ms = self._now_ms()
        if self._looks_away:
            self._look_again(unit, now_ms)
        wakes_at_ms, dropped = unit.wake_at_ms, unit.dropped()
        effects = unit.handle(event, now_ms)
        if not effects and self._wake is not None and self._wakes_at_ms <= wakes_at_ms == unit.wake_at_ms:
            return  # as after most heartbeats
        if unit.dropped() != dropped:
            gone = [effect[1:] for effect in effects if effect[0] == "forget"]
            self._evidence.notes.append(said("notes", "gave_up", room=self._room_id, number=len(gone)))
            for boot, seq in gone:
                self._given_up(boot, seq)
        for effect in effects:
            _EFFECTS[effect[0]](self, *effect[1:])
        if self._unit is unit and event[0] != "lit":
            self._looks_away = self._may_look_away(unit)
            self._sleep(self._wake_at_ms(unit))

    def _wake_at_ms(self, unit: Unit) -> int:
        return unit.settle_at_ms if self._looks_away else unit.wake_at_ms

    def _may_look_away(self, unit: Unit) -> bool:
        """Leave lamps blinking by themselves, once it is seen what each one shows; whether all of those are."""
        if unit.wake_at_ms == unit.settle_at_ms:  # nothing blinks before that
            return False
        blinking = [pair for pair in zip(unit.lamps, self._readers, strict=True) if blinks(pair[0].state)]
        if not blinking or any(reader.shown != lamp.state for lamp, reader in blinking):
            return False
        for _, reader in blinking:
            reader.look_away()
        return True

    def _look_again(self, unit: Unit, now_ms: int) -> None:
        """See the lamps that were left blinking as they are, since their last edge."""
        self._looks_away = False
        for lamp, reader in zip(unit.lamps, self._readers, strict=True):
            if blinks(lamp.state):
                lit, (on_ms, period_ms) = lamp.wants(now_ms), PATTERNS[lamp.state]
                since_ms = now_ms + lamp.edge_in_ms(now_ms) - (on_ms if lit else period_ms - on_ms)
                reader.level(lit, self._at(since_ms))

    def _at(self, tick_ms: int) -> float:
        return self._powered_at + tick_ms / (1000 * self._pace) + JUST_AFTER_S

    def _sleep(self, until_ms: int) -> None:
        """Be called then at the latest; an earlier call that was asked for stays, and asks again."""
        if self._wake is not None:
            if self._wakes_at_ms <= until_ms:
                return
            self._wake.cancel()
        self._wakes_at_ms = until_ms
        self._wake = self._timeline.at(self._at(until_ms), self._woken)

    def _woken(self) -> None:
        self._wake, unit = None, self._unit
        if unit is not None and self._now_ms() < self._wake_at_ms(unit):
            self._sleep(self._wake_at_ms(unit))
        else:
            self._handle("wake")

    def _publish(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._link is not None:
            self._link.publish(topic, payload, retained)

    def _lamp(self, index: int, on: bool) -> None:
        self._readers[index].level(on)
        # The board reads its pins back every few seconds; here a pin does what it is told, so that is enough.
        state = self._unit.lamps[index].state if self._unit is not None else ""
        if self._read_back.get((index, on)) != state:
            self._read_back[index, on] = state
            self._handle("lit", index, on)

    def _keep(self, record: list[Any]) -> None:
        self._flash[record[0], record[1]] = list(record)
        name = f"{self._room_id}:{record[0]}:{record[1]}"
        self._evidence.recorded.setdefault(name, self._timeline.now)
        self._evidence.recorded_kind[name] = record[2]

    def _forget(self, boot: int, seq: int) -> None:
        self._flash.pop((boot, seq), None)

    def _given_up(self, boot: int, seq: int) -> None:
        name = f"{self._room_id}:{boot}:{seq}"
        if name in self._evidence.recorded:
            del self._evidence.recorded[name]
            self._evidence.uncertain.add(name)

    def _new_boot(self, boot: int) -> None:
        self._boot = boot

    def _ignore(self, *_: Any) -> None:
        """A note or a command for the technician: nothing in this world depends on it."""


_EFFECTS: dict[str, Callable[..., None]] = {
    "publish": VirtualRoom._publish,
    "lamp": VirtualRoom._lamp,
    "keep": VirtualRoom._keep,
    "forget": VirtualRoom._forget,
    "boot": VirtualRoom._new_boot,
    "note": VirtualRoom._ignore,
    "command": VirtualRoom._ignore,
}
