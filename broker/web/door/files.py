"""The files of pages out of memory, packed once: a page of modules asks for some dozens of them before its first word.

They are everybody's, so that nothing of the door is asked but the name that a request calls us by. What is not among
them, or is asked for in another way, goes on to the application, which serves the same files from the disk.
"""

import gzip
from collections.abc import Collection
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

BELOW = "/static/"
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
         ".svg": "image/svg+xml"}  # fmt: skip
LEAST_PACKED = 1000  # bytes: what is shorter is not worth it
HEADERS = {
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'", "Vary": "Accept-Encoding",
    "Cache-Control": "no-cache",  # kept, and asked about each time
}  # fmt: skip


class Kept(NamedTuple):
    """One file as it was when it was changed last."""

    changed_ns: int
    body: bytes
    packed: bytes | None
    tag: str


class Files:
    """An application whose files below `folder` are answered for here, to whoever calls us by one of `names`."""

    def __init__(self, app: ASGIApp, folder: Path, names: Collection[str]) -> None:
        self._app, self._names = app, names
        self._paths = {
            BELOW + path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix in KINDS
        }
        self._kept: dict[str, Kept] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        found = None
        if scope["type"] == "http" and scope["method"] == "GET":
            path, headers = self._paths.get(scope["path"]), Headers(scope=scope)
            if path is not None and "range" not in headers and self._is_ours(headers.get("host", "")):
                found = self._answer(path, headers)
        await (found or self._app)(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        return host.rpartition(":")[0].strip("[]") in self._names or host in self._names

    def _answer(self, path: Path, asked: Headers) -> Response | None:
        kept = self._read(path)
        if kept is None:
            return None
        headers = {**HEADERS, "ETag": kept.tag}
        if kept.tag in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = kept.body
        if kept.packed is not None and "gzip" in asked.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = kept.packed, "gzip"
        return Response(body, headers=headers, media_type=KINDS[path.suffix])

    def _read(self, path: Path) -> Kept | None:
        """A file as it is now; None where it is gone."""
        try:
            changed_ns, name = path.stat().st_mtime_ns, str(path)
            kept = self._kept.get(name)
            if kept is None or kept.changed_ns != changed_ns:
                body = path.read_bytes()
                packed = gzip.compress(body, mtime=0) if len(body) >= LEAST_PACKED else None
                tag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
                kept = self._kept[name] = Kept(changed_ns, body, packed, tag)
            return kept
        except OSError:
            return None
