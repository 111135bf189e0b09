"""Opening a store by its name: a folder for TinyDB over SQLite, a postgresql:// address for PostgreSQL."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from broker.store import Conflict, Corrupt, Store, StoreError, Unavailable
from broker.store.sqlite.database import NAME, Database
from broker.store.sqlite.files import Files
from broker.store.sqlite.note import NAME as NOTE
from broker.store.sqlite.past_days import FOLDER
from broker.store.sqlite.reader import SQLiteReader
from broker.store.sqlite.store import SQLiteStore

_NOT_WRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


def is_address(where: str | Path) -> bool:
    """Whether a store is in a database server, not in a folder."""
    return "://" in str(where)


def must_be_store(where: str | Path) -> None:
    """Raises Conflict for a path without records: opening it would make an empty store, and all would seem well."""
    if not is_address(where) and not any((Path(where) / name).exists() for name in (NAME, NOTE, FOLDER)):
        raise Conflict(f"there are no records at {where}: check the path")


def open_store(where: str | Path, area: str, timezone: str, now: Callable[[], float], *, make: bool = True) -> Store:
    """The store at `where`, made if it is not there; raises Unavailable, Corrupt or Conflict saying what to do.

    Without `make` Conflict is raised where there are no records, or none of this area; a bridge may be at work there.
    A password of PostgreSQL comes from PGPASSFILE or PGPASSWORD, never from the address.
    """
    if str(where).startswith(("postgresql://", "postgres://")):
        # psycopg is loaded only where it is used: a desk without PostgreSQL starts without its library.
        from broker.store.postgres.store import PostgresStore

        return PostgresStore(str(where), area, timezone, now, make=make)
    if not make:
        must_be_store(where)
    if Path(where).is_dir() and not os.access(where, os.W_OK):
        raise Unavailable(f"{where} cannot be written to, which opening it needs: copy the folder first")
    return SQLiteStore(Path(where), area, timezone, now, beside_bridge=not make)


@contextmanager
def reading_store(where: str | Path, area: str, timezone: str, now: Callable[[], float]) -> Iterator[Store]:
    """A store that is there, to be read only: a bridge may be writing it, and its disk may be read only.

    Raises Corrupt at the end if records had to be left out of what was read.
    """
    must_be_store(where)
    if is_address(where):
        with closing(open_store(where, area, timezone, now, make=False)) as store:
            yield store
        return
    with database_to_read(Path(where) / NAME) as database:
        reader = SQLiteReader(Path(where), area, timezone, now, database, Files())
        reader.must_be_there()
        yield reader  # type: ignore[misc]  # nobody who reads appends
        if reader.damage:
            raise Corrupt(reader.damage[0])


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
    except StoreError:
        pass
    return False
