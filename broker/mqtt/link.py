"""The bridge's connection to the MQTT broker: a persistent session, turned into a queue of plain events.

A message is acknowledged to the broker (PUBACK) once the bridge's loop took it, decided on it and tried to commit it,
also when the commit failed: a PUBACK means nothing, and what is not stored its device sends again (decision 14). What
was not acknowledged the broker hands over to our next connection; nobody relies on that.

Why not paho here: it costs more per message than deciding and storing do (see `python3 -m bench throughput`). The
packets are in packets.py, the socket is in connection.py; this file is one thread that connects, reads in large pieces
and asks whether the broker is still there.
"""

import logging
import queue
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from broker import __version__
from broker.config import ConfigError, MqttConfig
from broker.mqtt import packets
from broker.mqtt.broker_version import unsafe_because
from broker.mqtt.connection import CONNECT_TIMEOUT_S, Connection, Messages
from firmware import wire

log = logging.getLogger("zhanpai.link")

VERSION_TOPIC = "$SYS/broker/version"
MAX_WAITING = 2000  # batches; above it the thread stops reading, and the broker keeps what it has
PING_S = 2.0  # far below the keepalive: a frozen broker's socket takes what we write and looks well
SILENT_S = 5.0  # without an answer to a ping: frozen, or far too busy
RETRY_FIRST_S = 0.25
RETRY_MOST_S = 5.0
HELD_S = 15.0  # a shorter connection is a failed one; above RETRY_MOST_S, or two bridges of one id never slow down
SHORT_ONES = 3  # in a row, before we ask what throws us out
MAX_UNANSWERED = 20_000  # our own publishes without PUBACK; a broker that lets more pile up is not listening


@dataclass(frozen=True, slots=True)
class Up:
    """Connected and subscribed."""


@dataclass(frozen=True, slots=True)
class Down:
    """The connection ended; it is tried again until it works."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Messages as (topic, payload, number); give those numbers that are not 0 back to `settle` when decided."""

    messages: Messages
    connection: int


Event = Up | Down | Arrived


class Events(Protocol):
    """Where the link puts what happened; `put` may say which of the messages' numbers are done with already."""

    def put(self, event: Event) -> list[int] | None:
        """Take one."""
        ...

    def get(self, *, timeout: float) -> Event:
        """The next; raises queue.Empty."""
        ...

    def get_nowait(self) -> Event:
        """The next that is there; raises queue.Empty."""
        ...


class BridgeLink:
    """One connection as `bridge-<area>`; `events` is what happened, in order."""

    def __init__(
        self, config: MqttConfig, area: str, at: int, password: str | None = None, events: Events | None = None
    ) -> None:
        self.events: Events = events or queue.Queue(MAX_WAITING)
        self.up = False
        self.connection = 0
        self.broker_version = ""
        self.why = ""  # why there is no connection, while there is none
        self._heard_at = time.monotonic()  # when the broker said anything last, a refusal too
        self._handing_over = False  # while nobody takes events it is we who do not listen
        self._config = config
        self._area = area
        self._name = f"bridge-{area}"
        self._password = password if password is not None else config.password()
        self._tls = config.tls()
        topic = wire.topic("life", area, family="bridge")
        self._own_clock = wire.topic("clock", area, family="bridge")
        self._press_topics = [name for name in wire.subscriptions("bridge", area) if name.endswith("/incident/+")]
        self._echo_at: float | None = None  # when our own heartbeat came back last; None: we may not hear it
        self._asked_at: float | None = None  # when the ping went out that has no answer yet
        self._will = (topic, wire.pack(topic, {"life": "lost", "at": at, "fw": __version__}))
        self._connection: Connection | None = None
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

    def ask_for_presses(self) -> None:
        """Have the broker hand over every retained press anew, with the next `write_out`: it lost some on the way."""
        if self.up:
            self._put(packets.subscribe(1, [(topic, 1) for topic in self._press_topics]))

    @property
    def heard_at(self) -> float:
        """When (monotonic) the broker said anything last, a refusal too; now, while it is we who do not listen."""
        return time.monotonic() if self._handing_over else self._heard_at

    def silent_s(self) -> float:
        """For how long the broker has left a ping unanswered; 0 while it answers or there is no connection."""
        asked_at = self._asked_at
        return time.monotonic() - asked_at if asked_at is not None and self.up else 0.0

    def heartbeat_s(self) -> float | None:
        """How long ago our own heartbeat came back through the broker; None where it cannot, or is not awaited."""
        echo_at = self._echo_at
        return time.monotonic() - echo_at if echo_at is not None and self.up else None

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
        wait_s, told, short = RETRY_FIRST_S, "", 0
        while not self._stopping.is_set():
            up_at = None
            try:
                connection = self._connect()
                up_at, told = time.monotonic(), ""
                self._read(connection)
            except (OSError, ValueError) as why:  # ValueError: a packet that is none, or a socket closed meanwhile
                self.why = str(why)
                if isinstance(why, packets.PacketError):
                    self._heard_at = time.monotonic()  # it said that it wants none of us
                if not self._stopping.is_set() and self.why != told:
                    told = self.why
                    log.warning(
                        "the broker at %s:%d: %s; trying again", self._config.host, self._config.port, why
                    )
            finally:
                self._close()
            if up_at is not None:
                if time.monotonic() - up_at >= HELD_S:
                    wait_s, short = RETRY_FIRST_S, 0
                else:
                    short += 1
                if short == SHORT_ONES and not self._stopping.is_set():
                    log.warning(
                        "%d connections in a row ended within %.0f s: is another bridge running as %s? A broker keeps "
                        "one of a name and throws the other out; stop one of them", short, HELD_S, self._name,
                    )  # fmt: skip
            self._stopping.wait(wait_s)
            wait_s = min(RETRY_MOST_S, wait_s * 1.5)

    def _connect(self) -> Connection:
        config = self._config
        self._connection = connection = Connection(config.host, config.port, self._stopping.is_set)
        if self._tls is not None:
            connection.secure(self._shown(self._tls))
        hello = packets.connect(
            self._name, config.user or self._name, self._password, wire.KEEPALIVE_S, clean=False, will=self._will
        )
        answer, messages = connection.ask(hello, packets.CONNACK)
        packets.must_be_in(answer)
        filters = [*((topic, 1) for topic in wire.subscriptions("bridge", self._area)), (self._own_clock, 0)]
        filters.append((VERSION_TOPIC, 0))
        answer, more = connection.ask(packets.subscribe(1, filters), packets.SUBACK)
        self._echo_at, self._asked_at, self.why = time.monotonic(), None, ""
        for (topic, qos), code in zip(filters, answer.codes, strict=False):
            if code >= packets.REFUSED and topic == self._own_clock:
                self._echo_at = None
                log.warning("the broker does not let us hear our own heartbeat: nobody can tell whether others do")
            elif code >= packets.REFUSED and qos:
                raise packets.PacketError(
                    f"it refuses the subscription to {topic}; let {config.user or self._name} read it in the broker's "
                    "access list"
                )
        self._sent = self._answered = 0
        self.connection += 1
        self.up = True
        log.info("connected to the broker at %s:%d", config.host, config.port)
        self.events.put(Up())
        self._hand_over(messages + more)
        return connection

    def _shown(self, former: ssl.SSLContext) -> ssl.SSLContext:
        """With certificate and key as the files are now: what was renewed counts from the next connection on."""
        try:
            self._tls = self._config.tls()
        except ConfigError as why:
            log.warning("%s; the bridge shows what it had", why)
        return self._tls or former

    def _read(self, connection: Connection) -> None:
        """Read until the connection ends; raises OSError or PacketError when it does."""
        heard_at = pinged_at = time.monotonic()
        told = False
        while not self._stopping.is_set():
            now = time.monotonic()
            if now - pinged_at >= min(PING_S, wire.KEEPALIVE_S / 2):
                pinged_at = now
                if self._asked_at is None:
                    self._asked_at = now
                connection.write(packets.PINGREQ)
            if now - heard_at > wire.KEEPALIVE_S * 1.5:
                raise OSError(f"silent for {now - heard_at:.0f} s")
            if (self.silent_s() > SILENT_S) is not told:
                told = not told
                log.warning("the broker %s", "answers no ping: frozen, or far too busy" if told else "answers again")
            data = connection.received()
            if data is None:
                continue
            if not data:
                raise OSError("it closed the connection")
            heard_at = self._heard_at = time.monotonic()
            self._asked_at = None
            messages, replies = connection.reader.feed(data)
            self._answered += sum(1 for reply in replies if reply.kind == packets.PUBACK)
            if self._sent - self._answered > MAX_UNANSWERED:
                raise OSError(f"it left {self._sent - self._answered} of our messages unanswered")
            if messages:
                self._handing_over = True
                self._hand_over(messages)
                self._handing_over = False
                heard_at = time.monotonic()

    def _hand_over(self, messages: Messages) -> None:
        own = [message for message in messages if message[0] in (self._own_clock, VERSION_TOPIC)]
        if own:
            for topic, payload, _ in own:
                if topic == VERSION_TOPIC:
                    self._learn_version(payload)
                else:
                    self._echo_at = time.monotonic()
            messages = [message for message in messages if message not in own]
        if messages:
            refused = self.events.put(Arrived(messages, self.connection))
            if refused and self._connection is not None:
                self._connection.write(packets.pubacks(refused))

    def _learn_version(self, payload: bytes) -> None:
        self.broker_version = payload[:100].decode(errors="replace")
        for reason in unsafe_because(self.broker_version):
            log.warning("this broker is not safe for the street: %s", reason)

    def _write(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.write(data)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self.up:
            self.up = False
            if not self._stopping.is_set():  # then nobody takes events any more, and a full queue would hold us
                self.events.put(Down())
