"""The outer side of a virtual board: its port, a pseudo terminal behind a symlink, as a host finds it."""

from __future__ import annotations

import contextlib
import os
import select
from pathlib import Path

from sim.usb_board.terminal import make_raw


class Port:
    """One port that is there or not; what nobody has opened it for is lost, as on a serial line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None
        self._unsent = bytearray()

    @property
    def there(self) -> bool:
        """Whether the cable is in."""
        return self._fd is not None

    @property
    def busy(self) -> bool:
        """Whether something is still to be handed to the host."""
        return bool(self._unsent)

    def open(self) -> None:
        """The port appears."""
        master, slave = os.openpty()
        make_raw(slave)
        device = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(master, False)
        self._fd = master
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(device)
        fresh.replace(self.path)

    def close(self) -> None:
        """The port disappears."""
        if self._fd is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = None

    def opened_by_host(self) -> int | None:
        """Its descriptor while a host has it open."""
        if self._fd is None:
            return None
        poll = select.poll()
        poll.register(self._fd, select.POLLIN | select.POLLOUT)
        return None if any(event & select.POLLHUP for _, event in poll.poll(0)) else self._fd

    def read(self) -> bytes:
        """What the host typed since."""
        fd = self.opened_by_host()
        if fd is not None:
            with contextlib.suppress(OSError):
                return os.read(fd, 1024)
        return b""

    def say(self, data: bytes) -> None:
        """To the host, with the next `flush`."""
        self._unsent += data

    def flush(self) -> None:
        """Hand over what the host takes."""
        fd = self.opened_by_host() if self._unsent else None
        if fd is None:
            self._unsent.clear()
            return
        try:
            del self._unsent[: os.write(fd, self._unsent)]
        except BlockingIOError:
            return  # the host reads slowly
        except OSError:
            self._unsent.clear()
