"""A backup made while the bridge runs: first the record, at one moment, then everything beside it.

It has its name once it is whole and on the disk; one that was cut off is removed by the next.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from broker import __version__
from broker.config import BrokerConfig
from broker.plan.model import Plan
from broker.store import Corrupt
from broker.store.opening import is_address, reading_store
from broker.store.sqlite import check
from broker.store.sqlite.past_days import FOLDER as DAYS
from broker.store.sqlite.snapshot import snapshot
from broker.store.transfer import Progress, export
from broker.upkeep.backup.manifest import FORMAT, NAME, BackupError, Manifest, backups_of, name_of, parted
from broker.upkeep.backup.places import CONFIG, RECORD, places
from broker.upkeep.backup.tree import copy_tree, digest, files_in, seal, sums_of

EXPORTED = "record.jsonl"
_DRAFT = ".unfinished-"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Made:
    """Where a backup is, what it says of itself, how much is new in it, and what is wrong with the record.

    `rotten` says of which files the backup before this one has something else, though nobody wrote in them.
    """

    folder: Path
    manifest: Manifest
    files: int
    new_bytes: int
    findings: tuple[str, ...] = ()
    rotten: tuple[str, ...] = ()


def make_backup(
    config: BrokerConfig, config_path: Path, plan: Plan, folder: Path, now: int, *, secrets: bool = False,
    progress: Progress = lambda _: None,
) -> Made:  # fmt: skip
    """Copy all that this configuration keeps into a folder of its own below `folder`.

    Raises BackupError, StoreError, OSError; nothing is left but a whole backup.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        target = folder / name_of(plan.area_id, now)
        if target.exists():
            raise BackupError(f"{target} is there already: wait a second")
        draft = folder / f"{_DRAFT}{target.name}"
        for left in folder.glob(f"{_DRAFT}*"):
            shutil.rmtree(left)
        draft.mkdir(mode=0o700)
        try:
            before = next(reversed(backups_of(folder, plan.area_id)), None)
            made = _fill(config, config_path, plan, draft, before, now, secrets, progress)
            draft.replace(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return Made(target, *made)


def forget(made: Path, area: str, keep: int, now: int) -> tuple[list[Path], list[Path]]:
    """Remove the oldest backups of an area beside the one just made, all but `keep` with it; raises OSError.

    Which they were, and which are dated after now: they stay and do not count, for nobody knows how old they are.
    """
    past, ahead = parted([path for path in backups_of(made.parent, area) if path != made], now)
    old = past[: max(len(past) + 1 - keep, 0)]
    for path in old:
        (path / NAME).unlink()  # what is removed in part is no backup any more
        shutil.rmtree(path)
    return old, ahead


def _fill(
    config: BrokerConfig, config_path: Path, plan: Plan, draft: Path, before: Path | None, now: int, secrets: bool,
    progress: Progress,
) -> tuple[Manifest, int, int, tuple[str, ...], tuple[str, ...]]:  # fmt: skip
    records, how, findings, doubtful = _record(config, plan, draft / RECORD, before, now, progress)
    keys, left_out = [RECORD], []
    doubtful += copy_tree(config_path, draft / CONFIG, _in(before, CONFIG))
    for place in places(config):
        if not place.path.exists():
            continue
        if place.secret and not secrets:
            left_out.append(place.key)
            continue
        doubtful += copy_tree(place.path, draft / place.name, _in(before, place.name), place.without)
        keys.append(place.key)
    manifest = Manifest(FORMAT, __version__, plan.area_id, plan.timezone, now, records, how, tuple(keys),
                        tuple(left_out))  # fmt: skip
    (draft / NAME).touch(mode=0o600)
    (draft / NAME).write_bytes(manifest.encoded())
    seal(draft)
    there = [path.stat() for path in files_in(draft)]
    new_bytes = sum(one.st_size for one in there if one.st_nlink == 1)
    return manifest, len(there), new_bytes, findings, tuple(_doubt(before, *pair) for pair in doubtful)


def _doubt(before: Path | None, file: Path, old: Path) -> str:
    """Which of the two is not as it was written, by the list of the backup before."""
    assert before is not None
    try:
        good = digest(old) == sums_of(before).get(str(old.relative_to(before)))
    except (OSError, ValueError):
        good = False
    if good:
        return (
            f"{file} is not what it was, though by its size and time nobody wrote in it; {old} is good and stays: "
            "compare the two, then put the right one in place"
        )
    return f"{old} is not as it was written; it was copied afresh from {file}. Look at the disk of the backups (dmesg)"


def _record(
    config: BrokerConfig, plan: Plan, target: Path, before: Path | None, now: int, progress: Progress
) -> tuple[int, str, tuple[str, ...], list[tuple[Path, Path]]]:
    """How many records were copied, how, what is wrong with the copy, and what differs from the backup before."""
    url = config.store.url
    if is_address(url):
        target.mkdir(mode=0o700)
        with reading_store(url, plan.area_id, plan.timezone, lambda: float(now)) as store:
            return export(store, target / EXPORTED, progress), "export", (), []
    doubtful: list[tuple[Path, Path]] = []

    def copy_days() -> None:
        if (Path(url) / DAYS).is_dir():
            doubtful.extend(copy_tree(Path(url) / DAYS, target / DAYS, _in(before, RECORD, DAYS)))

    # Days first: files with a record that the copy of the database lacks would be written anew without it.
    note = snapshot(Path(url), target, before=copy_days)
    note.must_be(plan.area_id, plan.timezone, Path(url))
    try:
        findings = tuple(f"{one.path.name}: {one.text}" for one in check.check(target) if not one.good)
    except Corrupt as why:
        findings = (str(why),)
    return note.rows, "sqlite", findings, doubtful


def _in(before: Path | None, *names: str) -> Path | None:
    return None if before is None else before.joinpath(*names)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One backup at a time in a folder."""
    handle = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as why:
            raise BackupError(f"another backup is being made in {folder}: wait for it") from why
        yield
    finally:
        os.close(handle)
