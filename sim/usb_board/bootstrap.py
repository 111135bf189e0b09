# mypy: ignore-errors
# ruff: noqa: PTH123, SIM115, UP031, S605, S102, BLE001
# Read by the MicroPython unix port only: makes a Linux process look like a board with littlefs as its root.
# Started as `micropython -i bootstrap.py SETTINGS.json`; leaves the REPL nothing but what a board would have.
import json
import os
import sys

import vfs


class FlashImage:
    """A block device in a file; each erase and program may be the last one before the power goes."""

    def __init__(self, settings):
        self._image = open(settings["image"], "r+b")
        self._power = open(settings["power"], "r+")
        self._size = settings["block_bytes"]
        self._count = settings["blocks"]

    def _spend(self):
        self._power.seek(0)
        left = int(self._power.read(12))
        if left < 0:
            return True
        self._power.seek(0)
        self._power.write("%011d\n" % max(left - 1, 0))
        self._power.flush()
        return left > 0

    def _die(self):
        os.system("kill -9 $PPID")

    def readblocks(self, block, buffer, offset=0):
        self._image.seek(block * self._size + offset)
        self._image.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        alive = self._spend()
        self._image.seek(block * self._size + offset)
        # A cut in the middle of programming leaves the first half of the page in the flash.
        self._image.write(buffer if alive else bytes(buffer)[: len(buffer) // 2])
        self._image.flush()
        if not alive:
            self._die()

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._count
        if operation == 5:
            return self._size
        if operation == 6:
            if not self._spend():
                self._die()
            self._image.seek(argument * self._size)
            self._image.write(b"\xff" * self._size)
            self._image.flush()
        return 0

    def blank(self):
        first = bytearray(self._size)
        self.readblocks(0, first)
        return all(byte == 0xFF for byte in first)


class ClaimedSys:
    """`sys` of the board this one stands in for: another `implementation` and `platform`."""

    def __init__(self, claims):
        from collections import namedtuple

        self._sys = sys
        real = sys.implementation
        fields = ("name", "version", "_machine", "_mpy")
        values = (
            "micropython",
            tuple(claims.get("version", real[1])),
            claims.get("machine", real[2]),
            claims.get("mpy", real[3]),
        )
        self.implementation = namedtuple("implementation", fields)(*values)
        self.platform = claims.get("platform", sys.platform)

    def __getattr__(self, name):
        return getattr(self._sys, name)


def _mount(settings):
    device = FlashImage(settings)
    if device.blank():
        vfs.VfsLfs2.mkfs(device)
    try:
        filesystem = vfs.VfsLfs2(device)
    except OSError:
        # A board would format and forget. A tester must see that the file system was torn.
        print("virtual board: the littlefs in flash is damaged; nothing was mounted")
        return
    vfs.umount("/")
    vfs.mount(filesystem, "/")
    os.chdir("/")


def _boot():
    with open(sys.argv[1]) as source:
        settings = json.load(source)
    # The stand-ins are imported while the host's files can still be seen; a release cannot shadow them.
    sys.path[:] = settings["modules"]
    for name in settings["preload"]:
        __import__(name)
    sys.path[:] = ["", ".frozen", "/lib"]
    claims = settings["claims"]
    _mount(settings)
    if claims:
        sys.modules["sys"] = ClaimedSys(claims)
    sys.stdout.write(settings["up_mark"])
    return settings["run_main"]


def _run(path):
    try:
        with open(path) as source:
            text = source.read()
    except OSError:
        return
    try:
        exec(compile(text, path, "exec"), globals())  # an interrupted program is seen from the prompt
    except SystemExit:
        raise
    except BaseException as error:  # a board prints the trace and goes to the prompt
        sys.print_exception(error)


_wanted = False
try:
    _wanted = _boot()
except KeyboardInterrupt:
    pass
if _wanted:
    for _name in ("/boot.py", "/main.py"):
        _run(_name)
for _name in ("FlashImage", "ClaimedSys", "_mount", "_boot", "_run", "_wanted", "_name", "json", "vfs"):
    globals().pop(_name, None)
