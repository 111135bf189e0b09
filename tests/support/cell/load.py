"""A cell under load, measured: its devices at their own pace, then as fast as acks come, presses in between."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cell.clients import Clients
from tests.support.cell.devices import Device, Truck, Unit
from tests.support.cell.whole import Cell, Used, may_connect

PRESSES_OF = 20  # one truck in so many presses in each phase
TAKEN_BACK_S = 6.0  # by every second one: the others stay, their rooms are visited again
SETTLES_S = 60.0
NOTHING = Used(0.0, 0.0)
Told = Callable[[float, str], None]  # how much of all is done, and what is done now


@dataclass
class Phase:
    """What was said in one phase, and what it cost."""

    name: str
    seconds: float = 0.0
    said: int = 0  # records that devices sent
    stored: int = 0
    received: int = 0  # messages that the bridge took in
    waits_s: list[float] = field(default_factory=list)  # each record's, from its sending to its ack
    lit_s: list[float] = field(default_factory=list)  # each press's, to the light that says `stored`
    bridge: Used = NOTHING  # processor seconds of the phase, memory at its end
    broker: Used = NOTHING
    unlit: int = 0

    @property
    def bridge_ms(self) -> float:
        """Processor milliseconds of the bridge for each message."""
        return 1e3 * self.bridge.cpu_s / max(1, self.received)

    @property
    def broker_ms(self) -> float:
        """The same of Mosquitto."""
        return 1e3 * self.broker.cpu_s / max(1, self.received)


@dataclass
class Outcome:
    """A whole run."""

    trucks: int
    rooms: int
    connected: int
    phases: list[Phase] = field(default_factory=list)
    unacknowledged: int = 0
    lost: int = 0  # said and acknowledged or not, and not on record
    doubled: int = 0  # on record more than once
    gone: int = 0  # devices whose connection ended
    resent: int = 0


def quantile(values: list[float], share: float) -> float:
    """The value that so large a share of all lies up to; nan of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def run_cell(
    trucks: int, paced_s: float, fast_s: float, told: Told = lambda _, __: None, warm_s: float = 60
) -> Outcome:
    """Run a cell of so many trucks: `warm_s` on the road, then the two phases; one of 0 s is left out."""
    with tempfile.TemporaryDirectory(prefix="zhanpai-cell-") as name:
        told(0, f"{trucks} trucks: plan and bridge")
        cell = Cell(Path(name), trucks)
        cell.start()
        try:
            outcome, said = asyncio.run(_run(cell, paced_s, fast_s, told, warm_s))
        finally:
            cell.stop()
        told(1, "the record is read back")
        stored = cell.records()
    outcome.lost = len(said - stored.keys())
    outcome.doubled = sum(count > 1 for count in stored.values())
    return outcome


async def _run(
    cell: Cell, paced_s: float, fast_s: float, told: Told, warm_s: float
) -> tuple[Outcome, set[tuple[str, int, int]]]:
    plan, most = cell.plan, may_connect()
    trucks = [Truck(plan, run, cell.day_start_at) for run in plan.runs.values()]
    units = [Unit(plan, room, cell.now()) for room in plan.rooms][: max(0, most - len(trucks))]
    devices: list[Device] = [*trucks, *units]
    clients = Clients(devices, cell.passwords(), cell.now)
    end_s = warm_s + paced_s + fast_s
    outcome = Outcome(len(trucks), len(plan.rooms), len(devices))
    await clients.connect(cell.port, lambda done: told(0.2 * done / len(devices), f"{done} devices connected"))
    began = time.monotonic()

    async def until(at_s: float, what: str) -> None:
        while (past_s := time.monotonic() - began) < at_s:
            told(0.2 + 0.8 * past_s / end_s, what)
            clients.must_be_awake()
            await asyncio.sleep(min(1.0, at_s - past_s))

    try:
        await until(warm_s, "trucks set out")
        if paced_s:
            phase = _Measure(cell, clients, "at their own pace")
            await phase.presses(paced_s, until, began, warm_s)
            outcome.phases.append(phase.over())
        if fast_s:
            clients.as_fast_as_acks_come(True)
            phase = _Measure(cell, clients, "as fast as acks come")
            await phase.presses(fast_s, until, began, warm_s + paced_s)
            outcome.phases.append(phase.over())
            clients.as_fast_as_acks_come(False)
        told(1, "waiting for the last acks")
        outcome.unacknowledged = await clients.settled(SETTLES_S)
        outcome.gone = sum(not one.connected for one in clients.all)
        outcome.resent = sum(one.resent for one in devices)
    finally:
        await clients.close()
    return outcome, {(one.name, 1, seq) for one in devices for seq in range(1, one.seq + 1)}


class _Measure:
    """One phase, from now to `over`."""

    def __init__(self, cell: Cell, clients: Clients, name: str) -> None:
        self.phase = Phase(name)
        self._cell, self._clients = cell, clients
        self._trucks = clients.trucks()
        for one in clients.all:
            one.device.waits_s.clear()
        for _, truck in self._trucks:
            truck.lit_s.clear()
            truck.pressed.clear()
        self._said = sum(one.device.seq for one in clients.all)
        self._counts, self._used = cell.counts(), cell.used()
        self._began = time.monotonic()

    async def presses(self, seconds: float, until: Callable, began: float, from_s: float) -> None:  # type: ignore[type-arg]
        """Let the phase go on, with a press now and then; every second one is taken back."""
        some = self._trucks[::PRESSES_OF]
        pause_s = seconds / (len(some) + 1)
        back: list[asyncio.Task[None]] = []
        for number, (client, truck) in enumerate(some):
            await until(from_s + (number + 1) * pause_s, self.phase.name)
            client.say([truck.press(self._clients.clock())])
            if number % 2 == 0:
                back.append(asyncio.create_task(self._take_back(number, next(reversed(truck.pressed)))))
        await until(from_s + seconds, self.phase.name)
        for task in back:
            task.cancel()

    async def _take_back(self, number: int, incident: str) -> None:
        await asyncio.sleep(TAKEN_BACK_S)
        client, truck = self._trucks[::PRESSES_OF][number]
        client.say([truck.withdraw(incident, self._clients.clock())])

    def over(self) -> Phase:
        """What was found."""
        phase, before, after = self.phase, self._used, self._cell.used()
        phase.seconds = time.monotonic() - self._began
        counts = self._cell.counts()
        grown = {name: count - self._counts.get(name, 0) for name, count in counts.items()}
        phase.stored, phase.received = grown.get("stored", 0), grown.get("received", 0)
        phase.said = sum(one.device.seq for one in self._clients.all) - self._said
        phase.waits_s = [wait for one in self._clients.all for wait in one.device.waits_s]
        phase.lit_s = [wait for _, truck in self._trucks for wait in truck.lit_s]
        phase.unlit = sum(len(truck.pressed) for _, truck in self._trucks)
        phase.bridge, phase.broker = (
            Used(now.cpu_s - then.cpu_s, now.memory_mb) for now, then in zip(after, before, strict=True)
        )
        return phase
