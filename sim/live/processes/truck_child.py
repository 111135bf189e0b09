"""A truck of a live run: `firmware.truck.program.run` on the accelerated clock with mock pins.

    python -m sim.live.processes.truck_child TRUCK.toml CLOCK

The GPS receiver is a real pseudo-terminal named in the configuration. Standard input: one line `press SECONDS` per
press of the button, in simulated seconds; where it ends the run was killed, and the truck ends with it. Standard
output: `ready`, then JSON lines about the button's light: each change of its pin, the program's own word for what it
shows, and the time up to which that is all.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path

from gpiozero.pins.mock import MockFactory

from firmware.truck import program
from firmware.truck.config import ConfigError, TruckConfig, load
from sim.live.clock import SpedClock

LOOK_S = 0.1


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or the end of standard input; exit code 1 with one line on standard error if it cannot."""
    config_path, clock_text = arguments
    clock = SpedClock.from_text(clock_text)
    errors = logging.StreamHandler()
    errors.setLevel(logging.WARNING)
    logging.basicConfig(handlers=[errors], format="%(name)s: %(message)s")
    words = LightWords()
    program.log.addHandler(words)
    program.log.setLevel(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        config = load(Path(config_path))
        pins = MockFactory()
        threading.Thread(target=_listen, args=(config, pins, clock, stop), daemon=True).start()
        threading.Thread(target=_watch_light, args=(config, pins, words, stop), daemon=True).start()
        _tell(ready=True)
        program.run(config, monotonic=clock.monotonic, pin_factory=pins, stop=stop, speed=clock.speed)
    except (ConfigError, OSError) as why:
        print(f"the truck could not start: {why}", file=sys.stderr)
        return 1
    return 0


def _listen(config: TruckConfig, pins: MockFactory, clock: SpedClock, stop: threading.Event) -> None:
    """Press the button as standard input says; its end is the end, with nobody left to say goodbye to."""
    for line in sys.stdin:
        word, _, hold_s = line.partition(" ")
        if word == "press":
            pin = pins.pin(config.button_pin)
            pin.drive_low()
            stop.wait(clock.real_s(float(hold_s)))
            pin.drive_high()
    os._exit(1)


class LightWords(logging.Handler):
    """Takes the program's word for its light out of its log: (pattern, real monotonic time)."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        """One line of the log."""
        if record.msg == program.LIGHT_SAID and isinstance(record.args, tuple):
            self.said.put((str(record.args[0]), time.monotonic()))


def _watch_light(config: TruckConfig, pins: MockFactory, words: LightWords, stop: threading.Event) -> None:
    """Tell each change of the light's pin with the time it happened at, each word about it, and up to when that is all.

    The pin itself notes its changes (seconds since the one before, level): a thread that looks late misses none.
    """
    pin = pins.pin(config.light_pin)
    edge_s = time.monotonic()
    pin.clear_states()
    while not stop.wait(LOOK_S):
        seen_s = time.monotonic()
        fresh = pin.states[:]
        del pin.states[: len(fresh)]
        for after_s, level in fresh:
            edge_s += after_s
            _tell(lit=bool(level), at_s=edge_s)
        while not words.said.empty():
            pattern, said_s = words.said.get()
            _tell(pattern=pattern, at_s=said_s)
        _tell(seen_s=seen_s)


def _tell(**line: object) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
