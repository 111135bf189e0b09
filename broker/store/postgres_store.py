"""The store for more than one machine: PostgreSQL through psycopg 3 in plain SQL, several writers allowed.

Ids make a resend harmless whoever receives it, so there is no lock: `ON CONFLICT DO NOTHING` is the duplicate check,
and the day sums are kept in the same transaction as the records they count. Bodies are kept as they were written
(`json`, not `jsonb`), texts are compared by code point (`COLLATE "C"`), so both backends answer alike to the byte.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import psycopg
from psycopg import errors

from broker.store import Conflict, Full, Receipt, Record, Refused, StoreError, Unavailable, amendments, codec, sums
from broker.store.days import Days

FORMAT = 1
PAGE = 2000
_EVER = 1 << 62
_TRIES = 5
_TIMEOUT_S = 10

_SCHEMA = """
CREATE TABLE IF NOT EXISTS zp_area (
    area text COLLATE "C" PRIMARY KEY, format int NOT NULL, timezone text NOT NULL, cubes text NOT NULL,
    records bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS zp_record (
    owner text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL, at bigint NOT NULL, received_at bigint NOT NULL,
    area text COLLATE "C" NOT NULL, body json NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX IF NOT EXISTS zp_record_time ON zp_record (owner, kind, at, id);
CREATE INDEX IF NOT EXISTS zp_record_latest ON zp_record (owner, kind, key, at DESC, id DESC);
CREATE TABLE IF NOT EXISTS zp_day_sum (
    owner text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, day text COLLATE "C" NOT NULL,
    part text COLLATE "C" NOT NULL, sums bigint[] NOT NULL,
    PRIMARY KEY (owner, kind, day, part)
);
"""
_INSERT = """
INSERT INTO zp_record (owner, id, kind, key, at, received_at, area, body)
SELECT %s, id, kind, key, at, received_at, area, body::json
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
     AS fresh (id, kind, key, at, received_at, area, body)
ORDER BY id COLLATE "C"
ON CONFLICT (owner, id) DO NOTHING
RETURNING id
"""
_ADD_SUMS = """
INSERT INTO zp_day_sum AS stored (owner, kind, day, part, sums)
SELECT %s, kind, day, part, ARRAY(SELECT value::bigint FROM json_array_elements_text(sums::json) AS value)
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS fresh (kind, day, part, sums)
ON CONFLICT (owner, kind, day, part) DO UPDATE
SET sums = ARRAY(SELECT a + b FROM unnest(stored.sums, excluded.sums) WITH ORDINALITY AS t (a, b, n) ORDER BY n)
"""
_COLUMNS = "id, kind, key, at, received_at, area, body::text"

_T = TypeVar("_T")
_Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresStore:
    """A Store in the database at `address`; raises Unavailable when it cannot be reached, Conflict for another zone."""

    def __init__(self, address: str, area: str, timezone: str, now: Callable[[], float]) -> None:
        if urlsplit(address).password:
            raise Refused("the address of the database holds a password: put it into PGPASSFILE or PGPASSWORD")
        self._address, self._area, self._now = address, area, now
        self._days = Days(timezone)
        self._writer: _Connection | None = None
        self._reader: _Connection | None = None
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._last_commit_at: float | None = None
        self._warnings: list[str] = []
        self._closed = False
        with self._write_lock:
            self._writing(self._prepare)

    def _prepare(self, connection: _Connection) -> None:
        # Several bridges may start at once, and CREATE IF NOT EXISTS alone is not safe against that.
        connection.execute("SELECT pg_advisory_xact_lock(7232, 1)")
        connection.execute(_SCHEMA)
        cubes = orjson.dumps([dict(sums.DIMENSIONS), dict(sums.MEASURES)]).decode()
        connection.execute(
            "INSERT INTO zp_area (area, format, timezone, cubes) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (self._area, FORMAT, self._days.timezone, cubes),
        )
        row = connection.execute(
            "SELECT format, timezone, cubes FROM zp_area WHERE area = %s FOR UPDATE", (self._area,)
        ).fetchone()
        assert row is not None
        if row[0] != FORMAT or row[1] != self._days.timezone:
            raise Conflict(
                f"area {self._area} is stored with format {row[0]} and time zone {row[1]}, the configuration says "
                f"{FORMAT} and {self._days.timezone}"
            )
        if row[2] != cubes:
            self._recount_into(connection)
            connection.execute("UPDATE zp_area SET cubes = %s WHERE area = %s", (cubes, self._area))
        setting = connection.execute("SHOW fsync").fetchone()
        if setting is not None and setting[0] != "on":
            self._warnings.append("PostgreSQL runs with fsync = off: a power cut loses records; switch it on")

    # --- connections -----------------------------------------------------------------------------------

    def _connect(self) -> _Connection:
        if self._closed:
            raise Unavailable("the store is closed")
        connection = psycopg.connect(self._address, connect_timeout=_TIMEOUT_S, application_name="zhanpai")
        connection.execute("SET synchronous_commit = on")
        connection.execute(f"SET statement_timeout = {600_000}")
        connection.commit()
        return connection

    def _writing(self, work: Callable[[_Connection], _T]) -> _T:
        """Run `work` in one transaction, again if the database asks for it. The caller holds the write lock."""
        for attempt in range(_TRIES):
            try:
                if self._writer is None or self._writer.closed:
                    self._writer = self._connect()
                with self._writer.transaction():
                    return work(self._writer)
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                if attempt + 1 == _TRIES:
                    raise Unavailable(f"the database kept refusing the batch: {error}") from error
            except psycopg.Error as error:
                if self._writer is not None and not isinstance(error, psycopg.DataError):
                    self._writer.close()
                    self._writer = None
                raise _failure(error) from error
        raise AssertionError("unreachable")

    def _reading(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._read_lock:
            try:
                if self._reader is None or self._reader.closed:
                    self._reader = self._connect()
                    self._reader.autocommit = True
                return self._reader.execute(query.encode(), values).fetchall()
            except psycopg.Error as error:
                if self._reader is not None:
                    self._reader.close()
                    self._reader = None
                raise _failure(error) from error

    # --- writing ---------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:  # noqa: ARG002 - one lane here
        """Store the batch in one transaction; see Store."""
        fresh: dict[str, Record] = {}
        for record in records:
            codec.check(record)
            fresh.setdefault(record.id, record)
        if not records:
            return Receipt(0, 0)
        with self._write_lock:
            stored = self._writing(lambda connection: self._insert(connection, fresh))
        self._last_commit_at = self._now()
        return Receipt(stored, len(records) - stored)

    def _insert(self, connection: _Connection, fresh: Mapping[str, Record]) -> int:
        records = list(fresh.values())
        columns = (
            [record.id for record in records],
            [record.kind for record in records],
            [record.key for record in records],
            [record.at for record in records],
            [record.received_at for record in records],
            [record.area for record in records],
            [codec.encode_body(record).decode() for record in records],
        )
        stored = connection.execute(_INSERT, (self._area, *columns)).fetchall()
        if stored:
            cubes: dict[str, sums.Cube] = {}
            for (record_id,) in stored:
                record = fresh[record_id]
                by = sums.DIMENSIONS.get(record.kind, ())
                sums.add(cubes.setdefault(record.kind, {}), record.kind, by, self._days.of(record.at), record.body)
            amended = [fresh[record_id] for (record_id,) in stored if fresh[record_id].kind == amendments.KIND]
            for record in sorted(amended, key=lambda record: record.body["number"]):
                self._count_amendment(connection, record, cubes)
            self._add_sums(connection, cubes)
            connection.execute("UPDATE zp_area SET records = records + %s WHERE area = %s", (len(stored), self._area))
        return len(stored)

    def _add_sums(self, connection: _Connection, cubes: Mapping[str, sums.Cube]) -> None:
        rows = sorted(
            (kind, str(key[0]), orjson.dumps(key[1:]).decode(), orjson.dumps(row).decode())
            for kind, cube in cubes.items()
            for key, row in cube.items()
        )
        if rows:
            connection.execute(_ADD_SUMS, (self._area, *(list(column) for column in zip(*rows, strict=True))))

    def _count_amendment(self, connection: _Connection, amendment: Record, cubes: dict[str, sums.Cube]) -> None:
        original = self._one(connection, amendment.body["record_id"])
        if original is None:
            return
        mine = amendments.Amendments()
        mine.take_all(self._amendments_of(connection, original.id))
        before = amendments.Amendments()
        before.take_all(other for other in self._amendments_of(connection, original.id) if other.id != amendment.id)
        kind, day = original.kind, self._days.of(original.at)
        cube = cubes.setdefault(kind, {})
        sums.add(cube, kind, sums.DIMENSIONS.get(kind, ()), day, before.applied(original).body, -1)
        sums.add(cube, kind, sums.DIMENSIONS.get(kind, ()), day, mine.applied(original).body)

    def _one(self, connection: _Connection, record_id: str) -> Record | None:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM zp_record WHERE owner = %s AND id = %s",  # noqa: S608 - constant columns
            (self._area, record_id),
        ).fetchone()
        return None if row is None else _record(row)

    def _amendments_of(self, connection: _Connection, record_id: str) -> list[Record]:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s AND key = %s",  # noqa: S608
            (self._area, amendments.KIND, record_id),
        ).fetchall()
        return [_record(row) for row in rows]

    def amend(
        self, record_id: str, patch: Mapping[str, Any], reason: str, who: str, at: int, seen: int | None = None
    ) -> Record:
        """Correct a record's body; see Store."""

        def work(connection: _Connection) -> Record:
            original = self._one(connection, record_id)
            if original is None or original.kind == amendments.KIND:
                raise Conflict(f"there is no record {record_id!r} that could be amended")
            known = amendments.Amendments()
            known.take_all(self._amendments_of(connection, record_id))
            count = known.count(record_id)
            if seen is not None and seen != count:
                raise Conflict(f"{record_id!r} has {count} amendments by now, not {seen}: look at it again")
            amendment = amendments.record(original, count + 1, patch, reason, who, at, int(self._now()))
            codec.check(amendment)
            if self._insert(connection, {amendment.id: amendment}) == 0:
                raise Conflict(f"{record_id!r} was amended by somebody else just now: look at it again")
            known.take(amendment)
            return known.applied(original)

        with self._write_lock:
            return self._writing(work)

    # --- reading ---------------------------------------------------------------------------------------

    def get(self, record_id: str) -> Record | None:
        """The record of this id, amendments applied, or None."""
        rows = self._reading(
            f"SELECT {_COLUMNS} FROM zp_record WHERE owner = %s AND (id = %s OR (kind = %s AND key = %s))",  # noqa: S608
            (self._area, record_id, amendments.KIND, record_id),
        )
        known = amendments.Amendments()
        found: Record | None = None
        for record in map(_record, rows):
            if record.id == record_id:
                found = record
            else:
                known.take(record)
        return None if found is None else known.applied(found)

    def _amendments(self) -> amendments.Amendments:
        known = amendments.Amendments()
        rows = self._reading(
            f"SELECT {_COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s",  # noqa: S608
            (self._area, amendments.KIND),
        )
        known.take_all(map(_record, rows))
        return known

    def scan(
        self,
        kind: str,
        from_at: int | None = None,
        to_at: int | None = None,
        after: str | None = None,
        limit: int | None = None,
        amended: bool = True,
    ) -> Iterator[Record]:
        """Records of a kind ordered by (at, id), read page by page; see Store."""
        cursor: tuple[int, str] = (from_at or 0, "")
        if after is not None:
            rows = self._reading("SELECT at FROM zp_record WHERE owner = %s AND id = %s", (self._area, after))
            if not rows:
                raise Conflict(f"the cursor {after!r} names no record: start again without it")
            cursor = max(cursor, (rows[0][0], after))
        end = _EVER if to_at is None else to_at
        known = self._amendments() if amended else amendments.Amendments()
        left = _EVER if limit is None else limit
        while left > 0:
            rows = self._reading(
                f"SELECT {_COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s AND (at, id) > (%s, %s) "  # noqa: S608
                'AND at < %s ORDER BY at, id COLLATE "C" LIMIT %s',
                (self._area, kind, *cursor, end, min(PAGE, left)),
            )
            for row in rows:
                yield known.applied(_record(row))
            if len(rows) < min(PAGE, left):
                return
            left -= len(rows)
            cursor = (rows[-1][3], rows[-1][0])

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """The newest record per key of a kind; see Store."""
        rows = self._reading(
            f"SELECT DISTINCT ON (key) {_COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s "  # noqa: S608
            "AND (%s::text IS NULL OR key = %s) AND at >= %s ORDER BY key, at DESC, id DESC",
            (self._area, kind, key, key, since_at or 0),
        )
        known = self._amendments()
        return {record.key: known.applied(record) for record in map(_record, rows)}

    def totals(self, kind: str, from_day: str, to_day: str, by: Sequence[str]) -> list[dict[str, Any]]:
        """Sums per event day; from the day sums where their dimensions allow, else by a recount."""
        dimensions = sums.DIMENSIONS.get(kind, ())
        if not set(by) <= set(dimensions):
            start, end = self._days.span(from_day, to_day)
            bodies = ((record.at, record.body) for record in self.scan(kind, start, end))
            return sums.rows(kind, by, sums.count(kind, by, self._days, bodies))
        rows = self._reading(
            "SELECT day, part, sums FROM zp_day_sum WHERE owner = %s AND kind = %s AND day BETWEEN %s AND %s",
            (self._area, kind, from_day, to_day),
        )
        cube: sums.Cube = {(day, *orjson.loads(part)): values for day, part, values in rows}
        folded: sums.Cube = {}
        sums.fold(folded, cube, sums.picked(dimensions, by), from_day, to_day)
        return sums.rows(kind, by, folded)

    def _recount_into(self, connection: _Connection) -> None:
        """Make the day sums of this area again from its records."""
        connection.execute("DELETE FROM zp_day_sum WHERE owner = %s", (self._area,))
        self._add_sums(connection, self._counted(connection))

    def _counted(self, connection: _Connection) -> dict[str, sums.Cube]:
        known = amendments.Amendments()
        cubes: dict[str, sums.Cube] = {}
        with connection.cursor(name="recount") as cursor:
            cursor.itersize = PAGE
            # Amendments first: the sums count what is valid now.
            cursor.execute(
                f"SELECT {_COLUMNS} FROM zp_record WHERE owner = %s ORDER BY kind <> %s",  # noqa: S608
                (self._area, amendments.KIND),
            )
            for row in cursor:
                record = _record(row)
                if record.kind == amendments.KIND:
                    known.take(record)
                by = sums.DIMENSIONS.get(record.kind, ())
                body = known.applied(record).body
                sums.add(cubes.setdefault(record.kind, {}), record.kind, by, self._days.of(record.at), body)
        return cubes

    def wrong_sums(self) -> list[str]:
        """The kinds whose stored day sums are not what a recount gives."""

        def work(connection: _Connection) -> list[str]:
            counted = self._counted(connection)
            rows = connection.execute(
                "SELECT kind, day, part, sums FROM zp_day_sum WHERE owner = %s", (self._area,)
            ).fetchall()
            stored: dict[str, sums.Cube] = {}
            for kind, day, part, values in rows:
                if any(values):
                    stored.setdefault(kind, {})[(day, *orjson.loads(part))] = values
            return sorted(kind for kind in {*counted, *stored} if counted.get(kind) != stored.get(kind))

        with self._write_lock:
            return self._writing(work)

    def recount(self) -> None:
        """Make the day sums again from the records, in one transaction."""
        with self._write_lock:
            self._writing(self._recount_into)

    def kinds(self) -> list[str]:
        """The kinds that have records."""
        rows = self._reading("SELECT DISTINCT kind FROM zp_day_sum WHERE owner = %s ORDER BY kind", (self._area,))
        return [row[0] for row in rows]

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz; `free_bytes` is the server's business and None here."""
        rows = self._reading("SELECT records FROM zp_area WHERE area = %s", (self._area,))
        size = self._reading("SELECT pg_total_relation_size('zp_record')", ())
        last = self._last_commit_at
        return {
            "backend": "postgresql",
            "records": rows[0][0] if rows else 0,
            "bytes": size[0][0],
            "last_commit_s": None if last is None else max(0, int(self._now() - last)),
            "free_bytes": None,
            "warnings": list(self._warnings),
        }

    def close(self) -> None:
        """Close the connections; a second call does nothing."""
        self._closed = True
        for connection in (self._writer, self._reader):
            if connection is not None:
                connection.close()
        self._writer = self._reader = None


def _record(row: tuple[Any, ...]) -> Record:
    record_id, kind, key, at, received_at, area, body = row
    return Record(record_id, kind, key, at, received_at, area, orjson.loads(body))


def _failure(error: psycopg.Error) -> StoreError:
    if isinstance(error, errors.DiskFull | errors.OutOfMemory):
        return Full(f"the database has no room: {error}; make room on its disk")
    if isinstance(error, psycopg.DataError):
        return Refused(f"the database cannot keep this: {error}")
    return Unavailable(f"the database cannot be used now: {error}")
