"""A receiver of messages in this process: it verifies what comes, answers as it is told, and remembers."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

from standardwebhooks import Webhook

from broker.config import BrokerConfig
from broker.feeds.outside import receivers, sender
from broker.feeds.outside.receivers import Receivers
from broker.rules.states.incident import Incident
from broker.web.view.picture import plain_incident

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOON = 1_795_320_000
Answer = int | tuple[int, dict[str, str]] | Callable[[Any], None]


class Received:
    """What came, in its order: (webhook-id, message); `answers` are given one after the other, the last for ever."""

    def __init__(self, answers: tuple[Answer, ...]) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answers = list(answers)
        self.port = 0

    @property
    def types(self) -> list[str]:
        """What kinds of messages came."""
        return [message["type"] for _, message in self.messages]

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return [message_id for message_id, _ in self.messages]


@contextmanager
def receiver(
    *answers: Answer, port: int = 0, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Received]:
    """A receiver that answers as told; 204 where nothing is said."""
    received = Received(answers or (204,))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = Webhook(SECRET).verify(body, dict(self.headers))
            received.paths.append(self.path)
            received.headers.append(dict(self.headers))
            received.messages.append((self.headers["webhook-id"], message))
            answer = received.answers.pop(0) if len(received.answers) > 1 else received.answers[0]
            if callable(answer):
                answer(self)
                return
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((host, port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.block_on_close = False
    received.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()


def drips(handler: Any) -> None:
    """Answers a byte at a time, for ever."""
    with suppress(ConnectionError):  # who waited has gone
        for _ in range(10_000):
            handler.wfile.write(b"H")
            time.sleep(0.05)


def secret_in(folder: Path) -> Path:
    """The file of the secret."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def picture_of(*incidents: Incident, at: int = NOON, unstored: int = 0, old_since_at: int | None = None) -> Any:
    """A picture of nothing but these presses."""
    rows = [{**plain_incident(one), "room_name": None, "estate_name": None} for one in incidents]
    return {
        "at": at, "old_since_at": old_since_at, "data": {"unstored": unstored}, "rooms": [], "runs": [],
        "incidents": rows,
    }  # fmt: skip


def press(name: str = "p1", at: int = NOON) -> Incident:
    """t01's driver holds the button."""
    body = {"incident_id": name, "reason": "lane_blocked", "pressed_at": at, "lat": None, "lon": None}
    return Incident.pressed("t01", body, at)


@contextmanager
def telling(
    config: BrokerConfig, picture: Callable[[], Any], store: Any = None, reports: Callable[[], Any] = tuple,
    cases: Callable[[], Any] = tuple,
) -> Iterator[Receivers]:  # fmt: skip
    """The receivers of a configuration while they are told what the pictures show, looked at often."""
    with patch.object(receivers, "LOOK_S", 0.02), patch.object(sender, "LOOK_S", 0.02):
        found = Receivers(
            config.outside, "xh", "Asia/Shanghai", store, picture, reports, cases, config.calls.slip_s
        )
        found.start()
        try:
            yield found
        finally:
            found.stop()
