"""The pages by which a person comes and goes: sign in, set a password by a link, sign out."""

import secrets
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from broker.people.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, Link
from broker.people.errors import Impossible, PeopleError, TooSoon, Unknown
from broker.people.roles import Visitor
from broker.people.sessions import PLACE_S
from broker.web.door.gate import COOKIE, DEVICE, DEVICE_COOKIE, Gate
from broker.web.languages import language_of
from broker.web.pages.frame import POLICY, base_context, page, refusal
from broker.web.pages.rendering import WORDS
from broker.web.pages.ways import OPERATIONS, is_of_city, landing_of
from broker.web.problems import Refusal

Field = Annotated[str, Form(max_length=1000)]
WELCOME_POLICY = POLICY.replace("default-src 'none'", "default-src 'none'; script-src 'self'")


def sign_in_router(gate: Gate) -> APIRouter:
    """`/sign-in`, `/sign-out` and `/welcome`."""
    router = APIRouter(include_in_schema=False)
    _sign_in(router, gate)
    _welcome(router, gate)

    @router.post("/sign-out")
    def sign_out(request: Request) -> RedirectResponse:
        visitor: Visitor | None = request.state.visitor
        if visitor is not None and visitor.kind == "account":
            gate.note(request, visitor, "sign out")
        gate.sessions.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE)
        return answer

    return router


def _sign_in(router: APIRouter, gate: Gate) -> None:
    def form(
        request: Request, towards: str, account: str = "", why: PeopleError | None = None, status: int = 200
    ) -> Response:
        shown = {"next": _ours(towards), "told": _told(request, why), "account": account}
        return page(
            request, "people/sign_in.html", base_context(request, None), status, **shown, people=gate.clicked(request),
            nobody=gate.people.nobody(),
        )  # fmt: skip

    @router.get("/sign-in")
    def ask(request: Request) -> Response:
        return form(request, request.query_params.get("next", "/"))

    @router.post("/sign-in")
    def sign_in(request: Request, account: Field, password: Field, next: Field = "/") -> Response:
        try:
            visitor = _known(gate, request, gate.people.meant(account), password)
        except Unknown as why:
            return form(request, next, account, why, 401)
        except TooSoon as why:
            answer = form(request, next, account, why, 429)
            answer.headers["Retry-After"] = str(why.wait_s)
            return answer
        return _welcomed(request, gate, visitor, next)

    @router.post("/sign-in/as")
    def sign_in_as(request: Request, account: Field, next: Field = "/") -> Response:
        visitor = gate.people.visitor(account) if account in gate.clicked(request) else None
        if visitor is None:
            raise Refusal(403, "this is for a demo, and for its own machine", page=True)
        return _welcomed(request, gate, visitor, next)


def _known(gate: Gate, request: Request, account: str, password: str) -> Visitor:
    """Whose password it is. Raises Unknown, or TooSoon: also to a guess whose turn came after too many wrong ones."""
    address, known = gate.address_of(request), gate.known_place(request, account)
    gate.limits.may_try(account, address, known)
    try:
        visitor = gate.people.by_password(account, password, known_here=known is not None)
    except Unknown:
        gate.limits.may_try(account, address, known)
        gate.was_wrong(account, address, known)
        raise
    gate.limits.may_try(account, address, known)
    return visitor


def _welcome(router: APIRouter, gate: Gate) -> None:
    def form(request: Request, status: int = 200, link: Link | None = None, told: str = "", **typed: str) -> Response:
        shown = {"link": link, "told": told, "key": "", "account": "", "name": ""} | typed
        bounds = {"shortest": SHORTEST_PASSWORD, "longest": LONGEST_PASSWORD}
        context = base_context(request, None)
        if link is not None:  # in the other language it is the same link
            context["switch"] += f"#{quote(typed['key'])}"
        answer = page(request, "people/welcome.html", context, status, **shown, **bounds)
        answer.headers["Content-Security-Policy"] = WELCOME_POLICY
        return answer

    @router.get("/welcome")
    def ask(request: Request) -> Response:
        return form(request)

    @router.post("/welcome")
    def welcome(
        request: Request, key: Field, account: Field = "", name: Field = "", password: Field = "", again: Field = "",
    ) -> Response:  # fmt: skip
        address = gate.address_of(request)
        gate.limits.may_open("link", address)
        typed = {"key": key, "account": account, "name": name}
        try:
            link = gate.people.linked(key)
            if not password:
                return form(request, 200, link, **typed)
            if password != again:
                told = WORDS.say(language_of(request), "refusal", "PasswordsDiffer")
                return form(request, 422, link, told, **typed)
            visitor = gate.people.use_link(key, account, name, password)
            gate.note(request, visitor, "set password")
        except Unknown as why:
            gate.limits.opened_nothing("link", address)
            return form(request, 401, told=_told(request, why))
        except Impossible as why:
            return form(request, 422, link, _told(request, why), **typed)
        return _welcomed(request, gate, visitor, "/")


def _welcomed(request: Request, gate: Gate, visitor: Visitor, towards: str) -> Response:
    """On to where they were going, signed in; whoever sat here before is signed out."""
    gate.sessions.end(request.cookies.get(COOKIE, ""))
    device = request.cookies.get(DEVICE_COOKIE, "")
    device = device if DEVICE.fullmatch(device) else secrets.token_urlsafe(32)
    cookie, lasts_s = gate.sessions.begin(visitor, (f"device {device}", gate.places_of(request)[-1]))
    gate.note(request, visitor, "sign in")
    answer = RedirectResponse(_ours(towards, visitor, of_city=is_of_city(request)), 303)
    secure = request.url.scheme == "https"
    for name, value, age_s in ((COOKIE, cookie, lasts_s), (DEVICE_COOKIE, device, PLACE_S)):
        answer.set_cookie(name, value, max_age=age_s, httponly=True, samesite="strict", secure=secure)
    return answer


def _told(request: Request, why: PeopleError | None) -> str:
    return " ".join(refusal(why, language_of(request))) if why is not None else ""


def _ours(towards: str, visitor: Visitor | None = None, *, of_city: bool = False) -> str:
    """A page of ours, whatever stands in a link that somebody sent: who was on no way to one begins at their own."""
    plain = towards.startswith("/") and not towards.startswith("//") and "\\" not in towards and towards.isprintable()
    towards = towards if plain else OPERATIONS
    return landing_of(visitor, of_city=of_city) if visitor is not None and towards == OPERATIONS else towards
