"""Cuts the power at every block operation of a unit's flash (real littlefs on a file); MicroPython only.

Usage: micropython power_cuts.py IMAGE [STRIDE [doctored]]. The story below is played again and again, each time cut one
operation later (the cut one half done), then the flash is mounted afresh and must hold: every record that `keep` had
returned for and nobody had settled, a boot number not below the last one given out, and whole settings files.
"""

import os
import sys

import vfs

from firmware.binroom import durable
from firmware.binroom.ring import Ring

BLOCKS, BLOCK_BYTES = 48, 4096
RECORDS = 40


class Cut(BaseException):
    """The power is gone."""


class Flash:
    """A block device on a file; after `cut_at` writing operations it stops half way through one."""

    def __init__(self, path, fresh):
        if fresh:
            with open(path, "wb") as file:
                for _ in range(BLOCKS):
                    file.write(b"\xff" * BLOCK_BYTES)
        self._file = open(path, "r+b")  # noqa: SIM115 - a device stays open while it is mounted
        self.operations = 0
        self.cut_at = None
        self.is_dead = False
        # Open files of the cut story are swept later, when nothing may be allocated: then every call is a no-op.
        self.is_over = False

    def readblocks(self, block, buffer, offset=0):
        if self._is_gone():
            return
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, data, offset=None):
        if self._is_gone():
            return
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        is_last = self._count()
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.write(data[: len(data) // 2] if is_last else data)
        if is_last:
            self.die()

    def ioctl(self, operation, block):
        if self._is_gone():
            return 0
        if operation == 4:
            return BLOCKS
        if operation == 5:
            return BLOCK_BYTES
        if operation == 6:
            is_last = self._count()
            self._file.seek(block * BLOCK_BYTES)
            self._file.write(b"\xff" * (BLOCK_BYTES // 2 if is_last else BLOCK_BYTES))
            if is_last:
                self.die()
        return 0

    def _count(self):
        self.operations += 1
        return self.operations == self.cut_at

    def _is_gone(self):
        if self.is_dead and not self.is_over:
            raise Cut
        return self.is_over

    def die(self):
        """The power is gone: nothing is written any more, whatever is still open."""
        self.is_dead = True
        raise Cut

    def close(self):
        self.is_over = True
        self._file.close()


def record(seq):
    return [1, seq, "bins", 1795374261 + seq, seq, [["residential_wet", seq, 1000 * seq, 0]]]


def story(owed, numbers, settings):
    """A day of a unit: boots, records kept and settled, settings rewritten. Notes what was promised."""
    numbers.append(durable.next_boot("/f/state/boot.json"))
    ring = Ring("/f/state/ring", print)
    ring.load()
    for old in ring.recall(1000, lambda boot, seq: False)[0]:
        owed.setdefault((old[0], old[1]), old)
    for seq in range(1, RECORDS + 1):
        ring.keep(record(seq))
        owed[(1, seq)] = record(seq)
        if seq % 3:
            # Settled: it may come once more after a cut, so it is no promise either way.
            owed.pop((1, seq - 1), None)
            ring.forget(1, seq - 1)
        if seq % 10 == 0:
            durable.write_json("/f/state/calibration.json", {"n": seq})
            settings.append(seq)
    numbers.append(durable.next_boot("/f/state/boot.json"))


def check(owed, numbers, settings):
    """The flash after the cut keeps every promise."""
    durable.make_folder("/f/state")
    durable.remove_leftovers("/f/state")
    ring = Ring("/f/state/ring", print)
    ring.load()
    found = {(r[0], r[1]): r for r in ring.recall(1000, lambda boot, seq: False)[0]}
    for key in owed:
        assert found.get(key) == owed[key], ("lost", key)
    for key in found:
        assert found[key] == record(key[1]), ("torn", key)
    assert durable.next_boot("/f/state/boot.json") > (numbers[-1] if numbers else 0)
    state = durable.read_json("/f/state/calibration.json")
    if settings:
        assert state is not None and state["n"] >= settings[-1], ("settings", state)
    assert not durable.exists("/f/state/calibration.json.bad")


def play(path, cut_at):
    """One story, cut at an operation; returns how many operations it took, or None if it was cut."""
    flash = Flash(path, True)
    vfs.VfsLfs2.mkfs(flash)
    filesystem = vfs.VfsLfs2(flash)
    vfs.mount(filesystem, "/f")
    durable.make_folder("/f/state/ring")
    flash.operations = 0
    flash.cut_at = cut_at
    owed, numbers, settings = {}, [], []
    took = None
    try:
        story(owed, numbers, settings)
        took = flash.operations
    except Cut:
        pass
    flash.is_over = True
    vfs.umount("/f")
    flash.close()
    again = Flash(path, False)
    vfs.mount(vfs.VfsLfs2(again), "/f")
    check(owed, numbers, settings)
    vfs.umount("/f")
    again.close()
    return took


def write_in_place(path, value):
    """What a careless unit would do; shows that the checks would notice."""
    with open(path, "w") as file:
        file.write(durable.json.dumps(value))


def main(path, stride, doctored):
    """Every operation (or every `stride`-th); prints how many cuts held."""
    if doctored:
        durable.write_json = write_in_place
    total = play(path, None)
    cuts = 0
    for cut_at in range(1, total + 1, stride):
        play(path, cut_at)
        cuts += 1
    os.remove(path)
    print("%d cuts in %d operations, no record lost" % (cuts, total))  # noqa: UP031


main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1, "doctored" in sys.argv)
