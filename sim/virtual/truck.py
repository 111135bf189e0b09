"""The truck's computer in virtual time: the very reader, agent, courier and SQLite outbox of `firmware.truck`."""

import random
from collections.abc import Callable
from pathlib import Path

import orjson

from firmware import wire
from firmware.truck.agent import Agent
from firmware.truck.device import Output, TruckDevice
from firmware.truck.events import Body as Itinerary
from firmware.truck.events import (
    ButtonDown,
    ButtonUp,
    Event,
    FixSeen,
    Light,
    LinkDown,
    LinkUp,
    Publish,
    Report,
    ShowItinerary,
    Wake,
)
from firmware.truck.gps.epochs import Epochs
from firmware.truck.outbox.outbox import BATCH_S, Outbox
from sim.virtual.broker import Will
from sim.virtual.link import Network, VirtualLink
from sim.world.contact import edges
from sim.world.evidence import LIGHT_WORDS, Evidence, Heard, LightChange
from sim.world.spoken import Spoken
from sim.world.timeline import Appointment, Timeline


class WitnessedOutbox(Outbox):
    """The outbox, with a witness who writes down what was entrusted to it."""

    def __init__(self, path: Path, truck_id: str, evidence: Evidence, clock: Callable[[], float]) -> None:
        super().__init__(path)
        self._clock = clock
        self._truck_id = truck_id
        self._evidence = evidence
        self.positions: list[tuple[float, str]] = []  # (kept at, name): only these may die with the power

    def keep(self, report: Report, now_s: float) -> None:
        """Take a report."""
        name = f"{self._truck_id}:{report.boot}:{report.seq}"
        self._evidence.recorded.setdefault(name, self._clock())
        self._evidence.recorded_kind[name] = report.channel
        if report.channel != "incident":
            self.positions.append((now_s, name))
        super().keep(report, now_s)


class VirtualTruck:
    """One truck's computer; its outbox file outlives its power."""

    def __init__(
        self, timeline: Timeline, broker: Network, area: str, truck_id: str, folder: Path, evidence: Evidence,
        dice: random.Random, shows: Callable[[Itinerary | None], None],
    ) -> None:
        self._timeline = timeline
        self._broker = broker
        self._area = area
        self._truck_id = truck_id
        self._path = folder / f"{truck_id}.db"
        self._evidence = evidence
        self._dice = dice
        self._shows = shows
        self._device: TruckDevice | None = None
        self._outbox: WitnessedOutbox | None = None
        self._reader = Epochs()
        self._link: VirtualLink | None = None
        self._wake: Appointment | None = None
        self._powered_at = 0.0
        self._stuck = False

    # --- what the world does --------------------------------------------------------------------------

    def serial(self, data: bytes) -> None:
        """The GPS receiver says this."""
        if self._device is None:
            return
        for fix in self._reader.feed(data) + self._reader.flush():  # then the line is silent until the next instant
            self._handle(FixSeen(fix))

    def press(self, hold_s: float, chatters: bool = False) -> None:
        """A finger holds the button for so long."""
        for after_s, closed in edges(hold_s, random.Random(hold_s) if chatters else None):
            self._timeline.after(after_s, self._edge(closed))

    def contact(self, down: bool, chatters: bool = False) -> None:  # noqa: ARG002 - nobody's finger is there
        """The button's contact closes and stays so, also over its power, or opens."""
        self._stuck = down
        self._handle(ButtonDown() if down else ButtonUp())

    def _edge(self, closed: bool) -> Callable[[], None]:
        return lambda: self._handle(ButtonDown() if closed else ButtonUp())

    def power(self, on: bool) -> None:
        """Plug in or pull out."""
        if on and self._device is None:
            self._start()
        elif not on and self._device is not None:
            self._cut()

    @property
    def at_work(self) -> TruckDevice | None:
        """The device itself; None without power."""
        return self._device

    @property
    def connected(self) -> bool:
        """Whether it believes to be connected."""
        return self._device is not None and self._link is not None and self._link.connected

    def waiting(self) -> int:
        """How many records it keeps that nobody acknowledged."""
        return self._outbox.waiting() if self._device is not None and self._outbox is not None else 0

    def close(self) -> None:
        """Let go of the outbox file, as a power cut does."""
        if self._outbox is not None and self._device is not None:
            self._outbox.close(flush=False)
            self._device = None

    # --- what the computer does -----------------------------------------------------------------------

    def _start(self) -> None:
        self._powered_at = self._timeline.now
        self._outbox = WitnessedOutbox(
            self._path, self._truck_id, self._evidence, lambda: self._timeline.now
        )
        agent = Agent(self._truck_id, self._area, self._outbox.boot, fw="sim")
        self._device = TruckDevice(agent, self._outbox)
        self._reader = Epochs()
        topic = wire.topic("life", self._area, self._truck_id, family="truck")
        will = Will(topic, wire.pack(topic, {"life": "lost", "boot": self._outbox.boot}))
        self._link = VirtualLink(
            self._timeline, self._broker, self._truck_id, self._dice, will=will,
            filters=wire.subscriptions("truck", self._area, self._truck_id), receive=self._receive,
            up=lambda: self._handle(LinkUp()), down=lambda: self._handle(LinkDown()),
        )  # fmt: skip
        self._carry_out(self._device.start(self._now_s(), self._stuck))

    def _cut(self) -> None:
        assert self._link is not None and self._outbox is not None
        self._link.die()
        if self._wake is not None:
            self._wake.cancel()
        not_yet_on_disk = self._now_s() - BATCH_S
        for kept_s, name in self._outbox.positions:
            if kept_s >= not_yet_on_disk:
                del self._evidence.recorded[name]
                self._evidence.uncertain.add(name)
        self.close()
        self._evidence.lights.append(LightChange(self._timeline.now, self._truck_id, "dead"))

    def _now_s(self) -> float:
        return self._timeline.now - self._powered_at

    def _receive(self, topic: str, payload: bytes) -> None:
        device = self._device
        if device is not None:
            self._carry_out(device.message(topic, payload, self._now_s()))

    def _handle(self, event: Event) -> None:
        device = self._device
        if device is not None:
            self._carry_out(device.handle(event, self._now_s()))

    def _carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Publish):
                if self._link is not None:
                    self._link.publish(output.topic, output.payload, output.retain)
            elif isinstance(output, Light):
                shown = LIGHT_WORDS.get(output.pattern, output.pattern)
                self._evidence.lights.append(LightChange(self._timeline.now, self._truck_id, shown))
            elif isinstance(output, ShowItinerary):
                self._show(output.itinerary)
        self._sleep()

    def _show(self, itinerary: Itinerary | None) -> None:
        if itinerary is not None:
            body = Spoken(orjson.dumps(itinerary))
            heard = Heard(self._timeline.now, self._truck_id, "itinerary", self._truck_id, body)
            self._evidence.heard.append(heard)
        self._shows(itinerary)

    def _sleep(self) -> None:
        device = self._device
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        wake_at_s = device.wake_at_s if device is not None else None
        if wake_at_s is not None:
            delay_s = max(wake_at_s - self._now_s(), 0.001)
            self._wake = self._timeline.after(delay_s, self._woken)

    def _woken(self) -> None:
        self._handle(Wake())
