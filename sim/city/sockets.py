"""The devices of one cell on a real MQTT broker, many of them in one thread: what `VirtualLink` connects through.

The devices' own code runs in virtual time's classes; only what was the virtual broker is a socket here. `look` is
called many times a second and never waits.
"""

import errno
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from broker.mqtt import packets
from firmware import wire
from sim.virtual.broker import Lost, Receive, Will

CHUNK_BYTES = 65_536
PING_S = wire.KEEPALIVE_S / 2
PATIENCE_S = 2 * wire.KEEPALIVE_S  # real seconds without a word until a device gives a connection up
LAST_NUMBER = 65_535


class Socket:
    """One client's connection; what cannot be written now waits in it."""

    def __init__(self, address: tuple[str, int], receive: Receive, lost: Lost, hello: bytes) -> None:
        self.open = True
        self.lost = lost
        self._receive = receive
        self._reader = packets.PacketReader()
        self._waiting = bytearray(hello)
        self._number = 0
        self._heard_s = self._said_s = time.monotonic()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._socket.connect_ex(address) not in (0, errno.EINPROGRESS):
            self.close()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand a QoS 1 message to the network; False if the connection is already known to be gone."""
        if self.open:
            self._say(packets.publish(topic, payload, self._next(), retain))
        return self.open

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe; retained messages of these filters follow."""
        if self.open:
            self._say(packets.subscribe(self._next(), [(pattern, 1) for pattern in filters]))

    def look(self, now_s: float) -> None:
        """Read and write what there is; raises OSError or PacketError where the connection is no more."""
        if self._waiting:
            self._write()
        with suppress(BlockingIOError):
            data = self._socket.recv(CHUNK_BYTES)
            if not data:
                raise ConnectionResetError("the broker closed the connection")
            self._heard_s = now_s
            self._take(data)
        if now_s - self._heard_s > PATIENCE_S:
            raise TimeoutError("the broker says nothing")
        if now_s - self._said_s > PING_S:
            self._say(packets.PINGREQ)

    def close(self) -> None:
        """Without a good-bye: its will is said."""
        self.open = False
        self._socket.close()

    def _take(self, data: bytes) -> None:
        messages, replies = self._reader.feed(data)
        for reply in replies:
            if reply.kind == packets.CONNACK:
                packets.must_be_in(reply)
        for topic, payload, number in messages:
            self._receive(topic, payload, False)
            if not self.open:
                return
            if number:
                self._say(packets.pubacks([number]))

    def _say(self, data: bytes) -> None:
        self._waiting += data
        self._said_s = time.monotonic()

    def _write(self) -> None:
        with suppress(BlockingIOError):
            del self._waiting[: self._socket.send(self._waiting)]

    def _next(self) -> int:
        self._number = self._number % LAST_NUMBER + 1
        return self._number


class Sockets:
    """The network of one cell's devices to the broker at `address`; every device has an account."""

    def __init__(self, address: tuple[str, int], passwords: Mapping[str, str]) -> None:
        self._address = address
        self._passwords = passwords
        self._open: dict[str, Socket] = {}

    def connect(
        self, client_id: str, *, receive: Receive, lost: Lost, clean: bool = True, will: Will | None = None
    ) -> Socket | None:
        """A connection that is being made: one that does not come about is lost like any other."""
        assert will is not None
        hello = packets.connect(
            client_id, client_id, self._passwords[client_id], wire.KEEPALIVE_S, clean, (will.topic, will.payload)
        )
        made = Socket(self._address, receive, lost, hello)
        if not made.open:
            return None
        self._open[client_id] = made
        return made

    def die(self, client_id: str) -> None:
        """The client's machine lost power."""
        if (gone := self._open.pop(client_id, None)) is not None:
            gone.close()

    def look(self) -> None:
        """Carry what came and what waits; tell whose connection is gone."""
        now_s = time.monotonic()
        for client_id, each in list(self._open.items()):
            try:
                each.look(now_s)
            except (OSError, packets.PacketError):
                if self._open.get(client_id) is each:
                    del self._open[client_id]
                each.close()
                each.lost()

    @property
    def connected(self) -> int:
        """How many devices believe to be connected."""
        return len(self._open)

    def close(self) -> None:
        """Everybody is gone."""
        for client_id in list(self._open):
            self.die(client_id)
