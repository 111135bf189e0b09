"""The record as a machine that hypothesis drives: batches, amendments, failing disks, power cuts, restarts, days."""

import errno
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.store import StoreError
from broker.store.sqlite.store import SQLiteStore
from tests.support.record import sqlite_faults
from tests.support.record.disk import Disk
from tests.support.record.store_faults import BATCH, NOON, batch, check, counted, open_store

DAY_S = 86_400.0
_SEEDS = st.integers(0, 1 << 16)


class RecordMachine(RuleBasedStateMachine):
    """What was acknowledged is there, once and as it was amended last, whatever the disk and the hour do."""

    @initialize()
    def begin(self) -> None:
        """An empty record on a good disk."""
        self.root = Path(tempfile.mkdtemp(prefix="zp-machine-"))
        self.now, self.life, self.given = float(NOON), 0, 0
        self.acknowledged: list[int] = []
        self.amended: dict[int, set[int | None]] = {}  # of a batch's visit: what its note may be by now
        self.held = ExitStack()
        self._live_on(Disk())

    def _live_on(self, disk: Disk) -> None:
        self.disk, self.store = disk, None
        self.folder = self.root / str(self.life)
        self.held.enter_context(sqlite_faults.watched(disk))
        self._opened()

    @contextmanager
    def _unless_the_disk_fails(self) -> Iterator[None]:
        was_good = self.disk.is_good()
        try:
            yield
        except StoreError as why:
            assert not was_good, f"on a good disk: {why}"

    def _opened(self) -> SQLiteStore | None:
        with self._unless_the_disk_fails():
            self.store = self.store or open_store(self.folder, lambda: self.now, self.disk)
        return self.store

    @rule(again=st.booleans(), urgent=st.booleans(), which=_SEEDS)
    def append(self, again: bool, urgent: bool, which: int) -> None:
        """A batch comes, for the first time or again: it is told whether it is stored."""
        self.now += 1
        self.given += not again or not self.given
        number = 1 + which % self.given if again else self.given
        store = self._opened()
        with self._unless_the_disk_fails():
            if store is not None:
                receipt = store.append(batch(number, int(self.now)), urgent=urgent)
                assert receipt.stored + receipt.duplicates == BATCH and receipt.stored in (0, BATCH)
                assert number not in self.acknowledged or not receipt.stored, f"batch {number} was forgotten"
                self.acknowledged += [number] * (number not in self.acknowledged)

    @precondition(lambda self: self.acknowledged)
    @rule(note=st.integers(1, 9), which=_SEEDS)
    def amend(self, note: int, which: int) -> None:
        """Somebody puts a visit right: the newest word counts, and one that nobody was told of may count."""
        number = self.acknowledged[which % len(self.acknowledged)]
        store, told = self._opened(), self.amended.get(number, {None})
        self.amended[number] = told | {note}
        with self._unless_the_disk_fails():
            if store is not None:
                store.amend(f"visit:k:{number}:x", {"note": note}, "seen", "ann", int(self.now))
                self.amended[number] = {note}

    @rule(calls=st.integers(1, 12), code=st.sampled_from([errno.ENOSPC, errno.EIO]), lasting=st.booleans())
    def the_disk_will_fail(self, calls: int, code: int, lasting: bool) -> None:
        """One of the next calls to the disk fails, or all from then on."""
        self.disk.at, self.disk.code, self.disk.lasting = self.disk.calls + calls, code, lasting
        self.disk.healed = False

    @rule()
    def the_disk_is_mended(self) -> None:
        """Room was made, or the card was put in again; a log that had to stay asks for a new start."""
        self.disk.healed = True
        if self.store is not None and self.store.database.log_stays:
            self.restart()

    @rule(days=st.sampled_from([0.4, 1.0, 3.0, 3650.0, -0.001, -3.0]))
    def days_pass(self, days: float) -> None:
        """Past days are written as files by the next batch; the clock may be set back, over midnight too."""
        self.now += days * DAY_S

    @rule()
    def restart(self) -> None:
        """The bridge ends in order and is started again."""
        if self.store is not None:
            with self._unless_the_disk_fails():
                self.store.close()
            self.store = None
        self._opened()

    @rule(seed=_SEEDS, worst=st.booleans())
    def the_power_is_cut(self, seed: int, worst: bool) -> None:
        """What a disk may show after it: of what was not synced nothing, all or some blocks."""
        left, self.life = self.folder, self.life + 1
        image = self.root / f"cut{self.life}"
        self.disk.image(self.root, image, random.Random(seed))
        if worst:
            shutil.rmtree(image / left.name, ignore_errors=True)
            image.mkdir(exist_ok=True)
            self.disk.worst(left, image / left.name)
        self.disk.healed = True
        if self.store is not None:
            self.store.close()
        self.held.close()
        if (image / left.name).exists():
            (image / left.name).replace(self.root / str(self.life))
        disk = Disk()
        if (self.root / str(self.life)).exists():
            disk.adopt(self.root / str(self.life))
        self._live_on(disk)

    @invariant()
    def all_is_there(self) -> None:
        """Each acknowledged batch whole and once, no batch by halves, each amendment as it was told."""
        if not self.disk.is_good() or (store := self._opened()) is None:
            return
        check(self.acknowledged, counted(store), "the record")
        for number, notes in self.amended.items():
            found = store.get(f"visit:k:{number}:x")
            assert found is not None and found.body.get("note") in notes, f"batch {number}: {found}, told {notes}"

    def teardown(self) -> None:
        """Close and clean up."""
        if hasattr(self, "root"):
            self.disk.healed = True
            if self.store is not None:
                self.store.close()
            self.held.close()
            shutil.rmtree(self.root, ignore_errors=True)


RecordMachine.TestCase.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
TestRecord = RecordMachine.TestCase
