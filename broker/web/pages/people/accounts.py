"""The pages on which a supervisor looks after people: accounts, tokens of machines, and what was done lately."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from broker.people.administration import Administration, sorted_roles
from broker.people.attempts.wrong import NOBODY
from broker.people.errors import Missing, PeopleError
from broker.people.roles import ROLES, Scope
from broker.web.door.gate import Gate
from broker.web.door.visitors import FormFields, visitor_of
from broker.web.pages.frame import base_context, page, refusal
from broker.web.pages.people.noted import in_words
from broker.web.pages.people.rows import accounts, lines, link_of, tokens
from broker.web.problems import people_status

LINES_SHOWN = 60


class PeoplePages:
    """What these pages share."""

    def __init__(self, gate: Gate, house: Administration, estates: Mapping[str, str], timezone: str) -> None:
        """`estates` are their names."""
        self.gate, self.house, self._estates, self._zone = gate, house, estates, ZoneInfo(timezone)

    def shown(self, request: Request, template: str, status: int = 200, **more: Any) -> Response:
        """A page with the choices that forms have."""
        context = base_context(request, visitor_of(request))
        choices = {
            "all_roles": ROLES, "trucks": self.house.trucks, "zone": self._zone,
            "estates": [(one, self._estates.get(one, one)) for one in self.house.estates],
        }  # fmt: skip
        return page(request, f"people/{template}", context, status, **choices, **more)

    def listed(self, request: Request, why: PeopleError | None = None, typed: FormData | None = None) -> Response:
        """Everybody; with what was typed where it was refused."""
        status = 200 if why is None else people_status(why)
        return self.shown(
            request, "accounts.html", status, accounts=accounts(self.gate), tokens=tokens(self.gate),
            lines=lines(self.house, LINES_SHOWN), noted=in_words, strange=self.gate.wrong.lately().get(NOBODY),
            told=self.told(request, why), typed=typed or FormData(),
        )  # fmt: skip

    def one(self, request: Request, account: str, why: PeopleError | None = None) -> Response:
        """One account, as it is now."""
        row = next((row for row in accounts(self.gate) if row.account == account), None)
        if row is None:
            raise Missing(f"no account {account[:60]!r}")
        status = 200 if why is None else people_status(why)
        own = visitor_of(request).kind == "account" and visitor_of(request).who == account
        return self.shown(request, "account.html", status, row=row, own=own, told=self.told(request, why))

    @staticmethod
    def told(request: Request, why: PeopleError | None) -> list[str]:
        """A refusal in the reader's language."""
        return [] if why is None else refusal(why, base_context(request, None)["lang"])


def account_pages(gate: Gate, house: Administration, estates: Mapping[str, str], timezone: str) -> APIRouter:
    """`/people`, and the forms on it."""
    router = APIRouter(include_in_schema=False)
    pages = PeoplePages(gate, house, estates, timezone)

    @router.get("/people")
    def everybody(request: Request) -> Response:
        return pages.listed(request)

    @router.post("/people/accounts")
    def add(request: Request, data: FormFields) -> Response:
        try:
            account, key = house.add(visitor_of(request), str(data.get("account", "")), **_fields(data))
        except PeopleError as why:
            return pages.listed(request, why, data)
        return pages.shown(request, "made.html", account=account, secret=link_of(request, key), is_link=True)

    @router.get("/people/accounts/{account}")
    def one(request: Request, account: str) -> Response:
        return pages.one(request, account)

    @router.post("/people/accounts/{account}")
    def change(request: Request, account: str, data: FormFields) -> Response:
        by, version, op = visitor_of(request), str(data.get("version", "")), data.get("op")
        try:
            if op == "link":
                secret = link_of(request, house.link(by, account, version))
                return pages.shown(request, "made.html", account=account, secret=secret, is_link=True)
            if op == "sign-out":
                house.sign_out(by, account, version)
            elif op in ("disable", "enable"):
                house.change(by, account, version, disabled=op == "disable")
            else:
                house.change(by, account, version, **_fields(data))
        except Missing:
            raise
        except PeopleError as why:
            return pages.one(request, account, why)
        return RedirectResponse("/people", 303)

    @router.post("/people/tokens")
    def add_token(request: Request, data: FormFields) -> Response:
        try:
            secret = house.add_token(visitor_of(request), **_fields(data))
        except PeopleError as why:
            return pages.listed(request, why, data)
        return pages.shown(request, "made.html", account=secret.partition(".")[0], secret=secret, is_link=False)

    @router.post("/people/tokens/{token}")
    def revoke(request: Request, token: str, data: FormFields) -> Response:
        try:
            house.revoke(visitor_of(request), token, str(data.get("version", "")))
        except PeopleError as why:
            return pages.listed(request, why)
        return RedirectResponse("/people", 303)

    return router


def _fields(data: FormData) -> dict[str, Any]:
    """What a form says of somebody's roles and places; a list is what several fields of one name hold."""

    def several(name: str) -> tuple[str, ...]:
        return tuple(str(value) for value in data.getlist(name))

    contractors = str(data.get("contractors", "")).replace(",", " ").replace("\uff0c", " ").split()
    scope = Scope(estates=several("estates"), trucks=several("trucks"), contractors=tuple(contractors))
    return {
        "name": str(data.get("name", "")).strip(), "roles": sorted_roles(several("roles")), "scope": scope,
        "sees_names": data.get("sees_names") == "yes",
    }  # fmt: skip
