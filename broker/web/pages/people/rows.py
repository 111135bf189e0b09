"""What may be told of accounts, tokens and the access log, row by row, for the API and for the pages."""

from itertools import islice
from typing import Any

from fastapi import Request
from pydantic import BaseModel, Field

from broker.people.accounts import Account, Token
from broker.people.administration import Administration, version_of
from broker.people.roles import Role, Scope
from broker.web.door.gate import Gate


class AccountRow(BaseModel):
    """An account, with all that may be told of it."""

    account: str
    name: str
    roles: list[Role]
    scope: Scope
    sees_names: bool
    disabled: bool
    has_password: bool
    signed_in_at: int | None = Field(description="when last, Unix seconds")
    sessions: int = Field(description="how many are open")
    wrong_sign_ins: int = Field(description="within the last day")
    wrong_at: int | None = Field(description="the last of them, Unix seconds")
    version: str


class TokenRow(BaseModel):
    """A machine's token, without what opens anything."""

    token: str
    name: str
    roles: list[Role]
    scope: Scope
    sees_names: bool
    version: str


class AccessLine(BaseModel):
    """Who did what about people, when."""

    at: int
    who: str
    role: str
    action: str
    what: str


def accounts(gate: Gate) -> list[AccountRow]:
    """All accounts by their ids."""
    last_at, open_now, wrong = gate.sessions.last_at(), gate.sessions.signed_in(), gate.wrong.lately()
    return [
        AccountRow(
            account=one, **_may(held), disabled=held.disabled, has_password=held.password is not None,
            signed_in_at=last_at.get(one), sessions=open_now.get(one, 0), version=version_of(held),
            wrong_sign_ins=wrong[one].count if one in wrong else 0,
            wrong_at=wrong[one].last_at if one in wrong else None,
        )
        for one, held in sorted(gate.people.kept().accounts.items())
    ]  # fmt: skip


def tokens(gate: Gate) -> list[TokenRow]:
    """All tokens by their numbers."""
    kept = gate.people.kept().tokens
    return [TokenRow(token=one, **_may(held), version=version_of(held)) for one, held in sorted(kept.items())]


def lines(house: Administration, limit: int) -> list[AccessLine]:
    """The newest lines of the access log, the newest first."""
    return [AccessLine.model_validate(line) for line in islice(house.log.newest(), limit)]


def link_of(request: Request, key: str) -> str:
    """The address of a one-time link, as whoever asks meets the screen."""
    return f"{request.url.scheme}://{request.url.netloc}/welcome#{key}"


def _may(held: Account | Token) -> dict[str, Any]:
    return {"name": held.name, "roles": list(held.roles), "scope": held.scope, "sees_names": held.sees_names}
