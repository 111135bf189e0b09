"""The chain: filled, collected, transported, weighed; each link by day, kind and place, and against a recount."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from broker.reports import chain_table
from broker.rules.statistics.chain import MEASURES, chain
from broker.rules.statistics.cube import DIMENSIONS, fold
from broker.rules.statistics.filling import DAY_S, FILLED_WITHIN_S
from firmware.wire import WASTES
from tests.support.facts import DAY, NOON, ZONE, Fact, visit, weighing

HOUR = 3600
SPAN = "2026-01-01", "2026-12-31"


def _collection(run: str, at: int, **body: Any) -> Fact:
    """A visit of r01 by another run, called 16 minutes before and left 4 minutes after its arrival."""
    times = {"arrived_at": at, "due_at": at - 960, "left_at": at + 240, "planned_at": at, "promised_at": at}
    return visit(f"{run}/r01/1", at=at + 240, run_id=run, **{**times, **body})


def _row(*facts: Fact, day: str = DAY, waste: str = "unit_wet") -> dict[str, Any]:
    folded = fold(chain(facts, ZONE), "day", ("waste",), day, day, MEASURES)
    return chain_table.shown(folded[day, waste])


def test_a_room_fills_from_what_a_truck_left_to_what_the_next_one_finds() -> None:
    """50 kg were left at 0:04, 300 kg stood there when the lamp was lit at 11:44: 250 kg in 11 hours and 40 minutes."""
    row = _row(_collection("run0", NOON - 12 * HOUR), _collection("run1", NOON))
    assert (row["filled_grams"], row["filled_s"]) == (250_000, 12 * HOUR - 960 - 240)
    assert row["filled_grams_per_h"] == round(250_000 * 3600 / (12 * HOUR - 1200))
    assert (row["refilled_bins"], row["refilled_bins_per_h"]) == (5, round(5 * 3600 / (12 * HOUR - 1200), 3))


def test_a_first_collection_says_nothing_about_how_fast_a_room_fills() -> None:
    """Neither does one that the last is long before, nor what another truck took of another kind."""
    long_ago = _collection("run0", NOON - FILLED_WITHIN_S - DAY_S)
    other = _collection("run0", NOON - 12 * HOUR, waste="residential_dry")
    for before in ((), (long_ago,), (other,)):
        row = _row(*before, _collection("run1", NOON))
        assert (row["filled_grams"], row["filled_s"], row["filled_grams_per_h"]) == (None, None, None)
        assert row["grams"] == 250_000


MIDNIGHT = NOON - 12 * HOUR


def _says(at: int, kilos: int | None, room: str = "r01", quality: int = 0) -> Fact:
    """What a room's unit reports."""
    row = {"waste": "unit_wet", "count": None, "grams": None if kilos is None else kilos * 1000, "quality": quality}
    return Fact("bins", room, f"{room}:1:{at}", at, {"bins": [row]})


def test_what_fills_a_room_counts_on_the_day_on_which_it_does() -> None:
    """50 kg left at six in the evening, 170 at midnight by the unit's last word, 300 when the lamp was lit."""
    facts = [
        _collection("run0", NOON - 18 * HOUR - 240), _says(MIDNIGHT - 900, 160), _says(MIDNIGHT - 300, 170),
        _says(MIDNIGHT - 60, 999, quality=4), _collection("run1", NOON),
    ]  # fmt: skip
    before, today = (_row(*facts, day=day) for day in ("2026-11-21", DAY))
    assert (before["filled_grams"], before["filled_s"]) == (120_000, 6 * HOUR)
    assert (today["filled_grams"], today["filled_s"]) == (130_000, 12 * HOUR - 960)
    cube = chain(facts, ZONE)
    assert {key[5] for key, row in cube.items() if row["filled_known"]} == {"t01"}  # of the truck that collects it


def test_a_room_that_nobody_collects_fills_too() -> None:
    """From midnight to midnight, today until its unit's newest word; emptied by nobody we know, it fills nothing."""
    says = [(MIDNIGHT - DAY_S - 60, 20), (MIDNIGHT - 60, 90), (NOON - HOUR, 100), (NOON, 110)]
    facts = [_says(at, kilos) for at, kilos in says]
    days = [_row(*facts, day=day) for day in ("2026-11-21", DAY)]
    assert [(row["filled_grams"], row["filled_s"]) for row in days] == [(70_000, DAY_S), (20_000, 12 * HOUR)]
    assert _row(*facts[:-1], _says(NOON, 40))["filled_grams"] == 0


def test_while_bins_are_out_nobody_looks() -> None:
    """A truck at midnight: the unit's word of then is of what stands before the door."""
    at = MIDNIGHT
    facts = [_collection("run1", at, due_at=at - 600), _says(at - 60, 0), _says(at + 600, 5), _says(NOON, 80)]
    assert _row(*facts)["filled_grams"] == 80_000 - 50_000


@settings(max_examples=40, deadline=None, database=None)
@given(
    grows=st.lists(st.integers(0, 2000), min_size=4 * 144, max_size=4 * 144),
    trucks=st.lists(st.integers(6, 4 * 144 - 1), max_size=5, unique_by=lambda one: one // 36),
)
@example(grows=[1] * 4 * 144, trucks=[4 * 144 - 9])  # back just before the room's last words of the day
def test_the_days_of_a_room_are_a_recount_of_its_units_reports(grows: list[int], trucks: list[int]) -> None:
    """Each ten minutes it says what stands there; what it grew by on each day is what it filled with, truck or none."""
    start, weight, facts = MIDNIGHT - 4 * DAY_S, 100_000, list[Fact]()
    grown = dict.fromkeys(("2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"), 0)
    days, is_out = sorted(grown), 0
    facts.append(_says(start - 60, weight // 1000))
    for step, grams in enumerate(grows):
        at = start + step * 600
        if step in trucks:
            times = {"due_at": at, "arrived_at": at + 300, "left_at": at + 600}
            facts.append(_collection(f"run{step}", at, **times, grams_before=weight, grams_after=40_000))
            weight, is_out = 40_000, 6  # they are back 45 minutes after the truck left, as is asked
        is_out -= is_out > 0
        if not is_out:
            weight += grams
            grown[days[step // 144]] += grams
        body = {"bins": [{"waste": "unit_wet", "count": 2, "grams": 0 if is_out else weight, "quality": 1}]}
        facts.append(Fact("bins", "r01", f"r01:1:{step}", at + 540, body))
    found = fold(chain(facts, ZONE), "day", ("room",), "2026-11-18", "2026-11-21", MEASURES)
    seen = {day: found.get((day, "r01"), {}).get("filled_grams", 0) for day in grown}
    near = [step for step in trucks if step % 144 > 136 or step % 144 == 0]  # out at midnight: on the next day
    if not near:
        assert seen == grown
    assert sum(seen.values()) == sum(grown.values())


@pytest.mark.parametrize("unknown", ["grams_after", "left_at"])
def test_what_nobody_saw_at_the_last_collection_is_not_filled_with(unknown: str) -> None:
    """A unit that was lost, a truck that nobody saw leave: neither grams nor hours are known."""
    row = _row(_collection("run0", NOON - 12 * HOUR, **{unknown: None}), _collection("run1", NOON))
    assert row["filled_grams"] is None and row["filled_s"] is None


def test_a_skipped_visit_between_two_collections_takes_nothing_away() -> None:
    """The room goes on filling until somebody collects."""
    skipped = _collection("run1", NOON - 6 * HOUR, state="skipped", reason="contamination", bins_after=None)
    row = _row(_collection("run0", NOON - 12 * HOUR), skipped, _collection("run2", NOON))
    assert row["filled_grams"] == 250_000 and row["filled_known"] == 1


def test_what_was_emptied_by_nobody_we_know_is_no_fall_of_filling() -> None:
    """A lighter room than it was left is nothing filled, not less than nothing."""
    light = _collection("run1", NOON, grams_before=20_000, grams_after=10_000)
    assert _row(_collection("run0", NOON - 12 * HOUR), light)["filled_grams"] == 0


def test_contamination_is_counted_by_grade_and_as_left_behind() -> None:
    """Two notes and a skip of three visits whose load somebody looked at; a number that is no grade is none."""
    row = _row(
        _collection("run1", NOON, contamination=1, contaminant="hazardous"),
        _collection("run2", NOON + 60, contamination=3, contaminant="other"),
        _collection("run3", NOON + 120, state="skipped", reason="contamination"),
        _collection("run4", NOON + 180, contamination=9),
    )
    assert (row["contaminated"], row["contaminated_1"], row["contaminated_3"]) == (2, 1, 1)
    assert (row["skipped_contamination"], row["contaminated_share"]) == (1, 0.75)


def test_a_load_is_transported_on_the_day_on_which_its_run_ends() -> None:
    """A run over midnight collects on two days, and its load is one."""
    late = _collection("run1", NOON + 11 * HOUR)
    after = visit("run1/r02/1", at=NOON + 13 * HOUR, room="r02", arrived_at=NOON + 13 * HOUR)
    first, second = (_row(late, after, day=day) for day in (DAY, "2026-11-23"))
    assert (first["grams"], first["transported_grams"], first["runs"]) == (250_000, None, 0)
    assert (second["grams"], second["transported_grams"], second["runs"]) == (250_000, 500_000, 1)


def test_what_was_weighed_stands_against_what_was_transported() -> None:
    """Twenty kilograms more on the bridge than the rooms lost, twenty-five hundredths of them."""
    row = _row(_collection("run1", NOON), weighing(1, 270_000))
    assert (row["difference_grams"], row["difference_share"], row["compared"]) == (20_000, 0.08, 1)


def test_a_room_without_a_scale_is_no_difference() -> None:
    """What it gave is unknown: the weigh-in counts, and is not compared."""
    blind = visit("run1/r02/1", room="r02", grams_before=None)
    row = _row(_collection("run1", NOON), blind, weighing(1, 270_000))
    assert row["weighed_grams"] == 270_000 and row["difference_grams"] is None and row["weighings_unmatched"] == 0


def test_a_weigh_in_that_no_visit_fits_is_said() -> None:
    """A truck that collected nothing here, or a run that nobody knows."""
    row = _row(_collection("run1", NOON), weighing(1, 270_000, run_id="run9"))
    assert (row["weighings"], row["weighings_unmatched"], row["difference_grams"]) == (1, 1, None)


# Eight days of two rooms, three kinds, four trucks whose runs are weighed, or not.
_visits = st.lists(
    st.tuples(
        st.integers(0, 8 * 24 * 60), st.integers(0, 1), st.integers(0, 2), st.integers(0, 6),
        st.sampled_from(["served", "served", "served", "skipped", "pending"]), st.none() | st.integers(0, 400),
        st.none() | st.integers(0, 300), st.none() | st.integers(1, 3), st.booleans(),
    ),
    max_size=30, unique_by=lambda one: one[0],
)  # fmt: skip
_weighed = st.lists(st.tuples(st.integers(0, 8 * 24 * 60), st.integers(0, 7), st.integers(0, 900)), max_size=6)


def _visit(number: int, minute: int, room: int, kind: int, run: int, state: str, *seen: Any) -> Fact:
    before, after, grade, called = seen
    at = NOON - 4 * DAY_S + minute * 60
    return visit(
        f"v{number}", at=at + 300, run_id=f"run{run}", room=f"r{room}", visit_number=number, waste=WASTES[kind],
        estate=f"e{room}", route=f"L{run}", truck=f"t{run % 4}", state=state,
        reason="contamination" if state == "skipped" else None, arrived_at=at, due_at=at - 600 if called else None,
        left_at=at + 240, bins_before=before, bins_after=0, contamination=grade,
        grams_before=None if before is None else before * 1000, grams_after=None if after is None else after * 1000,
    )  # fmt: skip


def _recount(visits: list[Fact], weighed: list[Fact], name: str) -> dict[tuple[str, str], dict[str, int]]:
    """By day and value of a dimension, one question after the other, from the words alone."""
    zone, told = ZoneInfo(ZONE), {}

    def note(at: int, value: str, **figures: int) -> None:
        day = datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d")
        row = told.setdefault((day, value), dict.fromkeys(MEASURES, 0))
        for figure, number in figures.items():
            row[figure] += number

    served = [one for one in visits if one.body["state"] == "served"]
    for one in visits:
        body, value = one.body, one.body[name]
        at, unseen = body["arrived_at"], body["grams_before"] is None or body["grams_after"] is None
        note(at, value, visits=1)
        if body["contamination"]:
            note(at, value, contaminated=1, **{f"contaminated_{body['contamination']}": 1})
        if body["state"] == "skipped":
            note(at, value, skipped_contamination=1)
        if body["state"] != "served":
            continue
        end = max(other.body["arrived_at"] for other in served if other.body["run_id"] == body["run_id"])
        note(at, value, served=1)
        if not unseen:
            kilos = max(0, body["grams_before"] - body["grams_after"])
            note(at, value, grams=kilos, grams_known=1)
            note(end, value, transported_grams=kilos, transported_grams_known=1)
        if body["bins_before"] is not None:
            note(at, value, bins=body["bins_before"], bins_known=1)
            note(end, value, transported_bins=body["bins_before"], transported_bins_known=1)
        earlier = [
            other for other in served
            if other.body["arrived_at"] < at
            and (other.body["room"], other.body["waste"]) == (body["room"], body["waste"])
        ]  # fmt: skip
        if not earlier:
            continue
        last = max(earlier, key=lambda other: other.body["arrived_at"])
        seconds = (body["due_at"] or at) - last.body["left_at"]
        if seconds <= 0:
            continue
        if body["grams_before"] is not None and last.body["grams_after"] is not None:
            more = max(0, body["grams_before"] - last.body["grams_after"])
            note(at, value, filled_grams=more, filled_s=seconds, filled_known=1)
        if body["bins_before"] is not None:
            note(at, value, refilled_bins=body["bins_before"], refilled_s=seconds, refilled_known=1)
    for one in weighed:
        note(one.body["at"], one.body[name], weighings=1, weighed_grams=one.body["grams"])
    return told


@settings(max_examples=60, deadline=None, database=None)
@given(visits=_visits, weighed=_weighed)
def test_the_links_equal_a_recount(visits: list[tuple[Any, ...]], weighed: list[tuple[int, int, int]]) -> None:
    """Random days: every day and value of kind and truck, and nothing is there that is not recounted."""
    facts = [_visit(number, *one) for number, one in enumerate(visits)]
    loads = [
        Fact("weighing", f"w{n}", f"weighing:w{n}", NOON, {
            "truck": f"t{run % 4}", "run_id": f"run{run}", "waste": WASTES[run % 3], "grams": kilos * 1000,
            "at": NOON - 4 * DAY_S + minute * 60,
        }) for n, (minute, run, kilos) in enumerate(weighed)
    ]  # fmt: skip
    recounted_elsewhere = {"runs", "weighings_unmatched", "compared", "compared_transported_grams",
                           "compared_weighed_grams"}  # fmt: skip
    for name in ("waste", "truck"):
        expected = _recount(facts, loads, name)
        for key, figures in fold(chain([*facts, *loads], ZONE), "day", (name,), *SPAN, MEASURES).items():
            recount = expected.pop(key, dict.fromkeys(MEASURES, 0))
            assert {one: figures[one] for one in figures if one not in recounted_elsewhere} == {
                one: recount[one] for one in recount if one not in recounted_elsewhere
            }
        assert expected == {}


@settings(max_examples=40, deadline=None, database=None)
@given(visits=_visits, weighed=_weighed)
def test_what_was_collected_was_transported_and_runs_are_counted_once(
    visits: list[tuple[Any, ...]], weighed: list[tuple[int, int, int]]
) -> None:
    """Over all days both loads are one; no sum depends on what it is split by."""
    facts = [_visit(number, *one) for number, one in enumerate(visits)]
    facts += [weighing(n, kilos * 1000, NOON + minute, f"run{run}") for n, (minute, run, kilos) in enumerate(weighed)]
    cube = chain(facts, ZONE)
    whole = {name: sum(row[name] for row in cube.values()) for name in MEASURES}
    assert (whole["grams"], whole["bins"]) == (whole["transported_grams"], whole["transported_bins"])
    assert whole["runs"] == len({one.body["run_id"] for one in facts if one.body.get("state") == "served"})
    loads = {one.body["run_id"] for one in facts if one.kind == "weighing"}
    assert whole["weighings_unmatched"] + whole["compared"] <= len(loads)
    for name in DIMENSIONS:
        folded = fold(cube, "month", (name,), *SPAN, MEASURES).values()
        assert {one: sum(row[one] for row in folded) for one in MEASURES} == whole
