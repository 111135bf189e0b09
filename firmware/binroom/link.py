"""The unit's way to the broker: a small MQTT 3.1.1 client on asyncio, in which every network call has a deadline.

One task runs `run()` for ever: wait for the network, connect, subscribe, talk, and after any failure close, pause
(doubling, with jitter) and try again. The unit's loop never waits for it: it reads `take_events()` and calls
`send()`, both of which return at once. What is sent while the link is down is dropped here on purpose: the unit's
outbox is the queue, and it sends again.

    state        enters                                leaves
    down         start, any failure                    after the back-off, when the network is up
    connecting   TCP (and TLS) within _CONNECT_MS       CONNACK and SUBACK within _ANSWER_MS -> up
    up           event ("link", True)                  silence, refusal, garbage, reset -> down, ("link", False)
"""

import asyncio

from firmware.binroom import packets
from firmware.binroom.constant import const
from firmware.wire import KEEPALIVE_S

_CONNACK = const(2)  # the types of the packets a broker sends
_PUBLISH = const(3)
_PUBACK = const(4)
_SUBACK = const(9)
_PINGRESP = const(13)
_PINGREQ = const(b"\xc0\x00")
_CONNECT_MS = const(10000)
_ANSWER_MS = const(8000)
_WRITE_MS = const(8000)
_PING_AFTER_MS = const(5000)  # quiet for this long: ask
_SILENT_MS = const(11000)  # nothing heard for this long, although asked: the broker is frozen or gone
_PUBACK_MS = const(6000)
_PUBACK_TRIES = const(2)
_BACKOFF_FIRST_MS = const(1000)
_BACKOFF_LAST_MS = const(60000)
_STEADY_MS = const(30000)  # a link that lived this long starts the back-off afresh
_POLL_MS = const(20)
_MAX_PACKET_BYTES = const(8192)
_MAX_ANSWER_BYTES = const(64)
_MAX_SKIPPED_BYTES = const(1 << 20)
_MAX_SENDING = const(10)  # waiting and unacknowledged ones
_MAX_EVENTS = const(4)


class LinkError(Exception):
    """The link cannot be had or kept; the text says why."""


class Link:
    """One unit's connection; `network` has `async ready()`, `board` has `ticks_ms`, `ticks_diff`, `random_below`."""

    def __init__(self, settings, hello, board, network, note):
        self._settings = settings
        self._hello = hello  # () -> (client id, will (topic, payload), filters)
        self._board = board
        self._network = network
        self._note = note
        self._events = []
        self._queue = []
        self._flying = {}
        self._next_id = 0
        self._up = False
        self._broken = None
        self._heard_at = 0
        self._pinged = False
        self._stream = None
        self.ends = 0  # how many connections, tried or had, are over

    # --- what the unit's loop calls -------------------------------------------------------------------

    def take_events(self):
        """The events since the last call: ("link", up) and ("message", topic, payload or None)."""
        events = self._events
        self._events = []
        return events

    def send(self, topic, payload, retained):
        """Publish with QoS 1 as soon as possible; dropped while the link is down or has enough to do."""
        if self._up and len(self._queue) + len(self._flying) < _MAX_SENDING:
            self._queue.append((topic, payload, retained))

    def reconnect(self, why):
        """Give up the present connection, so that a new CONNECT carries the new boot number."""
        self._broken = why

    def use(self, tls):
        """Connect anew, with this TLS context from now on."""
        self._settings["tls"] = tls
        self.reconnect("another certificate is shown")

    # --- the task -------------------------------------------------------------------------------------

    async def run(self):
        """Keep a session going for ever."""
        pause_ms = _BACKOFF_FIRST_MS
        while True:
            started = self._now()
            try:
                await self._session()
            except LinkError as error:
                self._note("link: %s" % error)
            except asyncio.TimeoutError:
                self._note("link: no answer in time")
            except (OSError, EOFError, ValueError, MemoryError) as error:
                self._note("link: %s" % (repr(error)[:80]))
            await self._down()
            self.ends += 1
            if self._since(started) > _STEADY_MS:
                pause_ms = _BACKOFF_FIRST_MS
            await asyncio.sleep_ms((pause_ms >> 1) + self._board.random_below(pause_ms))
            pause_ms = min(pause_ms << 1, _BACKOFF_LAST_MS)

    async def _session(self):
        await self._network.ready()
        settings = self._settings
        client_id, will, filters = self._hello()
        self._broken = None
        if settings["tls"] is None:
            opening = asyncio.open_connection(settings["host"], settings["port"])
        else:
            # The handshake itself runs inside the first read and write, each with its deadline.
            opening = asyncio.open_connection(
                settings["host"], settings["port"], ssl=settings["tls"], server_hostname=settings["host"]
            )
        reader, writer = await asyncio.wait_for_ms(opening, _CONNECT_MS)
        self._stream = writer
        hello = packets.connect(client_id, settings["user"], settings["password"], KEEPALIVE_S, will[0], will[1])
        await self._write(hello)
        kind, body = await asyncio.wait_for_ms(self._receive(reader), _ANSWER_MS)
        if kind != _CONNACK or len(body) != 2:
            raise LinkError("the broker's first packet is no CONNACK")
        if body[1]:
            raise LinkError(packets.REFUSALS.get(body[1], "the broker refuses with code %d" % body[1]))
        await self._write(packets.subscribe(self._packet_id(), filters))
        self._heard_at = self._now()
        listener = asyncio.create_task(self._listen(reader, self._next_id))
        try:
            await self._talk()
        finally:
            listener.cancel()

    async def _talk(self):
        started = self._now()
        while True:
            if self._broken is not None:
                raise LinkError(self._broken)
            silent_ms = self._since(self._heard_at)
            if not self._up and self._since(started) > _ANSWER_MS:
                raise LinkError("the broker does not answer SUBSCRIBE")
            if silent_ms > _SILENT_MS:
                raise LinkError("the broker is silent")
            if silent_ms > _PING_AFTER_MS and not self._pinged:
                self._pinged = True
                await self._write(_PINGREQ)
            while self._queue:
                topic, payload, retained = self._queue.pop(0)
                packet_id = self._packet_id()
                self._flying[packet_id] = [topic, payload, retained, self._now(), 1]
                await self._write(packets.publish(packet_id, topic, payload, retained))
            await self._send_again()
            await asyncio.sleep_ms(_POLL_MS)

    async def _send_again(self):
        for packet_id in list(self._flying):
            flight = self._flying.get(packet_id)
            if flight is None or self._since(flight[3]) < _PUBACK_MS:
                continue
            if flight[4] >= _PUBACK_TRIES:
                raise LinkError("the broker does not acknowledge")
            flight[3] = self._now()
            flight[4] += 1
            await self._write(packets.publish(packet_id, flight[0], flight[1], flight[2], True))

    async def _listen(self, reader, packet_id):
        try:
            while True:
                kind, body = await self._receive(reader)
                self._heard_at = self._now()
                self._pinged = False
                if kind == _PUBACK:
                    self._flying.pop(packets.packet_id_of(body), None)
                elif kind == _SUBACK:
                    self._on_suback(body, packet_id)
                elif kind != _PUBLISH and kind != _PINGRESP:
                    raise packets.PacketError("a packet of type %d, which no broker sends" % kind)
        except (packets.PacketError, OSError, EOFError, ValueError, MemoryError) as error:
            self._broken = "the broker hung up or sent garbage: %s" % (str(error) or "end of stream")

    def _on_suback(self, body, packet_id):
        if packets.packet_id_of(body) != packet_id:
            raise packets.PacketError("a SUBACK for nothing")
        if 0x80 in body[2:]:
            raise packets.PacketError("the broker refuses a subscription; its access list lacks this unit")
        if not self._up:
            self._up = True
            self._events.append(("link", True))

    async def _down(self):
        if self._up:
            self._events.append(("link", False))
        self._up = False
        self._pinged = False
        self._queue = []
        self._flying = {}
        stream = self._stream
        self._stream = None
        if stream is not None:
            try:
                stream.close()
                await asyncio.wait_for_ms(stream.wait_closed(), _WRITE_MS)
            except (OSError, EOFError, asyncio.TimeoutError):
                pass

    # --- bytes ----------------------------------------------------------------------------------------

    async def _receive(self, reader):
        """One packet as (type, body); a PUBLISH is handed on and acknowledged here, its body is empty."""
        while len(self._events) >= _MAX_EVENTS:  # the rest waits in the broker, not in our heap
            await asyncio.sleep_ms(_POLL_MS)
        head = (await reader.readexactly(1))[0]
        size = shift = 0
        while True:
            digit = (await reader.readexactly(1))[0]
            size |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                break
            if shift > 21:
                raise packets.PacketError("a packet length of more than four bytes")
        kind = head >> 4
        if kind == _PUBLISH:
            await self._receive_publish(reader, head, size)
            return kind, b""
        if size > _MAX_ANSWER_BYTES:
            raise packets.PacketError("an answer of %d bytes" % size)
        return kind, await reader.readexactly(size) if size else b""

    async def _receive_publish(self, reader, head, size):
        qos = head >> 1 & 3
        if size < 2 or qos > 1 or size > _MAX_SKIPPED_BYTES:
            raise packets.PacketError("a PUBLISH of %d bytes with QoS %d" % (size, qos))
        raw = await reader.readexactly(2)
        topic_bytes = raw[0] << 8 | raw[1]
        left = size - 2 - topic_bytes - (2 if qos else 0)
        if left < 0 or topic_bytes > _MAX_PACKET_BYTES:
            raise packets.PacketError("a PUBLISH whose lengths disagree")
        topic = (await reader.readexactly(topic_bytes)).decode() if topic_bytes else ""
        packet_id = await reader.readexactly(2) if qos else None
        if left > _MAX_PACKET_BYTES:
            payload = None
            while left > 0:
                left -= len(await reader.readexactly(min(left, 512)))
        else:
            payload = await reader.readexactly(left) if left else b""
        # Taken first, acknowledged then: a message is never acknowledged unseen.
        self._events.append(("message", topic, payload))
        if packet_id is not None:
            await self._write(packets.puback(packet_id[0] << 8 | packet_id[1]))

    async def _write(self, data):
        if self._stream is None:
            raise LinkError("the connection is closed")
        self._stream.write(data)
        await asyncio.wait_for_ms(self._stream.drain(), _WRITE_MS)

    def _packet_id(self):
        self._next_id = self._next_id % 65535 + 1
        return self._next_id

    def _now(self):
        return self._board.real_ms()

    def _since(self, then):
        return self._board.ticks_diff(self._board.real_ms(), then)
