"""The search finds a run in which something does not hold, and the shortest of its kind; a sound system has none."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from sim.judging.judges.invariants import INVARIANTS, broken, invariants
from sim.scenario.scenario import Happening, Scenario, parse, scenario_of
from sim.scenario.schema import HAPPENINGS
from sim.scenario.writing import as_text
from sim.search.draws import NOT_DRAWN, drawn, hands
from sim.search.moments import Area
from sim.search.search import BASE, main
from sim.search.shrinking import MOST_TRIES, shrunk
from sim.virtual.run import play
from sim.world.evidence import Evidence, Heard, Interval, LampChange, Press, StoredRecord, TrueVisit
from tests.support.sim.planted import FAULTS, REPO, copied, planted, replayed, searched

WET, DRY = "residential_wet", "residential_dry"
AREA = Area(
    {"t01": ["wet-north-1"], "t03": ["dry-west-1"]},
    {"t01": [("r01", WET), ("r03", WET)], "t03": [("r12", DRY)]},
    {
        device: {"begins": [21_000.0], "keeps a fix": [21_600.5, 21_700.25]}
        for device in ("t01", "t03", "r01", "r03", "r12")
    },
)
SAMPLE = ("run_closed_while_it_owes",)  # `python3 -m bench search` plants all of them


def base() -> Scenario:
    """The area that is searched where none is named."""
    return scenario_of(BASE, "search", "here")


def draws(numbers: Iterable[int], seed: int = 1) -> list[Scenario]:
    """The scenarios of these numbers."""
    return [drawn(base(), AREA, seed, number) for number in numbers]


def test_the_same_seed_draws_the_same_runs_and_another_one_others() -> None:
    """What was found can be found again."""
    assert draws(range(20)) == draws(range(20))
    assert len({as_text(one) for seed in (1, 2) for one in draws(range(1, 20), seed)}) == 38


def test_each_draw_is_a_scenario_file_and_ends_while_everything_can_still_come() -> None:
    """Read from its text it is the same."""
    for one in draws(range(60)):
        assert parse(as_text(one), one.name, "here") == one
        for event in one.happenings:
            assert event.at_s + 60 * event.values.get("for_min", 0) <= one.to_s


def test_nothing_goes_wrong_first_and_soon_each_kind_has_been_with_every_other() -> None:
    """Every kind that a scenario can have is tried, but those that are named with a reason."""
    kinds = HAPPENINGS.keys() - NOT_DRAWN.keys()
    pairs = {frozenset(pair) for pair in itertools.combinations(kinds, 2)}
    for seed in (1, 2):
        first = hands(seed, 0)
        assert {frozenset(pair) for hand in first for pair in itertools.combinations(hand, 2)} == pairs
        assert len(first) < len(pairs) / 3
        quiet, *others = draws(range(2 * len(first)), seed)
        assert quiet.happenings == ()
        assert {event.kind for one in others for event in one.happenings} == kinds
    assert all(NOT_DRAWN.values())


@pytest.mark.real
def test_a_sound_system_keeps_every_promise() -> None:
    """In a run in which several things go wrong."""
    for one in draws([200]):
        verdict = invariants(play(one).evidence, {})
        assert verdict.held, (one.happenings, verdict.faults)


def evidence(**more: object) -> Evidence:
    """Nothing happened but this."""
    return replace(Evidence(0.0, 1000.0), **more)  # type: ignore[arg-type]


def arrival(at: float, state: str, call: str | None = "c1", sent_at: float | None = None) -> Heard:
    """A room was told this."""
    body = {"state": state, "waste": "residential_wet", "call_id": call, "run_id": "r", "visit_number": 1,
            "truck": "t1", "sent_at": at if sent_at is None else sent_at}  # fmt: skip
    return Heard(at, "r01", "arrival", "r01", body)


def workflow(at: int, state: str, reason: str = "lane_blocked") -> StoredRecord:
    """An incident is on record as this."""
    body = {"incident_id": "i1", "workflow": state, "reason": reason, "room": "r01", "visit_number": 1,
            "decision": None, "truck": "t1"}  # fmt: skip
    return StoredRecord(f"w{at}", "workflow", "t1/i1", at, body)


SERVED = {"run_id": "r", "room": "r01", "state": "served", "waste": WET, "visit_number": 1, "arrived_at": 5}
BROKEN = {
    "called twice": (evidence(heard=[arrival(1, "due"), arrival(90, "due", "c2")]), "called"),
    "a call taken back": (evidence(heard=[arrival(1, "due"), arrival(90, "scheduled", None)]), "called"),
    "dark while called": (
        evidence(heard=[arrival(1, "due")], lamps=[LampChange(50, "r01", "residential_wet", "off")]), "called",
    ),
    "dark for want of knowledge": (
        evidence(deaf={"r01": [Interval(100, None)]}, lamps=[LampChange(1, "r01", "residential_wet", "off")]),
        "unknown",
    ),
    "an open press not on the screen": (
        evidence(stored=[workflow(10, "raised", "breakdown")], screen=[(100.0, frozenset())]), "pressed",
    ),
    "a decision that was forgotten": (
        evidence(stored=[workflow(10, "in_progress", "breakdown"), workflow(300, "raised", "breakdown")]), "answered",
    ),
    "no second visit": (evidence(stored=[workflow(10, "raised")]), "blocked"),
    "a run that owes": (
        evidence(stored=[
            StoredRecord("v", "visit", "r/r01/2", 10, {"run_id": "r", "room": "r01", "state": "pending",
                "waste": "residential_wet", "visit_number": 2, "arrived_at": None}),
            StoredRecord("r", "run", "r", 20, {"run_id": "r", "state": "finished"}),
        ]), "finished",
    ),
    "a visit that never was": (
        evidence(stored=[StoredRecord("v", "visit", "r/r01/1", 10, SERVED)]), "served",
    ),
    "a record that was lost": (evidence(recorded={"t1:1:1": 5.0}), "recorded"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_promise_that_is_not_kept_is_named(name: str) -> None:
    """Each by the evidence that shows it, and no other promise by it."""
    what, promise = BROKEN[name]
    assert broken(what) == [promise]


@pytest.mark.parametrize(("made_at", "promises"), [(50, []), (150, ["unknown"])])
def test_a_call_is_judged_by_what_was_known_when_it_was_made(made_at: int, promises: list[str]) -> None:
    """It may reach its room late; made without a fresh position it may not be made at all."""
    fix = {"late": False, "fix_at": 10, "lat": 31.0}
    late = Heard(210, "bridge", "fix", "t1", {"late": True, "fix_at": 100, "lat": 31.0})
    what = evidence(
        heard=[Heard(10, "bridge", "fix", "t1", fix), arrival(200, "due"), late],
        lamps=[LampChange(1, "r01", "residential_wet", "off"), LampChange(201, "r01", "residential_wet", "due")],
        stored=[StoredRecord("c", "call", "r01", made_at, {"call_id": "c1", "called_at": made_at})],
        track={"t1": [(0.0, 31.0, 121.0)]},
    )
    assert broken(what) == promises
    undated = Heard(140, "bridge", "fix", "t1", {"late": False, "fix_at": None, "lat": 31.0})
    assert broken(replace(what, heard=[*what.heard, undated])) == []


@pytest.mark.parametrize(
    "name",
    ["an open press not on the screen", "a decision that was forgotten", "no second visit", "a run that owes"],
)
def test_where_the_clock_of_the_bridge_was_wrong_its_moments_are_not_compared(name: str) -> None:
    """What is on record by a wrong clock cannot be judged by the right one."""
    assert broken(replace(BROKEN[name][0], happened=[(50.0, "clock_jump")])) == []


@pytest.mark.parametrize(("apart_s", "promises"), [(12.0, []), (40.0, ["pressed"])])
def test_two_presses_in_a_moment_may_be_one_gesture(apart_s: float, promises: list[str]) -> None:
    """A second hold right after a first one belongs to it; later it is an incident of its own."""
    presses = [Press(at, "t1", 2.0, "lane_blocked") for at in (100.0, 100.0 + apart_s)]
    assert broken(evidence(presses=presses, track={"t1": [(0.0, 31.0, 121.0)]})) == promises


def test_a_run_without_anything_in_it_breaks_nothing() -> None:
    """There is no promise that something happens."""
    assert broken(evidence()) == []
    assert {promise for _, promise in BROKEN.values()} == INVARIANTS.keys()


def test_what_a_killed_broker_says_again_takes_no_call_back() -> None:
    """The room hears its older word once more; the lamp has to know better."""
    heard = [arrival(10, "scheduled", None), arrival(20, "due"), arrival(60, "scheduled", None, sent_at=10)]
    assert broken(evidence(heard=heard)) == []
    dark = [LampChange(20, "r01", WET, "due"), LampChange(61, "r01", WET, "off")]
    assert broken(evidence(heard=heard, lamps=dark)) == ["called"]


def test_a_stay_counts_whatever_number_it_has_in_the_end() -> None:
    """A truck that stood there while somebody decided that nothing is put off has served the room once."""
    stay = TrueVisit("t1", "r01", WET, 2, 5.0, 100.0)
    record = StoredRecord("v", "visit", "r/r01/1", 110, SERVED)
    seen = evidence(stored=[record], visits=[stay], happened=[(1.0, "press")])
    assert broken(seen) == []
    twice = replace(record, id="w", key="r/r01/2", body={**SERVED, "visit_number": 2})
    assert broken(replace(seen, stored=[record, twice])) == ["served"]


@pytest.mark.parametrize("words", [["--jobs", "0"], ["--minutes", "-1"], ["--minutes", "nan"]])
def test_a_search_that_cannot_be_is_refused_in_a_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is played."""
    with pytest.raises(SystemExit):
        main(words)
    assert "must be between" in capsys.readouterr().err


def test_what_has_nothing_to_do_with_a_fault_is_left_out() -> None:
    """Of six events, odd people and three visits only what it takes is left, at whole minutes."""
    cut = Happening("link_cut", 22_017, {"device": "t01", "for_min": 8.0})
    button = {"room": "r01", "button": "bins_out"}
    others = tuple(Happening("keeper_press", 21_900 + number, button) for number in range(5))
    world = {**base().world, "slowness": 1.4}
    long = replace(base(), happenings=(*others, cut), world=world)

    def fails(one: Scenario) -> bool:
        return any(event.kind == "link_cut" and event.values["for_min"] >= 2 for event in one.happenings)

    short = shrunk(long, fails, MOST_TRIES)
    assert short.happenings == (Happening("link_cut", 21_960, {"device": "t01", "for_min": 2.0}),)
    assert short.world == base().world
    assert short.area["first_visits"] == 1
    assert short.to_s < long.to_s


@pytest.mark.real
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_still_fits_where_it_is_planted(fault: str) -> None:
    """The project moves on: a fault that finds no place any more is never searched for."""
    assert planted(fault, REPO, dry=True) == []


@pytest.mark.real
@pytest.mark.parametrize("fault", SAMPLE)
def test_a_planted_fault_is_found_and_its_run_plays_again(fault: str, tmp_path: Path) -> None:
    """In a copy of the project; what is written fails there as it did when it was found."""
    assert fault in FAULTS
    folder = copied(tmp_path, fault)
    found = searched(folder, minutes=6, shorter=0)
    assert found.promise is not None, found.said
    assert found.scenario is not None
    assert replayed(folder, found.scenario.relative_to(folder)) == 1
