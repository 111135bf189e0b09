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

from firmware.truck.events import TOLD_OF_INCIDENT, Body, OpenIncident, Report
from firmware.truck.outbox.disk import Disk
from firmware.truck.outbox.file import decoded, insert

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
        self._limit_bytes = limit_bytes
        self._batch_s = batch_s
        self._pending: dict[tuple[int, int], Report] = {}
        self._pending_since_s: float | None = None
        self._disk = Disk(path, first_boot, self.counts)
        self.boot = self._disk.boot

    @property
    def fault(self) -> str | None:
        """Why the disk took nothing the last time; None while it does."""
        return self._disk.fault

    @property
    def damaged(self) -> Path | None:
        """Where a damaged file was moved to; None if there was none."""
        return self._disk.damaged

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
        if self._disk.write(lambda db: insert(db, reports), durable=durable):
            self._pending.clear()
            self._pending_since_s = None
            self._disk.bound(self._limit_bytes)

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
        if self._disk.reports() == 0:
            return

        def delete(db: sqlite3.Connection) -> None:
            for table in ("incident_record", "position"):
                db.executemany(f"DELETE FROM {table} WHERE boot = ? AND seq BETWEEN ? AND ?", ranges)  # noqa: S608

        self._disk.write(delete)

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

        self._disk.write(update)

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
        if self._disk.reports() == 0:
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
        return self._disk.read(sql, report.item, report.boot, report.seq) != []

    def open_incidents(self) -> tuple[OpenIncident, ...]:
        """The incidents nobody has closed, oldest first, as of the last program's end."""
        sql = """SELECT body, stage, decision, boot, seq,
                        EXISTS (SELECT 1 FROM incident_record r WHERE r.boot = o.boot AND r.seq = o.seq)
                 FROM open_incident o ORDER BY boot, seq"""
        out = []
        for text, stage, decision, boot, seq, unsettled in self._disk.read(sql):
            body = decoded(text)
            if body is None or any(name not in body for name in TOLD_OF_INCIDENT):
                self.counts["unreadable"] += 1
                continue
            known = {name: body[name] for name in TOLD_OF_INCIDENT}
            unheard = (boot, seq) if unsettled else None
            out.append(OpenIncident(**known, stage=stage, decision=decision, unheard=unheard))
        return tuple(out)

    def size_bytes(self) -> int:
        """Bytes of the file in use, without what has been freed inside it."""
        return self._disk.size_bytes()

    def waiting(self) -> int:
        """How many reports are not settled yet; cheap."""
        return self._disk.reports() + len(self._pending)

    def close(self, *, flush: bool = True) -> None:
        """Writes what waits and closes the file; `flush=False` is for a simulated power cut."""
        if flush:
            self.flush()
        self._disk.close()

    def _rows(self, sql: str, *values: object) -> list[Report]:
        out = []
        for boot, seq, channel, item, text, kept_s in self._disk.read(sql, *values):
            body = decoded(text)
            if body is None:
                self.counts["unreadable"] += 1  # left in the file: a technician may still make it out
            else:
                out.append(Report(boot, seq, channel, item, body, kept_s))
        return out
