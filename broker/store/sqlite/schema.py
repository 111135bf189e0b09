"""The tables of a record, and how a row is written and read."""

NAME = "record.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL,
    received_at INTEGER NOT NULL, area TEXT NOT NULL, body TEXT NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS record_time ON record (kind, at, key);
CREATE TABLE IF NOT EXISTS document (name TEXT PRIMARY KEY, body TEXT NOT NULL, checksum INTEGER NOT NULL);
"""
# A time that all records of a key are of before, in steps of 900 s so that few inserts write it: the newest one is
# looked for from there backwards. It may be too late, never too early. The trigger replaces nothing, so that whoever
# inserts with OR FAIL pays for no journal of each row.
NEWEST = """
CREATE TABLE IF NOT EXISTS newest (kind TEXT, key TEXT, before INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
DROP TRIGGER IF EXISTS note_newest;
CREATE TRIGGER IF NOT EXISTS noted_newest AFTER INSERT ON record
WHEN NOT EXISTS (SELECT 1 FROM newest WHERE kind = new.kind AND key = new.key AND before > new.at)
BEGIN
    DELETE FROM newest WHERE kind = new.kind AND key = new.key;
    INSERT INTO newest VALUES (new.kind, new.key, (new.at / 900 + 1) * 900);
END;
"""
NOTE_ALL_NEWEST = "INSERT INTO newest SELECT kind, key, max(at) + 1 FROM record GROUP BY kind, key;"
HAS_NEWEST = "SELECT 1 FROM sqlite_master WHERE name = 'newest'"  # a file of before has it once it was written to
HIDDEN = "SELECT 1 FROM record LEFT JOIN newest USING (kind, key) WHERE before IS NULL OR at >= before LIMIT 1"
COLUMNS = "record.id, record.kind, record.key, record.at, received_at, area, body, checksum, record.row"
INSERT = "INSERT INTO record (id, kind, key, at, received_at, area, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# Many rows in one statement cost half a microsecond less each. If it fails all is rolled back, so it may do so halfway.
AT_ONCE = 25
_OR_FAIL, _ONCE = INSERT.replace("INSERT", "INSERT OR FAIL"), " ON CONFLICT (id) DO NOTHING"
INSERT_NEW, INSERT_MANY = _OR_FAIL + _ONCE, _OR_FAIL + ", (?, ?, ?, ?, ?, ?, ?, ?)" * (AT_ONCE - 1) + _ONCE
INSERT_ROW = INSERT.replace("(id", "(row, id", 1).replace("(?", "(?, ?", 1)
LAST_ROW = "SELECT coalesce(max(row), 0) FROM record"
