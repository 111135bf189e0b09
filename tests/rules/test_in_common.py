"""What the drives, or the stays, of one run have in common is believed as far as it was true of the runs before."""

from collections.abc import Callable
from random import Random

import pytest

from broker.rules.learning.crews import Crews, CrewSettings
from broker.rules.learning.history import History
from broker.rules.learning.observations import DwellRecord
from broker.rules.learning.together import Together, TogetherSettings
from broker.rules.settings import FirstStay, Streets

DAY, STAYS, APART_S, USUAL_S = 86_400, 20, 330, 180
LEAST = 0.4  # as both have it
Common = Together | Crews
KINDS: dict[str, Callable[[], Common]] = {
    "drives": lambda: Together(TogetherSettings()),
    "stays": lambda: Crews(CrewSettings()),
}
of_both = pytest.mark.parametrize("kind", KINDS)


def a_run(common: Common, random: Random, day: int, pace: float, stays: int = STAYS) -> float:
    """The stays of a day's run, each with its own noise; when the last one ended."""
    for number in range(stays):
        stay_s = USUAL_S * pace * random.lognormvariate(0, 0.15)
        common.learn("wet", day * DAY + number * APART_S, stay_s, USUAL_S)
    return day * DAY + (stays - 1) * APART_S


@of_both
def test_a_slow_crew_is_known_after_three_stays_where_crews_differ(kind: str) -> None:
    """Runs were a quarter slower or faster as a whole: of one that is a third slower most is believed by the third."""
    common, random = KINDS[kind](), Random(5)
    for day in range(20):
        a_run(common, random, day, random.lognormvariate(0, 0.25))
    ended_at = a_run(common, random, 20, 1.35, stays=3)
    assert 1.15 < common.factor("wet", ended_at + 60) < 1.5
    assert common.factor("dry", ended_at + 60) == 1.0


@of_both
def test_three_slow_stays_say_little_where_runs_were_alike(kind: str) -> None:
    """What was chance in twenty runs is chance in the next one."""
    common, random = KINDS[kind](), Random(6)
    for day in range(20):
        ended_at = a_run(common, random, day, 1.0)
        assert common.factor("wet", ended_at + 60) == pytest.approx(1.0, abs=0.05)
    assert common.factor("wet", a_run(common, random, 20, 1.35, stays=3) + 60) < 1.08


@of_both
def test_nothing_is_known_before_it_was_seen(kind: str) -> None:
    """Who asks of a moment before the last stay ended hears nothing of the run: of stays what was known before
    it began, of drives that they are as usual."""
    common, random = KINDS[kind](), Random(7)
    assert common.factor("wet", 0) == 1.0
    for day in range(20):
        before = common.factor("wet", day * DAY) if kind == "stays" else 1.0
        ended_at = a_run(common, random, day, random.choice((0.7, 1.4)))
        assert common.factor("wet", ended_at) != common.factor("wet", ended_at - 1) == before


@of_both
def test_another_run_begins_as_the_one_before_where_runs_did(kind: str) -> None:
    """Two hours later it is another one: with a new driver as slow as the last one was; where each was another, as
    usual."""
    for paces, low, high in (((1.3,) * 8, 1.1, 1.35), ((0.7, 1.4) * 10, 0.9, 1.1)):
        common, random = KINDS[kind](), Random(8)
        for day in range(20):
            a_run(common, random, day, 1.0)
        for day, pace in enumerate(paces, 20):
            ended_at = a_run(common, random, day, pace)
        assert low < common.factor("wet", ended_at + 7201) < high


@of_both
def test_one_missing_keeper_is_no_slow_crew(kind: str) -> None:
    """An hour at one door counts as what a slow stay may be, and the next ones say otherwise."""
    common, random = KINDS[kind](), Random(8)
    for day in range(20):
        a_run(common, random, day, random.lognormvariate(0, 0.1))
    ended_at = a_run(common, random, 20, 1.0, stays=8)
    common.learn("wet", ended_at + 60, 3600, USUAL_S)
    assert common.factor("wet", ended_at + 120) < 1.2


def test_only_rooms_that_are_known_tell_of_a_run() -> None:
    """On a first day every stay differs from the guess, and teaches the guess; it is no slow crew besides."""
    history = History(Streets(), FirstStay())
    for number in range(STAYS):
        at = 1_790_000_000 + number * APART_S
        history.learn_dwell(DwellRecord(f"r{number}", "hazardous", 90, 3, at, route_id="wet"))
        outlook = history.outlook("wet", at + 120)
        assert outlook.dwell_s("new", "hazardous", 3) == history.dwell_s("new", "hazardous", 3, at)


@of_both
def test_no_stay_is_expected_to_last_less_than_nothing(kind: str) -> None:
    """After weeks of stays at their longest one run at their quickest is a quick one, not one that runs backwards."""
    common = KINDS[kind]()
    for day in range(40):
        for number in range(STAYS):
            pace = 3.0 if day < 39 else 0.1
            common.learn("wet", day * DAY + number * APART_S, USUAL_S * pace, USUAL_S)
            assert common.factor("wet", day * DAY + number * APART_S) >= LEAST


def test_a_run_that_becomes_slow_in_its_midst_is_believed_to_be() -> None:
    """Twenty stays as ever say little of the next ones once four were a half longer: it began to rain."""
    common, random = Crews(CrewSettings()), Random(9)
    for day in range(20):
        a_run(common, random, day, random.lognormvariate(0, 0.25))
    ended_at = a_run(common, random, 20, 1.0)
    for number in range(1, 9):
        common.learn("wet", ended_at + number * APART_S, 1.5 * USUAL_S, USUAL_S)
    assert common.factor("wet", ended_at + 9 * APART_S) > 1.25
