"""A bin-room unit running for real: the unchanged firmware in its own process, its flash a folder, its pins a panel."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.micropython.interpreter import find_micropython
from sim.micropython.panel import Panel

REPO = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
DESK_RELEASE = "desk00000000"
RESET_EXIT = 42
HEAP = "256K"  # unix words are twice a board's: this stands for about 128 KiB there
FIRST_LAMP_PIN = 16


def simple_settings(device: str, area: str, wastes: Sequence[str], single_lamp: bool = False) -> dict[str, Any]:
    """A unit.json for the desk: lamps on pins 16.., keeper's buttons on 0 (bins out) and 1 (lane clear)."""
    names = ["any"] if single_lamp else list(wastes)
    return {
        "device": device,
        "area": area,
        "wastes": list(wastes),
        "lamps": [{"waste": name, "pin": FIRST_LAMP_PIN + i} for i, name in enumerate(names)],
        "buttons": [{"event": "bins_out", "pin": 0}, {"event": "lane_clear", "pin": 1}],
    }


class RunningUnit:
    """One unit; `folder` keeps its flash. It restarts by itself after `machine.reset` and a starved watchdog.

    `speed` is how many times faster than the wall clock its decisions' clock runs; without it that cannot be changed.
    `network` overrides keys of its network.json; `wifi` is the access point's `ssid:key` (see network.py).
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        host: str,
        port: int,
        password: str | None = None,
        speed: int | None = None,
        heap: str = HEAP,
        use_cpython: bool = False,
        memory_ms: int = 0,
        network: Mapping[str, Any] | None = None,
        wifi: str | None = None,
        stand_ins: Path = HERE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.device = str(settings["device"])
        self.panel = Panel(monotonic)
        self.log: deque[str] = deque(maxlen=400)
        self.starts = 0
        self._speed = speed
        self._interpreter = None if use_cpython else find_micropython()
        self._heap = heap
        self._memory_ms = memory_ms
        self._stand_ins = stand_ins
        self._process: subprocess.Popen[str] | None = None
        self._wanted = False
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._watcher: threading.Thread | None = None
        self._wifi = wifi
        self._lay_out(settings, {"ssid": None, "host": host, "port": port} | dict(network or {}), password)

    @property
    def interpreter(self) -> str:
        """`micropython` or `cpython`: what the unit really runs on."""
        return "micropython" if self._interpreter else "cpython"

    @property
    def pid(self) -> int | None:
        """The process id of the running unit, or None."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def ended(self) -> int | None:
        """With what code it has ended, where it should run and does not begin again by itself; None otherwise."""
        with self._lock:
            code = self._process.poll() if self._process is not None and self._wanted else None
            return None if code == RESET_EXIT else code

    def lamp(self, index: int = 0) -> bool:
        """Whether a lamp's pin is driven high now (desk lamps are active high)."""
        return self.panel.level(FIRST_LAMP_PIN + index) == 1

    def start(self) -> None:
        """Power on."""
        with self._lock:
            self._wanted = True
            self._spawn(reset_cause=1)
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name=f"board-{self.device}", daemon=True)
            self._watcher.start()

    def run_at(self, speed: int) -> None:
        """Let its decisions' clock run so many times faster than the wall clock from now on."""
        self.panel.pace(speed)

    def kill(self) -> None:
        """Power cut; `start` powers on again."""
        self._wanted = False
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Power off for good and release the panel."""
        self._wanted = False
        self._stopped.set()
        self._end(signal.SIGTERM)
        if self._watcher is not None:
            self._watcher.join(timeout=3)
        self.panel.close()

    def __enter__(self) -> "RunningUnit":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _lay_out(self, settings: Mapping[str, Any], network: dict[str, Any], password: str | None) -> None:
        keys = self.folder / "config" / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        (self.folder / "config" / "unit.json").write_text(json.dumps(settings))
        if password is not None:
            (keys / "mqtt").write_text(password)
            (keys / "mqtt").chmod(0o600)
            network["password_file"] = "/config/keys/mqtt"  # noqa: S105 - where it lies, not what it is
        (self.folder / "config" / "network.json").write_text(json.dumps(network))
        if not (self.folder / "current").exists():
            release = self.folder / "release" / DESK_RELEASE
            release.mkdir(parents=True, exist_ok=True)
            link = release / "firmware"
            if not link.is_symlink():
                link.symlink_to(REPO / "firmware")
            (self.folder / "current").write_text(DESK_RELEASE)

    def _spawn(self, reset_cause: int) -> None:
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "ZP_ROOT": str(self.folder),
            "ZP_LOADER": str(REPO / "firmware" / "binroom" / "boot_main.py"),
            "ZP_PINS": self.panel.address,
            "ZP_RESET_CAUSE": str(reset_cause),
            "ZP_BOARD_ID": self.device,
        }
        if self._speed is not None:
            environment["ZP_SPEED"] = str(self._speed)
        if self._wifi is not None:
            environment["ZP_WIFI"] = self._wifi
        if self._memory_ms:
            environment["ZP_MEMORY_MS"] = str(self._memory_ms)
        if self._interpreter:
            command = [self._interpreter, "-X", f"heapsize={self._heap}", "-m", "start"]
            # No repository on the path: a release must stand by itself.
            environment["MICROPYPATH"] = f"{self._stand_ins}:{self._stand_ins / 'lib'}:.frozen"
        else:
            command = [sys.executable, str(HERE / "start.py")]
            environment["PYTHONPATH"] = f"{HERE}:{REPO}"
            environment["PYTHONUNBUFFERED"] = "1"
        self.panel.forget_board()
        self.starts += 1
        self._process = subprocess.Popen(
            command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", preexec_fn=_die_with_parent,
        )
        threading.Thread(target=self._read_log, args=(self._process,), daemon=True).start()

    def _read_log(self, process: "subprocess.Popen[str]") -> None:
        if process.stdout is not None:
            for line in process.stdout:
                self.log.append(line.rstrip())

    def _end(self, how: signal.Signals) -> None:
        with self._lock:
            process = self._process
            if process is None:
                return
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(how)
            try:
                process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=3)

    def _watch(self) -> None:
        """Restart after a reset or a starved watchdog, as the board would; ends when the unit is stopped."""
        while not self._stopped.wait(0.05):
            with self._lock:
                process = self._process
                if process is None or not self._wanted:
                    continue
                if process.poll() is None and self.panel.starved():
                    self.log.append("the watchdog resets the board")
                    process.kill()
                    process.wait(timeout=3)
                    self._spawn(reset_cause=3)
                elif process.poll() == RESET_EXIT:
                    self._spawn(reset_cause=5)


def _die_with_parent() -> None:
    """Linux ends the unit when its runner dies, however that dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
