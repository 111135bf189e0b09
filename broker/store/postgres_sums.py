"""Day sums in PostgreSQL, kept in the transaction that stores the records they count."""

from collections.abc import Iterable, Mapping

import orjson

from broker.store import Record, amendments, sums
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

    def count(self, connection: Connection, stored: Iterable[Record]) -> None:
        """Add the records just stored; an amendment changes the sums of what it corrects."""
        cubes: dict[str, sums.Cube] = {}
        corrections = []
        for record in stored:
            self._add(cubes, record.kind, record.at, record.body)
            if record.kind == amendments.KIND:
                corrections.append(record)
        # Of several amendments of one record the highest is counted against what was valid before all of them.
        ids = {record.id for record in corrections}
        for record_id in sorted({record.body["record_id"] for record in corrections}):
            self._correct(connection, cubes, record_id, ids)
        self._store(connection, cubes)

    def _add(self, cubes: dict[str, sums.Cube], kind: str, at: int, body: Mapping[str, object], sign: int = 1) -> None:
        by = sums.DIMENSIONS.get(kind, ())
        sums.add(cubes.setdefault(kind, {}), kind, by, self._days.of(at), body, sign)

    def _correct(self, connection: Connection, cubes: dict[str, sums.Cube], record_id: str, fresh: set[str]) -> None:
        original = one(connection, self._area, record_id)
        if original is None:
            return
        all_of_them = amendments_of(connection, self._area, record_id)
        before, after = amendments.Amendments(), amendments.Amendments()
        before.take_all(amendment for amendment in all_of_them if amendment.id not in fresh)
        after.take_all(all_of_them)
        self._add(cubes, original.kind, original.at, before.applied(original).body, -1)
        self._add(cubes, original.kind, original.at, after.applied(original).body)

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
    row = connection.execute(
        f"SELECT {COLUMNS} FROM zp_record WHERE owner = %s AND id = %s",  # noqa: S608 - constant columns
        (area, record_id),
    ).fetchone()
    return None if row is None else record_of(row)


def amendments_of(connection: Connection, area: str, record_id: str) -> list[Record]:
    """The amendments of one record."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM zp_record WHERE owner = %s AND kind = %s AND key = %s",  # noqa: S608
        (area, amendments.KIND, record_id),
    ).fetchall()
    return [record_of(row) for row in rows]
