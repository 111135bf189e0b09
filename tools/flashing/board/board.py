"""A board at its MicroPython prompt. The only file that knows mpremote.

mpremote's classes are not promised to stay, wait without end in places, and print when they fail. Here each call has a
deadline, after which the port is closed under it, and every failure becomes a FlashError that says what was being done.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import errno
import io
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from tools.flashing.board import programs
from tools.flashing.board.ports import group_of, holder_of
from tools.flashing.errors import FlashError

HELD_S = 0.5  # so long a process that is being started may hold a port that it inherits
SILENCE_S = 4.0  # a board that says nothing for so long has stopped
ENTER_TRIES_S = (3.0, 6.0, 12.0)
CALL_S = 30.0
CHUNK_BYTES = 2304  # bytes of a file in one command, where they are 3 KiB of base64: any board has room for both
TEMPORARY = ".tmp"  # the unit clears files of this name itself


class Board:
    """An open prompt. Use as `with open_board(port) as board`; raises FlashError only."""

    def __init__(self, port: str, transport: Any) -> None:
        self.port = port
        self.prefix = ""  # goes before every program, to feed a watchdog
        self._transport = transport

    def run(self, program: str, doing: str, deadline_s: float = CALL_S) -> str:
        """Runs a program on the board and returns what it printed."""
        with self._guard(doing, deadline_s):
            try:
                output, complaint = self._transport.exec_raw(self.prefix + program, timeout=max(SILENCE_S, deadline_s))
            except TransportExecError as error:
                raise self._refused(doing, error.error_output) from error
        if complaint:
            raise self._refused(doing, complaint.decode(errors="replace"))
        return bytes(output).decode(errors="replace").replace("\r\n", "\n")

    def ask(self, program: str, doing: str, deadline_s: float = CALL_S) -> Any:
        """The value a program prints as a Python literal on its last line."""
        text = self.run(program, doing, deadline_s).strip()
        try:
            return ast.literal_eval(text.splitlines()[-1])
        except (IndexError, ValueError, SyntaxError) as error:
            raise FlashError("program_failed", doing=doing, what=f"unexpected answer {text[-80:]!r}") from error

    def write(self, path: str, data: bytes, progress: Callable[[int], None] = lambda _: None) -> None:
        """Writes a temporary file and renames it: the path holds the old or the new content, never less."""
        doing = f"writing {path}"
        fresh = f"{path}{TEMPORARY}"
        # One command a chunk, the first opening and the last renaming: each is a round trip over a slow line.
        for start in range(0, max(len(data), 1), CHUNK_BYTES):
            chunk = data[start : start + CHUNK_BYTES]
            program = f"_f.write(_a({base64.b64encode(chunk)!r}))\n"
            if start == 0:
                program = f"from binascii import a2b_base64 as _a\nimport os\n_f=open({fresh!r},'wb')\n{program}"
            if start + CHUNK_BYTES >= len(data):
                program += f"_f.close()\nos.rename({fresh!r},{path!r})\n"
            self.run(program, doing)
            progress(len(chunk))

    def copy(self, source: str, path: str) -> None:
        """Copies a file on the board, with the same promise as `write`."""
        self.run(programs.copy(source, path, f"{path}{TEMPORARY}"), f"copying {path}")

    def reset(self) -> None:
        """Restarts the board; the prompt is gone afterwards."""
        with contextlib.suppress(FlashError), self._guard("restarting", SILENCE_S):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
            # The board is given the time to take the command before the port is closed.
            self._transport.read_until(1, b"\x04>", timeout=0.3)

    def close(self) -> None:
        """Leaves the port; never raises."""
        with contextlib.suppress(OSError, serial.SerialException, TypeError, AttributeError):
            self._transport.close()

    def _refused(self, doing: str, trace: str) -> FlashError:
        last = trace.strip().splitlines()[-1] if trace.strip() else "no reason given"
        if "ENOSPC" in last or "Errno 28" in last or last == "OSError: 28":
            return FlashError("flash_full", needed="more", free="none")
        return FlashError("program_failed", doing=doing, what=last)

    @contextmanager
    def _guard(self, doing: str, deadline_s: float) -> Iterator[None]:
        expired = threading.Event()

        def end() -> None:
            expired.set()
            self.close()

        timer = threading.Timer(deadline_s, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except FlashError:
            raise
        except (OSError, serial.SerialException, TypeError, AttributeError, ValueError) as error:
            # pyserial answers with TypeError or AttributeError when the port is closed under a read.
            if expired.is_set():
                raise FlashError("timeout", port=self.port, doing=doing, seconds=int(deadline_s)) from error
            raise FlashError("cable_pulled", port=self.port, doing=doing) from error
        except (TransportError, struct.error) as error:
            raise self._lost_or_silent(doing, deadline_s) from error
        finally:
            timer.cancel()

    def _lost_or_silent(self, doing: str, deadline_s: float) -> FlashError:
        """A port that has vanished reads as silence on some systems; asking it again tells them apart."""
        try:
            self._transport.serial.inWaiting()
            self._transport.serial.write(b"")
            if not is_there(self.port):
                return FlashError("cable_pulled", port=self.port, doing=doing)
        except (OSError, serial.SerialException, TypeError, AttributeError):
            return FlashError("cable_pulled", port=self.port, doing=doing)
        return FlashError("timeout", port=self.port, doing=doing, seconds=int(min(deadline_s, SILENCE_S)))


def is_there(port: str) -> bool:
    """Whether a port still exists; a network address always does."""
    return "://" in port or Path(port).exists()


@contextmanager
def open_board(port: str, *, soft_reset: bool = True) -> Iterator[Board]:
    """The prompt of the board on `port`, its program stopped and its memory emptied; a watchdog is kept quiet."""
    board = Board(port, _open_port(port))
    try:
        board._transport.serial.timeout = SILENCE_S
        board._transport.serial.write_timeout = SILENCE_S
        _enter(board, soft_reset)
        try:
            if board.ask(programs.WATCHDOG, "holding its watchdog"):
                board.prefix = programs.FEED
            yield board
        except BaseException:
            board.reset()  # whatever went wrong, the unit goes back to its work
            raise
    finally:
        board.close()


def _enter(board: Board, soft_reset: bool) -> None:
    """A board that the opening of its port has reset, or that waits for its network, needs a second try."""
    with board._guard("stopping the running program", 2 * sum(ENTER_TRIES_S)):
        for number, wait_s in enumerate(ENTER_TRIES_S, start=1):
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    board._transport.enter_raw_repl(soft_reset=soft_reset, timeout_overall=wait_s)
                return
            except TransportError as error:
                if not is_there(board.port):
                    raise FlashError("cable_pulled", port=board.port, doing="stopping the running program") from error
                if number == len(ENTER_TRIES_S):
                    raise FlashError("silent", port=board.port) from error


def _open_port(port: str) -> Any:
    """A transport; the reasons why a port does not open each have their own sentence.

    One that is held is asked for a second time: a process that is just being started may hold it for a moment.
    """
    for is_last in (False, True):
        try:
            return SerialTransport(port, baudrate=115200, timeout=SILENCE_S)
        except (TransportError, OSError, ValueError) as error:
            why = _why_no_transport(port, error)
            if is_last or why.problem != "busy":
                raise why from error
            time.sleep(HELD_S)
    raise AssertionError("the second try raises")


def _why_no_transport(port: str, error: BaseException) -> FlashError:
    """mpremote hides the reason behind "failed to access", so the port is asked itself."""
    try:
        serial.serial_for_url(port, baudrate=115200, timeout=0.1, exclusive=True).close()
    except (OSError, ValueError) as reason:
        return why_closed(port, reason)
    return why_closed(port, error)


def why_closed(port: str, error: BaseException) -> FlashError:
    number = getattr(error, "errno", None)
    text = str(error)
    if number == errno.ENOENT or not is_there(port):
        return FlashError("no_such_port", port=port)
    if number in (errno.EACCES, errno.EPERM) or "Permission denied" in text:
        return FlashError("no_permission", port=port, group=group_of(port), detail="permission denied")
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return FlashError("busy", port=port, holder=holder_of(port))
    return FlashError("cable_pulled", port=port, doing="opening the port")
