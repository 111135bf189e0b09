"""Days on end with random faults: drawn by the seed alone, judged day by day, weighed each night by bounds."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from firmware.truck.outbox.file import opened
from sim.judging.judges.invariants import broken, invariants
from sim.scenario.scenario import DAY_S, Scenario, load
from sim.search import soak
from sim.search.draws import INVARIANTS
from sim.search.growth import WAL_BYTES, Night, folder_bytes, grown, weight
from sim.search.moments import Area
from sim.search.search import base_of_search
from sim.world.evidence import Evidence, Interval, LampChange, StoredRecord

MORNINGS = replace(base_of_search(), name="mornings")
QUIET = Area(
    {"t01": ["wet-north-1"], "t03": ["dry-west-1"]},
    {"t01": [("r01", "residential_wet"), ("r03", "residential_wet")], "t03": [("r12", "residential_dry")]},
    {device: {"begins": [21_000.0], "comes": [22_400.0]} for device in ("t01", "t03", "r01", "r03", "r12")},
)


def test_the_same_seed_is_the_same_soak_and_every_day_has_faults_of_its_own() -> None:
    """A function of seed and days, whose faults lie in the hours of their days and do not begin twice at once."""
    one = soak.drawn_days(MORNINGS, QUIET, 5, 4)
    assert one == soak.drawn_days(MORNINGS, QUIET, 5, 4) != soak.drawn_days(MORNINGS, QUIET, 6, 4)
    assert one.days == 4 and one.demands == (INVARIANTS,)
    assert {int(event.at_s // DAY_S) for event in one.happenings} == {0, 1, 2, 3}
    for event in one.happenings:
        assert MORNINGS.from_s <= event.at_s % DAY_S <= MORNINGS.to_s
    jumps = [int(event.at_s // DAY_S) for event in one.happenings if event.kind == "clock_jump"]
    assert set(jumps) <= {0}


def test_a_longer_soak_of_a_seed_begins_as_the_shorter_one() -> None:
    """So that a day that fails may be reached by fewer days."""
    short, long = (soak.drawn_days(MORNINGS, QUIET, 9, days).happenings for days in (2, 5))
    assert short == tuple(event for event in long if event.at_s < 2 * DAY_S)


USUAL = {"bridge": 3_000_000, "trucks": 90_000, "units": 120_000}


def nights(**changed: object) -> list[Night]:
    """Three nights that are alike but for something in the last one, and a day that is not over."""
    usual = [Night(day, USUAL, 20_000_000 + 4_000_000 * day, 1_500_000, ()) for day in (1, 2, 3)]
    last = Night(4, {**USUAL, "bridge": 5_000_000}, 36_000_000, 1_500_000, ())  # before its night
    return [*usual[:2], replace(usual[2], **changed), last]  # type: ignore[arg-type]


@pytest.mark.parametrize(("changed", "said"), [
    ({"objects": {**USUAL, "bridge": 4_500_000}}, "bridge: at least 4,500,000 bytes in each night from 3 to 3"),
    ({"objects": {**USUAL, "units": 600_000}}, "units: at least"),
    ({"other_files": 2_400_000}, "files beside the record: at least"),
    ({"record": 70_000_000}, "the record: at least"),
    ({"stuck": ("t01 is not connected",)}, "in the night after day 3: t01 is not connected"),
])  # fmt: skip
def test_what_grows_or_is_stuck_is_said(changed: dict[str, object], said: str) -> None:
    """Each bound fails by itself, and none where nothing grows."""
    assert list(grown(nights())) == []
    (found,) = grown(nights(**changed))
    assert found.startswith(said)


def test_a_soak_that_grows_is_no_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though every promise is kept: it is said of the nights that it was looked at in."""
    for changed, held in (({}, True), ({"objects": {**USUAL, "bridge": 4_500_000}}, False)):
        weighed = iter(nights(**changed))
        plant = SimpleNamespace(stuck=list, timeline=SimpleNamespace(after=lambda _s, look: look()))

        def play(_: Scenario, *, watch: object, nightly: Callable[[object, int], None], plant=plant) -> SimpleNamespace:
            for day in range(1, 5):
                nightly(plant, day)
            return SimpleNamespace(evidence=Evidence(5 * 3600, DAY_S, 0.0), took_s=0.0)

        monkeypatch.setattr(soak, "play", play)
        monkeypatch.setattr(soak, "night", lambda *_, weighed=weighed: next(weighed))
        found = soak.soak(MORNINGS)
        assert (found.held, found.broken) == (held, []) and found.nights == nights(**changed)


def test_one_heavy_night_is_no_growth() -> None:
    """As after a long cut: what was kept for it is gone again on the next day."""
    usual = [Night(day, USUAL, 20_000_000 + 4_000_000 * day, 1_500_000, ()) for day in range(1, 8)]
    heavy = [*usual[:5], replace(usual[5], objects={**USUAL, "bridge": 9_000_000}), usual[6]]
    assert list(grown(heavy)) == []
    leak = [replace(one, objects={**USUAL, "bridge": 3_000_000 + 600_000 * one.day}) for one in usual]
    assert len(list(grown(leak))) == 1


def test_a_weight_is_of_all_that_is_held_and_each_thing_counts_once() -> None:
    """Also in slots and closures of objects; code weighs nothing."""
    held = ["x" * 100_000]
    assert weight([held, held, {"again": held}]) == pytest.approx(100_000, rel=0.02)
    assert weight([test_the_same_seed_is_the_same_soak_and_every_day_has_faults_of_its_own, Night]) == 0


def test_a_log_that_is_used_anew_is_no_growth_until_it_is_past_its_measure(tmp_path: Path) -> None:
    """A truck's log fills up over days and then begins at its front again; the outbox itself weighs what it weighs."""
    (tmp_path / "t01.db").write_bytes(bytes(5000))
    for size, weighs in ((500_000, 5000), (1_060_000, 5000), (WAL_BYTES + 70_000, 75_000)):
        (tmp_path / "t01.db-wal").write_bytes(bytes(size))
        assert folder_bytes(tmp_path) == weighs


def test_an_outbox_that_is_written_for_long_keeps_its_logs_measure(tmp_path: Path) -> None:
    """The measure that a soak weighs by is what SQLite really does: some ten times as much went through the log."""
    with closing(opened(tmp_path / "t01.db")) as db:
        for seq in range(3000):
            db.execute("INSERT OR REPLACE INTO position VALUES (1, ?, ?, 0)", (seq % 50, "x" * 500))
        log = (tmp_path / "t01.db-wal").stat().st_size
    assert WAL_BYTES / 2 < log <= WAL_BYTES


def visit(day: int, number: int, state: str) -> StoredRecord:
    """A visit of a day as the bridge has it on record."""
    at = (day - 1) * DAY_S + 7 * 3600 + number
    body = {"run_id": f"wet.{day}", "room": "r01", "waste": "residential_wet", "visit_number": 1, "state": state}
    return StoredRecord(f"v{day}.{number}", "visit", f"wet.{day}/r01/1", at, body)


def test_days_are_judged_each_by_itself() -> None:
    """A visit that was made on one day does not excuse one on record of another; a silence belongs to its day."""
    evidence = Evidence(5 * 3600, 2 * DAY_S, 0.0, stored=[visit(1, 1, "served"), visit(2, 1, "served")])
    assert broken(evidence) == ["served"]
    assert len(invariants(evidence, {}).faults) == 2
    seven = DAY_S + 7 * 3600.0
    quiet = Evidence(5 * 3600, 2 * DAY_S, 0.0, lamps=[LampChange(6 * 3600, "r01", "any", "off")],
                     deaf={"r01": [Interval(seven, seven + 600)]})  # fmt: skip
    assert broken(quiet) == ["unknown"]


@pytest.mark.real
@pytest.mark.parametrize("days", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_morning_with_faults_holds_and_plays_again_from_its_file(tmp_path: Path, days: int) -> None:
    """A short sample of the soak: nothing lost, doubled, wrongly lit or stuck; growth takes more days to be seen."""
    scenario = soak.drawn_days(MORNINGS, QUIET, 2, days)
    found = soak.soak(scenario)
    assert found.held, [*found.faults, *found.grown]
    assert len(found.nights) == days and found.records > 50 and found.visits >= 2
    path = soak.written(scenario, replace(found, broken=["recorded"], faults=["made up"]), tmp_path)
    again = load(str(path))
    assert (again.days, again.seed, again.happenings) == (days, 2, scenario.happenings)


def test_a_week_of_the_soak_is_of_the_demo_area() -> None:
    """All waste kinds of a usual day, people who answer, and no faults but those that are drawn."""
    usual: Scenario = soak.base()
    assert usual.happenings == () and usual.dispatcher["resolve_after_s"] > 0
    assert len(usual.area["runs"]) == 5
