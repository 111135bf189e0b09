"""Bits that turned and pages that cannot be read: they cost their rows and no others; what can be had comes back."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.store import Corrupt, StoreError
from broker.store.sqlite.database import Database
from tests.support.record import sqlite_faults
from tests.support.record.damaged import DAY_S, LATER, changed, filled, flipped, root_page, without_past_days
from tests.support.record.disk import Disk
from tests.support.record.samples import visit
from tests.support.record.sqlite_faults import IOERR, IOERR_READ, OK
from tests.support.record.store_faults import NOON, batch, findings, open_store, stored_batches

pytestmark = pytest.mark.real  # tenths of a second each


def test_every_turned_bit_in_a_row_is_noticed(tmp_path):
    """Each bit of each byte of a row's columns and body: that record is refused or left out, the others are there."""
    store = open_store(tmp_path, lambda: NOON)
    store.append(batch(1))
    store.close()
    open_store(tmp_path, lambda: NOON).close()  # which writes down that its day is still to be written
    path = tmp_path / "record.sqlite"
    good = path.read_bytes()
    text = b"visit:k:1:xvisitk1"  # where the columns of that row begin, one after the other
    start = good.rindex(text)
    end = good.index(b'"n":1}', start) + 6
    right = batch(1)[3]
    for place in range(start, end):
        for bit in range(8):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :])
            store = open_store(tmp_path, lambda: NOON)
            found = [record for kind in store.kinds() for record in store.scan(kind)]
            # An index has id, kind, time and key once more: what it still knows is right.
            assert {record.id for record in found} >= {r.id for r in batch(1)} - {right.id} and len(found) <= 5
            assert all(record in batch(1) for record in found)
            try:
                assert store.get(right.id) == right and place < good.index(b"xh{", start)
            except Corrupt as refused:
                assert "row 4 is not what was written" in str(refused)
            store.close()
        (finding,) = findings(tmp_path)
        assert "4 records can be read, 1 cannot: rows 4 (visit:k:1:x)" in finding.text
    assert end - start > 40


def test_a_bit_that_turns_in_an_index_is_told_the_next_day(tmp_path):
    """No row is hurt, but one is not found by its time any more: the bridge says so by itself, and the check does."""
    clock = [float(NOON)]
    store = open_store(tmp_path, lambda: clock[0])
    store.append(batch(1))
    store.close()
    path = tmp_path / "record.sqlite"
    place = path.read_bytes().index(b"bins", root_page(path, "record_time")) + 4  # where its time begins
    flipped(path, place, 64)
    clock[0] += DAY_S
    store = open_store(tmp_path, lambda: clock[0])
    assert list(store.scan("bins", NOON)) == [] or list(store.scan("bins", NOON, NOON + 9)) == []
    assert "records may be left out" in store.health()["warnings"][0]
    store.close()
    assert [finding.path for finding in findings(tmp_path)] == [path]
    assert [finding.repaired for finding in findings(tmp_path, repair=True)] == [True]
    store = open_store(tmp_path, lambda: clock[0])
    assert list(store.scan("bins", NOON, NOON + 9)) == batch(1)[:1]
    store.close()


def test_the_look_over_the_indexes_is_given_up_by_whoever_closes(folder):
    """It takes as long as the record is: closed meanwhile it ends at once, and says nothing of what it had not seen."""
    changed(folder, "UPDATE newest SET before = 5")
    with closing(Database(folder / "record.sqlite")) as database:
        asked: list[int] = []
        assert database.looked_over()
        assert not database.looked_over(lambda: len(asked.append(1) or asked) > 1) and len(asked) >= 2  # type: ignore[func-returns-value]
        assert database.looked_over()
    store = open_store(folder, lambda: LATER)
    assert "records may be left out" in store.health()["damage"][0]
    store.damage.clear()
    store._closed = True  # as close() says before it waits for this work
    store._export("2026-11-24")  # what its thread does on a new day
    assert store.health()["damage"] == []
    store._closed = False  # to close it in earnest
    store.close()


class BadSectors(Disk):
    """A disk that cannot give some pages of a file back, wherever that is moved."""

    def __init__(self, path: Path, code: int = IOERR_READ) -> None:
        super().__init__()
        self.inode, self.bad, self.code = path.stat().st_ino, set[int](), code

    def read(self, path: Path, offset: int) -> int:
        return self.code if offset // 4096 + 1 in self.bad and path.stat().st_ino == self.inode else OK


@pytest.mark.parametrize("disk_says_so", [False, True], ids=["zeros", "bad sector"])
def test_a_page_that_cannot_be_read_costs_its_rows_and_no_others(tmp_path, capsys, disk_says_so):
    """Each page of the file in turn: what is read is right, what is missing is said, and a repair keeps the rest."""
    filled(folder := tmp_path / "s", 120).close()
    path = folder / "record.sqlite"
    disk, costs = BadSectors(path), dict[int, int]()

    def hurt(page: int) -> None:
        if disk_says_so:
            disk.bad = {page}
        else:
            path.write_bytes(good[: 4096 * (page - 1)] + bytes(4096) + good[4096 * page :])

    with sqlite_faults.watched(disk):
        with closing(open_store(folder, lambda: LATER)) as store:
            wanted = {record.id: record for kind in store.kinds() for record in store.scan(kind)}
        good = path.read_bytes()
        for page in range(2, len(good) // 4096 + 1):
            hurt(page)
            try:
                with closing(open_store(folder, lambda: LATER)) as store:
                    found = {record.id: record for kind in store.kinds() for record in store.scan(kind)}
                    assert found.items() <= wanted.items() and (len(found) == 600 or store.health()["damage"])
                    costs[page] = 600 - len(found)
            except StoreError as refused:
                assert str(path) in str(refused)
        costs = {page: cost for page, cost in costs.items() if 0 < cost < 300}  # the others lead to leaves
        worst = max(costs, key=lambda page: costs[page])
        assert 30 < costs[worst] < 80 and len(costs) > 8
        without_past_days(folder)
        hurt(worst)
        assert main(["fsck", "--store", str(folder)]) == 1
        assert f"{600 - costs[worst]} records can be read, {costs[worst]} cannot: rows" in capsys.readouterr().out
        assert main(["fsck", "--store", str(folder), "--repair"]) == 3
        assert f"{600 - costs[worst]} records were had, {costs[worst]} are lost" in capsys.readouterr().out


def test_a_record_that_cannot_be_used_now_is_not_repaired(folder, capsys):
    """Another error of the disk says nothing about the rows: the repair stops, and all is as it was."""
    path = folder / "record.sqlite"
    before, disk = path.read_bytes(), BadSectors(path, IOERR)
    with sqlite_faults.watched(disk):
        for page in range(1, len(before) // 4096 + 1):
            disk.bad = {page}
            assert main(["fsck", "--store", str(folder), "--repair"]) in {0, 1}
            assert "repaired" not in capsys.readouterr().out
    assert path.read_bytes() == before and not (folder / "aside").exists() and findings(folder) == []


def test_an_index_page_that_cannot_be_read_hides_no_record(folder, tmp_path, capsys):
    """Kinds, scan, export and past days go by the rows, and each says that a repair is due."""
    path = folder / "record.sqlite"
    whole = {"bins": 60, "fix": 120, "visit": 60, "workflow": 60}
    start = root_page(path, "record_time")
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(4096))
    without_past_days(folder)
    store = open_store(folder, lambda: LATER)
    assert store.kinds() == [*whole] and {kind: sum(1 for _ in store.scan(kind)) for kind in whole} == whole
    assert any("index of the kinds cannot be read" in event for event in store.damage)
    assert store.past_days.names() == ["2026-11-22", "2026-11-23"] and store.past_days.wrong("2026-11-22") == []
    store.close()
    assert main(["export", str(tmp_path / "x.jsonl"), "--store", str(folder)]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert len((tmp_path / "x.jsonl").read_bytes().splitlines()) == 300


@pytest.mark.parametrize("since_at", [None, NOON])
def test_the_newest_of_a_key_is_the_newest_that_can_be_read(tmp_path, since_at):
    """Hurt ones are passed over for an older sound one, and told; keys that are whole are as ever."""
    store = open_store(tmp_path, lambda: NOON)
    for number in range(1, 6):
        store.append([visit(number, "due", NOON + number), visit(9 + number, "due", NOON + number, key="whole")])
    with store.database.writing() as rows:
        rows.execute("UPDATE record SET body = '{}' WHERE key != 'whole' AND at > ?", [NOON + 3])
    found = store.latest("visit", since_at=since_at)
    assert {name: record.at for name, record in found.items()} == {"run1/r01/1": NOON + 3, "whole": NOON + 5}
    assert found["run1/r01/1"] == store.latest("visit", "run1/r01/1")["run1/r01/1"]
    assert [event.split(" is not")[0].split(": ")[1] for event in store.damage] == ["row 9", "row 7"]
    assert store.latest("visit", since_at=NOON + 4).keys() == {"whole"}
    store.close()


def test_rows_come_back_from_the_past_days_and_a_copy_and_what_is_lost_is_remembered(folder, tmp_path, capsys):
    """A repair says which rows are gone for good; a later check knows, and what comes again is stored."""
    shutil.copytree(folder, copy := tmp_path / "copy")
    changed(
        folder,
        "DELETE FROM record WHERE row IN (7, 8, 9, 290, 292)", "UPDATE record SET body = '{}' WHERE row = 20",
    )  # fmt: skip
    assert main(["fsck", "--store", str(folder)]) == 1
    assert "294 records can be read, 6 cannot: rows 7 to 9, 20, 290, 292" in capsys.readouterr().out
    shutil.copytree(folder, second := tmp_path / "second")
    assert main(["fsck", "--store", str(folder), "--repair"]) == 3
    assert "298 records were had, 2 are lost: rows 290, 292" in capsys.readouterr().out
    assert main(["fsck", "--store", str(folder)]) == 0 and "2 were lost before" in capsys.readouterr().out
    store = open_store(folder, lambda: LATER)
    assert store.append(batch(58, LATER)).stored == 1 and store.append(batch(2)).stored == 0
    store.close()
    assert main(["fsck", "--store", str(second), "--repair", "--copies", str(copy)]) == 0
    assert stored_batches(second, lambda: LATER) == dict.fromkeys(range(1, 61), 5)


def test_a_record_that_a_hurt_index_let_in_twice_is_not_lost_once(tmp_path, capsys):
    """The index of the ids did not find it when it came again: a repair keeps it once, and nothing is gone."""
    store = open_store(tmp_path, lambda: NOON)
    store.append(batch(1))
    store.close()
    path = tmp_path / "record.sqlite"
    flipped(path, path.read_bytes().index(b"r01:1:1", root_page(path, "sqlite_autoindex_record_1")), 1)
    store = open_store(tmp_path, lambda: NOON)
    assert store.append(batch(1)[:1]).stored == 1  # the index says that it is new
    store.append(batch(2))
    store.close()
    assert main(["fsck", "--store", str(tmp_path), "--repair"]) == 0
    assert "10 records were had; what was damaged" in capsys.readouterr().out
    assert stored_batches(tmp_path, lambda: NOON) == {1: 5, 2: 5} and findings(tmp_path) == []
