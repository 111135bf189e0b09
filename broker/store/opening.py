"""Opening a store by its name: a folder for TinyDB, a postgresql:// address for PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

from broker.store import Store
from broker.store.tinydb_store import TinyDBStore


def open_store(where: str | Path, area: str, timezone: str, now: Callable[[], float]) -> Store:
    """The store at `where`, made if it is not there; raises Unavailable, Corrupt or Conflict saying what to do.

    A password of PostgreSQL comes from PGPASSFILE or PGPASSWORD, never from the address.
    """
    if str(where).startswith(("postgresql://", "postgres://")):
        # psycopg is loaded only where it is used: a desk without PostgreSQL starts without its library.
        from broker.store.postgres_store import PostgresStore

        return PostgresStore(str(where), area, timezone, now)
    return TinyDBStore(Path(where), area, timezone, now)
