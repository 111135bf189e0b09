"""Faults for the store on files: failing calls, power cuts, kill -9. The tests run these short, `main` runs them long.

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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from broker.store import Record, StoreError
from broker.store.tinydb_store import TinyDBStore
from broker.store.tinyjournal import Files

NOON = 1795320000
ZONE = "Asia/Shanghai"
BATCH = 5
BLOCK_BYTES = 512


class FailingFiles(Files):
    """Counts the calls that change the disk; call number `at` fails, once or from then on, a write perhaps halfway."""

    def __init__(self, at: int = 0, code: int = errno.EIO, lasting: bool = False) -> None:
        self.calls = 0
        self._at, self._code, self._lasting = at, code, lasting

    def _count(self) -> bool:
        self.calls += 1
        return self._at > 0 and (self.calls == self._at or (self._lasting and self.calls > self._at))

    def _check(self) -> None:
        if self._count():
            raise OSError(self._code, os.strerror(self._code))

    def heal(self) -> None:
        """No more faults."""
        self._at = 0

    def create(self, path: Path) -> int:
        self._check()
        return super().create(path)

    def open_to_lock(self, path: Path) -> int:
        self._check()
        return super().open_to_lock(path)

    def sign(self, handle: int, data: bytes) -> None:
        self._check()
        super().sign(handle, data)

    def write(self, handle: int, data: bytes, offset: int) -> None:
        if self._count():
            os.pwrite(handle, data[: len(data) // 2], offset)
            raise OSError(self._code, os.strerror(self._code))
        super().write(handle, data, offset)

    def sync(self, handle: int) -> None:  # noqa: ARG002 - the disk is not waited for
        self._check()

    def truncate(self, handle: int, size: int) -> None:
        self._check()
        super().truncate(handle, size)

    def replace(self, source: Path, target: Path) -> None:
        self._check()
        super().replace(source, target)

    def remove(self, path: Path) -> None:
        self._check()
        super().remove(path)

    def remove_folder(self, path: Path) -> None:
        self._check()
        super().remove_folder(path)

    def sync_folder(self, path: Path) -> None:  # noqa: ARG002
        self._check()


class QuickFiles(Files):
    """Without waiting for the disk: for looking at what is there, and where the disk is a model anyway."""

    def sync(self, handle: int) -> None:
        """Nothing."""

    def sync_folder(self, path: Path) -> None:
        """Nothing."""


class PowerCutFiles(Files):
    """Remembers what a disk has surely kept: file contents as of their last sync, names as of their folder's last sync.

    `image(target, kept)` builds the folder as it may look after a power cut now: `kept()` decides, for each name and
    each block of a file that was not synced, whether it survived; a block the file never had on disk may be zeros.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._nodes: list[tuple[bytes, bytes]] = []  # content (synced, now) by node number
        self._live: dict[Path, int] = {}  # the names as the running program sees them
        self._safe: dict[Path, int] = {}  # the names that survive
        self._handles: dict[int, int] = {}
        self._moved_folders: list[tuple[Path, Path, int]] = []
        self.calls = 0
        self.on_call: Callable[[], None] = lambda: None

    def _step(self) -> None:
        self.calls += 1
        self.on_call()

    def create(self, path: Path) -> int:
        handle = super().create(path)
        self._nodes.append((b"", b""))
        self._live[path] = self._handles[handle] = len(self._nodes) - 1
        self._step()
        return handle

    def reopen(self, path: Path) -> int:
        handle = super().reopen(path)
        self._handles[handle] = self._live[path]
        return handle

    def write(self, handle: int, data: bytes, offset: int) -> None:
        super().write(handle, data, offset)
        node = self._handles[handle]
        synced, now = self._nodes[node]
        self._nodes[node] = (synced, now[:offset] + data + now[offset + len(data) :])
        self._step()

    def sync(self, handle: int) -> None:
        node = self._handles[handle]
        self._nodes[node] = (self._nodes[node][1], self._nodes[node][1])
        self._step()

    def truncate(self, handle: int, size: int) -> None:
        super().truncate(handle, size)
        node = self._handles[handle]
        self._nodes[node] = (self._nodes[node][0], self._nodes[node][1][:size])
        self._step()

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        moved = {path: node for path, node in self._live.items() if path == source or source in path.parents}
        for path, node in moved.items():
            del self._live[path]
            self._live[target / path.relative_to(source) if path != source else target] = node
        # The contents of a renamed folder were reachable under its old name if its own names were synced.
        for path in [path for path in self._safe if source in path.parents]:
            node = self._safe.pop(path)
            self._moved_folders.append((path, target / path.relative_to(source), node))
        self._step()

    def remove(self, path: Path) -> None:
        super().remove(path)
        del self._live[path]
        self._step()

    def remove_folder(self, path: Path) -> None:
        super().remove_folder(path)
        for inner in [inner for inner in self._live if path in inner.parents]:
            del self._live[inner]
        self._step()

    def sync_folder(self, path: Path) -> None:
        for name in [name for name in self._safe if name.parent == path and name not in self._live]:
            del self._safe[name]
        for name, node in self._live.items():
            if name.parent == path:
                self._safe[name] = node
        # A synced rename or removal of a folder settles what was in it.
        settled = [entry for entry in self._moved_folders if path in (entry[1].parent.parent, entry[0].parent.parent)]
        self._moved_folders = [entry for entry in self._moved_folders if entry not in settled]
        for _, new, node in settled:
            if new in self._live:
                self._safe[new] = node
        for name in [name for name in self._safe if name.parent.parent == path and not name.parent.exists()]:
            del self._safe[name]
        self._step()

    def image(self, target: Path, kept: random.Random) -> None:
        """Build one possible state of the disk after a power cut now."""
        names = dict(self._safe)
        renamed = kept.random() < 0.5
        for old, new, node in self._moved_folders:
            names[new if renamed else old] = node
        for name, node in self._live.items():
            if names.get(name) != node and kept.random() < 0.5 and name.parent in {other.parent for other in names}:
                names[name] = node
        for name, node in names.items():
            synced, now = self._nodes[node]
            data = _some_blocks(synced, now, kept) if now != synced and kept.random() < 0.7 else synced
            path = target / name.relative_to(self._root)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def _some_blocks(synced: bytes, now: bytes, kept: random.Random) -> bytes:
    """A file of old or new length, each disk block of it old or new, or zeros where none was."""
    length = len(now) if kept.random() < 0.7 else len(synced)
    blocks = []
    for start in range(0, length, BLOCK_BYTES):
        end = min(start + BLOCK_BYTES, length)
        source = now if kept.random() < 0.6 else synced
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


def open_store(folder: Path, now: Callable[[], float], files: Files | None = None) -> TinyDBStore:
    """A store for drills: no limit on free space, sealing done in place so that a fault meets it too."""
    return TinyDBStore(folder, "xh", ZONE, now, files=files, min_free_bytes=0, seal_in_background=False)


def stored_batches(folder: Path, now: Callable[[], float]) -> dict[int, int]:
    """How many records of each batch a fresh opening finds; raises StoreError if the folder does not open."""
    store = open_store(folder, now, QuickFiles())
    try:
        found: dict[str, int] = {}
        for kind in ("bins", "fix", "visit", "workflow"):
            for record in store.scan(kind):
                assert record.id not in found, f"{record.id} is stored twice"
                found[record.id] = 1
                if len(found) % 50 == 1:
                    assert store.get(record.id) == record, f"{record.id} is scanned but cannot be got"
        counts: dict[int, int] = {}
        for record_id in found:
            number = next(int(part) for part in reversed(record_id.split(":")) if part.isdigit())
            if record_id.startswith("t01"):
                number //= 2
            counts[number] = counts.get(number, 0) + 1
        return counts
    finally:
        store.close()


def check(acknowledged: Sequence[int], counts: dict[int, int], where: str) -> None:
    """Nothing acknowledged is missing, and no batch is there by halves."""
    missing = [number for number in acknowledged if number not in counts]
    halves = {number: count for number, count in counts.items() if count != BATCH}
    assert not missing, f"{where}: acknowledged batches {missing} are lost"
    assert not halves, f"{where}: batches by halves: {halves}"


def failing_calls(code: int, *, lasting: bool, every: int = 1) -> Iterator[int]:
    """Let each call to the disk fail in turn while batches come and days are sealed; yields the call's number."""
    number = 1
    while True:
        folder = Path(tempfile.mkdtemp(prefix="zp-fail-"))
        try:
            clock = [float(NOON)]
            now = lambda clock=clock: clock[0]  # noqa: E731
            files = FailingFiles(number, code, lasting)
            acknowledged = _work_through(folder, now, clock, files, number)
            check(acknowledged, stored_batches(folder, now), f"call {number} failing with {errno.errorcode[code]}")
            if files.calls < number:
                return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        yield number
        number += every


def _work_through(
    folder: Path, now: Callable[[], float], clock: list[float], files: FailingFiles, number: int
) -> list[int]:
    acknowledged: list[int] = []
    store: TinyDBStore | None = None
    for step in range(1, 9):
        clock[0] += 43_200.0 if step in (3, 6) else 1.0
        for _attempt in range(2):
            try:
                if store is None:
                    store = open_store(folder, now, files)
                store.append(batch(step), urgent=step % 2 == 0)
                acknowledged.append(step)
                break
            except StoreError:
                if step == 5:
                    files.heal()
    if store is not None:
        store.close()
    assert len(acknowledged) >= 3, f"call {number}: the store never came back"
    return acknowledged


def power_cuts(seed: int, images_per_call: int = 2, every: int = 1) -> int:
    """Cut the power after every single call to the disk, several outcomes each; returns how many were checked."""
    chance = random.Random(seed)
    root = Path(tempfile.mkdtemp(prefix="zp-cut-"))
    folder, target = root / "store", root / "image"
    clock = [float(NOON)]
    now = lambda: clock[0]  # noqa: E731
    files = PowerCutFiles(root)
    acknowledged: list[int] = []
    checked = 0

    def cut() -> None:
        nonlocal checked
        if files.calls % every:
            return
        for _ in range(images_per_call):
            files.image(target, chance)
            counts = stored_batches(target / "store", now)
            check(acknowledged, counts, f"seed {seed}, power cut after call {files.calls}")
            checked += 1
            shutil.rmtree(target)

    files.on_call = cut
    try:
        store = open_store(folder, now, files)
        for step in range(1, 7):
            clock[0] += 86_400.0 if step in (3, 5) else 1.0
            store.append(batch(step))
            acknowledged.append(step)
        store.close()
        store = open_store(folder, now, files)
        store.append(batch(7))
        acknowledged.append(7)
        store.close()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return checked


_WRITER = """
import sys, time
from pathlib import Path
from bench.store_faults import batch, open_store, NOON
folder, first, day_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
start = time.monotonic()
speed = 86400.0 / day_s
store = open_store(folder, lambda: NOON + (first / 1000 + time.monotonic() - start) * speed)
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
                cwd=Path(__file__).parents[1],
            )
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "open\n", "the writer did not open the store"
                time.sleep(chance.random() * longest_s)
            finally:
                process.send_signal(signal.SIGKILL)
                rest = process.communicate(timeout=20)[0]
            acknowledged += [int(line) for line in rest.split("\n")[:-1] if line.isdigit()]
            far = float(NOON + 86_400 * 10_000)
            check(acknowledged, stored_batches(folder, lambda far=far: far), "kill -9")  # type: ignore[misc]
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
                  f"{calls} calls, 0 acknowledged batches lost")  # fmt: skip
    checked = sum(power_cuts(seed, 3) for seed in range(6))
    print(f"power cut after every call: {checked} disk images, 0 acknowledged batches lost")


if __name__ == "__main__":
    main()
