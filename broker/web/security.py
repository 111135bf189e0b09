"""What every request passes first: it names us, may do what it asks, comes from no strange page, and brings a body that
can be kept."""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from broker.people.errors import Damaged, PeopleError, TooSoon
from broker.web.door.files import Files
from broker.web.door.gate import COOKIE, Gate
from broker.web.door.repeats import HEADER, REPEATED, Repeats
from broker.web.door.tags import Tags
from broker.web.pages.refused import refused_page
from broker.web.pages.rendering import STATIC
from broker.web.problems import Refusal, people_status, problem, refuse_http, refuse_values

MAX_BODY_BYTES = 9_000_000
UNWRITTEN = ("/api/v1/elections", "/api/v1/people", "/people")  # names that stand in the register alone, and secrets
FORM_WAITS_S, FORM_LOOK_S = 10.0, 0.1
OWN_NAMES = ("localhost", "127.0.0.1", "::1")
FORM = "application/x-www-form-urlencoded"
ACCOUNT = "Zhanpai-Account"  # whose deed it is, where it may have waited until somebody else signed in
FILES = "multipart/form-data"
CallNext = Callable[[Request], Awaitable[Response]]
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:@/\[\]\s]+)(:[0-9]*)?")


def guarded(app: FastAPI, gate: Gate, hosts: Collection[str] = ()) -> FastAPI:
    """The same application behind its door, open to requests for one of `hosts`, for this machine's own names, or for
    the address called; whatever it refuses is told in one form."""
    app.middleware("http")(request_guard(hosts, gate))
    app.add_middleware(Tags)
    app.add_middleware(Files, folder=STATIC, names={*hosts, *OWN_NAMES})
    app.add_exception_handler(RequestValidationError, refuse_values)
    app.add_exception_handler(HTTPException, _route_refused)
    app.add_exception_handler(Refusal, _route_refused)
    app.add_exception_handler(PeopleError, _people_refused)
    app.add_exception_handler(OSError, _disk_refused)
    app.add_exception_handler(Exception, _fault)
    return app


def request_guard(
    hosts: Collection[str], gate: Gate | None
) -> Callable[[Request, CallNext], Awaitable[Response]]:
    """The middleware; without a gate it asks nobody who they are (the simulator's own panel)."""
    names = {_name_of(host) for host in (*hosts, *OWN_NAMES)}

    async def guard(request: Request, call_next: CallNext) -> Response:
        try:
            check_host(request, names)
            if gate is not None:
                gate.admit(request)
                check_account(request)
            if request.method not in ("GET", "HEAD"):
                check_origin(request)
                size = check_length(request)
                if gate is not None:
                    gate.may_send(request, size)
                check_body(request.headers.get("content-type", ""), await request.body())
            response = await (call_next(request) if gate is None else _once(gate.repeats, request, call_next))
        except Refusal as why:
            response = _refused(request, why)
        except TooSoon as why:
            response = _refused(request, Refusal(429, str(why), {"Retry-After": str(why.wait_s)}, page=_reads(request)))
        except Damaged as why:
            response = _refused(request, Refusal(503, str(why), page=_reads(request)))
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody is there to read it: they left in the middle of their body
        # No page may be framed or guess types.
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'")
        if not request.scope["path"].startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")  # it is for who asked, and for now
        return response

    return guard


async def _once(repeats: Repeats, request: Request, call_next: CallNext) -> Response:
    """The answer; to a deed with a key that was done before, the answer of then."""
    visitor, key = request.state.visitor, await _key_of(request)
    if key is None or visitor is None:
        return await call_next(request)
    who, path = f"{visitor.kind}/{visitor.who}", f"{request.scope['path']}?{request.url.query}"
    try:
        first = await _first(repeats, who, key, request, path)
    except OSError as why:
        return problem(request, 507, f"the disk takes no note of this deed ({why.strerror or why}): it was not done")
    if first is not None:
        return _again(first)
    answer: tuple[int, str, bytes] | None = None
    try:
        # Typed as any answer; that of a middleware's inside is always streamed.
        response: Any = await call_next(request)
        body = b"".join([part async for part in response.body_iterator])
        towards = response.headers.get("location", "").encode()
        answer = response.status_code, response.headers.get("content-type", ""), body or towards
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return Response(body, response.status_code, headers)
    finally:
        whole = not request.scope["path"].startswith(UNWRITTEN)
        await run_in_threadpool(lambda: repeats.end(who, key, answer, whole=whole))


async def _key_of(request: Request) -> str | None:
    """By which key a deed is known: of a program in the header; of a page's form which page it was, and what it says.

    Whoever goes back to a page and fills its form in differently does another deed.
    """
    if request.method in ("GET", "HEAD"):
        return None
    if request.scope["path"].startswith("/api/"):
        return request.headers.get(HEADER)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return None
    body = await request.body()
    if not any(name == "deed" for name, _ in parse_qsl(body.decode())):
        return None
    return "form-" + hashlib.sha256(request.scope["path"].encode() + b" " + body).hexdigest()


async def _first(
    repeats: Repeats, who: str, key: str, request: Request, path: str
) -> tuple[int, str, bytes] | None:
    """The answer of the first time; a form that a double click sent twice waits for it, a program is told to."""
    body, until = await request.body(), time.monotonic() + FORM_WAITS_S
    while True:
        try:
            return await run_in_threadpool(repeats.begin, who, key, request.method, path, body)
        except Refusal as why:
            waits = "Retry-After" in (why.headers or {}) and not path.startswith("/api/")
            if not waits or time.monotonic() > until:
                why.page = _reads(request)
                raise
        await asyncio.sleep(FORM_LOOK_S)


def _again(first: tuple[int, str, bytes]) -> Response:
    status, media, body = first
    if status in (302, 303):
        return Response(b"", status, {REPEATED: "true", "Location": body.decode()})
    return Response(body, status, {REPEATED: "true"}, media)


def _reads(request: Request) -> bool:
    """Whether a person's browser asks for a page."""
    return "text/html" in request.headers.get("accept", "")


def _refused(request: Request, why: Exception) -> Response:
    assert isinstance(why, Refusal)
    if why.status == 303:
        return Response(status_code=303, headers=dict(why.headers or {}))
    if not why.page:
        return problem(request, why.status, str(why), why.headers)
    page = refused_page(request, why)
    page.headers.update(why.headers or {})
    return page


async def _route_refused(request: Request, why: Exception) -> Response:
    """What a route itself refuses: on a page as a page."""
    if request.scope["path"].startswith("/api/") or not _reads(request):
        return _refused(request, why) if isinstance(why, Refusal) else await refuse_http(request, why)
    if isinstance(why, HTTPException):
        why = Refusal(why.status_code, str(why.detail), why.headers)
    assert isinstance(why, Refusal)
    why.page = True
    return _refused(request, why)


async def _people_refused(request: Request, why: Exception) -> Response:
    """What is raised about people: a rule, an old version, a name that is not there."""
    assert isinstance(why, PeopleError)
    return _refused(request, Refusal(people_status(why), str(why), page=_reads(request)))


async def _disk_refused(request: Request, why: Exception) -> Response:
    assert isinstance(why, OSError)
    text = f"the disk refused ({why.strerror or why}); nothing is half-written: look, then try again"
    return _refused(request, Refusal(507, text, page=_reads(request)))


async def _fault(request: Request, _: Exception) -> Response:
    """Whatever it is, it goes on to the log."""
    return _refused(request, Refusal(500, "a fault of ours: what it was is in the bridge's log", page=_reads(request)))


def check_host(request: Request, names: Collection[str]) -> None:
    """Refuses a name that is not ours: a strange page can have its own name point at our address (DNS rebinding)."""
    given = request.headers.get("host", "")
    match = _HOST.fullmatch(given.lower())
    called = str((request.scope.get("server") or ("",))[0]).removeprefix("::ffff:")
    if match is None or _name_of(match[1]) not in {*names, called}:
        text = (
            f"nobody is known here by the name {given[:80]!r}: "
            "add it to [web] hosts in broker.toml if it is meant to lead here"
        )
        raise Refusal(421, text)


def check_account(request: Request) -> None:
    """Raise Refusal where the deed was another person's, who has to sign in for it."""
    whose = request.headers.get(ACCOUNT)
    if whose is not None and whose != request.state.visitor.who:
        raise Refusal(401, "sign in, or send a machine's token as HTTP bearer", {"WWW-Authenticate": "Bearer"})


def check_origin(request: Request) -> None:
    """Refuses a write that does not come from our own page or from no page at all; a browser says it in two ways.

    With a session's cookie one of the two must be there: only a browser has such a cookie, and each browser of today
    says at least one with every write.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    own = f"{request.url.scheme}://{request.url.netloc}"
    strange = origin not in (None, own) or site not in (None, "same-origin", "none")
    said = origin == own or site == "same-origin"
    if strange or (COOKIE in request.cookies and "authorization" not in request.headers and not said):
        raise Refusal(403, "this page may not act here: open the screen itself")


def check_length(request: Request) -> int:
    """How long the body is; refuses one that is too long, or that does not say it, before any of it is read."""
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or re.fullmatch("[0-9]{1,15}", length) is None:
        raise Refusal(411, "say how long the body is (Content-Length)")
    if int(length) > MAX_BODY_BYTES:
        raise Refusal(413, f"the body has {length} bytes; at most {MAX_BODY_BYTES} are taken")
    return int(length)


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


def _name_of(host: str) -> str:
    return host.lower().strip("[]")
