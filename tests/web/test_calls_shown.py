"""Calls over HTTP one by one: their leads, the worst first, and why one came true, to an estate its own only."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from broker.people.roles import Scope
from broker.plan.demo_area import demo_plan
from broker.store import Record
from broker.store.sqlite.store import SQLiteStore
from broker.web.api.figures.explained import histogram
from broker.web.api.figures.record import record_router
from broker.web.security import guarded
from tests.support.facts import DAY, NOON, ZONE, Fact, visit
from tests.support.people import House

MINE, OTHERS = [room for room in demo_plan().rooms.values() if room.room_id in ("r01", "r03")]


def call(room: str, estate: str, lead_s: int) -> list[Fact]:
    """A room that was called, and its truck that came at noon; the promise rests on the room of the other estate."""
    called_at = NOON - lead_s
    rests_on = {"fix_at": called_at - 5, "visits": [
        [OTHERS.room_id, 1, called_at + 300, 120, 4], [room, 1, called_at + 960, 0, 3]]}  # fmt: skip
    body: dict[str, Any] = {
        "room": room, "waste": "residential_wet", "truck": "t01", "run_id": "run1", "visit_number": 1,
        "called_at": called_at, "eta_at": called_at + 960, "label": "live", "kind": "live", "how": "served",
        "arrived_at": NOON, "rests_on": rests_on,
    }  # fmt: skip
    key = f"run1.{room}.1"
    came = visit(f"run1/{room}/1", room=room, estate=estate, route="A", waste="residential_wet")
    return [Fact("call", key, f"call:{key}:1", called_at, body), came]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, House]]:
    """Two rooms of two estates, one met in the band and one far too early."""
    assert MINE.estate_id != OTHERS.estate_id
    store = SQLiteStore(tmp_path_factory.mktemp("s") / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    facts = [*call(MINE.room_id, str(MINE.estate_id), 960), *call(OTHERS.room_id, str(OTHERS.estate_id), 1900)]
    store.append([Record(one.id, one.kind, one.key, one.at, NOON, "xh", one.body) for one in facts])
    made, house = FastAPI(), House()
    made.include_router(record_router(store, demo_plan()))
    yield guarded(made, house.gate), house
    store.close()


@pytest.fixture
def estates(app: tuple[FastAPI, House]) -> TestClient:
    """Who speaks for the first room's estate."""
    return app[1].machine(app[0], "property", scope=Scope(estates=(str(MINE.estate_id),)))


def test_leads_are_told_by_half_minutes_and_calls_with_the_worst_first(app: tuple[FastAPI, House]) -> None:
    """All of them; of one room, and of one kind, those alone."""
    supervisor = app[1].machine(app[0], "supervisor")
    shown = supervisor.get(f"/api/v1/calls/shown?view=day&day={DAY}").json()
    assert [row["call_id"] for row in shown["worst"]] == [f"run1.{OTHERS.room_id}.1", f"run1.{MINE.room_id}.1"]
    assert (shown["calls"], shown["in_band"], shown["unmet"], shown["drifts"]) == (2, 1, 0, [])
    assert {row["from_s"]: row["calls"] for row in shown["leads"] if row["calls"]} == {960: 1, 1890: 1}
    assert shown["names"][MINE.room_id] == MINE.name
    asked = f"/api/v1/calls/shown?view=week&day={DAY}&kind=live"
    assert supervisor.get(f"{asked}&room={MINE.room_id}&of_day={DAY}").json()["calls"] == 1
    assert supervisor.get(f"{asked}&route=nowhere").json()["worst"] == []


def test_a_call_is_opened_with_what_was_known_and_what_was(app: tuple[FastAPI, House]) -> None:
    """The parts add up to what was promised, and to what was; no such call is said so."""
    supervisor = app[1].machine(app[0], "supervisor")
    one = supervisor.get(f"/api/v1/calls/run1.{MINE.room_id}.1").json()
    assert (one["lead_s"], one["error_s"], one["outside_band_s"], one["room_name"]) == (960, 0, 0, MINE.name)
    assert sum(part["expected_s"] for part in one["parts"]) == 960
    assert OTHERS.room_id in [*one["unmet"], *(part["room"] for part in one["parts"])]
    assert supervisor.get("/api/v1/calls/nothing").status_code == 404


def test_an_estate_hears_of_its_own_calls_and_of_no_others_room(estates: TestClient) -> None:
    """Neither in the list, nor on the way to its own room, nor by asking for another's call."""
    shown = estates.get(f"/api/v1/calls/shown?view=day&day={DAY}")
    assert [row["room"] for row in shown.json()["worst"]] == [MINE.room_id]
    one = estates.get(f"/api/v1/calls/run1.{MINE.room_id}.1")
    assert one.status_code == 200 and one.json()["lead_s"] == 960
    for told in (shown.text, one.text):
        assert f'"{OTHERS.room_id}"' not in told and OTHERS.name not in told
    assert estates.get(f"/api/v1/calls/run1.{OTHERS.room_id}.1").status_code == 404


def test_a_histogram_has_no_gap_and_an_end() -> None:
    """What is longer stands with the last minute; of no leads there is none."""
    assert [(row.from_s, row.calls) for row in histogram([61, 125, 89])] == [(60, 2), (90, 0), (120, 1)]
    assert [(row.from_s, row.calls) for row in histogram([99_999])] == [(2400, 1)]
    assert histogram([]) == []
