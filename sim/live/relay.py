"""The network of a live run: every device reaches the broker through a door of its own, which can be shut.

A shut door is silence, as on a real network: nothing is refused, nothing is closed, bytes wait where they are, and
go on when the door opens, if both sides still believe in the connection by then.
"""

import socket
import threading
import time
from collections.abc import Callable

CHUNK_BYTES = 65536


class Door:
    """One device's way to the broker: connect to `port`; `shut` and `open` it at will."""

    def __init__(self, host: str, broker_port: int, open_to: tuple[str, int] | None = None) -> None:
        """`open_to`: where it is for a device that is not of this machine."""
        self._target = (host, broker_port)
        self._open = threading.Event()
        self._open.set()
        self._closed = False
        self._delay_s: Callable[[], float] | None = None
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(open_to or (host, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name=f"door-{self.port}", daemon=True).start()

    def shut(self) -> None:
        """From now on nothing passes."""
        self._open.clear()

    def open(self) -> None:
        """What waits passes, and what comes."""
        self._open.set()

    def slow(self, delay_s: Callable[[], float] | None) -> None:
        """What comes waits so many real seconds before it passes; None: it passes at once."""
        self._delay_s = delay_s

    def close(self) -> None:
        """Tear everything down; a second call does nothing."""
        self._closed = True
        self._open.set()
        for one in (self._listener, *list(self._sockets)):
            _end(one)

    def _accept(self) -> None:
        while True:
            try:
                device, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._connect, args=(device,), daemon=True).start()

    def _connect(self, device: socket.socket) -> None:
        self._sockets.add(device)
        self._open.wait()
        try:
            if self._closed:
                raise ConnectionAbortedError
            broker = socket.create_connection(self._target, timeout=5)
        except OSError:  # the broker is down: the device sees its connection end, as it would
            self._forget(device)
            return
        broker.settimeout(None)
        self._sockets.add(broker)
        for one, other in ((device, broker), (broker, device)):
            threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(CHUNK_BYTES):
                if self._delay_s is not None:
                    time.sleep(self._delay_s())
                self._open.wait()
                other.sendall(data)
        except OSError:
            pass  # either side is gone: so is the connection
        finally:
            self._open.wait()  # the end of a connection does not pass a shut door either
            self._forget(one)
            self._forget(other)

    def _forget(self, one: socket.socket) -> None:
        self._sockets.discard(one)
        _end(one)


def _end(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # never connected, or already ended by the other side
    one.close()
