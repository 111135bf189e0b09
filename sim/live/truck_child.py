"""A truck of a live run: `firmware.truck.program.run` on the accelerated clock with mock pins.

    python -m sim.live.truck_child TRUCK.toml CLOCK

The GPS receiver is a real pseudo-terminal named in the configuration. Standard input: one line `press SECONDS` per
press of the button, in simulated seconds. Standard output: `ready`, then one JSON line per change of the light's pin.
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
            threading.Thread(target=body, args=(config, pins, clock, stop), daemon=True).start()
        print(json.dumps({"ready": True}), flush=True)
        run(config, monotonic=clock.monotonic, pin_factory=pins, stop=stop, speed=clock.speed)
    except (ConfigError, OSError) as why:
        print(f"the truck could not start: {why}", file=sys.stderr)
        return 1
    return 0


def _listen(config: TruckConfig, pins: MockFactory, clock: SpedClock, stop: threading.Event) -> None:
    """Press the button as standard input says; its end ends the truck."""
    for line in sys.stdin:
        word, _, hold_s = line.partition(" ")
        if word == "press":
            pin = pins.pin(config.button_pin)
            pin.drive_low()
            stop.wait(clock.real_s(float(hold_s)))
            pin.drive_high()
    stop.set()


def _watch_light(config: TruckConfig, pins: MockFactory, _clock: SpedClock, stop: threading.Event) -> None:
    """Tell each change of the light's pin with the real monotonic time it was seen."""
    seen: bool | None = None
    while not stop.wait(LOOK_S):
        lit = bool(pins.pin(config.light_pin).state)
        if lit != seen:
            seen = lit
            print(json.dumps({"lit": lit, "at_s": time.monotonic()}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
