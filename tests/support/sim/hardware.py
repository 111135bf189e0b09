"""Hardware beside a live run, as far as a desk has any: the truck's own program and a real MicroPython unit, each a
process that the run has not started and knows nothing of, on a clock of its own."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.mqtt.own_broker.child import free_port
from sim.live.clock import SpedClock
from sim.live.room import LiveRoom
from sim.live.truck import LiveTruck

HOST = "127.0.0.1"


def two_free_ports() -> int:
    """The first of two neighbours."""
    while True:
        port = free_port()
        with socket.socket() as other:
            try:
                other.bind((HOST, port + 1))
            except OSError:
                continue
            return port


def _hand_on(listener: socket.socket, truck: LiveTruck) -> None:
    """What comes over the network goes to the truck's serial port, as `socat` does it on a Pi."""
    try:
        while True:
            line, _ = listener.accept()
            with line:
                while data := line.recv(4096):
                    truck.serial(data)
    except OSError:
        return  # closed: nobody is its receiver any more


@contextmanager
def on_the_bench(
    folder: Path, keys: Path, first_port: int, wastes: tuple[str, ...]
) -> Iterator[tuple[LiveTruck, LiveRoom, int]]:
    """Truck t01, room r01 and the port at which t01's receiver is awaited; both have power and seek their broker."""
    clock = SpedClock(time.time(), 1, folder / "clock")
    clock.go()
    keys.mkdir()
    for name in ("t01", "r01"):
        (keys / name).write_text(f"secret-of-{name}\n", encoding="utf-8")
    truck = LiveTruck(
        folder / "pi", "xh", "t01", HOST, first_port, "secret-of-t01", clock, lambda _: None, lambda *_: None
    )
    room = LiveRoom(
        folder / "board", "xh", "r01", wastes, HOST, first_port + 1, "secret-of-r01", clock, lambda *_: None
    )  # fmt: skip
    listener = socket.create_server((HOST, 0))
    threading.Thread(target=_hand_on, args=(listener, truck), daemon=True).start()
    try:
        room.power(True)
        truck.power(True)
        yield truck, room, int(listener.getsockname()[1])
    finally:
        listener.close()
        truck.stop()
        room.stop()
