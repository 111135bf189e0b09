"""One real truck agent for the kill run: pyserial on a pty, gpiozero's mock pins, its own process, pressing by itself.

argv: truck.toml, witness file, seed; then `at-rest` for a driver who presses nothing, `world=S` for a world whose time
is so many seconds ahead of the monotonic clock (whatever this machine's own clock says), `at=LAT,LON` for a truck that
goes about there. Each press the outbox made durable is written to the witness file at once, so
that what was recorded is known even when this process is killed a moment later.
"""

import logging
import os
import random
import signal
import sys
import threading
import time
import tty
from functools import reduce
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory

from firmware.truck import program
from firmware.truck.config import load
from firmware.truck.outbox.outbox import Outbox

UP_AND_DOWN_DEG = 0.0009  # a hundred metres: it speaks each 50

witness = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


class WitnessedOutbox(Outbox):
    """The real outbox; it tells the witness which incident records are durable."""

    def keep(self, record: Any, now_s: float) -> None:
        """Keep as always, then say so."""
        super().keep(record, now_s)
        if record.channel == "incident" and self.fault is None:
            os.write(witness, f"{record.boot} {record.seq}\n".encode())


def receiver(master: int, dice: random.Random, given: dict[str, str]) -> None:
    """A GPS receiver: RMC and GGA once a second along a street, or where the truck stands."""
    ahead_s = float(given.get("world") or time.time() - time.monotonic())
    lat, lon = (float(part) for part in given.get("at", "31.191667,121.44").split(","))
    south = lat
    while True:
        lat += dice.random() * 0.000133
        if "at" in given and lat > south + UP_AND_DOWN_DEG:
            lat = south
        now = time.gmtime(time.monotonic() + ahead_s)
        stamp, day = time.strftime("%H%M%S", now), time.strftime("%d%m%y", now)
        place = f"{int(lat):02d}{lat % 1 * 60:07.4f},N,{int(lon):03d}{lon % 1 * 60:07.4f},E"
        for body in (
            f"GPRMC,{stamp}.00,A,{place},18.0,0.0,{day},,,A",
            f"GPGGA,{stamp}.00,{place},1,08,1.0,5,M,0,M,,",
        ):
            os.write(master, f"${body}*{reduce(lambda x, c: x ^ ord(c), body, 0):02X}\r\n".encode())
        time.sleep(1)


def driver(pins: MockFactory, pin: int, dice: random.Random) -> None:
    """Holds the button for 1.7 s now and then."""
    while True:
        time.sleep(dice.uniform(1.0, 6.0))
        pins.pin(pin).drive_low()
        time.sleep(1.7)
        pins.pin(pin).drive_high()


def main() -> None:
    """Run until SIGTERM (or kill -9)."""
    logging.basicConfig(level=logging.WARNING)
    dice = random.Random(sys.argv[3])
    config = load(Path(sys.argv[1]))
    given = {name: value for name, _, value in (word.partition("=") for word in sys.argv[4:])}
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    pins = MockFactory()
    program.Outbox = WitnessedOutbox  # type: ignore[misc]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=receiver, args=(master, dice, given), daemon=True).start()
    if "at-rest" not in sys.argv[4:]:
        threading.Thread(target=driver, args=(pins, config.button_pin, dice), daemon=True).start()
    program.run(
        config, serial_factory=lambda _path, baud: program.open_serial(path, baud), pin_factory=pins, stop=stop
    )


if __name__ == "__main__":
    main()
