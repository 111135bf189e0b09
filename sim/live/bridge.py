"""The bridge of a live run: a child process with its configuration and its folder, and a clock that may be wrong."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from broker.plan.gtfs.feed import write_gtfs
from broker.plan.model import Plan
from sim.live.clock import SpedClock
from sim.live.ground import RECORDS
from sim.live.people import move_in
from sim.live.processes.child import Child
from sim.live.truck import as_toml

READY_S = 45.0


class StartError(RuntimeError):
    """A part of the live run did not come up; the text names it and ends with what it said."""


class LateError(StartError):
    """It was waited for in vain, and may only have been slow; nothing ended by itself."""


class LiveBridge:
    """Its folder outlives it; what it is told while it runs is told again to the next one."""

    def __init__(
        self, folder: Path, plan: Plan, host: str, mqtt_port: int, http_port: int, password: str, clock: SpedClock,
        starting: Callable[[], None], more: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        """`more` sections of its configuration."""
        self.child: Child | None = None
        self.records, self.playback = folder / RECORDS, folder / "playback"
        self._clock = clock
        self._starting = starting  # called now and then until it is up
        self._wrong_by_s = 0.0
        self._disk_full = False
        write_gtfs(plan, folder / "plan")
        self.token = move_in(folder / "people", plan)  # of the scenario's own dispatcher
        secret = folder / "bridge.key"
        secret.write_text(password, encoding="utf-8")
        secret.chmod(0o600)
        self._heard: list[str] = []
        self.config = folder / "broker.toml"
        sections: dict[str, Mapping[str, Any]] = {
            "area": {"plan": str(folder / "plan")},
            "mqtt": {"host": host, "port": mqtt_port, "password_file": str(secret)},
            "store": {"url": str(self.records)},
            "web": {"host": host, "port": http_port},
            "registers": {"folder": str(folder / "registers")},
            "people": {"folder": str(folder / "people"), "one_click": True},
            "playback": {"folder": str(self.playback)},
            "log": {"level": "warning"},
            **(more or {}),
        }
        self.config.write_text(as_toml(sections), encoding="utf-8")

    def start(self) -> None:
        """Start it where it does not run, and wait until its screen answers; raises StartError."""
        if self.child is not None:
            return
        self.launch()
        deadline = time.monotonic() + READY_S
        while not self.answers():
            if time.monotonic() > deadline:
                raise LateError(f"the bridge did not start within {READY_S:g} s: {self.said()}")
            self._starting()
            time.sleep(0.02)

    def launch(self) -> None:
        """Start it, and do not wait until it `answers`."""
        self._heard = []
        arguments = [str(self.config), self._clock.to_text()]
        self.child = Child("sim.live.processes.bridge_child", arguments, self._heard.append)
        self.fill_disk(self._disk_full)  # it meets its disk as it is
        self.set_clock(self._wrong_by_s)

    def answers(self) -> bool:
        """Whether its screen is there; raises StartError where it ended instead."""
        if self.child is None or self._heard:
            return self.child is not None
        if (ended := self.child.ended()) is not None:
            raise StartError(f"the bridge did not start, it {ended}")
        return False

    def said(self) -> str:
        """The last of what it complained of."""
        return " | ".join(list(self.child.errors)[-5:] if self.child is not None else ()) or "it said nothing"

    def stop(self) -> None:
        """End it in order."""
        if self.child is not None:
            self.child.stop()
            self.child = None

    def kill(self) -> None:
        """kill -9."""
        if self.child is not None:
            self.child.kill()
            self.child = None

    def freeze(self, frozen: bool) -> None:
        """Stop it where it stands, or let it go on."""
        if self.child is not None:
            self.child.freeze(frozen)

    def set_clock(self, wrong_by_s: float) -> None:
        """The clock of its machine is so many seconds ahead of the world's, or behind it."""
        self._wrong_by_s = wrong_by_s
        if self.child is not None:
            self.child.say(f"ahead {wrong_by_s}")

    def fill_disk(self, full: bool) -> None:
        """The disk of its machine has no room left, as the system tells the bridge, or has it again."""
        self._disk_full = full
        if self.child is not None:
            self.child.say(f"disk {'full' if full else 'free'}")
