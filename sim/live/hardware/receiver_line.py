"""The line on which the run is a real truck's GPS receiver: a serial port of this machine, or HOST:PORT.

On the truck's side of HOST:PORT something makes a serial port of it (`socat`, see docs/tester.md). A line that is gone
is opened again; what the receiver says meanwhile nobody hears, as with a cable that is out.
"""

import queue
import socket
import threading
import time
from typing import Protocol

import serial

BAUD = 9600
PATIENCE_S = 2.0


class _Line(Protocol):
    def sendall(self, data: bytes, /) -> object: ...
    def close(self) -> None: ...


class _Serial:
    def __init__(self, path: str) -> None:
        self._port = serial.Serial(path, BAUD, write_timeout=PATIENCE_S)

    def sendall(self, data: bytes) -> None:
        self._port.write(data)

    def close(self) -> None:
        self._port.close()


class ReceiverLine:
    """Say something at any time; a thread of its own opens the line and writes."""

    def __init__(self, address: str) -> None:
        self.trouble: str | None = "not opened yet"  # why nobody hears it
        self._address = address
        self._said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name=f"receiver {address}", daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """The receiver says this; the empty text only opens the line."""
        self._said.put(data)

    def close(self) -> None:
        """The receiver is gone."""
        self._said.put(None)
        self._thread.join(2 * PATIENCE_S)

    def _write(self) -> None:
        line: _Line | None = None
        again_s = 0.0
        while (data := self._said.get()) is not None:
            try:
                if line is None:
                    if time.monotonic() < again_s:
                        continue
                    line = self._opened()
                line.sendall(data)
                self.trouble = None
            except OSError as why:  # (serial's own errors are too)
                self.trouble = f"{self._address}: {why}"
                again_s = time.monotonic() + PATIENCE_S
                if line is not None:
                    line.close()
                    line = None
        if line is not None:
            line.close()

    def _opened(self) -> _Line:
        if self._address.startswith("/"):
            return _Serial(self._address)
        host, _, port = self._address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=PATIENCE_S)
