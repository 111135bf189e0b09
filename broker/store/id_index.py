"""Which ids that do not count are in sealed days: sorted 64-bit hashes in memory-mapped files, one per year.

A file can be made again from the `ids.bin` of the days it covers; `ids-2026.json` names those days. A hash that is
found only says "perhaps": the store then looks at the record itself.
"""

import hashlib
import mmap
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

import orjson

from broker.store import Corrupt
from broker.store.sealed_day import SealedDay
from broker.store.tinyjournal import Files


class IdIndex:
    """Looks hashes up over all sealed days in about the time of one bisection per year."""

    def __init__(self, folder: Path, days: Sequence[SealedDay], files: Files) -> None:
        """Reads the index files, and makes those again that do not match the days; Corrupt if a day is lost."""
        self._folder, self._files = folder, files
        self._years: dict[str, memoryview] = {}  # never changed, but replaced: a day is sealed while others look
        files.make_folder(folder)
        lost = lost_days(folder, [day.folder.name for day in days])
        if lost:
            raise Corrupt(
                f"{folder} names sealed days that are not there: {' '.join(lost)}; put them back into records/ "
                f"(`python -m broker fsck --copies`), or remove {folder} to go on without them"
            )
        for year in sorted({day.day[:4] for day in days}):
            of_year = [day for day in days if day.day[:4] == year]
            if not self._load(year, of_year):
                self._make(year, [day.ids()[0] for day in of_year], of_year)

    def holds(self, wanted: int) -> bool:
        """Whether some sealed day has an id of this hash."""
        for hashes in self._years.values():
            position = bisect_left(hashes, wanted)
            if position < len(hashes) and hashes[position] == wanted:
                return True
        return False

    def add(self, day: SealedDay, days: Sequence[SealedDay]) -> None:
        """Take in a day just sealed; `days` are all sealed days, this one included."""
        year = day.day[:4]
        known = self._years.get(year)
        parts: list[Sequence[int]] = [day.ids()[0]] if known is None else [known, day.ids()[0]]
        self._make(year, parts, [other for other in days if other.day[:4] == year])

    def _paths(self, year: str) -> tuple[Path, Path]:
        return self._folder / f"ids-{year}.bin", self._folder / f"ids-{year}.json"

    def _load(self, year: str, days: Sequence[SealedDay]) -> bool:
        data_path, about_path = self._paths(year)
        try:
            about = orjson.loads(about_path.read_bytes())
            data = data_path.read_bytes()
        except (OSError, ValueError):
            return False
        if about != _about(days, data):
            return False
        self._map(year, data_path)
        return True

    def _make(self, year: str, parts: Sequence[Sequence[int]], days: Sequence[SealedDay]) -> None:
        merged: list[int] = []
        for part in parts:
            merged.extend(part)
        merged.sort()
        data = array("Q", merged).tobytes()
        data_path, about_path = self._paths(year)
        self._files.write_file(data_path, data)
        self._files.write_file(about_path, orjson.dumps(_about(days, data), option=orjson.OPT_INDENT_2))
        self._map(year, data_path)

    def _map(self, year: str, path: Path) -> None:
        hashes = memoryview(array("Q"))
        with path.open("rb") as file:
            if path.stat().st_size > 0:
                hashes = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).cast("Q")
        self._years = {**self._years, year: hashes}


def _about(days: Sequence[SealedDay], data: bytes) -> dict[str, object]:
    names = sorted(day.folder.name for day in days)
    return {"days": names, "named": _digest_of(names), "sha256": hashlib.sha256(data).hexdigest()}


def _digest_of(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def lost_days(folder: Path, names: Sequence[str]) -> list[str]:
    """The sealed days that the index in `folder` covers and that are not among `names`."""
    lost: set[str] = set()
    for path in folder.glob("ids-*.json"):
        try:
            about = orjson.loads(path.read_bytes())
            # A damaged index proves nothing about the days, and is made again.
            if about["named"] == _digest_of(about["days"]):
                lost.update(about["days"])
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return sorted(lost.difference(names))
