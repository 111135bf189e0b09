"""The receiver's serial port: opened, found again when it vanished, its speed guessed; a thin shell around `gps`.

    closed  -> open    the port opens; else again after 1, 2, 4 ... 30 s
    open    -> closed  reading fails: unplugged, or another program reads too; or no byte for 30 s: opened afresh
    open    -> closed  bytes but no sentence for 5 s: wrong speed, the next one is tried at once

What is told on change is one of four words: no_port no_bytes no_fix fix (`fix` by the FixSeen events themselves).
The path may be a pattern such as /dev/serial/by-id/*: a number like ttyACM0 changes after a brown-out, that name not.
Where it matches several ports (a modem has some too) the next one is taken whenever one was of no use.
"""

import glob
import termios
from collections.abc import Callable
from typing import Protocol

from firmware.truck.events import Event, FixSeen, GpsState
from firmware.truck.gps.epochs import Epochs

BAUDS = (9600, 115200, 38400, 4800)
READ_TIMEOUT_S = 0.5
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
SILENT_S = 5.0  # so long without a byte: no_bytes; without a sentence: wrong speed
NO_FIX_S = 12.0  # so long without a fix: no_fix; some receivers save power and speak every 10 s
REOPEN_S = 30.0
ALONE_S = 1.5  # one sentence of an instant waits this long for the other
PAUSE_S = 0.2
GATHER_S = 0.1  # after a first byte: one wake-up for many bytes instead of one for each
MAX_READ_BYTES = 4096


class Port(Protocol):
    """What is used of a pyserial port."""

    @property
    def in_waiting(self) -> int: ...
    def read(self, _size: int = 1, /) -> bytes: ...
    def close(self) -> None: ...


OpenPort = Callable[[str, int], Port]  # (path, baud); raises OSError


class GpsPort:
    """Call `step()` for ever in a thread of its own: it waits at most half a second and returns what happened."""

    def __init__(
        self,
        pattern: str,
        baud: int,
        open_port: OpenPort,
        monotonic: Callable[[], float],
        pause: Callable[[float], object],
        gather_s: float = GATHER_S,
    ) -> None:
        """`pause(seconds)` waits in real time, `monotonic()` runs the deadlines."""
        self.trouble: str | None = None
        self._pattern = pattern
        self._bauds = (baud, *(other for other in BAUDS if other != baud))
        self._baud_index = 0
        self._path_index = 0
        self._open_port = open_port
        self._monotonic = monotonic
        self._pause = pause
        self._gather_s = gather_s
        self._port: Port | None = None
        self._failures = 0
        self._try_again_s = float("-inf")
        self._epochs = Epochs()
        self._opened_s = self._byte_s = self._sentence_s = float("-inf")
        self._fix_s: float | None = None  # the last fix, or when waiting for one began; trying speeds does not reset it
        self._word = ""

    def step(self) -> list[tuple[Event, float]]:
        """One read, or one attempt to open: the events it brought, each with its monotonic time."""
        try:
            if self._port is None and not self._opened():
                return self._told("no_port")
            return self._read()
        except (OSError, termios.error) as error:
            self.trouble = (
                f"the GPS port {self._pattern} cannot be used: {error}; check cable, rights and other readers"
            )
            self.close()
            self._fix_s = None
            self._path_index += 1
            self._try_again_s = self._monotonic() + BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
            self._failures += 1
            return self._told("no_port")

    def close(self) -> None:
        """Closes the port if it is open; `step` opens it again."""
        port, self._port = self._port, None
        if port is not None:
            try:
                port.close()
            except (OSError, termios.error):
                pass  # it is gone: that is why it is being closed

    def _opened(self) -> bool:
        if self._monotonic() < self._try_again_s:
            self._pause(PAUSE_S)
            return False
        paths = sorted(glob.glob(self._pattern))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if not paths:
            raise FileNotFoundError(f"there is no {self._pattern}")
        self._port = self._open_port(paths[self._path_index % len(paths)], self._bauds[self._baud_index])
        self._epochs = Epochs()
        self._opened_s = self._byte_s = self._sentence_s = self._monotonic()
        if self._fix_s is None:
            self._fix_s = self._opened_s
        return True

    def _read(self) -> list[tuple[Event, float]]:
        port = self._port
        if port is None:
            return []
        before = self._epochs.sentences.counts["sentences"]
        data = port.read(1)
        if data:
            self._pause(self._gather_s)
            waiting = min(port.in_waiting, MAX_READ_BYTES)
            data += port.read(waiting) if waiting else b""
        now_s = self._monotonic()
        fixes = self._epochs.feed(data)
        if data:
            self._byte_s = now_s
        if self._epochs.sentences.counts["sentences"] > before:
            self._sentence_s, self._failures, self.trouble = now_s, 0, None
        elif now_s - self._sentence_s >= ALONE_S:
            fixes += self._epochs.flush()
        out: list[tuple[Event, float]] = [(FixSeen(fix), now_s) for fix in fixes]
        if fixes:
            self._fix_s, self._word = now_s, "fix"
        elif now_s - self._byte_s >= SILENT_S:
            out += self._told("no_bytes")
        elif self._fix_s is not None and now_s - self._fix_s >= NO_FIX_S:
            out += self._told("no_fix")
        self._reopen_if_useless(now_s)
        return out

    def _reopen_if_useless(self, now_s: float) -> None:
        talking = self._opened_s < self._byte_s and now_s - self._byte_s < SILENT_S
        if now_s - self._byte_s >= REOPEN_S:
            self._path_index += 1
            self.close()
        elif talking and now_s - self._sentence_s >= SILENT_S:
            self._baud_index = (self._baud_index + 1) % len(self._bauds)
            self._path_index += self._baud_index == 0
            self.close()

    def _told(self, word: str) -> list[tuple[Event, float]]:
        if word == self._word:
            return []
        self._word = word
        return [(GpsState(word), self._monotonic())]
