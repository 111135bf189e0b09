"""From what was seen to what is wrong: one function for each room of the house, none of them with any I/O."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from broker.upkeep.doctor.sights import Sights

SEVERE, WARNING, NOTE = "severe", "warning", "note"
MB, GB = 1_000_000, 1_000_000_000

FULL_BYTES, LOW_BYTES, LOW_SHARE = 200 * MB, 2 * GB, 0.05
FEW_FILES = 10_000
PLAN_ENDS_DAYS = 7
CERTIFICATE_ENDS_S = 30 * 86_400
BACKUP_OLD_S = 36 * 3600  # one is made each night, and may take its time
OUTSIDE_LATE_S = 300
SET_BACK_S = 120  # the newest record may not be later than this from now
DEVICES_OFF_S = 5
DEVICES_FEWEST = 3
MEMORY_LOW_MB = 300
SPARE_FILES = 500  # what the bridge has open besides its connections


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, how bad it is, and what its sentences are filled with.

    `said` is what somebody else says of it, by language; English alone where they speak no other.
    """

    word: str
    level: str
    values: dict[str, Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)


def findings(seen: Sights) -> list[Finding]:
    """Everything that is to be said, the worst first."""
    rooms = (
        _configuration, _bridge, _broker, _disks, _clock, _certificates, _limits, _plan, _record, _backups, _outside,
    )  # fmt: skip
    found = [one for room in rooms for one in room(seen)]
    return sorted(found, key=lambda one: (SEVERE, WARNING, NOTE).index(one.level))


def well(found: list[Finding]) -> bool:
    """Whether nothing waits for a person."""
    return all(one.level == NOTE for one in found)


def _configuration(seen: Sights) -> Iterator[Finding]:
    for word, why in (("config_wrong", seen.config_wrong), ("secret_wrong", seen.secret_wrong),
                      ("people_wrong", seen.people_wrong)):  # fmt: skip
        if why is not None:
            yield Finding(word, SEVERE, said={"en": why})


def _bridge(seen: Sights) -> Iterator[Finding]:
    if seen.bridge is None:
        if seen.config_wrong is None and seen.bridge_is_expected:
            yield Finding("bridge_away", NOTE)
        return
    if seen.bridge["fw"] != seen.version:
        yield Finding("bridge_old", WARNING, {"running": seen.bridge["fw"], "installed": seen.version})
    for row in seen.bridge["reasons"]:
        if row["word"] == "outside_late":
            continue  # the receivers are looked at themselves
        word = "bridge_ill" if row["level"] == SEVERE else "bridge_warns"
        yield Finding(word, row["level"], {"word": row["word"]}, {"en": row["en"], "zh": row["zh"]})
    if seen.unstored:
        yield Finding("unstored", WARNING, {"records": seen.unstored})


def _broker(seen: Sights) -> Iterator[Finding]:
    if seen.mosquitto_missing:
        yield Finding("mosquitto_missing", WARNING)
    if seen.broker_wrong is not None:
        yield Finding("broker_wrong", SEVERE, said={"en": seen.broker_wrong})
    for why in seen.mosquitto_unsafe:
        yield Finding("mosquitto_unsafe", WARNING, said={"en": why})


def _disks(seen: Sights) -> Iterator[Finding]:
    told: set[int] = set()  # of each disk once, however many folders it has
    for disk in seen.disks:
        if not disk.writable:
            yield Finding("not_writable", SEVERE, {"path": disk.path})
        elif disk.owner:
            yield Finding("other_owner", WARNING, {"path": disk.path, "owner": disk.owner})
        if disk.device in told:
            continue
        told.add(disk.device)
        values = {"path": disk.path, "free_mb": disk.free_bytes // MB}
        if disk.free_bytes < FULL_BYTES:
            yield Finding("disk_full", SEVERE, values)
        elif disk.free_bytes < LOW_BYTES or disk.free_bytes < LOW_SHARE * disk.all_bytes:
            yield Finding("disk_low", WARNING, values)
        if disk.free_files is not None and disk.free_files < FEW_FILES:
            yield Finding("few_files", WARNING, {"path": disk.path, "files": disk.free_files})


def _clock(seen: Sights) -> Iterator[Finding]:
    if seen.clock_synchronised is False:
        yield Finding("clock_free", WARNING)
    if _was_set_back(seen):
        yield Finding("clock_back", SEVERE, {"seconds": (seen.newest_record_at or 0) - seen.now})
    if len(seen.devices_ahead_s) >= DEVICES_FEWEST and abs(off := round(median(seen.devices_ahead_s))) > DEVICES_OFF_S:
        word = "clock_behind_devices" if off > 0 else "clock_ahead_of_devices"
        yield Finding(word, WARNING, {"seconds": abs(off), "devices": len(seen.devices_ahead_s)})


def _was_set_back(seen: Sights) -> bool:
    return seen.newest_record_at is not None and seen.newest_record_at - seen.now > SET_BACK_S


def _certificates(seen: Sights) -> Iterator[Finding]:
    if seen.certificate_wrong is not None:
        yield Finding("certificate_wrong", SEVERE, said={"en": seen.certificate_wrong})
    for key, until_at in seen.certificates.items():
        left_s = until_at - seen.now
        if 0 <= left_s < CERTIFICATE_ENDS_S:
            yield Finding("certificate_ends", WARNING, {"certificate": key, "days": left_s // 86_400})


def _limits(seen: Sights) -> Iterator[Finding]:
    wanted = seen.connections + SPARE_FILES
    if seen.open_files is not None and seen.open_files < wanted:
        yield Finding("few_open_files", WARNING, {"files": seen.open_files, "wanted": wanted})
    if seen.memory_free_mb is not None and seen.memory_free_mb < MEMORY_LOW_MB:
        yield Finding("memory_low", WARNING, {"free_mb": seen.memory_free_mb})


def _plan(seen: Sights) -> Iterator[Finding]:
    if seen.plan_state in ("ended", "never", "not_begun"):
        yield Finding(f"plan_{seen.plan_state}", SEVERE, {"day": seen.plan_last_day})
    elif seen.plan_days_left is not None and seen.plan_days_left <= PLAN_ENDS_DAYS:
        yield Finding("plan_ends", WARNING, {"day": seen.plan_last_day, "days": seen.plan_days_left})


def _record(seen: Sights) -> Iterator[Finding]:
    if seen.record_wrong is not None:
        yield Finding("record_wrong", SEVERE, said={"en": seen.record_wrong})


def _backups(seen: Sights) -> Iterator[Finding]:
    if not seen.has_records or _was_set_back(seen):
        return
    if seen.backups_ahead:
        yield Finding("backup_ahead", WARNING, {"backups": seen.backups_ahead, "path": seen.backup_folder})
    if seen.backup_at is None:
        yield Finding("no_backup", WARNING, {"path": seen.backup_folder})
        return
    if seen.now - seen.backup_at > BACKUP_OLD_S:
        yield Finding("backup_old", WARNING, {"hours": (seen.now - seen.backup_at) // 3600, "path": seen.backup_folder})
    if seen.backup_on_same_disk:
        yield Finding("backup_same_disk", NOTE, {"path": seen.backup_folder})


def _outside(seen: Sights) -> Iterator[Finding]:
    for one in seen.outside:
        if one.ended:
            yield Finding("outside_ended", WARNING, {"name": one.name})
        elif one.dead:
            yield Finding("outside_dead", WARNING, {"name": one.name, "dead": one.dead})
        elif one.oldest_at is not None and seen.now - one.oldest_at > OUTSIDE_LATE_S:
            values = {"name": one.name, "waiting": one.waiting, "minutes": (seen.now - one.oldest_at) // 60}
            yield Finding("outside_late", WARNING, values)
