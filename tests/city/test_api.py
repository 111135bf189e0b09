"""The city's API over a district of ten cells: who may ask, what is said of a silent one, and what adds up."""

from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from broker.city.api import Cells
from broker.city.database import CityDatabase
from broker.city.figures import CityFigures
from broker.city.server import build_city
from broker.config import CityConfig
from broker.people.roles import BOUND, EVERYWHERE, ROLES, Scope
from broker.reports.figures import figures_of
from tests.support.city.district import (
    NAMES,
    beat_of,
    days_of,
    district,
    records_of,
    say,
    share,
    silent_for,
    stay_heard,
)
from tests.support.facts import DAY, NOON, ZONE
from tests.support.people import House

pytestmark = pytest.mark.real
SEE = {"dispatcher", "supervisor", "technician", "viewer"}
SUPERVISOR = {"supervisor"}
EXPECTED = {
    "GET /healthz": None, "GET /api/v1/city": SEE, "GET /api/v1/city/sheets": SEE, "GET /api/v1/city/stats": SEE,
    "GET /api/v1/city/cases": {"dispatcher", "supervisor", "enforcement"},
    "GET /api/v1/people/me": set(ROLES), "GET /api/v1/people/accounts": SUPERVISOR,
    "POST /api/v1/people/accounts": SUPERVISOR, "PATCH /api/v1/people/accounts/{account}": SUPERVISOR,
    "POST /api/v1/people/accounts/{account}/link": SUPERVISOR, "GET /api/v1/people/tokens": SUPERVISOR,
    "POST /api/v1/people/accounts/{account}/sign-out": SUPERVISOR, "POST /api/v1/people/tokens": SUPERVISOR,
    "DELETE /api/v1/people/tokens/{token}": SUPERVISOR, "GET /api/v1/people/access": SUPERVISOR,
}  # fmt: skip


class Town:
    """The city's application over the district, and a client of each role."""

    def __init__(self, database: str) -> None:
        self.database, self.city = database, CityDatabase(database, None, lambda: NOON)
        district(database)
        stay_heard(database)
        config = CityConfig.model_validate({"city": {"url": database, "name": "静安区 / Jing'an District"}})
        self.house = House()
        self.house.account("wang", "supervisor")
        figures = CityFigures(self.city, lambda: NOON, 0, 0)
        self.app = build_city(config, Cells(self.city), self.house.gate, lambda: NOON, figures)
        self.client = self.house.machine(self.app, "supervisor")


@pytest.fixture
def town(database: str) -> Iterator[Town]:
    """One for each."""
    made = Town(database)
    yield made
    made.city.close()


def test_every_route_is_open_to_its_roles_and_to_nobody_else(town: Town) -> None:
    """As in a cell; a role that is bound to a place there has nothing to look at here."""
    found = [(method.upper(), path) for path, of in town.app.openapi()["paths"].items() for method in of]
    assert {f"{method} {path}" for method, path in found} == set(EXPECTED)
    scopes = {role: Scope(**{kind: ("x",)}) for role, kind in BOUND.items()}
    clients = {role: town.house.machine(town.app, role, scope=scopes.get(role, EVERYWHERE)) for role in ROLES}
    stranger, wrong = town.house.stranger(town.app), []
    for method, path in found:
        may = EXPECTED[f"{method} {path}"]
        if may is None:
            assert stranger.request(method, path).status_code == 200
            continue
        assert stranger.request(method, path).status_code == 401
        for role, client in clients.items():
            asked = f"{path}?from_day={DAY}&to_day={DAY}" if path.endswith("stats") else path
            status = client.request(method, asked.format(account="x", token="m99"), json={}).status_code
            if (status in (401, 403)) is (role in may):
                wrong.append((method, path, role, status))
    assert wrong == []
    assert stranger.get("/city", follow_redirects=False).status_code == 303
    assert town.client.get("/", follow_redirects=False).headers["location"] == "/city"
    assert [way["path"] for way in town.client.get("/api/v1/people/me").json()["ways"]] == ["/city", "/people"]
    assert town.client.get("/people").status_code == 200 and town.client.get("/docs").status_code == 200


def test_a_silent_cell_is_shown_as_silent_within_ninety_seconds(town: Town) -> None:
    """After 75 s without a beat, and the page looks each five; what it said last stays, as of then."""
    say(town.database, "pengpu", beat_of(9, presses=1))
    cells = {cell["area"]: cell for cell in asked(town)["cells"]}
    assert len(cells) == 10 and cells["beizhan"]["silent"] and not cells["pengpu"]["silent"]
    silent_for(town.database, "pengpu", 40)
    assert not {cell["area"]: cell["silent"] for cell in asked(town)["cells"]}["pengpu"]
    silent_for(town.database, "pengpu", 40)
    city = asked(town)
    assert {cell["area"]: cell["silent"] for cell in city["cells"]}["pengpu"]
    (press,) = [row for row in city["open"] if row["area"] == "pengpu"]
    assert press["silent"] and press["press"]["truck"] == "t01" and press["name"] == NAMES["pengpu"]
    assert town.client.get("/healthz").json()["silent"] == ["beizhan", "pengpu"]
    say(town.database, "pengpu", beat_of(9))
    assert not {cell["area"]: cell["silent"] for cell in asked(town)["cells"]}["pengpu"]


def asked(town: Town) -> dict:
    """The cells as the database has them now."""
    return build_client(town).get("/api/v1/city").json()


def build_client(town: Town):
    """A client of an application that has asked nothing yet."""
    config = CityConfig.model_validate({"city": {"url": town.database}})
    return town.house.machine(build_city(config, Cells(town.city), town.house.gate, lambda: NOON), "viewer")


def test_what_is_open_is_listed_with_the_worst_first(town: Town) -> None:
    """Presses before alarms, the oldest first, each with its cell and the way to its screen."""
    city = asked(town)
    rows = city["open"]
    assert [row["kind"] for row in rows] == ["press"] * 3 + ["alarm"] * 3
    ages = [row["since"] for row in rows if row["kind"] == "press"]
    assert ages == sorted(ages)
    assert all(row["text"].keys() == {"zh", "en"} for row in rows if row["kind"] == "alarm")
    assert {cell["said"]["screen"] for cell in city["cells"]} == {f"http://127.0.0.1:{9000 + n}/" for n in range(10)}


def test_the_sheets_and_the_rows_are_the_sum_of_the_cells(town: Town) -> None:
    """Area by area as each cell counts itself, in all as all of them together, by waste the same."""
    sheets = {one["key"]: one for one in town.client.get(f"/api/v1/city/sheets?day={DAY}").json()["sheets"]}
    alone = {area: figures_of(town.city.records(area, ZONE), DAY, DAY, ZONE) for area in NAMES}
    bins = {area: sum(one["bins"] for one in cube.values()) for area, cube in alone.items()}
    assert dict(sheets["bins"]["rows"]) == {NAMES[area].split(" / ")[1]: count for area, count in bins.items()}
    assert sheets["bins"]["total"][1] == sum(bins.values()) and sheets["bins"]["heads"][0] == "area"
    assert "chain" in sheets
    by_waste = town.client.get(f"/api/v1/city/sheets?day={DAY}&by=waste").json()["sheets"][0]
    assert sum(row[1] for row in by_waste["rows"]) == sum(bins.values())
    rows = town.client.get(f"/api/v1/city/stats?from_day={DAY}&to_day={DAY}&by=area,waste").json()
    assert Counter({area: sum(row["bins"] or 0 for row in rows if row["area"] == area) for area in bins}) == bins
    chain = town.client.get(f"/api/v1/city/stats?from_day={DAY}&to_day={DAY}&table=chain").json()
    assert sum(row["weighed_grams"] or 0 for row in chain) > 0
    book = town.client.get(f"/api/v1/city/sheets?day={DAY}&format=xlsx")
    assert book.content[:2] == b"PK" and "zhanpai-2026-11-22-area" in book.headers["content-disposition"]
    assert "静安寺街道" in town.client.get(f"/api/v1/city/sheets?day={DAY}&format=csv&language=zh").text


def test_the_city_sees_the_cases_that_cells_handed_over(town: Town) -> None:
    """With their place by its name, and nobody's name."""
    cases = town.client.get("/api/v1/city/cases").json()
    assert {one["area"] for one in cases} == {"caojia", "shimen"}
    assert all(one["place"] == "一村 3 号 / First Village 3" and one["state"] == "handed_over" for one in cases)
    assert "wang" not in town.client.get("/api/v1/city/cases").text


def test_what_did_not_come_as_it_should_is_said(town: Town) -> None:
    """An older record of an area that was not pushed to its end, another at once, and records that differ."""
    records = records_of(days_of(1), "daning")
    old = share(town.database, "daning", "old")
    old.push(records[:2], 2, records[1].id, 9)
    old.differ(1, records[0].id)
    old.went_back(NOON, 9, 4)
    old.push(records[:2], 2, records[1].id, 9)
    notes = {one["word"]: one["values"] for cell in asked(town)["cells"] for one in cell["notes"]
             if cell["area"] == "daning"}  # fmt: skip
    old.close()
    assert notes["not_pushed"]["first"] == 3 and notes["not_pushed"]["last"] == 9
    assert notes["went_back"]["from_row"] == 9 and "two_at_once" in notes


def test_the_citys_server_only_reads(town: Town) -> None:
    """Its account of the database needs no more than that; the cells made the tables."""
    with psycopg.connect(town.database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reads")
        connection.execute("CREATE ROLE reads LOGIN IN ROLE pg_read_all_data")
    city = CityDatabase(town.database.replace("postgres@", "reads@"), None, lambda: NOON)
    config = CityConfig.model_validate({"city": {"url": town.database}})
    client = town.house.machine(build_city(config, Cells(city), town.house.gate, lambda: NOON), "viewer")
    assert len(client.get("/api/v1/city").json()["cells"]) == 10
    assert client.get(f"/api/v1/city/sheets?day={DAY}").json()["sheets"][0]["total"][1] > 0
    supervisor = town.house.machine(build_city(config, Cells(city), town.house.gate, lambda: NOON), "supervisor")
    assert len(supervisor.get("/api/v1/city/cases").json()) == 2
    city.close()


def test_a_city_that_is_there_before_its_cells_shows_none(database: str) -> None:
    """Whoever comes first makes the tables."""
    city, house = CityDatabase(database, None, lambda: NOON), House()
    config = CityConfig.model_validate({"city": {"url": database}})
    client = house.machine(build_city(config, Cells(city), house.gate, lambda: NOON), "viewer")
    assert client.get("/api/v1/city").json()["cells"] == []
    assert client.get("/api/v1/city/sheets").json()["sheets"][0]["rows"] == []
    city.close()


def test_a_city_without_its_database_says_so() -> None:
    """The page's server starts and answers; it has nothing to show."""
    city = CityDatabase("postgresql://nobody@127.0.0.1:1/x", None, lambda: NOON)
    house = House()
    config = CityConfig.model_validate({"city": {"url": "postgresql://nobody@127.0.0.1:1/x"}})
    client = house.machine(build_city(config, Cells(city), house.gate, lambda: NOON), "supervisor")
    for path in ("/api/v1/city", "/api/v1/city/cases", "/api/v1/city/sheets"):
        answer = client.get(path)
        assert answer.status_code == 503 and "cannot be used now" in answer.json()["detail"]
    assert client.get("/healthz").status_code == 503
