"""Corrections hold whatever the bridge writes afterwards, and a slip of the pen in one is refused, not stored."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.__main__ import main
from broker.plan.demo_area import demo_plan
from broker.reports import corrections
from broker.reports.correctable import FIELDS
from broker.reports.figures import figures_of
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit
from broker.rules.statistics.cube import total
from broker.store import Conflict, Record, Refused, Store
from broker.store.days import Days
from broker.store.sqlite.store import SQLiteStore
from broker.web.api.figures.record import record_router
from firmware import wire
from tests.support.bridge.morning import DAY as MORNING
from tests.support.bridge.morning import Morning
from tests.support.facts import DAY, NOON, ZONE, visit
from tests.support.people import behind_the_door

DAY_OF_MORNING = str(MORNING)


def bins_report(morning: Morning, count: int, emptied: int = 0) -> None:
    """The first room's unit says how many bins it has, and what they weigh if so many of them are emptied."""
    grams = count * 20_000 - emptied * 12_000
    bins = [{"waste": morning.waste, "count": count, "grams": grams, "quality": 0}]
    morning.say("bins", {"at": int(morning.now), "late": False, "bins": bins}, device=morning.trip.visits[0].room_id)
    morning.step(3)


def first_visit(morning: Morning) -> Record:
    """The first room's visit as it is on record."""
    key = f"{morning.run_id}/{morning.trip.visits[0].room_id}/1"
    return morning.store.latest("visit", key)[key]


def collected(store: Store, day: str) -> int:
    """The bins of a day."""
    figures = total(figures_of(store, day, day, ZONE), day, day)
    assert figures is not None
    return figures["bins"]


def test_a_correction_holds_when_the_bridge_writes_the_visit_again(tmp_path: Path) -> None:
    """On the bridge: corrected, then bins that come back write the visit once more; then it is corrected again."""
    morning = Morning(tmp_path / "records")
    bins_report(morning, 5)
    morning.serve(0)
    bins_report(morning, 1)
    morning.step(60, 5.0)
    record = first_visit(morning)
    said = {"bins_before": 9, "bins_after": 1}
    corrections.correct(morning.store, record, said, "crew's list", "ann", int(morning.now), ZONE)
    assert collected(morning.store, DAY_OF_MORNING) == 8
    morning.step(5)
    bins_report(morning, 3, emptied=2)  # two bins come back
    again = first_visit(morning)
    assert again.id != record.id and again.body["grams_after"] > record.body["grams_after"]
    assert collected(morning.store, DAY_OF_MORNING) == 8
    corrections.correct(morning.store, first_visit(morning), {"bins_after": 2}, "again", "bo", int(morning.now), ZONE)
    assert collected(morning.store, DAY_OF_MORNING) == 7
    morning.close()


def test_the_last_correction_wins_whichever_state_it_was_made_in(tmp_path: Path) -> None:
    """Two states of a visit, corrected one after the other; a weigh-in's correction is of that weigh-in alone."""
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    early, late = visit(at=NOON), visit(at=NOON + 60, number=2)
    load = {"grams": 1000, "run_id": None, "at": NOON}
    weighed = [Record(f"weighing:t01:{n}", "weighing", "t01", NOON + n, NOON, "xh", load) for n in (1, 2)]
    store.append([*(Record(one.id, "visit", one.key, one.at, NOON, "xh", one.body) for one in (early, late)), *weighed])
    for number, (fact, after, bins) in enumerate([(late, 3, 3), (early, 4, 2), (late, 0, 6), (early, 2, 4)]):
        record = corrections.named(store, fact.id)
        corrections.correct(store, record, {"bins_after": after}, "r", "w", NOON + 100 + number, ZONE)
        assert collected(store, DAY) == bins
    corrections.correct(store, weighed[0], {"grams": 5000}, "r", "w", NOON + 200, ZONE)
    figures = total(figures_of(store, DAY, DAY, ZONE), DAY, DAY)
    assert figures is not None and (figures["weighings"], figures["weighed_grams"]) == (2, 6000)
    store.close()


WRONG: list[dict[str, Any]] = [
    {"run_id": "A1"}, {"run_id": None}, {"room": "nowhere"}, {"visit_number": 7}, {"sequence": None}, {"truck": "t2"},
    {"call_id": None}, {"original": False}, {"estate": None}, {"route": "B"}, {"state": "moon"}, {"state": None},
    {"state": ""}, {"state": "due"}, {"state": 7}, {"reason": "made up"}, {"reason": 5}, {"waste": "gold"},
    {"waste": None}, {"inferred": None}, {"kept_lit": "yes"}, {"bins_after": True}, {"bins_after": 1.5},
    {"bins_after": -1}, {"bins_after": 10**12}, {"bins_after": "many"}, {"grams_before": 10**9},
    {"arrived_at": 2026}, {"arrived_at": 4_102_444_800}, {"arrived_at": "2026-11-25"}, {"arrived_at": "soon"},
    {"arrived_at": NOON - 15 * 86_400}, {"left_at": NOON + 3 * 86_400},
    {"arrived_at": True}, {"not_before_at": NOON}, {"bins_after": 1, "room": "r2"},
]  # fmt: skip


@pytest.fixture
def served(tmp_path: Path) -> Any:
    """A store with one served visit whose lamp was not decided on, as the bridge writes it; and its API."""
    body = visit(sequence=1, call_id="c1", original=True, inferred=False, kept_lit=None, not_before_at=None).body
    body = {**body, "passed_at": None}
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([Record("v1", "visit", "run1/r01/1", NOON, NOON, "xh", body)])
    yield store, behind_the_door(record_router(store, demo_plan()))
    store.close()


@pytest.mark.parametrize("patch", WRONG, ids=str)
@pytest.mark.real  # seconds of work
def test_a_slip_of_the_pen_is_refused(served: Any, patch: dict[str, Any]) -> None:
    """What says which visit it is, words that are none, nulls where something is always known, times far off."""
    store, client = served
    with pytest.raises(Refused, match=next(reversed(patch))):
        corrections.correct(store, corrections.named(store, "v1"), patch, "r", "w", NOON, ZONE)
    told = {"record": "v1", "patch": patch, "reason": "r"}
    assert client.post("/api/v1/amendments", json=told).status_code == 422
    assert store.get("v1#1") is None


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [("state", "skipped", "skipped"), ("reason", None, None), ("bins_after", None, None), ("kept_lit", True, True),
     ("arrived_at", None, None), ("arrived_at", "2026-11-22T06:00", NOON - 6 * 3600), ("passed_at", NOON, NOON),
     ("left_at", "2026-11-22 12:30", NOON + 1800), ("due_at", "2026-11-22T04:00+00:00", NOON)],
)  # fmt: skip
@pytest.mark.real  # seconds of work
def test_what_people_know_better_is_taken(served: Any, field: str, value: Any, kept: Any) -> None:
    """Also in a field that was unknown so far; a time in the area's time or as Unix seconds."""
    store, client = served
    told = {"record": "visit:run1/r01/1", "patch": {field: value}, "reason": "r"}
    assert client.post("/api/v1/amendments", json=told).json()["body"][field] == kept
    amended = store.get("v1")
    assert amended is not None and amended.body[field] == kept


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_time_that_never_was_or_was_twice_is_refused(tmp_path: Path, day: str) -> None:
    """Where the clocks are changed an hour is missing or comes again: Unix seconds say which is meant."""
    at = Days("Europe/Berlin").start(day)
    store = SQLiteStore(tmp_path / "s", "xh", "Europe/Berlin", lambda: NOON, min_free_bytes=0)
    store.append([Record("v1", "visit", "run1/r01/1", at, NOON, "xh", visit().body)])
    record = corrections.named(store, "v1")
    with pytest.raises(Refused, match=r"Unix seconds.*the clocks were changed then"):
        corrections.correct(store, record, {"left_at": f"{day}T02:30"}, "r", "w", NOON, "Europe/Berlin")
    amended = corrections.correct(store, record, {"left_at": f"{day}T01:30"}, "r", "w", NOON, "Europe/Berlin")
    assert amended.body["left_at"] == at + 5400
    store.close()


@pytest.mark.parametrize("days", [-14, 2])
def test_a_visit_corrected_to_another_day_is_found_there(served: Any, days: int) -> None:
    """As far off as a time may be corrected, the figures of its new day have it, and those of the old one do not."""
    store, _ = served
    moved = {"arrived_at": NOON + days * 86_400, "left_at": None}
    corrections.correct(store, corrections.named(store, "v1"), moved, "r", "w", NOON, ZONE)
    day = (date.fromisoformat(DAY) + timedelta(days=days)).isoformat()
    assert collected(store, day) == 5 and total(figures_of(store, DAY, DAY, ZONE), DAY, DAY) is None


def test_only_what_the_figures_are_made_of_is_corrected(served: Any) -> None:
    """A run or a position belongs to the bridge; an amendment is corrected by another one of its record."""
    store, _ = served
    store.append([Record("run1", "run", "run1", NOON, NOON, "xh", {"state": "running"})])
    with pytest.raises(Refused, match="records of run are not corrected; those of visit call workflow weighing keeper"):
        corrections.correct(store, corrections.named(store, "run:run1"), {"state": "x"}, "r", "w", NOON, ZONE)
    corrections.correct(store, corrections.named(store, "v1"), {"bins_after": 0}, "r", "w", NOON, ZONE)
    with pytest.raises((Refused, Conflict)):
        corrections.correct(store, corrections.named(store, "v1#1"), {"reason": "x"}, "r", "w", NOON, ZONE)


def test_the_fields_are_those_of_the_records() -> None:
    """Every correctable field exists; none of those that say which record it is, or in whose hands, is among them."""
    assert FIELDS["visit"].keys() <= set(Visit.__dataclass_fields__)
    assert FIELDS["workflow"].keys() <= set(Incident.__dataclass_fields__)
    keys = {"room", "visit_number", "call_id", "truck", "incident_id", "sequence", "original", "device", "boot", "seq"}
    assert not any(keys & fields.keys() for fields in FIELDS.values())
    assert all("run_id" not in FIELDS[kind] for kind in ("visit", "call", "workflow"))


def test_a_corrected_visit_leaves_the_run_as_it_was_after_a_restart(tmp_path: Path) -> None:
    """Whatever a correction may say of a served visit, the bridge knows its run again and tells the truck."""
    morning = Morning(tmp_path / "records")
    morning.serve(0)
    morning.step(5)
    before = morning.itinerary()
    now = int(morning.now)
    unknown = {name: None for name, field in FIELDS["visit"].items() if field.unknown}
    other = {"state": "skipped", "waste": wire.WASTES[-1], "inferred": True}
    corrections.correct(morning.store, first_visit(morning), {**unknown, **other}, "r", "w", now, ZONE)
    morning.close()
    morning.retained.clear()
    morning.open()
    morning.step(30)
    after = morning.itinerary()
    assert after[1:] == before[1:] and after[0] == (before[0][0], 1, "skipped")
    morning.close()


def test_the_command_takes_the_area_s_time_and_refuses_what_the_api_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was and what is now is printed; a refusal names the field and what it can be."""
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([Record("v1", "visit", "run1/r01/1", NOON, NOON, "xh", visit().body)])
    store.close()
    asked = ["amend", "--store", str(tmp_path / "s"), "--reason", "r", "--who", "w", "v1"]
    assert main([*asked, "arrived_at=2026-11-22T11:50"]) == 0
    assert f"v1: arrived_at {NOON} -> {NOON - 600}" in capsys.readouterr().out
    for change, said in (
        ("room=r02", "room says what the record is about"), ("state=srved", "state is one of served skipped"),
        ("waste=null", "waste is one of"), ("arrived_at=2026", "Unix seconds, or as 2026-11-22T06:00"),
    ):  # fmt: skip
        assert main([*asked, change]) == 1
        assert said in capsys.readouterr().err
