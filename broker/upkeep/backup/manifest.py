"""What a backup says of itself, and how the folders of several are told apart."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from broker.upkeep.backup.tree import wrong_in

NAME = "manifest.json"
FORMAT = 1
PREFIX = "zhanpai-"
CLOCKS_DIFFER_S = 60
_MOMENT = len("2026-11-30T18-05-12Z")


class BackupError(Exception):
    """A backup cannot be made or put back; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Whose it is and of when, how many records it has, which keys of the configuration it holds, and which not."""

    format: int
    version: str
    area: str
    timezone: str
    made_at: int
    records: int
    record: str  # `sqlite`: a folder as the store has it; `export`: JSON lines
    keys: tuple[str, ...]
    left_out: tuple[str, ...]  # secrets that were not asked for

    def encoded(self) -> bytes:
        """As the file has it."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode() + b"\n"


def name_of(area: str, made_at: int) -> str:
    """The folder of a backup; those of one area sort by time."""
    return f"{PREFIX}{area}-{time.strftime('%Y-%m-%dT%H-%M-%SZ', time.gmtime(made_at))}"


def read_manifest(folder: Path) -> Manifest:
    """What a backup says of itself; raises BackupError."""
    try:
        said: dict[str, Any] = json.loads((folder / NAME).read_bytes())
        found = Manifest(**{**said, "keys": tuple(said["keys"]), "left_out": tuple(said["left_out"])})
    except (OSError, ValueError, TypeError, KeyError) as why:
        raise BackupError(f"{folder} is no whole backup: its {NAME} cannot be read ({why}); name another") from why
    if found.format != FORMAT:
        raise BackupError(f"{folder} has format {found.format}, this program reads {FORMAT}: use the newer program")
    return found


def backups_in(folder: Path) -> list[Path]:
    """The whole backups below a folder, the newest last."""
    return sorted((path.parent for path in folder.glob(f"{PREFIX}*/{NAME}")), key=_age)


def backups_of(folder: Path, area: str) -> list[Path]:
    """Those of one area."""
    return [path for path in backups_in(folder) if path.name[:-_MOMENT] == f"{PREFIX}{area}-"]


def _age(backup: Path) -> tuple[int, str]:
    try:
        return read_manifest(backup).made_at, backup.name
    except BackupError:
        return 0, backup.name


def parted(backups: list[Path], now: int) -> tuple[list[Path], list[Path]]:
    """Those made by `now`, and those dated after it: by a clock that was wrong, then or now."""
    ahead = {path for path in backups if _age(path)[0] > now + CLOCKS_DIFFER_S}
    return [path for path in backups if path not in ahead], [path for path in backups if path in ahead]


def chosen(where: Path, now: int) -> tuple[Path, list[Path]]:
    """The backup at `where`, or the newest of several below it, and those not looked at, dated after now.

    Raises BackupError.
    """
    if (where / NAME).exists():
        return where, []
    found, ahead = parted(backups_in(where), now)
    if ahead and not found:
        raise BackupError(f"each backup at {where} is dated after now: set this machine's clock, or name one of them")
    if not found:
        raise BackupError(f"there is no backup at {where}: name its folder, or the one with all of them")
    return found[-1], ahead


def must_be_whole(backup: Path) -> Manifest:
    """The manifest of a backup all of whose files are as they were written; raises BackupError."""
    wrong = wrong_in(backup)
    if wrong:
        names = ", ".join(wrong[:5])
        raise BackupError(f"{backup}: {names} not as written, or missing: use another backup, or another copy of it")
    return read_manifest(backup)
