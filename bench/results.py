"""What the benches found: each run is kept as a file in .bench/, so that a page can be made of runs of several days."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bench import machine
from bench.catalogue import CATALOGUE, HERE, commands

KEPT = HERE.parent / ".bench"
PACKAGES = KEPT / "packages"  # of bench/requirements.txt: rivals that nothing else needs
DEADLINE_S = 7200  # ten searches of ten minutes
ABSENT, CUT_OFF = 4, -1  # exit codes: data that it needs is not here; it was not done in time
LOOKED_S = 1.5  # at how busy the machine is
MOST_OUTPUT = 40_000  # characters of a bench's output that are kept: its end has the figures
LINE = re.compile(r"^\s*(met|MISSED|DOUBT)\s+(.+?); goal: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """One run of one bench."""

    name: str
    command: str
    commit: str
    at: str
    seconds: float
    code: int
    quick: bool
    before: str  # how busy the machine was
    after: str
    is_quiet: bool  # nobody else used it, neither when it began nor when it ended
    waited: float | None  # in which share of its time somebody waited for a core
    output: str

    def lines(self) -> list[tuple[str, str, str]]:
        """(met, MISSED or DOUBT; the figure; what was asked) of each goal that it printed."""
        return [(one[1], one[2].strip(), one[3].strip()) for one in LINE.finditer(self.output)]

    @property
    def end(self) -> str:
        """How it ended, in words."""
        words = {0: "well", ABSENT: "NOT RUN: the data that it needs is absent", CUT_OFF: "FAILED: not done in time"}
        missed = any(word != "met" for word, _, _ in self.lines())
        return words.get(self.code, "a goal is MISSED" if missed else f"FAILED: exit code {self.code}")


def run(name: str, options: list[str], *, quick: bool, told: Callable[[str], None] = print) -> Result:
    """Run a bench, its output shown and kept."""
    bench = CATALOGUE[name]
    options = options or list((bench.quick or ()) if quick else bench.usual)
    before, load, began_s = machine.quiet(LOOKED_S), machine.Load.now(), time.monotonic()
    code, output = _played(commands()[name] + options, told)
    seconds, waited, after = time.monotonic() - began_s, machine.Load.now().waited(load), machine.quiet(LOOKED_S)
    result = Result(
        name, " ".join(["python3 -m bench", name, *(["--", *options] if options else [])]), _commit(),
        datetime.now(UTC).isoformat(timespec="seconds"), seconds, code, quick, before[1], after[1],
        before[0] and after[0], waited, output[-MOST_OUTPUT:],
    )  # fmt: skip
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False), encoding="utf-8")
    return result


def _played(command: list[str], told: Callable[[str], None]) -> tuple[int, str]:
    """The exit code and what it printed, shown as it comes."""
    child = subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": _path()},
    )  # fmt: skip
    assert child.stdout is not None
    cut_off = threading.Event()

    def cut() -> None:
        cut_off.set()
        child.kill()

    timer = threading.Timer(DEADLINE_S, cut)
    timer.daemon = True
    timer.start()
    output = list[str]()
    for line in child.stdout:
        told(line.rstrip("\n"))
        output.append(line)
    code = child.wait()
    timer.cancel()
    return CUT_OFF if cut_off.is_set() else code, "".join(output)


def _path() -> str:
    """Where a bench finds what it compares with; what the project itself is locked to goes before."""
    return os.pathsep.join(part for part in (os.environ.get("PYTHONPATH", ""), str(PACKAGES)) if part)


def kept() -> dict[str, Result]:
    """The last run of each bench that was run here."""
    found = {}
    for name in CATALOGUE:
        try:
            found[name] = Result(**json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue
        except (ValueError, TypeError) as why:
            print(f"{KEPT / f'{name}.json'} cannot be read and counts as not run: {why}", file=sys.stderr)
    return found


def _commit() -> str:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE.parent, capture_output=True, text=True,
                          check=False)  # fmt: skip
    return said.stdout.strip() or "no git"
