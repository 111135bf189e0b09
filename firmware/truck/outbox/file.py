"""The outbox's file: its tables, how it is opened and checked, what is done with a damaged one; SQLite."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from firmware.truck.events import Report
from firmware.truck.outbox.boot_counter import read_boot, read_counted, sync_folder

TRIAL_BYTES = 65_536  # what an outbox needs to begin with

WAL_PAGES = 256  # checkpoint after 1 MiB: the log stays small
THIN_S = 60

SCHEMA = """
CREATE TABLE IF NOT EXISTS boot (boot INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS start (boot INTEGER PRIMARY KEY, system TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS incident_record (
    boot INTEGER NOT NULL, seq INTEGER NOT NULL, item TEXT NOT NULL, body TEXT NOT NULL, kept_s REAL NOT NULL,
    PRIMARY KEY (boot, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
    boot INTEGER NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, kept_s REAL NOT NULL,
    PRIMARY KEY (boot, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open_incident (
    incident_id TEXT PRIMARY KEY, boot INTEGER NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL,
    stage TEXT, decision TEXT) WITHOUT ROWID;
"""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    try:
        if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise sqlite3.OperationalError("the file system does not allow a write-ahead log")
        db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {WAL_PAGES * 4096}")
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            error = sqlite3.DatabaseError(str(found))
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        db.executescript(SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


def opened_to_read(path: Path) -> sqlite3.Connection | None:
    """The file of a disk that cannot be written, with what its log says if that can be had; None if it is no outbox."""
    for how in ("mode=ro", "mode=ro&immutable=1"):
        try:
            db = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True, isolation_level=None)
        except sqlite3.Error:
            continue
        try:
            last_boot(db)
        except sqlite3.Error:
            db.close()
            continue
        return db
    return None


def decoded(text: Any) -> dict[str, Any] | None:
    try:
        body = json.loads(text)
    except (ValueError, TypeError):
        return None
    return body if isinstance(body, dict) else None


def last_boot(db: sqlite3.Connection) -> int:
    tables = ("boot", "position", "incident_record", "open_incident")
    highest = " UNION ".join(f"SELECT MAX(boot) b FROM {table}" for table in tables)  # noqa: S608
    return int(db.execute(f"SELECT MAX(b) FROM ({highest})").fetchone()[0] or 0)  # noqa: S608


def must_have_counted(path: Path, start: int) -> None:
    """Raises DatabaseError as for damage if the file has not counted this start, OperationalError if it cannot be read.

    It was emptied, or is not there, or is an older copy, or its log was lost.
    """
    last = 0
    try:
        if path.exists() and path.stat().st_size:
            with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as db:
                last = last_boot(db)
    except sqlite3.OperationalError as why:
        if "no such table" not in str(why):
            raise  # a full or read-only disk does not let it be opened: that says nothing of what is in it
    if last >= start:
        return
    if last:
        found = f"its last start is {last} of {start}: an older copy, or its log is lost"
    else:
        found = "it is empty, and starts were counted" if path.exists() else "it is missing"
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


def wrong_with(path: Path) -> str | None:
    """What is wrong with an outbox that was in use, in words; None if it is good or was never begun."""
    counted_by_file = read_counted(path.with_suffix(".boot"))
    if not counted_by_file:
        return None
    counted = read_boot(path.with_suffix(".boot"))
    try:
        must_have_counted(path, counted_by_file)
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as db:
            found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        found = str(error)
    if found == "ok":
        return None
    return f"the outbox {path} is not what it was after {counted} starts: {found}; keep it for the technician"


def refused_by_disk(path: Path) -> str | None:
    """Why the outbox's folder takes no file now, in words; None if it takes one, or is not there yet."""
    if not path.parent.is_dir():
        return None
    try:
        with tempfile.TemporaryFile(dir=path.parent) as trial:
            trial.write(bytes(TRIAL_BYTES))
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as error:
        return (
            f"[outbox] path: {path.parent} takes nothing ({error.strerror}); presses would be held in memory only: "
            "make room, or correct path, mode or mount"
        )
    return None


def is_damage(error: sqlite3.Error) -> bool:
    # The low byte is the primary code, the rest says in which part of the file.
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGE


def moved_aside(path: Path, boot: int) -> Path:
    """Renames the file and its log to names nobody has used; returns the new name."""
    aside = next(name for name in _names_aside(path, boot) if not name.exists())
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    sync_folder(path.parent)
    return aside


def _names_aside(path: Path, boot: int) -> Iterator[Path]:
    yield path.with_name(f"{path.name}.damaged-{boot}")
    for n in range(2, 10_000):
        yield path.with_name(f"{path.name}.damaged-{boot}-{n}")


def insert(db: sqlite3.Connection, reports: list[Report]) -> None:
    for report in reports:
        text = json.dumps(dict(report.body), separators=(",", ":"))
        if report.channel == "incident":
            db.execute(
                "INSERT OR REPLACE INTO incident_record VALUES (?, ?, ?, ?, ?)",
                (report.boot, report.seq, report.item, text, report.kept_s),
            )
            db.execute(
                "INSERT INTO open_incident VALUES (?, ?, ?, ?, NULL, NULL) ON CONFLICT (incident_id)"
                " DO UPDATE SET boot = excluded.boot, seq = excluded.seq, body = excluded.body",
                (report.item, report.boot, report.seq, text),
            )
        else:
            db.execute(
                "INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)",
                (report.boot, report.seq, text, report.kept_s),
            )


def rewrite(db: sqlite3.Connection, reports: list[Report]) -> None:
    """Other content for reports that are there; what was settled meanwhile does not come back."""
    for report in reports:
        table = "incident_record" if report.channel == "incident" else "position"
        text = json.dumps(dict(report.body), separators=(",", ":"))
        db.execute(
            f"UPDATE {table} SET body = ? WHERE boot = ? AND seq = ?",  # noqa: S608
            (text, report.boot, report.seq),
        )


def delete(db: sqlite3.Connection, ranges: Iterable[tuple[int, int, int]]) -> None:
    """The bridge has stored these (boot, first, last)."""
    for table in ("incident_record", "position"):
        db.executemany(f"DELETE FROM {table} WHERE boot = ? AND seq BETWEEN ? AND ?", ranges)  # noqa: S608


def thin(db: sqlite3.Connection) -> None:
    """One position per minute is kept of all but the newest tenth."""
    db.execute(
        f"""DELETE FROM position WHERE (boot, seq) IN
              (SELECT boot, seq FROM position ORDER BY boot, seq LIMIT (SELECT COUNT(*) * 9 / 10 FROM position))
            AND (boot, seq) NOT IN
              (SELECT boot, MIN(seq) FROM position GROUP BY boot, CAST(kept_s / {THIN_S} AS INTEGER))"""  # noqa: S608
    )
