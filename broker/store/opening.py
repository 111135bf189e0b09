"""Opening a store by its name: a folder for TinyDB over SQLite, a postgresql:// address for PostgreSQL."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from broker.store.contract import Store
from broker.store.record import Conflict, Corrupt, Unavailable
from broker.store.sqlite.any_disk import database_to_read
from broker.store.sqlite.files import Files
from broker.store.sqlite.note import NAME as NOTE
from broker.store.sqlite.past_days import FOLDER
from broker.store.sqlite.reader import SQLiteReader
from broker.store.sqlite.schema import NAME
from broker.store.sqlite.store import SQLiteStore


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
        from broker.store.postgres import PostgresStore

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
    with closing(database_to_read(Path(where) / NAME)) as database:
        reader = SQLiteReader(Path(where), area, timezone, now, database, Files())
        reader.must_be_there()
        yield reader
        if reader.damage:
            raise Corrupt(reader.damage[0])
