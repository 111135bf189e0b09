"""The folders of the days, by their names and numbers: which belong to the store, and which nobody can mean.

`open/000007_2026-11-22` is a day being written. What is moved or removed is first renamed to a hidden name, so that a
power cut halfway leaves no half of a day under the name of a whole one: `.repairing` is fsck's, `.removing` is here.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from broker.store import Corrupt
from broker.store.about import ABOUT
from broker.store.sealed_day import SealedDay
from broker.store.tinyjournal import Files

_DAY = re.compile(r"([0-9]{6,})_([0-9]{4}-[0-9]{2}-[0-9]{2})")
REMOVING, REPAIRING = ".removing", ".repairing"


def open_days(folder: Path) -> tuple[list[Path], list[Path]]:
    """What a store's `open/` holds: the days in order, and everything else but what was being removed."""
    days, others = [], []
    for path in sorted(folder.glob("*")):
        if _DAY.fullmatch(path.name) and path.is_dir():
            days.append(path)
        elif not path.name.endswith(REMOVING):
            others.append(path)
    return sorted(days, key=numbered), others


def numbered(path: Path) -> tuple[int, str]:
    """Number and name of an open day."""
    number, _, day = path.name.partition("_")
    return int(number), day


def sound_open_days(folder: Path) -> list[Path]:
    """The days of a store's `open/` in order; Corrupt, naming paths, for what must not be guessed about."""
    days, others = open_days(folder)
    for path in others:
        if not (path.name.startswith(".") and path.name.endswith(REPAIRING)):
            raise Corrupt(f"{path} is no day of this store (000007_2026-11-22 would be one): move it out of {folder}")
        if not days:
            raise Corrupt(f"{path} is all that an interrupted repair left of a day; run `python -m broker fsck`")
    for path, other in pairwise(days):
        if numbered(path)[0] == numbered(other)[0]:
            raise Corrupt(f"{path} and {other} are two days with one number: move the one that is a copy out of there")
    return days


def repaired(path: Path) -> Path | None:
    """Where a journal belongs that an interrupted repair left under this name; None for any other name."""
    name = path.name.removeprefix(".").removesuffix(REPAIRING)
    if path.name != f".{name}{REPAIRING}" or _DAY.fullmatch(name) is None:
        return None
    return path.with_name(name)


def half_removed(folder: Path) -> list[Path]:
    """What of `open/` was being removed when the power went."""
    return sorted(folder.glob(f".*{REMOVING}"))


def sealed_days(folder: Path) -> list[Path]:
    """The folders of a store's `records/`."""
    return sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))


def in_order(sealed: Iterable[SealedDay]) -> list[SealedDay]:
    """Sealed days by number; Corrupt, naming both paths, if two have the same one: each record would count twice."""
    days = sorted(sealed, key=lambda day: day.number)
    for day, other in pairwise(days):
        if day.number == other.number:
            raise Corrupt(
                f"{day.folder} and {other.folder} are two days with the number {day.number}: "
                f"move the one that is a copy out of {day.folder.parent}"
            )
    return days


def next_number(folder: Path, numbers: Iterable[int], day: str) -> int:
    """The number of a day that begins now, after those of all days; one that failed to begin may be in `open/`."""
    number = max(numbers, default=0) + 1
    for path in open_days(folder)[0]:
        left, its_day = numbered(path)
        if left >= number:
            number = left if its_day == day else left + 1
    return number


def remove_journal(path: Path, aside: Path, files: Files) -> None:
    """Remove the journal of a day that is sealed, or empty; what it had set aside goes to the store's `aside/`."""
    for kept in sorted((path / "aside").glob("*")):
        files.make_folder(aside)
        files.replace(kept, _free(aside / f"{path.name}-{kept.name}"))
    going = path if path.name.endswith(REMOVING) else path.with_name(f".{path.name}{REMOVING}")
    if going != path:
        files.replace(path, going)
    files.remove_folder(going)


def set_journal_aside(path: Path, store: Path, files: Files) -> Path:
    """Move a journal to where it is a store of its own, which `python -m broker import` can read; that folder."""
    target = _free(store / "aside" / path.name)
    files.make_folder(target / "open")
    files.write_file(target / ABOUT, (store / ABOUT).read_bytes())
    files.replace(path, target / "open" / path.name)
    files.sync_folder(target / "open")
    files.sync_folder(path.parent)
    return target


def _free(path: Path) -> Path:
    """This name or, where it is taken, one like it."""
    found, count = path, 1
    while found.exists():
        count += 1
        found = path.with_name(f"{path.name}.{count}")
    return found
