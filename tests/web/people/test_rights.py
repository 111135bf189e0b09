"""Every route of the API with every role, held against what is expected here: not against the table that decides."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.city.api import Cells
from broker.city.database import CityDatabase
from broker.city.server import build_city
from broker.config import CityConfig
from broker.people.roles import BOUND, EVERYWHERE, ROLES, Role, Scope
from broker.web.door.rights import RIGHTS, rights_on
from tests.support.bridge.whole_web import WholeWeb

D, C, K, P, F = "dispatcher", "crew", "keeper", "property", "contractor"
T, R, S, V = "technician", "registrar", "supervisor", "viewer"
W, E, Q, B = "weigher", "enforcement", "committee", "fire_brigade"
EVERYBODY_SIGNED_IN = {D, C, K, P, F, T, R, S, V, W, E, Q, B}
FIGURES, BOOKS = {D, T, S, V}, {R, S, V}
ANYBODY = None
INCIDENT, VISIT = "/api/v1/incidents/{incident_id}", "/api/v1/runs/{run_id}/visits/{room}/{number}"
EXPECTED: dict[str, set[str] | None] = {
    "GET /healthz": ANYBODY,
    "GET /metrics": FIGURES,
    "GET /gtfs.zip": EVERYBODY_SIGNED_IN,
    "GET /api/v1/plan/map": EVERYBODY_SIGNED_IN,
    "GET /api/v1/plan/ground": FIGURES | {R},
    "GET /api/v1/plan/basemap.pmtiles": EVERYBODY_SIGNED_IN,
    "GET /gtfs-rt/{feed}.pb": FIGURES,
    "GET /report/{day}": FIGURES,
    "GET /api/v1/people/me": EVERYBODY_SIGNED_IN,
    "GET /api/v1/people/accounts": {S},
    "POST /api/v1/people/accounts": {S},
    "PATCH /api/v1/people/accounts/{account}": {S},
    "POST /api/v1/people/accounts/{account}/link": {S},
    "POST /api/v1/people/accounts/{account}/sign-out": {S},
    "GET /api/v1/people/tokens": {S},
    "POST /api/v1/people/tokens": {S},
    "DELETE /api/v1/people/tokens/{token}": {S},
    "GET /api/v1/people/access": {S},
    "GET /api/v1/people/shifts": {D, S},
    "POST /api/v1/people/shifts": {D, S},
    "DELETE /api/v1/people/shifts/{shift}": {D, S},
    "GET /api/v1/people/on-duty": {D, S},
    "GET /api/v1/trucks": EVERYBODY_SIGNED_IN,
    "GET /api/v1/rooms": EVERYBODY_SIGNED_IN,
    "GET /api/v1/runs": EVERYBODY_SIGNED_IN,
    "GET /api/v1/incidents": EVERYBODY_SIGNED_IN,
    "GET /api/v1/picture": EVERYBODY_SIGNED_IN,
    "GET /api/v1/events": EVERYBODY_SIGNED_IN,
    "GET /api/v1/playback/days": EVERYBODY_SIGNED_IN,
    "GET /api/v1/playback/changes": EVERYBODY_SIGNED_IN,
    "GET /api/v1/playback/truth": EVERYBODY_SIGNED_IN,
    "GET /api/v1/alarms": FIGURES,
    "POST /api/v1/alarms/{alarm_id}/see": {D},
    "POST /api/v1/alarms/{alarm_id}/shelve": {D},
    "POST /api/v1/alarms/{alarm_id}/unshelve": {D},
    "POST /api/v1/alarms/{alarm_id}/out-of-service": {D, T},
    "POST /api/v1/alarms/{alarm_id}/back": {D, T},
    "GET /api/v1/calls": FIGURES,
    "GET /api/v1/calls/scores": FIGURES | {P, K},
    "GET /api/v1/devices": {T, D},
    "GET /api/v1/devices/{family}/{device}": {T, D},
    "GET /api/v1/rooms/calls": FIGURES | {P, K},
    "POST /api/v1/rooms/{room}/keeper": {D, K},
    "GET /api/v1/calls/shown": FIGURES | {P, K},
    "GET /api/v1/calls/{call_id}": FIGURES | {P, K},
    "GET /api/v1/stats": FIGURES,
    "GET /api/v1/stats/sheets": FIGURES,
    f"POST {INCIDENT}/acknowledge": {D},
    f"POST {INCIDENT}/decide": {D},
    f"POST {INCIDENT}/resolve": {D},
    f"POST {INCIDENT}/clear": {D, P, K},
    f"POST {INCIDENT}/estate-ack": {D, P},
    "GET /api/v1/answers": {D, P, K, F, Q, B},
    "GET /api/v1/answers/past": {D, P, K, F, Q, B},
    "GET /api/v1/answers/trucks": {D, F},
    "GET /api/v1/answers/names": EVERYBODY_SIGNED_IN,
    **{
        f"POST {INCIDENT}/answers/{{addressee}}/{deed}": {D, P, K, F, Q, B}
        for deed in ("seen", "promise", "done", "refuse")
    },
    f"POST {INCIDENT}/answers/{{addressee}}/on-the-way": {D, F},
    f"POST {VISIT}/serve": {D, C},
    f"POST {VISIT}/skip": {D, C},
    "POST /api/v1/runs/{run_id}/full": {D, C},
    "POST /api/v1/runs/{run_id}/emptied": {D, C},
    "GET /api/v1/closures": EVERYBODY_SIGNED_IN,
    "POST /api/v1/closures": {D},
    "POST /api/v1/closures/{closure_id}/end": {D},
    "GET /api/v1/bookings": {D, P, C, S},
    "GET /api/v1/bookings/piles": {D, P},
    "GET /api/v1/bookings/windows": {D, P},
    "POST /api/v1/bookings/holds": {D, P},
    "POST /api/v1/bookings/usual": {D, P},
    "GET /api/v1/bookings/{booking}/evidence": {D, P, C, S},
    "GET /api/v1/bookings/{booking}/photo": {D, P, C, S},
    "POST /api/v1/bookings/{booking}/photo": {D, P},
    "POST /api/v1/bookings/{booking}/book": {D, P},
    "POST /api/v1/bookings/{booking}/change": {D, P},
    "POST /api/v1/bookings/{booking}/cancel": {D, P},
    "POST /api/v1/bookings/{booking}/accept": {D, C},
    "POST /api/v1/bookings/{booking}/decline": {D, C},
    "POST /api/v1/bookings/{booking}/loaded": {D, C},
    "POST /api/v1/bookings/{booking}/fail": {D, C},
    "POST /api/v1/bookings/{booking}/dispute": {D, P},
    "POST /api/v1/bookings/{booking}/answer": {D},
    f"POST {VISIT}/note": {D, C},
    "GET /api/v1/cases": {D, S, E},
    "GET /api/v1/cases/suggestions": {D, S},
    "POST /api/v1/cases": {D, S},
    "POST /api/v1/cases/{case_id}/hand-over": {D, S},
    "POST /api/v1/cases/{case_id}/take-back": {D, S},
    "POST /api/v1/cases/{case_id}/answer": {E},
    "POST /api/v1/cases/{case_id}/close": {D, S},
    "GET /api/v1/weighings": {D, C, T, S, V, W},
    "POST /api/v1/weighings": {D, C, W},
    "GET /api/v1/amendments": FIGURES,
    "POST /api/v1/amendments": {S},
    "POST /api/v1/trucks/{device}/command": {T},
    "POST /api/v1/rooms/{device}/command": {T},
    "GET /api/v1/accounts/closed": {T, D},
    "POST /api/v1/accounts/{device}/open": {T},
    "GET /api/v1/elections": BOOKS,
    "GET /api/v1/elections/log": BOOKS,
    "GET /api/v1/elections/versions": BOOKS,
    "GET /api/v1/elections/export": BOOKS,
    "GET /api/v1/elections/report": BOOKS,
    "PATCH /api/v1/elections": {R},
    "PUT /api/v1/elections": {R},
    "POST /api/v1/elections/import": {R},
    "POST /api/v1/elections/restore": {R},
    "POST /api/v1/elections/outside-edit": {R},
    "GET /api/v1/safety": BOOKS,
    "GET /api/v1/safety/log": BOOKS,
    "GET /api/v1/safety/versions": BOOKS,
    "GET /api/v1/safety/export": BOOKS,
    "GET /api/v1/safety/report": BOOKS,
    "GET /api/v1/safety/oc4ids": BOOKS,
    "PATCH /api/v1/safety": {R},
    "PUT /api/v1/safety": {R},
    "POST /api/v1/safety/import": {R},
    "POST /api/v1/safety/restore": {R},
    "POST /api/v1/safety/outside-edit": {R},
}
# What a deed is about, where somebody may do it for their own only.
OWN = {
    "keeper": "estates", "clear": "estates",
    "estate-ack": "estates", "serve": "trucks", "skip": "trucks", "note": "trucks",
    "weighings": "trucks", "full": "trucks", "emptied": "trucks",
    **dict.fromkeys(("windows", "holds", "usual", "book", "change", "cancel", "dispute"), "estates"),
    **dict.fromkeys(("accept", "decline", "loaded", "fail"), "trucks"), "evidence": "both", "photo": "both",
    **dict.fromkeys(("seen", "promise", "done", "refuse", "on-the-way"), "whoever is asked"),
}  # fmt: skip
WHOLE_LIST = "GET /api/v1/weighings"  # a crew is shown its own truck's in it, whoever asks
BODIES: dict[str, dict[str, Any]] = {
    "decide": {"decision": "wait"}, "shelve": {"shelf_s": 600}, "skip": {"reason": "other"},
    "command": {"command": "identify"}, "keeper": {"event": "bins_out"},
    "holds": {"pile": "p01", "from_at": 1}, "usual": {"estate": "e01"}, "decline": {"reason": "other"},
    "loaded": {"litres": 1}, "fail": {"reason": "other"}, "dispute": {"text": "x"}, "answer": {"text": "x"},
    "note": {"grade": 1}, "photo": {"jpeg": "x"}, "closures": {"room": "r01", "until_at": 1795400000},
    "cases": {"kind": "other", "records": ["x"]},
    "weighings": {"truck": "t01", "waste": "residential_wet", "grams": 1},
    "amendments": {"record": "run:no", "patch": {"state": "x"}, "reason": "w"},
}  # fmt: skip


class Street(WholeWeb):
    """The whole application, and a client of each role, in and out of scope."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (incident,) = self.desk.picture["incidents"]
        own = {"estates": (incident["estate"], "e01"), "trucks": ("t01", "t97"), "contractors": ("c1",)}
        other = {"estates": ("nowhere",), "trucks": ("t02",), "contractors": ("c2",)}
        self.own, self.other = self._clients(own), self._clients(other)
        self.nobody = self.house.stranger(self.app)

    def _clients(self, ids: dict[str, tuple[str, ...]]) -> dict[str, TestClient]:
        scopes = {role: Scope(**{kind: ids[kind]}) for role, kind in BOUND.items()}
        made = {role: self.house.machine(self.app, role, scope=scopes.get(role, EVERYWHERE)) for role in ROLES}
        for client in made.values():
            client.__enter__()  # one event loop for all of its requests, not one for each
        return made

    def operations(self) -> Iterator[tuple[str, str]]:
        """(method, path) of everything in OpenAPI."""
        for path, methods in self.app.openapi()["paths"].items():
            yield from ((method.upper(), path) for method in methods)

    def ask(self, client: TestClient, method: str, path: str, role: str = D) -> int:
        """The status of a request that is right but for who asks; of a stream only its beginning."""
        device = "t01" if "/trucks/" in path else "r01"
        names = {"case_id": "c1", **self.ids(), "day": "2026-11-23", "device": device, "closure_id": "x",
                 "feed": "alerts", "family": "room",
                 "addressee": {F: "contractor.c1", Q: "committee", B: "fire_brigade"}.get(role, "estate")}  # fmt: skip
        url = re.sub(r"\{(\w+)\}", lambda name: str(names[name[1]]), path)
        days = "?from_day=2026-11-23&to_day=2026-11-23"
        asked = {"stats": days, "scores": days, "weighings": "?day=2026-11-23",
                 "windows": "?pile=p01"}  # fmt: skip
        url += asked.get(path.rpartition("/")[2], "")
        body = BODIES.get(path.rpartition("/")[2], {}) if method != "GET" else None
        return client.request(method, url, json=body).status_code


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """One for all: what is done here is done in the order of the routes and spoils no later answer."""
    made = Street(tmp_path_factory.mktemp("street"))
    yield made
    made.morning.close()


def test_every_route_of_the_api_is_expected_here(street: Street) -> None:
    """A new one must say here who may use it; one that went is missed."""
    assert {f"{method} {path}" for method, path in street.operations()} == set(EXPECTED)


@pytest.mark.real  # the whole application, a thousand times
def test_every_route_is_open_to_its_roles_and_to_nobody_else(street: Street) -> None:
    """OpenAPI times roles times scope: 401 for nobody, 403 for another role or another's place, else it is taken."""
    wrong: list[tuple[str, str, str, int]] = []
    for method, path in street.operations():
        if path == "/api/v1/events":
            continue  # it does not end: the test below
        expected = EXPECTED[f"{method} {path}"]
        kind = None if f"{method} {path}" == WHOLE_LIST else OWN.get(path.rpartition("/")[2])
        if expected is ANYBODY:
            assert street.ask(street.nobody, method, path) == 200
            continue
        if street.ask(street.nobody, method, path) not in (401, 303):
            wrong.append((method, path, "nobody", street.ask(street.nobody, method, path)))
        for role in ROLES:
            for scope, client in (("own", street.own[role]), ("another's", street.other[role])):
                may = role in expected and (scope == "own" or BOUND.get(role) is None or kind is None)
                status = street.ask(client, method, path, role)
                if (status in (401, 403)) is may:
                    wrong.append((method, path, f"{role}, {scope}", status))
    assert wrong == []


def test_the_page_of_the_api_says_for_whom_each_route_is(street: Street) -> None:
    """As the table has it, and where it is bound to a place."""
    page = street.own["viewer"].get("/docs").text
    assert "dispatcher, keeper (of its estate), property (of its estate)" in page and "whoever is signed in" in page


def test_the_stream_is_for_who_is_signed_in(street: Street) -> None:
    """It is the screen: all who may see that."""
    assert street.ask(street.nobody, "GET", "/api/v1/events") == 401
    assert "GET /api/v1/events" in {right.route for right in RIGHTS if right.roles == frozenset(ROLES)}


def test_each_route_has_one_row_that_counts(street: Street) -> None:
    """Pages too: no route is open to nobody by mistake, no row is left over, none stands in another's way."""
    address = "postgresql://nobody@127.0.0.1:1/none"
    cells, config = Cells(CityDatabase(address, None, int)), CityConfig.model_validate({"city": {"url": address}})
    city = build_city(config, cells, street.house.gate, int)
    there = set(routes(street.app)) | set(routes(city))
    rows = [right.route for right in RIGHTS]
    assert len(rows) == len(set(rows))
    mounted = {row for row in rows if "/static/{path:path}" in row}
    assert set(rows) - mounted == there
    for row in rows:
        method, _, path = row.partition(" ")
        example = re.sub(r"\{\w+(:\w+)?\}", "x", path)
        assert next(right.route for right in rights_on(example) if right.route.startswith(f"{method} ")) == row


def routes(router: Any) -> Iterator[str]:
    """Method and path of each route, those of included routers too."""
    for route in router.routes:
        if getattr(route, "methods", None):
            yield from (f"{method} {route.path}" for method in route.methods - {"HEAD"})
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router)


@pytest.mark.parametrize("path", ["/sign-in", "/healthz", "/api/v1/picture", "/api/v1/trucks"])
def test_a_path_is_what_is_routed_by_and_not_its_beginning(street: Street, path: str) -> None:
    """A question mark or a # that is part of it cuts nothing off, so that no row is found for another route."""
    for sign in ("%3F", "%23", "%3F/command", "%00", "/"):
        for client in (street.nobody, street.own["dispatcher"]):
            assert client.get(path + sign).status_code in (404, 405), sign
            assert client.post(path + sign, json={}).status_code in (404, 405), sign


@pytest.mark.parametrize("method", ["DELETE", "PUT", "OPTIONS", "TRACE", "HEAD"])
def test_what_is_in_no_row_is_refused(street: Street, method: str) -> None:
    """Another method, another path: whoever asks."""
    for path, status in (("/api/v1/picture", 405), ("/api/v1/no-such", 404), ("/static/../gate.py", 404), ("//", 404)):
        assert street.own["dispatcher"].request(method, path).status_code in (status, 404, 405)
        assert street.nobody.request(method, path).status_code in (404, 405)


def test_a_bound_role_without_a_place_cannot_be_given(street: Street) -> None:
    """Somebody of no estate would be refused everywhere: it is said when the account is made."""
    roles: list[Role] = list(BOUND)
    for role in roles:
        with pytest.raises(ValueError, match=f"role {role} needs its {BOUND[role]}"):
            street.house.people.add_token("x", (role,))
