"""From an HTTP request to the visitor who makes it, and from what a register raises to an answer."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.datastructures import FormData

from broker.people.errors import Denied, PeopleError, TooSoon
from broker.people.roles import HOW_TO, Roles, Visitor, local_visitor
from broker.registers.errors import (
    Busy,
    Conflict,
    EditedOutside,
    Invalid,
    NoRegister,
    NotFound,
    Problem,
    RegisterError,
)

COOKIE = "zhanpai_registers"
MAX_BODY_BYTES = 9_000_000
MAX_FORM_FIELDS = 200
Known = TypeVar("Known")

STATUS: tuple[tuple[type[RegisterError], int], ...] = (
    (Invalid, 422), (Conflict, 409), (EditedOutside, 409), (NotFound, 404), (NoRegister, 404), (Busy, 503),
)


def status_of(error: RegisterError | PeopleError) -> int:
    """The HTTP status of an error; damage is 503: a person must look before anything goes on."""
    if isinstance(error, Denied):
        return 403
    if isinstance(error, TooSoon):
        return 429
    return next((status for kind, status in STATUS if isinstance(error, kind)), 503)


def headers_of(error: RegisterError | PeopleError) -> dict[str, str]:
    """When to come back, where somebody has to wait."""
    return {"Retry-After": str(error.wait_s)} if isinstance(error, TooSoon) else {}


def error_json(error: RegisterError | PeopleError) -> dict[str, Any]:
    """What the API says of an error."""
    answer: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, Invalid):
        answer["problems"] = [problem.as_json() for problem in error.problems]
    if isinstance(error, Conflict):
        answer |= {
            "etag": error.current_etag, "version": error.current_version,
            "their_changes": [change.as_json() for change in error.their_changes],
            "my_changes": [change.as_json() for change in error.my_changes],
            "theirs": error.theirs, "mine": error.mine,
        }
    return answer


class RegisterRoute(APIRoute):
    """Bounds the body and turns what a register raises into an answer, for API and pages alike."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with both wrapped around it."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                _bounded(request)
                answer = await inner(request)
            except (RegisterError, PeopleError) as error:
                answer = self.refuse(request, error)
            except RecursionError:
                answer = self.refuse(request, Invalid([Problem("", "json", {"message": "nested too deep"})]))
            except OSError as error:
                text = f"the disk refused ({error.strerror or error}); nothing is half-written: look, then try again"
                answer = JSONResponse({"error": "Disk", "message": text}, 507)
            answer.headers.setdefault("Cache-Control", "no-store")
            return answer

        return handle

    def refuse(self, request: Request, error: RegisterError | PeopleError) -> Response:
        """The answer to an error; pages say it in HTML instead."""
        status = status_of(error)
        headers = headers_of(error)
        if isinstance(error, Denied) and "authorization" not in request.headers:
            status, headers = 401, {"WWW-Authenticate": "Bearer"}
        return JSONResponse(error_json(error), status, headers)


def _bounded(request: Request) -> None:
    if request.method in ("GET", "HEAD"):
        return
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        values = {"size": length or "?", "limit": str(MAX_BODY_BYTES)}
        raise Invalid([Problem("", "too_big", values)])


def visitor_of(request: Request, roles: Roles) -> Visitor:
    """Who asks: by bearer token, by session cookie, or this machine's viewer; Denied otherwise."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return attempted(request, roles, roles.by_token, token)
    cookie = request.cookies.get(COOKIE)
    known = roles.by_cookie(cookie) if cookie else None
    if known is not None:
        return known
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip"))
    client = request.client.host if request.client else None
    return local_visitor(roles, client, request.headers.get("host"), forwarded)


def attempted(request: Request, roles: Roles, log_in: Callable[[str], Known], token: str) -> Known:
    """What the token opens; Denied when nothing, TooSoon when this address was wrong too often.

    A right one is always let in: nobody guesses it, and behind a proxy everybody has the address of who guesses.
    """
    address = request.client.host if request.client else ""
    try:
        return log_in(token)
    except Denied:
        roles.attempts.check(address, roles.now())
        roles.attempts.wrong(address, roles.now())
        raise


def writer_of(request: Request, roles: Roles) -> Visitor:
    """The same, for a write; Denied with what to do when the visitor is no registrar."""
    if not roles.configured:
        raise Denied(f"nobody may write: no roles are configured. {HOW_TO}")
    visitor = visitor_of(request, roles)
    if not visitor.may_write():
        raise Denied(f"{visitor.name} is a viewer; only a registrar writes: ask one, or log in as one")
    return visitor


def check_form(request: Request, roles: Roles, form: FormData) -> Visitor:
    """The writer of a page's form; Denied when the form does not come from a page of this session."""
    visitor = writer_of(request, roles)
    cookie = request.cookies.get(COOKIE, "")
    if "authorization" not in request.headers and form.get("form_key") != roles.form_key(cookie):
        raise Denied("this form is not of your session; open the page again and repeat the change")
    return visitor


async def form_of(request: Request) -> FormData:
    """The fields of a posted form."""
    return await request.form(max_fields=MAX_FORM_FIELDS, max_files=1)
