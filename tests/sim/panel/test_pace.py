"""The run goes at life's own speed while somebody presses, and back to the chosen one afterwards."""

import pytest

from firmware.truck.button.presses import AT_HAND_S
from sim.panel.pace import AFTER_S, Pace


@pytest.fixture
def told() -> list[int]:
    """The speeds that the run was told."""
    return []


def test_it_is_slow_for_fingers_and_long_enough_for_a_press_that_takes_back(told: list[int]) -> None:
    """With two fingers on two buttons the while begins when the last one goes."""
    pace = Pace(30, 60, told.append)
    pace.finger("t01", True, 100.0)
    pace.finger("t02", True, 101.0)
    pace.finger("t01", False, 102.0)
    pace.look(102.0 + AFTER_S + 1)
    assert told == [1, 1] and pace.back_in_s(150.0) == AFTER_S
    pace.finger("t02", False, 150.0)
    pace.look(150.0 + AT_HAND_S)
    assert told == [1, 1] and pace.back_in_s(155.0) == AFTER_S - 5
    pace.look(150.0 + AFTER_S)
    assert told == [1, 1, 30] and pace.back_in_s(200.0) is None


def test_whoever_chooses_a_speed_gets_it(told: list[int]) -> None:
    """Also while a finger is there; within what the run can do; and nothing is waited for then."""
    pace = Pace(30, 60, told.append)
    pace.finger("t01", True, 0.0)
    pace.choose(5)
    pace.look(1000.0)
    pace.choose(100)
    pace.choose(0)
    assert told == [1, 5, 60, 1] and pace.back_in_s(0.0) is None


def test_at_lifes_own_speed_nothing_is_waited_for(told: list[int]) -> None:
    """The page has nothing to say of it."""
    pace = Pace(1, 60, told.append)
    pace.finger("t01", True, 0.0)
    pace.finger("t01", False, 1.0)
    assert pace.back_in_s(2.0) is None
