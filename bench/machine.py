"""On what a bench ran: the machine, the versions, and how busy others kept it."""

import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

QUIET_SHARE = 0.10  # of the time in which somebody waited for a core


class Load(NamedTuple):
    """How busy the machine is: the load of the last minute, and how long ever somebody waited for a core."""

    at_s: float
    minute: float
    waited_s: float | None

    @staticmethod
    def now() -> "Load":
        """At this moment."""
        try:
            some = re.search(r"some .*total=(\d+)", Path("/proc/pressure/cpu").read_text())
        except OSError:
            some = None
        return Load(time.monotonic(), os.getloadavg()[0], int(some[1]) / 1e6 if some else None)

    def waited(self, before: "Load") -> float | None:
        """In which share of the time since `before` somebody waited for a core; None where the system does not say."""
        if self.waited_s is None or before.waited_s is None or self.at_s <= before.at_s:
            return None
        return min(1.0, (self.waited_s - before.waited_s) / (self.at_s - before.at_s))


def quiet(seconds: float = 3.0) -> tuple[bool, str]:
    """Whether nobody else uses the machine now, and that in words; looks for so many seconds."""
    before = Load.now()
    time.sleep(seconds)
    after = Load.now()
    share = after.waited(before)
    if share is None:
        calm = after.minute < 0.5
        return calm, f"load {after.minute:.1f} on {os.cpu_count()} cores: {'quiet' if calm else 'not quiet'}"
    calm = share < QUIET_SHARE
    return calm, (f"load {after.minute:.1f} on {os.cpu_count()} cores, in {share:.0%} of the time somebody waited for "
                  f"a core: {'quiet' if calm else 'NOT quiet, times and rates are worth little'}")  # fmt: skip


def described() -> list[str]:
    """Machine and versions, a line each."""
    return [
        f"{_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB; {platform.system()} {platform.release()}",
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {_version('mosquitto', '-h')}",
    ]


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _version(program: str, asks: str) -> str:
    """The first line a program says of itself."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        return f"no {program}"
    said = subprocess.run([path, asks], capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).partition("\n")[0]
