"""A door that MQTT clients knock at: it lets everybody in, and notes by which address, as whom and what they say."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import wait_until

LOWEST_PORT, MOST_PORTS = 20_000, 10_000
APART = 16  # between two processes of one after the other: tests run some at a time


def standing_ports() -> Iterator[int]:
    """Ports that are free now and that the system gives nobody by chance before a test comes to use them."""
    for number in range(MOST_PORTS):
        port = LOWEST_PORT + (os.getpid() * APART + number) % MOST_PORTS
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        yield port


_PORTS = standing_ports()
PORT, OTHER_PORT = next(_PORTS), next(_PORTS)
HERE, THERE = "127.83.0.1", "127.83.0.2"


@dataclass
class Guest:
    """One connection: where it knocked, its CONNECT's texts, the subject of its certificate, and what it published."""

    address: tuple[str, int]
    client_id: str = ""
    user: str | None = None
    password: str | None = None
    certificate: str | None = None
    said: list[tuple[str, bytes]] = field(default_factory=list)
    connection: Any = None

    def topics(self, channel: str) -> list[str]:
        """The topics of what it said on a channel."""
        return [topic for topic, _ in list(self.said) if f"/{channel}" in topic]

    def tell(self, topic: str, payload: bytes) -> None:
        """Publish to this guest at QoS 0."""
        self.connection.sendall(_packet(0x30, _text(topic) + payload))


class Door:
    """Listens until `close`; `guests` are those that came so far, in their order."""

    def __init__(self, host: str = HERE, port: int = PORT, tls: ssl.SSLContext | None = None) -> None:
        self.guests: list[Guest] = []
        self.knocks = 0
        self._tls = tls
        self._listener = socket.create_server((host, port))
        threading.Thread(target=self._wait, daemon=True).start()

    def guest(self) -> Guest:
        """The first guest, waited for."""
        found: Guest = wait_until(lambda: self.guests and self.guests[0], "somebody comes in")
        return found

    def close(self) -> None:
        """Take no further guests."""
        self._listener.shutdown(socket.SHUT_RDWR)  # or the thread that waits would keep the port
        self._listener.close()

    def _wait(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.knocks += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Any) -> None:
        try:
            guest = Guest(connection.getsockname())
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                subject = (connection.getpeercert() or {}).get("subject", ())
                guest.certificate = next((value for ((key, value),) in subject if key == "commonName"), None)
            guest.connection = connection
            while True:
                first, body = _read(connection)
                kind = first >> 4
                if kind == 1:
                    _introduce(guest, body)
                    connection.sendall(bytes((0x20, 2, 0, 0)))
                    self.guests.append(guest)
                elif kind == 3:
                    end = 2 + int.from_bytes(body[:2])
                    rest = body[end:]
                    if first & 6:
                        connection.sendall(bytes((0x40, 2)) + rest[:2])
                        rest = rest[2:]
                    guest.said.append((body[2:end].decode(), rest))
                    if body[2:end].endswith(b"/bridge/clock"):  # which the bridge itself hears
                        connection.sendall(_packet(0x30, body[:end] + rest))
                elif kind == 8:
                    connection.sendall(_packet(0x90, body[:2] + bytes(_filters(body[2:]))))
                elif kind == 12:
                    connection.sendall(bytes((0xD0, 0)))
                elif kind == 14:
                    raise OSError("it leaves")
        except (OSError, IndexError):
            connection.close()


@contextmanager
def door(host: str = HERE, port: int = PORT, tls: ssl.SSLContext | None = None) -> Iterator[Door]:
    """A door for the length of a block."""
    made = Door(host, port, tls)
    try:
        yield made
    finally:
        made.close()


def certificate(folder: Path, name: str, names: str = f"IP:{HERE},DNS:localhost") -> Path:
    """A certificate for `name` and `names` (the door's address), its own authority; its key beside it ends in .key."""
    path = folder / f"{name}.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", f"{name}.key", "-out", path.name, "-subj", f"/CN={name}",
         "-addext", f"subjectAltName={names}"],
        cwd=folder, capture_output=True, check=False,
    ) if shutil.which("openssl") else None  # fmt: skip
    if made is None or made.returncode != 0:
        pytest.skip("test of TLS settings NOT RUN: no openssl program to make a certificate with")
    return path


def renewed(folder: Path, name: str, key: Path) -> Path:
    """A further certificate over a key that there is already."""
    path = folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-key", key.name, "-days", "2", "-out", path.name, "-subj", f"/CN={name}"],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    return path


def tls_server(own: Path, *trusted: Path) -> ssl.SSLContext:
    """What a door with this certificate speaks; it asks its guests for one of `trusted`, where given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, own.with_suffix(".key"))
    if trusted:
        context.verify_mode = ssl.CERT_REQUIRED
        for each in trusted:
            context.load_verify_locations(each)
    return context


def _introduce(guest: Guest, body: bytes) -> None:
    flags = body[7]
    texts = []
    place = 10
    for is_there in (True, flags & 4, flags & 4, flags & 128, flags & 64):
        if is_there:
            end = place + 2 + int.from_bytes(body[place : place + 2])
            texts.append(body[place + 2 : end].decode())
            place = end
        else:
            texts.append(None)
    guest.client_id, guest.user, guest.password = texts[0] or "", texts[3], texts[4]


def _filters(body: bytes) -> Iterator[int]:
    while body:
        end = 2 + int.from_bytes(body[:2])
        yield body[end]
        body = body[end + 1 :]


def _text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2) + value.encode()


def _packet(first: int, body: bytes) -> bytes:
    assert len(body) < 128 * 128
    low, high = len(body) % 128, len(body) // 128
    return bytes((first, low | 128, high) if high else (first, low)) + body


def _read(connection: Any) -> tuple[int, bytes]:
    """One packet: its first byte and what follows its length; IndexError at the end of the connection."""
    first, length, shift = connection.recv(1)[0], 0, 0
    while True:
        byte = connection.recv(1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    body = b""
    while len(body) < length:
        more = connection.recv(length - len(body))
        if not more:
            raise IndexError("the connection ended in a packet")
        body += more
    return first, body
