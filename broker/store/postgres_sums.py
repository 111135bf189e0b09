"""Day sums in PostgreSQL, kept in the transaction that stores the records they count."""

from collections.abc import Mapping, Sequence

import orjson

from broker.store import Record, amendments, codec, sums
from broker.store.days import Days
from broker.store.postgres_link import COLUMNS, Connection, record_of

PAGE = 2000
_ADD = """
INSERT INTO zp_day_sum AS stored (owner, kind, day, part, sums)
SELECT %s, kind, day, part, ARRAY(SELECT value::bigint FROM json_array_elements_text(sums::json) AS value)
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS fresh (kind, day, part, sums)
ON CONFLICT (owner, kind, day, part) DO UPDATE
SET sums = ARRAY(SELECT a + b FROM unnest(stored.sums, excluded.sums) WITH ORDINALITY AS t (a, b, n) ORDER BY n)
"""


class PostgresSums:
    """The sums of one area; every call works in the transaction of the connection it is given."""

    def __init__(self, area: str, days: Days) -> None:
        self._area, self._days = area, days

    def count(self, connection: Connection, stored: Sequence[Record]) -> None:
        """Add the records just stored; an amendment changes the sums of what it corrects."""
        fresh = {record.id for record in stored}
        corrected = sorted({record.key for record in stored if record.kind == amendments.KIND})
        before, after = amendments.Amendments(), amendments.Amendments()
        for amendment in amendments_of(connection, self._area, [*fresh, *corrected]):
            after.take(amendment)
            if amendment.id not in fresh:
                before.take(amendment)
        cubes: dict[str, sums.Cube] = {}
        for record in stored:
            # Its amendments may be here before it: an import brings kind after kind.
            self._add(cubes, record.kind, record.at, before.applied(record).body)
        for record_id in corrected:
            original = one(connection, self._area, record_id)
            if original is not None:
                self._add(cubes, original.kind, original.at, before.applied(original).body, -1)
                self._add(cubes, original.kind, original.at, after.applied(original).body)
        self._store(connection, cubes)

    def _add(self, cubes: dict[str, sums.Cube], kind: str, at: int, body: Mapping[str, object], sign: int = 1) -> None:
        by = sums.DIMENSIONS.get(kind, ())
        sums.add(cubes.setdefault(kind, {}), kind, by, self._days.of(at), body, sign)

    def _store(self, connection: Connection, cubes: Mapping[str, sums.Cube]) -> None:
        rows = sorted(
            (kind, str(key[0]), orjson.dumps(key[1:]).decode(), orjson.dumps(row).decode())
            for kind, cube in cubes.items()
            for key, row in cube.items()
        )
        if rows:
            connection.execute(_ADD, (self._area, *(list(column) for column in zip(*rows, strict=True))))

    def recount(self, connection: Connection) -> None:
        """Make the sums again from the records."""
        connection.execute("DELETE FROM zp_day_sum WHERE owner = %s", (self._area,))
        self._store(connection, self._counted(connection))

    def _counted(self, connection: Connection) -> dict[str, sums.Cube]:
        known = amendments.Amendments()
        cubes: dict[str, sums.Cube] = {}
        with connection.cursor(name="recount") as cursor:
            cursor.itersize = PAGE
            # Amendments first: the sums count what is valid now.
            cursor.execute(
                f"SELECT {COLUMNS} FROM zp_record WHERE owner = %s ORDER BY kind <> %s",  # noqa: S608
                (self._area, amendments.KIND),
            )
            for row in cursor:
                record = record_of(row)
                if record.kind == amendments.KIND:
                    known.take(record)
                self._add(cubes, record.kind, record.at, known.applied(record).body)
        return cubes

    def wrong(self, connection: Connection) -> list[str]:
        """The kinds whose stored sums are not what a recount gives."""
        counted = self._counted(connection)
        rows = connection.execute(
            "SELECT kind, day, part, sums FROM zp_day_sum WHERE owner = %s", (self._area,)
        ).fetchall()
        stored: dict[str, sums.Cube] = {}
        for kind, day, part, values in rows:
            if any(values):
                stored.setdefault(kind, {})[(day, *orjson.loads(part))] = values
        return sorted(kind for kind in {*counted, *stored} if counted.get(kind, {}) != stored.get(kind, {}))


def one(connection: Connection, area: str, record_id: str) -> Record | None:
    """A record as it was stored."""
    if not codec.is_text(record_id):
        return None  # the database would refuse the question
    row = connection.execute(
        f"SELECT {COLUMNS} FROM zp_record WHERE owner = %s AND id = %s",  # noqa: S608 - constant columns
        (area, record_id),
    ).fetchone()
    return None if row is None else record_of(row)


def amendments_of(connection: Connection, area: str, record_ids: Sequence[str]) -> list[Record]:
    """The amendments of some records."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s AND key = ANY(%s)",  # noqa: S608
        (area, amendments.KIND, list(record_ids)),
    ).fetchall()
    return [record_of(row) for row in rows]
