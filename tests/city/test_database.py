"""What the city's page reads is of one moment, and nobody who looks at it waits for who counts."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from broker.city.api import Cells
from broker.city.database import CityDatabase
from broker.city.figures import CityFigures
from broker.city.server import build_city
from broker.city.standing import standing
from broker.config import CityConfig
from tests.support.city.district import beat_of, case_of, cases_of, days_of, records_of, say, share, stay_heard
from tests.support.facts import DAY, NOON
from tests.support.people import House

pytestmark = pytest.mark.real


@pytest.fixture
def city(database: str) -> Iterator[CityDatabase]:
    """What the page reads with."""
    found = CityDatabase(database, None, lambda: NOON)
    yield found
    found.close()


class Between:
    """A connection on which something happens after the first table was read."""

    def __init__(self, connection: Any, happens: Callable[[], None]) -> None:
        self._connection, self._happens = connection, happens

    def execute(self, query: bytes, *values: Any) -> Any:
        """The rows; after those of how far each cell has pushed it happens."""
        found = self._connection.execute(query, *values)
        if b"FROM zp_pushed" not in bytes(query if isinstance(query, bytes) else query.encode()):
            return found
        rows = found.fetchall()
        self._happens()
        return rows


def test_a_batch_that_comes_between_two_reads_is_seen_whole_or_not_at_all(database, city, monkeypatch) -> None:
    """Else a cell would say that its day is over, and that it has pushed all of it, of which only the first is so."""
    records = records_of(days_of(1), "aa")
    say(database, "aa", beat_of(1, now=NOON), records[:4])
    assert len(city.cells()) == 1  # its tables are there

    def meanwhile() -> None:
        later = share(database, "aa")
        later.push(records[:6], 6, records[5].id, len(records))
        later.beat(beat_of(1, now=NOON + 50_000), "aa", {})
        later.close()

    session = city._cells  # whatever it does, it does it by this
    run = session.run
    monkeypatch.setattr(session, "run", lambda work: run(lambda one: work(Between(one, meanwhile))))
    (cell,) = city.cells()
    assert (cell.beat["at"], cell.records, standing(cell)["waiting"]) == (NOON, 4, 0)
    monkeypatch.undo()
    (cell,) = city.cells()
    assert (cell.beat["at"], cell.records, standing(cell)["waiting"]) == (NOON + 50_000, 6, len(records) - 6)


def test_who_looks_at_cells_or_cases_does_not_wait_for_who_counts_a_year(database, city) -> None:
    """Figures have a connection of their own, which is held here."""
    say(database, "caojia", beat_of(1), records_of([case_of("caojia", NOON)], "caojia"))
    stay_heard(database)
    house = House()
    config = CityConfig.model_validate({"city": {"url": database}})
    app = build_city(config, Cells(city), house.gate, lambda: NOON, CityFigures(city, lambda: NOON))
    client = house.machine(app, "supervisor")
    with city._figures._lock:  # as a long statement holds it
        assert len(client.get("/api/v1/city").json()["cells"]) == 1
        assert len(client.get("/api/v1/city/cases").json()) == 1
    assert client.get(f"/api/v1/city/stats?from_day={DAY}&to_day={DAY}").status_code == 200


def test_cases_come_in_pages_with_what_is_open_first(database, city) -> None:
    """However many were closed over the years, one page has so many, and says where the next begins."""
    say(database, "aa", beat_of(1), records_of(cases_of("aa", NOON, 230, closed=200), "aa"))
    house = House()
    config = CityConfig.model_validate({"city": {"url": database}})
    client = house.machine(build_city(config, Cells(city), house.gate, lambda: NOON), "supervisor")
    first = client.get("/api/v1/city/cases")
    names = [row["case_id"] for row in first.json()]
    assert len(names) == 200 and names[:30] == [f"c{number:03d}" for number in range(229, 199, -1)]
    assert names[30] == "c199"
    rest = client.get(first.links["next"]["url"])
    assert [row["case_id"] for row in rest.json()] == [f"c{number:03d}" for number in range(29, -1, -1)]
    assert "next" not in rest.links
    assert len(client.get("/api/v1/city/cases?limit=7").json()) == 7
    assert client.get("/api/v1/city/cases?after=x").status_code == 422
    with psycopg.connect(database) as connection:  # nothing of it was written
        assert connection.execute("SELECT count(*) FROM zp_record").fetchone() == (230,)


def test_pages_hold_every_case_of_all_cells_once_whatever_is_corrected_or_odd(database, city) -> None:
    """The database gives a page; corrections, zero characters and what nobody can read neither move nor hide one."""
    for area in ("aa", "bb"):
        facts = cases_of(area, NOON, 9, closed=4)
        facts[6].body["note"] = "a\0b \\u0000"
        del facts[7].body["kind"]  # no case that this release can read
        facts[8].body["handed_over_at"] = "soon"
        say(database, area, beat_of(1), records_of(facts, area))
    with closing(share(database, "bb")) as one:
        one.amend("case:c005:000002", {"state": "opened"}, "by mistake", "wang", NOON)
        one.amend("case:c000:000002", {"outcome": "settled"}, "was left out", "wang", NOON)
    house = House()
    config = CityConfig.model_validate({"city": {"url": database}})
    client = house.machine(build_city(config, Cells(city), house.gate, lambda: NOON), "supervisor")
    url, seen = "/api/v1/city/cases?limit=3", []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200 and 1 <= len(answer.json()) <= 3
        seen += answer.json()
        url = answer.links.get("next", {}).get("url")
    opened = [(area, f"c{number:03d}") for number in (6, 5, 4) for area in ("aa", "bb") if (area, number) != ("bb", 5)]
    closed = [(area, f"c{number:03d}") for number in (3, 2, 1, 0) for area in ("aa", "bb")]
    assert [(row["area"], row["case_id"]) for row in seen] == opened + closed
    assert seen[-1]["outcome"] == "settled" and seen[0]["note"] == "a\0b \\u0000"
    assert len(city.cases(["aa", "bb"], None, 4)) == 4, "no more than a page leaves the database"
    for place in ([1, 2, "a", "b"], [True, 1, "a"], [True, 1, "a\0", "b"], [True, 2**62, "a", "b"]):
        after = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
        assert client.get(f"/api/v1/city/cases?after={after}").status_code in (200, 422)
