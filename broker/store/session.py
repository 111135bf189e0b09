"""A connection to PostgreSQL: used by one thread at a time, made again after a failure; what its errors mean."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import conninfo, errors

from broker.store.record import Full, Refused, StoreError, Unavailable

_TRIES = 5
_TIMEOUT_S = 10
# A server that is silent is given up, and asked anew: a cut cable would hold whoever waits for hours.
_SILENCE: dict[str, Any] = {
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000,
}  # fmt: skip


class Patience(NamedTuple):
    """How long is waited: for a statement, for one's turn (for ever where negative), before a silent server is asked
    anew."""

    statement_s: int = 600
    turn_s: float = -1
    rest_s: float = 0


PATIENT = Patience()
QUICK_S = 2.0  # a failure that took longer is a server that is silent, not a connection that was cut
T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]


class Session:
    """A connection that one thread at a time uses, made again after a failure."""

    def __init__(self, address: str, password: str | None = None, patience: Patience = PATIENT) -> None:
        """Raises Refused for an address that holds a password: that would be in configurations and logs."""
        if has_password(address):
            raise Refused("the address of the database holds a password: put it into PGPASSFILE or PGPASSWORD")
        self._address, self._lock, self._closed = address, threading.Lock(), False
        self._password: dict[str, Any] = {} if password is None else {"password": password}
        self._connection: Connection | None = None
        self._patience, self._not_before, self._why = patience, float("-inf"), ""

    def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, in a transaction of its own; raises StoreError."""
        if not self._lock.acquire(timeout=self._patience.turn_s):
            raise Unavailable("the database cannot be used now: it is busy with an earlier question")
        try:
            return self._run(work)
        finally:
            self._lock.release()

    def _run(self, work: Callable[[Connection], T]) -> T:
        began = time.monotonic()
        if began < self._not_before:
            raise Unavailable(self._why)
        for attempt in range(_TRIES):
            is_there = False
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = self._connect()
                is_there = True
                with self._connection.transaction():
                    return work(self._connection)
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                if attempt + 1 == _TRIES:
                    raise Unavailable(f"the database kept refusing the batch: {error}") from error
            except psycopg.Error as error:
                if self._connection is not None and not isinstance(error, psycopg.DataError):
                    self._connection.close()
                found, ended = failure(error), time.monotonic()
                is_away = isinstance(error, psycopg.OperationalError) and not isinstance(error, errors.QueryCanceled)
                if is_away and (not is_there or ended - began > QUICK_S):
                    self._not_before, self._why = ended + self._patience.rest_s, str(found)
                raise found from error
        raise AssertionError("unreachable")

    def _connect(self) -> Connection:
        if self._closed:
            raise Unavailable("the store is closed")
        connection = psycopg.connect(
            self._address, connect_timeout=_TIMEOUT_S, application_name="zhanpai", **_SILENCE, **self._password
        )
        connection.autocommit = True  # outside of the transactions that are asked for
        connection.execute("SET synchronous_commit = on")
        connection.execute(f"SET statement_timeout = {self._patience.statement_s * 1000}")
        return connection

    def close(self) -> None:
        """Release it."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()


def has_password(address: str) -> bool:
    """Whether an address holds one; raises Refused for what is no address."""
    try:
        words = conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        # Its own text may repeat a password.
        raise Refused("the address of the database is none: write postgresql://USER@HOST:PORT/DATABASE") from None
    return bool(words.get("password") or words.get("sslpassword"))


def failure(error: psycopg.Error) -> StoreError:
    """What a database error means to the caller: make room, correct the record, or try again later."""
    if isinstance(error, errors.DiskFull | errors.OutOfMemory):
        return Full(f"the database has no room: {error}; make room on its disk")
    if isinstance(error, psycopg.DataError):
        return Refused(f"the database cannot keep this: {error}")
    return Unavailable(f"the database cannot be used now: {error}")
