"""The SQLite file opened to be read, on whatever disk it is: also on one that takes nothing."""

import sqlite3
from pathlib import Path

from broker.store.record import Full, StoreError, Unavailable
from broker.store.sqlite.database import Database

_NOT_WRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


def database_to_read(path: Path) -> Database:
    """The SQLite file, as it is, with what is in its log."""
    database = Database(path)
    if _needs_writing(database):
        database.close()
        database = Database(path, still=True)
    return database


def _needs_writing(database: Database) -> bool:
    """Whether reading fails because the disk cannot be written to; any other failure is for whoever reads."""
    try:
        database.rows_of("SELECT count(*) FROM sqlite_master")
    except Unavailable as error:
        code = getattr(error.__cause__, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN) & 0xFF
        return database.path.exists() and code in _NOT_WRITABLE
    except Full:
        return True
    except StoreError:
        pass
    return False
