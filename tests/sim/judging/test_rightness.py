"""The judge of the whole record, by made-up truths and records: what is right, what is wrong and how, and sums."""

from dataclasses import replace
from typing import Any

import pytest

from sim.judging.judges.rightness import Tally, judged, tally
from sim.scenario.schema import DEMANDS
from sim.world.evidence import Evidence, StoredRecord, TrueVisit

WET = "residential_wet"
DAY_S = 86_400
USUAL = {name: key.default for name, key in DEMANDS["visits_right"].items()}


def made(room: str, arrived_at: float, run_id: str = "run.1", **more: Any) -> TrueVisit:
    """A visit of three bins and 120 kg that took three minutes."""
    return TrueVisit("t01", room, WET, 1, arrived_at, arrived_at + 180, 3, 120_000, run_id=run_id, **more)


def record(room: str, arrived_at: int | None, run_id: str = "run.1", *, at: int = 1000, **more: Any) -> StoredRecord:
    """As served on record, with three bins and 120 kg."""
    body = {
        "room": room, "waste": WET, "truck": "t01", "run_id": run_id, "visit_number": 1, "state": "served",
        "arrived_at": arrived_at, "bins_before": 3, "bins_after": 0, "grams_before": 156_000, "grams_after": 36_000,
    }  # fmt: skip
    key = f"{run_id}/{room}/1"
    return StoredRecord(f"visit:{key}:1", "visit", key, at if arrived_at is None else arrived_at, {**body, **more})


def found(visits: list[TrueVisit], records: list[StoredRecord]) -> Tally:
    """What the judge counts, within a minute."""
    return tally(Evidence(0.0, 2 * DAY_S, 0.0, visits=visits, stored=records), 60.0)


def test_a_visit_is_right_at_its_room_in_its_minute() -> None:
    """Also at its edge; the sums are those of what was emptied."""
    right = found([made("r01", 1000)], [record("r01", 1060)])
    assert right == Tally(1, 1, bins=3, bins_told=3, grams=120_000, grams_told=120_000)
    assert judged(right, USUAL).held


@pytest.mark.parametrize(
    ("records", "wrong"),
    [
        ([], "missing"),
        ([record("r01", 1000, state="skipped")], "missing"),
        ([record("r01", 1061)], "wrong_time"),
        ([record("r01", 939)], "wrong_time"),
        ([record("r01", None)], "by_word"),
    ],
)
def test_a_visit_is_wrong_in_one_way(records: list[StoredRecord], wrong: str) -> None:
    """Missing, of another time, or known by a person's word only."""
    one = found([made("r01", 1000)], records)
    assert (one.right, getattr(one, wrong), one.missing + one.wrong_time + one.by_word) == (0, 1, 1)
    assert not judged(one, USUAL).held and any("r01 wet visit" in fault for fault in one.faults)


def test_a_visit_of_another_room_is_missing_there_and_never_was_here() -> None:
    """And it is said where the truck was; the bins are missing in one place and too many in another."""
    other = found([made("r01", 1000)], [record("r02", 1010)])
    assert (other.missing, other.never_made) == (1, 1)
    assert any("r02" in fault and "it was at r01" in fault for fault in other.faults)
    assert (other.bins, other.bins_told) == (3, 3)


def test_of_two_that_are_on_record_one_never_was() -> None:
    """The nearest in time is the visit that was made."""
    two = found([made("r01", 1000)], [record("r01", 1010), replace(record("r01", 4000), key="run.1/r01/2")])
    assert (two.right, two.never_made) == (1, 1)


def test_of_two_that_were_made_the_nearer_one_is_on_record() -> None:
    """The other is missing; it does not take the record of the one that is right."""
    two = found([made("r01", 1000), made("r01", 3000)], [record("r01", 3010)])
    assert (two.right, two.missing, two.wrong_time) == (1, 1, 0)


def test_a_visit_of_yesterday_is_not_todays() -> None:
    """The same room by the same truck a day later is another visit."""
    days = found([made("r01", 1000), made("r01", 1000 + DAY_S, "run.2")], [record("r01", 1000)])
    assert (days.right, days.missing, days.never_made) == (1, 1, 0)


@pytest.mark.parametrize(("arrived_at", "right"), [(940, 1), (1000, 1), (1100, 1), (1260, 1), (1261, 0), (939, 0)])
def test_where_one_place_serves_two_rooms_all_between_is_right(arrived_at: int, right: int) -> None:
    """Nobody can know when the crew turned to the other."""
    assert found([made("r02", 1200, stood_from_at=1000.0)], [record("r02", arrived_at)]).right == right


@pytest.mark.parametrize(
    ("called_at", "run_id", "after"), [(900, "run.1", 0), (1100, "run.1", 0), (1180, "run.1", 1), (1500, "run.2", 0)]
)
def test_a_call_after_the_visit_is_one_in_vain(called_at: int, run_id: str, after: int) -> None:
    """One before it or while the truck stands there is not, nor one of another run."""
    body = {"called_at": called_at, "run_id": run_id, "room": "r01", "waste": WET}
    call = StoredRecord("call:1:1", "call", "1", called_at, body)
    assert found([made("r01", 1000)], [record("r01", 1000), call]).called_after == after


def test_a_call_for_a_run_that_comes_back_is_none() -> None:
    """The same run is here again later."""
    body = {"called_at": 1500, "run_id": "run.1", "room": "r01", "waste": WET}
    call = StoredRecord("call:1:1", "call", "1", 1500, body)
    visits = [made("r01", 1000), made("r01", 3000)]
    records = [record("r01", 1000), replace(record("r01", 3000), key="run.1/r01/2"), call]
    assert found(visits, records).called_after == 0


def test_an_unknown_amount_is_no_wrong_one_but_few_may_be() -> None:
    """It is left out of both sums; a fifth of the visits is too many."""
    visits = [made(f"r{number:02d}", 1000 * number) for number in range(1, 6)]
    records = [record(visit.room, round(visit.arrived_at)) for visit in visits]
    records[0].body["grams_after"] = None
    unknown = found(visits, records)
    assert (unknown.grams, unknown.grams_told, unknown.grams_unknown) == (480_000, 480_000, 1)
    assert not judged(unknown, USUAL).held and judged(unknown, {**USUAL, "unknown_share": 0.2}).held


def test_sums_that_are_off_are_a_fault_though_each_visit_is_right() -> None:
    """Kilograms by three parts in a hundred."""
    off = found([made("r01", 1000)], [record("r01", 1000, grams_after=32_400)])
    assert off.right == 1 and off.off("grams") == pytest.approx(0.03)
    assert not judged(off, USUAL).held and judged(off, {**USUAL, "sums_within": 0.04}).held


def test_days_add_up() -> None:
    """What two days came to, and the faults of both."""
    good, bad = found([made("r01", 1000)], [record("r01", 1000)]), found([made("r01", 1000)], [])
    both = good + bad
    assert (both.made, both.right, both.missing, both.bins, both.bins_told) == (2, 1, 1, 6, 3)
    assert both.share == 0.5 and both.faults == bad.faults


def test_nothing_made_is_nothing_judged() -> None:
    """A day on which no truck drove proves nothing."""
    assert not judged(found([], []), USUAL).held
