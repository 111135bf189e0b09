"""systemd's watchdog: READY=1 once, WATCHDOG=1 in time, nothing where there is no NOTIFY_SOCKET."""

import os
import socket
from collections.abc import Mapping


class Watchdog:
    """Call `ready()` once and `alive(now_s)` at least every `interval_s`."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Reads NOTIFY_SOCKET and WATCHDOG_USEC as systemd sets them."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        try:
            limit_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6
        except ValueError:
            limit_s = 0.0
        self.interval_s: float | None = limit_s / 3 if self._address and limit_s > 0 else None
        self._told_s = float("-inf")

    def ready(self) -> None:
        """The program does its work from now on."""
        self._tell(b"READY=1")

    def alive(self, now_s: float) -> None:
        """The program is well at this monotonic time (real seconds)."""
        if self.interval_s is not None and now_s - self._told_s >= self.interval_s:
            self._told_s = now_s
            self._tell(b"WATCHDOG=1")

    def _tell(self, text: bytes) -> None:
        if not self._address:
            return
        # An address that begins with @ is in the abstract name space, written with a zero byte.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.settimeout(1.0)
                notify.sendto(text, address)
        except OSError:
            pass  # systemd then restarts us, which is its right answer to a broken socket
