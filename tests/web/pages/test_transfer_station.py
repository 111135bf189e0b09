"""The transfer station's page and what crews note: kept, listed, counted in the chain, and only for who may."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from broker.people.roles import Scope
from broker.rules.states.visit import Visit
from tests.support.bridge.morning import DAY
from tests.support.bridge.whole_web import WholeWeb

KEY = "Idempotency-Key"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWeb]:
    """A morning with two rooms served."""
    made = WholeWeb(tmp_path_factory.mktemp("street"), served=2)
    made.morning.store.now = lambda: made.morning.now  # type: ignore[method-assign]
    yield made
    made.morning.close()


@pytest.fixture
def weigher(street: WholeWeb) -> Iterator[TestClient]:
    """Who weighs there."""
    with street.house.machine(street.app, "weigher", name="Sun") as client:
        yield client


def _page(client: TestClient, language: str = "zh") -> str:
    return client.get(f"/transfer-station?lang={language}", headers={"accept": "text/html"}).text


@pytest.mark.real
def test_a_load_is_weighed_once_however_often_it_is_sent(street: WholeWeb, weigher: TestClient) -> None:
    """It stands in the list of the day and on the page, with its kilograms."""
    load = {"truck": "t01", "waste": street.morning.waste, "grams": 5_120_000}
    for _ in range(2):
        assert weigher.post("/api/v1/weighings", json=load, headers={KEY: "load-1"}).status_code == 200
    (row,) = [one for one in weigher.get(f"/api/v1/weighings?day={DAY}").json() if one["grams"] == 5_120_000]
    assert (row["truck"], row["matched"]) == ("t01", True) and row["who"]
    page = _page(weigher)
    assert "5120.0" in page and "<td>t01</td>" in page and "data-deed=\"/api/v1/weighings\"" in page


@pytest.mark.real
def test_a_load_that_nothing_collected_fits_is_said(weigher: TestClient) -> None:
    """A truck that was nowhere: on the page in words, in the API as a word of its own."""
    load = {"truck": "t02", "waste": "renovation", "grams": 1_000}
    assert weigher.post("/api/v1/weighings", json=load).status_code == 200
    rows = weigher.get(f"/api/v1/weighings?day={DAY}").json()
    assert [row["matched"] for row in rows if row["truck"] == "t02"] == [False]
    assert "nothing collected fits this" in _page(weigher, "en")


@pytest.mark.real
@pytest.mark.parametrize("load", [{"truck": "t76"}, {"grams": 60_000_001}, {"grams": -1}, {"waste": "gold"}])
def test_what_cannot_be_weighed_is_refused(weigher: TestClient, load: dict[str, object]) -> None:
    """Nobody's truck, more than a truck carries, less than nothing, no kind of waste."""
    right = {"truck": "t01", "waste": "residential_wet", "grams": 1_000}
    before = len(weigher.get(f"/api/v1/weighings?day={DAY}").json())
    answer = weigher.post("/api/v1/weighings", json={**right, **load})
    assert answer.status_code in (404, 422) and answer.json()["detail"]
    assert len(weigher.get(f"/api/v1/weighings?day={DAY}").json()) == before


def test_the_page_speaks_both_languages_and_loads_nothing_from_elsewhere(weigher: TestClient) -> None:
    """Its script is ours; who may only look has no form."""
    assert "下一车" in _page(weigher) and "The next load" in _page(weigher, "en")
    answer = weigher.get("/transfer-station")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "http" not in policy


def test_a_crew_sees_and_weighs_its_own_truck_only(street: WholeWeb) -> None:
    """The supervisor sees all of it and no form."""
    with street.house.machine(street.app, "crew", scope=Scope(trucks=("t02",))) as crew:
        assert {row["truck"] for row in crew.get(f"/api/v1/weighings?day={DAY}").json()} <= {"t02"}
        assert ">t01<" not in _page(crew)
    with street.house.machine(street.app, "supervisor") as supervisor:
        assert "<form class=\"record\"" not in _page(supervisor)


@pytest.mark.real
def test_a_crews_note_counts_and_can_be_taken_back(street: WholeWeb) -> None:
    """Grade and what was found stand in the visit, in the chain, and are there after a restart."""
    room = street.morning.trip.visits[0].room_id
    path = f"/api/v1/runs/{street.morning.run_id}/visits/{room}/1/note"
    with street.house.machine(street.app, "crew", scope=Scope(trucks=("t01",))) as crew:
        assert crew.post(path, json={"grade": 2, "found": "hazardous"}).status_code == 200
        record = street.morning.store.latest("visit")[f"{street.morning.run_id}/{room}/1"]
        visit = Visit.from_body(dict(record.body))  # as a bridge that starts reads it
        assert (visit.state, visit.contamination, visit.contaminant) == ("served", 2, "hazardous")
        with street.house.machine(street.app, "viewer") as viewer:
            rows = viewer.get(f"/api/v1/stats?from_day={DAY}&to_day={DAY}&table=chain").json()
            assert sum(row["contaminated_2"] for row in rows) == 1
            assert crew.post(path, json={"grade": 0}).status_code == 200
            rows = viewer.get(f"/api/v1/stats?from_day={DAY}&to_day={DAY}&table=chain").json()
            assert sum(row["contaminated"] for row in rows) == 0
        late = street.morning.trip.visits[-1].room_id
        refused = crew.post(path.replace(room, late), json={"grade": 1})
        assert refused.status_code == 409 and "nobody has looked" in refused.json()["detail"]
