"""A truck of a live run: `firmware.truck.program.run` on the accelerated clock with mock pins.

    python -m sim.live.truck_child TRUCK.toml CLOCK

The GPS receiver is a real pseudo-terminal named in the configuration. Standard input: one line `down` or `up` per
movement of the button. Standard output: one JSON line per change of the button light's pin, and `ready` first.
"""

import json
import logging
import signal
import sys
import threading
import time
from pathlib import Path

from gpiozero.pins.mock import MockFactory

from firmware.truck.config import ConfigError, TruckConfig, load
from firmware.truck.program import run
from sim.live.clock import SpedClock

LOOK_S = 0.015


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or the end of standard input; exit code 1 with one line on standard error if it cannot."""
    config_path, clock_text = arguments
    clock = SpedClock.from_text(clock_text)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        config = load(Path(config_path))
        pins = MockFactory()
        for body in (_listen, _watch_light):
            threading.Thread(target=body, args=(config, pins, stop), daemon=True).start()
        print(json.dumps({"ready": True}), flush=True)
        run(config, monotonic=clock.monotonic, pin_factory=pins, stop=stop, speed=clock.speed)
    except (ConfigError, OSError) as why:
        print(f"the truck could not start: {why}", file=sys.stderr)
        return 1
    return 0


def _listen(config: TruckConfig, pins: MockFactory, stop: threading.Event) -> None:
    """Move the button as standard input says; its end ends the truck."""
    for line in sys.stdin:
        pin = pins.pin(config.button_pin)
        if line.strip() == "down":
            pin.drive_low()
        elif line.strip() == "up":
            pin.drive_high()
    stop.set()


def _watch_light(config: TruckConfig, pins: MockFactory, stop: threading.Event) -> None:
    """Tell each change of the light's pin with the real monotonic time it was seen."""
    seen: bool | None = None
    while not stop.wait(LOOK_S):
        lit = bool(pins.pin(config.light_pin).state)
        if lit != seen:
            seen = lit
            print(json.dumps({"lit": lit, "at_s": time.monotonic()}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
