"""What the stays of one run have in common is believed as far as it was true of the runs before."""

from random import Random

import pytest

from broker.rules.learning.crews import Crews, CrewSettings
from broker.rules.learning.history import History
from broker.rules.learning.observations import DwellRecord
from broker.rules.settings import FirstStay, Streets

DAY, STAYS, APART_S, USUAL_S = 86_400, 20, 330, 180


def a_run(crews: Crews, random: Random, day: int, pace: float, stays: int = STAYS) -> float:
    """The stays of a day's run, each with its own noise; when the last one ended."""
    for number in range(stays):
        stay_s = USUAL_S * pace * random.lognormvariate(0, 0.15)
        crews.learn("wet", day * DAY + number * APART_S, stay_s, USUAL_S)
    return day * DAY + (stays - 1) * APART_S


def test_a_slow_crew_is_known_after_three_stays_where_crews_differ() -> None:
    """Runs were a quarter slower or faster as a whole: of one that is a third slower most is believed by the third."""
    crews, random = Crews(CrewSettings()), Random(5)
    for day in range(20):
        a_run(crews, random, day, random.lognormvariate(0, 0.25))
    ended_at = a_run(crews, random, 20, 1.35, stays=3)
    assert 1.15 < crews.factor("wet", ended_at + 60) < 1.5
    assert crews.factor("dry", ended_at + 60) == 1.0


def test_three_slow_stays_say_little_where_runs_were_alike() -> None:
    """What was chance in twenty runs is chance in the next one."""
    crews, random = Crews(CrewSettings()), Random(6)
    for day in range(20):
        ended_at = a_run(crews, random, day, 1.0)
        assert crews.factor("wet", ended_at + 60) == pytest.approx(1.0, abs=0.05)
    assert crews.factor("wet", a_run(crews, random, 20, 1.35, stays=3) + 60) < 1.08


def test_nothing_is_known_before_it_was_seen() -> None:
    """Who asks of a moment before the last stay ended hears nothing of the run: what was known before it began."""
    crews, random = Crews(CrewSettings()), Random(7)
    assert crews.factor("wet", 0) == 1.0
    for day in range(20):
        before = crews.factor("wet", day * DAY)
        ended_at = a_run(crews, random, day, random.choice((0.7, 1.4)))
        assert crews.factor("wet", ended_at) != crews.factor("wet", ended_at - 1) == before


def test_another_run_begins_as_the_one_before_where_runs_did() -> None:
    """Two hours later it is another one: with a new driver as slow as the last one was; where each was another, as
    usual."""
    for paces, low, high in (((1.3,) * 8, 1.1, 1.35), ((0.7, 1.4) * 10, 0.9, 1.1)):
        crews, random = Crews(CrewSettings()), Random(8)
        for day in range(20):
            a_run(crews, random, day, 1.0)
        for day, pace in enumerate(paces, 20):
            ended_at = a_run(crews, random, day, pace)
        assert low < crews.factor("wet", ended_at + 7201) < high


def test_one_missing_keeper_is_no_slow_crew() -> None:
    """An hour at one door counts as what a slow stay may be, and the next ones say otherwise."""
    crews, random = Crews(CrewSettings()), Random(8)
    for day in range(20):
        a_run(crews, random, day, random.lognormvariate(0, 0.1))
    ended_at = a_run(crews, random, 20, 1.0, stays=8)
    crews.learn("wet", ended_at + 60, 3600, USUAL_S)
    assert crews.factor("wet", ended_at + 120) < 1.2


def test_only_rooms_that_are_known_tell_of_a_run() -> None:
    """On a first day every stay differs from the guess, and teaches the guess; it is no slow crew besides."""
    history = History(Streets(), FirstStay())
    for number in range(STAYS):
        at = 1_790_000_000 + number * APART_S
        history.learn_dwell(DwellRecord(f"r{number}", "hazardous", 90, 3, at, route_id="wet"))
        outlook = history.outlook("wet", at + 120)
        assert outlook.dwell_s("new", "hazardous", 3) == history.dwell_s("new", "hazardous", 3, at)


def test_no_stay_is_expected_to_last_less_than_nothing() -> None:
    """After weeks of stays at their longest one run at their quickest is a quick one, not one that runs backwards."""
    crews = Crews(CrewSettings())
    for day in range(40):
        for number in range(STAYS):
            pace = 3.0 if day < 39 else 0.1
            crews.learn("wet", day * DAY + number * APART_S, USUAL_S * pace, USUAL_S)
            assert crews.factor("wet", day * DAY + number * APART_S) >= 0.4


def test_a_run_that_becomes_slow_in_its_midst_is_believed_to_be() -> None:
    """Twenty stays as ever say little of the next ones once four were a half longer: it began to rain."""
    crews, random = Crews(CrewSettings()), Random(9)
    for day in range(20):
        a_run(crews, random, day, random.lognormvariate(0, 0.25))
    ended_at = a_run(crews, random, 20, 1.0)
    for number in range(1, 9):
        crews.learn("wet", ended_at + number * APART_S, 1.5 * USUAL_S, USUAL_S)
    assert crews.factor("wet", ended_at + 9 * APART_S) > 1.25
