"""Serial ports as a technician sees them: the computer's own, and the virtual boards of a ports folder."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

from tools.flashing.errors import FlashError

PTY_MAJOR = 136
SERIAL_PREFIX = "serial:"


@dataclass(frozen=True)
class Port:
    """A serial port; `serial` is the USB serial number, empty where the bridge chip has none."""

    path: str
    serial: str = ""
    maker: str = ""
    vid: int | None = None
    pid: int | None = None

    @property
    def is_virtual(self) -> bool:
        """Whether it is a pseudo terminal: it has no reset lines."""
        return is_virtual(self.path)


def is_virtual(path: str) -> bool:
    """Whether `path` is a pseudo terminal (a virtual board, QEMU)."""
    try:
        status = Path(path).stat()
    except OSError:
        return False
    return stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == PTY_MAJOR


def usb_ports() -> list[Port]:
    """The USB serial ports of this computer; ports on the main board are left out."""
    return sorted(
        (
            Port(entry.device, entry.serial_number or "", entry.manufacturer or "", entry.vid, entry.pid)
            for entry in list_ports.comports()
            if entry.vid is not None
        ),
        key=lambda port: port.path,
    )


def virtual_ports(folder: Path) -> list[Port]:
    """The virtual boards whose symlinks stand in `folder`; empty if there is no such folder."""
    if not folder.is_dir():
        return []
    links = sorted(path for path in folder.iterdir() if path.is_symlink())
    return [Port(str(path), path.name, "virtual board") for path in links if is_virtual(str(path))]


def choose(wanted: str | None, ports: list[Port]) -> Port:
    """The port meant by `--port` (a path or `serial:NUMBER`), or the only one there is."""
    if wanted is None:
        if not ports:
            raise FlashError("no_port")
        if len(ports) > 1:
            raise FlashError("several_ports", ports=" ".join(port.path for port in ports))
        return ports[0]
    if wanted.startswith(SERIAL_PREFIX):
        number = wanted[len(SERIAL_PREFIX) :]
        for port in ports:
            if port.serial == number:
                return port
        raise FlashError("no_such_port", port=f"with the USB serial number {number}")
    for port in ports:
        if port.path == wanted:
            return port
    if "://" not in wanted and not Path(wanted).exists():
        raise FlashError("no_such_port", port=wanted)
    return Port(wanted)


def wait_for_new(
    before: Iterable[Port],
    look: Callable[[], list[Port]],
    wait_s: float,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Port:
    """The first port that appears within `wait_s`; a cable that only charges never shows one."""
    known = {port.path for port in before}
    until = monotonic() + wait_s
    while True:
        for port in look():
            if port.path not in known:
                return port
        if monotonic() >= until:
            raise FlashError("charge_only", seconds=int(wait_s))
        sleep(0.2)


def holder_of(path: str) -> str:
    """` (name, process 123)` of the program that has a port open, where this user may know it; else empty."""
    try:
        target = Path(path).resolve()
    except OSError:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            if any(link.readlink() == target for link in (process / "fd").iterdir()):
                return f" ({(process / 'comm').read_text().strip()}, process {process.name})"
    return ""


def group_of(path: str) -> str:
    """The group that owns a port; `dialout` where it cannot be asked."""
    try:
        return Path(path).group()
    except (OSError, KeyError):
        return "dialout"
