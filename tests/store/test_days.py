"""The days of a store on disk: put back, copied, lost, begun on a full disk, sealed with what nobody expected."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from bench.store_faults import NOON, QuickFiles
from broker.store import Conflict, Corrupt, Full, Record, Unavailable, codec, fsck, transfer
from broker.store.day_folders import open_days
from broker.store.tinydb_store import TinyDBStore

DAY_S = 86_400


def opened(folder: Path, clock: list[float], files: QuickFiles | None = None, background: bool = False) -> TinyDBStore:
    """A store whose clock a test moves."""
    return TinyDBStore(
        folder,
        "xh",
        "Asia/Shanghai",
        lambda: clock[0],
        files=files or QuickFiles(),
        min_free_bytes=0,
        seal_in_background=background,
    )


def bins(seq: int, count: int = 1) -> Record:
    """A bin report; its id counts."""
    body = {"device": "r01", "bins": [{"waste": "unit_wet", "count": count, "grams": 1}]}
    return Record(f"r01:1:{seq}", "bins", "r01", NOON + seq, NOON, "xh", body)


def visit(number: int) -> Record:
    """A visit; its id does not count."""
    return Record(f"visit:k{number}", "visit", f"k{number}", NOON, NOON, "xh", {"state": "served", "bins_before": 4})


def ids(store: TinyDBStore) -> list[str]:
    """The ids of all bin reports."""
    return [record.id for record in store.scan("bins")]


def days(folder: Path, *, count: int) -> list[float]:
    """A store with `count` days, bins(1) ... one in each, the last of them open; its clock."""
    clock = [float(NOON)]
    store = opened(folder, clock)
    for number in range(1, count + 1):
        store.append([bins(number)])
        clock[0] += DAY_S
    clock[0] -= DAY_S
    store.close()
    return clock


def test_a_journal_put_back_late_is_kept_though_its_number_was_used_again(tmp_path: Path) -> None:
    """It is moved aside with a note that says how its records come back, and they do."""
    clock = days(tmp_path / "s", count=2)
    journal = tmp_path / "s" / "open" / "000002_2026-11-23"
    journal.rename(tmp_path / "lost")
    store = opened(tmp_path / "s", clock)
    assert "put it back" in store.health()["warnings"][-1]
    store.append([bins(3)])
    clock[0] += DAY_S
    store.append([bins(4)])
    store.close()
    (tmp_path / "lost").rename(journal)

    store = opened(tmp_path / "s", clock)
    aside = tmp_path / "s" / "aside" / "000002_2026-11-23"
    assert f"import {aside}" in store.health()["warnings"][-1] and not journal.exists()
    assert ids(store) == ["r01:1:1", "r01:1:3", "r01:1:4"]
    other = opened(aside, clock)
    receipt = transfer.import_records(transfer.records_of(other), store, lambda _: None)
    other.close()
    assert receipt.stored == 1 and ids(store) == [f"r01:1:{n}" for n in (1, 2, 3, 4)]
    store.close()
    store = opened(tmp_path / "s", clock)
    assert store.health()["warnings"] == []
    store.close()


def test_a_new_day_is_numbered_after_all_others(tmp_path: Path) -> None:
    """Also after those that are sealed while an older one is open, for it was put back."""
    clock = days(tmp_path / "s", count=2)
    journal = tmp_path / "s" / "open" / "000002_2026-11-23"
    journal.rename(tmp_path / "lost")
    sealed = tmp_path / "s" / "records" / "2026-11-22"
    text = (sealed / "manifest.json").read_text()
    renumbered = sealed.with_name("2026-11-24")
    shutil.copytree(sealed, renumbered)
    (renumbered / "manifest.json").write_text(text.replace('"number": 1', '"number": 7'))
    lines = [f"{fsck._digest(renumbered / path.name)}  {path.name}\n" for path in sorted(renumbered.iterdir())
             if path.name != "SHA256SUMS"]  # fmt: skip
    (renumbered / "SHA256SUMS").write_text("".join(lines))
    (tmp_path / "lost").rename(journal)
    store = opened(tmp_path / "s", clock)
    clock[0] += 3 * DAY_S
    store.append([bins(5)])
    store.close()
    assert [path.name for path in (tmp_path / "s" / "open").iterdir()] == ["000008_2026-11-26"]


def test_an_amendment_is_stored_whatever_its_number_would_be(tmp_path: Path) -> None:
    """One before it was lost, or some record has the id that it would have: it gets another number."""
    store = opened(tmp_path, [NOON])
    second = {"record_id": "visit:k1", "record_kind": "visit", "number": 2, "patch": {"bins_before": 5},
              "reason": "miscounted", "who": "ann"}  # fmt: skip
    store.append([visit(1), Record("visit:k1#2", "amendment", "visit:k1", NOON, NOON, "xh", second)])
    store.append([visit(2), Record("visit:k2#1", "visit", "k9", NOON, NOON, "xh", {"state": "due"})])
    assert store.amend("visit:k1", {"bins_before": 9}, "counted", "ann", NOON, seen=1).body["bins_before"] == 9
    assert store.amend("visit:k2", {"bins_before": 8}, "counted", "ann", NOON).body["bins_before"] == 8
    assert [record.id for record in store.scan("amendment")] == ["visit:k1#2", "visit:k1#3", "visit:k2#2"]
    store.close()
    store = opened(tmp_path, [NOON])
    found = store.get("visit:k1"), store.get("visit:k2")
    assert [record and record.body["bins_before"] for record in found] == [9, 8]
    store.close()


def test_an_amendment_whose_id_is_taken_at_that_moment_is_refused(tmp_path: Path, monkeypatch) -> None:
    """Nobody is told that a correction is stored which is not."""
    store = opened(tmp_path, [NOON])
    store.append([visit(1), Record("visit:k1#1", "visit", "k9", NOON, NOON, "xh", {"state": "due"})])
    really = store._shelf.get
    monkeypatch.setattr(store._shelf, "get", lambda name: None if "#" in name else really(name))
    with pytest.raises(Conflict, match="look at it again"):
        store.amend("visit:k1", {"bins_before": 9}, "counted", "ann", NOON)
    assert list(store.scan("amendment")) == []
    store.close()


@pytest.mark.parametrize("body", [{}, {"record_id": "visit:k1", "record_kind": "visit", "number": "1", "patch": {}}])
def test_an_amendment_without_its_shape_changes_nothing_and_stops_nobody(
    tmp_path: Path, monkeypatch, body: dict
) -> None:
    """A store that has one from before they were refused answers, opens again, and says what it left alone."""
    monkeypatch.setattr(codec, "check", lambda _: None)
    clock = [float(NOON)]
    store = opened(tmp_path, clock)
    store.append([visit(1)])
    store._shelf.today.append(store._intake.admit([Record("z#1", "amendment", "z", NOON, NOON, "xh", body)]))
    store._take_amendments(store.scan("amendment"))
    store.close()
    for _ in range(3):
        store = opened(tmp_path, clock)
        assert "'z#1' is an amendment that does not say" in store.health()["warnings"][0]
        assert store.get("visit:k1") == visit(1)
        store.append([visit(2)])
        store.close()
        clock[0] += DAY_S


def test_whoever_waits_for_a_commit_is_told_whatever_went_wrong(tmp_path: Path, monkeypatch) -> None:
    """An error nobody expected ends in the store's own words for each batch of the frame, and the store goes on."""
    store = opened(tmp_path, [NOON])

    def broken(_: object) -> None:
        raise KeyError("number")

    monkeypatch.setattr(store._shelf.today, "append", broken)
    with pytest.raises(Unavailable, match="KeyError"):
        store.append([visit(1)])
    monkeypatch.undo()
    assert store.append([visit(1)]).stored == 1
    store.close()


def test_a_lost_day_comes_back_from_an_export(tmp_path: Path) -> None:
    """Records that no day has are stored again, though a later day's carry-over knows their ids."""
    clock = days(tmp_path / "s", count=3)
    store = opened(tmp_path / "s", clock)
    transfer.export_lines(store, tmp_path / "all.jsonl", lambda _: None)
    store.close()
    (tmp_path / "s" / "records" / "2026-11-22").rename(tmp_path / "gone")
    with pytest.raises(Corrupt, match="2026-11-22"):
        opened(tmp_path / "s", clock)
    shutil.rmtree(tmp_path / "s" / "index")
    assert any("a sealed day is missing" in finding.text for finding in fsck.check(tmp_path / "s"))
    store = opened(tmp_path / "s", clock)
    assert "r01:1:1 to 2 were stored, and no day has them all; is a sealed day missing" in store.health()["warnings"][0]
    receipt = transfer.import_records(transfer.read_lines(tmp_path / "all.jsonl"), store, lambda _: None)
    assert (receipt.stored, receipt.duplicates) == (1, 2) and ids(store) == [f"r01:1:{n}" for n in (1, 2, 3)]
    store.close()
    store = opened(tmp_path / "s", clock)
    assert store.health()["warnings"] == []
    store.close()
    assert all(finding.good for finding in fsck.check(tmp_path / "s"))


def test_a_day_sealed_at_the_start_carries_no_ids_of_later_ones(tmp_path: Path) -> None:
    """After a kill at midnight two journals are there: what the second loses is stored when it is sent again."""
    clock = [float(NOON)]
    store = opened(tmp_path / "s", clock)
    store.append([bins(1)])
    shutil.copytree(tmp_path / "s" / "open" / "000001_2026-11-22", tmp_path / "first")
    clock[0] += DAY_S
    store.append([bins(2)])
    store.append([bins(3)])
    store.close()
    shutil.rmtree(tmp_path / "s" / "records")
    shutil.rmtree(tmp_path / "s" / "index")
    (tmp_path / "first").rename(tmp_path / "s" / "open" / "000001_2026-11-22")
    opened(tmp_path / "s", clock).close()
    assert b"r01:1" in (tmp_path / "s" / "records" / "2026-11-22" / "seen.json").read_bytes()
    (segment,) = (tmp_path / "s" / "open" / "000002_2026-11-23").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"id":"r01:1:2"', b'"id":"r01:1:9"'))
    with pytest.raises(Corrupt):
        opened(tmp_path / "s", clock)
    findings = list(fsck.check(tmp_path / "s", repair=True))
    assert all(finding.good or finding.repaired for finding in findings)
    store = opened(tmp_path / "s", clock)
    assert store.append([bins(2)]).stored == 1
    assert store.append([bins(1), bins(3)]).duplicates == 2
    store.close()


def test_a_lost_newest_file_is_named_and_fsck_keeps_what_is_left(tmp_path: Path) -> None:
    """A start without what was stored last is refused; after the repair the store works, and takes it again."""
    clock = days(tmp_path, count=1)
    (segment,) = (tmp_path / "open").glob("*/*.jsonl")
    segment.unlink()
    with pytest.raises(Corrupt, match=rf"{segment.name} was begun and is not there.*fsck"):
        opened(tmp_path, clock)
    (finding,) = fsck.check(tmp_path)
    assert not finding.good and str(segment) in finding.text
    assert all(finding.repaired for finding in fsck.check(tmp_path, repair=True) if not finding.good)
    store = opened(tmp_path, clock)
    assert store.append([bins(1)]).stored == 1
    store.close()
    assert all(finding.good for finding in fsck.check(tmp_path))


# --- a full disk --------------------------------------------------------------------------------------------


class FullDisk(QuickFiles):
    """A disk without room for anything new while it is told so; giving the reserve up makes some."""

    def __init__(self) -> None:
        self.full = False
        self.refuses = ("create", "write", "sign", "open_to_lock", "mkdir")

    def _check(self, call: str) -> None:
        if self.full and call in self.refuses:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def create(self, path: Path) -> int:
        self._check("create")
        return super().create(path)

    def open_to_lock(self, path: Path) -> int:
        if not path.exists():
            self._check("open_to_lock")
        return super().open_to_lock(path)

    def sign(self, handle: int, data: bytes) -> None:
        self._check("sign")
        super().sign(handle, data)

    def write(self, handle: int, data: bytes, offset: int) -> None:
        if offset + len(data) > os.fstat(handle).st_size:
            self._check("write")
        super().write(handle, data, offset)

    def make_folder(self, path: Path) -> None:
        if not path.is_dir():
            self._check("mkdir")
        super().make_folder(path)

    def remove(self, path: Path) -> None:
        if path.name == "reserve":
            self.full = False
        super().remove(path)


def test_a_disk_that_is_full_at_midnight_refuses_no_alarm(tmp_path: Path) -> None:
    """The old day goes on, with the reserve if need be, and with room the new one begins."""
    clock, files = [float(NOON)], FullDisk()
    store = opened(tmp_path, clock, files)
    store.append([bins(1)])
    clock[0] += DAY_S
    files.full = True
    assert store.append([bins(2)], urgent=True).stored == 1  # into what was filled ahead
    assert "cannot be begun, 2026-11-22 goes on" in store.health()["warnings"][-1]
    number = 2
    while (tmp_path / "reserve").exists():
        number += 1
        store.append([bins(number)], urgent=True)
    assert len([text for text in store.health()["warnings"] if "cannot be begun" in text]) == 1
    store.append([bins(number + 1)])
    assert store.health()["sealed_days"] == 1
    store.close()
    assert [path.name for path in (tmp_path / "open").iterdir()] == ["000002_2026-11-23"]
    store = opened(tmp_path, clock)
    assert len(ids(store)) == number + 1
    store.close()


def test_a_day_that_failed_to_begin_is_in_nobody_s_way(tmp_path: Path) -> None:
    """Its folder is there: the same day uses it, a later one takes another number, and a start opens both."""
    clock, files = [float(NOON)], FullDisk()
    files.refuses = ("open_to_lock",)
    store = opened(tmp_path, clock, files)
    store.append([bins(1)])
    clock[0] += DAY_S
    files.full = True
    store.append([bins(2)])
    assert {path.name for path in (tmp_path / "open").iterdir()} == {"000001_2026-11-22", "000002_2026-11-23"}
    clock[0] += DAY_S
    files.full = False
    store.append([bins(3)])
    store.close()
    for _ in range(2):
        store = opened(tmp_path, clock)
        assert ids(store) == [f"r01:1:{n}" for n in (1, 2, 3)] and not store.health()["warnings"]
        store.close()


def test_a_start_on_a_full_disk_gives_the_reserve_up(tmp_path: Path) -> None:
    """A torn end that cannot be set aside keeps nobody out while there is a reserve; without one the start says why."""
    clock, files = [float(NOON)], FullDisk()
    store = opened(tmp_path, clock, files)
    store.append([bins(1)])
    store.append([bins(2)])
    store.close()
    (segment,) = (tmp_path / "open").glob("*/*.jsonl")
    torn = segment.read_bytes()[:-5]
    segment.write_bytes(torn)
    files.full = True
    store = opened(tmp_path, clock, files)
    assert "reserve was given up for the start" in store.health()["warnings"][0]
    assert store.append([bins(2)], urgent=True).stored == 1 and ids(store) == ["r01:1:1", "r01:1:2"]
    store.close()
    segment.write_bytes(torn)
    (tmp_path / "reserve").unlink(missing_ok=True)
    files.full = True
    with pytest.raises((Unavailable, Full), match="No space left"):
        opened(tmp_path, clock, files)
    files.full = False
    opened(tmp_path, clock, files).close()


# --- sealing ------------------------------------------------------------------------------------------------


def test_a_day_of_sums_beyond_64_bits_is_sealed(tmp_path: Path) -> None:
    """What a device says may be absurd; the day's sums are right, sealed or not."""
    clock = [float(NOON)]
    store = opened(tmp_path, clock)
    store.append([bins(number, count=(1 << 53) - 1) for number in range(1, 2050)])
    before = store.totals("bins", "2026-11-22", "2026-11-22", [])
    assert before[0]["count"] > 1 << 63
    clock[0] += DAY_S
    store.append([bins(5000)])
    store.close()
    assert all(finding.good for finding in fsck.check(tmp_path))
    store = opened(tmp_path, clock)
    assert store.health()["sealed_days"] == 1 and store.health()["warnings"] == []
    found = store.totals("bins", "2026-11-22", "2026-11-22", [])
    assert (found[0]["records"], found[0]["count"]) == (2050, before[0]["count"] + 1)
    store.close()


def test_a_day_of_three_hundred_kinds_is_sealed(tmp_path: Path) -> None:
    """Each record of it is found by its id."""
    clock = [float(NOON)]
    store = opened(tmp_path, clock)
    kinds = [f"k{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(300)]
    store.append([Record(f"x:{kind}", kind, "k", NOON, NOON, "xh", {}) for kind in kinds])
    clock[0] += DAY_S
    store.append([visit(1)])
    assert store.health()["sealed_days"] == 1
    assert [record and record.kind for record in (store.get(f"x:{kind}") for kind in kinds)] == kinds
    store.close()


@pytest.mark.parametrize("background", [False, True])
def test_a_day_that_cannot_be_sealed_stays_open_and_is_told_of(tmp_path: Path, monkeypatch, background: bool) -> None:
    """An error nobody expected ends neither the thread nor the next start in silence."""
    clock = [float(NOON)]

    def broken(*_: object) -> Path:
        raise TypeError("recursion limit reached")

    with monkeypatch.context() as patched:
        patched.setattr("broker.store.shelf.seal", broken)
        store = opened(tmp_path, clock, background=background)
        store.append([bins(1)])
        clock[0] += DAY_S
        store.append([bins(2)])
        store.close()
        assert "sealing 2026-11-22 failed" in store._shelf.events[-1]
        store = opened(tmp_path, clock, background=background)
        assert store.health()["unsealed_days"] == 1 and ids(store) == ["r01:1:1", "r01:1:2"]
        assert store.append([bins(1), bins(3)]).stored == 1
        store.close()
    store = opened(tmp_path, clock)
    assert store.health()["sealed_days"] == 1 and ids(store) == ["r01:1:1", "r01:1:2", "r01:1:3"]
    store.close()


def test_a_day_that_could_not_be_sealed_leaves_its_room_to_the_alarms(tmp_path: Path) -> None:
    """What was written of it goes again, and the journal has all of it."""
    clock, files = [float(NOON)], FullDisk()
    store = opened(tmp_path, clock, files)
    store.append([bins(1)])
    clock[0] += DAY_S
    really, files.refuses = files.sync_folder, ("write",)

    def full_from_sealing_on(path: Path) -> None:
        files.full = files.full or path.name == "records"
        really(path)

    files.sync_folder = full_from_sealing_on  # type: ignore[method-assign]
    store._shelf.roll_if_due()
    assert "sealing 2026-11-22 failed" in store.health()["warnings"][-1]
    assert list((tmp_path / "records").iterdir()) == [] and ids(store) == ["r01:1:1"]
    store.close()


# --- copies and strange names -------------------------------------------------------------------------------


def test_a_sealed_day_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """A copy beside the original would count each record twice: both paths are named."""
    clock = days(tmp_path, count=2)
    shutil.copytree(tmp_path / "records" / "2026-11-22", tmp_path / "records" / "2026-11-22.bak")
    with pytest.raises(Corrupt, match=r"records/2026-11-22 and .*records/2026-11-22\.bak are two days"):
        opened(tmp_path, clock)
    shutil.rmtree(tmp_path / "records" / "2026-11-22.bak")
    opened(tmp_path, clock).close()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("000001_2026-11-22.bak", "is no day of this store"),
        ("old_000001_2026-11-22", "is no day of this store"),
        ("000001_2026-11-23", "two days with one number"),
    ],
)
def test_a_copy_of_the_open_day_is_refused_by_name(tmp_path: Path, name: str, told: str) -> None:
    """Whatever somebody called it; nothing is changed, and without it the store opens."""
    clock = days(tmp_path, count=1)
    shutil.copytree(tmp_path / "open" / "000001_2026-11-22", tmp_path / "open" / name)
    with pytest.raises(Corrupt, match=told) as refused:
        opened(tmp_path, clock)
    assert name in str(refused.value)
    shutil.rmtree(tmp_path / "open" / name)
    store = opened(tmp_path, clock)
    assert ids(store) == ["r01:1:1"]
    store.close()


def test_what_an_interrupted_repair_left_is_in_the_way_only_if_it_is_all(tmp_path: Path) -> None:
    """Beside the journal it is ignored; alone it may be the day."""
    clock = days(tmp_path, count=1)
    journal = tmp_path / "open" / "000001_2026-11-22"
    shutil.copytree(journal, tmp_path / "open" / ".000001_2026-11-22.repairing")
    opened(tmp_path, clock).close()
    assert open_days(tmp_path / "open") == ([journal], [tmp_path / "open" / ".000001_2026-11-22.repairing"])
    shutil.rmtree(journal)
    with pytest.raises(Corrupt, match=r"repairing .*fsck"):
        opened(tmp_path, clock)


# --- reading sealed days ------------------------------------------------------------------------------------


def test_a_sealed_file_that_changes_after_it_was_read_is_refused(tmp_path: Path) -> None:
    """Each file, cut or with another letter, is proved again; put back, it is read."""
    clock = days(tmp_path, count=2)
    store = opened(tmp_path, clock)
    (day,) = store.sealed_days()
    for path in sorted(day.folder.glob("*.json")):
        data = day.read(path.name)
        for hurt in (data[: len(data) // 2], data.replace(b"1", b"2"), b""):
            path.write_bytes(hurt)
            with pytest.raises(Corrupt, match=path.name):
                day.read(path.name)
        path.write_bytes(data)
        assert day.read(path.name) == data
    assert ids(store) == ["r01:1:1", "r01:1:2"]
    store.close()


@pytest.mark.parametrize("hurt", [b"\x0b", b"\x0c", b"\x1c", b"\xc2\x85"])
def test_a_list_of_hashes_with_other_line_ends_is_refused(tmp_path: Path, hurt: bytes) -> None:
    """Only `\\n` ends a line, for sha256sum and for us."""
    clock = days(tmp_path, count=2)
    path = tmp_path / "records" / "2026-11-22" / "SHA256SUMS"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"\n", hurt, 1))
    with pytest.raises(Corrupt, match="2026-11-22"):
        opened(tmp_path, clock)
    path.write_bytes(whole[:-1])
    with pytest.raises(Corrupt, match="within a line"):
        opened(tmp_path, clock)


def test_a_sealed_record_is_found_while_late_ones_come(tmp_path: Path) -> None:
    """Who asks for what is sealed does not look at ids that the committing thread is halfway through changing."""
    clock = [float(NOON)]
    store = opened(tmp_path, clock)
    store.append([bins(1), bins(5), bins(9)])
    clock[0] += DAY_S
    store.append([visit(1)])
    del store._shelf.seen.heads["r01:1"]._firsts[0]  # as when two ranges are being joined
    assert [store.get(f"r01:1:{number}") for number in (1, 5, 9)] == [bins(1), bins(5), bins(9)]
    assert store.get("r01:1:4") is None
    store.close()
