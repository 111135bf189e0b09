"""The web port under connections that ask for nothing: they are closed, and everybody else is served."""

import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from broker.config import BrokerConfig
from broker.process import Desk
from broker.web.door import connection_limits
from broker.web.server import WebServer
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.processes import REPO, wait_until

pytestmark = pytest.mark.real


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a screen that is in a hurry and has few places."""
    monkeypatch.setattr(connection_limits, "HEAD_S", 0.5)
    monkeypatch.setattr(connection_limits, "BODY_S", 1.0)
    monkeypatch.setattr(connection_limits, "TAKE_S", 1.0)
    monkeypatch.setattr(connection_limits, "MOST_CONNECTIONS", 10)
    monkeypatch.setattr(connection_limits, "TELL_EVERY_S", 0.0)
    morning = Morning(tmp_path / "records")
    desk = Desk()
    desk.show(snapshot(morning.bridge, morning.now))
    config = BrokerConfig.model_validate(
        {
            "area": {"plan": "demo"}, "web": {"port": 0}, "registers": {"folder": tmp_path / "registers"},
            "people": {"folder": tmp_path / "people"}, "playback": {"folder": tmp_path / "playback"},
        }
    )  # fmt: skip
    server = WebServer(config, desk, morning.store, morning.plan)
    server.start()
    yield server.port
    server.stop()
    morning.close()


def closed_after_s(port: int, *pieces: bytes) -> float:
    """How long a connection lives that sends these pieces, 0.2 s apart, and waits."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.2)
            while connection.recv(4096):
                pass
        except ConnectionError:
            pass
    return time.monotonic() - start


def test_who_asks_for_nothing_is_closed(port: int) -> None:
    """A silent connection, a head that trickles, a body that never ends: each has its time and no more."""
    head = b"POST /api/v1/weighings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    assert 0.4 < closed_after_s(port) < 2
    assert 0.4 < closed_after_s(port, *(b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 9)) < 2
    assert 0.9 < closed_after_s(port, head + b"Content-Length: 100\r\n\r\n{") < 3


def test_who_takes_nothing_of_what_it_asked_for_is_dropped(port: int) -> None:
    """One who asks for the whole picture again and again and never reads; another is answered meanwhile."""
    ask = b"GET /api/v1/picture HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", port))
        slow.sendall(ask * 400)
        assert answered(port)

        def dropped() -> bool:
            try:
                slow.send(b"\r\n")
            except ConnectionError:
                return True
            return False

        wait_until(dropped, "it is dropped")
    assert answered(port)


def test_who_was_answered_is_not_hurried(port: int) -> None:
    """Events flow longer than a request may take; a second request on the same connection is answered."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client:
        with client.stream("GET", "/api/v1/events") as events:
            start, lines = time.monotonic(), events.iter_lines()
            while ": alive" not in next(lines):
                pass
            assert time.monotonic() - start > 2
        assert client.get("/healthz").status_code == client.get("/healthz").status_code == 200


def test_who_leaves_in_the_middle_leaves_no_traceback(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Half a body, half a head, an answer nobody reads to its end, an event stream: each is a visitor who went."""
    post = b"POST /api/v1/weighings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for said in (
        post + b'Content-Length: 100\r\n\r\n{"a":', post, b"GET /api/v1/picture HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ):  # fmt: skip
        for _ in range(5):
            connection = socket.create_connection(("127.0.0.1", port), 5)
            connection.sendall(said)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # leave by a reset
            connection.close()
    wait_until(lambda: answered(port), "the next visitor is served")
    assert [record.getMessage() for record in caplog.records if record.exc_info or record.levelname == "ERROR"] == []


def answered(port: int) -> bool:
    """Whether somebody new is let in."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_too_many_leave_room_for_the_rest(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Above the limit a connection is closed at once and it is said; when the silent ones are gone all is well."""
    held = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(15)]
    refused = 0
    for connection in held[10:]:
        connection.settimeout(0.4)
        try:
            refused += connection.recv(1) == b""
        except ConnectionError:
            refused += 1
    assert refused == 5
    assert "more than 10 connections to the screen" in caplog.text
    wait_until(lambda: answered(port), "the silent ones are gone")
    for connection in held:
        connection.close()


def test_the_bridge_takes_the_descriptors_it_may_have() -> None:
    """The soft limit of a shell is not the bridge's."""
    code = (
        "import resource; from broker.mqtt.own_broker.connections import may_open_files; may_open_files();"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = min(hard, 4096) if hard != resource.RLIM_INFINITY else 4096
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)),
    )  # fmt: skip
    assert told.stdout.split() == [str(hard), str(hard)]
