"""The SQLite file opened to be read, on whatever disk it is: also on one that takes nothing."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.store.record import Full, StoreError, Unavailable
from broker.store.sqlite.database import Database

_NOT_WRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


@contextmanager
def database_to_read(path: Path) -> Iterator[Database]:
    """The SQLite file, as it is. On a disk that takes nothing its log cannot be used where it is: a copy is read."""
    database = Database(path)
    try:
        if not _needs_writing(database):
            yield database
        elif not database.log.exists() or database.log.stat().st_size == 0:
            database.close()
            database = Database(path, immutable=True)
            yield database
        else:
            with tempfile.TemporaryDirectory(prefix="zhanpai-record-") as folder:
                for part in (path, database.log):
                    shutil.copy(part, folder)
                database.close()
                database = Database(Path(folder) / path.name, stands_for=path)
                yield database
                database.close()
    finally:
        database.close()


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
