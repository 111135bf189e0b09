"""Faults for the record on files: failing calls, power cuts, kill -9. The tests run these short, `main` runs them long.

A drill appends batches, notes which ones the store acknowledged, meets the fault, opens the folder again on healthy
files and checks: every acknowledged batch is there once, every other batch is there whole or not at all.
"""

import errno
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from broker.store import Record, StoreError
from broker.store.sqlite.check import Finding
from broker.store.sqlite.check import check as look_over
from broker.store.sqlite.files import Files
from broker.store.sqlite.store import SQLiteStore
from tests.support.record import sqlite_faults
from tests.support.record.samples import NOON, ZONE
from tests.support.record.sqlite_faults import FULL, IOERR_FSYNC, IOERR_WRITE, OK

BATCH = 5
BLOCK_BYTES = 512


class FailingDisk(Files):
    """Counts the calls that change the disk, SQLite's and ours; number `at` fails, once or from then on."""

    def __init__(self, at: int, code: int, lasting: bool) -> None:
        self.calls, self.healed = 0, False
        self._at, self._code, self._lasting = at, code, lasting

    def fails(self) -> bool:
        """Whether this call is to fail."""
        self.calls += 1
        return not self.healed and (self.calls == self._at or (self._lasting and self.calls > self._at))

    def _sqlite(self, code: int) -> int:
        return (FULL if self._code == errno.ENOSPC and code != IOERR_FSYNC else code) if self.fails() else OK

    def _check(self) -> None:
        if self.fails():
            raise OSError(self._code, os.strerror(self._code))

    # SQLite's calls and those of Files have their own names, but for `write`.

    def write(self, path: Path, data: Iterable[bytes] | int, content: bytes | None = None) -> int:  # type: ignore[override]
        """A file of ours as a whole, or a part of one of SQLite's."""
        if isinstance(data, int):
            return self._sqlite(IOERR_WRITE)
        self._check()
        path.write_bytes(b"".join(data))
        return OK

    def sync(self, path: Path) -> int:
        """SQLite syncs."""
        return self._sqlite(IOERR_FSYNC)

    def truncate(self, path: Path, size: int) -> int:
        """SQLite cuts."""
        return self._sqlite(IOERR_WRITE)

    def delete(self, path: Path) -> int:
        """SQLite removes."""
        return self._sqlite(IOERR_WRITE)

    def overwrite(self, path: Path, data: bytes, *, sync: bool) -> None:
        self._check()
        super().overwrite(path, data, sync=False)

    def replace(self, source: Path, target: Path) -> None:
        self._check()
        source.replace(target)

    def remove(self, path: Path) -> None:
        self._check()
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        self._check()


class PowerCutDisk(Files):
    """Remembers what a disk has surely kept: contents as of their last sync, names as of their folder's last sync.

    `image(target, chance)` builds the folder as it may look after a power cut now: for each name and each block of a
    file that was not synced it is drawn whether it survived; a block the file never had on disk may be zeros.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._nodes: list[list[bytes]] = []  # content (synced, now) by node
        self._live: dict[Path, int] = {}  # the names as the running program sees them
        self._safe: dict[Path, int] = {}  # the names that survive
        self.calls = 0
        self.on_call: Callable[[], None] = lambda: None

    def _step(self) -> int:
        self.calls += 1
        self.on_call()
        return OK

    def _node(self, path: Path) -> list[bytes]:
        if path not in self._live:
            self._nodes.append([b"", b""])
            self._live[path] = len(self._nodes) - 1
        return self._nodes[self._live[path]]

    def write(self, path: Path, data: Iterable[bytes] | int, content: bytes | None = None) -> int:  # type: ignore[override]
        """A file of ours as a whole and synced, or a part of one of SQLite's, not synced."""
        if not isinstance(data, int):
            whole = b"".join(data)
            super().write(path, [whole])
            self._live.pop(path, None)
            self._node(path)[:] = [whole, whole]
        else:
            assert content is not None
            node = self._node(path)
            node[1] = node[1][:data].ljust(data, b"\0") + content + node[1][data + len(content) :]
        return self._step()

    def sync(self, path: Path) -> int:
        """SQLite's sync; the first one of a log makes its name safe too."""
        node = self._node(path)
        node[0] = node[1]
        if self._safe.get(path) != self._live[path] and path.name.endswith(("-wal", "-journal")):
            self._names_are_safe(path.parent)
        return self._step()

    def truncate(self, path: Path, size: int) -> int:
        """SQLite's cut."""
        node = self._node(path)
        node[1] = node[1][:size]
        return self._step()

    def delete(self, path: Path) -> int:
        """SQLite removes a log."""
        self._live.pop(path, None)
        return self._step()

    def overwrite(self, path: Path, data: bytes, *, sync: bool) -> None:
        super().overwrite(path, data, sync=False)
        node = self._node(path)
        node[1] = data + node[1][len(data) :]
        if sync:
            node[0] = node[1]
        self._step()

    def replace(self, source: Path, target: Path) -> None:
        inner = [path for path in self._live if source in (path, *path.parents)]
        source.replace(target)
        for path in inner:
            self._live[target / path.relative_to(source) if path != source else target] = self._live.pop(path)
        self._step()
        self.sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        super().remove(path)
        for inner in [inner for inner in self._live if path in (inner, *inner.parents)]:
            del self._live[inner]
        self._step()

    def sync_folder(self, path: Path) -> None:
        self._names_are_safe(path)
        self._step()

    def _names_are_safe(self, folder: Path) -> None:
        for name in {*self._live, *self._safe}:
            if folder in name.parents:  # what lies in a renamed folder goes with it
                if name in self._live:
                    self._safe[name] = self._live[name]
                else:
                    self._safe.pop(name, None)

    def image(self, target: Path, chance: random.Random) -> None:
        """Build one possible state of the disk after a power cut now."""
        for name in sorted({*self._live, *self._safe}):
            either = [names[name] for names in (self._live, self._safe) if name in names]
            if len(either) == 1 and chance.random() < 0.5:
                continue  # its name did not survive, or its removal did
            synced, now = self._nodes[chance.choice(either)]
            path = target / name.relative_to(self._root)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_some_blocks(synced, now, chance) if now != synced and chance.random() < 0.7 else synced)


class DroppingDisk(PowerCutDisk):
    """A disk whose failed sync drops what was written and not synced, as Linux does: it is read, and never written."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._parts: dict[Path, list[tuple[int, bytes | None]]] = {}
        self.safe: dict[Path, bytearray] = {}
        self.failing = ""  # the name of the file whose syncs fail

    def write(self, path: Path, data: Iterable[bytes] | int, content: bytes | None = None) -> int:  # type: ignore[override]
        """A file of ours, or a part of one of SQLite's."""
        if not isinstance(data, int):
            Files.write(self, path, data)
        else:
            self._parts.setdefault(path, []).append((data, content))
        return OK

    def sync(self, path: Path) -> int:
        """SQLite syncs: what was written since the last time, whether or not it succeeds, is not written again."""
        parts, kept = self._parts.pop(path, []), self.safe.setdefault(path, bytearray())
        if path.name == self.failing:
            return IOERR_FSYNC
        for start, content in parts:
            if content is None:
                del kept[start:]
            else:
                kept.extend(bytes(max(0, start - len(kept))))
                kept[start : start + len(content)] = content
        return OK

    def truncate(self, path: Path, size: int) -> int:
        """SQLite cuts."""
        self._parts.setdefault(path, []).append((size, None))
        return OK

    def delete(self, path: Path) -> int:
        """SQLite removes a log."""
        self._parts.pop(path, None)
        self.safe.pop(path, None)
        return OK

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)
        if source in self.safe:
            self.safe[target] = self.safe.pop(source)

    def remove(self, path: Path) -> None:
        Files.remove(self, path)

    def overwrite(self, path: Path, data: bytes, *, sync: bool) -> None:
        Files.overwrite(self, path, data, sync=False)

    def sync_folder(self, path: Path) -> None:
        pass

    def kept(self, folder: Path, target: Path) -> None:
        """The folder as it is after a power cut now."""
        target.mkdir()
        shutil.copy(folder / "record.note", target)
        for path, content in self.safe.items():
            (target / path.name).write_bytes(content)


def _some_blocks(synced: bytes, now: bytes, chance: random.Random) -> bytes:
    """A file of old or new length, each disk block of it old or new, or zeros where none was."""
    length = len(now) if chance.random() < 0.7 else len(synced)
    blocks = []
    for start in range(0, length, BLOCK_BYTES):
        source = now if chance.random() < 0.6 else synced
        end = min(start + BLOCK_BYTES, length)
        blocks.append(source[start:end].ljust(end - start, b"\0"))
    return b"".join(blocks)


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


def stored_batches(folder: Path, now: Callable[[], float]) -> dict[int, int]:
    """How many records of each batch a fresh opening finds; raises StoreError if the folder does not open."""
    store = open_store(folder, now)
    try:
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
        assert store.damage == []
        return counts
    finally:
        store.close()


def findings(folder: Path, **options: object) -> list[Finding]:
    """What a look over a folder finds, without the good."""
    return [finding for finding in look_over(folder, **options) if not finding.good]  # type: ignore[arg-type]


def check(acknowledged: Sequence[int], counts: dict[int, int], where: str) -> None:
    """Nothing acknowledged is missing, and no batch is there by halves."""
    missing = [number for number in acknowledged if number not in counts]
    halves = {number: count for number, count in counts.items() if count != BATCH}
    assert not missing, f"{where}: acknowledged batches {missing} are lost"
    assert not halves, f"{where}: batches by halves: {halves}"


def failing_calls(code: int, *, lasting: bool, every: int = 1) -> Iterator[int]:
    """Let each call to the disk fail in turn while batches come and days pass; yields the call's number."""
    number = 1
    while True:
        folder = Path(tempfile.mkdtemp(prefix="zp-fail-"))
        try:
            disk, clock = FailingDisk(number, code, lasting), [float(NOON)]
            with sqlite_faults.watched(disk):
                acknowledged = _work_through(folder / "s", clock, disk, number)
            where = f"call {number} failing with {errno.errorcode[code]}"
            check(acknowledged, stored_batches(folder / "s", lambda clock=clock: clock[0]), where)  # type: ignore[misc]
            if disk.calls < number:
                return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        yield number
        number += every


def _work_through(folder: Path, clock: list[float], disk: FailingDisk, number: int) -> list[int]:
    acknowledged: list[int] = []
    store: SQLiteStore | None = None
    for step in range(1, 9):
        clock[0] += 43_200.0 if step in (3, 6) else 1.0
        for _attempt in range(2):
            try:
                store = store or open_store(folder, lambda: clock[0], disk)
                # In some steps somebody reads while the log is copied, which stops that in the middle.
                with _read(store) if step % 3 == 1 and _attempt == 0 else nullcontext():
                    store.append(batch(step), urgent=step % 2 == 0)
                    acknowledged.append(step)
                    store.database.copying.copy()  # as the bridge does it in a thread when the log is long
                break
            except StoreError:
                if store is not None and store.database.copying.must_stay:
                    store.close()  # it asks for a new start
                    store = None
                disk.healed = disk.healed or step == 5
    if store is not None:
        store.close()
    assert len(acknowledged) >= 3, f"call {number}: the store never came back"
    return acknowledged


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


def power_cuts(seed: int, images_per_call: int = 2, every: int = 1) -> int:
    """Cut the power after every single call to the disk, several outcomes each; returns how many were checked."""
    chance = random.Random(seed)
    root = Path(tempfile.mkdtemp(prefix="zp-cut-"))
    folder, target = root / "store", root / "image"
    clock = [float(NOON)]
    disk, acknowledged, pictures = PowerCutDisk(root), list[int](), list[tuple[int, list[int], int]]()

    def cut() -> None:
        if disk.calls % every == 0 and folder.exists():
            for number in range(images_per_call):
                disk.image(target / f"{disk.calls}.{number}", chance)
                pictures.append((disk.calls, list(acknowledged), number))

    disk.on_call = cut
    try:
        with sqlite_faults.watched(disk):
            store = open_store(folder, lambda: clock[0], disk)
            for step in range(1, 8):
                clock[0] += 86_400.0 if step in (3, 5) else 1.0
                with _read(store) if step in (2, 6) else nullcontext():
                    store.append(batch(step))
                    acknowledged.append(step)
                    if step in (2, 3, 6):
                        store.database.copying.copy()  # as the bridge does it in a thread when the log is long
                if step == 4:
                    store.database.copying.copy_all()  # as a long one is, so that the pages' way into the file is cut too
                if step == 6:
                    store.close()
                    store = open_store(folder, lambda: clock[0], disk)
            store.close()
        for call, promised, number in pictures:
            place = target / f"{call}.{number}" / "store"
            place.mkdir(parents=True, exist_ok=True)
            check(promised, stored_batches(place, lambda: clock[0]), f"seed {seed}, power cut after call {call}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return len(pictures)


_WRITER = """
import sys, time
from pathlib import Path
from tests.support.record.store_faults import batch, open_store, NOON
folder, first, day_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
start = time.monotonic()
store = open_store(folder, lambda: NOON + (first / 1000 + time.monotonic() - start) * 86400.0 / day_s)
sys.stdout.write("open\\n"); sys.stdout.flush()
number = first
while True:
    store.append(batch(number))
    sys.stdout.write(f"{number}\\n"); sys.stdout.flush()
    number += 1
"""


def kills(rounds: int, seed: int, longest_s: float = 0.4) -> tuple[int, int]:
    """kill -9 a writing process at random moments, again and again on one folder; returns (kills, batches)."""
    chance = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="zp-kill-"))
    acknowledged: list[int] = []
    try:
        for _ in range(rounds):
            # The numbers go on after whatever is stored, acknowledged or not, and the clock (days fly by) with them.
            first = max(acknowledged, default=0) + 2
            process = subprocess.Popen(
                [sys.executable, "-c", _WRITER, str(folder), str(first), "1.0"],
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[3],
            )
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "open\n", "the writer did not open the store"
                time.sleep(chance.random() * longest_s)
            finally:
                process.send_signal(signal.SIGKILL)
                rest = process.communicate(timeout=20)[0]
            acknowledged += [int(line) for line in rest.split("\n")[:-1] if line.isdigit()]
            check(acknowledged, stored_batches(folder, lambda: float(NOON + 86_400 * 10_000)), "kill -9")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
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
    checked = sum(power_cuts(seed, 3) for seed in range(6))
    print(f"power cut after every call: {checked} disk images, 0 acknowledged batches lost")


if __name__ == "__main__":
    main()
