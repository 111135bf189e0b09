"""How the newest record of a key is found: a small table says of each (kind, key) a time that all of it is of before.

The time is written in steps, so that it costs a commit next to nothing. From there the newest is looked for backwards,
and a key that has no such time has no record. It may be too late, never too early.

A version before this table may write in between: `about` says up to which row the table is whole, at least, and what
came after that is noted when the file is opened to be written.
"""

import sqlite3
from collections.abc import Iterable

from broker.store.codec import Row

STEP_S = 900
MOST_KEYS = 50_000  # of which it is remembered that their newest time was noted
TABLE = """
CREATE TABLE IF NOT EXISTS newest (kind TEXT, key TEXT, before INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
"""
NOTE_NEWEST = """
INSERT INTO newest VALUES (?, ?, (? / 900 + 1) * 900)
ON CONFLICT (kind, key) DO UPDATE SET before = max(before, excluded.before)
""".replace("900", str(STEP_S))
NOTE_ALL_NEWEST = "INSERT OR REPLACE INTO newest SELECT kind, key, max(at) + 1 FROM record GROUP BY kind, key"
COVERED = """
INSERT INTO about SELECT 'newest_row', coalesce(max(row), 0) FROM record WHERE true
ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value;
"""
NOTE_BEYOND = f"""
INSERT INTO newest SELECT kind, key, max(at) + 1 FROM record NOT INDEXED
WHERE row > coalesce((
    SELECT CAST(value AS INTEGER) FROM about WHERE name = 'newest_row' AND EXISTS (SELECT 1 FROM newest)
), 0) GROUP BY kind, key
ON CONFLICT (kind, key) DO UPDATE SET before = max(before, excluded.before);
{COVERED}
"""  # noqa: S608  (no word of it is a stranger's)
_HIDES = "SELECT EXISTS (SELECT 1 FROM record LEFT JOIN newest USING (kind, key) WHERE before IS NULL OR at >= before)"


def is_known(connection: sqlite3.Connection) -> bool:
    """Whether the file has that table: an older one's has not before it is opened to be written."""
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'newest'").fetchone())


def hides_records(connection: sqlite3.Connection) -> bool:
    """Whether the newest record of some key would be looked for too early."""
    return is_known(connection) and bool(connection.execute(_HIDES).fetchone()[0])


class NotedNewest:
    """What the commits of this process have noted, so that each step of a key is noted once."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], int] = {}  # its records are noted as before this

    def still_to_note(self, rows: Iterable[Row]) -> dict[tuple[str, str], int]:
        """The newest time of each (kind, key) of these rows that has not been noted yet."""
        newest: dict[tuple[str, str], int] = {}
        noted = self._noted.get
        for _, kind, key, at, *_ in rows:
            if at >= noted((kind, key), 0):
                newest[kind, key] = max(at, newest.get((kind, key), 0))
        return newest

    def was_noted(self, newest: dict[tuple[str, str], int]) -> None:
        """The commit that noted them is durable."""
        if len(self._noted) > MOST_KEYS:
            self._noted.clear()
        self._noted.update((key, (at // STEP_S + 1) * STEP_S) for key, at in newest.items())
