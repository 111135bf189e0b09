"""What every request passes first: it names us, comes from no strange page, and brings a body that can be kept."""

import re
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import unquote_to_bytes

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from broker.web.visitors import MAX_BODY_BYTES

OWN_NAMES = ("localhost", "127.0.0.1", "::1")
FORM = "application/x-www-form-urlencoded"
FILES = "multipart/form-data"
CallNext = Callable[[Request], Awaitable[Response]]
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:@/\[\]\s]+)(:[0-9]*)?")


class Refusal(Exception):  # noqa: N818  (the name says what is so)
    """A request that goes no further; the text says what to change."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def request_guard(hosts: Collection[str]) -> Callable[[Request, CallNext], Awaitable[Response]]:
    """The middleware, open to requests for one of `hosts`, for this machine's own names, or for the address called."""
    names = {_name_of(host) for host in (*hosts, *OWN_NAMES)}

    async def guard(request: Request, call_next: CallNext) -> Response:
        try:
            check_host(request, names)
            if request.method not in ("GET", "HEAD"):
                check_origin(request)
                check_length(request)
                check_body(request.headers.get("content-type", ""), await request.body())
            response = await call_next(request)
        except Refusal as why:
            response = JSONResponse({"detail": str(why)}, why.status)
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody is there to read it: they left in the middle of their body
        # No page may be framed or guess types.
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'")
        return response

    return guard


def check_host(request: Request, names: Collection[str]) -> None:
    """Refuses a name that is not ours: a strange page can have its own name point at our address (DNS rebinding)."""
    given = request.headers.get("host", "")
    match = _HOST.fullmatch(given.lower())
    called = str((request.scope.get("server") or ("",))[0]).removeprefix("::ffff:")
    if match is None or _name_of(match[1]) not in {*names, called}:
        where = "add it to [web] hosts in broker.toml if it is meant to lead here"
        raise Refusal(421, f"nobody is known here by the name {given[:80]!r}: {where}")


def check_origin(request: Request) -> None:
    """Refuses a write that does not come from our own page or from no page at all; a browser says it in two ways."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    own = f"{request.url.scheme}://{request.url.netloc}"
    if origin not in (None, own) or site not in (None, "same-origin", "none"):
        raise Refusal(403, "this page may not act here: open the screen itself")


def check_length(request: Request) -> None:
    """Refuses a body that is too long, or that does not say how long it is, before any of it is read."""
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or re.fullmatch("[0-9]{1,15}", length) is None:
        raise Refusal(411, "say how long the body is (Content-Length)")
    if int(length) > MAX_BODY_BYTES:
        raise Refusal(413, f"the body has {length} bytes; at most {MAX_BODY_BYTES} are taken")


def check_body(content_type: str, body: bytes) -> None:
    """Refuses what cannot be kept as it was sent: NaN, infinity, half a surrogate pair, text that is not UTF-8."""
    if not body:
        return
    kind_bytes, options = parse_options_header(content_type)
    kind = kind_bytes.decode("latin-1")
    if kind == "application/json" or kind.endswith("+json"):
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError as why:
            raise Refusal(400, f"the body cannot be read as JSON in UTF-8: {why}") from why
    elif kind == FORM:
        try:
            unquote_to_bytes(body).decode()
        except UnicodeDecodeError as why:
            raise Refusal(400, f"the form is not UTF-8 text: {why.reason} at byte {why.start}") from why
    elif kind == FILES:
        charset = options.get(b"charset", b"utf-8").decode("latin-1")
        if charset.lower() != "utf-8":
            raise Refusal(400, f"send the form as UTF-8, not {charset[:40]!r}")
    else:
        raise Refusal(415, f"send JSON (Content-Type: application/json) or a form, not {kind[:80]!r}")


async def refuse_values(_: Request, why: Exception) -> JSONResponse:
    """The answer to values of a wrong kind: where and why, but not the values, which may be in no writable form."""
    assert isinstance(why, RequestValidationError)
    told = [{"loc": error["loc"], "msg": error["msg"], "type": error["type"]} for error in why.errors()]
    return JSONResponse({"detail": told}, 422)


def _name_of(host: str) -> str:
    return host.lower().strip("[]")
