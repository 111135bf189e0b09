"""What the truck must not forget: every report until the bridge acknowledges it, and the incidents still open; SQLite.

    outbox = Outbox(Path("/var/lib/zhanpai/outbox.db"))   # counts the start: outbox.boot
    outbox.keep(report, now_s)         # incident: on the disk when this returns; position: within batch_s
    outbox.flush_if_due(now_s)         # writes the positions whose time has come; outbox.flush_at_s says when
    outbox.settle(acks)                # the bridge has them: deleted here
    outbox.incidents() · outbox.newest_position() · outbox.backlog(limit) · outbox.open_incidents()
    outbox.close()

Write-ahead log. A position waits in memory for a few seconds: on a good link its acknowledgement comes sooner and
it never touches the SD card. An incident is written with everything waiting, in one transaction with full sync, at
once. A power cut so costs at most the last seconds of positions, never a press and never the file.

Bounded: above `limit_bytes` old positions are thinned to one per minute, then the oldest are dropped; both are
counted. Incidents are never dropped. If the disk refuses (full, read-only, worn out) reports stay in memory, are
sent all the same, and the fault is counted; the next write tries again. A damaged file, or an empty or older one than
the starts that were counted, is moved aside as `<name>.damaged-<boot>`, never deleted, and named, and a new one begun:
the boot counter has a file of its own for that day.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from firmware.truck.events import Body, OpenIncident, Report
from firmware.truck.outbox.boot_counter import read_boot, read_counted, sync_folder, write_boot
from firmware.truck.outbox.file import (
    SCHEMA,
    decoded,
    insert,
    is_damage,
    last_boot,
    moved_aside,
    must_have_counted,
    opened,
    thin,
)

LIMIT_MB = 64
BATCH_S = 5.0
PENDING_MAX = 2000  # positions held in memory while the disk refuses


class Outbox:
    """The durable queue of one truck; see the top of this file. For one thread only."""

    def __init__(
        self, path: Path, *, limit_bytes: int = LIMIT_MB * 1024 * 1024, batch_s: float = BATCH_S, first_boot: int = 1
    ) -> None:
        """Opens or creates the file and counts the start, from `first_boot` where there is no count at all.

        Raises OSError if the folder cannot be written.
        """
        self.counts: Counter[str] = Counter()
        self.fault: str | None = None
        self.damaged: Path | None = None
        self._without_disk = False
        self._uncounted = True  # the file does not have this start's number yet
        self._rows_left: int | None = None  # how many reports are in the file; None = to be counted
        self._path = path
        self._limit_bytes = limit_bytes
        self._batch_s = batch_s
        self._pending: dict[tuple[int, int], Report] = {}
        self._pending_since_s: float | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        boot_path = path.with_suffix(".boot")
        counted = read_boot(boot_path)
        in_file = 0
        try:
            if counted_by_file := read_counted(boot_path):
                must_have_counted(path, counted_by_file)
            self._db = opened(path)
            in_file = last_boot(self._db)
            counted = max(counted, in_file)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise OSError(
                    f"the outbox {path} cannot be opened: {error}; check the folder and its rights"
                ) from error
            self.damaged = moved_aside(path, counted + 1)
            self.counts["damaged"] += 1
            self._db = opened(path)
        self.boot = counted + 1 if counted else first_boot
        # In this order: a counter without its count in the file says that the file is not what it was.
        self._count_boot()
        sync_folder(path.parent)
        write_boot(boot_path, self.boot, in_file if self._uncounted else None)

    # --- in -------------------------------------------------------------------------------------------

    def keep(self, report: Report, now_s: float) -> None:
        """Takes a report; an incident is durable when this returns (or `fault` says why it is only in memory)."""
        self._pending[(report.boot, report.seq)] = report
        if self._pending_since_s is None:
            self._pending_since_s = now_s
        if report.channel == "incident":
            self.flush()
        elif len(self._pending) > PENDING_MAX:
            oldest = next(key for key, held in self._pending.items() if held.channel != "incident")
            del self._pending[oldest]
            self.counts["positions_dropped"] += 1

    @property
    def flush_at_s(self) -> float | None:
        """When the waiting reports are to be written, monotonic seconds; None = nothing waits."""
        return None if self._pending_since_s is None else self._pending_since_s + self._batch_s

    def flush_if_due(self, now_s: float) -> None:
        """Writes what has waited for `batch_s`; after a fault it tries again `batch_s` later."""
        if self._pending_since_s is not None and now_s >= self._pending_since_s + self._batch_s:
            self.flush()
            if self._pending:
                self._pending_since_s = now_s

    def flush(self) -> None:
        """Writes everything that waits in one transaction, fully synced if an incident is among it."""
        reports = list(self._pending.values())
        if not reports:
            return
        durable = any(report.channel == "incident" for report in reports)
        self._rows_left = None
        if self._write(lambda db: insert(db, reports), durable=durable):
            self._pending.clear()
            self._pending_since_s = None
            self._bound()

    def settle(self, acks: Iterable[Body]) -> None:
        """Deletes what the bridge has stored: per boot all up to `upto` and the ranges in `also`."""
        ranges = [(a["boot"], 0, a["upto"]) for a in acks] + [
            (a["boot"], first, last) for a in acks for first, last in a["also"]
        ]
        for key in list(self._pending):
            if any(boot == key[0] and first <= key[1] <= last for boot, first, last in ranges):
                del self._pending[key]
        if not self._pending:
            self._pending_since_s = None

        if self._in_file() == 0:
            return

        def delete(db: sqlite3.Connection) -> None:
            for table in ("incident_record", "position"):
                db.executemany(f"DELETE FROM {table} WHERE boot = ? AND seq BETWEEN ? AND ?", ranges)  # noqa: S608

        self._rows_left = None
        self._write(delete)

    def stage(self, incident_id: str, stage: str, decision: str | None) -> None:
        """Remembers the stage of an open incident; `closed` forgets the incident (its reports stay until settled)."""

        def update(db: sqlite3.Connection) -> None:
            if stage == "closed":
                db.execute("DELETE FROM open_incident WHERE incident_id = ?", (incident_id,))
            else:
                db.execute(
                    "UPDATE open_incident SET stage = ?, decision = ? WHERE incident_id = ?",
                    (stage, decision, incident_id),
                )

        self._write(update)

    # --- out ------------------------------------------------------------------------------------------

    def incidents(self) -> list[Report]:
        """The unsettled incident reports, oldest first."""
        if self.waiting() == 0:
            return []
        rows = self._rows("SELECT boot, seq, 'incident', item, body, kept_s FROM incident_record ORDER BY boot, seq")
        return rows + [report for report in self._pending.values() if report.channel == "incident"]

    def newest_position(self) -> Report | None:
        """The last unsettled position, or None."""
        for report in reversed(self._pending.values()):
            if report.channel != "incident":
                return report
        if self._in_file() == 0:
            return None
        rows = self._rows(
            "SELECT boot, seq, 'fix', '', body, kept_s FROM position ORDER BY boot DESC, seq DESC LIMIT 1"
        )
        return rows[0] if rows else None

    def backlog(self, limit: int) -> list[Report]:
        """At most `limit` unsettled positions, oldest first."""
        sql = "SELECT boot, seq, 'fix', '', body, kept_s FROM position ORDER BY boot, seq LIMIT ?"
        rows = self._rows(sql, limit)
        waiting = (report for report in self._pending.values() if report.channel != "incident")
        return rows + [report for _, report in zip(range(limit - len(rows)), waiting, strict=False)]

    def is_latest(self, report: Report) -> bool:
        """Whether an incident report is the last word on an incident that is still open."""
        newer = [r for r in self._pending.values() if r.item == report.item and r.seq > report.seq]
        if newer:
            return False
        if (report.boot, report.seq) in self._pending:
            return True
        sql = "SELECT 1 FROM open_incident WHERE incident_id = ? AND boot = ? AND seq = ?"
        return self._read(sql, report.item, report.boot, report.seq) != []

    def open_incidents(self) -> tuple[OpenIncident, ...]:
        """The incidents nobody has closed, oldest first, as of the last program's end."""
        sql = """SELECT body, stage, decision, boot, seq,
                        EXISTS (SELECT 1 FROM incident_record r WHERE r.boot = o.boot AND r.seq = o.seq)
                 FROM open_incident o ORDER BY boot, seq"""
        out = []
        for text, stage, decision, boot, seq, unsettled in self._read(sql):
            body = decoded(text)
            names = ("incident_id", "reason", "pressed_at", "lat", "lon", "fix_at", "withdrawn")
            if body is None or any(name not in body for name in names):
                self.counts["unreadable"] += 1
                continue
            known = {name: body[name] for name in names}
            unheard = (boot, seq) if unsettled else None
            out.append(OpenIncident(**known, stage=stage, decision=decision, unheard=unheard))
        return tuple(out)

    def size_bytes(self) -> int:
        """Bytes of the file in use, without what has been freed inside it."""
        pages = self._pragma("page_count") - self._pragma("freelist_count")
        return pages * self._pragma("page_size")

    def waiting(self) -> int:
        """How many reports are not settled yet; cheap."""
        return self._in_file() + len(self._pending)

    def close(self, *, flush: bool = True) -> None:
        """Writes what waits and closes the file; `flush=False` is for a simulated power cut."""
        if flush:
            self.flush()
        self._db.close()

    def _in_file(self) -> int:
        if self._rows_left is None:
            rows = self._read("SELECT (SELECT COUNT(*) FROM incident_record) + (SELECT COUNT(*) FROM position)")
            self._rows_left = int(rows[0][0]) if rows else None
        return (
            1 if self._rows_left is None else self._rows_left
        )  # the disk does not say: assume that there is something

    # --- the file -------------------------------------------------------------------------------------

    def _write(self, change: Any, *, durable: bool = False) -> bool:
        """Runs `change(db)` as one transaction; False (and `fault`) if the disk refused."""
        try:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                if self._uncounted:
                    self._db.execute("DELETE FROM boot")
                    self._db.execute("INSERT INTO boot VALUES (?)", (self.boot,))
                change(self._db)
        except sqlite3.Error as error:
            self._faulty(error)
            return False
        self._uncounted = False
        if not self._without_disk:
            self.fault = None
        return True

    def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._faulty(error)
            return []

    def _rows(self, sql: str, *values: object) -> list[Report]:
        out = []
        for boot, seq, channel, item, text, kept_s in self._read(sql, *values):
            body = decoded(text)
            if body is None:
                self.counts["unreadable"] += 1  # left in the file: a technician may still make it out
            else:
                out.append(Report(boot, seq, channel, item, body, kept_s))
        return out

    def _pragma(self, name: str) -> int:
        rows = self._read(f"PRAGMA {name}")
        return int(rows[0][0]) if rows else 0

    def _faulty(self, error: sqlite3.Error) -> None:
        self.counts["faults"] += 1
        self.fault = (
            f"the outbox {self._path} failed ({error}); records are held in memory: check the card and its space"
        )
        if is_damage(error):
            # Nothing more can be had from it while running; what is in memory goes into the new file.
            self._db.close()
            self._rows_left = None
            self.counts["damaged"] += 1
            try:
                self.damaged = moved_aside(self._path, self.boot)
                self._db = opened(self._path)
            except (OSError, sqlite3.Error):
                # A truck without a disk still says where it is and when its driver presses, until it is started anew.
                self._without_disk = True
                self._db = sqlite3.connect(":memory:", isolation_level=None)
                self._db.executescript(SCHEMA)
            self._uncounted = True
            self._count_boot()

    def _count_boot(self) -> None:
        """Has the file know of this start; if the disk refuses, the next thing that is written brings it."""
        self._write(lambda _: None, durable=True)

    def _bound(self) -> None:
        if self.size_bytes() <= self._limit_bytes:
            return
        self._rows_left = None
        before = self._count_positions()
        self._write(thin)
        self.counts["positions_thinned"] += before - self._count_positions()
        while self.size_bytes() > self._limit_bytes and (left := self._count_positions()):
            quarter = max(1, left // 4)
            self._write(
                lambda db, n=quarter: db.execute(
                    "DELETE FROM position WHERE (boot, seq) IN"
                    " (SELECT boot, seq FROM position ORDER BY boot, seq LIMIT ?)",
                    (n,),
                )
            )
            dropped = left - self._count_positions()
            self.counts["positions_dropped"] += dropped
            if not dropped:
                return

    def _count_positions(self) -> int:
        rows = self._read("SELECT COUNT(*) FROM position")
        return int(rows[0][0]) if rows else 0
