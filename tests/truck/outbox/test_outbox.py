"""The outbox: nothing entrusted to it is lost by kill, power cut, full or damaged disk; and it stays small."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.truck.events import Report
from firmware.truck.outbox.boot_counter import read_boot, write_boot
from firmware.truck.outbox.file import opened, refused_by_disk, wrong_with
from firmware.truck.outbox.outbox import PENDING_MAX, Outbox


def position(boot: int, seq: int, kept_s: float = 0.0) -> Report:
    body = {"boot": boot, "seq": seq, "lat": 31.2, "lon": 121.4, "fix_at": 1795374261 + seq, "late": False}
    return Report(boot, seq, "fix", "", body, kept_s)


def incident(boot: int, seq: int, name: str = "", withdrawn: bool = False) -> Report:
    name = name or f"t01-{boot}-{seq}"
    body = {"boot": boot, "seq": seq, "incident_id": name, "reason": "lane_blocked", "pressed_at": None}
    return Report(
        boot, seq, "incident", name, body | {"lat": None, "lon": None, "fix_at": None, "withdrawn": withdrawn}, 0.0
    )


def ack(boot: int, upto: int, *also: list[int]) -> list[dict]:
    return [{"boot": boot, "upto": upto, "also": list(also)}]


def limit_file(outbox: Outbox, pages: int | None = None) -> None:
    """The file may grow to so many pages; None: not at all, as on a full disk."""
    # SQLite's limit is its connection's own, so nobody else can set it.
    db = outbox._disk._db
    if pages is None:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")


def keys(reports: list[Report]) -> list[tuple[int, int]]:
    return [(report.boot, report.seq) for report in reports]


def test_incident_is_on_disk_when_keep_returns(tmp_path):
    """Another process sees the incident in the file at once, and every position that waited before it."""
    outbox = Outbox(tmp_path / "o.db")
    outbox.keep(position(1, 1), 0.0)
    outbox.keep(incident(1, 2), 0.1)
    other = sqlite3.connect(tmp_path / "o.db")
    assert other.execute("SELECT COUNT(*) FROM incident_record").fetchone() == (1,)
    assert other.execute("SELECT COUNT(*) FROM position").fetchone() == (1,)


def test_incident_is_written_with_full_sync(tmp_path):
    """The transaction of an incident runs with synchronous=FULL, that of positions with NORMAL."""
    outbox = Outbox(tmp_path / "o.db")
    said: list[str] = []
    outbox._disk._db.set_trace_callback(said.append)  # SQLite tells only its own connection what was said
    outbox.keep(incident(1, 1), 0.0)
    assert said.index("PRAGMA synchronous = FULL") < next(i for i, s in enumerate(said) if "incident_record" in s)
    said.clear()
    outbox.keep(position(1, 2), 0.0)
    outbox.flush()
    assert "PRAGMA synchronous = NORMAL" in said
    assert "PRAGMA synchronous = FULL" not in said


def test_position_waits_and_is_written_after_the_batch_time(tmp_path):
    """A position is on the disk after batch_s, not before; and one acknowledged sooner never is."""
    outbox = Outbox(tmp_path / "o.db", batch_s=5.0)
    outbox.keep(position(1, 1), 10.0)
    assert outbox.flush_at_s == 15.0
    outbox.settle(ack(1, 1))
    assert outbox.flush_at_s is None
    outbox.keep(position(1, 2), 20.0)
    outbox.flush_if_due(24.9)
    outbox.close(flush=False)
    outbox = Outbox(tmp_path / "o.db")
    assert outbox.waiting() == 0
    outbox.keep(position(2, 1), 20.0)
    outbox.flush_if_due(25.0)
    outbox.close(flush=False)
    assert keys(Outbox(tmp_path / "o.db").backlog(9)) == [(2, 1)]


def test_only_the_ack_deletes(tmp_path):
    """Records of every boot stay over restarts until `upto` or a range of their own boot covers them."""
    outbox = Outbox(tmp_path / "o.db")
    for seq in range(1, 8):
        outbox.keep(position(1, seq), 0.0)
    outbox.close()
    outbox = Outbox(tmp_path / "o.db")
    outbox.keep(position(2, 1), 0.0)
    outbox.settle(ack(2, 0) + ack(1, 2, [4, 5]) + ack(3, 99))
    assert keys(outbox.backlog(99)) == [(1, 3), (1, 6), (1, 7), (2, 1)]
    assert outbox.newest_position().boot == 2


def test_body_comes_back_as_it_was(tmp_path):
    """What is read after a restart is what was kept."""
    outbox = Outbox(tmp_path / "o.db")
    outbox.keep(incident(1, 1), 0.0)
    outbox.keep(position(1, 2, 3.5), 0.0)
    outbox.close()
    again = Outbox(tmp_path / "o.db")
    assert again.incidents() == [incident(1, 1)]
    assert again.backlog(9) == [position(1, 2, 3.5)]


def test_open_incident_comes_back_with_stage_and_news(tmp_path):
    """After a restart an incident has its last stage, its last words, and whether they are still unheard."""
    outbox = Outbox(tmp_path / "o.db")
    outbox.keep(incident(1, 1), 0.0)
    assert outbox.open_incidents()[0].unheard == (1, 1)
    outbox.settle(ack(1, 1))
    outbox.stage("t01-1-1", "seen", None)
    outbox.close()
    outbox = Outbox(tmp_path / "o.db")
    (found,) = outbox.open_incidents()
    assert (found.stage, found.unheard, found.withdrawn) == ("seen", None, False)
    outbox.keep(incident(2, 5, "t01-1-1", withdrawn=True), 0.0)
    (found,) = outbox.open_incidents()
    assert (found.stage, found.unheard, found.withdrawn) == ("seen", (2, 5), True)
    assert not outbox.is_latest(incident(1, 1))
    assert outbox.is_latest(incident(2, 5, "t01-1-1"))
    outbox.stage("t01-1-1", "closed", None)
    assert outbox.open_incidents() == ()
    assert keys(outbox.incidents()) == [(2, 5)]


def test_boot_counts_every_start_even_without_its_file(tmp_path):
    """Each start has a new number, whether the counter file or the database was lost."""
    path = tmp_path / "o.db"
    boots = [Outbox(path).boot for _ in range(3)]
    (tmp_path / "o.boot").unlink()
    boots.append(Outbox(path).boot)
    for name in ("o.db", "o.db-wal", "o.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    boots.append(Outbox(path).boot)
    (tmp_path / "o.boot").write_text("rubbish")
    boots.append(Outbox(path).boot)
    assert boots == [1, 2, 3, 4, 5, 6]


def test_first_boot_counts_only_where_there_is_no_count(tmp_path):
    """A new card begins at the number it is given; every later start counts on from there."""
    boots = [Outbox(tmp_path / "o.db", first_boot=first).boot for first in (7001, 1, 9001)]
    assert boots == [7001, 7002, 7003]


def test_boot_file_is_whole_or_old(tmp_path):
    """The counter file is replaced, never written in place; a missing one counts as 0."""
    assert read_boot(tmp_path / "b") == 0
    write_boot(tmp_path / "b", 41)
    assert read_boot(tmp_path / "b") == 41
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("damage", ["garbage", "torn", "empty_pages", "one_page"])
def test_damaged_file_is_moved_aside_and_named(tmp_path, damage):
    """A damaged file is kept under a new name, a new one is begun, and the boot counter goes on."""
    path = tmp_path / "o.db"
    outbox = Outbox(path)
    for seq in range(1, 400):
        outbox.keep(position(1, seq), 0.0)
    outbox.close()
    whole = path.read_bytes()
    broken = {
        "garbage": random.Random(3).randbytes(5000),
        "torn": whole[: len(whole) // 2 - 100],
        "empty_pages": whole[:4096] + bytes(len(whole) - 4096),
        "one_page": whole[:-8192] + random.Random(4).randbytes(4096) + whole[-4096:],
    }[damage]
    path.write_bytes(broken)
    again = Outbox(path)
    assert again.damaged is not None
    assert again.damaged.name == "o.db.damaged-2"
    assert again.damaged.read_bytes() == broken
    assert again.boot == 2
    again.keep(incident(2, 1), 0.0)
    assert keys(again.incidents()) == [(2, 1)]
    again.close()


@pytest.mark.parametrize("content", [b"", None, "blank"])
def test_an_emptied_outbox_is_named_and_never_begun_in_silence(tmp_path, content):
    """0 bytes, gone, or a database without anything, after an alarm was kept: aside, said, and presses are kept."""
    path = tmp_path / "o.db"
    outbox = Outbox(path)
    outbox.keep(incident(1, 1), 0.0)
    outbox.close()
    assert wrong_with(path) is None
    path.unlink()
    if content == "blank":
        with closing(sqlite3.connect(path)) as file:
            file.execute("VACUUM")
    elif content is not None:
        path.write_bytes(content)
    assert str(path) in str(wrong_with(path))
    again = Outbox(path)
    assert again.damaged is not None and again.damaged.name == "o.db.damaged-2"
    assert again.damaged.exists() is (content is not None) and again.counts["damaged"] == 1
    again.keep(incident(2, 1), 0.0)
    assert again.boot == 2 and keys(again.incidents()) == [(2, 1)] and wrong_with(path) is None
    again.close()


@pytest.mark.parametrize("lost", ["newer file", "log"])
def test_an_outbox_of_before_is_named_and_set_aside(tmp_path, lost):
    """An older copy was put back, or a kill's log was lost: the presses that are missing do not go without a word."""
    path, killed = tmp_path / "o.db", tmp_path / "killed"
    Outbox(path).close()
    killed.mkdir()
    older = path.read_bytes()
    outbox = Outbox(path)
    outbox.keep(incident(2, 1), 0.0)
    for name in ("o.db", "o.db-wal", "o.boot"):
        (killed / name).write_bytes((tmp_path / name).read_bytes())
    outbox.close()
    copy = killed / "o.db"
    (killed / "o.db-wal").unlink()
    if lost == "newer file":
        copy.write_bytes(older)
    before = copy.read_bytes()
    assert f"{copy} is not what it was after 2 starts: its last start is 1 of 2" in str(wrong_with(copy))
    again = Outbox(copy)
    assert again.damaged == killed / "o.db.damaged-3" and again.damaged.read_bytes() == before
    assert again.counts["damaged"] == 1 and again.boot == 3
    again.close()
    assert wrong_with(copy) is None and wrong_with(path) is None


@pytest.mark.parametrize("press", [True, False])
@pytest.mark.parametrize("starts_before", [0, 2])
def test_a_start_that_the_full_disk_did_not_count_costs_no_outbox(tmp_path, monkeypatch, press, starts_before):
    """Refused for a moment at the start: what is kept afterwards is there at the next one, and nothing is set aside."""
    path = tmp_path / "o.db"
    for _ in range(starts_before):
        Outbox(path).close()
    boot = starts_before + 1

    def refused(path: Path) -> sqlite3.Connection:
        db = opened(path)
        db.execute("PRAGMA query_only = ON")
        return db

    with monkeypatch.context() as full:
        full.setattr("firmware.truck.outbox.disk.opened", refused)
        outbox = Outbox(path)
    assert outbox.fault is not None and outbox.boot == boot == read_boot(path.with_suffix(".boot"))
    outbox._disk._db.execute("PRAGMA query_only = OFF")  # there is room again
    if press:
        outbox.keep(incident(boot, 1), 0.0)
        assert outbox.fault is None
        outbox.settle(ack(boot, 1))
        outbox.stage(f"t01-{boot}-1", "closed", None)
        outbox.keep(incident(boot, 2), 0.0)
    outbox.close()
    assert wrong_with(path) is None
    again = Outbox(path)
    assert again.damaged is None and again.boot == boot + 1
    assert keys(again.incidents()) == ([(boot, 2)] if press else [])
    again.close()
    assert wrong_with(path) is None


def test_a_press_alone_says_that_an_outbox_was_in_use(tmp_path):
    """An earlier version counted the start beside the file only: the file has its alarm, and that counts."""
    outbox = Outbox(tmp_path / "o.db")
    outbox.keep(incident(1, 1), 0.0)
    outbox.close()
    with closing(sqlite3.connect(tmp_path / "o.db")) as file:
        file.execute("DELETE FROM boot")
        file.commit()
    assert wrong_with(tmp_path / "o.db") is None
    assert keys(Outbox(tmp_path / "o.db").incidents()) == [(1, 1)]


def test_file_damaged_while_running_loses_nothing_that_comes_after(tmp_path):
    """If the file goes bad under a running agent it is moved aside and the next press is durable in a new one."""
    path = tmp_path / "o.db"
    outbox = Outbox(path)
    for seq in range(1, 2000):
        outbox.keep(position(1, seq), 0.0)
    outbox.flush()
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(100)
        file.write(b"\xa5" * (size - 100))
    outbox._disk._db.execute("PRAGMA shrink_memory")  # what this connection still has of the pages is forgotten
    outbox.keep(incident(1, 2000), 0.0)
    outbox.flush()
    outbox.close()
    assert keys(Outbox(path).incidents()) == [(1, 2000)]


def test_disk_that_dies_while_running_is_survived(tmp_path, monkeypatch):
    """If not even a new file can be begun, reports are held and offered for sending, and the fault stays shown."""
    outbox = Outbox(tmp_path / "o.db")
    outbox.keep(position(1, 1), 0.0)

    def dead(*_: object) -> None:
        raise OSError("input/output error")

    monkeypatch.setattr("firmware.truck.outbox.disk.moved_aside", dead)
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    outbox._disk._faulty(error)  # as a read or a write of it would; no damage in the file makes the next file fail too
    outbox.keep(incident(1, 2), 0.0)
    assert keys(outbox.incidents()) == [(1, 2)]
    assert keys(outbox.backlog(9)) == [(1, 1)]
    assert outbox.fault is not None


def test_full_disk_keeps_in_memory_and_recovers(tmp_path):
    """While the disk refuses, reports are still offered for sending; when it takes again they are written."""
    path = tmp_path / "o.db"
    outbox = Outbox(path)
    limit_file(outbox)
    for seq in range(1, 200):
        outbox.keep(position(1, seq), 0.0)
    outbox.keep(incident(1, 200), 0.0)
    assert outbox.fault is not None
    assert "check the card" in outbox.fault
    assert keys(outbox.incidents()) == [(1, 200)]
    assert len(outbox.backlog(500)) == 199
    limit_file(outbox, 100_000)
    outbox.flush_if_due(100.0)
    assert outbox.fault is None
    outbox.close(flush=False)
    assert keys(Outbox(path).incidents()) == [(1, 200)]


def test_memory_is_bounded_while_the_disk_refuses(tmp_path):
    """A disk that refuses for days costs old positions, counted, and never an incident."""
    outbox = Outbox(tmp_path / "o.db")
    limit_file(outbox)
    outbox.keep(incident(1, 1), 0.0)
    for seq in range(2, PENDING_MAX + 500):
        outbox.keep(position(1, seq), 0.0)
    assert len(outbox.backlog(2 * PENDING_MAX)) <= PENDING_MAX
    assert outbox.counts["positions_dropped"] > 0
    assert keys(outbox.incidents()) == [(1, 1)]


def test_size_is_bounded_by_thinning_then_dropping(tmp_path):
    """Above its limit old positions become one per minute, then the oldest go; incidents stay; the newest stay."""
    limit = 150_000
    outbox = Outbox(tmp_path / "o.db", limit_bytes=limit)
    seq = 0
    for hour in range(15):
        for second in range(0, 3600, 10):
            seq += 1
            outbox.keep(position(1, seq, hour * 3600.0 + second), 0.0)
        seq += 1
        outbox.keep(incident(1, seq), 0.0)
        assert outbox.size_bytes() <= limit
    assert len(outbox.incidents()) == 15
    assert outbox.counts["positions_thinned"] > 0
    assert outbox.newest_position().seq == seq - 1
    minutes = [int(r.kept_s // 60) for r in outbox.backlog(100)]
    assert len(minutes) == len(set(minutes))
    outbox.close()
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < limit + 2_000_000


CHILD = """
import sys, time
from contextlib import closing
from pathlib import Path
from firmware.truck.events import Report
from firmware.truck.outbox.outbox import Outbox

outbox = Outbox(Path(sys.argv[1]), batch_s=0.02)
print("boot", outbox.boot, flush=True)
for seq in range(1, 100000):
    if seq % 5 == 0:
        name = f"t01-{outbox.boot}-{seq}"
        body = {"boot": outbox.boot, "seq": seq, "incident_id": name, "reason": "lane_blocked", "pressed_at": None,
                "lat": None, "lon": None, "fix_at": None, "withdrawn": False}
        outbox.keep(Report(outbox.boot, seq, "incident", name, body, 0.0), time.monotonic())
        print("kept", outbox.boot, seq, flush=True)
    else:
        outbox.keep(Report(outbox.boot, seq, "fix", "", {"boot": outbox.boot, "seq": seq}, 0.0), time.monotonic())
        outbox.flush_if_due(time.monotonic())
    if seq % 50 == 0:
        outbox.settle([{"boot": outbox.boot, "upto": 0, "also": [[seq - 10, seq - 9]]}])
"""


@pytest.mark.real
def test_kill_at_random_moments_loses_no_press(tmp_path):
    """A writer killed with SIGKILL at ten random moments: every incident it reported as kept is there, once."""
    dice = random.Random(11)
    path = tmp_path / "o.db"
    told: set[tuple[int, int]] = set()
    settled: set[tuple[int, int]] = set()
    for _ in range(10):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        assert child.stdout.readline().startswith("boot")
        time.sleep(dice.uniform(0.0, 0.15))
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().splitlines()
        child.wait(5)
        told |= {
            (int(line.split()[1]), int(line.split()[2]))
            for line in lines
            if line.count(" ") == 2 and line[-1].isdigit()
        }
    settled = {(boot, seq) for boot, seq in told if seq % 50 == 40}
    outbox = Outbox(path)
    assert outbox.damaged is None
    assert outbox.boot == 11
    found = keys(outbox.incidents())
    assert len(told) > 50
    assert told - settled <= set(found)
    assert len(found) == len(set(found))
    # At most the one being kept in each life's last moment is there without having been told.
    assert len(set(found) - told) <= 10


def test_cut_at_any_byte_of_the_log_loses_no_synced_press(tmp_path):
    """Power cuts between two presses: whatever the log's unsynced tail looks like, the synced press is there."""
    path = tmp_path / "o.db"
    outbox = Outbox(path)
    outbox.keep(incident(1, 1), 0.0)
    synced = (tmp_path / "o.db-wal").stat().st_size
    for seq in range(2, 12):
        outbox.keep(position(1, seq), 0.0)
        outbox.flush()
    main, log = path.read_bytes(), (tmp_path / "o.db-wal").read_bytes()
    outbox.close(flush=False)
    dice = random.Random(5)
    for case in range(60):
        folder = tmp_path / f"cut{case}"
        folder.mkdir()
        cut = dice.randrange(synced, len(log) + 1)
        tail = bytes(len(log) - cut) if case % 2 else b""
        (folder / "o.db").write_bytes(main)
        (folder / "o.db-wal").write_bytes(log[:cut] + tail)
        again = Outbox(folder / "o.db")
        assert again.damaged is None
        assert keys(again.incidents()) == [(1, 1)]
        positions = keys(again.backlog(99))
        assert positions == [(1, seq) for seq in range(2, 2 + len(positions))]
        again.close()


class OutboxMachine(RuleBasedStateMachine):
    """The outbox against a plain model, with restarts and power cuts anywhere."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "o.db"
        self.outbox = Outbox(self.path)
        self.seq = 0
        self.now_s = 0.0
        self.durable: set[tuple[int, int]] = set()  # must be there
        self.waiting: set[tuple[int, int]] = set()  # may be lost by a power cut
        self.presses: set[tuple[int, int]] = set()

    @rule()
    def keep_position(self):
        self.seq += 1
        self.outbox.keep(position(self.outbox.boot, self.seq, self.now_s), self.now_s)
        self.waiting.add((self.outbox.boot, self.seq))

    @rule()
    def keep_incident(self):
        self.seq += 1
        self.outbox.keep(incident(self.outbox.boot, self.seq), self.now_s)
        self.presses.add((self.outbox.boot, self.seq))
        self.durable |= self.waiting | {(self.outbox.boot, self.seq)}
        self.waiting.clear()

    @rule(seconds=st.sampled_from([0.5, 3.0, 6.0]))
    def wait(self, seconds):
        self.now_s += seconds
        before = self.outbox.flush_at_s
        self.outbox.flush_if_due(self.now_s)
        if before is not None and before <= self.now_s:
            self.durable |= self.waiting
            self.waiting.clear()

    @rule(boots_ago=st.integers(0, 2), upto=st.integers(0, 30), first=st.integers(1, 60), length=st.integers(0, 5))
    def settle(self, boots_ago, upto, first, length):
        boot = max(1, self.outbox.boot - boots_ago)
        self.outbox.settle(ack(boot, upto, [first, first + length]))
        for held in (self.durable, self.waiting, self.presses):
            held -= {(b, s) for b, s in held if b == boot and (s <= upto or first <= s <= first + length)}

    @rule(cut=st.booleans())
    def restart(self, cut):
        boot = self.outbox.boot
        self.outbox.close(flush=not cut)
        if not cut:
            self.durable |= self.waiting
        self.waiting.clear()
        self.seq = 0
        self.outbox = Outbox(self.path)
        assert self.outbox.boot == boot + 1

    @invariant()
    def holds_exactly_what_it_must(self):
        """Everything kept and not settled, in order, and nothing else."""
        incidents, positions = keys(self.outbox.incidents()), keys(self.outbox.backlog(10_000))
        assert incidents == sorted(self.presses)
        assert positions == sorted((self.durable | self.waiting) - self.presses)
        assert self.outbox.waiting() == len(incidents) + len(positions)
        newest = self.outbox.newest_position()
        assert (newest is None) == (positions == [])
        assert newest is None or (newest.boot, newest.seq) == positions[-1]

    def teardown(self):
        self.outbox.close()
        self.folder.cleanup()


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)
TestOutboxMachine.__doc__ = "Against a plain model: after any order of keeping, settling, restarts and power cuts."


def test_unwritable_folder_is_said(tmp_path):
    """A folder that is a file is refused with an error that names the outbox."""
    (tmp_path / "f").write_text("")
    with pytest.raises(OSError, match="f"):
        Outbox(tmp_path / "f" / "o.db")


def test_records_are_json_in_the_file(tmp_path):
    """A technician can read the file with sqlite3 alone."""
    outbox = Outbox(tmp_path / "o.db")
    outbox.keep(incident(1, 1), 0.0)
    (text,) = sqlite3.connect(tmp_path / "o.db").execute("SELECT body FROM incident_record").fetchone()
    assert json.loads(text)["incident_id"] == "t01-1-1"


@pytest.mark.parametrize("number", [28, 30])
def test_a_card_that_takes_nothing_is_found_by_the_check(number, tmp_path, monkeypatch):
    """Full or read only: said before the truck leaves the yard; a folder that is not there yet will be made."""
    path = tmp_path / "outbox.db"
    assert refused_by_disk(path) is None and list(tmp_path.iterdir()) == []
    assert refused_by_disk(tmp_path / "later" / "outbox.db") is None

    def refuses(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuses)
    assert os.strerror(number) in str(refused_by_disk(path)) and "[outbox] path" in str(refused_by_disk(path))
