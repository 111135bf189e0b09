"""The store for more than one machine: PostgreSQL through psycopg 3 in plain SQL, several writers allowed.

Ids make a resend harmless whoever receives it, so there is no lock: `ON CONFLICT DO NOTHING` is the duplicate check.
Bodies are kept as they were written (`json`, not `jsonb`), texts are compared by code point (`COLLATE "C"`), so both
backends answer alike to the byte.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from broker.store import amendments, codec
from broker.store.amendments import Amendments
from broker.store.contract import KINDS, Order, Store
from broker.store.pushdown import Where
from broker.store.record import Conflict, Receipt, Record
from broker.store.session import Connection, Session

FORMAT = 1
PAGE = 2000
COLUMNS = "id, kind, key, at, received_at, area, body::text"
SCHEMA = """
CREATE TABLE IF NOT EXISTS zp_area (
    area text COLLATE "C" PRIMARY KEY, format int NOT NULL, timezone text NOT NULL, records bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS zp_record (
    owner text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL, at bigint NOT NULL, received_at bigint NOT NULL,
    area text COLLATE "C" NOT NULL, body json NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX IF NOT EXISTS zp_record_time ON zp_record (owner, kind, at, id);
CREATE INDEX IF NOT EXISTS zp_record_latest ON zp_record (owner, kind, key, at DESC, id DESC);
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


class PostgresStore(Store):
    """A Store in the database at `address`; raises Unavailable when it cannot be reached, Conflict for another zone."""

    mark = "%s"

    def __init__(
        self, address: str | Session, area: str, timezone: str, now: Callable[[], float], *, make: bool = True,
        password: str | None = None,
    ) -> None:  # fmt: skip
        """Without `make` an area that has no records yet is refused as a Conflict naming those that have; a Session in
        place of an address is shared with others, who made the tables and close it: one may only read by it."""
        self._area, self._timezone, self.now, self._make = area, timezone, now, make
        self._own = isinstance(address, str)
        self._writer = Session(address, password) if isinstance(address, str) else address
        self._reader = Session(address, password) if isinstance(address, str) else address
        self._last_commit_at: float | None = None
        self._warnings: list[str] = []
        if self._own:
            self._writer.run(self._prepare)

    def _prepare(self, connection: Connection) -> None:
        # Several bridges may start at once, and CREATE IF NOT EXISTS alone is not safe against that.
        connection.execute("SELECT pg_advisory_xact_lock(7232, 1)")
        if not self._make:
            self._must_be_known(connection)
        if connection.execute("SELECT to_regclass('zp_record_latest')").fetchone() == (None,):
            connection.execute(SCHEMA)  # by who may; an account of one area only finds it made
        connection.execute(
            "INSERT INTO zp_area (area, format, timezone) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (self._area, FORMAT, self._timezone),
        )
        row = connection.execute("SELECT format, timezone FROM zp_area WHERE area = %s", (self._area,)).fetchone()
        assert row is not None
        if row != (FORMAT, self._timezone):
            raise Conflict(
                f"area {self._area} is stored with format {row[0]} and time zone {row[1]}, the configuration says "
                f"{FORMAT} and {self._timezone}"
            )
        setting = connection.execute("SHOW fsync").fetchone()
        if setting is not None and setting[0] != "on":
            self._warnings.append("PostgreSQL runs with fsync = off: a power cut loses records; switch it on")

    def _must_be_known(self, connection: Connection) -> None:
        there = connection.execute("SELECT to_regclass('zp_area')").fetchone()
        rows = [] if there == (None,) else connection.execute("SELECT area FROM zp_area ORDER BY area").fetchall()
        areas = [area for (area,) in rows]
        if self._area not in areas:
            known = f"it has those of {', '.join(areas)}: name one with --area" if areas else "it has none of any area"
            raise Conflict(f"the database has no records of area {self._area!r}; {known}")

    # --- writing ---------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:  # noqa: ARG002 - one lane here
        rows = {row[0]: row for row in reversed(codec.rows_of(records))}  # of an id that comes twice the first counts
        if not rows:
            return Receipt(0, 0)
        stored = self._writer.run(lambda connection: self._insert(connection, list(rows.values())))
        self._last_commit_at = self.now()
        return Receipt.of([record.id for record in records], stored)

    def _insert(self, connection: Connection, rows: Sequence[codec.Row]) -> list[str]:
        columns = [list(column) for column in list(zip(*rows, strict=True))[:-1]]
        stored = [record_id for (record_id,) in connection.execute(_INSERT, (self._area, *columns)).fetchall()]
        if stored:
            connection.execute("UPDATE zp_area SET records = records + %s WHERE area = %s", (len(stored), self._area))
        return stored

    # --- reading ---------------------------------------------------------------------------------------

    def _read(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        if not all(codec.is_text(value) for value in values if isinstance(value, str)):
            return []  # no stored text has such characters, and the database would refuse the question
        return self._reader.run(lambda connection: connection.execute(query.encode(), values).fetchall())

    def _asked(self, found: Where | None, rest: str, values: Sequence[Any] = (), what: str = "") -> list[Record]:
        condition, known = ("", []) if found is None else (f"AND {found.sql}", found.values)
        text = f"SELECT {what} {COLUMNS} FROM zp_record WHERE owner = %s {condition} {rest}"  # noqa: S608
        rows = self._read(text, [self._area, *known, *values])
        return [Record._make((*fields, orjson.loads(body))) for *fields, body in rows]

    def batches(self, found: Where | None, order: Order) -> Iterator[list[Record]]:
        batch = self._asked(found, f"{order.sql} LIMIT {PAGE}")
        while batch:
            yield batch
            last, sign = batch[-1], "<" if order.reverse else ">"
            batch = self._asked(found, f"AND (at, id) {sign} (%s, %s) {order.sql} LIMIT {PAGE}", (last.at, last.id))

    def newest(self, found: Where) -> Iterator[Record]:
        return iter(self._asked(found, "ORDER BY key, at DESC, id DESC", what="DISTINCT ON (key)"))

    def stored(self, record_id: str) -> Record | None:
        return next(iter(self._asked(Where("id = %s", [record_id]), "")), None)

    def known_amendments(self, record_id: str | None = None) -> Amendments:
        kind = Where("kind = %s", [amendments.KIND])
        of_record = Where("kind = %s AND key = %s", [amendments.KIND, record_id])
        return Amendments().take(self._asked(kind if record_id is None else of_record, ""))

    def stored_and_there(self) -> tuple[int, int]:
        """How many records were ever stored, and how many are there: fewer are a loss, none is ever deleted."""
        rows = self._read(
            "SELECT records, (SELECT count(*) FROM zp_record WHERE owner = zp_area.area) FROM zp_area WHERE area = %s",
            (self._area,),
        )
        return rows[0][0], rows[0][1]

    def recount(self) -> None:
        """Make the number of records again from the records."""
        self._writer.run(
            lambda connection: connection.execute(
                "UPDATE zp_area SET records = (SELECT count(*) FROM zp_record WHERE owner = %s) WHERE area = %s",
                (self._area, self._area),
            )
        )

    def kinds(self) -> list[str]:
        return [kind for (kind,) in self._read(KINDS.format("zp_record WHERE owner = %s"), [self._area, self._area])]

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz; `free_bytes` is the server's business and None here."""
        rows = self._read("SELECT records FROM zp_area WHERE area = %s", (self._area,))
        size = self._read("SELECT pg_total_relation_size('zp_record')", ())
        last = self._last_commit_at
        return {
            "backend": "postgresql",
            "records": rows[0][0] if rows else 0,
            "bytes": size[0][0],
            "last_commit_s": None if last is None else max(0, int(self.now() - last)),
            "free_bytes": None,
            "warnings": list(self._warnings),
        }

    def close(self) -> None:
        if self._own:
            self._writer.close()
            self._reader.close()
