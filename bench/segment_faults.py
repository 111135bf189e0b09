"""Faults while a journal begins its files: each call to the disk fails in turn, and the power goes after every call."""

import errno
import os
import random
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from bench.store_faults import PowerCutFiles, QuickFiles
from broker.store.tinyjournal import Journal, JournalBroken, JournalCorrupt, JournalError


class FailingPowerCutFiles(PowerCutFiles):
    """The model of a disk, on which call number `at` of those that make things durable fails."""

    def __init__(self, root: Path, at: int) -> None:
        super().__init__(root)
        self.left = at

    def _fail(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def create(self, path: Path) -> int:
        self._fail()
        return super().create(path)

    def sync(self, handle: int) -> None:
        self._fail()
        super().sync(handle)

    def replace(self, source: Path, target: Path) -> None:
        self._fail()
        super().replace(source, target)

    def sync_folder(self, path: Path) -> None:
        if self.left == 1:
            # The worst of both: it is said to have failed, and the disk has it.
            super().sync_folder(path)
        self._fail()
        super().sync_folder(path)


class _Drill:
    """Three frames, each in a file of its own, and three more after opening again; a cut after each call."""

    def __init__(self, root: Path, fail_at: int, chance: random.Random, images_per_call: int) -> None:
        self._root, self._chance, self._images_per_call = root, chance, images_per_call
        self._where = f"call {fail_at} failing"
        self.files = FailingPowerCutFiles(root, fail_at)
        self.files.on_call = self._cut
        self._acknowledged = 0
        self.checked = 0

    def run(self) -> None:
        (self._root / "journal").mkdir()
        for _ in range(2):
            journal = Journal(self._root / "journal", self.files, segment_bytes=1)
            try:
                for _ in journal.replay():
                    pass
                for _ in range(3):
                    with suppress(JournalError):
                        journal.append([b'["t",{"n":%d}]' % (self._acknowledged + 1)])
                        self._acknowledged += 1
            except JournalBroken:
                pass  # the call that failed; a healthy start comes next
            except JournalCorrupt as error:
                raise AssertionError(f"{self._where}, opened again: {error}") from error
            finally:
                journal.close()

    def _cut(self) -> None:
        image = self._root / "image"
        for _ in range(self._images_per_call):
            image.mkdir()
            self.files.image(image, self._chance)
            where = f"{self._where}, power cut after call {self.files.calls}"
            journal = Journal(image / "journal", QuickFiles())
            try:
                found = [frame.lines for frame in journal.replay()]
            except JournalError as error:  # not as it is: the journal that is being drilled may raise those
                raise AssertionError(f"{where}: {error}") from error
            finally:
                journal.close()
            shutil.rmtree(image)
            wanted = [[b'["t",{"n":%d}]' % number] for number in range(1, self._acknowledged + 1)]
            assert found[: self._acknowledged] == wanted, f"{where}: acknowledged frames are lost"
            self.checked += 1


def segment_power_cuts(seed: int, images_per_call: int = 1, every: int = 1) -> int:
    """Run the drill for each call that can fail; returns how many images were checked.

    Each opens, with all frames that were acknowledged.
    """
    chance = random.Random(seed)
    checked, number, failed = 0, 0, True
    while failed:
        number += every
        root = Path(tempfile.mkdtemp(prefix="zp-segments-"))
        try:
            drill = _Drill(root, number, chance, images_per_call)
            drill.run()
        finally:
            shutil.rmtree(root)
        checked += drill.checked
        failed = drill.files.left <= 0
    return checked


def main() -> None:
    """The long version; raises AssertionError on the first loss."""
    checked = sum(segment_power_cuts(seed, 2) for seed in range(20))
    print(f"power cut while files begin, each call failing: {checked} disk images, 0 acknowledged frames lost")


if __name__ == "__main__":
    main()
