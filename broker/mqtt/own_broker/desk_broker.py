"""The broker for a desk where no Mosquitto can be had (pip alone): MQTT 3.1.1, in memory. Not for the street.

    python -m broker.mqtt.own_broker.desk_broker MOSQUITTO.CONF

It reads the very files that are generated for Mosquitto, so accounts, access list and limits are the same. It has QoS 0
and 1, retained messages, last wills, persistent sessions, keepalives; a second connection of a name ends the first. It
has no TLS, and forgets everything when it ends: bridge and devices then say it anew, as they must on any broker.
"""

import asyncio
import contextlib
import logging
import signal
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from broker.mqtt.own_broker.desk_lists import Accounts, Topics, matches, settings
from broker.mqtt.packets import REFUSED, PacketError, packet, text

log = logging.getLogger("zhanpai.desk_broker")

VERSION = b"zhanpai desk broker"
VERSION_TOPIC = "$SYS/broker/version"
HELLO_S = 10.0  # within which a connection must have said who it is
KEEPALIVES = 1.5  # of silence, by MQTT 3.1.1, section 3.1.2.10
SLOW_BYTES = 4 * 1024 * 1024  # unsent bytes to one client, above which QoS 0 is dropped and QoS 1 waits
CONNECT, PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 10, 12, 14
BAD_PASSWORD = 5

Message = tuple[str, bytes, int, bool]  # topic, payload, QoS, retained


@dataclass(slots=True)
class Session:
    """What is kept of one name: with a clean one, until its connection ends."""

    name: str
    clean: bool
    filters: dict[str, int] = field(default_factory=dict)
    waiting: deque[Message] = field(default_factory=deque)
    unanswered: dict[int, Message] = field(default_factory=dict)
    number: int = 0
    writer: asyncio.StreamWriter | None = None


class DeskServer:
    """One broker; `serve` until cancelled."""

    def __init__(self, configuration: Path) -> None:
        given = settings(configuration)
        port, _, self._host = given["listener"].partition(" ")
        self._port = int(port)
        self._accounts = Accounts(Path(given["password_file"]).read_text(encoding="utf-8"))
        self._topics = Topics.of(Path(given["acl_file"]).read_text(encoding="utf-8"))
        self._most_bytes = int(given.get("message_size_limit", 1_048_576)) + 1024  # the topic is not counted
        self._most_waiting = int(given.get("max_queued_messages", 1000))
        self._most_unanswered = int(given.get("max_inflight_messages", 20))
        self._retained: dict[str, bytes] = {VERSION_TOPIC: VERSION}
        self._sessions: dict[str, Session] = {}

    async def serve(self) -> None:
        """Listen and serve."""
        server = await asyncio.start_server(self._guest, self._host or "127.0.0.1", self._port)
        async with server:
            await server.serve_forever()

    # --- one client -------------------------------------------------------------------------------------

    async def _guest(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        will: Message | None = None
        session: Session | None = None
        try:
            async with asyncio.timeout(HELLO_S):
                first, body = await self._packet(reader)
            session, will, keepalive_s = self._hello(first, body, writer)
            while True:
                async with asyncio.timeout(KEEPALIVES * keepalive_s or None):
                    first, body = await self._packet(reader)
                if first >> 4 == DISCONNECT:
                    will = None
                    break
                self._take(session, first, body)
                if session.writer is not writer:
                    break  # another connection has taken the name
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass
        except (IndexError, ValueError) as why:
            log.warning("%s: %s", session.name if session else writer.get_extra_info("peername"), why)
        finally:
            if session is not None:
                self._left(session, writer, will)
            writer.close()

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        first = (await reader.readexactly(1))[0]
        length = shift = 0
        while True:
            digit = (await reader.readexactly(1))[0]
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
            if shift > 21:
                raise PacketError("a remaining length of more than four bytes")
        if length > self._most_bytes:
            raise PacketError(f"a packet of {length} bytes")
        return first, await reader.readexactly(length)

    def _hello(
        self, first: int, body: bytes, writer: asyncio.StreamWriter
    ) -> tuple[Session, Message | None, int]:
        """CONNECT: who it is, its will, its keepalive."""
        protocol, rest = _cut(body)
        if first >> 4 != CONNECT or protocol != b"MQTT" or rest[0] != 4:
            raise PacketError("not an MQTT 3.1.1 client")
        flags, keepalive_s = rest[1], int.from_bytes(rest[2:4])
        _, rest = _cut(rest[4:])  # its client id: the user's name counts, as `use_username_as_clientid` says
        will: Message | None = None
        if flags & 0x04:
            topic, rest = _cut(rest)
            payload, rest = _cut(rest)
            will = (topic.decode(), payload, flags >> 3 & 3, bool(flags & 0x20))
        user, rest = _cut(rest) if flags & 0x80 else (b"", rest)
        password, _ = _cut(rest) if flags & 0x40 else (b"", rest)
        name = user.decode()
        if not self._accounts.admit(name, password):
            writer.write(bytes((0x20, 2, 0, BAD_PASSWORD)))
            raise PacketError(f"{name!r} has no account here, or another password")
        session = self._sessions.get(name)
        if session is not None and session.writer is not None:
            session.writer.close()
        clean = bool(flags & 0x02)
        present = session is not None and not clean and not session.clean
        if session is None or not present:
            session = self._sessions[name] = Session(name, clean)
        session.writer = writer
        writer.write(bytes((0x20, 2, int(present), 0)))
        for number, message in session.unanswered.items():
            writer.write(_publish(message, number, again=True))
        self._send_waiting(session)
        return session, will, keepalive_s

    def _left(self, session: Session, writer: asyncio.StreamWriter, will: Message | None) -> None:
        if session.writer is writer:
            session.writer = None
            if session.clean:
                self._sessions.pop(session.name, None)
        if will is not None:
            self._spread(session.name, will)

    def _take(self, session: Session, first: int, body: bytes) -> None:
        kind = first >> 4
        if kind == PUBLISH:
            self._published(session, first, body)
        elif kind == PUBACK:
            session.unanswered.pop(int.from_bytes(body[:2]), None)
            self._send_waiting(session)
        elif kind == SUBSCRIBE:
            self._subscribed(session, body)
        elif kind == UNSUBSCRIBE:
            rest = body[2:]
            while rest:
                pattern, rest = _cut(rest)
                session.filters.pop(pattern.decode(), None)
            self._write(session, b"\xb0\x02" + body[:2])
        elif kind == PINGREQ:
            self._write(session, b"\xd0\x00")
        else:
            raise PacketError(f"a packet of type {kind}")

    def _published(self, session: Session, first: int, body: bytes) -> None:
        qos = first >> 1 & 3
        topic, rest = _cut(body)
        if qos > 1:
            raise PacketError("QoS 2, which this broker has not")
        if qos:
            self._write(session, b"\x40\x02" + rest[:2])
            rest = rest[2:]
        name = topic.decode()
        if not name or "+" in name or "#" in name:
            raise PacketError(f"{name!r} is no topic")
        self._spread(session.name, (name, rest, qos, bool(first & 1)))

    def _subscribed(self, session: Session, body: bytes) -> None:
        rest, codes, new = body[2:], bytearray(), []
        while rest:
            pattern, rest = _cut(rest)
            codes.append(min(rest[0], 1) if pattern else REFUSED)
            if pattern:
                session.filters[pattern.decode()] = codes[-1]
                new.append((pattern.decode(), codes[-1]))
            rest = rest[1:]
        self._write(session, bytes((0x90, 2 + len(codes))) + body[:2] + codes)
        for wanted, qos in new:
            for topic, payload in list(self._retained.items()):
                if matches(wanted, topic):
                    self._deliver(session, (topic, payload, qos, True))

    # --- to everybody -----------------------------------------------------------------------------------

    def _spread(self, sender: str, message: Message) -> None:
        """Keep what is retained and hand it to whoever asked; what the sender may not say goes nowhere."""
        topic, payload, qos, retained = message
        if not self._topics.may(sender, "write", topic):
            return
        if retained and payload:
            self._retained[topic] = payload
        elif retained:
            self._retained.pop(topic, None)
        for session in self._sessions.values():
            granted = [most for pattern, most in session.filters.items() if matches(pattern, topic)]
            if granted:
                self._deliver(session, (topic, payload, min(qos, max(granted)), False))

    def _deliver(self, session: Session, message: Message) -> None:
        topic, _, qos, _ = message
        if not self._topics.may(session.name, "read", topic):
            return
        if qos == 0:
            if session.writer is not None and session.writer.transport.get_write_buffer_size() < SLOW_BYTES:
                self._write(session, _publish(message, 0))
        elif len(session.waiting) < self._most_waiting:
            session.waiting.append(message)
            self._send_waiting(session)

    def _send_waiting(self, session: Session) -> None:
        writer = session.writer
        while session.waiting and writer is not None and len(session.unanswered) < self._most_unanswered:
            if writer.transport.get_write_buffer_size() >= SLOW_BYTES:
                return  # its next PUBACK asks again
            session.number = session.number % 65535 + 1
            message = session.unanswered[session.number] = session.waiting.popleft()
            self._write(session, _publish(message, session.number))

    def _write(self, session: Session, packet: bytes) -> None:
        if session.writer is not None and not session.writer.is_closing():
            session.writer.write(packet)


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """A text with its length before it, and the rest."""
    end = 2 + int.from_bytes(data[:2])
    if len(data) < end or len(data) < 2:
        raise PacketError("a packet that ends too early")
    return data[2:end], data[end:]


def _publish(message: Message, number: int, *, again: bool = False) -> bytes:
    topic, payload, qos, retained = message
    body = text(topic) + (number.to_bytes(2, "big") if qos else b"") + payload
    return packet(PUBLISH << 4 | 8 * again | qos << 1 | retained, body)


async def _until_told(broker: DeskServer) -> None:
    task = asyncio.ensure_future(broker.serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> None:
    """Serve the configuration named on the command line until SIGTERM."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    asyncio.run(_until_told(DeskServer(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
