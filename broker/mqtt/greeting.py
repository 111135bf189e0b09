"""The first words with a broker: the connection, who we are, what we want to hear; each refusal in one sentence."""

import socket
import ssl
import threading
import time
from collections.abc import Sequence

from broker.config import MqttConfig
from broker.mqtt import packets

CONNECT_TIMEOUT_S = 5.0
READ_BYTES = 262_144
TLS_PORT = 8883


def open_connection(config: MqttConfig, tls: ssl.SSLContext | None) -> socket.socket:
    """A connection to the broker, encrypted where `tls` is given; raises OSError."""
    connection = socket.create_connection((config.host, config.port), CONNECT_TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if tls is None else tls.wrap_socket(connection, server_hostname=config.host)


class Greeting:
    """What is said first on a connection; `messages` came meanwhile. Raises PacketError, or OSError for no answer."""

    def __init__(self, connection: socket.socket, stopping: threading.Event | None = None) -> None:
        self.reader = packets.PacketReader()
        self.messages: list[tuple[str, bytes, int]] = []
        self._connection = connection
        self._stopping = stopping or threading.Event()

    def say(self, hello: bytes) -> None:
        """CONNECT, and the broker's yes."""
        self._connection.sendall(hello)
        code = self._answer(packets.CONNACK).number
        if code != 0:
            raise packets.PacketError(f"it refuses us (code {code}): check [mqtt] user and password_file")

    def subscribe(self, filters: Sequence[tuple[str, int]]) -> bytes:
        """SUBSCRIBE to (filter, QoS) pairs; the broker's code for each."""
        self._connection.sendall(packets.subscribe(1, filters))
        return self._answer(packets.SUBACK).codes

    def _answer(self, kind: int) -> packets.Reply:
        """The broker's answer of this kind, however it is cut, and whatever comes before it or with it."""
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while (left_s := deadline - time.monotonic()) > 0 and not self._stopping.is_set():
            self._connection.settimeout(left_s)
            try:
                data = self._connection.recv(READ_BYTES)
            except TimeoutError:
                break
            if not data:
                hint = ""
                if not isinstance(self._connection, ssl.SSLSocket) and self._connection.getpeername()[1] == TLS_PORT:
                    hint = "; if it speaks TLS, set [mqtt] ca_file"
                raise packets.PacketError(f"it closed the connection before it answered as an MQTT broker{hint}")
            came, replies = self.reader.feed(data)
            self.messages += came
            if replies:
                if replies[0].kind != kind:
                    raise packets.PacketError("it does not answer as an MQTT broker does")
                return replies[0]
        raise TimeoutError(f"it did not answer as an MQTT broker within {CONNECT_TIMEOUT_S:.0f} s")
