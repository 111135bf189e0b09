"""One connection to a broker: a socket, plain or TLS, that one thread reads and any thread writes.

It knows packets only to find the broker's answers; what it read is parsed by its own reader, which begins anew with it.
"""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

from broker.mqtt import packets

READ_BYTES = 262_144
TICK_S = 1.0
CONNECT_TIMEOUT_S = 5.0
SEND_TIMEOUT_S = 5.0
TLS_PORT = 8883

Messages = list[tuple[str, bytes, int]]


class Connection:
    """Connected when it is made; whoever writes to a closed one is not told, whoever reads from it is."""

    def __init__(self, host: str, port: int, given_up: Callable[[], bool]) -> None:
        """`given_up` says that nobody waits for an answer any more; raises OSError where nobody listens."""
        self.reader = packets.PacketReader()
        self._host = host
        self._given_up = given_up
        self._writing = threading.Lock()
        self._socket: socket.socket | None = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def secure(self, tls: ssl.SSLContext) -> None:
        """Go on under TLS."""
        self._socket = tls.wrap_socket(self._open(), server_hostname=self._host)

    def certificate(self) -> bytes | None:
        """What the broker showed of itself under TLS, as DER."""
        connection = self._open()
        return connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None

    def ask(self, packet: bytes, kind: int) -> tuple[packets.Reply, Messages]:
        """Write a packet; the broker's answer of this kind, however it is cut, and the messages that came before it or
        with it. Raises OSError or PacketError."""
        connection = self._open()
        connection.sendall(packet)
        messages: Messages = []
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while (left_s := deadline - time.monotonic()) > 0 and not self._given_up():
            connection.settimeout(left_s)
            try:
                data = connection.recv(READ_BYTES)
            except TimeoutError:
                break
            if not data:
                plain = not isinstance(connection, ssl.SSLSocket) and connection.getpeername()[1] == TLS_PORT
                hint = "; if it speaks TLS, set [mqtt] ca_file" if plain else ""
                raise packets.PacketError(f"it closed the connection before it answered as an MQTT broker{hint}")
            came, replies = self.reader.feed(data)
            messages += came
            if replies:
                if replies[0].kind != kind:
                    raise packets.PacketError("it does not answer as an MQTT broker does")
                connection.settimeout(SEND_TIMEOUT_S)
                return replies[0], messages
        raise TimeoutError(f"it did not answer as an MQTT broker within {CONNECT_TIMEOUT_S:.0f} s")

    def received(self) -> bytes | None:
        """What came within a second, None for nothing, empty when the connection is closed."""
        connection = self._socket
        if connection is None:
            return b""
        if not (isinstance(connection, ssl.SSLSocket) and connection.pending()):
            waiting = select.poll()  # select.select knows no descriptor above 1023
            waiting.register(connection, select.POLLIN)
            if not waiting.poll(TICK_S * 1000):
                return None
        if not isinstance(connection, ssl.SSLSocket):
            return connection.recv(READ_BYTES)
        with self._writing:  # OpenSSL's connections must not be read and written at the same time
            connection.settimeout(0)  # half a TLS record must not hold whoever wants to write
            try:
                return connection.recv(READ_BYTES)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return None
            finally:
                connection.settimeout(SEND_TIMEOUT_S)

    def write(self, data: bytes) -> None:
        """Write from any thread; a connection that takes nothing within SEND_TIMEOUT_S is given up."""
        with self._writing:
            if self._socket is None:
                return
            try:
                self._socket.sendall(data)
            except OSError:
                self._close()

    def close(self) -> None:
        """End it without a word; whoever reads from it is told."""
        with self._writing:
            self._close()

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise OSError("it was closed meanwhile")
        return self._socket

    def _close(self) -> None:
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._socket.close()
            self._socket = None
