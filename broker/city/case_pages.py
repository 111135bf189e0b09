"""The cases of all areas that are enforcement's, a page at a time, in the order of the city's page.

The database looks at the newest record of each case and gives back a page of them. Corrected ones, which are few, come
whole beside each page: a correction is laid over its record by the one code that does it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from broker.store import amendments, codec
from broker.store.amendments import Amendments
from broker.store.record import Record
from broker.store.session import Connection

# Which record is a case's newest is told by the index alone; bodies are read of those only.
_NEWEST = """
WITH newest AS MATERIALIZED (
    SELECT owner, id FROM unnest(%s::text[]) AS area (owner) CROSS JOIN LATERAL (
        SELECT DISTINCT ON (key) id FROM zp_record
        WHERE zp_record.owner = area.owner COLLATE "C" AND kind = 'case' ORDER BY key, at DESC, id DESC
    ) AS one
)
"""
_COLUMNS = "owner, id, kind, key, at, received_at, area, body::text"
# A zero character may stand in a body that is kept as it was written; who looks into it may not meet one.
_PLACED = f"""
, said AS MATERIALIZED (
    SELECT zp_record.*, replace(body::text, '\\u0000', '\\ufffd')::json AS value
    FROM newest JOIN zp_record USING (owner, id)
    WHERE NOT EXISTS (
        SELECT FROM zp_record AS more
        WHERE more.owner = newest.owner AND more.kind = 'amendment' AND more.key = newest.id
    )
), placed AS (
    SELECT *, coalesce(json_typeof(value -> 'closed_at'), 'null') <> 'null' AS is_closed,
        CASE WHEN json_typeof(value -> 'handed_over_at') = 'number'
            THEN -(value ->> 'handed_over_at')::numeric ELSE 0 END AS handed_over
    FROM said WHERE value ->> 'case_id' = key AND (value ->> 'state' IN ('handed_over', 'answered')
        OR (value ->> 'state' = 'closed' AND coalesce(json_typeof(value -> 'answered_at'), 'null') <> 'null'))
)
SELECT {_COLUMNS}, is_closed, handed_over::float8 FROM placed
WHERE %s OR (is_closed, handed_over, owner, key) > (%s, %s, %s, %s)
ORDER BY is_closed, handed_over, owner, key LIMIT %s
"""  # noqa: S608
_CORRECTED = f"""
SELECT {_COLUMNS} FROM newest JOIN zp_record USING (owner, id)
WHERE (owner, id) IN (SELECT owner, key FROM zp_record WHERE kind = 'amendment' AND owner = ANY(%s))
"""  # noqa: S608
_PATCHES = f"SELECT {_COLUMNS} FROM zp_record WHERE kind = %s AND owner = ANY(%s)"  # noqa: S608


class Place(NamedTuple):
    """Where a case stands: closed ones last, then what was handed over last first."""

    is_closed: bool
    handed_over: float  # its second, below zero
    area: str
    case_id: str


def page(connection: Connection, areas: Sequence[str], left: Place | None, limit: int) -> list[tuple[Place, Record]]:
    """The next `limit` cases behind `left`; fewer only where there are no more."""
    values = (list(areas), left is None, *(left or Place(False, 0, "", "")), limit)
    rows = connection.execute((_NEWEST + _PLACED).encode(), values)
    return [
        (Place(closed, handed_over, owner, fields[2]), _record(fields)) for owner, *fields, closed, handed_over in rows
    ]


def corrected(connection: Connection, areas: Sequence[str]) -> list[tuple[str, Record]]:
    """The newest record of each case that was corrected, with its area and as it reads since; in no order."""
    found = connection.execute((_NEWEST + _CORRECTED).encode(), (list(areas), list(areas))).fetchall()
    if not found:
        return []
    known: dict[str, Amendments] = {}
    for owner, *fields in connection.execute(_PATCHES.encode(), (amendments.KIND, list(areas))):
        known.setdefault(owner, Amendments()).take([_record(fields)])
    return [(owner, known[owner].applied(_record(fields))) for owner, *fields in found]


def is_askable(left: Place) -> bool:
    """Whether a database takes such a place; none of ours is another."""
    return codec.is_text(left.area) and codec.is_text(left.case_id)


def _record(fields: Sequence[object]) -> Record:
    *columns, body = fields
    return Record._make((*columns, orjson.loads(str(body))))
