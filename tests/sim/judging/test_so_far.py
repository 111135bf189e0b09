"""Expectations while a run goes on: held, waiting, or failed for good; never failed for what may still come."""

import re

import pytest

from sim.judging.sentence import both
from sim.judging.so_far import Expectation, at_the_end, so_far
from sim.judging.verdict import Verdict
from sim.scenario.scenario import Demand, parse
from sim.world.evidence import Evidence, LampChange, LightChange, Press, TrueVisit

PENDING = {"en": re.compile(r"\byet\b"), "zh": re.compile("尚未")}
DECIDED = {"en": re.compile("would have had to|nobody came"), "zh": re.compile("本应|没有车来")}
HEAD = '[scenario]\nabout = "x"\nfrom = "00:00"\nto = "02:00"\n[[expect]]\n'


def demand(text: str) -> Demand:
    """One expectation as it stands in a file."""
    return parse(HEAD + text, "one", "one.toml").demands[0]


def one(evidence: Evidence, text: str, now: float) -> Expectation:
    """How it stands at `now`."""
    (found,) = so_far(evidence, [demand(text)], now)
    return found


@pytest.fixture
def evidence() -> Evidence:
    """Two hours in which nothing has happened yet."""
    return Evidence(0.0, 7200.0, 0.0)


def test_nothing_has_happened_is_waiting_not_failed(evidence: Evidence) -> None:
    """Of every kind."""
    for kind in ("one_call_per_visit", "visits_served", "records_stored_once", "lamp_lit_before_arrival"):
        assert one(evidence, f'kind = "{kind}"', 10.0).state == "waiting"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("text", [
    'kind = "one_call_per_visit"', 'kind = "lamp_lead"', 'kind = "lamp_lit_before_arrival"',
    'kind = "lamp_off_after_departure"', 'kind = "no_lamp_from_late_data"\ntruck = "t01"',
    'kind = "never_dark_while_unknown"', 'kind = "visits_served"', 'kind = "visits_right"',
    'kind = "second_visit"\nroom = "r01"', 'kind = "visits_taken_over"\ntruck = "t01"',
    'kind = "itinerary_changed"\ntruck = "t01"', 'kind = "records_stored_once"',
    'kind = "backlog_marked_late"\ndevice = "t01"', 'kind = "bins_collected"',
    'kind = "positions_true"\ntruck = "t01"', 'kind = "press_stored_once"\ntruck = "t01"',
    'kind = "case_suggested"\nroom = "r01"',
    'kind = "light_stages"\ntruck = "t01"\nstages = ["fast"]', 'kind = "acknowledged"\ntruck = "t01"',
])  # fmt: skip
def test_what_is_waited_for_is_said_to_have_not_come_yet(evidence: Evidence, text: str, language: str) -> None:
    """Not, as of a run that is over, what would have had to happen: before anything has, and when the truck is due."""
    evidence.planned.append(("t01", "r01", "unit_wet"))
    for now in (10.0, 3600.0):
        found = one(evidence, text, now)
        assert found.state == "waiting" and found.why
        for why in found.why:
            assert PENDING[language].search(both(why)[language]) and not DECIDED[language].search(both(why)[language])


def test_what_is_wrong_and_may_come_right_is_not_decided_yet(evidence: Evidence) -> None:
    """Of a share the rest may still come; what is seen so far stands behind the word."""
    evidence.lamps.append(LampChange(0.0, "r01", "unit_wet", "off"))
    evidence.visits.append(TrueVisit("t01", "r01", "unit_wet", 1, 200.0, 300.0))
    (why,) = one(evidence, 'kind = "lamp_lit_before_arrival"\nshare = 0.5', 400.0).why
    assert why.startswith("not decided yet: r01 ") and both(why)["zh"].startswith("尚未判定：r01 ")


def test_a_light_stands_steady_in_its_time_or_the_expectation_has_failed(evidence: Evidence) -> None:
    """While its seconds run it is waited for; then it is decided."""
    text = 'kind = "acknowledged"\ntruck = "t01"\nwithin_s = 5.0'
    evidence.acknowledged.append((100.0, "t01"))
    assert one(evidence, text, 104.0).state == "waiting"
    late = one(evidence, text, 105.5)
    assert late.state == "failed" and "no steady light within 5 s" in late.why[0]
    evidence.lights.append(LightChange(103.0, "t01", "steady"))
    assert one(evidence, text, 105.5).state == "held"


def test_a_press_is_waited_for_until_the_truck_may_have_heard(evidence: Evidence) -> None:
    """A press that is just over is no failure yet."""
    text = 'kind = "itinerary_changed"\ntruck = "t01"\nwithin_s = 5.0'
    evidence.presses.append(Press(100.0, "t01", 2.0, "lane_blocked"))
    assert [one(evidence, text, now).state for now in (103.0, 106.9, 107.5)] == ["waiting", "waiting", "failed"]


def test_what_is_about_hours_fails_in_them_and_holds_at_their_end(evidence: Evidence) -> None:
    """Before them and in them it is waited for."""
    text = 'kind = "lamp_shows"\nroom = "r01"\nshown = "due"\nfrom = "00:10"\nto = "00:20"'
    evidence.lamps += [LampChange(0.0, "r01", "unit_wet", "off"), LampChange(500.0, "r01", "unit_wet", "due")]
    assert one(evidence, text, 400.0).state == "waiting" and "00:10:00" in one(evidence, text, 400.0).why[0]
    assert [one(evidence, text, now).state for now in (700.0, 1199.0, 1201.0)] == ["waiting", "waiting", "held"]
    evidence.lamps.append(LampChange(900.0, "r01", "unit_wet", "held"))
    assert [one(evidence, text, now).state for now in (850.0, 950.0, 1300.0)][1:] == ["failed", "failed"]


def test_a_departure_whose_lamp_may_still_go_dark_is_not_judged(evidence: Evidence) -> None:
    """Ninety seconds are its own."""
    text = 'kind = "lamp_off_after_departure"'
    evidence.lamps.append(LampChange(0.0, "r01", "unit_wet", "at_stop"))
    evidence.visits.append(TrueVisit("t01", "r01", "unit_wet", 1, 50.0, 100.0))
    assert [one(evidence, text, now).state for now in (150.0, 195.0)] == ["waiting", "failed"]


def test_a_lamp_that_all_must_have_lit_fails_for_good_and_one_of_a_share_does_not(evidence: Evidence) -> None:
    """Later visits can raise a share that is asked for, but not to all."""
    evidence.lamps.append(LampChange(0.0, "r01", "unit_wet", "off"))
    evidence.visits.append(TrueVisit("t01", "r01", "unit_wet", 1, 200.0, 300.0))
    assert one(evidence, 'kind = "lamp_lit_before_arrival"', 400.0).state == "failed"
    assert one(evidence, 'kind = "lamp_lit_before_arrival"\nshare = 0.5', 400.0).state == "waiting"


def test_at_the_end_nothing_is_waited_for() -> None:
    """Held or failed, with what was seen and why."""
    demands = [demand('kind = "visits_served"'), demand('kind = "records_stored_once"')]
    verdicts = [Verdict("visits_served", True, "3 visits"), Verdict("records_stored_once", False, "9", ("lost",))]
    ends = [(each.kind, each.state, each.seen, each.why) for each in at_the_end(verdicts, demands)]
    assert ends == [("visits_served", "held", "3 visits", ()), ("records_stored_once", "failed", "9", ("lost",))]


def test_what_a_slow_machine_could_not_judge_has_not_failed() -> None:
    """What held has held on any machine."""
    demands = [demand('kind = "visits_served"'), demand('kind = "records_stored_once"')]
    verdicts = [Verdict("visits_served", True, "3 visits"), Verdict("records_stored_once", False, "9", ("lost",))]
    assert [each.state for each in at_the_end(verdicts, demands, judged=False)] == ["held", "not_judged"]
