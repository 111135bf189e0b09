"""A TinyDB storage that appends: every change is one checksummed, chained frame of JSON lines, synced on return.

    db = JournalDB("folder")                 # the whole TinyDB API, queries and tables included
    db.insert({"room": "r01", "count": 3})   # on disk when this returns
    db.insert_across({"bins": [...], "calls": [...]})   # several tables, one frame: all of it or nothing

The folder holds `*.jsonl` segments that a person can read; `export_table` writes what stock `TinyDB(path)`
opens. Nothing here knows any other part of this project.
"""

from broker.store.tinyjournal.database import (
    JournalDB,
    JournalStorage,
    JournalTable,
    document_of,
    export_table,
    inserting,
)
from broker.store.tinyjournal.errors import (
    NO_ROOM,
    JournalBroken,
    JournalClosed,
    JournalCorrupt,
    JournalError,
    JournalFull,
)
from broker.store.tinyjournal.files import Files
from broker.store.tinyjournal.journal import Journal
from broker.store.tinyjournal.lock import FolderLock, FolderLocked
from broker.store.tinyjournal.reading import ReadError

__all__ = [
    "NO_ROOM",
    "Files",
    "FolderLock",
    "FolderLocked",
    "Journal",
    "JournalBroken",
    "JournalClosed",
    "JournalCorrupt",
    "JournalDB",
    "JournalError",
    "JournalFull",
    "JournalStorage",
    "JournalTable",
    "ReadError",
    "document_of",
    "export_table",
    "inserting",
]
