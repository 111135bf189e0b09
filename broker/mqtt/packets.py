"""MQTT 3.1.1 packets as the bridge's link needs them: bytes in, events out; no socket, no clock.

Only what a client with QoS 1 meets. A packet that breaks the protocol raises `PacketError`: the connection is then
given up, as the standard asks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
REFUSED = 0x80  # a SUBACK's code for a filter that is not subscribed to
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
MAX_PACKET_BYTES = 4 * 1024 * 1024  # far above what our own brokers let through


class PacketError(ValueError):
    """The peer does not speak MQTT 3.1.1."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A packet other than PUBLISH: its type and, for CONNACK, its return code; for PUBACK and SUBACK its id.

    `codes` is a SUBACK's answer to each filter, in order.
    """

    kind: int
    number: int
    codes: bytes = b""


def must_be_in(answer: Reply) -> None:
    """Raises PacketError if a CONNACK says no."""
    if answer.number != 0:
        raise PacketError(f"it refuses us (code {answer.number}): check [mqtt] user and password_file")


def text(value: str) -> bytes:
    """A text with its length before it."""
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def packet(first: int, body: bytes) -> bytes:
    """A packet of this first byte."""
    length, head = len(body), bytearray((first,))
    if length < 128:
        return bytes((first, length)) + body
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(head) + body


def connect(
    client_id: str, user: str, password: str | None, keepalive_s: int, clean: bool, will: tuple[str, bytes]
) -> bytes:
    """CONNECT with a retained QoS 1 will."""
    flags = 0x80 | 0x20 | 0x08 | 0x04 | (0x40 if password is not None else 0) | (0x02 if clean else 0)
    topic, payload = will
    body = text("MQTT") + bytes((4, flags)) + keepalive_s.to_bytes(2, "big") + text(client_id)
    body += text(topic) + len(payload).to_bytes(2, "big") + payload + text(user)
    if password is not None:
        body += text(password)
    return packet(0x10, body)


def subscribe(number: int, filters: Iterable[tuple[str, int]]) -> bytes:
    """SUBSCRIBE to (filter, QoS) pairs."""
    body = number.to_bytes(2, "big") + b"".join(text(name) + bytes((qos,)) for name, qos in filters)
    return packet(0x82, body)


def unsubscribe(number: int, name: str) -> bytes:
    """UNSUBSCRIBE from a filter."""
    return packet(0xA2, number.to_bytes(2, "big") + text(name))


def publish(topic: str, payload: bytes, number: int, retained: bool) -> bytes:
    """PUBLISH at QoS 1."""
    return packet(0x33 if retained else 0x32, text(topic) + number.to_bytes(2, "big") + payload)


def pubacks(numbers: Iterable[int]) -> bytes:
    """One PUBACK for each packet id."""
    return b"".join(b"\x40\x02" + number.to_bytes(2, "big") for number in numbers)


class PacketReader:
    """Takes bytes cut anywhere; gives messages as (topic, payload, packet id or 0) and replies, in order."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> tuple[list[tuple[str, bytes, int]], list[Reply]]:
        """What is complete now; raises PacketError."""
        buffer = self._rest + data if self._rest else data
        size, at = len(buffer), 0
        messages: list[tuple[str, bytes, int]] = []
        replies: list[Reply] = []
        while size - at >= 2:
            first, length, start = buffer[at], buffer[at + 1], at + 2
            if length > 127:
                if size > start and buffer[start] < 128:  # two bytes, as nearly all have
                    length, start = length & 127 | buffer[start] << 7, start + 1
                elif (whole := _length(buffer, at + 1, size)) is not None:
                    length, start = whole
                else:
                    break
            end = start + length
            if end > size:
                _check_kind(first >> 4)  # or we would wait for the rest of what is no packet of ours
                break
            if first >> 4 == PUBLISH:
                messages.append(_message(buffer, first, start, end))
            else:
                replies.append(_reply(first >> 4, buffer[start:end]))
            at = end
        self._rest = buffer[at:]
        return messages, replies


def _length(buffer: bytes, at: int, size: int) -> tuple[int, int] | None:
    """(remaining length, where the body starts), or None while it is not all there."""
    length = 0
    for i in range(4):
        if at + i >= size:
            return None
        length |= (buffer[at + i] & 127) << (7 * i)
        if buffer[at + i] < 128:
            if length > MAX_PACKET_BYTES:
                raise PacketError(f"a packet of {length} bytes")
            return length, at + i + 1
    raise PacketError("a remaining length of more than four bytes")


def _message(buffer: bytes, first: int, start: int, end: int) -> tuple[str, bytes, int]:
    topic_end = start + 2 + (buffer[start] << 8 | buffer[start + 1]) if end - start >= 2 else end + 1
    qos = first >> 1 & 3
    body = topic_end + 2 if qos else topic_end
    if body > end or qos > 1 or topic_end == start + 2:
        raise PacketError(f"a PUBLISH of QoS {qos}" if qos > 1 else "a PUBLISH without a topic or with half a header")
    try:
        topic = buffer[start + 2 : topic_end].decode()
    except UnicodeDecodeError as why:
        raise PacketError("a topic that is not UTF-8") from why
    return topic, buffer[body:end], (buffer[topic_end] << 8 | buffer[topic_end + 1]) if qos else 0


def _check_kind(kind: int) -> None:
    if kind not in (PUBLISH, CONNACK, PUBACK, SUBACK, PINGRESP):
        raise PacketError(f"an unexpected packet of type {kind}")


def _reply(kind: int, body: bytes) -> Reply:
    _check_kind(kind)
    size = len(body)
    if size != (0 if kind == PINGRESP else 2) and not (kind == SUBACK and size > 2):
        raise PacketError(f"a packet of type {kind} with {size} bytes")
    if kind == PINGRESP:
        return Reply(kind, 0)
    if kind == CONNACK:
        return Reply(kind, body[1])
    return Reply(kind, body[0] << 8 | body[1], body[2:])
