"""Who may use which route: the one table. What is not in it is open to nobody.

A role that speaks for a place, a truck or a firm (`broker.people.roles.BOUND`) does its deeds there only. A test walks
every route with every role.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from re import Pattern

from starlette.routing import compile_path

from broker.people.administration import ADMINISTRATOR
from broker.people.roles import BOUND, ROLES, Reach, Visitor


@dataclass(frozen=True, slots=True)
class Right:
    """One route: who may use it (nobody signed in is asked for at all where `anybody`), and whether it is a page."""

    route: str
    roles: frozenset[str]
    anybody: bool = False
    page: bool = False
    reaching: frozenset[str] | None = None  # by which roles something of it is reached, where not by all that may

    def reach_of(self, visitor: Visitor) -> Reach:
        """How far it is open to a visitor."""
        return visitor.reach(self.roles if self.reaching is None else self.reaching)

    def open_to(self, visitor: Visitor) -> bool:
        """Whether one of the visitor's roles is named."""
        return self.anybody or bool(self.roles & visitor.roles)


ALL = frozenset(ROLES)
# Who sees the picture or their share of it; the others have pages of their own (the scales, cases handed over).
_SEES = ALL - {"weigher", "enforcement", "committee", "fire_brigade"}
_PICTURE = frozenset({"trucks", "rooms", "runs", "incidents", "picture", "events", "answers/names", "plan/map"})
_PLAYBACK = frozenset({"playback/days", "playback/changes", "playback/truth"})
_FIGURES = frozenset({"dispatcher", "supervisor", "technician", "viewer"})
_SCORES = _FIGURES | {"property", "keeper"}
_BOOKS = frozenset({"registrar", "supervisor", "viewer"})
_REGISTRAR = frozenset({"registrar"})
_DISPATCH = frozenset({"dispatcher"})
_CASES = frozenset({"dispatcher", "supervisor"})
_ENFORCEMENT = frozenset({"enforcement"})
_CASE = "/api/v1/cases/{case_id}"
_WEIGHERS = frozenset({"dispatcher", "crew", "weigher"})
_DEVICES = frozenset({"technician"})
_SIGNS = _DISPATCH | _DEVICES
_DUTY = frozenset({"dispatcher", "supervisor"})
_ADMINISTRATOR = frozenset({ADMINISTRATOR})
_ANSWER = "/api/v1/incidents/{incident_id}/answers/{addressee}"
_BOOKINGS = frozenset({"dispatcher", "property"})
_FETCHES = frozenset({"dispatcher", "crew"})
_BOOKING = "/api/v1/bookings/{booking}"
_ON_BOOKING: Mapping[str, frozenset[str]] = {
    "book": _BOOKINGS, "change": _BOOKINGS, "cancel": _BOOKINGS, "dispute": _BOOKINGS,
    "accept": _FETCHES, "decline": _FETCHES, "loaded": _FETCHES, "fail": _FETCHES, "answer": _DISPATCH,
}  # fmt: skip
_INCIDENT, _VISIT = "/api/v1/incidents/{incident_id}", "/api/v1/runs/{run_id}/visits/{room}/{number}"

_ANYBODY = (
    "GET /static/{path:path}", "HEAD /static/{path:path}", "GET /registers/static/{name}", "GET /favicon.ico",
    "GET /healthz", "GET /sign-in", "POST /sign-in", "POST /sign-in/as", "POST /sign-out", "GET /welcome",
    "POST /welcome", "GET /cab/worker.js", "GET /sign/{code}",
)  # fmt: skip
_ESTATES = _DISPATCH | {"property", "keeper"}
# Who may answer for an addressee; the estate for those who have no account, too.
ANSWERS: Mapping[str, frozenset[str]] = {
    "dispatcher": _DISPATCH, "estate": _ESTATES, "contractor": _DISPATCH | {"contractor"},
    "committee": _ESTATES | {"committee"}, "fire_brigade": _ESTATES | {"fire_brigade"},
}  # fmt: skip
_ASKED = frozenset[str]().union(*ANSWERS.values())
_PAGES: Mapping[str, frozenset[str]] = {
    "GET /": ALL,
    "GET /docs": ALL,
    "GET /map": ALL,
    "GET /asked": _ASKED,
    "GET /property": frozenset({"property"}),
    "GET /cab": _FETCHES,
    "GET /report/{day}": _FIGURES,
    "GET /keeper": _DISPATCH | {"keeper"},
    "GET /devices": _DEVICES | _DISPATCH,
    "GET /devices/{family}/{device}": _DEVICES | _DISPATCH,
    "GET /signs": _SIGNS,
    "POST /signs/{room}": _SIGNS,
    "GET /figures": _FIGURES,
    "GET /city": _FIGURES,
    "GET /scores": _SCORES,
    "GET /learned": _FIGURES,
    "GET /learned/{route_id:path}": _FIGURES,
    "GET /bookings": _BOOKINGS | _FETCHES | {"supervisor"},
    "GET /bookings/{booking}": _BOOKINGS | _FETCHES | {"supervisor"},
    "POST /bookings/holds": _BOOKINGS,
    "POST /bookings/usual": _BOOKINGS,
    **{f"POST /bookings/{{booking}}/{deed}": roles for deed, roles in _ON_BOOKING.items()},
    "GET /cases": _CASES | _ENFORCEMENT,
    "GET /transfer-station": _FIGURES | _WEIGHERS,
    "GET /registers": _BOOKS,
    "GET /registers/": _BOOKS,
    "GET /registers/elections": _BOOKS,
    "GET /registers/elections/bodies/{body_id}": _BOOKS,
    "GET /registers/safety": _BOOKS,
    "GET /registers/safety/sites/{site_id}": _BOOKS,
    "GET /registers/{which}/log": _BOOKS,
    "GET /registers/{which}/record": _REGISTRAR,
    "POST /registers/{which}/record": _REGISTRAR,
    "GET /registers/{which}/import": _REGISTRAR,
    "POST /registers/{which}/import": _REGISTRAR,
    "POST /registers/{which}/import/apply": _REGISTRAR,
    "POST /registers/{which}/outside-edit": _REGISTRAR,
    "POST /registers/{which}/restore": _REGISTRAR,
    "GET /people": _ADMINISTRATOR,
    "POST /people/accounts": _ADMINISTRATOR,
    "GET /people/accounts/{account}": _ADMINISTRATOR,
    "POST /people/accounts/{account}": _ADMINISTRATOR,
    "POST /people/tokens": _ADMINISTRATOR,
    "POST /people/tokens/{token}": _ADMINISTRATOR,
    "GET /people/rosters": _DUTY,
    "POST /people/rosters": _DUTY,
    "POST /people/rosters/{shift}": _DUTY,
}
_ROUTES: Mapping[str, frozenset[str]] = {
    "GET /openapi.json": ALL,
    "GET /api/v1/people/me": ALL,
    "GET /api/v1/people/accounts": _ADMINISTRATOR,
    "POST /api/v1/people/accounts": _ADMINISTRATOR,
    "PATCH /api/v1/people/accounts/{account}": _ADMINISTRATOR,
    "POST /api/v1/people/accounts/{account}/link": _ADMINISTRATOR,
    "POST /api/v1/people/accounts/{account}/sign-out": _ADMINISTRATOR,
    "GET /api/v1/people/tokens": _ADMINISTRATOR,
    "POST /api/v1/people/tokens": _ADMINISTRATOR,
    "DELETE /api/v1/people/tokens/{token}": _ADMINISTRATOR,
    "GET /api/v1/people/access": _ADMINISTRATOR,
    "GET /api/v1/people/shifts": _DUTY,
    "POST /api/v1/people/shifts": _DUTY,
    "DELETE /api/v1/people/shifts/{shift}": _DUTY,
    "GET /api/v1/people/on-duty": _DUTY,
    "GET /gtfs.zip": ALL,
    "GET /api/v1/plan/basemap.pmtiles": ALL,
    "GET /api/v1/plan/ground": _FIGURES | _REGISTRAR,
    "GET /gtfs-rt/{feed}.pb": _FIGURES,
    "GET /api/v1/alarms": _FIGURES,
    "POST /api/v1/alarms/{alarm_id}/see": _DISPATCH,
    "POST /api/v1/alarms/{alarm_id}/shelve": _DISPATCH,
    "POST /api/v1/alarms/{alarm_id}/unshelve": _DISPATCH,
    "POST /api/v1/alarms/{alarm_id}/out-of-service": _DISPATCH | _DEVICES,
    "POST /api/v1/alarms/{alarm_id}/back": _DISPATCH | _DEVICES,
    "GET /api/v1/devices": _DEVICES | _DISPATCH,
    "GET /api/v1/devices/{family}/{device}": _DEVICES | _DISPATCH,
    "GET /api/v1/rooms/calls": _FIGURES | {"property", "keeper"},
    "POST /api/v1/rooms/{room}/keeper": _DISPATCH | {"keeper"},
    "GET /metrics": _FIGURES,
    "GET /api/v1/calls": _FIGURES,
    "GET /api/v1/calls/scores": _SCORES,
    **{f"GET /api/v1/calls/{one}": _SCORES for one in ("shown", "{call_id}")},
    "GET /api/v1/city": _FIGURES,
    "GET /api/v1/city/cases": _CASES | _ENFORCEMENT,
    "GET /api/v1/city/sheets": _FIGURES,
    "GET /api/v1/city/stats": _FIGURES,
    "GET /api/v1/stats": _FIGURES,
    "GET /api/v1/stats/sheets": _FIGURES,
    f"POST {_INCIDENT}/acknowledge": _DISPATCH,
    f"POST {_INCIDENT}/decide": _DISPATCH,
    f"POST {_INCIDENT}/resolve": _DISPATCH,
    f"POST {_INCIDENT}/clear": _DISPATCH | {"property", "keeper"},
    f"POST {_INCIDENT}/estate-ack": _DISPATCH | {"property"},
    "GET /api/v1/answers": _ASKED,
    "GET /api/v1/answers/past": _ASKED,
    "GET /api/v1/answers/trucks": _DISPATCH | {"contractor"},
    **{f"POST {_ANSWER}/{deed}": _ASKED for deed in ("seen", "promise", "done", "refuse")},
    f"POST {_ANSWER}/on-the-way": _DISPATCH | {"contractor"},
    f"POST {_VISIT}/serve": _DISPATCH | {"crew"},
    f"POST {_VISIT}/skip": _DISPATCH | {"crew"},
    "POST /api/v1/runs/{run_id}/full": _DISPATCH | {"crew"},
    "POST /api/v1/runs/{run_id}/emptied": _DISPATCH | {"crew"},
    "GET /api/v1/closures": ALL,
    "POST /api/v1/closures": _DISPATCH,
    "POST /api/v1/closures/{closure_id}/end": _DISPATCH,
    "GET /api/v1/bookings": _BOOKINGS | _FETCHES | {"supervisor"},
    "GET /api/v1/bookings/piles": _BOOKINGS,
    "GET /api/v1/bookings/windows": _BOOKINGS,
    "POST /api/v1/bookings/holds": _BOOKINGS,
    "POST /api/v1/bookings/usual": _BOOKINGS,
    f"GET {_BOOKING}/evidence": _BOOKINGS | _FETCHES | {"supervisor"},
    f"GET {_BOOKING}/photo": _BOOKINGS | _FETCHES | {"supervisor"},
    f"POST {_BOOKING}/photo": _BOOKINGS,
    **{f"POST {_BOOKING}/{deed}": roles for deed, roles in _ON_BOOKING.items()},
    f"POST {_VISIT}/note": _DISPATCH | {"crew"},
    "GET /api/v1/cases": _CASES | _ENFORCEMENT,
    "GET /api/v1/cases/suggestions": _CASES,
    "POST /api/v1/cases": _CASES,
    f"POST {_CASE}/hand-over": _CASES,
    f"POST {_CASE}/take-back": _CASES,
    f"POST {_CASE}/answer": _ENFORCEMENT,
    f"POST {_CASE}/close": _CASES,
    "GET /api/v1/weighings": _FIGURES | _WEIGHERS,
    "POST /api/v1/weighings": _WEIGHERS,
    "GET /api/v1/amendments": _FIGURES,
    "POST /api/v1/amendments": frozenset({"supervisor"}),
    "POST /api/v1/trucks/{device}/command": _DEVICES,
    "POST /api/v1/rooms/{device}/command": _DEVICES,
    "GET /api/v1/accounts/closed": _DEVICES | _DISPATCH,
    "POST /api/v1/accounts/{device}/open": _DEVICES,
    "GET /api/v1/elections/report": _BOOKS,
    "GET /api/v1/safety/report": _BOOKS,
    "GET /api/v1/safety/oc4ids": _BOOKS,
    **{
        f"{method} /api/v1/{which}{deed}": roles
        for which in ("elections", "safety")
        for method, deed, roles in (
            ("GET", "", _BOOKS), ("GET", "/log", _BOOKS), ("GET", "/versions", _BOOKS), ("GET", "/export", _BOOKS),
            ("PATCH", "", _REGISTRAR), ("PUT", "", _REGISTRAR), ("POST", "/import", _REGISTRAR),
            ("POST", "/restore", _REGISTRAR), ("POST", "/outside-edit", _REGISTRAR),
        )
    },
}  # fmt: skip

RIGHTS: tuple[Right, ...] = (
    *(Right(route, ALL, anybody=True) for route in _ANYBODY),
    *(Right(route, roles, page=True) for route, roles in _PAGES.items()),
    *(Right(route, roles) for route, roles in _ROUTES.items()),
    *(Right(f"GET /api/v1/{part}", ALL, reaching=_SEES) for part in _PICTURE | _PLAYBACK),
)


@cache
def _patterns() -> tuple[tuple[Pattern[str], Right], ...]:
    return tuple((compile_path(right.route.partition(" ")[2])[0], right) for right in RIGHTS)


def rights_on(path: str) -> list[Right]:
    """The rows of a path, one for each method; the first one of a method is the one that counts."""
    return [right for pattern, right in _patterns() if pattern.match(path)]


def right_to(method: str, path: str) -> Right | None:
    """The row of a request; None where there is none."""
    return next((right for right in rights_on(path) if right.route.startswith(f"{method} ")), None)


def deeds_of(visitor: Visitor) -> dict[str, dict[str, list[str]] | None]:
    """What a visitor may do beyond reading: route -> what it reaches, None for everything."""
    found: dict[str, dict[str, list[str]] | None] = {}
    for right in RIGHTS:
        if right.anybody or right.route.startswith(("GET ", "HEAD ")) or not right.open_to(visitor):
            continue
        reach = right.reach_of(visitor)
        found[right.route] = None if reach.everything else {
            "estates": sorted(reach.estates), "trucks": sorted(reach.trucks), "contractors": sorted(reach.contractors),
        }
    return found


def pages_of(visitor: Visitor) -> list[str]:
    """The pages that a visitor may open, as they are linked to: up to the first name in a path."""
    open_to = [right.route for right in RIGHTS if right.page and right.open_to(visitor)]
    return sorted({route.removeprefix("GET ").partition("{")[0] for route in open_to if route.startswith("GET ")})


def who_may(right: Right) -> str:
    """The roles of a row in words, for a refusal and for the operator's page."""
    if right.anybody:
        return "anybody"
    if right.roles == ALL:
        return "whoever is signed in"
    bound = {"estates": "of its estate", "trucks": "of its truck", "contractors": "of its firm"}
    names = [f"{role} ({bound[BOUND[role]]})" if role in BOUND else role for role in ROLES if role in right.roles]
    return ", ".join(names)
