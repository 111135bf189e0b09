"""An MQTT 3.1.1 broker in virtual time, with the weaknesses of a real one.

What it does as Mosquitto does: retained messages, QoS 1 with redelivery, clean and persistent sessions, last
wills (after 1.5 keepalives of silence), take-over of a client id, an ACL by which a device can speak only for
itself (and which answers a forbidden publish with a PUBACK all the same), a snapshot of its state every 60 s:
`stop` saves, `kill` falls back to the snapshot, so that acknowledged messages vanish and old ones come back.

A cut link is silence, not an error: what is sent waits in the socket and arrives late if the link is back
before either side gave up, else it is lost.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from broker.mqtt.own_broker.desk_lists import matches
from broker.mqtt.own_broker.mosquitto_conf import MAX_QUEUED_MESSAGES
from firmware import wire
from sim.judging.outcome import Count
from sim.world.timeline import Timeline

Receive = Callable[[str, bytes, bool], None]  # topic, payload, retained
Lost = Callable[[], None]

SNAPSHOT_S = 60.0
GIVEN_UP_KEEPALIVES = 1.5  # by MQTT 3.1.1, section 3.1.2.10


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for a client that died."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Session:
    """What the broker keeps of one client id; a clean one dies with its connection."""

    client_id: str
    clean: bool
    filters: list[str] = field(default_factory=list)
    queue: deque[tuple[str, bytes, bool]] = field(default_factory=deque)


@lru_cache(maxsize=50_000)
def may_publish(client_id: str, topic: str) -> bool:
    """The ACL: the bridge says what bridges say, a device only what is its own."""
    try:
        address = wire.parse_topic(topic)
    except wire.WireError:
        return False
    if client_id.startswith("bridge-"):
        return wire.sent_by(address) == "bridge" and address.area == client_id.removeprefix("bridge-")
    return wire.sent_by(address) == "device" and address.device == client_id


def _copied(
    retained: Mapping[str, bytes], sessions: Mapping[str, Session]
) -> tuple[dict[str, bytes], dict[str, Session]]:
    """What outlives the broker's process."""
    kept = (session for session in sessions.values() if not session.clean)
    return dict(retained), {
        one.client_id: Session(one.client_id, one.clean, [*one.filters], deque(one.queue)) for one in kept
    }


class Connection:
    """One client's connection; made by `VirtualBroker.connect`."""

    def __init__(
        self, broker: "VirtualBroker", session: Session, receive: Receive, lost: Lost, will: Will | None,
        keepalive_s: float, patience_s: float,
    ) -> None:
        self.broker = broker
        self.session = session
        self.receive = receive
        self.lost = lost
        self.will = will
        self.keepalive_s = keepalive_s
        self.patience_s = patience_s
        self.open = True  # the client believes in it
        self.known = True  # the broker believes in it
        self.cut_at: float | None = None
        self.outward: list[tuple[str, bytes, bool]] = []  # sent by the client into a cut link
        self.busy_until = 0.0
        self.delivering = False

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand a QoS 1 message to the network; False if the connection is already known to be gone."""
        if not self.open:
            return False
        if self.cut_at is not None:
            self.outward.append((topic, payload, retain))
            return True
        delay_s = self.broker.delay_s(self)
        self.broker.timeline.after(delay_s, partial(self.broker.accept, self, topic, payload, retain))
        return True

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe; retained messages of these filters follow."""
        self.broker.subscribe(self, filters)

    def close(self) -> None:
        """A clean DISCONNECT: no will is sent."""
        self.will = None
        self.broker.forget(self)


class VirtualBroker:
    """The broker; `latency_s` is one way from any client to the broker."""

    def __init__(self, timeline: Timeline, latency_s: float = 0.05) -> None:
        self.timeline = timeline
        self.latency_s = latency_s
        self.up = True
        self.count = Count()
        self.watchers: list[Callable[[str, str, bytes, bool], None]] = []  # client_id, topic, payload, retain
        self._retained: dict[str, bytes] = {}
        self._sessions: dict[str, Session] = {}
        self._connections: dict[str, Connection] = {}
        self._heard_by: dict[str, list[Session]] = {}
        self._cut: dict[str, set[str]] = {}  # client: why its link is silent
        self._delay_s: dict[str, float] = {}
        self._frozen = False
        self._snapshot: tuple[dict[str, bytes], dict[str, Session]] = ({}, {})
        timeline.every(SNAPSHOT_S, self._save_if_up)

    # --- clients ---------------------------------------------------------------------------------------

    def connect(
        self, client_id: str, *, receive: Receive, lost: Lost, clean: bool = True, will: Will | None = None,
        keepalive_s: float = wire.KEEPALIVE_S, patience_s: float = 2 * wire.KEEPALIVE_S,
    ) -> Connection | None:
        """A connection, or None where the broker is down or the link is cut (the caller tries again later)."""
        if not self.up or self._frozen or self._cut.get(client_id):
            return None
        old = self._connections.get(client_id)
        if old is not None:
            self._drop(old, tell_client=True)
        session = self._sessions.get(client_id)
        if clean or session is None or session.clean:
            session = Session(client_id, clean)
        self._sessions[client_id] = session
        self._heard_by.clear()
        connection = Connection(self, session, receive, lost, will, keepalive_s, patience_s)
        self._connections[client_id] = connection
        self._deliver_next(connection)
        return connection

    def subscribe(self, connection: Connection, filters: Sequence[str]) -> None:
        """Add filters to the client's session and send what is retained under them."""
        if not connection.known or not self.up:
            return
        for pattern in filters:
            if pattern not in connection.session.filters:
                connection.session.filters.append(pattern)
                self._heard_by.clear()
            for topic, payload in list(self._retained.items()):
                if matches(pattern, topic) and self._queued(connection.session, topic, payload, True):
                    self._deliver(connection)

    def accept(self, connection: Connection, topic: str, payload: bytes, retain: bool) -> None:
        """A PUBLISH has reached the broker."""
        if not self.up or not connection.known:
            self.count.dropped += 1
            return
        if not may_publish(connection.session.client_id, topic):
            self.count.denied += 1
            return
        self._route(connection.session.client_id, topic, payload, retain)

    def forget(self, connection: Connection) -> None:
        """The client said goodbye."""
        connection.open = False
        if connection.known:
            self._drop(connection, tell_client=False)

    # --- what breaks -----------------------------------------------------------------------------------

    def cut(self, client_id: str, why: str = "link") -> None:
        """The client's link goes silent in both directions."""
        self._cut.setdefault(client_id, set()).add(why)
        connection = self._connections.get(client_id)
        if connection is None or connection.cut_at is not None:
            return
        connection.cut_at = cut_at = self.timeline.now

        def broker_gives_up() -> None:
            if connection.cut_at == cut_at and connection.known:
                self._drop(connection, tell_client=False)

        def client_gives_up() -> None:
            if connection.cut_at == cut_at and connection.open:
                connection.open = False
                connection.lost()

        self.timeline.after(GIVEN_UP_KEEPALIVES * connection.keepalive_s, broker_gives_up)
        self.timeline.after(connection.patience_s, client_gives_up)

    def heal(self, client_id: str, why: str = "link") -> None:
        """The link is back where nothing else keeps it silent; what both sides still believe in goes on."""
        reasons = self._cut.get(client_id, set())
        reasons.discard(why)
        if reasons:
            return
        connection = self._connections.get(client_id)
        if connection is None or connection.cut_at is None:
            return
        connection.cut_at = None
        if not connection.open:
            return
        waiting, connection.outward = connection.outward, []
        for topic, payload, retain in waiting:
            self.accept(connection, topic, payload, retain)
        self._deliver_next(connection)

    def slow(self, client_id: str, delay_s: float) -> None:
        """What the client sends and gets takes so many seconds longer from now on, and stays in its order."""
        self._delay_s[client_id] = delay_s

    def freeze(self, frozen: bool) -> None:
        """It says nothing to anybody and takes nothing, and nobody is told; or it goes on."""
        self._frozen = frozen
        for client_id in list(self._connections) if frozen else [*self._cut]:
            if frozen:
                self.cut(client_id, "broker")
            else:
                self.heal(client_id, "broker")

    def delay_s(self, connection: "Connection") -> float:
        """How long what is sent now to or by a client is under way: never less than what was sent before it."""
        now, until = self.timeline.now, connection.busy_until
        arrives_at = now + (self.latency_s + self._delay_s.get(connection.session.client_id, 0.0))
        if arrives_at > until:
            connection.busy_until = until = arrives_at
        return until - now

    def die(self, client_id: str) -> None:
        """The client's machine lost power: nothing more from it; the broker notices by the missing pings."""
        connection = self._connections.get(client_id)
        if connection is None:
            return
        connection.open = False
        patience_s = GIVEN_UP_KEEPALIVES * connection.keepalive_s
        self.timeline.after(patience_s, lambda: self._drop(connection, tell_client=False))

    def stop(self) -> None:
        """An orderly stop: everything is saved, all connections close, no wills are sent."""
        self._save()
        self._down()

    def kill(self, *, forgets: bool = False) -> None:
        """kill -9: the state falls back to the last snapshot, or to nothing where its file is gone."""
        self._down()
        if forgets:
            self._snapshot = {}, {}

    def start(self) -> None:
        """Start again from what was saved; one that was frozen when it ended is not."""
        self._frozen = False
        for reasons in self._cut.values():
            reasons.discard("broker")
        self._retained, self._sessions = _copied(*self._snapshot)
        self._heard_by.clear()
        self.up = True

    # --- inside ----------------------------------------------------------------------------------------

    def _save_if_up(self) -> None:
        if self.up:
            self._save()

    def _save(self) -> None:
        self._snapshot = _copied(self._retained, self._sessions)

    def _down(self) -> None:
        self.up = False
        connections = list(self._connections.values())
        self._connections.clear()
        for connection in connections:
            connection.known = False
            if connection.open and connection.cut_at is None:
                connection.open = False
                self.timeline.after(self.latency_s, connection.lost)

    def _drop(self, connection: Connection, tell_client: bool) -> None:
        if not connection.known:
            return
        connection.known = False
        session = connection.session
        if self._connections.get(session.client_id) is connection:
            del self._connections[session.client_id]
            if session.clean:
                self._sessions.pop(session.client_id, None)
                self._heard_by.clear()
        if tell_client and connection.open:
            connection.open = False
            self.timeline.after(self.latency_s, connection.lost)
        if connection.will is not None and self.up:
            self.count.wills += 1
            self._route(session.client_id, connection.will.topic, connection.will.payload, True)

    def _route(self, sender: str, topic: str, payload: bytes, retain: bool) -> None:
        self.count.published += 1
        for watcher in self.watchers:
            watcher(sender, topic, payload, retain)
        if retain:
            if payload:
                self._retained[topic] = payload
            else:
                self._retained.pop(topic, None)
        begun: dict[float, list[Connection]] = {}
        for session in self._listeners(topic):
            connection = self._queued(session, topic, payload, False)
            if connection is not None:
                begun.setdefault(self.delay_s(connection), []).append(connection)
        for delay_s, connections in begun.items():
            self.timeline.after(delay_s, partial(self._all_arrived, connections))

    def _listeners(self, topic: str) -> list[Session]:
        """The sessions with a filter that covers the topic; remembered until a session or a filter changes."""
        found = self._heard_by.get(topic)
        if found is None:
            found = [s for s in self._sessions.values() if any(matches(pattern, topic) for pattern in s.filters)]
            self._heard_by[topic] = found
        return found

    def _queued(self, session: Session, topic: str, payload: bytes, retained: bool) -> Connection | None:
        """Put it into the queue of a session; the connection on which a delivery begins by that, if one does."""
        if len(session.queue) >= MAX_QUEUED_MESSAGES:
            self.count.dropped += 1
            return None
        session.queue.append((topic, payload, retained))
        connection = self._connections.get(session.client_id)
        return connection if connection is not None and self._begins(connection) else None

    def _begins(self, connection: Connection) -> bool:
        """Whether a delivery begins: of the head of the queue, which it leaves when the client has it (QoS 1)."""
        if connection.delivering or not connection.session.queue or not connection.known:
            return False
        connection.delivering = connection.cut_at is None
        return connection.delivering

    def _deliver_next(self, connection: Connection) -> None:
        if self._begins(connection):
            self._deliver(connection)

    def _deliver(self, connection: Connection) -> None:
        self.timeline.after(self.delay_s(connection), partial(self._arrived, connection))

    def _all_arrived(self, connections: Sequence[Connection]) -> None:
        for connection in connections:
            self._arrived(connection)

    def _arrived(self, connection: Connection) -> None:
        connection.delivering = False
        if not connection.known or not connection.open or connection.cut_at is not None:
            return
        # One trip carries everything that waits: TCP does not send one message at a time.
        queue, count, receive = connection.session.queue, self.count, connection.receive
        for _ in range(len(queue)):
            topic, payload, retained = queue.popleft()
            count.delivered += 1
            receive(topic, payload, retained)
            if not connection.known or not connection.open:
                break
        if queue:
            self._deliver_next(connection)
