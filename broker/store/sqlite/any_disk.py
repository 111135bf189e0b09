"""The SQLite file opened to be read, on whatever disk it is: also on one that takes nothing."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from broker.store.record import Full, StoreError, Unavailable
from broker.store.sqlite.database import Database

_NOT_WRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


@contextmanager
def database_to_read(path: Path) -> Iterator[Database]:
    """The SQLite file, as it is. On a disk that takes nothing its log cannot be used where it is: a copy is read."""
    with ExitStack() as opened:
        database = opened.enter_context(closing(Database(path)))
        if _needs_writing(database):
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="zhanpai-record-")))
            if logged := database.log.exists() and database.log.stat().st_size > 0:
                for part in (path, database.log):
                    shutil.copy(part, folder)
            read = Database(folder / path.name, stands_for=path) if logged else Database(path, immutable=True)
            database = opened.enter_context(closing(read))
        yield database


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
