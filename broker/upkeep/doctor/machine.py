"""The machine below an office: its disks, its clock, its memory, and what its user may open."""

import ctypes
import os
import pwd
import resource
import struct
from pathlib import Path

from broker.upkeep.doctor.sights import Disk

_STATUS_AT = 40 if struct.calcsize("l") == 8 else 20  # of `status` in the C library's struct timex
_UNSYNCHRONISED = 0x40  # STA_UNSYNC
_TIMEX_BYTES = 512  # more than it has anywhere


def disk_below(folder: Path) -> Disk:
    """The disk on which a folder is, or would be made."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    room = os.statvfs(place)
    owner = place.stat().st_uid
    strange = place == folder and owner != os.geteuid()
    return Disk(
        str(folder), room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize,
        room.f_favail if room.f_files else None, os.access(place, os.W_OK | os.X_OK), _name(owner) if strange else "",
        place.stat().st_dev,
    )  # fmt: skip


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders are lost together."""
    return one.exists() and other.exists() and one.stat().st_dev == other.stat().st_dev


def clock_synchronised() -> bool | None:
    """Whether a time server sets the clock, as the kernel has been told; None where it cannot be asked."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        if ctypes.CDLL(None).adjtimex(timex) < 0:
            return None
    except (OSError, AttributeError):
        return None
    (status,) = struct.unpack_from("i", timex, _STATUS_AT)
    return not status & _UNSYNCHRONISED


def memory_free_mb(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """What a program could have without anybody else losing some; None where nobody says so."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) // 1000
    except (OSError, KeyError, ValueError):
        return None


def open_files() -> int | None:
    """How many files a program of this user may have open; None: as many as it likes."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return None if most == resource.RLIM_INFINITY else most


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
