"""The API is as it describes itself: requests made of its OpenAPI, right and wrong ones, as four of its roles."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse

from broker.people.roles import Role
from broker.web.api.described.rows import AnswerRow, IncidentRow, RunRow, VisitRow
from broker.web.door.rights import RIGHTS
from broker.web.problems import REFUSALS
from tests.support.bridge.whole_web import WholeWeb
from tests.support.screens.openapi import Walk

ENDLESS = "GET /api/v1/events"
MONTH = {"name": "month", "in": "query", "required": True, "schema": {"type": "integer", "maximum": 12}}
# A morning of last week shows its newest picture since then: that the bridge is stuck is what it has to say.
SAYS_503 = "GET /healthz"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWeb]:
    """One for all roles: what one of them does is what the next one finds."""
    made = WholeWeb(tmp_path_factory.mktemp("street"))
    yield made
    made.morning.close()


def routes_of(role: Role) -> set[str]:
    """What the role may do."""
    return {right.route for right in RIGHTS if right.anybody or role in right.roles}


MET: dict[Role, set[int]] = {
    "dispatcher": {200, 404, 409, 422}, "registrar": {200, 409, 422}, "supervisor": {200, 404, 422},
    "viewer": {200, 403, 422},
}  # fmt: skip


@pytest.mark.real
@pytest.mark.parametrize("role", MET)
def test_every_answer_is_as_the_api_describes_it(street: WholeWeb, role: Role) -> None:
    """No fault of the server, each refusal a problem detail, each answer of the kind and form that is said: four right
    and four wrong requests of what the role may do, one and one where a role before it asked four. What it may not do
    the viewer alone asks once: the same refusal again and again would teach nothing."""
    token, may = street.house.people.add_token(role, (role,)), routes_of(role)
    before = set[str]().union(*(routes_of(one) for one in list(MET)[: list(MET).index(role)]))
    refused = () if role == "viewer" else tuple({right.route for right in RIGHTS} - may)
    left_out = (ENDLESS, SAYS_503, *refused)
    walk = Walk(street.app, token, street.ids(), lambda route: 4 if route in may - before else 1, left_out).go()
    assert walk.odd == []
    assert MET[role] <= set(walk.statuses)
    assert walk.statuses.total() >= 60


def test_what_is_not_as_described_is_found() -> None:
    """A fault, a refusal in plain words, an answer of another form, a wrong value that is taken: one each."""
    app = FastAPI(responses=REFUSALS)

    @app.get("/fault")
    def fault() -> None:
        raise ZeroDivisionError

    @app.get("/plain")
    def plain() -> PlainTextResponse:
        return PlainTextResponse("no", 403)

    @app.get("/form")
    def form() -> list[int]:
        return JSONResponse({"a": 1})  # type: ignore[return-value]

    @app.get("/right")
    def right() -> list[int]:
        return [1]

    @app.get("/taken", openapi_extra={"parameters": [MONTH]})
    def taken() -> None:
        pass

    odd = Walk(app, "", {}, lambda _: 4).go().odd
    assert {row.partition(":")[0] for row in odd} == {"GET /fault", "GET /plain", "GET /form", "GET /taken"}


def test_a_deeds_answer_is_described_to_the_last_field(tmp_path: Path) -> None:
    """A run with its visits, an incident with its answers: each field is named and of its kind, none is left out."""
    web = WholeWeb(tmp_path, served=1)
    client = web.house.machine(web.app, "dispatcher")
    run = client.post(f"/api/v1/runs/{web.morning.run_id}/full", json={}).json()
    incident = client.post(f"/api/v1/incidents/{web.incident_id}/acknowledge", json={}).json()
    rows = [(RunRow, run), (IncidentRow, incident)]
    rows += [(VisitRow, row) for row in run["visits"]] + [(AnswerRow, row) for row in incident["answers"]]
    assert len(rows) > 4
    for described, row in rows:
        assert described.model_validate(row).model_dump(mode="json") == row
    web.morning.close()


def test_each_deed_on_the_street_says_what_it_answers_with(street: WholeWeb) -> None:
    """A named form, not anything."""
    rooms = ("runs", "incidents", "alarms", "closures", "bookings", "weighings", "trucks", "rooms", "accounts", "cases")
    vague = [
        path
        for path, methods in street.app.openapi()["paths"].items()
        if "post" in methods and path.startswith(tuple(f"/api/v1/{room}" for room in rooms))
        and "$ref" not in methods["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    ]
    assert vague == []
