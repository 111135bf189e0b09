"""The bridge's connection to the MQTT broker: a persistent session, turned into a queue of plain events.

A message is acknowledged to the broker (PUBACK) only after the bridge committed it, so what the broker holds for us
is handed over to our next life if we die before that. The devices' own outboxes do not rely on it.

Why not paho here: it costs more per message than deciding and storing do (see `python -m bench throughput`). The
packets are in packets.py; this file is one thread that connects, reads in large pieces and answers pings.
"""

import logging
import queue
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass

from broker import __version__, packets
from broker.config import MqttConfig
from broker.embedded import unsafe_because
from firmware import wire

log = logging.getLogger("zhanpai.link")

VERSION_TOPIC = "$SYS/broker/version"
MAX_WAITING = 2000  # batches; above it the thread stops reading, and the broker keeps what it has
READ_BYTES = 262_144
TICK_S = 1.0
CONNECT_TIMEOUT_S = 5.0
SEND_TIMEOUT_S = 5.0  # of reading too: how often an idle connection is looked after
RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0
MAX_UNANSWERED = 20_000  # our own publishes without PUBACK; a broker that lets more pile up is not listening


@dataclass(frozen=True, slots=True)
class Up:
    """Connected and subscribed."""


@dataclass(frozen=True, slots=True)
class Down:
    """The connection ended; it is tried again until it works."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Messages as (topic, payload, number); give the numbers that are not 0 back to `settle` when all is durable."""

    messages: list[tuple[str, bytes, int]]
    connection: int


Event = Up | Down | Arrived


class BridgeLink:
    """One connection as `bridge-<area>`; `events` is what happened, in order."""

    def __init__(self, config: MqttConfig, area: str, at: int) -> None:
        self.events: queue.Queue[Event] = queue.Queue(MAX_WAITING)
        self.up = False
        self.connection = 0
        self.broker_version = ""
        self._config = config
        self._area = area
        self._password = config.password()
        self._tls = config.tls()
        topic = wire.topic("life", area, family="bridge")
        self._will = (topic, wire.pack(topic, {"life": "lost", "at": at, "fw": __version__}))
        self._socket: socket.socket | None = None
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._outgoing: list[bytes] = []  # packets of the bridge's loop, until it says `write_out`
        self._outgoing_of = 0  # the connection they are for
        self._number = 0
        self._sent = self._answered = 0  # one written by the bridge's loop, one by our thread
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Begin connecting in the background; an absent broker is retried for ever."""
        self._thread.start()

    def send(self, topic: str, payload: bytes, retained: bool) -> None:
        """Publish at QoS 1 with the next `write_out`; while the connection is down it is dropped (`Bridge.link_up`)."""
        if not self.up:
            return
        self._number = self._number % 65535 + 1
        self._sent += 1
        self._put(packets.publish(topic, payload, self._number, retained))

    def settle(self, connection: int, numbers: list[int]) -> None:
        """Tell the broker that these messages are ours now; of a connection that is gone nothing can be told."""
        if numbers and connection == self.connection and self.up:
            self._put(packets.pubacks(numbers))

    def write_out(self) -> None:
        """Write what was sent and settled, in one piece: a write for each would cost more than all else."""
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self.up and self._outgoing_of == self.connection:
            self._write(b"".join(outgoing))

    def _put(self, packet: bytes) -> None:
        if self._outgoing_of != self.connection:
            self._outgoing_of, self._outgoing = self.connection, []
        self._outgoing.append(packet)

    def stop(self) -> None:
        """Leave in order (no will) and end the thread."""
        self.write_out()
        if self.up:
            self._write(packets.DISCONNECT)
        self._stopping.set()
        self._close()
        self._thread.join(CONNECT_TIMEOUT_S)

    # --- the thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        wait_s, told = RETRY_FIRST_S, False
        while not self._stopping.is_set():
            try:
                self._connect()
                wait_s, told = RETRY_FIRST_S, False
                self._read()
            except (OSError, ValueError) as why:  # ValueError: a packet that is none, or a socket closed meanwhile
                if not self._stopping.is_set() and not told:
                    log.warning(
                        "the broker at %s:%d: %s; trying again", self._config.host, self._config.port, why
                    )
                    told = True
            finally:
                self._close()
            self._stopping.wait(wait_s)
            wait_s = min(RETRY_MOST_S, wait_s * 2)

    def _connect(self) -> None:
        config = self._config
        plain = socket.create_connection((config.host, config.port), CONNECT_TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = plain
        if self._tls is not None:
            self._socket = self._tls.wrap_socket(plain, server_hostname=config.host)
        self._socket.settimeout(SEND_TIMEOUT_S)
        name = f"bridge-{self._area}"
        hello = packets.connect(
            name, config.user or name, self._password, wire.KEEPALIVE_S, clean=False, will=self._will
        )
        filters = [(topic, 1) for topic in wire.subscriptions("bridge", self._area)]
        self._socket.sendall(hello)
        reader = packets.PacketReader()
        messages, replies = reader.feed(self._socket.recv(4096))
        if not replies or replies[0].kind != packets.CONNACK:
            raise packets.PacketError("it did not answer as an MQTT broker")
        if replies[0].number != 0:
            raise packets.PacketError(
                f"it refuses us (code {replies[0].number}): check [mqtt] user and password_file"
            )
        self._reader = reader
        self._socket.sendall(packets.subscribe(1, [*filters, (VERSION_TOPIC, 0)]))
        self._sent = self._answered = 0
        self.connection += 1
        self.up = True
        log.info("connected to the broker at %s:%d", config.host, config.port)
        self.events.put(Up())
        if messages:
            self._hand_over(messages)

    def _read(self) -> None:
        """Read until the connection ends; raises OSError or PacketError when it does."""
        heard_at = asked_at = time.monotonic()
        while not self._stopping.is_set():
            now = time.monotonic()
            if now - asked_at >= wire.KEEPALIVE_S / 2:
                asked_at = now
                self._write(packets.PINGREQ)
            if now - heard_at > wire.KEEPALIVE_S * 1.5:
                raise OSError(f"silent for {now - heard_at:.0f} s")
            data = self._received()
            if data is None:
                continue
            if not data:
                raise OSError("it closed the connection")
            heard_at = time.monotonic()
            messages, replies = self._reader.feed(data)
            self._answered += sum(1 for reply in replies if reply.kind == packets.PUBACK)
            if self._sent - self._answered > MAX_UNANSWERED:
                raise OSError(f"it left {self._sent - self._answered} of our messages unanswered")
            if messages:
                self._hand_over(messages)

    def _received(self) -> bytes | None:
        """What came within a few seconds, None for nothing, empty when the connection is closed."""
        connection = self._socket
        if connection is None:
            return b""
        if not isinstance(connection, ssl.SSLSocket):
            try:
                return connection.recv(READ_BYTES)
            except TimeoutError:
                return None
        if not connection.pending() and not select.select([connection], [], [], TICK_S)[0]:
            return None
        with self._writing:  # OpenSSL's connections must not be read and written at the same time
            connection.settimeout(0)  # half a TLS record must not hold whoever wants to write
            try:
                return connection.recv(READ_BYTES)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return None
            finally:
                connection.settimeout(SEND_TIMEOUT_S)

    def _hand_over(self, messages: list[tuple[str, bytes, int]]) -> None:
        if any(topic == VERSION_TOPIC for topic, _, _ in messages):
            for topic, payload, _ in messages:
                if topic == VERSION_TOPIC:
                    self._learn_version(payload)
            messages = [message for message in messages if message[0] != VERSION_TOPIC]
        if messages:
            self.events.put(Arrived(messages, self.connection))

    def _learn_version(self, payload: bytes) -> None:
        self.broker_version = payload[:100].decode(errors="replace")
        for reason in unsafe_because(self.broker_version):
            log.warning("this broker is not safe for the street: %s", reason)

    def _write(self, data: bytes) -> None:
        """Write from any thread; a connection that takes nothing within SEND_TIMEOUT_S is given up."""
        with self._writing:
            if self._socket is None:
                return
            try:
                self._socket.sendall(data)
            except OSError:
                self._close_now()

    def _close(self) -> None:
        with self._writing:
            self._close_now()
        if self.up:
            self.up = False
            if not self._stopping.is_set():  # then nobody takes events any more, and a full queue would hold us
                self.events.put(Down())

    def _close_now(self) -> None:
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._socket.close()
            self._socket = None
