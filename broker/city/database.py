"""The city's database: the records of its cells, how far each cell has pushed its own, and what it says of itself.

Beside the records, which stand there as in any PostgreSQL store, each cell by its area:

    zp_cell     what the cell said last, and when that was by the database's clock
    zp_pushed   of each record file that came from an area: up to which row, and what did not go as it should

A batch and how far it goes are one transaction, so this side never lies. Tables are made and brought up to date by
whoever comes first, cell or city; others wait meanwhile.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from broker.city import case_pages
from broker.city.case_pages import Place
from broker.store import codec
from broker.store.contract import Store
from broker.store.postgres import SCHEMA, PostgresStore
from broker.store.record import Conflict, Receipt, Record, Unavailable
from broker.store.session import QUICK_S, Connection, Patience, Session
from firmware import wire

log = logging.getLogger("zhanpai.city")

# Each is done once, in this order: what was released is never changed, a change is one more.
STEPS = (
    """
CREATE TABLE zp_cell (
    area text COLLATE "C" PRIMARY KEY, name text NOT NULL, timezone text NOT NULL, record text NOT NULL,
    names json NOT NULL, heard_at bigint NOT NULL, beat json NOT NULL
);
CREATE TABLE zp_pushed (
    area text COLLATE "C" NOT NULL, record text COLLATE "C" NOT NULL, row bigint NOT NULL DEFAULT 0,
    last_id text NOT NULL DEFAULT '', rows bigint NOT NULL DEFAULT 0, heard_at bigint NOT NULL DEFAULT 0,
    others bigint NOT NULL DEFAULT 0, other_id text NOT NULL DEFAULT '',
    went_back_at bigint, went_back_from bigint, went_back_to bigint,
    PRIMARY KEY (area, record)
);
""",
)
# Of the page, which many look at: none waits behind another's question for long, nor asks who has just been silent.
PATIENCE = Patience(statement_s=30, turn_s=10, rest_s=5)
_NOW = "extract(epoch FROM clock_timestamp())::bigint"
_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_PUSHED = """
INSERT INTO zp_pushed (area, record, row, last_id, rows, heard_at) VALUES (%s, %s, %s, %s, %s,
    extract(epoch FROM clock_timestamp())::bigint)
ON CONFLICT (area, record) DO UPDATE SET row = excluded.row, last_id = excluded.last_id, rows = excluded.rows,
    heard_at = excluded.heard_at
"""
_BEAT = """
UPDATE zp_cell SET heard_at = extract(epoch FROM clock_timestamp())::bigint, beat = %s WHERE area = %s AND record = %s
"""
_INTRODUCED = """
INSERT INTO zp_cell (area, name, timezone, record, names, heard_at, beat) VALUES (%s, %s, %s, %s, %s,
    extract(epoch FROM clock_timestamp())::bigint, %s)
ON CONFLICT (area) DO UPDATE SET name = excluded.name, timezone = excluded.timezone, record = excluded.record,
    names = excluded.names, heard_at = excluded.heard_at, beat = excluded.beat
"""
_ROWS = "row, last_id, rows, heard_at, others, other_id, went_back_at, went_back_from, went_back_to"


class Pushed(NamedTuple):
    """How far one record file of an area has come: up to its `row`, which had the id `last_id`, of `rows`.

    `others` of its records have an id under which the city has something else. It `went_back` where it was found to be
    older than what had come of it, or another: restored from a backup.
    """

    record: str
    row: int = 0
    last_id: str = ""
    rows: int = 0
    heard_at: int = 0
    others: int = 0
    other_id: str = ""
    went_back_at: int | None = None
    went_back_from: int | None = None
    went_back_to: int | None = None


class Cell(NamedTuple):
    """One cell as the city knows it: heard at this second of the database's clock, on which it is `now`."""

    area: str
    name: str
    timezone: str
    record: str
    heard_at: int
    now: int
    beat: Mapping[str, Any]
    names: Mapping[str, str]
    records: int
    pushed: tuple[Pushed, ...]


def made(connection: Connection) -> None:
    """The tables, made or brought up to date; raises Conflict where a newer release made them."""
    if _is_up_to_date(connection):
        return  # who may only read comes when they are there
    connection.execute("SELECT pg_advisory_xact_lock(7232, 1)")
    connection.execute(SCHEMA)
    connection.execute("CREATE TABLE IF NOT EXISTS zp_city (one bool PRIMARY KEY DEFAULT true, steps int NOT NULL)")
    connection.execute("INSERT INTO zp_city (steps) VALUES (0) ON CONFLICT DO NOTHING")
    row = connection.execute("SELECT steps FROM zp_city").fetchone()
    assert row is not None
    if row[0] > len(STEPS):
        raise Conflict(
            f"the city's database was brought to step {row[0]} by a newer release, this one knows {len(STEPS)}: "
            "update this machine"
        )
    for step in STEPS[row[0] :]:
        connection.execute(step.encode())
    connection.execute("UPDATE zp_city SET steps = %s", (len(STEPS),))


def _is_up_to_date(connection: Connection) -> bool:
    if connection.execute("SELECT to_regclass('zp_city')").fetchone() == (None,):
        return False
    return connection.execute("SELECT steps FROM zp_city").fetchone() == (len(STEPS),)


class CityShare(PostgresStore):
    """What one cell has in the city's database: a store of its records, its cursor and its beat. Raises StoreError."""

    def __init__(
        self, address: str, password: str | None, area: str, timezone: str, record: str, now: Callable[[], float]
    ) -> None:
        """`record` names the file that is pushed: of one area there may be two, that of a dead disk and a new one."""
        super().__init__(address, area, timezone, now, password=password)
        self._record, self._is_known = record, False
        self._writer.run(made)

    def pushed(self) -> Pushed:
        """How far this record has come."""
        text = f"SELECT record, {_ROWS} FROM zp_pushed WHERE area = %s AND record = %s"  # noqa: S608
        rows = self._read(text, (self._area, self._record))
        return Pushed(*rows[0]) if rows else Pushed(self._record)

    def push(self, records: Sequence[Record], row: int, last_id: str, rows: int) -> tuple[Receipt, int]:
        """Store a batch that reaches up to `row` of `rows`; what became of it, and how many the area has by then."""
        batch = {one[0]: one for one in reversed(codec.rows_of(records))}

        def work(connection: Connection) -> tuple[list[str], int]:
            stored = self._insert(connection, list(batch.values())) if batch else []
            connection.execute(_PUSHED, (self._area, self._record, row, last_id, rows))
            found = connection.execute("SELECT records FROM zp_area WHERE area = %s", (self._area,)).fetchone()
            assert found is not None
            return stored, int(found[0])

        stored, there = self._writer.run(work)
        return Receipt.of([record.id for record in records], stored), there

    def differ(self, count: int, first: str) -> None:
        """Note how many records have another content here under their id, and the first."""
        self._change("others = %s, other_id = %s", (count, first))

    def went_back(self, at: int, row: int, to: int) -> None:
        """Note that the record turned out to be older than what had come of it, or another; it is pushed anew."""
        self._change(
            "went_back_at = %s, went_back_from = %s, went_back_to = %s, row = 0, last_id = '', others = 0",
            (at, row, to),
        )

    def _change(self, what: str, values: tuple[Any, ...]) -> None:
        text = f"UPDATE zp_pushed SET {what} WHERE area = %s AND record = %s"  # noqa: S608
        self._writer.run(lambda connection: connection.execute(text.encode(), (*values, self._area, self._record)))

    def beat(
        self, beat: Mapping[str, Any], name: str, names: Mapping[str, str], rows: int | None = None
    ) -> None:  # fmt: skip
        """Say what the cell shows now and, where that is known, how many `rows` its record has, pushed or not; what it
        and its places are called is said where the city does not know it."""
        said, key = orjson.dumps(beat).decode(), (self._area, self._record)

        def work(connection: Connection) -> None:
            if not self._is_known or not connection.execute(_BEAT, (said, *key)).rowcount:
                about = (self._area, name, self._timezone, self._record, orjson.dumps(names).decode(), said)
                connection.execute(_INTRODUCED, about)
            # Which of two that speak for one area is at work is told by when each was heard.
            connection.execute(
                f"UPDATE zp_pushed SET heard_at = {_NOW}, rows = coalesce(%s, rows) "  # noqa: S608
                "WHERE area = %s AND record = %s".encode(), (rows, *key),
            )  # fmt: skip

        self._writer.run(work)
        self._is_known = True


def _mapping(text: str) -> dict[str, Any]:
    """What was said; nothing where it is no JSON object, or one deeper than anybody reads."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_zone(zone: str) -> bool:
    try:
        return bool(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        return False


def _words(names: Mapping[str, Any]) -> dict[str, str]:
    return {name: word for name, word in names.items() if isinstance(word, str)}


class CityDatabase:
    """What the city's page reads: all cells, and the records of each as a store. Raises StoreError."""

    def __init__(self, address: str, password: str | None, now: Callable[[], float]) -> None:
        # Who looks at the cells or at their cases does not wait for whoever counts a year.
        self._cells, self._records, self._figures = (Session(address, password, PATIENCE) for _ in range(3))
        self._now = now
        self._made, self._left_out = False, set[str]()

    def cells(self) -> list[Cell]:
        """All cells by their area."""
        began = time.monotonic()
        try:
            return self._asked()
        except Unavailable:  # a connection that was cut is found out at once, by the first who asks
            if time.monotonic() - began > QUICK_S:
                raise
            return self._asked()

    def _asked(self) -> list[Cell]:
        if not self._made:
            self._cells.run(made)
            self._made = True
        return self._cells.run(self._read_cells)

    def _read_cells(self, connection: Connection) -> list[Cell]:
        connection.execute(_MOMENT)  # what a cell said goes with how far it had pushed when it said so
        pushed: dict[str, list[Pushed]] = {}
        for area, *fields in connection.execute(
            f"SELECT area, record, {_ROWS} FROM zp_pushed ORDER BY area, heard_at DESC".encode()  # noqa: S608
        ):
            pushed.setdefault(area, []).append(Pushed(*fields))
        rows = connection.execute(
            f"SELECT area, name, cell.timezone, record, heard_at, {_NOW}, beat::text, names::text, "  # noqa: S608
            "coalesce(records, 0) FROM zp_cell AS cell LEFT JOIN zp_area USING (area) ORDER BY area".encode()
        )
        return [
            Cell(
                area, name, zone, record, heard_at, now, _mapping(beat), _words(_mapping(names)), records,
                tuple(pushed.get(area, ())),
            )
            for area, name, zone, record, heard_at, now, beat, names, records in rows
            if self._is_area(area, zone)
        ]

    def _is_area(self, area: str, zone: str) -> bool:
        """Whether a cell may be called so, of which folders are named, and there is such a time; said once if not."""
        if wire.is_id(area) and _is_zone(zone):
            return True
        if area not in self._left_out:
            log.warning("left out: no cell has the area %.80r in the time zone %.80r", area, zone)
            self._left_out.add(area)
        return False

    def records(self, area: str, timezone: str, *, for_figures: bool = False) -> Store:
        """The records of a cell; whoever counts much of them does it `for_figures`, by a connection of their own."""
        return PostgresStore(self._figures if for_figures else self._records, area, timezone, self._now)

    def cases(self, areas: Sequence[str], left: Place | None, limit: int) -> list[tuple[Place, Record]]:
        """The next so many cases of these areas that are enforcement's, without those that were corrected."""
        return self._records.run(lambda connection: case_pages.page(connection, areas, left, limit))

    def corrected_cases(self, areas: Sequence[str]) -> list[tuple[str, Record]]:
        """All cases of these areas that were corrected, each with its area and as it reads since."""
        return self._records.run(lambda connection: case_pages.corrected(connection, areas))

    def count(
        self, area: str, kinds: Sequence[str], late: Sequence[str], from_at: int, to_at: int
    ) -> tuple[int, ...]:  # fmt: skip
        """How many records there are: of `kinds` within a span, of `late` ones from its beginning on, amendments."""
        text = (
            "SELECT (SELECT count(*) FROM zp_record WHERE owner = %s AND kind = ANY(%s) AND at >= %s AND at < %s), "
            "(SELECT count(*) FROM zp_record WHERE owner = %s AND kind = ANY(%s) AND at >= %s), "
            "(SELECT count(*) FROM zp_record WHERE owner = %s AND kind = 'amendment')"
        )
        values = (area, list(kinds), from_at, to_at, area, list(late), from_at, area)
        row = self._figures.run(lambda one: one.execute(text, values).fetchone())
        return row or ()

    def close(self) -> None:
        """Release it."""
        for session in (self._cells, self._records, self._figures):
            session.close()
