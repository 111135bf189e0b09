"""Whoever looks back reads no more than was asked for, a page at a time, and can go on to the first there is."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.people.roles import Scope
from broker.store import Record
from broker.web.api.figures.calls import CALL_DAYS
from broker.web.api.registers import routers
from broker.web.pages.registers import pages as registers
from tests.support.bridge.whole_web import WholeWeb

DAY_S = 86_400


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWeb]:
    """A morning with a press in an estate, and 120 days before it of which each had a call and a press."""
    made = WholeWeb(tmp_path_factory.mktemp("looks"))
    made.morning.store.now = lambda: made.morning.now  # type: ignore[method-assign]
    (incident,) = made.desk.picture["incidents"]
    now, old = int(made.morning.now), []
    for day in range(1, 121):
        at, call_id, press = now - day * DAY_S, f"c{day:03}", f"p{day:03}"
        for number, how in enumerate((None, "served")):
            body = {"call_id": call_id, "called_at": at, "how": how}
            old.append(Record(f"call:{call_id}:{number}", "call", call_id, at + number * 900, at, "xh", body))
        body = {**incident, "incident_id": press, "raised_at": at, "pressed_at": at, "workflow": "closed"}
        old.append(Record(f"workflow:{press}", "workflow", f"t01/{press}", at, at, "xh", body))
    made.morning.store.append(old)
    made.house.account("wu", "property", scope=Scope(estates=(incident["estate"],)))
    yield made
    made.morning.close()


def pages(client: TestClient, path: str, rows: Any) -> Iterator[list[Any]]:
    """Page after page, as the Link header leads."""
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        yield rows(answer.json())
        path = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]


def test_calls_are_of_a_month_where_no_time_is_named_and_of_no_more_than_a_year(web: WholeWeb) -> None:
    """With pages or without; each has what became of it, and a page is read without what comes after it."""
    client, now = web.house.machine(web.app), int(web.morning.now)
    for path in ("/api/v1/calls", "/api/v1/calls?limit=1000"):
        found = [call["call_id"] for call in client.get(path).json() if call["call_id"].startswith("c")]
        assert found == [f"c{day:03}" for day in range(CALL_DAYS, 0, -1)], path
    span = f"from_at={now - 121 * DAY_S}&to_at={now - DAY_S // 2}"
    asked = list(pages(client, f"/api/v1/calls?limit=50&{span}", list))
    assert [len(page) for page in asked] == [50, 50, 20]
    assert [call["call_id"] for page in asked for call in page] == [f"c{day:03}" for day in range(120, 0, -1)]
    assert {call["how"] for page in asked for call in page} == {"served"}
    refused = client.get(f"/api/v1/calls?limit=5&from_at=0&to_at={now}")
    assert refused.status_code == 422 and "ask for a shorter time" in refused.json()["detail"]


def test_a_page_of_calls_reads_some_days_and_not_all(web: WholeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 120 days, those that hold the page and what became of its calls."""
    scan, read = web.morning.store.scan, []

    def counted(*asked: Any, **more: Any) -> Iterator[Record]:
        for record in scan(*asked, **more):
            read.append(record.id)
            yield record

    monkeypatch.setattr(web.morning.store, "scan", counted)
    client, now = web.house.machine(web.app), int(web.morning.now)
    assert len(client.get(f"/api/v1/calls?limit=10&from_at={now - 121 * DAY_S}&to_at={now}").json()) == 10
    assert len(read) < 40


def test_what_was_asked_before_comes_in_pages_of_some_weeks(web: WholeWeb) -> None:
    """The newest first, as far back as one goes on asking; never all of it at once."""
    client, path = web.house.person(web.app, "wu"), "/api/v1/answers/past"
    lately = client.get(path).json()
    assert [row["incident_id"] for row in lately["rows"]][1:] == [f"p{day:03}" for day in range(1, 15)]
    asked = list(pages(client, f"{path}?limit=40&from_day=2026-08-24", lambda found: found["rows"]))
    assert [len(page) for page in asked] == [40, 40, 12]
    names = [row["incident_id"] for page in asked for row in page]
    assert names[1:] == [f"p{day:03}" for day in range(1, 92)]
    before = client.get(f"{path}?to_day=2026-08-23&from_day=2026-07-01").json()
    assert before["rows"][0]["incident_id"] == "p092" and before["to_day"] == "2026-08-23"
    for span in ("from_day=2020-01-01", "from_day=2026-11-20&to_day=2026-11-01"):
        assert client.get(f"{path}?{span}").status_code == 422


def test_the_log_of_a_register_comes_in_pages(web: WholeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    """On its page and by the API: the newest first, then older ones, each once."""
    monkeypatch.setattr(routers, "LOG_ROWS", 4)
    monkeypatch.setattr(registers, "LOG_SHOWN", 3)
    register, writer = web.registers.elections, web.house.machine(web.app, "registrar")
    for number in range(1, 6):
        edits = [{"op": "set", "path": "areas/a01/name", "value": f"n{number} / n{number}"}]
        body = {"expect": register.read().etag, "why": f"w{number}", "edits": edits}
        assert writer.patch("/api/v1/elections", json=body).status_code == 200
    entries = list(pages(writer, "/api/v1/elections/log", list))
    assert [[entry["n"] for entry in page] for page in entries] == [[6, 5, 4, 3], [2, 1]]
    first = writer.get("/registers/elections/log?lang=en", headers={"Accept": "text/html"}).text
    assert "w5<" in first and "w3<" in first and "w2<" not in first and "The newest changes" not in first
    older = first.partition('data-testid="older"')[0].rpartition('href="')[2].partition('"')[0]
    second = writer.get(older + "&lang=en").text
    assert "w2<" in second and "w1<" in second and "w3<" not in second and "The newest changes" in second
    last = writer.get("/registers/elections/log?before=3&lang=zh").text
    assert "w1<" in last and "w2<" not in last and "更早的记录" not in last
