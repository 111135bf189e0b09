"""The thread that pushes a cell's records into the city's database, and says each few seconds how the cell stands.

Records go in the order of their rows, a batch and the cursor in one transaction; the cell has a cursor of its own,
`city.json` beside its record, and the lower of both counts: what is sent twice is stored once. The cell's file may be
removed, which pushes everything anew. The record is read by a connection of this thread's own, and after each batch it
rests as long as that took: whoever is at work in the cell waits for none of it, whether the city is there or not.

A record that turns out to be older than what came of it, or another under the same name, is said, and pushed anew.
With the record in the city's own database there is nothing to be pushed, and it only says how the cell stands.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from broker.city.beat import Beats
from broker.city.cursor import hole_of, note_row, noted_row
from broker.config import BrokerConfig, ConfigError
from broker.plan.model import Plan
from broker.store import Record, StoreError
from broker.store.opening import is_address, reading_store
from broker.store.sqlite.reader import STEP, SQLiteReader
from broker.store.transfer import BATCH_LETTERS, letters_of, others_of

if TYPE_CHECKING:
    from broker.city.database import CityShare, Pushed

log = logging.getLogger("zhanpai.city")

BATCH = 5 * STEP
REST_S = 0.05  # at least, between two batches
LONGEST_REST_S = 30.0  # between two tries: so long after it came back the city has heard of everybody
NOTED_S = 30.0  # how far behind the cell's own cursor may be

Row = Mapping[str, Any]


def rest_s(failures: int, push_s: int) -> float:
    """How long to wait after so many tries in a row that failed."""
    return float(min(LONGEST_REST_S, push_s * 2 ** min(failures, 10)))


class Push:
    """Pushes the records of one cell; `picture` gives the newest one, `health` what is wrong with the cell."""

    def __init__(
        self, config: BrokerConfig, plan: Plan, now: Callable[[], float], picture: Callable[[], Row] = dict,
        health: Callable[[], Sequence[Row]] = tuple, screen: Callable[[], str | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._way, self._plan, self._now = config.city, plan, now
        self._where = config.store.url
        self._picture, self._health, self._screen = picture, health, screen
        self._beats = Beats(plan.area_id, plan.timezone)
        self._held = ExitStack()
        self._share: CityShare | None = None
        self._reader: SQLiteReader | None = None
        self._row, self._rows, self._hole = 0, 0, 0  # pushed up to here, of so many; the first that could not be read
        self._lost = frozenset[int]()  # rows that a repair gave up: nobody has them any more
        self._record = ""  # what the record's file is called, once it was read; also while it cannot be
        self._others: set[str] = set()
        self._surplus = 0
        self._pushed = 0
        self._failures, self._why = 0, ""
        self._well_at: float | None = None  # when the city was there last, by this machine's clock
        self._began_at = time.time()
        self._beat_at = self._noted_at = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="city", daemon=True)

    def start(self) -> None:
        """Begin; without a city there is nothing to do."""
        if self._way.url is not None:
            self._thread.start()

    def stop(self) -> None:
        """End, soon; what is not pushed waits for the next start."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5)

    def state(self) -> dict[str, Any] | None:
        """How it stands: since when the city is away and why, how many records wait; None without a city."""
        if self._way.url is None:
            return None
        others, last_at = self._others, None if self._well_at is None else int(self._well_at)
        return {
            "away_since_at": (int(self._began_at) if last_at is None else last_at) if self._failures else None,
            "why": self._why, "waiting": max(0, self._rows - self._row), "pushed": self._pushed, "row": self._row,
            "last_at": last_at, "surplus": self._surplus, "others": len(others), "other_id": min(others, default=""),
        }  # fmt: skip

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            wait_s = self.turn()
        self.close()

    def close(self) -> None:
        """Note how far it came, and release the database and the record."""
        self._note(at_once=True)
        self._lose()

    def turn(self) -> float:
        """Push a batch and say how the cell stands, if that is due; how long to wait until the next turn."""
        began_s = time.monotonic()
        more, fault = False, None
        try:
            share, reader = self._opened()
            more = reader is not None and self._push(share, reader)
            self._note()
        except Exception as why:  # noqa: BLE001 - whatever it is: the records wait, the cell does not
            fault = why
        try:  # of a cell that lives this is heard, also when its records cannot be read or are refused
            self._beat(began_s)
        except Exception as why:  # noqa: BLE001 - likewise
            fault = fault or why
        if fault is not None:
            return self._failed(fault)
        if self._failures:
            log.info("the city is there again: %d records wait for it", self._rows - self._row)
        self._failures, self._why, self._well_at = 0, "", time.time()
        return max(REST_S, time.monotonic() - began_s) if more else float(self._way.push_s)

    def _beat(self, began_s: float) -> None:
        """Say how the cell stands, if that is due; without a record that can be read by a way of its own."""
        if self._share is None and (self._reader is not None or not self._record):
            return  # the city was asked just now, and is away
        if began_s - self._beat_at >= self._way.push_s and (picture := self._picture()):
            beat = self._beats.of(picture, self._health(), self._screen())
            rows = None if self._reader is None else self._rows  # of records that are refused the city knows as well
            self._reached().beat(beat, self._plan.name, self._plan.names(), rows)
            self._beat_at = began_s

    def _failed(self, why: Exception) -> float:
        """Say why, once, and let go of everything; how long to wait until it is tried again."""
        if not self._failures or str(why) != self._why:
            trace = None if isinstance(why, StoreError | ConfigError) else why
            log.warning("nothing is pushed to the city: %s; it is tried again", why, exc_info=trace)
        self._failures, self._why = self._failures + 1, str(why)
        self._lose()
        return rest_s(self._failures - 1, self._way.push_s)

    def push_all(self, told: Callable[[int], None] = lambda _: None) -> None:
        """Push what there is by now, and no more; raises StoreError."""
        try:
            share, reader = self._opened()
            while reader is not None and self._push(share, reader):
                told(self._row)
        finally:
            self.close()

    # --- one turn --------------------------------------------------------------------------------------

    def _opened(self) -> "tuple[CityShare, SQLiteReader | None]":
        if self._share is None:
            if not is_address(self._where) and self._reader is None:
                area, zone = self._plan.area_id, self._plan.timezone
                reader = self._held.enter_context(reading_store(self._where, area, zone, self._now))
                assert isinstance(reader, SQLiteReader)
                self._record = reader.about("record") or ""
                self._lost = frozenset(json.loads(reader.about("lost") or "[]"))
                self._rows = reader.last_row()
                self._row = self._row or noted_row(self._where, self._record)
                self._reader = reader
            share = self._reached()
            if self._reader is not None:
                self._agree(share, self._reader, self._record)
        return self._reached(), self._reader

    def _reached(self) -> "CityShare":
        if self._share is None:
            from broker.city.database import CityShare  # only here: a cell without a city starts without its library

            assert self._way.url is not None
            area, zone = self._plan.area_id, self._plan.timezone
            self._share = CityShare(self._way.url, self._way.password(), area, zone, self._record, self._now)
        return self._share

    def _agree(self, share: "CityShare", reader: SQLiteReader, record: str) -> None:
        """Where to go on: at the lower of both cursors, at the start where the record is not what was pushed."""
        there, own = share.pushed(), noted_row(self._where, record)
        self._row = min(there.row, own)
        self._others = {there.other_id} - {""} if there.row else set()
        if not _is_that(reader, there):
            log.error(
                "the record of %s ends at row %d or has another one in row %d, which the city had of it already (%s): "
                "a backup that was restored, perhaps; all of it is pushed anew, and what the city has beyond it stays",
                self._plan.area_id, reader.last_row(), there.row, there.last_id,
            )  # fmt: skip
            share.went_back(int(self._now()), there.row, reader.last_row())
            self._row, self._others = 0, set()
        if self._row == self._rows:
            self._surplus = max(0, share.health()["records"] - self._rows)

    def _push(self, share: "CityShare", reader: SQLiteReader) -> bool:
        """Push a batch; whether there is more."""
        self._rows = reader.last_row()
        upto = min(self._row + BATCH, self._rows)
        if upto == self._row:
            return False
        found, upto = _batch(reader, self._row, upto)
        self._hole = hole_of(self._hole, self._row, upto, {row for row, _ in found}, self._lost)
        records = [record for _, record in found]
        last_id = found[-1][1].id if found and found[-1][0] == upto else ""
        receipt, there = share.push(records, upto, last_id, self._rows)
        if receipt.duplicates:
            self._compare([record for record in records if record.id in receipt.again], share)
        self._row, self._pushed = upto, self._pushed + receipt.stored
        self._surplus = max(0, there - self._rows) if upto == self._rows else self._surplus
        return upto < self._rows

    def _compare(self, again: list[Record], share: "CityShare") -> None:
        others = set(others_of(again, share)) - self._others
        if others:
            self._others = self._others | others  # another thread may be looking at the old one
            share.differ(len(self._others), min(self._others))
            log.error("%d records have another content in the city, such as %s", len(others), min(others))

    def _note(self, *, at_once: bool = False) -> None:
        if self._reader is None or self._share is None or not (at_once or time.monotonic() - self._noted_at >= NOTED_S):
            return
        note_row(self._where, self._record, self._row, self._hole)
        self._noted_at = time.monotonic()

    def _lose(self) -> None:
        """Let go of the database and the record: both are opened anew."""
        if self._share is not None:
            self._share.close()
        self._share = self._reader = None
        self._beat_at = float("-inf")  # who was away hears at once how the cell stands
        held, self._held = self._held, ExitStack()
        with suppress(StoreError):  # that records were left out is said by the store
            held.close()


def _batch(reader: SQLiteReader, after: int, upto: int) -> tuple[list[tuple[int, Record]], int]:
    """What there is to be pushed up to a row, or up to where it is long already (photos), and which row that is."""
    found, letters = list[tuple[int, Record]](), 0
    for part in islice(reader.by_row(after=after), -(-(upto - after) // STEP)):
        for row, record in part:
            if row > upto:
                break
            found.append((row, record))
            letters += letters_of(record)
            if letters > BATCH_LETTERS:
                return found, row
    return found, upto


def _is_that(reader: SQLiteReader, there: "Pushed") -> bool:
    """Whether the record is the one of which so much came; a row that cannot be read says nothing."""
    if there.row > reader.last_row():
        return False
    rows = reader.rows_of("SELECT id FROM record WHERE row = ?", [there.row])
    return not rows or not there.last_id or rows[0][0].decode(errors="replace") == there.last_id
