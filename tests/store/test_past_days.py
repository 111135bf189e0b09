"""The past days as stock TinyDB files: late records too, whatever happens to the files or to the record."""

import errno
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from tinydb import TinyDB, where

from broker.__main__ import main
from broker.store.sqlite.store import SQLiteStore
from broker.store.sqlite.tables import RecordDB
from tests.support.record.damaged import DAY_S, LATER, changed, cut, emptied, flipped, folder_instead, removed, zeroed
from tests.support.record.store_faults import NOON, ZONE, batch, check, findings, open_store, stored_batches

pytestmark = pytest.mark.real


def test_each_past_day_is_written_as_stock_tinydb_has_it_late_records_too(tmp_path):
    """Every kind opens with stock TinyDB; a record that comes days late is put to its own day; sha256sum agrees."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    for number in (1, 2, 3):
        store.append(batch(number))
    day = tmp_path / "s" / "days" / "2026-11-22"
    assert not day.exists()
    clock[0] += DAY_S
    store.append(batch(4, NOON + DAY_S))
    with TinyDB(day / "bins.json") as stock:
        assert [found["id"] for found in stock] == ["r01:1:1", "r01:1:2", "r01:1:3"]
        assert stock.search(where("body")["device"] == "r01")[1].doc_id == 6
    store.append(batch(5))
    clock[0] += DAY_S
    store.append(batch(6, LATER))
    with TinyDB(day / "bins.json") as stock:
        assert [found["id"] for found in stock] == ["r01:1:1", "r01:1:2", "r01:1:3", "r01:1:5"]
    for name in store.past_days.names():
        subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=day.parent / name, check=True, timeout=20)
    assert store.past_days.names() == ["2026-11-22", "2026-11-23"]
    rows = sorted(row for name in store.past_days.names() for row, _ in store.past_days.read(name))
    assert rows == list(range(1, 26))
    store.close()


def test_a_day_that_is_gone_before_anybody_looked_at_it_is_missed(tmp_path):
    """What is taken away right after it was written is not taken for never written."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    store.append(batch(1))
    store.past_days.touched()
    clock[0] += DAY_S
    store.append(batch(2, NOON + DAY_S))
    assert store.past_days.names() == ["2026-11-22"]
    shutil.rmtree(tmp_path / "s" / "days")
    assert store.past_days.touched() == ["2026-11-22"]
    assert "written anew" in store.past_days.mended("2026-11-22")
    assert store.past_days.names() == ["2026-11-22"]
    store.close()


def test_a_disk_that_is_full_at_midnight_refuses_no_alarm(tmp_path, monkeypatch):
    """The past day cannot be written: that is said, records are taken, and the next day it is written after all."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    store.append(batch(1))
    clock[0] += DAY_S

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as midnight:
        midnight.setattr(store.files, "write", full)  # the days' files are all that is written so
        assert store.append(batch(2, NOON + DAY_S), urgent=True).stored == 5
    assert "past days could not be written" in store.health()["warnings"][-1]
    assert store.past_days.names() == [] and not list((tmp_path / "s" / "days").glob(".*"))
    clock[0] += DAY_S
    store.append(batch(3, LATER))
    assert store.past_days.names() == ["2026-11-22", "2026-11-23"]
    store.close()


def test_store_answers_while_a_past_day_is_written_beside(tmp_path):
    """Readers run through many changes of the day with the export in a thread: every answer is whole, none doubles."""
    clock = [float(NOON)]
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: clock[0], min_free_bytes=0)
    done, answers, acknowledged = threading.Event(), [], list[int]()

    def read() -> None:
        while not done.is_set():
            least = len(acknowledged)
            scanned = [record.id for kind in ("bins", "fix", "visit") for record in store.scan(kind)]
            assert len(scanned) == len(set(scanned)) and len(scanned) >= 4 * least
            if least:
                assert store.get(f"t01:1:{2 * least}") is not None and len(store.latest("fix")) == 1
            answers.append(least)

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for number in range(1, 25):
                clock[0] += 43_200.0
                store.append(batch(number, int(clock[0])))
                acknowledged.append(number)
                time.sleep(0.01)
        finally:
            done.set()
        for reader in readers:
            reader.result(timeout=30)
    store.close()
    assert len(answers) > 4
    check(acknowledged, stored_batches(tmp_path / "s", lambda: clock[0]), "exporting beside")


@pytest.mark.parametrize("mend", ["repair", "start"])
@pytest.mark.parametrize("harm", [zeroed, emptied, cut, flipped, folder_instead, removed])
@pytest.mark.parametrize("name", ["SHA256SUMS", "bins.json"])
def test_a_damaged_file_of_a_past_day_is_named_and_written_anew(folder, name, harm, mend):
    """It keeps no bridge from starting, which mends it and tells; the check names it, a repair mends it as well."""
    day = folder / "days" / "2026-11-22"
    whole = {path.name: path.read_bytes() for path in day.iterdir()}
    harm(day / name)
    (finding,) = findings(folder)
    assert finding.path.parent == day and "run with --repair" in finding.text
    if mend == "repair":
        assert [finding.repaired for finding in findings(folder, repair=True)] == [True]
    else:
        with closing(open_store(folder, lambda: LATER)) as store:
            (told,) = store.health()["warnings"]
        assert str(day) in told and "written anew from the record" in told
    assert {path.name: path.read_bytes() for path in day.iterdir()} == whole and findings(folder) == []


def test_a_past_day_that_is_gone_is_named_and_written_anew(folder):
    """Not one of its files is left: the record knows of which days it has records."""
    shutil.rmtree(day := folder / "days" / "2026-11-22")
    assert [finding.path.parent for finding in findings(folder)] == [day]
    assert [finding.repaired for finding in findings(folder, repair=True)] == [True]
    with TinyDB(day / "bins.json") as stock:
        assert [found["id"] for found in stock][:2] == ["r01:1:1", "r01:1:2"]


@pytest.mark.parametrize("list_is_whole", [True, False])
@pytest.mark.parametrize("hurt", [
    "UPDATE record SET body = '{\"n\":0}' WHERE row <= 60", "DELETE FROM record WHERE kind = 'workflow' AND row <= 99",
])  # fmt: skip
def test_a_day_is_not_written_anew_before_a_repair_has_taken_from_it_what_the_record_lost(folder, hurt, list_is_whole):
    """A late record of that day comes, or its list is spoiled: its files are the only good copy of some rows."""
    changed(folder, hurt)
    day = folder / "days" / "2026-11-22"
    sums = (day / "SHA256SUMS").read_bytes()
    if not list_is_whole:
        zeroed(day / "SHA256SUMS")

    def counted() -> dict[str, int]:
        return {path.name: len(TinyDB(path)) for path in day.glob("*.json")}

    before = counted()
    with closing(open_store(folder, lambda: LATER)) as store:
        store.append(batch(99))
    with closing(open_store(folder, lambda: LATER + DAY_S)) as store:
        assert any("stays as it is; run" in text for text in store.health()["warnings"]) and counted() == before
    (day / "SHA256SUMS").write_bytes(sums)  # of one that cannot be trusted nothing is taken
    assert main(["fsck", "--store", str(folder), "--repair"]) == 0
    assert stored_batches(folder, lambda: LATER + DAY_S) == dict.fromkeys([*range(1, 61), 99], 5)
    assert counted() == {name: count + (2 if name == "fix.json" else 1) for name, count in before.items()}


def test_a_day_that_is_written_anew_has_each_row_once_and_as_it_is_now(folder):
    """A row that was changed or moved to another time since is not kept as it was."""
    db = RecordDB(folder / "record.sqlite")
    db.update({"at": NOON + 500, "body": {"n": 5}}, where("id") == "r01:1:3")
    db.update({"body": {"n": 6}}, where("id") == "r01:1:4")
    db.close()
    with closing(open_store(folder, lambda: LATER)) as store:
        store.append(batch(99))
    open_store(folder, lambda: LATER + DAY_S).close()
    path = folder / "days" / "2026-11-22" / "bins.json"
    assert path.read_bytes().count(b'"r01:1:3"') == path.read_bytes().count(b'"r01:1:4"') == 1
    assert [found["body"]["n"] for found in TinyDB(path) if "n" in found["body"]] == [6, 5]
