"""The bridge's clock goes on when the machine's jumps, until a truck's receiver says which of the two is right."""

from hypothesis import given
from hypothesis import strategies as st

from broker.ingest.steady_clock import ALONE_S, STEP_S, SteadyClock

NOON = 1_795_600_000.0
DAY_S = 86_400.0


class Machine:
    """A machine whose clock can be set while seconds pass."""

    def __init__(self) -> None:
        self.elapsed_s = 100.0
        self.wrong_by_s = 0.0
        self.clock = SteadyClock(lambda: NOON + self.elapsed_s + self.wrong_by_s, lambda: self.elapsed_s)

    @property
    def true(self) -> float:
        """What time it is in the world."""
        return NOON + self.elapsed_s

    def jumps(self, by_s: float) -> None:
        """Its clock is set."""
        self.wrong_by_s = by_s
        self.clock.now()

    def passes(self, seconds: float, truck_says: float | None = None) -> None:
        """So much time, with a truck that speaks each half minute or without."""
        for _ in range(int(seconds // 30)):
            self.elapsed_s += 30
            if truck_says is not None:
                self.clock.heard(self.true + truck_says)
            self.clock.now()


@given(st.sampled_from((DAY_S, -DAY_S, 3600.0, -3600.0, 61.0, 10 * 365 * DAY_S)))
def test_a_jump_is_not_followed_while_trucks_know_better(by_s: float) -> None:
    """For hours, and when it is over all is as it was."""
    machine = Machine()
    machine.jumps(by_s)
    machine.passes(3 * 3600, truck_says=0.0)
    assert abs(machine.clock.now() - machine.true) <= STEP_S
    assert abs((machine.clock.wrong_by_s() or 0) - by_s) <= STEP_S
    machine.jumps(0.0)
    assert machine.clock.now() == machine.true and machine.clock.wrong_by_s() is None


@given(st.floats(-STEP_S, STEP_S))
def test_a_correction_is_followed_at_once(by_s: float) -> None:
    """As of a clock that is kept by the network."""
    machine = Machine()
    machine.jumps(by_s)
    assert abs(machine.clock.now() - machine.true - by_s) < 0.001 and machine.clock.wrong_by_s() is None


def test_a_clock_that_was_wrong_and_is_set_right_is_followed_at_the_first_word_of_a_truck() -> None:
    """A machine that began before it knew the time."""
    machine = Machine()
    machine.wrong_by_s = -DAY_S
    began = SteadyClock(lambda: machine.true + machine.wrong_by_s, lambda: machine.elapsed_s)
    machine.wrong_by_s = 0.0
    assert began.now() == machine.true - DAY_S and began.wrong_by_s() == DAY_S
    began.heard(machine.true - 200)  # an old word says nothing
    assert began.now() == machine.true - DAY_S
    began.heard(machine.true - 2)
    assert began.now() == machine.true and began.wrong_by_s() is None


def test_without_any_truck_the_machine_is_believed_after_ten_minutes() -> None:
    """Nobody is called then; and a receiver that says nonsense is no truck."""
    machine = Machine()
    machine.jumps(DAY_S)
    machine.passes(ALONE_S - 60, truck_says=-20 * 365 * DAY_S)
    assert machine.clock.now() == machine.true
    machine.passes(60)
    assert machine.clock.now() == machine.true + DAY_S
