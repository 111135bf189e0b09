"""The inner side of a virtual board: MicroPython on its own pseudo terminal, where Ctrl-C is a signal.

The unix port switches its terminal to raw mode while it reads at the prompt and back while code runs, and each switch
throws away unread input. A board keeps such bytes. So `ready_for_input` asks the terminal itself which of the two it
is: ISIG off means the prompt is reading.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
from pathlib import Path


def make_raw(fd: int) -> None:
    """Sets a terminal to pass bytes unchanged, without echo."""
    mode = termios.tcgetattr(fd)
    mode[0] = mode[1] = mode[3] = 0
    mode[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
    mode[6][termios.VMIN] = 1
    mode[6][termios.VTIME] = 0
    termios.tcsetattr(fd, termios.TCSANOW, mode)


class Terminal:
    """One running interpreter; `fd` is the master side of its terminal."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self.fd, slave = os.openpty()
        try:
            make_raw(slave)
            mode = termios.tcgetattr(slave)
            # Ctrl-C must reach running code as a signal, and must not throw away the bytes that follow it.
            mode[3] = termios.ISIG | termios.NOFLSH
            mode[6][termios.VINTR] = b"\x03"
            mode[6][termios.VQUIT] = mode[6][termios.VSUSP] = b"\x00"
            termios.tcsetattr(slave, termios.TCSANOW, mode)
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )
        except BaseException:
            os.close(self.fd)
            raise
        finally:
            os.close(slave)
        os.set_blocking(self.fd, False)

    @property
    def pid(self) -> int:
        """The process id of the interpreter."""
        return self._process.pid

    def ready_for_input(self) -> bool:
        """Whether the interpreter sits at its prompt and reads."""
        try:
            return not termios.tcgetattr(self.fd)[3] & termios.ISIG
        except termios.error:
            return False

    def exit_code(self) -> int | None:
        """None while it runs; negative if a signal ended it."""
        return self._process.poll()

    def read(self) -> bytes:
        """What it printed and nobody took yet; empty if nothing, or if it has ended."""
        try:
            return os.read(self.fd, 4096)
        except (BlockingIOError, OSError):
            return b""

    def write(self, data: bytes) -> int:
        """How many bytes the terminal took; 0 if it is full or the interpreter has ended."""
        try:
            return os.write(self.fd, data)
        except (BlockingIOError, OSError):
            return 0

    def kill(self) -> None:
        """Ends it at once, as a power cut does, and closes the terminal."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(timeout=10)
        with contextlib.suppress(OSError):
            os.close(self.fd)
