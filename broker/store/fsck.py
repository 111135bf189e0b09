"""Looking a folder over without trusting it, and putting right what can be put right without guessing.

Repairs: a damaged sealed file comes back from a copy with the very hash it was sealed with, a lost day as a whole; of
a damaged journal all whole frames that are in order are kept. Whatever is replaced moves to `aside/`, and what is lost
is said in frames and bytes. Nothing is deleted. (The index needs no repair: it is made again when it does not fit the
days.)
"""

import errno
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from broker.store import Corrupt, Unavailable, carry_over, codec, day_folders, sums
from broker.store.about import ABOUT
from broker.store.days import Days
from broker.store.id_index import lost_days
from broker.store.open_day import POSITIONS
from broker.store.salvage import whole_frames
from broker.store.seal import MANIFEST, SEEN, SUMS
from broker.store.sealed_day import SealedDay
from broker.store.tinyjournal import Files, FolderLock, FolderLocked, JournalDB, document_of, frames, inserting

_ABOUT_IS = 'format, area and time zone, as in {"format": 1, "area": "xh", "timezone": "Asia/Shanghai"}'
_SUMS = re.compile(r"(?:[0-9a-f]{64}  [\w.-]+\n)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is good, and else what is wrong and what was or can be done."""

    good: bool
    path: Path
    text: str
    repaired: bool = False
    lost: bool = False  # repaired as far as possible, and records are gone


def check(folder: Path, copies: Path | None = None, repair: bool = False, files: Files | None = None,
          stamp: str = "fsck") -> Iterator[Finding]:  # fmt: skip
    """Look over a store's folder; with `repair` put right what can be, sealed files from the store folder `copies`.

    Raises Unavailable while a bridge works in the folder. A disk that is read only is looked at as it is.
    """
    if not folder.is_dir() or not any((folder / name).exists() for name in (ABOUT, "records", "open")):
        yield Finding(False, folder, f"no {ABOUT}, no days: this is not the folder of a store")
        return
    if repair and not os.access(folder, os.W_OK):
        raise Unavailable(f"{folder} cannot be written to: copy the folder first, and repair the copy")
    lock = _locked(folder)
    try:
        yield from _Check(folder, copies, repair, files or Files(), stamp).run()
    finally:
        if lock is not None:
            lock.release()


def _locked(folder: Path) -> FolderLock | None:
    try:
        return FolderLock(folder)
    except FolderLocked as error:
        raise Unavailable(f"{error}; stop the bridge, or check a copy of the folder") from error
    except OSError as error:
        if error.errno == errno.EROFS:
            return None  # nobody can write there, so nobody has to be kept out
        raise Unavailable(f"{folder} cannot be locked ({error.strerror}): copy the folder first") from error


class _Check:
    def __init__(self, folder: Path, copies: Path | None, repair: bool, files: Files, stamp: str) -> None:
        self._folder, self._copies, self._repair, self._files, self._stamp = folder, copies, repair, files, stamp

    def run(self) -> Iterator[Finding]:
        whole = True
        for finding in self._look():
            whole = whole and (finding.good or finding.repaired)
            yield finding
        if whole:
            # Only now: what is damaged was named, and would seem to be missing here.
            yield from self._carried_over()

    def _carried_over(self) -> Iterator[Finding]:
        days = _days_of(self._folder / ABOUT)
        sealed = [] if days is None else [SealedDay(path, days) for path in self._folders()]
        lost = carry_over.lost(sealed, (name for path in self._journals() for name in _ids_of(path)))
        if lost is not None:
            yield Finding(False, lost.day.folder / SEEN, f"{lost.text}: a sealed day is missing")

    def _look(self) -> Iterator[Finding]:
        days = _days_of(self._folder / ABOUT)
        if days is None:
            yield self._restore(self._folder / ABOUT, None, f"is missing or does not say {_ABOUT_IS}")
            days = _days_of(self._folder / ABOUT)
            if days is None:
                return
        for name in lost_days(self._folder / "index", [path.name for path in self._folders()]):
            yield self._restore_day(self._folder / "records" / name)
        for path in self._folders():
            yield from self._sealed(path, days)
        sealed: defaultdict[int | None, list[Path]] = defaultdict(list)
        for path in self._folders():
            sealed[_number_of(path)].append(path)
        opened: defaultdict[int | None, list[Path]] = defaultdict(list)
        for path in self._journals():
            opened[day_folders.numbered(path)[0]].append(path)
        yield from _same_number([*sealed.items(), *opened.items()])
        _, strange = day_folders.open_days(self._folder / "open")
        for path in strange:
            yield self._unfinished(path, sealed)
        for path in self._journals():
            yield self._journal(path)
        if not self._journals() and not strange and self._folders():
            yield Finding(False, self._folder / "open", "is empty: the day that was being written is lost")
        kept = [*(self._folder / "aside").glob("*"), *(self._folder / "open").glob("*/aside/*")]
        for path in sorted(kept):
            yield Finding(True, path, "was set aside earlier; look at it, then keep or remove it")

    def _folders(self) -> list[Path]:
        return day_folders.sealed_days(self._folder / "records")

    def _journals(self) -> list[Path]:
        return day_folders.open_days(self._folder / "open")[0]

    def _aside(self, path: Path) -> Path:
        target = self._folder / "aside" / f"{path.parent.name}-{path.name}.{self._stamp}"
        self._files.make_folder(target.parent)
        while target.exists():
            target = target.with_name(target.name + "x")
        self._files.replace(path, target)
        self._files.sync_folder(target.parent)
        return target

    # --- sealed days -----------------------------------------------------------------------------------

    def _sealed(self, folder: Path, days: Days) -> Iterator[Finding]:
        hashes = _hashes(folder / SUMS)
        copied = None if self._copies is None else _hashes(self._copies / folder.relative_to(self._folder) / SUMS)
        if copied is not None and not _of_this_seal(folder, copied):
            copied = None
        if hashes is None or (copied is not None and _describes_better(folder, copied, hashes)):
            if copied is None:
                hint = "no readable list of this seal" if self._copies else "give a copy of this store with --copies"
                yield Finding(False, folder / SUMS, f"is not what was sealed; {hint}")
                return
            finding = self._restore(folder / SUMS, None, "is not what was sealed")
            yield finding
            if not finding.repaired:
                return
            hashes = copied
        whole = True
        for name, digest in sorted(hashes.items()):
            path = folder / name
            found = _digest(path)
            if found != digest:
                finding = self._restore(path, digest, _WRONG.get(found, "is not what was sealed"))
                whole = whole and finding.repaired
                yield finding
        if not whole:
            return
        try:
            yield from self._contents(SealedDay(folder, days))
        except (Corrupt, KeyError, ValueError) as error:
            yield Finding(False, folder, f"hashes are right but the contents are not: {error}")

    def _restore_day(self, folder: Path) -> Finding:
        text = "was sealed and is not there"
        copy = None if self._copies is None else self._copies / folder.relative_to(self._folder)
        hashes = None if copy is None else _hashes(copy / SUMS)
        if copy is None or hashes is None or any(_digest(copy / name) != hashes[name] for name in hashes):
            hint = "give a copy of this store with --copies" if copy is None else f"no whole copy at {copy}"
            return Finding(False, folder, f"{text}; {hint}")
        if not self._repair:
            return Finding(False, folder, f"{text}; {copy} is whole: run with --repair to put it back")
        draft = folder.with_name(f".{folder.name}{day_folders.REPAIRING}")
        if draft.exists():
            self._files.remove_folder(draft)
        self._files.make_folder(draft)
        for name in [*hashes, SUMS]:
            self._files.write_file(draft / name, (copy / name).read_bytes())
        self._files.replace(draft, folder)
        self._files.sync_folder(folder.parent)
        return Finding(False, folder, f"{text}; put back from {copy}", repaired=True)

    def _contents(self, day: SealedDay) -> Iterator[Finding]:
        count = 0
        for kind in day.kinds():
            records = sum(1 for _ in day.scan(kind, 0, 1 << 62))
            count += records
            saved = sums.loaded(kind, orjson.loads(day.read(f"{kind}.sum.json")))
            if saved is not None and saved != day.recount(kind):
                yield Finding(False, day.folder / f"{kind}.sum.json", "the sums are not what a recount gives")
            if kind != POSITIONS and records != len(day.documents(kind)):
                yield Finding(False, day.folder / f"{kind}.json", f"{records} records in {len(day.documents(kind))}")
        if count != day.count:
            yield Finding(False, day.folder / MANIFEST, f"says {day.count} records, there are {count}")
        else:
            yield Finding(True, day.folder, f"{count} records of {len(day.kinds())} kinds, sums equal a recount")

    def _restore(self, path: Path, digest: str | None, what: str) -> Finding:
        copy = None if self._copies is None else self._copies / path.relative_to(self._folder)
        usable = copy is not None and copy.exists()
        if usable and copy is not None:
            usable = _digest(copy) == digest if digest is not None else copy.name != ABOUT or _days_of(copy) is not None
        if not usable or copy is None:
            hint = "give a copy of this store with --copies" if self._copies is None else f"no equal copy at {copy}"
            return Finding(False, path, f"{what}; {hint}")
        if not self._repair:
            return Finding(False, path, f"{what}; {copy} is as it was sealed: run with --repair to put it back")
        if path.exists():
            self._aside(path)
        self._files.write_file(path, copy.read_bytes())
        return Finding(False, path, f"{what}; put back from {copy}", repaired=True)

    # --- journals --------------------------------------------------------------------------------------

    def _unfinished(self, path: Path, sealed: Iterable[int | None]) -> Finding:
        """A new journal that an interrupted repair left takes its place if the old one is in aside/ already."""
        target = day_folders.repaired(path)
        if target is None:
            return Finding(False, path, "is no day of this store, which does not read it: move it out of open/")
        replaced = sorted((self._folder / "aside").glob(f"open-{target.name}.*"))
        text = "was left by a repair that was interrupted"
        number, _ = day_folders.numbered(target)
        if target.exists() or not replaced or number in sealed or whole_frames(path).wrong:
            if not self._repair:
                return Finding(False, path, f"{text}; run with --repair to set it aside and begin that again")
            return Finding(False, path, f"{text}; it is kept in {self._aside(path)}", repaired=True)
        lost = whole_frames(replaced[-1]).loses
        if not self._repair:
            return Finding(False, path, f"{text}; {replaced[-1]} is what it replaces: run with --repair to finish it")
        self._files.replace(path, target)
        self._files.sync_folder(target.parent)
        return Finding(False, path, f"{text}; it is finished, {replaced[-1]} was replaced", repaired=True, lost=lost)

    def _journal(self, folder: Path) -> Finding:
        found = whole_frames(folder)
        lines = sum(len(frame) for frame in found.kept)
        if not found.wrong:
            return Finding(True, folder, f"{len(found.kept)} frames, {lines} records, {found.torn or 'unbroken'}")
        text = f"{found.wrong[0]}: {len(found.kept)} whole frames ({lines} records) of {found.last} can be kept"
        if found.strays:
            text += f", {found.strays} that do not follow them cannot"
        if not self._repair:
            return Finding(False, folder, text + "; run with --repair to keep them and set the rest aside")
        fresh = folder.with_name(f".{folder.name}{day_folders.REPAIRING}")
        db = JournalDB(fresh, self._files)
        for frame in found.kept:
            # Documents get new numbers, without the gaps of what is lost; their ids are in them.
            kept: list[bytes] = []
            runs: list[tuple[str | None, int]] = []
            for line in frame:
                put = document_of(line)
                if put is not None:
                    kept.append(inserting(*put))
                    runs.append((put[0], 1))
                elif line.startswith(b"{"):
                    kept.append(line)
                    runs.append((None, 1))
            if runs:
                db.insert_lines(frames.joined(kept), runs)
        db.close()
        target = self._aside(folder)
        self._files.replace(fresh, folder)
        self._files.sync_folder(folder.parent)
        text += f"; done, the damaged journal is kept in {target}"
        return Finding(False, folder, text, repaired=True, lost=found.loses)


def _days_of(path: Path) -> Days | None:
    """The calendar a store's folder says it has, None if that cannot be read."""
    try:
        about = orjson.loads(path.read_bytes())
        return Days(about["timezone"]) if set(about) == {"format", "area", "timezone"} else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _hashes(path: Path) -> dict[str, str] | None:
    """Name -> digest of a SHA256SUMS, None if it cannot be read."""
    try:
        text = path.read_bytes().decode("ascii")
    except (OSError, ValueError):
        return None
    if _SUMS.fullmatch(text) is None:
        return None
    found = {name: digest for digest, name in (line.split("  ") for line in text.split("\n")[:-1])}
    return found if MANIFEST in found else None  # the manifest is written last: without it the list was cut


_UNREADABLE = "unreadable"  # where a digest is meant
_WRONG = {None: "is missing", _UNREADABLE: "cannot be read from the disk"}


def _digest(path: Path) -> str | None:
    """The SHA-256 of a file, None if there is none, or that the disk does not give it."""
    if not path.is_file():
        return None
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return _UNREADABLE


def _of_this_seal(folder: Path, copied: dict[str, str]) -> bool:
    """Whether a copy's list belongs to the seal in `folder`: it has its manifest, or here is none that can be read."""
    if copied[MANIFEST] == _digest(folder / MANIFEST):
        return True
    try:
        orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return True
    return False


def _describes_better(folder: Path, copied: dict[str, str], hashes: dict[str, str]) -> bool:
    """Whether a copy's list fits more of the folder's files."""
    if copied == hashes:
        return False
    wrong, wrong_by_copy = (sum(_digest(folder / name) != of[name] for name in of) for of in (hashes, copied))
    return wrong > wrong_by_copy


def _number_of(folder: Path) -> int | None:
    """The number a sealed day says it has, None if that cannot be read."""
    try:
        number = orjson.loads((folder / MANIFEST).read_bytes())["number"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return number if isinstance(number, int) else None


def _same_number(days: Iterable[tuple[int | None, list[Path]]]) -> Iterator[Finding]:
    for number, paths in days:
        if number is not None and len(paths) > 1:
            others = " and ".join(str(path) for path in paths[:-1])
            text = f"has the number {number} of {others}: one is a copy, move it out of {paths[-1].parent}"
            yield Finding(False, paths[-1], text)


def _ids_of(folder: Path) -> Iterator[str]:
    """The ids of a journal's documents and lines."""
    for frame in whole_frames(folder).kept:
        for line in frame:
            put = document_of(line)
            if put is not None or line.startswith(b"{"):
                yield codec.head(line if put is None else put[1])[0]
