"""A message as a Standard Webhook: one signed POST, with an end to its time and no step further than asked."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from broker import __version__
from broker.feeds.outside.addresses import resolved
from broker.feeds.outside.outbox import Waiting

STEP_S = 10.0  # for a connection, and for each answer of the network
WHOLE_S = 20.0  # for all of it, however slowly somebody answers


class Outcome(NamedTuple):
    """What became of a try, and why; `wait_s` is how long the receiver asks to be left alone."""

    what: Literal["delivered", "in_vain", "refused", "ended"]
    why: str = ""
    wait_s: float = 0.0


class Sink(Protocol):
    """A way to people outside."""

    def deliver(self, message: Waiting) -> Outcome:
        """Try once; never raises."""
        ...


class WebhookSink:
    """One receiver's address; each of `secrets` signs, so that a receiver can change from one to the next."""

    def __init__(self, url: str, secrets: Sequence[str], inside: Sequence[str]) -> None:
        parts = urlsplit(url)
        self._clear, self._host = parts.scheme == "http", parts.hostname or ""
        self._port = parts.port or (80 if self._clear else 443)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._named = parts.netloc
        self._inside = tuple(inside)
        self._signers = [Webhook(secret) for secret in secrets]
        self._context = None if self._clear else ssl.create_default_context()

    def address(self) -> str:
        """The address that would be called now; raises OSError."""
        return resolved(self._host, self._port, self._inside, clear=self._clear)

    def deliver(self, message: Waiting) -> Outcome:
        """Send it; what a receiver answers beyond its status is not read, and nobody is followed elsewhere."""
        try:
            with socket.create_connection((self.address(), self._port), STEP_S) as plain:
                return self._sent(plain, message)
        except (OSError, http.client.HTTPException, ValueError) as why:
            return Outcome("in_vain", _words(why))

    def _sent(self, plain: socket.socket, message: Waiting) -> Outcome:
        way = plain
        if self._context is not None:
            way = self._context.wrap_socket(plain, server_hostname=self._host, do_handshake_on_connect=False)
        ending = threading.Timer(WHOLE_S, _shut, [way])
        ending.daemon = True
        ending.start()
        try:
            with way:
                if isinstance(way, ssl.SSLSocket):
                    way.do_handshake()
                connection = http.client.HTTPConnection(self._host, self._port)
                connection.sock = way
                connection.request("POST", self._path, message.body, self._headers(message))
                answer = connection.getresponse()
                return outcome_of(answer.status, answer.getheader("Retry-After"))
        finally:
            ending.cancel()

    def _headers(self, message: Waiting) -> dict[str, str]:
        at = datetime.fromtimestamp(int(time.time()), UTC)  # of this try: receivers refuse what was signed long ago
        signed = [signer.sign(message.id, at, message.body.decode()) for signer in self._signers]
        return {
            "Host": self._named,
            "Content-Type": "application/json",
            "User-Agent": f"zhanpai/{__version__}",
            "Connection": "close",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signed),
        }


def outcome_of(status: int, retry_after: str | None = None) -> Outcome:
    """What a status means: 2xx has it, 410 wants nothing more, others are asked again."""
    if 200 <= status < 300:
        return Outcome("delivered")
    if status == 410:
        return Outcome("ended", "it answers 410: it wants nothing more")
    said = f"it answers {status}"
    if 300 <= status < 400:
        return Outcome("refused", f"{said}, to go elsewhere, which is not followed; set its new address")
    if status in (408, 425, 429) or status >= 500:
        digits = retry_after is not None and retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 9
        return Outcome("in_vain", said, float(retry_after or 0) if digits else 0.0)
    return Outcome("refused", said)


def _words(why: Exception) -> str:
    """Why it did not go, without the address, which may hold a secret."""
    if isinstance(why, TimeoutError):
        return "it does not answer in time"
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {why.verify_message}"
    if isinstance(why, OSError):
        return why.strerror or str(why) or type(why).__name__
    return f"its answer is not HTTP ({type(why).__name__})"


def _shut(way: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(way, socket.SHUT_RDWR)  # an encrypted way's own would wait for a farewell
