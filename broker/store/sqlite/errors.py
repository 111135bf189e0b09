"""What the errors of SQLite mean: make room, repair, or try again later."""

import sqlite3
from pathlib import Path

from broker.store.record import Corrupt, Full, StoreError, Unavailable

ADVICE = "run `python3 -m broker fsck`"
_NO_SPACE_BESIDE = sqlite3.SQLITE_IOERR_SHMSIZE  # for the file of the log's index, which opening makes
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# A disk that cannot give a page back has lost it, as far as anybody who reads can know.
_UNREADABLE = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that what is in the file is not what was written."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _DAMAGED or code in _UNREADABLE or str(error).startswith("no such table")


def failure(path: Path, error: sqlite3.Error) -> StoreError:
    """What an error of SQLite means to the caller: make room, repair, or try again later."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF == sqlite3.SQLITE_FULL or code == _NO_SPACE_BESIDE:
        return Full(f"{path}: {error}; make room on its disk")
    if is_damage(error):
        return Corrupt(f"{path} is damaged ({error}); {ADVICE}")
    return Unavailable(f"{path} cannot be used now ({error}, {getattr(error, 'sqlite_errorname', 'no code')})")
