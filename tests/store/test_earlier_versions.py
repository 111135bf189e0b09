"""What earlier versions wrote is opened: the folder of 0.2.0, the export of the journal before it."""

import shutil
from pathlib import Path

from tinydb import TinyDB, where

from broker.__main__ import main
from broker.store import transfer
from broker.store.opening import open_store, reading_store
from broker.store.sqlite.tables import RecordDB
from tests.support.record.samples import NOON, ZONE
from tests.support.record.store_faults import findings

FIXTURES = Path(__file__).parents[1] / "fixtures"
KINDS = ["amendment", "bins", "fix", "life", "visit"]
VISIT = "visit:A1.20261122/r01/1:1"


def test_the_record_of_0_2_0_opens_and_is_good(tmp_path):
    """Its records are there, its amendments count, its check is content, and more is stored."""
    folder = shutil.copytree(FIXTURES / "record-0.2.0", tmp_path / "s")
    assert findings(folder) == []
    with reading_store(folder, "xh", ZONE, lambda: NOON) as store:
        assert store.kinds() == KINDS and store.health()["records"] == 16
        visit = store.get(VISIT)
        assert visit is not None and visit.body["bins_after"] == 2
        assert [record.body["who"] for record in store.search(where("kind") == "amendment")] == ["ann", "bob"]
    writing = open_store(folder, "xh", ZONE, lambda: NOON + 86_400)
    assert writing.amend(VISIT, {"bins_after": 1}, "again", "cid", NOON, seen=2).body["bins_after"] == 1
    writing.close()
    assert len(RecordDB(folder / "record.sqlite").search(where("key") == "r01")) == 7
    with TinyDB(folder / "days" / "2026-11-22" / "bins.json") as stock:
        assert len(stock) == 6
    assert findings(folder) == []


def test_the_export_of_the_journal_before_is_imported(tmp_path, capsys):
    """Each record of it, byte for byte as it comes out again."""
    source, out = FIXTURES / "export-0.1.0.jsonl", tmp_path / "out.jsonl"
    place = ["--store", str(tmp_path / "s"), "--area", "xh", "--timezone", ZONE]
    assert main(["import", *place, str(source)]) == 0
    assert "16 records stored, 0 were there already" in capsys.readouterr().out
    assert main(["export", *place[:2], str(out)]) == 0
    assert out.read_bytes() == source.read_bytes()
    with reading_store(tmp_path / "s", "xh", ZONE, lambda: NOON) as store:
        visit = store.get(VISIT)
        assert visit is not None and visit.body["bins_after"] == 2
        assert list(transfer.read(source)) == list(transfer.records_of(store))
