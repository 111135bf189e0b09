"""HTTP: accounts and tokens, as a supervisor looks after them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from broker.people.administration import Administration, sorted_roles, version_of
from broker.people.roles import ROLES, Role, Scope
from broker.web.door.gate import Gate
from broker.web.door.visitors import visitor_of
from broker.web.pages.people.rows import AccessLine, AccountRow, TokenRow, accounts, lines, link_of, tokens

MOST_LINES = 1000
Ids = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=500)]
Text = Annotated[str, Field(max_length=80)]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(ROLES))]
Version = Annotated[str, Field(pattern="^[0-9a-f]{16}$", description="of what was looked at")]


class Reaches(BaseModel):
    """The estates, trucks and contractors that somebody speaks for."""

    model_config = ConfigDict(extra="forbid")
    estates: Ids = []
    trucks: Ids = []
    contractors: Ids = []

    def scope(self) -> Scope:
        """As it is kept."""
        return Scope(estates=tuple(self.estates), trucks=tuple(self.trucks), contractors=tuple(self.contractors))


class May(BaseModel):
    """What somebody may do, and where."""

    model_config = ConfigDict(extra="forbid")
    name: Text
    roles: Roles
    scope: Reaches = Reaches()
    sees_names: bool = False

    def fields(self) -> dict[str, Any]:
        """As they are kept."""
        scope = self.scope.scope()
        return {"name": self.name, "roles": sorted_roles(self.roles), "scope": scope, "sees_names": self.sees_names}


class NewAccount(May):
    """Somebody who is to have an account."""

    account: Text


class Change(BaseModel):
    """What is to be another way; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    version: Version
    name: Text | None = None
    roles: Roles | None = None
    scope: Reaches | None = None
    sees_names: bool | None = None
    disabled: bool | None = None

    def fields(self) -> dict[str, Any]:
        """As they are kept."""
        found: dict[str, Any] = self.model_dump(exclude_none=True, include={"name", "sees_names", "disabled"})
        if self.roles is not None:
            found["roles"] = sorted_roles(self.roles)
        if self.scope is not None:
            found["scope"] = self.scope.scope()
        return found


class OfVersion(BaseModel):
    """A deed on an account as it was looked at."""

    model_config = ConfigDict(extra="forbid")
    version: Version


class Linked(BaseModel):
    """The one-time link by which the account's person sets a password; it is shown this once."""

    account: str
    link: str
    version: str


class Made(BaseModel):
    """The token, shown this once."""

    token: str
    secret: str


class Done(BaseModel):
    """What was changed."""

    done: str


def account_router(gate: Gate, house: Administration) -> APIRouter:
    """`/api/v1/people/accounts`, `/api/v1/people/tokens`, `/api/v1/people/access`."""
    router = APIRouter(tags=["people"])
    _accounts(router, gate, house)
    _tokens(router, gate, house)

    @router.get("/api/v1/people/access", summary="Who did what about people, and who came and went; the newest first")
    def access(limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 100) -> list[AccessLine]:
        return lines(house, limit)

    return router


def _accounts(router: APIRouter, gate: Gate, house: Administration) -> None:
    def row(account: str) -> AccountRow:
        return next(one for one in accounts(gate) if one.account == account)

    def linked(request: Request, account: str, key: str) -> Linked:
        version = version_of(gate.people.kept().accounts[account])
        return Linked(account=account, link=link_of(request, key), version=version)

    @router.get("/api/v1/people/accounts", summary="Accounts: roles, scope, when they signed in last")
    def all_accounts() -> list[AccountRow]:
        return accounts(gate)

    @router.post("/api/v1/people/accounts", summary="Make an account; its link is shown this once")
    def add(request: Request, new: NewAccount) -> Linked:
        return linked(request, *house.add(visitor_of(request), new.account, **new.fields()))

    @router.patch("/api/v1/people/accounts/{account}", summary="Other roles, another scope or name; disable, enable")
    def change(request: Request, account: str, asked: Change) -> AccountRow:
        house.change(visitor_of(request), account, asked.version, **asked.fields())
        return row(account)

    @router.post("/api/v1/people/accounts/{account}/link", summary="A link by which a new password is set")
    def link(request: Request, account: str, asked: OfVersion) -> Linked:
        return linked(request, account, house.link(visitor_of(request), account, asked.version))

    @router.post("/api/v1/people/accounts/{account}/sign-out", summary="End all sessions of an account")
    def sign_out(request: Request, account: str, asked: OfVersion) -> AccountRow:
        house.sign_out(visitor_of(request), account, asked.version)
        return row(account)


def _tokens(router: APIRouter, gate: Gate, house: Administration) -> None:
    @router.get("/api/v1/people/tokens", summary="Tokens of machines, without what opens anything")
    def all_tokens() -> list[TokenRow]:
        return tokens(gate)

    @router.post("/api/v1/people/tokens", summary="Make a token for a machine; it is shown this once")
    def add(request: Request, new: May) -> Made:
        secret = house.add_token(visitor_of(request), **new.fields())
        return Made(token=secret.partition(".")[0], secret=secret)

    @router.delete("/api/v1/people/tokens/{token}", summary="Take a token away")
    def revoke(request: Request, token: str, version: Annotated[Version, Query()]) -> Done:
        house.revoke(visitor_of(request), token, version)
        return Done(done=token)
