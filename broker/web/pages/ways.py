"""Where people go: the pages that they are led to, and the one at which each role begins.

The one list for pages of templates and of modules (`/api/v1/people/me` serves it): a page that is not here is reached
from another one.
"""

from collections.abc import Mapping

from fastapi import Request

from broker.people.roles import Role, Visitor
from broker.web.door.rights import right_to
from broker.web.pages.rendering import WORDS
from broker.words import LANGUAGES

OPERATIONS = "/"
# In the order in which they are listed: address, and its name among the words of the group `way`.
WAYS: Mapping[str, str] = {
    OPERATIONS: "operations",
    "/map": "map",
    "/cab": "cab",
    "/keeper": "keeper",
    "/property": "property",
    "/asked": "asked",
    "/bookings": "bookings",
    "/devices": "devices",
    "/signs": "signs",
    "/cases": "cases",
    "/transfer-station": "transfer_station",
    "/registers": "registers",
    "/figures": "figures",
    "/scores": "scores",
    "/learned": "learned",
    "/people": "people",
    "/people/rosters": "rosters",
    "/docs": "api",
}  # fmt: skip
# Of a city's own server, which has no other pages; where each begins there is the first.
CITY_WAYS: Mapping[str, str] = {"/city": "city", "/people": "people"}
# Who has several roles begins at the first of them.
LANDINGS: Mapping[Role, str] = {
    "dispatcher": OPERATIONS, "supervisor": "/figures", "technician": "/devices", "registrar": "/registers",
    "viewer": OPERATIONS, "crew": "/cab", "keeper": "/keeper", "property": "/property", "contractor": "/asked",
    "weigher": "/transfer-station", "enforcement": "/cases", "committee": "/asked", "fire_brigade": "/asked",
}  # fmt: skip
# Who has an operations room: the whole area is before them. The others' `/` is the page at which they begin.
OVERSEES = frozenset({"dispatcher", "supervisor", "technician", "registrar", "viewer"})
OF_OPERATIONS = (OPERATIONS, "/map", "/docs")  # the others are led past these


def opens(visitor: Visitor | None, path: str) -> bool:
    """Whether the page at this address is open to somebody."""
    right = right_to("GET", path)
    return visitor is not None and right is not None and right.open_to(visitor)


def landing_of(visitor: Visitor, *, of_city: bool = False) -> str:
    """The page at which somebody begins."""
    if of_city:
        return next(iter(CITY_WAYS))
    return next((path for role, path in LANDINGS.items() if role in visitor.roles), OPERATIONS)


def has_operations(visitor: Visitor) -> bool:
    """Whether `/` shows them the area, or is but another name of the page at which they begin."""
    return bool(OVERSEES & visitor.roles) or landing_of(visitor) == OPERATIONS


def ways_of(visitor: Visitor | None, *, of_city: bool = False) -> list[dict[str, str]]:
    """The pages that somebody is led to, each with its name in both languages."""
    return [
        {"path": path, "name": " / ".join(WORDS.say(language, "way", word) for language in LANGUAGES)}
        for path, word in (CITY_WAYS if of_city else WAYS).items()
        if visitor is not None and opens(visitor, path) and (path not in OF_OPERATIONS or has_operations(visitor))
    ]


def is_there(page: str, *, of_city: bool) -> bool:
    """Whether a cell's server, or a city's, has this page."""
    return page in (*CITY_WAYS, OPERATIONS, "/docs") if of_city else page not in CITY_WAYS.keys() - WAYS.keys()


def is_of_city(request: Request) -> bool:
    """Whether it is a city's server that is asked."""
    return bool(getattr(request.app.state, "of_city", False))
