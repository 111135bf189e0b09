"""The truck's program as its truck.toml has it, at a desk: mock pins, a receiver that says what it is told, a door."""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory

from firmware.truck.config import parse
from firmware.truck.program import run
from sim.world.gps import nmea
from tests.support.processes import wait_until
from tests.support.settings.broker import HERE, PORT, Door, Guest
from tests.support.settings.table import Row

SPEED = 20  # the truck's seconds in one of ours
NOON = 1_795_320_000
USUAL = {
    "truck.id": '"t01"', "truck.area": '"xh"', "mqtt.host": f'"{HERE}"', "mqtt.port": f"{PORT}",
    "gps.port": '"FOLDER/receiver"', "outbox.path": '"FOLDER/outbox.db"',
}  # fmt: skip
Place = tuple[float, float]


def as_truck_toml(row: Row, value: str) -> str:
    """A whole truck.toml with this value; FOLDER stands for the test's own."""
    further = dict(line.split(" = ", 1) for line in row.more.splitlines())
    return "\n".join(f"{key} = {said}" for key, said in {**USUAL, **further, row.key: value}.items())


class Receiver:
    """A serial port that sends each of its lines once, as fast as they are read."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, int]] = []
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._at = NOON

    def open(self, path: str, baud: int) -> "Receiver":
        """As pyserial opens a port."""
        self.opened.append((Path(path).name, baud))
        return self

    def say(self, place: Place, seconds: int, *, simulated: bool = False) -> None:
        """The receiver stands at a place for some seconds; `simulated` as a test bench marks its positions."""
        for _ in range(seconds):
            self._at += 1
            said = nmea.second(self._at, *place)
            if simulated:
                said = b"".join(nmea.sentence(_marked(line)) for line in said.decode().split())
            self._lines.put(said)

    @property
    def in_waiting(self) -> int:
        """Whether there is more."""
        return 0 if self._lines.empty() else 1

    def read(self, _size: int = 1) -> bytes:
        """A line, or nothing for a while."""
        try:
            return self._lines.get(timeout=0.02)
        except queue.Empty:
            return b""

    def close(self) -> None:
        """It can be opened again."""


def _marked(line: str) -> str:
    body = line[1 : line.index("*")]
    return body[:-1] + "S" if body.startswith("GPRMC") else body.replace(",1,09,", ",8,09,")


class TruckDesk:
    """A running program, its pins, its receiver, and the broker that it finds at its [mqtt] address."""

    def __init__(self, folder: Path, text: str) -> None:
        for name in ("receiver", "other"):
            (folder / name).touch()
        self.folder = folder
        self.config = parse(text.replace("FOLDER", str(folder)), "truck.toml")
        self.pins = MockFactory()
        self.receiver = Receiver()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        run(
            self.config, monotonic=lambda: time.monotonic() * SPEED, serial_factory=self.receiver.open,
            pin_factory=self.pins, stop=self._stop, speed=lambda: SPEED,
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End as systemd ends it."""
        self._stop.set()
        self._thread.join(10)

    def hold(self, pin: int, seconds: float = 2.5) -> None:
        """A finger on the button that is wired to a pin."""
        self.pins.pin(pin).drive_low()
        time.sleep(seconds / SPEED)
        self.pins.pin(pin).drive_high()

    def lit(self, *pins: int) -> list[int]:
        """Which of these pins light a lamp, sooner or later."""
        return wait_until(lambda: [pin for pin in pins if _is_lit(self.pins.pin(pin))], "a light")  # type: ignore[no-any-return]


def _is_lit(pin: Any) -> bool:
    return pin.function == "output" and bool(pin.state)


@contextmanager
def truck_desk(folder: Path, text: str, tls: Any = None) -> Iterator[tuple[TruckDesk, Door]]:
    """A truck for the length of a block, and the door at which it knocks, on all of this machine's addresses."""
    desk = TruckDesk(folder, text)
    here = Door("0.0.0.0", desk.config.mqtt.port, tls)
    try:
        desk.start()
        yield desk, here
    finally:
        desk.stop()
        here.close()


def said(guest: Guest, channel: str, is_it: Callable[[Any], bool] = bool) -> Any:
    """The first message of the guest on a channel that is as wanted, waited for."""
    def found() -> Any:
        bodies = [json.loads(body) for topic, body in list(guest.said) if f"/{channel}" in topic and body]
        return next((body for body in bodies if is_it(body)), None)

    return wait_until(found, f"{channel} is said")
