"""A raw MQTT client with one device's account, made to hurt: it sends what it likes and comes back."""

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from broker.mqtt import packets
from firmware import wire

AREA = "xh"
TRUCK, ROOM = "t01", "r01"
PASSWORD = "pw"


def packet(first: int, body: bytes) -> bytes:
    """Any MQTT packet."""
    length, head = len(body), bytearray((first,))
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(head) + body


def text(value: str) -> bytes:
    """A text as MQTT has it."""
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def publish(topic: str, payload: bytes, *, qos: int = 1, retained: bool = False, number: int = 1) -> bytes:
    """PUBLISH at any QoS."""
    head = text(topic) + (struct.pack(">H", number) if qos else b"")
    return packet(0x30 | qos << 1 | int(retained), head + payload)


class Secured:
    """A connection under TLS that one thread reads and another writes, as a plain socket can be."""

    def __init__(self, plain: socket.socket, keys: Path, name: str) -> None:
        """`keys` holds ca.pem, and NAME.pem with certificate and key."""
        context = ssl.create_default_context(cafile=str(keys / "ca.pem"))
        context.load_cert_chain(keys / f"{name}.pem")
        self._timeout_s = plain.gettimeout()
        self._using = threading.Lock()
        self._socket = context.wrap_socket(plain, server_hostname="127.0.0.1")

    def fileno(self) -> int:
        """As every socket's."""
        return self._socket.fileno()

    def settimeout(self, timeout_s: float | None) -> None:
        """As every socket's."""
        self._timeout_s = timeout_s

    def sendall(self, data: bytes) -> None:
        """As every socket's; the other thread reads when it is through."""
        with self._using:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        """As every socket's."""
        if not self._socket.pending() and not select.select([self._socket], [], [], self._timeout_s)[0]:
            raise TimeoutError
        with self._using:
            self._socket.settimeout(0)
            try:
                return self._socket.recv(size)
            except ssl.SSLWantReadError as why:
                raise TimeoutError from why

    def shutdown(self, how: int) -> None:
        """As every socket's."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """As every socket's."""
        self._socket.close()

    def __enter__(self) -> "Secured":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def plugged(port: int, timeout_s: float, keys: Path | None, name: str) -> socket.socket:
    """A connection to the broker, under TLS with this device's certificate where there are `keys`."""
    plain = socket.create_connection(("127.0.0.1", port), timeout_s)
    plain.settimeout(timeout_s)
    return plain if keys is None else cast(socket.socket, Secured(plain, keys, name))


class Attacker:
    """One account's connection until a moment; `send` says whether it got through."""

    def __init__(self, port: int, until: float, name: str = TRUCK, keys: Path | None = None) -> None:
        self.port, self.until, self.name, self.keys = port, until, name, keys
        self.family = "room" if name.startswith("r") else "truck"
        self.sent = 0
        self._socket: socket.socket | None = None

    def time_is_left(self) -> bool:
        """Whether the attack goes on."""
        return time.monotonic() < self.until

    def topic(self, channel: str, item: str = "") -> str:
        """One of its own topics."""
        return wire.topic(channel, AREA, self.name, item, self.family)

    def plug(self, timeout_s: float = 1.0) -> socket.socket:
        """A bare connection."""
        return plugged(self.port, timeout_s, self.keys, self.name)

    def hello(self, *, clean: bool = True, will: bytes = b"{}") -> bytes:
        """Its CONNECT."""
        topic = wire.topic("life", AREA, self.name, family=self.family)
        return packets.connect(self.name, self.name, PASSWORD, 60, clean, (topic, will))

    def connect(self, *, clean: bool = True, will: bytes = b"{}") -> bool:
        """Come in; False where it is refused."""
        self.leave()
        try:
            self._socket = self.plug()
            self._socket.sendall(self.hello(clean=clean, will=will))
            if self._socket.recv(4)[3:] == b"\0":
                return True
        except OSError:
            pass
        self.leave()
        time.sleep(0.01)
        return False

    def send(self, data: bytes, count: int = 1, *, read: bool = True) -> bool:
        """Send it, coming in before where it is out."""
        if self._socket is None and not self.connect():
            return False
        assert self._socket is not None
        try:
            self._socket.sendall(data)
            self.sent += count
            if read:
                while select.select([self._socket], [], [], 0)[0]:
                    if not self._socket.recv(262_144):
                        raise ConnectionError("closed")
        except OSError:
            self.leave()
            return False
        return True

    def leave(self) -> None:
        """Gone without a word."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def rounds(self, a_second: float = 1e9) -> Iterator[int]:
        """0, 1, 2 … as long as there is time, at most so many a second."""
        began, number = time.monotonic(), 0
        while self.time_is_left():
            ahead_s = number / a_second - (time.monotonic() - began)
            if ahead_s > 0:
                time.sleep(ahead_s)
            yield number
            number += 1
