"""Faults for the record on files: failing calls, power cuts, kill -9. The tests run these short, `main` runs them long.

A drill appends batches, notes which ones the store acknowledged, meets the fault, opens the folder again on healthy
files and checks: every acknowledged batch is there once, every other batch is there whole or not at all.
"""

import errno
import logging
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path

from broker.store import Record, Store, StoreError
from broker.store.sqlite.check import Finding
from broker.store.sqlite.check import check as look_over
from broker.store.sqlite.files import Files
from broker.store.sqlite.store import SQLiteStore
from tests.support.record import sqlite_faults
from tests.support.record.disk import Disk
from tests.support.record.samples import NOON, ZONE

BATCH = 5


def batch(number: int, at: int = NOON) -> list[Record]:
    """Batch number `number`: five kinds together, so that half a batch would show."""
    late = at + number
    return [
        Record(f"r01:1:{number}", "bins", "r01", late, at, "xh", {"device": "r01", "bins": []}),
        Record(f"t01:1:{2 * number}", "fix", "t01", late, at, "xh", {"device": "t01", "lat": 31.2}),
        Record(f"t01:1:{2 * number + 1}", "fix", "t01", late, at, "xh", {"device": "t01", "lat": 31.3}),
        Record(f"visit:k:{number}:x", "visit", f"k{number % 3}", late, at, "xh", {"state": "due", "n": number}),
        Record(f"workflow:{number}", "workflow", "w", late, at, "xh", {"stage": "raised"}),
    ]


def open_store(folder: Path, now: Callable[[], float], files: Files | None = None) -> SQLiteStore:
    """A store for drills: no limit on free space, past days written in place so that a fault meets them too."""
    return SQLiteStore(folder, "xh", ZONE, now, files=files, min_free_bytes=0, export_in_background=False)


def counted(store: Store) -> dict[int, int]:
    """How many records of each batch a store has."""
    counts: dict[int, int] = {}
    seen: set[str] = set()
    for kind in ("bins", "fix", "visit", "workflow"):
        for record in store.scan(kind):
            assert record.id not in seen, f"{record.id} is stored twice"
            seen.add(record.id)
            if len(seen) % 50 == 1:
                assert store.get(record.id) == record, f"{record.id} is scanned but cannot be got"
            number = next(int(part) for part in reversed(record.id.split(":")) if part.isdigit())
            number = number // 2 if record.id.startswith("t01") else number
            counts[number] = counts.get(number, 0) + 1
    return counts


def stored_batches(folder: Path, now: Callable[[], float]) -> dict[int, int]:
    """The same of a fresh opening; raises StoreError if the folder does not open."""
    with closing(open_store(folder, now)) as store:
        counts = counted(store)
        assert store.damage == []
        return counts


def together(store: SQLiteStore, *appends: tuple[list[Record], bool]) -> list[int | Exception | None]:
    """Have batches share one commit; of each how many records were stored, or why they were not."""
    with ThreadPoolExecutor(len(appends)) as pool:
        with store._commit_lock:  # whoever waits shares the next commit
            waiting = [pool.submit(store.append, records, urgent=urgent) for records, urgent in appends]
            deadline = time.monotonic() + 10
            while len(store._waiting) < len(appends) and time.monotonic() < deadline:  # who waits is seen nowhere else
                time.sleep(0.002)
        return [one.exception(10) or one.result().stored for one in waiting]  # type: ignore[misc]


def findings(folder: Path, **options: object) -> list[Finding]:
    """What a look over a folder finds, without the good."""
    return [finding for finding in look_over(folder, **options) if not finding.good]  # type: ignore[arg-type]


def check(acknowledged: Sequence[int], counts: dict[int, int], where: str) -> None:
    """Nothing acknowledged is missing, and no batch is there by halves."""
    missing = [number for number in acknowledged if number not in counts]
    halves = {number: count for number, count in counts.items() if count != BATCH}
    assert not missing, f"{where}: acknowledged batches {missing} are lost"
    assert not halves, f"{where}: batches by halves: {halves}"


Scenario = Callable[[Path, list[float], Disk, list[int]], None]  # folder, clock, disk, the batches acknowledged


def work(folder: Path, clock: list[float], disk: Disk, acknowledged: list[int]) -> None:
    """Batches come, days pass, somebody reads while the log is copied, the bridge is started anew."""
    store: SQLiteStore | None = None
    for step in range(1, 9):
        clock[0] += 43_200.0 if step in (3, 6) else 1.0
        for attempt in range(2):
            try:
                store = store or open_store(folder, lambda: clock[0], disk)
                # A reader stops the copying of the log in the middle.
                with _read(store) if step % 3 == 1 and not attempt else nullcontext():
                    store.append(batch(step), urgent=step % 2 == 0)
                    acknowledged.append(step)
                    store.database.copy_log()  # as the bridge does it in a thread when the log is long
                break
            except StoreError:
                disk.healed = disk.healed or step == 5
        if store is not None and (step == 6 or store.database.log_stays):  # which asks for a new start
            store.close()
            store = None
    if store is not None:
        store.close()


def repair_of(damaged: Path) -> Scenario:
    """A record that was damaged is repaired, also a second time if the first one failed."""

    def repaired(folder: Path, clock: list[float], disk: Disk, acknowledged: list[int]) -> None:
        clock[0] += 10 * 86_400.0
        shutil.copytree(damaged, folder)
        disk.adopt(folder)
        acknowledged += range(1, 61)
        with suppress(StoreError, OSError):
            list(look_over(folder, repair=True, files=disk))
        disk.healed = True
        list(look_over(folder, repair=True, files=disk))

    return repaired


@contextmanager
def _read(store: SQLiteStore) -> Iterator[None]:
    """Somebody reads what is there now, and goes on reading that."""
    with store.database.reading() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT max(row) FROM record").fetchall()
        try:
            yield
        finally:
            connection.execute("COMMIT")


def failing_calls(code: int, *, lasting: bool, every: int = 1, scenario: Scenario = work) -> Iterator[int]:
    """Let each call to the disk fail in turn; yields the call's number."""
    number = 1
    while True:
        folder = Path(tempfile.mkdtemp(prefix="zp-fail-"))
        try:
            disk, clock, acknowledged = Disk(number, code, lasting), [float(NOON)], list[int]()
            with sqlite_faults.watched(disk):
                scenario(folder / "s", clock, disk, acknowledged)
            assert len(acknowledged) >= 3, f"call {number}: the store never came back"
            where = f"call {number} failing with {errno.errorcode[code]}"
            check(acknowledged, stored_batches(folder / "s", lambda clock=clock: clock[0]), where)  # type: ignore[misc]
            if disk.calls < number:
                return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        yield number
        number += every


def power_cuts(
    seed: int, images_per_call: int = 2, every: int = 1, sync_fails: float = 0.0, scenario: Scenario = work,
    after: Callable[[Path], object] = lambda _: None,
) -> int:  # fmt: skip
    """Cut the power at every single call to the disk, several outcomes each; returns how many were checked.

    With `sync_fails` some of SQLite's syncs fail before, of the log and of the file. `after` is done to an image first.
    """
    chance, root, clock = random.Random(seed), Path(tempfile.mkdtemp(prefix="zp-cut-")), [float(NOON)]
    folder, pictures = root / "store", list[tuple[Path, list[int]]]()
    disk, acknowledged = Disk(), list[int]()

    def cut() -> None:
        if disk.calls % every == 0 and folder.exists():
            for number in range(images_per_call):
                pictures.append((root / f"image{disk.calls}.{number}" / "store", list(acknowledged)))
                disk.image(root, pictures[-1][0].parent, chance)
        disk.failing_sync = f"record.sqlite{chance.choice(['', '-wal'])}" if chance.random() < sync_fails else ""

    try:
        disk.on_call = cut
        with sqlite_faults.watched(disk):
            scenario(folder, clock, disk, acknowledged)
        cut()
        for place, promised in pictures:
            place.mkdir(parents=True, exist_ok=True)
            after(place)
            check(promised, stored_batches(place, lambda: clock[0]), f"seed {seed}, power cut: {place.parent.name}")
        check(acknowledged, stored_batches(folder, lambda: clock[0]), f"seed {seed}, no cut")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return len(pictures)


_WRITER = """
from broker.store.postgres import PostgresStore
from tests.support.record.store_faults import *
what, place, first, start = sys.argv[1], sys.argv[2], int(sys.argv[3]), time.monotonic()
now = lambda: NOON + (first / 1000 + time.monotonic() - start) * 86400.0
store = PostgresStore(place, "killed", ZONE, now) if what == "postgres" else open_store(Path(place), now)
print("open", flush=True)
for number in range(first, 1 << 30):
    store.append(batch(number))
    print(number, flush=True)
"""


def killed_writer(what: str, place: str, acknowledged: list[int], after_s: float) -> None:
    """kill -9 a process that writes batch after batch (days fly by), and note which it said were stored."""
    # The numbers go on after whatever is stored, acknowledged or not, and the clock with them.
    argv = [sys.executable, "-c", _WRITER, what, place, str(max(acknowledged, default=0) + 2)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n", "the writer did not open the store"
        time.sleep(after_s)
    finally:
        process.send_signal(signal.SIGKILL)
        rest = process.communicate(timeout=20)[0]
    acknowledged += [int(line) for line in rest.split("\n")[:-1] if line.isdigit()]


def kills(rounds: int, seed: int, longest_s: float = 0.4) -> tuple[int, int]:
    """kill -9 a writing process at random moments, again and again on one folder; returns (kills, batches)."""
    chance, acknowledged = random.Random(seed), list[int]()
    with tempfile.TemporaryDirectory(prefix="zp-kill-") as folder:
        for _ in range(rounds):
            killed_writer("sqlite", folder, acknowledged, chance.random() * longest_s)
            check(acknowledged, stored_batches(Path(folder), lambda: float(NOON + 86_400 * 10_000)), "kill -9")
    return rounds, len(acknowledged)


def main() -> None:
    """The long versions; prints one line each and raises AssertionError on the first loss."""
    logging.getLogger("zhanpai.store").setLevel(logging.CRITICAL)  # thousands of faults are meant and told of
    done = [kills(20, seed) for seed in range(10)]
    count, batches = sum(one for one, _ in done), sum(stored for _, stored in done)
    print(f"kill -9: {count} kills, {batches} batches acknowledged, 0 lost, none by halves, none twice", flush=True)
    for code in (errno.ENOSPC, errno.EIO):
        for lasting in (False, True):
            calls = sum(1 for _ in failing_calls(code, lasting=lasting))
            print(f"every call failing, {errno.errorcode[code]}, {'lasting' if lasting else 'once'}: "
                  f"{calls} calls, 0 acknowledged batches lost", flush=True)  # fmt: skip
    for sync_fails, seeds in ((0.0, 6), (0.2, 20)):
        checked = sum(power_cuts(seed, 1 if sync_fails else 3, sync_fails=sync_fails) for seed in range(seeds))
        print(f"power cut after every call, {sync_fails:.0%} of the syncs failing: {checked} disk images, "
              "0 acknowledged batches lost", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
