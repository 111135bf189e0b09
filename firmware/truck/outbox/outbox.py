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
counted. Incidents are never dropped. If the disk refuses (full, read-only, worn out, at the start or later) reports
stay in memory, are sent all the same, and the fault is counted; what the file holds is sent as long as it can be
read. It is tried again every few seconds, and what is still in memory is written then. A damaged file, or an empty or
older one than the starts that were counted, is moved aside as `<name>.damaged-<boot>`, never deleted, and named, and
a new one begun: the boot counter has a file of its own for that day.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from firmware.truck.events import TOLD_OF_INCIDENT, Body, OpenIncident, Report
from firmware.truck.outbox.dating import UnixAt, dated
from firmware.truck.outbox.disk import Disk
from firmware.truck.outbox.file import decoded, delete, insert, rewrite

LIMIT_MB = 64
BATCH_S = 5.0
TRY_AGAIN_S = 10.0
PENDING_MAX = 2000  # positions held in memory while the disk refuses


class Outbox:
    """The durable queue of one truck; see the top of this file. For one thread only."""

    def __init__(
        self, path: Path, *, limit_bytes: int = LIMIT_MB * 1024 * 1024, batch_s: float = BATCH_S, first_boot: int = 1,
        system: str | None = None,
    ) -> None:  # fmt: skip
        """Opens or creates the file and counts the start, from `first_boot` where there is no count at all.

        `system` names the start of the computer, where its monotonic clock is the one that reports are kept by.
        Raises OSError if the path cannot be one.
        """
        self.counts: Counter[str] = Counter()
        self._limit_bytes = limit_bytes
        self._batch_s = batch_s
        self._pending: dict[tuple[int, int], Report] = {}
        self._pending_since_s: float | None = None
        self._settled: set[tuple[int, int, int]] = set()  # (boot, first, last) that the disk did not delete
        self._again_s: float | None = None
        self._disk = Disk(path, first_boot, self.counts, system)
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
        """When the waiting reports are to be written or the disk is to be tried again, monotonic seconds, or None."""
        flush_s = None if self._pending_since_s is None else self._pending_since_s + self._batch_s
        if flush_s is None or self._again_s is None:
            return self._again_s if flush_s is None else flush_s
        return min(flush_s, self._again_s)

    def flush_if_due(self, now_s: float) -> None:
        """Writes what has waited for `batch_s`; a disk that refused is tried again now and then."""
        if self.fault is not None and self._again_s is not None and now_s >= self._again_s:
            self._disk.try_again()
            self._again_s = now_s + TRY_AGAIN_S
            self.flush()
        elif self._pending_since_s is not None and now_s >= self._pending_since_s + self._batch_s:
            self.flush()
        if self._pending and self._pending_since_s is not None and now_s >= self._pending_since_s + self._batch_s:
            self._pending_since_s = now_s
        if self.fault is None:
            self._again_s = None
        elif self._again_s is None:
            self._again_s = now_s + TRY_AGAIN_S

    def flush(self) -> None:
        """Writes everything that waits in one transaction, fully synced if an incident is among it."""
        reports, settled = list(self._pending.values()), list(self._settled)
        if not reports and not settled:
            return

        def change(db: sqlite3.Connection) -> None:
            delete(db, settled)
            insert(db, reports)

        if self._disk.write(change, durable=any(report.channel == "incident" for report in reports)):
            self._pending.clear()
            self._settled.clear()
            self._pending_since_s = None
            self._disk.bound(self._limit_bytes)

    def settle(self, acks: Iterable[Body]) -> None:
        """Deletes what the bridge has stored: per boot all up to `upto` and the ranges in `also`."""
        ranges = {(a["boot"], 0, a["upto"]) for a in acks} | {
            (a["boot"], first, last) for a in acks for first, last in a["also"]
        }
        for key in [key for key in self._pending if _within(key, ranges)]:
            del self._pending[key]
        if not self._pending:
            self._pending_since_s = None
        if self._disk.reports() and not self._disk.write(lambda db: delete(db, ranges)):
            # It is still in the file, and must not be sent again for ever. An ack says all of its boots.
            boots = {boot for boot, _, _ in ranges}
            self._settled = ranges | {known for known in self._settled if known[0] not in boots}

    def date(self, unix_at: UnixAt) -> None:
        """Gives each report that was kept without a time, or with a wrong one, the time of the monotonic clock."""
        for key, report in self._pending.items():
            if (body := dated(report, unix_at)) is not None:
                self._pending[key] = replace(report, body=body)
        found: list[Report] = []
        for boot in self._disk.same_clock | {self.boot}:
            for table, channel, item in (("position", "fix", "''"), ("incident_record", "incident", "item")):
                sql = f"SELECT boot, seq, '{channel}', {item}, body, kept_s FROM {table} WHERE boot = ?"  # noqa: S608
                found += self._rows(sql, boot)
        changed = [replace(report, body=body) for report in found if (body := dated(report, unix_at)) is not None]
        if changed:
            self._disk.write(lambda db: rewrite(db, changed), durable=True)

    def shares_clock(self, boot: int) -> bool:
        """Whether what was kept in that start was timed by the clock that runs now."""
        return boot == self.boot or boot in self._disk.same_clock

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
        rows = self._rows(
            "SELECT boot, seq, 'fix', '', body, kept_s FROM position ORDER BY boot DESC, seq DESC", most=1
        )
        return rows[0] if rows else None

    def backlog(self, limit: int) -> list[Report]:
        """At most `limit` unsettled positions, oldest first."""
        rows = self._rows("SELECT boot, seq, 'fix', '', body, kept_s FROM position ORDER BY boot, seq", most=limit)
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
            unheard = (boot, seq) if unsettled and not _within((boot, seq), self._settled) else None
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

    def _rows(self, sql: str, *values: object, most: int | None = None) -> list[Report]:
        out: list[Report] = []
        if self._disk.reports() == 0:  # mostly all that waits is in memory
            return out
        for boot, seq, channel, item, text, kept_s in self._disk.each(sql, *values):
            if most is not None and len(out) >= most:
                break
            if _within((boot, seq), self._settled):
                continue
            body = decoded(text)
            if body is None:
                self.counts["unreadable"] += 1  # left in the file: a technician may still make it out
            else:
                out.append(Report(boot, seq, channel, item, body, kept_s))
        return out


def _within(key: tuple[int, int], ranges: Iterable[tuple[int, int, int]]) -> bool:
    return any(boot == key[0] and first <= key[1] <= last for boot, first, last in ranges)
