"""Opening a store by its name: a folder for TinyDB, a postgresql:// address for PostgreSQL."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.store import Conflict, Store, Unavailable, read_only
from broker.store.tinydb_store import TinyDBStore


def is_address(where: str | Path) -> bool:
    """Whether a store is in a database, not in a folder."""
    return "://" in str(where)


def must_be_store(where: str | Path) -> None:
    """Raises Conflict for a path without records: opening it would make an empty store, and all would seem well."""
    if not is_address(where) and not any((Path(where) / name).exists() for name in ("store.json", "records", "open")):
        raise Conflict(f"there are no records at {where}: check the path")


def open_store(where: str | Path, area: str, timezone: str, now: Callable[[], float], *, make: bool = True) -> Store:
    """The store at `where`, made if it is not there; raises Unavailable, Corrupt or Conflict saying what to do.

    Without `make` Conflict is raised where there are no records, or none of this area.
    A password of PostgreSQL comes from PGPASSFILE or PGPASSWORD, never from the address.
    """
    if str(where).startswith(("postgresql://", "postgres://")):
        # psycopg is loaded only where it is used: a desk without PostgreSQL starts without its library.
        from broker.store.postgres_store import PostgresStore

        return PostgresStore(str(where), area, timezone, now, make=make)
    if not make:
        must_be_store(where)
    try:
        return TinyDBStore(Path(where), area, timezone, now)
    except Unavailable as error:
        if Path(where).is_dir() and not os.access(where, os.W_OK):
            raise Unavailable(f"{where} cannot be written to, which opening it needs: copy the folder first") from error
        raise


@contextmanager
def reading_store(where: str | Path, area: str, timezone: str, now: Callable[[], float]) -> Iterator[Store]:
    """A store that is there, to be read only; it may lie on a disk that is."""
    must_be_store(where)
    if not is_address(where) and read_only.is_read_only(Path(where)):
        with read_only.opened(Path(where), area, timezone) as beside:
            yield beside
        return
    store = open_store(where, area, timezone, now, make=False)
    try:
        yield store
    finally:
        store.close()
