"""The bridge of a live run: `broker.process.serve` on the accelerated clock; prints its screen's port when it is up.

    python -m sim.live.processes.bridge_child BROKER.toml CLOCK

Standard input: a line `ahead SECONDS` puts the clock of its machine so far ahead of the world's, or behind it; `disk
full` and `disk free` say how much room the system tells of.
"""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from broker.config import BrokerConfig, ConfigError, read_config
from broker.people.access_log import open_access_log
from broker.process import serve
from broker.registers.elections import demo as elections_demo
from broker.registers.errors import NoRegister
from broker.registers.folder import open_registers
from broker.registers.safety import demo as safety_demo
from broker.store import StoreError
from sim.live.clock import SpedClock


def _demo_registers(config: BrokerConfig, now: float) -> None:
    """Registers to look at: the made-up roster and works, as of the run's own day; what is there already stays."""
    folder = config.registers.folder
    registers = open_registers(folder, access=open_access_log(folder, now=lambda: now), now=lambda: now)
    today = registers.today()
    for register, made_up, first_day in (
        (registers.elections, elections_demo.demo_elections, elections_demo.first_day_for(today)),
        (registers.safety, safety_demo.demo_works, safety_demo.first_day_for(today)),
    ):
        try:
            register.read()
        except NoRegister:
            register.create(made_up(first_day), "demo", "demo")

DAY_S = 86_400.0


class Machine:
    """What the bridge runs on: its clock is right and its disk has room, until somebody says otherwise."""

    def __init__(self, clock: SpedClock) -> None:
        self._clock = clock
        self._wrong_by_s = 0.0
        self._disk_full = False
        self._statvfs = os.statvfs

    def now(self) -> float:
        """POSIX seconds."""
        return self._clock.now() + self._wrong_by_s

    def since_boot(self) -> float:
        """It has been up for a day: only its bridge starts."""
        return DAY_S + self._clock.monotonic()

    def listen(self) -> None:
        """Be set as standard input says."""
        for line in sys.stdin:
            word, _, how = line.strip().partition(" ")
            if word == "ahead":
                self._wrong_by_s = float(how)
            elif word == "disk":
                self._disk_full = how == "full"

    def statvfs(self, path: str | int) -> os.statvfs_result:
        """What `os.statvfs` says, without room where the disk is full: the one place that all programs ask."""
        found = self._statvfs(path)
        if not self._disk_full:
            return found
        return os.statvfs_result((*found[:3], 0, 0, *found[5:], found.f_fsid))


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; exit code 1 with one line on standard error if it cannot."""
    config_path, clock_text = arguments
    clock = SpedClock.from_text(clock_text)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        config = read_config(Path(config_path))
        _demo_registers(config, clock.now())
        machine = Machine(clock)
        os.statvfs = machine.statvfs  # type: ignore[assignment]
        threading.Thread(target=machine.listen, daemon=True).start()
        serve(
            config, now=machine.now, elapsed=machine.since_boot, stop=stop, ready=lambda port: print(port, flush=True)
        )
    except (ConfigError, StoreError, OSError) as why:
        print(f"the bridge could not start: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
