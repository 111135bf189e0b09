"""The panel of a desk board: sees and drives the pins of a unit that runs in another process (see machine.py)."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

KEPT_CHANGES = 10_000  # of each pin


class Panel:
    """One board's pins over UDP on the loopback; safe to use from any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self._lock = threading.Lock()
        self._board: tuple[str, int] | None = None
        self._levels: dict[int, int] = {}
        self._changes: dict[int, deque[tuple[float, int]]] = {}
        self._setup: dict[str, list[int | None]] = {}
        self._watchdog_s: float | None = None
        self._fed_at = 0.0
        self._closed = False
        self._thread = threading.Thread(target=self._listen, name="panel", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """What the board's ZP_PINS must say."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def level(self, pin: int) -> int | None:
        """The level the board last drove a pin to, or None before it ever did."""
        with self._lock:
            return self._levels.get(pin)

    def changes(self, pin: int, most: int = KEPT_CHANGES) -> list[tuple[float, int]]:
        """(monotonic seconds, level) of the changes the board made to a pin, the newest last and at most so many."""
        with self._lock:
            known = self._changes.get(pin, deque())
            return list(islice(known, max(0, len(known) - most), None))

    def starved(self) -> bool:
        """Whether a started watchdog was not fed in time."""
        with self._lock:
            return self._watchdog_s is not None and self._monotonic() - self._fed_at > self._watchdog_s

    def drive(self, pin: int, level: int) -> None:
        """Set an input's level from outside (a button to ground is 0)."""
        self._tell(f"drive{pin}", [0, pin, level])

    def stick(self, pin: int, level: int | None) -> None:
        """Make an output's pad read `level` whatever the board drives (a dead lamp), or free it with None."""
        self._tell(f"stick{pin}", [1, pin, level])

    def cell(self, data: int, clock: int, raw: int, noise: int = 8, silent: bool = False) -> None:
        """Set the raw value, noise and health of the HX711 on these two pins."""
        self._tell(f"cell{data}", [2, data, clock, raw, noise, silent])

    def echo(self, pin: int, us: int) -> None:
        """Set a ranger's echo in microseconds, negative for none."""
        self._tell(f"echo{pin}", [3, pin, us])

    def pace(self, speed: int) -> None:
        """Let the clock of a sped-up unit's decisions run so many times faster than the wall clock."""
        self._tell("pace", [4, 0, speed])

    def forget_board(self) -> None:
        """The board's process ended: its watchdog and levels are gone, what was set from outside stays."""
        with self._lock:
            self._board = None
            self._watchdog_s = None
            self._levels.clear()

    def close(self) -> None:
        """Release the socket; the board goes on without a panel."""
        self._closed = True
        self._thread.join(timeout=2)
        self._socket.close()

    def _tell(self, key: str, message: list[int | None]) -> None:
        with self._lock:
            self._setup[key] = message
            if self._board is not None:
                self._socket.sendto(json.dumps(message).encode(), self._board)

    def _listen(self) -> None:
        while not self._closed:
            try:
                data, sender = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            self._take(json.loads(data), sender)

    def _take(self, message: dict[str, int], sender: tuple[str, int]) -> None:
        now = self._monotonic()
        with self._lock:
            if "hello" in message:
                self._board = sender
                for known in self._setup.values():
                    self._socket.sendto(json.dumps(known).encode(), sender)
            elif "pin" in message:
                self._levels[message["pin"]] = message["level"]
                known = self._changes.setdefault(message["pin"], deque(maxlen=KEPT_CHANGES))
                known.append((now, message["level"]))
            elif "watchdog_ms" in message:
                self._watchdog_s = message["watchdog_ms"] / 1000
                self._fed_at = now
            elif "feed" in message:
                self._fed_at = now
