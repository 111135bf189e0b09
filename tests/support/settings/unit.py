"""A bin-room unit as its two files have it, in this process: its ticks, pins, broker and access point are ours."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import firmware.binroom
from sim.micropython import cpython
from tests.support.settings.broker import HERE, PORT
from tests.support.settings.table import Row

WET, DRY = "residential_wet", "residential_dry"
NOW = 1795374261
# Every sensor wired as the desk's pins are: the cell weighs 62 kg, the ranger sees 343 mm.
SENSORS = {
    "hx711": {"kind": "hx711", "waste": WET, "data": 4, "clock": 5},
    "beam": {"kind": "beam", "waste": WET, "in_pin": 8, "out_pin": 9},
    "distance": {
        "kind": "distance", "waste": WET, "trigger": 12, "echo": 13, "empty_mm": 1000, "full_mm": 100, "bins": 9,
    },
}  # fmt: skip
USUAL = {
    "unit": {
        "device": "r01", "area": "xh", "wastes": [WET], "lamps": [{"waste": WET, "pin": 16}],
        "buttons": [{"event": "bins_out", "pin": 0}],
    },
    "network": {"host": HERE, "port": PORT},
}  # fmt: skip
KNOW_THE_BOARD = ("firmware.binroom.board", "firmware.binroom.wifi")
SCALE = {"raw_low": 0, "raw_high": 100_000, "grams_low": 0, "grams_high": 100_000, "at": 0}


def as_unit_files(row: Row, value: str) -> str:
    """Both files as one JSON text with this value; a key of a lamp, a button or a sensor is the first one's."""
    files: dict[str, Any] = json.loads(json.dumps(USUAL))
    for key, said in [*(line.split(" = ", 1) for line in row.more.splitlines()), (row.key, value)]:
        file, *way = key.split(".")
        place = files[file]
        if way[0] == "sensors" and len(way) == 2 and "sensors" not in place:
            kinds = [kind for kind, sensor in SENSORS.items() if way[1] in sensor or way[1].startswith("bin_")]
            kind = json.loads(said) if way[1] == "kind" else kinds[0]
            place["sensors"] = [dict(SENSORS.get(kind, SENSORS["hx711"]))]
        if len(way) == 2:
            place = place[way[0]][0]
        place[way[-1]] = json.loads(said)
    return json.dumps(files)


def lay_out(folder: Path, text: str) -> dict[str, Any]:
    """The unit's flash with these files in it, and the calibration of its cell."""
    files: dict[str, Any] = json.loads(text)
    for name in ("config", "state"):
        (folder / name).mkdir()
    for name, body in files.items():
        (folder / "config" / f"{name}.json").write_text(json.dumps(body))
    (folder / "state" / "calibration.json").write_text(json.dumps({WET: SCALE, DRY: SCALE}))
    return files


@contextmanager
def standing_in(**modules: Any) -> Iterator[None]:
    """These modules are there for a block, and what of the firmware knows of them is loaded anew."""
    cpython.prepare()
    before = dict(sys.modules)
    _unload()
    sys.modules.update(modules)
    try:
        yield
    finally:
        _unload(*modules)
        sys.modules.update({name: before[name] for name in (*modules, *KNOW_THE_BOARD) if name in before})


def _unload(*names: str) -> None:
    for name in (*names, *KNOW_THE_BOARD):
        sys.modules.pop(name, None)
        vars(firmware.binroom).pop(name.rpartition(".")[2], None)


def a_machine() -> ModuleType:
    """A board of its own: the tester's stand-in for `machine`, without a panel."""
    path = Path(cpython.__file__).with_name("machine.py")
    spec = importlib.util.spec_from_file_location("machine", path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class UnitDesk:
    """The whole unit but for its link: what it would publish is kept in `said`."""

    def __init__(self, folder: Path, text: str) -> None:
        lay_out(folder, text)
        self.machine = a_machine()
        # The stand-in's tables are what a panel sets over its socket; here nobody needs one.
        self.levels, self.wires = self.machine._levels, self.machine._set
        self.pulsed: set[int] = set()
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.now_ms = 0
        self._events: list[Any] = []
        self.wires[204] = self.wires[305] = [62_000, 8, False, None, 0, 12345]  # an HX711 on pins 4 and 5
        self.wires[413] = 2000  # microseconds to an echo on pin 13
        with standing_in(machine=self.machine):
            from firmware.binroom.board import Board
            from firmware.binroom.loop import Machine
            from firmware.binroom.settings import load_network, load_unit

            settings = load_unit(str(folder))
            board = Board(settings)
            board.ticks_ms = lambda: self.now_ms  # type: ignore[method-assign]
            board.output_pin = self._watched(board.output_pin)  # type: ignore[method-assign]
            network = load_network(str(folder), settings["device"])
            self.unit = Machine(str(folder), board, settings, network, lambda _text: None)
        self.unit.link = SimpleNamespace(take_events=self._taken, send=self._sent, reconnect=lambda _why: None)
        self.device, self.area = settings["device"], settings["area"]
        self._events.append(("link", True))
        self.tell("bridge/clock", {"at": NOW})

    def _watched(self, output_pin: Callable[[int], Any]) -> Callable[[int], Any]:
        def made(number: int) -> Any:
            pin = output_pin(number)
            drive = pin.value

            def value(level: int | None = None) -> Any:
                if level:
                    self.pulsed.add(number)
                return drive(level)

            pin.value = value
            return pin

        return made

    def _taken(self) -> list[Any]:
        events, self._events = self._events, []
        return events

    def _sent(self, topic: str, payload: bytes, _retained: bool) -> None:
        self.said.append((topic, json.loads(payload)))

    def tell(self, channel: str, body: dict[str, Any]) -> None:
        """The bridge says something."""
        self._events.append(("message", f"zp/v1/{self.area}/{channel}", json.dumps(body).encode()))

    def call(self, waste: str) -> None:
        """The truck for a waste kind is due."""
        body = {"call_id": "c1", "waste": waste, "state": "due", "truck": "t01", "run_id": "run", "visit_number": 1,
                "eta_at": NOW + 900, "early_at": NOW + 800, "late_at": NOW + 1000, "sent_at": NOW}
        self.tell(f"room/{self.device}/arrival/{waste}", body)

    def run(self, seconds: float) -> "UnitDesk":
        """Time passes, in the loop's steps, with the bridge's clock every 10 s."""
        for _ in range(int(seconds * 50)):
            self.now_ms += 20
            if self.now_ms % 10_000 == 0:
                self.tell("bridge/clock", {"at": NOW + self.now_ms // 1000})
            self.unit.step()
        return self

    def fall(self, pin: int) -> None:
        """Something breaks the beam on a pin, or a finger closes a contact, for half a second."""
        self.levels[pin] = 0
        if 500 + pin in self.wires:
            self.wires[500 + pin](pin)
        self.run(0.5)
        self.levels[pin] = 1
        self.run(0.5)

    def last(self, kind: str) -> dict[str, Any] | None:
        """The newest message on a channel."""
        return next((body for topic, body in reversed(self.said) if topic.endswith("/" + kind)), None)

    def row(self, kind: str, waste: str = WET) -> dict[str, Any]:
        """What the newest message on a channel says of a waste kind."""
        body = self.last(kind)
        assert body is not None
        return next(row for row in body[kind if kind == "bins" else "lamps"] if row["waste"] in (waste, "any"))


def linked(folder: Path, text: str, until: Callable[[list[str]], Any], **modules: Any) -> Any:
    """Run the unit's own link until something is so (asked with its complaints); what that is."""
    lay_out(folder, text)

    async def run() -> Any:
        from firmware.binroom.board import Board
        from firmware.binroom.loop import Machine
        from firmware.binroom.settings import load_network, load_unit

        settings = load_unit(str(folder))
        notes: list[str] = []
        network = load_network(str(folder), settings["device"])
        unit = Machine(str(folder), Board(settings), settings, network, notes.append)
        task = asyncio.create_task(unit.link.run())
        try:
            for _ in range(1000):
                found = until(notes)
                if found:
                    return found
                await asyncio.sleep(0.01)
        finally:
            task.cancel()
        raise AssertionError(f"not within 10 s; it said {notes}")

    with standing_in(machine=a_machine(), **modules):
        return asyncio.run(run())
