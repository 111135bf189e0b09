"""A cell in one process and in virtual time: the bridge without a broker, its devices without a network.

It says what a message costs by counting calls of Python functions, which is the same on each machine and in each run.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from broker.bridge import Bridge
from broker.plan.calendar import day_start_at
from broker.store import Record
from broker.store.opening import open_store
from broker.store.transfer import records_of
from broker.web.stream.frames import Frames
from broker.web.view.last_picture import Pictures
from tests.support.cell.area import BEGINS_S, DAY, area_plan
from tests.support.cell.devices import Said, Truck, Unit


@dataclass
class Cost:
    """What some seconds of a cell's day cost."""

    trucks: int
    messages: int = 0
    calls: Counter[CodeType] = field(default_factory=Counter)
    cpu_s: float = 0.0

    @property
    def calls_a_message(self) -> float:
        """Calls of our functions for each message."""
        return sum(self.calls.values()) / self.messages


class VirtualCell:
    """An area of so many trucks whose day goes on as fast as it can be worked out."""

    def __init__(self, folder: Path, trucks: int, lead_s: int = 60) -> None:
        self.plan = area_plan(trucks)
        self.start_at = day_start_at(self.plan, DAY)
        self.now = self.start_at + BEGINS_S - lead_s
        self._sent: list[Said] = []
        self._frames = Frames()
        self._begin(folder, ())
        self.trucks = {run.truck_id: Truck(self.plan, run, self.start_at) for run in self.plan.runs.values()}
        self.units = {room: Unit(self.plan, room, self.now) for room in self.plan.rooms}
        self.messages = 0
        self._silent = self._standing = False
        for device in (*self.trucks.values(), *self.units.values()):
            self._say([device.life()])
        for unit in self.units.values():
            self._say(unit.first(self.now))

    def _begin(self, folder: Path, records: Sequence[Record]) -> None:
        self._store = open_store(folder, area="xh", timezone="Asia/Shanghai", now=lambda: self.now)
        self.append(records)
        self.bridge = Bridge(self.plan, self._store, lambda *said: self._sent.append(said), in_steps=True)
        self.bridge.start(self.now)
        self._pictures = Pictures(self.bridge)

    def append(self, records: Sequence[Record]) -> None:
        """These records come into its store beside the bridge."""
        if records:
            self._store.append(records)

    def taken_over(self, folder: Path, records: Sequence[Record]) -> None:
        """Its machine is dead and another one goes on, with these records alone; devices do not begin anew."""
        self._store.close()
        self._begin(folder, records)

    def records(self) -> list[Record]:
        """What its store has by now."""
        return list(records_of(self._store))

    def picture(self) -> dict[str, Any]:
        """What its screens show."""
        return self._pictures.newest(self.now)

    def _say(self, said: list[Said]) -> None:
        for topic, payload, _ in said:
            self.bridge.receive(topic, payload, self.now)
            self.messages += 1

    def press(self, truck: str) -> None:
        """A driver holds the button."""
        self._say([self.trucks[truck].press(self.now)])

    def fall_silent(self) -> None:
        """Nobody speaks any more, and the broker says so of each."""
        self._silent = True
        self._say([(*device.will(), True) for device in (*self.trucks.values(), *self.units.values())])

    def stand_still(self) -> None:
        """No truck moves on; each says each minute where it stands."""
        self._standing = True

    def run(self, steps: int, step_s: int = 1) -> None:
        """Let so many seconds pass, as the process does: what came, a tick, a commit, a picture for the screens; of a
        longer step only its last second."""
        for _ in range(steps):
            self.now += step_s
            self._speak()
            self.bridge.tick(self.now)
            self.bridge.flush(self.now)
            while self.bridge.work(self.now):
                pass
            self._frames.show(self._pictures.newest(self.now))
            sent, self._sent = self._sent, []
            for topic, payload, _ in sent:
                name = topic.split("/")[4]
                device = self.trucks.get(name) or self.units.get(name)
                if device is not None and not self._silent:
                    self._say(device.hear(topic, payload, self.now))

    def _speak(self) -> None:
        if self._silent:
            return
        for truck in self.trucks.values():
            if self._standing:
                self._say([truck.fix(self.now)])
            elif truck.next_at() <= self.now:
                self._say(truck.due(self.now))
        for unit in self.units.values():
            if unit.next_at() <= self.now:
                self._say(unit.due(self.now))

    def lines(self, happens: Callable[[], None]) -> Counter[CodeType]:
        """How many lines of each function of broker/ run while something happens."""
        found: Counter[CodeType] = Counter()

        def called(frame: FrameType, _event: str, _: Any) -> Callable[..., Any] | None:
            return each if "/broker/" in frame.f_code.co_filename else None

        def each(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            if event == "line":
                found[frame.f_code] += 1
            return each

        sys.settrace(called)
        try:
            happens()
        finally:
            sys.settrace(None)
        return found

    def cost(self, seconds: int, *, count: bool = True) -> Cost:
        """What the next seconds cost, by calls of functions of broker/ or, without `count`, by processor time."""
        found, before = Cost(len(self.trucks)), self.messages
        calls = found.calls

        def note(frame: FrameType, event: str, _: Any) -> None:
            if event == "call" and "/broker/" in frame.f_code.co_filename:
                calls[frame.f_code] += 1

        began_s = time.process_time()
        if count:
            sys.setprofile(note)
        try:
            self.run(seconds)
        finally:
            sys.setprofile(None)
        found.cpu_s, found.messages = time.process_time() - began_s, self.messages - before
        return found

    def close(self) -> None:
        """End in order."""
        self.bridge.stop(self.now)
        self._store.close()


def cost_of(trucks: int, seconds: int, warm_s: int = 180, *, count: bool = True) -> Cost:
    """What some seconds of a morning cost with so many trucks, all of them under way."""
    with tempfile.TemporaryDirectory(prefix="zhanpai-cell-") as folder:
        cell = VirtualCell(Path(folder), trucks)
        try:
            cell.run(warm_s)
            return cell.cost(seconds, count=count)
        finally:
            cell.close()
