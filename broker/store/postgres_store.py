"""The store for more than one machine: PostgreSQL through psycopg 3 in plain SQL, several writers allowed.

Ids make a resend harmless whoever receives it, so there is no lock: `ON CONFLICT DO NOTHING` is the duplicate check,
and the day sums are kept in the same transaction as the records they count. Bodies are kept as they were written
(`json`, not `jsonb`), texts are compared by code point (`COLLATE "C"`), so both backends answer alike to the byte.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from broker.store import Conflict, Receipt, Record, amendments, codec, sums
from broker.store.days import Days
from broker.store.postgres_link import COLUMNS, Connection, PostgresLink, record_of
from broker.store.postgres_sums import PAGE, PostgresSums, amendments_of, one

FORMAT = 1
_EVER = 1 << 62

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

# From one kind to the next by the index; DISTINCT would read all records.
_KINDS = """
WITH RECURSIVE found AS (
    (SELECT kind FROM zp_record WHERE owner = %s ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT (SELECT kind FROM zp_record WHERE owner = %s AND kind > found.kind ORDER BY kind LIMIT 1)
    FROM found WHERE found.kind IS NOT NULL
)
SELECT kind FROM found WHERE kind IS NOT NULL
"""


class PostgresStore:
    """A Store in the database at `address`; raises Unavailable when it cannot be reached, Conflict for another zone."""

    def __init__(self, address: str, area: str, timezone: str, now: Callable[[], float], *, make: bool = True) -> None:
        """Without `make` an area that has no records yet is refused as a Conflict naming those that have."""
        self._area, self._now, self._make = area, now, make
        self._days = Days(timezone)
        self._sums = PostgresSums(area, self._days)
        self._link = PostgresLink(address)
        self._last_commit_at: float | None = None
        self._warnings: list[str] = []
        self._link.writing(self._prepare)

    def _prepare(self, connection: Connection) -> None:
        # Several bridges may start at once, and CREATE IF NOT EXISTS alone is not safe against that.
        connection.execute("SELECT pg_advisory_xact_lock(7232, 1)")
        if not self._make:
            self._must_be_known(connection)
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
            self._sums.recount(connection)
            connection.execute("UPDATE zp_area SET cubes = %s WHERE area = %s", (cubes, self._area))
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
        """Store the batch in one transaction; see Store."""
        fresh: dict[str, Record] = {}
        for record in records:
            codec.check(record)
            fresh.setdefault(record.id, record)
        if not records:
            return Receipt(0, 0)
        stored = self._link.writing(lambda connection: self._insert(connection, fresh))
        self._last_commit_at = self._now()
        return Receipt.of([record.id for record in records], stored)

    def _insert(self, connection: Connection, fresh: Mapping[str, Record]) -> list[str]:
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
        stored = [record_id for (record_id,) in connection.execute(_INSERT, (self._area, *columns)).fetchall()]
        if stored:
            self._sums.count(connection, [codec.as_read(fresh[record_id]) for record_id in stored])
            connection.execute("UPDATE zp_area SET records = records + %s WHERE area = %s", (len(stored), self._area))
        return stored

    def amend(
        self, record_id: str, patch: Mapping[str, Any], reason: str, who: str, at: int, seen: int | None = None
    ) -> Record:
        """Correct a record's body; see Store."""

        def work(connection: Connection) -> Record:
            original = one(connection, self._area, record_id)
            if original is None or original.kind == amendments.KIND:
                raise Conflict(f"there is no record {record_id!r} that could be amended")
            known = amendments.Amendments()
            made = amendments_of(connection, self._area, [record_id])
            known.take_all(made)
            count = known.count(record_id)
            if seen is not None and seen != count:
                raise Conflict(f"{record_id!r} has {count} amendments by now, not {seen}: look at it again")
            # Numbers may have gaps, and their ids belong to other records: what is taken by now is stepped over.
            number = max((one.body["number"] for one in made if amendments.shaped(one.body)), default=0) + 1
            while one(connection, self._area, amendments.id_of(record_id, number)) is not None:
                number += 1
            amendment = amendments.record(original, number, patch, reason, who, at, int(self._now()))
            codec.check(amendment)
            if not self._insert(connection, {amendment.id: amendment}):
                raise Conflict(f"{record_id!r} was amended by somebody else just now: look at it again")
            known.take(codec.as_read(amendment))
            return known.applied(original)

        return self._link.writing(work)

    # --- reading ---------------------------------------------------------------------------------------

    def get(self, record_id: str) -> Record | None:
        """The record of this id, amendments applied, or None."""
        rows = self._link.reading(
            f"SELECT {COLUMNS} FROM zp_record WHERE owner = %s AND (id = %s OR (kind = %s AND key = %s))",  # noqa: S608
            (self._area, record_id, amendments.KIND, record_id),
        )
        known = amendments.Amendments()
        found: Record | None = None
        for record in map(record_of, rows):
            if record.id == record_id:
                found = record
            else:
                known.take(record)
        return None if found is None else known.applied(found)

    def _amendments(self) -> amendments.Amendments:
        known = amendments.Amendments()
        rows = self._link.reading(
            f"SELECT {COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s",  # noqa: S608
            (self._area, amendments.KIND),
        )
        known.take_all(map(record_of, rows))
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
            rows = self._link.reading("SELECT at FROM zp_record WHERE owner = %s AND id = %s", (self._area, after))
            if not rows:
                raise Conflict(f"the cursor {after!r} names no record: start again without it")
            cursor = max(cursor, (rows[0][0], after))
        end = _EVER if to_at is None else to_at
        known = self._amendments() if amended else amendments.Amendments()
        left = _EVER if limit is None else limit
        while left > 0:
            rows = self._link.reading(
                f"SELECT {COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s AND (at, id) > (%s, %s) "  # noqa: S608
                'AND at < %s ORDER BY at, id COLLATE "C" LIMIT %s',
                (self._area, kind, *cursor, end, min(PAGE, left)),
            )
            for row in rows:
                yield known.applied(record_of(row))
            if len(rows) < min(PAGE, left):
                return
            left -= len(rows)
            cursor = (rows[-1][3], rows[-1][0])

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """The newest record per key of a kind; see Store."""
        rows = self._link.reading(
            f"SELECT DISTINCT ON (key) {COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s "  # noqa: S608
            "AND (%s::text IS NULL OR key = %s) AND at >= %s ORDER BY key, at DESC, id DESC",
            (self._area, kind, key, key, since_at or 0),
        )
        known = self._amendments()
        return {record.key: known.applied(record) for record in map(record_of, rows)}

    def totals(self, kind: str, from_day: str, to_day: str, by: Sequence[str]) -> list[dict[str, Any]]:
        """Sums per event day; from the day sums where their dimensions allow, else by a recount."""
        dimensions = sums.DIMENSIONS.get(kind, ())
        if not set(by) <= set(dimensions):
            start, end = self._days.span(from_day, to_day)
            bodies = ((record.at, record.body) for record in self.scan(kind, start, end))
            return sums.rows(kind, by, sums.count(kind, by, self._days, bodies))
        rows = self._link.reading(
            "SELECT day, part, sums FROM zp_day_sum WHERE owner = %s AND kind = %s AND day BETWEEN %s AND %s",
            (self._area, kind, from_day, to_day),
        )
        cube: sums.Cube = {(day, *orjson.loads(part)): values for day, part, values in rows}
        folded: sums.Cube = {}
        sums.fold(folded, cube, sums.picked(dimensions, by), from_day, to_day)
        return sums.rows(kind, by, folded)

    def wrong_sums(self) -> list[str]:
        """The kinds whose day sums are not what a recount gives."""
        return self._link.writing(self._sums.wrong)

    def stored_and_there(self) -> tuple[int, int]:
        """How many records were ever stored, and how many are there: fewer are a loss, none is ever deleted."""
        rows = self._link.reading(
            "SELECT records, (SELECT count(*) FROM zp_record WHERE owner = zp_area.area) FROM zp_area WHERE area = %s",
            (self._area,),
        )
        return rows[0][0], rows[0][1]

    def recount(self) -> None:
        """Make the day sums and the number of records again from the records, in one transaction."""

        def work(connection: Connection) -> None:
            self._sums.recount(connection)
            connection.execute(
                "UPDATE zp_area SET records = (SELECT count(*) FROM zp_record WHERE owner = %s) WHERE area = %s",
                (self._area, self._area),
            )

        self._link.writing(work)

    def kinds(self) -> list[str]:
        """The kinds that have records, sorted."""
        return [row[0] for row in self._link.reading(_KINDS, (self._area, self._area))]

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz; `free_bytes` is the server's business and None here."""
        rows = self._link.reading("SELECT records FROM zp_area WHERE area = %s", (self._area,))
        size = self._link.reading("SELECT pg_total_relation_size('zp_record')", ())
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
        self._link.close()
