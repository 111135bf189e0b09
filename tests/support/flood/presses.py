"""Everybody else: trucks that press and take it back in turn, and how long `stored` took each time."""

import json
import socket
import threading
import time
from pathlib import Path

from broker.mqtt import packets
from firmware import wire
from firmware.truck.outbox.courier import PRESS_RESEND_S
from tests.support.flood.attacker import AREA, PASSWORD, plugged
from tests.support.flood.shapes import press

EVERY_S = 0.1
LOST_S = 30.0  # after which a press counts as never answered


class Truck:
    """One truck's connection, that comes back when it is lost and sends again what is not stored."""

    def __init__(self, port: int, name: str, presses: "Presses") -> None:
        self.port, self.name = port, name
        self._presses = presses
        self._seq = 0
        self._unanswered: dict[str, tuple[float, bytes]] = {}  # by name: when it is to be sent again, the packet
        self._socket: socket.socket | None = None
        self._writing = threading.Lock()
        threading.Thread(target=self._read_on, daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether it is connected and listens."""
        return self._socket is not None

    def say(self, name: str, *, withdrawn: bool) -> None:
        """Press, or take the press back."""
        self._seq += 1
        topic = wire.topic("incident", AREA, self.name, name)
        body = press(name, self._seq, withdrawn=withdrawn, boot=self._presses.boot)
        packet = packets.publish(topic, body, 7, True)
        with self._writing:
            if withdrawn:
                self._unanswered.pop(name, None)
            else:
                self._unanswered[name] = time.monotonic() + PRESS_RESEND_S, packet
            self._send(packet)

    def _send(self, packet: bytes) -> None:
        if self._socket is not None:
            try:
                self._socket.sendall(packet)
            except OSError:
                self._socket = None

    def _send_again(self, *, everything: bool) -> None:
        now = time.monotonic()
        with self._writing:
            for name, (again_at, packet) in list(self._unanswered.items()):
                if everything or now >= again_at:
                    self._unanswered[name] = now + 2 * PRESS_RESEND_S, packet
                    self._send(packet)

    def _read_on(self) -> None:
        while not self._presses.over.is_set():
            try:
                self._read()
            except (OSError, ValueError):
                self._socket = None
                time.sleep(0.1)

    def _read(self) -> None:
        with plugged(self.port, 5, self._presses.keys, self.name) as connection:
            will = wire.topic("life", AREA, self.name, family="truck"), b'{"life":"lost","boot":7}'
            connection.sendall(packets.connect(self.name, self.name, PASSWORD, 60, True, will))
            acks = wire.topic("incident_ack", AREA, self.name, "x").removesuffix("x") + "+"
            reader = packets.PacketReader()
            connection.sendall(packets.subscribe(1, [(acks, 1)]))
            connection.settimeout(1.0)
            while not self._presses.over.is_set():
                if self._socket is connection:
                    self._send_again(everything=False)
                try:
                    data = connection.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    raise OSError("closed")
                messages, replies = reader.feed(data)
                if any(reply.kind == packets.SUBACK for reply in replies):
                    self._socket = connection
                    self._send_again(everything=True)
                numbers = [number for _, _, number in messages if number]
                with self._writing:
                    if numbers:
                        connection.sendall(packets.pubacks(numbers))
                for topic, payload, _ in messages:
                    if payload and json.loads(payload)["stage"] == "stored":
                        self._presses.stored(self, topic.rpartition("/")[2])


class Presses:
    """Presses of these trucks in turn, from `start` to `stop`; `waits(since, until)` are their times to `stored`."""

    def __init__(self, port: int, names: tuple[str, ...], boot: int = 7, keys: Path | None = None) -> None:
        self.over, self.boot, self.keys = threading.Event(), boot, keys
        self._sent: dict[str, float] = {}
        self._stored: dict[str, float] = {}
        self._trucks = [Truck(port, name, self) for name in names]
        self._thread = threading.Thread(target=self._press, daemon=True)

    def start(self) -> None:
        """Begin, once all are connected."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not all(truck.ready for truck in self._trucks):
            time.sleep(0.05)
        self._thread.start()

    def stop(self) -> None:
        """End, after the last had their time."""
        deadline = time.monotonic() + LOST_S
        self._pressing = False
        while time.monotonic() < deadline and len(self._stored) < len(self._sent):
            time.sleep(0.05)
        self.over.set()
        self._thread.join(5)

    _pressing = True

    def _press(self) -> None:
        number, began = 0, time.monotonic()
        while self._pressing and not self.over.is_set():
            truck = self._trucks[number % len(self._trucks)]
            name = f"{truck.name}-{self.boot}-{number}"
            if truck.ready:
                self._sent[name] = time.monotonic()
                truck.say(name, withdrawn=False)
            number += 1
            time.sleep(max(0.0, began + number * EVERY_S - time.monotonic()))

    def stored(self, truck: Truck, name: str) -> None:
        """The bridge says so; then it is taken back."""
        if name in self._sent and name not in self._stored:
            self._stored[name] = time.monotonic()
            truck.say(name, withdrawn=True)

    def waits(self, since: float, until: float) -> list[float]:
        """The seconds to `stored` of what was pressed between; LOST_S for what never was. Sorted."""
        sent = [(name, at) for name, at in list(self._sent.items()) if since <= at < until]
        return sorted(self._stored[name] - at if name in self._stored else LOST_S for name, at in sent)


def p99(waits: list[float]) -> float:
    """The 99th percentile; LOST_S where nothing was pressed."""
    return waits[min(len(waits) - 1, int(0.99 * len(waits)))] if waits else LOST_S
