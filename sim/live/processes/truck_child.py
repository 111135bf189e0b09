"""A truck of a live run: `firmware.truck.program.run` on the accelerated clock with mock pins.

    python -m sim.live.processes.truck_child TRUCK.toml CLOCK

The GPS receiver is a real pseudo-terminal named in the configuration. Standard input, a line each: `press SECONDS` for
a press of the button in simulated seconds, `chatter SECONDS` for one through a wire that chatters; `down`, `down
chatter` and `up` for a finger that comes and goes; where it ends the run was killed, and the truck ends with it.
Standard output: `ready`, then JSON lines about the lights of button and receiver: each change of their pins, the
program's own words for what they show, and the time up to which that is all.
"""

import json
import logging
import os
import queue
import random
import signal
import sys
import threading
import time
from pathlib import Path

from gpiozero.pins.mock import MockFactory

from firmware.truck import program
from firmware.truck.config import ConfigError, TruckConfig, load
from sim.live.clock import SpedClock
from sim.world.contact import chatter, edges

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
        finger = Finger(config.button_pin, pins, clock)
        threading.Thread(target=_listen, args=(finger,), daemon=True).start()
        threading.Thread(target=_watch_lights, args=(config, pins, words, stop), daemon=True).start()
        _tell(ready=True)
        program.run(
            config, monotonic=clock.monotonic, pin_factory=pins, stop=stop, speed=lambda: float(clock.speed)
        )
    except (ConfigError, OSError) as why:
        print(f"the truck could not start: {why}", file=sys.stderr)
        return 1
    return 0


class Finger:
    """Who presses the button: its pin goes low while the contact is closed. Seconds are simulated ones."""

    def __init__(self, pin_number: int, pins: MockFactory, clock: SpedClock) -> None:
        self._pin_number = pin_number
        self._pins = pins
        self._clock = clock
        self._away = threading.Event()
        self._away.set()
        self._holding: threading.Thread | None = None

    def press(self, hold_s: float, dice: random.Random | None) -> None:
        """Come, hold and go; returns when the finger is gone."""
        began_s = self._clock.monotonic()
        for after_s, closed in edges(hold_s, dice):
            while (rest_s := began_s + after_s - self._clock.monotonic()) > 0:
                time.sleep(min(0.05, self._clock.real_s(rest_s)))
            self._close(closed)

    def come(self, dice: random.Random | None) -> None:
        """Press, and stay."""
        self._away.clear()
        self._close(True)
        if dice is not None:
            self._holding = threading.Thread(target=self._chatter, args=(dice,), daemon=True)
            self._holding.start()

    def go(self) -> None:
        """Let go."""
        self._away.set()
        if self._holding is not None:
            self._holding.join()
            self._holding = None
        self._close(False)

    def _chatter(self, dice: random.Random) -> None:
        for closed_s, open_s in chatter(dice):
            for closed, lasts_s in ((True, closed_s), (False, open_s)):
                self._close(closed)
                if self._away.wait(self._clock.real_s(lasts_s)):
                    return

    def _close(self, closed: bool) -> None:
        pin = self._pins.pin(self._pin_number)
        if closed:
            pin.drive_low()
        else:
            pin.drive_high()


def _listen(finger: Finger) -> None:
    """Press the button as standard input says; its end is the end, with nobody left to say goodbye to."""
    for line in sys.stdin:
        word, _, how = line.strip().partition(" ")
        if word == "press":
            finger.press(float(how), None)
        elif word == "chatter":
            finger.press(float(how), random.Random(how))
        elif word == "down":
            finger.come(random.Random(line) if how == "chatter" else None)
        elif word == "up":
            finger.go()
    os._exit(1)


class LightWords(logging.Handler):
    """Takes the program's words for its lights out of its log: (which, pattern, real monotonic time)."""

    SAID = {program.LIGHT_SAID: "light", program.RECEIVER_SAID: "receiver"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: queue.SimpleQueue[tuple[str, str, float]] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        """One line of the log."""
        which = self.SAID.get(str(record.msg))
        if which is not None and isinstance(record.args, tuple):
            self.said.put((which, str(record.args[0]), time.monotonic()))


def _watch_lights(config: TruckConfig, pins: MockFactory, words: LightWords, stop: threading.Event) -> None:
    """Tell each change of a light's pin with the time it happened at, each word about it, and up to when that is all.

    The pins themselves note their changes (seconds since the one before, level): a thread that looks late misses none.
    """
    lights = {"light": config.light_pin, "receiver": config.gps_light_pin}
    seen = {name: pins.pin(number) for name, number in lights.items() if number is not None}
    edge_s = dict.fromkeys(seen, time.monotonic())
    for pin in seen.values():
        pin.clear_states()
    while not stop.wait(LOOK_S):
        seen_s = time.monotonic()
        for name, pin in seen.items():
            fresh = pin.states[:]
            del pin.states[: len(fresh)]
            for after_s, level in fresh:
                edge_s[name] += after_s
                _tell(light=name, lit=bool(level), at_s=edge_s[name])
        while not words.said.empty():
            which, pattern, said_s = words.said.get()
            _tell(light=which, pattern=pattern, at_s=said_s)
        _tell(seen_s=seen_s)


def _tell(**line: object) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
