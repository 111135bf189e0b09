"""What was not changed since is not sent again: `ETag` with each answer that is whole, 304 to whoever has it already.

Outermost of the application, next to the server: it sees an answer as it goes out, and leaves streams alone.
"""

from hashlib import blake2b
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST = 8 << 20  # what is longer is not held back to be tagged
ASKED_AGAIN = ("/api/", "/gtfs")
KEPT = (b"cache-control", b"vary", b"link", b"content-language")  # of an answer that is not sent again


class Tags:
    """The application with entity tags on what programs and screens ask for again and again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(ASKED_AGAIN):
            return await self._app(scope, receive, send)
        has = [value for name, value in scope["headers"] if name == b"if-none-match"]
        held = _Held(b",".join(has).decode("latin-1"), send)
        await self._app(scope, receive, held)
        return None


class _Held:
    """What is sent: the head waits for the first part of the body, and for all of it where that has no more."""

    def __init__(self, known: str, send: Send) -> None:
        self._known, self._send = known, send
        self._head: dict[str, Any] | None = None
        self._parts: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200 and _is_whole(message):
            self._head = dict(message)
            return
        if self._head is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._parts.append(message.get("body", b""))
        if message.get("more_body"):
            return
        head, body = self._head, b"".join(self._parts)
        headers = [(name, value) for name, value in head["headers"] if name != b"etag"]
        tag = next((value for name, value in head["headers"] if name == b"etag"), None) or _tag(body)
        headers.append((b"etag", tag))
        if _names(self._known, tag.decode("latin-1")):
            kept = [(name, value) for name, value in headers if name in (*KEPT, b"etag")]
            await self._send({**head, "status": 304, "headers": kept})
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send({**head, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _is_whole(head: Message) -> bool:
    """Whether it says how long it is, and is not too long: a stream says nothing."""
    length = next((int(value) for name, value in head["headers"] if name == b"content-length"), None)
    return length is not None and length <= LONGEST


def _tag(body: bytes) -> bytes:
    return b'"' + blake2b(body, digest_size=12).hexdigest().encode() + b'"'


def _names(known: str, tag: str) -> bool:
    """Whether a list of tags has this one; weak ones count, as RFC 9110 compares them for this."""
    return known.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in known.split(",")]
