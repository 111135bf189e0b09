"""A backup put back where the configuration says: each part whole or not at all, nothing that is there overwritten."""

import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from broker.config import BrokerConfig
from broker.plan.model import Plan
from broker.store import Unavailable
from broker.store.opening import is_address, open_store, reading_store
from broker.store.sqlite.files import Lock
from broker.store.sqlite.schema import NAME as RECORD_FILE
from broker.store.transfer import Progress, import_records, read
from broker.upkeep.backup.afterwards import Range, missing, numbers_in, ranges_of
from broker.upkeep.backup.making import EXPORTED
from broker.upkeep.backup.manifest import BackupError, Manifest
from broker.upkeep.backup.places import CONFIG, RECORD, Place, places
from broker.upkeep.backup.tree import copy_tree, digest, files_in, sync_all, sync_folders

_DRAFT = ".being-restored"
_BESIDE = ("record.lock", f"{RECORD_FILE}-shm", f"{RECORD_FILE}-wal")  # of whoever looks at a record


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, what was there and stays, what the backup lacks, and where what was there lies now."""

    put: list[Path] = field(default_factory=list)
    stays: list[Path] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    aside: list[Path] = field(default_factory=list)


def restore_config(backup: Path, config_path: Path) -> bool:
    """Put the configuration back where there is none; whether that was so. Raises OSError."""
    if config_path.exists():
        return False
    config_path.parent.mkdir(parents=True, exist_ok=True)
    _put(backup / CONFIG, config_path)
    return True


def restore_plan(backup: Path, config: BrokerConfig) -> None:
    """Put the plan back where there is none: by it the record is named. Raises OSError."""
    path, kept = Path(config.area.plan), backup / "area.plan"
    if config.area.plan != "demo" and not path.exists() and kept.exists():
        _put(kept, path)


def restore(
    backup: Path, manifest: Manifest, config: BrokerConfig, plan: Plan, now: int, *, aside: bool,
    only: Collection[str] = (), progress: Progress = lambda _: None,
) -> Restored:  # fmt: skip
    """Put everything back; raises BackupError, before anything is changed, where somebody's data stand in its way.

    With `aside` what is there is renamed; `only` are the keys of what is wanted, else all is. A part that is there as
    the backup has it is done already: a restore that was cut off goes on when it is called again.
    """
    done = Restored(
        lacking=[one.key for one in places(config) if one.key in manifest.left_out and not one.path.exists()]
    )
    if plan.area_id != manifest.area:
        raise BackupError(f"{backup} is of area {manifest.area}, the configuration is of {plan.area_id}: name another")
    if unknown := sorted({*only} - {*manifest.keys}):
        raise BackupError(f"{backup} has no {' and no '.join(unknown)}; it has {', '.join(manifest.keys)}")
    folders, files = _sorted(backup, config, only or manifest.keys)
    for place in folders:
        _must_be_free(place.path, backup / place.name, aside)
    record = None if is_address(config.store.url) else Path(config.store.url)
    wanted = not only or RECORD in only
    if wanted and record is not None and manifest.record == "sqlite":
        folders.append(Place(RECORD, record))
        _must_be_free(record, backup / RECORD, aside)
        _must_not_be_at_work(record)
    for place in folders:
        kept = backup / place.name
        if _same(kept, place.path):
            done.stays.append(place.path)
            continue
        if place.path.exists() and any(place.path.iterdir()):
            away = place.path.with_name(f"{place.path.name}.before-{now}")
            place.path.rename(away)
            done.aside.append(away)
        _put(kept, place.path)
        done.put.append(place.path)
    for place in files:
        if place.path.exists():
            done.stays.append(place.path)
        else:
            _put(backup / place.name, place.path)
            done.put.append(place.path)
    if wanted and RECORD not in [place.key for place in folders]:
        _import(backup, manifest, config, plan, now, progress)
    return done


def after(config: BrokerConfig, plan: Plan, acks: list[Range], now: int) -> list[Range]:
    """What was acknowledged by these acks and is not in the restored record; raises StoreError."""
    with reading_store(config.store.url, plan.area_id, plan.timezone, lambda: float(now)) as store:
        return missing(acks, numbers_in(store))


def only_in(old: Path, config: BrokerConfig, plan: Plan, now: int) -> tuple[int, list[Range]]:
    """How many records an old folder has beyond the restored record, and which of devices; raises StoreError."""
    count, ids = 0, []
    with (
        reading_store(config.store.url, plan.area_id, plan.timezone, lambda: float(now)) as store,
        reading_store(old, plan.area_id, plan.timezone, lambda: float(now)) as before,
    ):
        for kind in before.kinds():
            for record in before.scan(kind, amended=False):
                if store.stored(record.id) is None:
                    count += 1
                    ids.append(record.id)
    return count, ranges_of(ids)


def _sorted(backup: Path, config: BrokerConfig, keys: Collection[str]) -> tuple[list[Place], list[Place]]:
    """The folders of data and the single files that the backup has of these keys."""
    there = [place for place in places(config) if place.key in keys and (backup / place.name).exists()]
    folders = [place for place in there if (backup / place.name).is_dir() and place.key != "area.plan"]
    return folders, [place for place in there if place not in folders]


def _must_be_free(path: Path, kept: Path, aside: bool) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise BackupError(f"{path} is no folder: correct the configuration")
    if not aside and any(path.iterdir()) and not _same(kept, path):
        raise BackupError(f"{path} holds something already: stop the bridge, then move it away, or say --aside")


def _must_not_be_at_work(record: Path) -> None:
    if (record / "record.lock").exists():
        try:
            Lock(record / "record.lock", must_be_alone=True).release()
        except Unavailable as why:
            raise BackupError(f"{why}; a restore wants the bridge stopped") from why


def _same(kept: Path, path: Path) -> bool:
    """Whether what is there is what the backup has, file by file."""
    if not path.exists():
        return False
    one, other = (
        {str(file.relative_to(root)): file for file in files_in(root) if file.name not in _BESIDE}
        for root in (kept, path)
    )
    return one.keys() == other.keys() and all(digest(one[name]) == digest(other[name]) for name in one)


def _put(kept: Path, path: Path) -> None:
    """Have a copy of it at `path`, in one step and durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}{_DRAFT}")
    if draft.is_dir():
        shutil.rmtree(draft)
    copy_tree(kept, draft)
    sync_all(draft)
    if path.is_dir() and kept.is_dir():
        with suppress(OSError):
            path.rmdir()  # an empty one
    draft.replace(path)
    sync_folders(path.parent)


def _import(
    backup: Path, manifest: Manifest, config: BrokerConfig, plan: Plan, now: int, progress: Progress
) -> None:
    """Records into a store of another kind, or of a database: what is stored there already stays."""
    store = open_store(config.store.url, plan.area_id, plan.timezone, lambda: float(now))
    try:
        if manifest.record == "export":
            import_records(read(backup / RECORD / EXPORTED), store, progress)
            return
        with reading_store(backup / RECORD, plan.area_id, plan.timezone, lambda: float(now)) as kept:
            for kind in kept.kinds():
                import_records(kept.scan(kind, amended=False), store, progress)
    finally:
        store.close()


