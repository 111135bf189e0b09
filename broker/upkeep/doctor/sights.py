"""What was seen of an office; each part empty or None where it could not be looked at, or there is nothing of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk below one folder that something is written to."""

    path: str
    free_bytes: int
    all_bytes: int
    free_files: int | None = None  # None where the file system has no bound
    writable: bool = True
    owner: str = ""  # another user's, if it is one
    device: int = 0  # folders of one number share one disk


@dataclass(frozen=True, slots=True)
class Outside:
    """A receiver outside: what waits, since when, and what was given up."""

    name: str
    waiting: int
    oldest_at: int | None
    dead: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Sights:
    """All of it, at one moment."""

    now: int
    version: str
    config_wrong: str | None = None
    plan_state: str = "running"  # as `DayOfPlan` says it
    plan_last_day: str | None = None
    plan_days_left: int | None = None
    bridge: Mapping[str, Any] | None = None  # its /healthz
    bridge_is_expected: bool = True  # it has a screen, by which it could be asked
    broker_wrong: str | None = None
    mosquitto_missing: bool = False
    mosquitto_unsafe: tuple[str, ...] = ()
    disks: tuple[Disk, ...] = ()
    clock_synchronised: bool | None = None
    newest_record_at: int | None = None  # when the bridge had it, by its clock then
    devices_ahead_s: tuple[int, ...] = ()  # each device's clock against ours
    certificate_wrong: str | None = None
    certificates: Mapping[str, int] = field(default_factory=dict)  # by key, until when
    secret_wrong: str | None = None
    people_wrong: str | None = None
    open_files: int | None = None  # how many this user's programs may have; None: without bound
    connections: int = 0  # so many the broker may have
    memory_free_mb: int | None = None
    unstored: int = 0
    outside: tuple[Outside, ...] = ()
    has_records: bool = False
    record_wrong: str | None = None
    backup_folder: str = ""
    backup_at: int | None = None
    backups_ahead: int = 0  # dated after now
    backup_on_same_disk: bool = False
