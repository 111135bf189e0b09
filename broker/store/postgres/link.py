"""Connections to PostgreSQL, and its errors in the store's words."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg import conninfo, errors

from broker.store import codec
from broker.store.record import Full, Record, Refused, StoreError, Unavailable

COLUMNS = "id, kind, key, at, received_at, area, body::text"
_TRIES = 5
_TIMEOUT_S = 10
_STATEMENT_TIMEOUT_MS = 600_000

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresLink:
    """One connection that writes and one that reads, made again after a failure; for any number of threads."""

    def __init__(self, address: str) -> None:
        if _has_password(address):
            raise Refused("the address of the database holds a password: put it into PGPASSFILE or PGPASSWORD")
        self._writer, self._reader = _Session(address), _Session(address)

    def writing(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, again if the database asks for it; raises StoreError."""
        return self._writer.run(work)

    def reading(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows of one query; raises StoreError."""
        if not all(codec.is_text(value) for value in values if isinstance(value, str)):
            return []  # no stored text has such characters, and the database would refuse the question
        return self._reader.run(lambda connection: connection.execute(query.encode(), values).fetchall())

    def close(self) -> None:
        """Close both connections; whatever is asked afterwards is refused."""
        self._writer.close()
        self._reader.close()


class _Session:
    """A connection that one thread at a time uses."""

    def __init__(self, address: str) -> None:
        self._address, self._lock, self._closed = address, threading.Lock(), False
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        with self._lock:
            for attempt in range(_TRIES):
                try:
                    if self._connection is None or self._connection.closed:
                        self._connection = self._connect()
                    with self._connection.transaction():
                        return work(self._connection)
                except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                    if attempt + 1 == _TRIES:
                        raise Unavailable(f"the database kept refusing the batch: {error}") from error
                except psycopg.Error as error:
                    if self._connection is not None and not isinstance(error, psycopg.DataError):
                        self._connection.close()
                    raise failure(error) from error
            raise AssertionError("unreachable")

    def _connect(self) -> Connection:
        if self._closed:
            raise Unavailable("the store is closed")
        connection = psycopg.connect(self._address, connect_timeout=_TIMEOUT_S, application_name="zhanpai")
        connection.autocommit = True  # outside of the transactions that are asked for
        connection.execute("SET synchronous_commit = on")
        connection.execute(f"SET statement_timeout = {_STATEMENT_TIMEOUT_MS}")
        return connection

    def close(self) -> None:
        self._closed = True
        if self._connection is not None:
            self._connection.close()


def _has_password(address: str) -> bool:
    try:
        words = conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        # Its own text may repeat a password.
        raise Refused("the address of the database is none: write postgresql://USER@HOST:PORT/DATABASE") from None
    return bool(words.get("password") or words.get("sslpassword"))


def record_of(row: tuple[Any, ...]) -> Record:
    """The record of a row of COLUMNS."""
    record_id, kind, key, at, received_at, area, body = row
    return Record(record_id, kind, key, at, received_at, area, orjson.loads(body))


def failure(error: psycopg.Error) -> StoreError:
    """What a database error means to the caller: make room, correct the record, or try again later."""
    if isinstance(error, errors.DiskFull | errors.OutOfMemory):
        return Full(f"the database has no room: {error}; make room on its disk")
    if isinstance(error, psycopg.DataError):
        return Refused(f"the database cannot keep this: {error}")
    return Unavailable(f"the database cannot be used now: {error}")
