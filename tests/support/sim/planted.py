"""A copy of the project with one fault planted in it, and the search that is to find it.

The faults are the patches in tests/sim/planted, each of another kind; the search reads none of them.
"""

import re
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
FAULTS = sorted(path.stem for path in (REPO / "tests" / "sim" / "planted").glob("*.patch"))
PARTS = ("broker", "firmware", "sim")  # what is searched, and nothing else of the project


@dataclass(frozen=True, slots=True)
class Search:
    """What a search in a copy came to: the promise that did not hold, None where all did; runs, and what they took."""

    promise: str | None
    runs: int
    seconds: float
    cpu_s: float
    scenario: Path | None
    said: str


def copied(folder: Path, fault: str | None) -> Path:
    """The project in a folder, with this fault planted."""
    for part in PARTS:
        shutil.copytree(REPO / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPO / "pyproject.toml", folder)
    (folder / ".venv").symlink_to((REPO / ".venv").resolve())
    if fault is not None:
        refused = planted(fault, folder)
        if refused:
            raise AssertionError(f"{fault} does not fit any more: {refused}")
    return folder


def planted(fault: str, folder: Path, *, dry: bool = False) -> list[str]:
    """Plant a fault in this copy, or (`dry`) only see whether it fits; what did not."""
    patch = (REPO / "tests" / "sim" / "planted" / f"{fault}.patch").read_text(encoding="utf-8")
    how = ["patch", "--strip=1", "--batch", "--fuzz=0", *(["--dry-run"] if dry else [])]
    done = subprocess.run(how, cwd=folder, input=patch, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()


def searched(folder: Path, minutes: float, shorter: int = 80) -> Search:
    """Search in a copy; so many runs may be spent on making what is found shorter."""
    began, spent_s = time.monotonic(), _of_children_s()
    run = subprocess.run(
        [sys.executable, "-m", "sim", "search", "--minutes", str(minutes), "--shorter", str(shorter),
         "--into", "found"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60 * minutes + 900,
    )  # fmt: skip
    said = run.stdout + run.stderr
    if run.returncode not in (0, 1):
        raise AssertionError(said)
    promise = re.search(r"^(\w.*) did not hold in run (\d+)", said, re.MULTILINE)
    runs = re.search(r"in run (\d+)|in (\d+) runs", said)
    found = next((folder / "found").glob("*.toml"), None) if (folder / "found").is_dir() else None
    number = int(next(filter(None, runs.groups()))) if runs else 0
    return Search(promise[1] if promise else None, number, time.monotonic() - began, _of_children_s() - spent_s, found,
                  said)  # fmt: skip


def _of_children_s() -> float:
    """The processor time of all that was started here and has ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def replayed(folder: Path, scenario: Path) -> int:
    """The exit code of a scenario that was found, played in the same copy."""
    command = [sys.executable, "-m", "sim", str(scenario)]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=300).returncode
