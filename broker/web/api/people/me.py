"""HTTP: who the visitor is, and what they may do."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from broker.people.roles import Role, Scope
from broker.web.door.gate import Gate
from broker.web.door.rights import deeds_of, pages_of
from broker.web.door.visitors import visitor_of
from broker.web.languages import language_of
from broker.web.pages.ways import is_of_city, is_there, landing_of, ways_of


class Clickable(BaseModel):
    """Whom a visitor may become by one click: of a demo, on its own machine."""

    account: str
    name: str
    roles: list[Role]
    scope: Scope


class Way(BaseModel):
    """A page that one is led to, with its name in both languages."""

    path: str
    name: str


class Me(BaseModel):
    """Who asks, and what they may do; a deed's null reaches everything."""

    account: str
    name: str
    kind: Literal["account", "token", "shell", "local"]
    roles: list[Role]
    scope: Scope
    deeds: dict[str, dict[str, list[str]] | None]
    pages: list[str]
    ways: list[Way]
    landing: str
    language: Literal["zh", "en"]
    one_click: list[Clickable]


def people_router(gate: Gate) -> APIRouter:
    """`/api/v1/people`."""
    router = APIRouter(tags=["people"])

    @router.get(
        "/api/v1/people/me", response_model=Me,
        summary="Who you are, and what you may do: each deed with what it reaches",
    )
    def me(request: Request) -> dict[str, Any]:
        visitor, of_city = visitor_of(request), is_of_city(request)
        return {
            "account": visitor.who, "name": visitor.name, "kind": visitor.kind, "roles": sorted(visitor.roles),
            "scope": visitor.scope.model_dump(mode="json"), "deeds": deeds_of(visitor),
            "pages": [page for page in pages_of(visitor) if is_there(page, of_city=of_city)],
            "ways": ways_of(visitor, of_city=of_city),
            "landing": landing_of(visitor, of_city=of_city),
            "language": language_of(request),
            "one_click": [
                {"account": one, "name": held.name, "roles": held.roles, "scope": held.scope.model_dump(mode="json")}
                for one, held in gate.clicked(request).items()
            ],
        }  # fmt: skip

    return router
