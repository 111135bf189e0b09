"""The bridge's own MQTT reader beside paho's: the same bytes, cut anywhere, are the same messages in the same order.

Compared are topic, payload and packet id (0 for QoS 0, so the QoS as well) of each message, and type, id and codes of
each answer. Ours does not tell `retain` and `dup`; the streams have both, and they change nothing. Of a stream that is
spoilt ours may make less than paho (it gives a connection up sooner, for the reasons in `STRICTER`), never more.
"""

import random
import re
import socket
import threading
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from broker.config import MqttConfig
from broker.mqtt import packets
from broker.mqtt.link import Arrived, BridgeLink, Down
from broker.mqtt.packets import CONNACK, PUBLISH, SUBACK
from tests.support.wire.paho_reader import Answer, Message, Paho

# What we never ask for is told by its first byte: paho waits for its last, skips zeros, answers pings and QoS 2.
STRICTER = r"of QoS 2|not UTF-8|an unexpected packet of type|a packet of \d+ bytes|more than four bytes"


class Ours:
    """Our reader, with what it made of everything so far."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answers: list[Answer] = []
        self.gave_up = ""
        self._reader = packets.PacketReader()

    def feed(self, data: bytes) -> None:
        """Let it read this, or give up."""
        if self.gave_up:
            return
        try:
            messages, replies = self._reader.feed(data)
        except packets.PacketError as why:
            self.gave_up = str(why)
            return
        self.messages += messages
        self.answers += [(reply.kind, reply.number, reply.codes) for reply in replies]


def packet(first: int, body: bytes, length_bytes: int = 1) -> bytes:
    """A packet whose remaining length takes at least so many bytes."""
    length, head = len(body), bytearray((first,))
    while True:
        length, digit = divmod(length, 128)
        more = length > 0 or len(head) < length_bytes
        head.append(digit | 0x80 if more else digit)
        if not more:
            return bytes(head) + body


def published(topic: str, payload: bytes, qos: int, flags: tuple[bool, bool], number: int, length_bytes: int) -> bytes:
    """A PUBLISH; `flags` are (retain, dup)."""
    raw, (retain, dup) = topic.encode(), flags
    body = len(raw).to_bytes(2, "big") + raw + (number.to_bytes(2, "big") if qos else b"") + payload
    return packet(PUBLISH << 4 | dup << 3 | qos << 1 | retain, body, length_bytes)


NUMBERS = st.integers(0, 65535)
LENGTH_BYTES = st.sampled_from([1, 1, 1, 2, 3, 4])
PAYLOADS = st.binary(max_size=300) | st.sampled_from([120, 127, 128, 16_370, 16_384, 70_000]).map(lambda n: b"z" * n)
TOPICS = st.text(min_size=1, max_size=40) | st.sampled_from(
    ["zp/v1/xh/truck/t07/fix", "\u7bb1\u623f/\U0001f69b", "x" * 300]
)
PUBLISHES = st.builds(
    published, TOPICS, PAYLOADS, st.integers(0, 1), st.tuples(st.booleans(), st.booleans()), NUMBERS, LENGTH_BYTES
)
ANSWERS = st.one_of(
    st.builds(lambda n, more: packet(0x40, n.to_bytes(2, "big"), more), NUMBERS, LENGTH_BYTES),
    st.builds(
        lambda n, codes: packet(0x90, n.to_bytes(2, "big") + bytes(codes)),
        NUMBERS, st.lists(st.sampled_from([0, 1, 2, 0x80]), max_size=150),
    ),
    st.sampled_from([b"\xd0\x00", b"\x20\x02\x00\x00", b"\x20\x02\x01\x00"]),
)  # fmt: skip
STREAMS = st.lists(PUBLISHES | ANSWERS, max_size=8)
CUTS = st.lists(st.integers(1, 60) | st.integers(1, 40_000), min_size=1, max_size=12)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data in pieces of these sizes, over and over."""
    found, at = [], 0
    while at < len(data):
        found.append(data[at : at + cuts[len(found) % len(cuts)]])
        at += len(found[-1])
    return found


def read_by(reader: Any, parts: list[bytes]) -> Any:
    """The reader, after it was given these pieces."""
    for part in parts:
        reader.feed(part)
    return reader


@pytest.mark.real
@given(STREAMS, CUTS)
@example(
    [published("t", b"z" * 2_097_152, 1, (True, False), 9, 1), published("t", b"", 0, (False, True), 0, 4)], [30_001]
)
@example([packet(0x30, b"\x00\x01t" + b"z" * n) for n in (124, 125, 126, 16_380, 16_381, 16_382)], [1_000, 1])
@example([packet(0x20, b"\x00\x05")], [1])  # refused: both tell the code, paho then gives up, and so does the link
@settings(max_examples=150, deadline=None)
def test_the_same_bytes_are_the_same_messages_and_answers(stream: list[bytes], cuts: list[int]) -> None:
    """Whatever a broker may send us, however it is cut."""
    parts = pieces(b"".join(stream), cuts)
    paho, ours = read_by(Paho(), parts), read_by(Ours(), parts)
    assert ours.messages == paho.messages
    assert ours.answers == paho.answers
    assert not ours.gave_up
    assert [(bool(p[0] & 1), bool(p[0] & 8)) for p in stream if p[0] >> 4 == PUBLISH] == paho.flags
    paho.close()


SMALL_PUBLISHES = st.builds(
    published, st.text(min_size=1, max_size=5), st.binary(max_size=6), st.integers(0, 3),
    st.tuples(st.booleans(), st.booleans()), NUMBERS, LENGTH_BYTES,
)  # fmt: skip
BYTES = st.integers(0, 255) | st.sampled_from(
    [0, 1, 2, 0x20, 0x30, 0x32, 0x34, 0x36, 0x40, 0x7F, 0x80, 0x90, 0xD0, 0xFF]
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A stream with a few bytes changed, dropped, put in or cut off."""
    data = bytearray(b"".join(draw(st.lists(SMALL_PUBLISHES | ANSWERS, min_size=1, max_size=6))))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["change", "drop", "put", "end"])):
            case "change":
                data[at : at + 1] = bytes((draw(BYTES),))
            case "drop":
                del data[at : at + draw(st.integers(1, 4))]
            case "put":
                data[at:at] = bytes(draw(st.lists(BYTES, min_size=1, max_size=4)))
            case "end":
                del data[at:]
    return bytes(data)


def is_refused(ours: Ours) -> bool:
    """Whether the last answer says no, as the link then sees; paho looks at the codes while it reads."""
    kind, number, codes = ours.answers[-1] if ours.answers else (0, 0, b"")
    return (kind == CONNACK and number > 0) or (kind == SUBACK and max(codes, default=0) > 2)


@pytest.mark.real
@given(spoilt() | st.binary(max_size=60), CUTS)
@example(b"\x30\x02\x00\x00", [1])  # an empty topic
@example(b"\x30\x01\x00", [1])
@example(b"\x36\x06\x00\x01t\x00\x01x", [1])  # QoS 3
@example(b"\xd0\x01\x00\x30\x03\x00\x01t", [1])  # a PINGRESP with a body
@example(b"\x20\x03\x00\x00\x00\x30\x03\x00\x01t", [1])
@example(b"\x30\x83\x80\x80\x80\x00\x00\x01t", [1])  # a remaining length of five bytes
@example(b"\x30\x03\x00\x01\xff", [1])  # a topic that is not UTF-8
@example(b"\x00\x30\x03\x00\x01t", [1])  # paho skips the zero
@example(b"\x20\x02\x00\x09\x30\x03\x00\x01t", [1])
@settings(max_examples=400, deadline=None)
def test_of_spoilt_bytes_ours_makes_no_message_that_paho_does_not(data: bytes, cuts: list[int]) -> None:
    """What paho takes for a protocol error is no message of ours, and where ours gives up alone it says why."""
    paho, ours = Paho(), Ours()
    for at in range(len(data)):  # byte by byte: then nothing is lost of what stood before the error
        ours.feed(data[at : at + 1])
        paho.feed(data[at : at + 1])
        if ours.gave_up or (paho.gave_up and is_refused(ours)):
            break
    assert ours.messages == [message for message in paho.messages if message[0] is not None]
    if ours.gave_up and not paho.gave_up:
        assert re.search(STRICTER, ours.gave_up), ours.gave_up
    rest = read_by(Ours(), pieces(data, cuts))  # however cut it makes no other messages
    assert rest.messages == ours.messages[: len(rest.messages)] or not ours.gave_up
    paho.close()


def test_the_link_hands_over_what_paho_would() -> None:
    """Through a real connection too, from the first answer on: all messages, in order, each with its number."""
    dice = random.Random(11)
    stream = [
        published(f"zp/v1/xh/truck/t{n:02}/fix", dice.randbytes(dice.choice([0, 5, 200, 130, 20_000])), n % 3 and 1,
                  (n % 2 == 0, n % 5 == 0), n + 1, 1 + n % 4)
        if n % 7 else dice.choice([b"\xd0\x00", b"\x40\x02\x00\x09"])
        for n in range(300)
    ]  # fmt: skip
    cuts = [dice.randrange(1, 9_000) for _ in range(40)]
    paho = read_by(Paho(), [b"".join(stream)])
    found: list[Message] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)  # CONNECT; a persistent session's messages may come before the SUBACK
                connection.sendall(b"\x20\x02\x01\x00" + b"".join(stream[:3]))
                connection.recv(4096)
                for part in pieces(b"".join([*stream[3:5], packet(0x90, b"\x00\x01\x01"), *stream[5:]]), cuts):
                    connection.sendall(part)

        speaker = threading.Thread(target=talk, daemon=True)
        speaker.start()
        link = BridgeLink(MqttConfig(port=server.getsockname()[1]), "xh", 1)
        link.start()
        try:
            while not isinstance(event := link.events.get(timeout=10), Down):
                if isinstance(event, Arrived):
                    found += event.messages
        finally:
            link.stop()
        speaker.join(10)
    assert found == paho.messages
    assert len(found) == sum(p[0] >> 4 == PUBLISH for p in stream)
    paho.close()
