"""The bridge's clock goes on when the machine's jumps, until a truck's receiver says which of the two is right."""

from hypothesis import given
from hypothesis import strategies as st

from broker.ingest.steady_clock import ALONE_S, STEP_S, WAITS_S, SteadyClock

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
                self.clock.heard("t01", self.true + truck_says)
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
    began.heard("t01", machine.true - 200)  # an old word says nothing
    assert began.now() == machine.true - DAY_S
    began.heard("t01", machine.true - 2)
    assert began.now() == machine.true and began.wrong_by_s() is None


def test_without_any_truck_the_machine_is_believed_after_ten_minutes() -> None:
    """Nobody is called then; and a receiver that says nonsense is no truck."""
    machine = Machine()
    machine.jumps(DAY_S)
    machine.passes(ALONE_S - 60, truck_says=-20 * 365 * DAY_S)
    assert machine.clock.now() == machine.true
    machine.passes(60)
    assert machine.clock.now() == machine.true + DAY_S


class Started(Machine):
    """One whose clock is wrong as the bridge starts, a minute after it wrote its last record."""

    def __init__(self, wrong_by_s: float, newest_s_ago: float = 60.0) -> None:
        super().__init__()
        self.wrong_by_s = wrong_by_s
        self.clock = SteadyClock(lambda: self.true + self.wrong_by_s, lambda: self.elapsed_s)
        self.clock.begins(self.true - newest_s_ago)

    def hears(self, *trucks: str, says: float = 0.0, for_s: float = 60.0) -> None:
        """Each of them says every ten seconds what time it is, for so long."""
        for _ in range(int(for_s // 10)):
            self.elapsed_s += 10
            for truck in trucks:
                self.clock.heard(truck, self.true + says)

    @property
    def off_s(self) -> float:
        """By how much the bridge's time is wrong."""
        return self.clock.now() - self.true


def test_a_start_with_a_clock_before_the_newest_record_goes_on_from_that() -> None:
    """A day behind: the record is nearer, and the first truck confirms that; alone the machine is believed."""
    machine = Started(-DAY_S)
    assert machine.off_s == -60 and machine.clock.wrong_by_s() == 60 - DAY_S
    machine.hears("t01", for_s=3 * 3600)
    assert machine.off_s == -60
    machine.jumps(0.0)
    assert machine.off_s == 0 and machine.clock.wrong_by_s() is None
    alone = Started(-DAY_S)
    alone.passes(ALONE_S)
    assert alone.off_s == -DAY_S


@given(st.sampled_from((DAY_S, -DAY_S, 3600.0, -3600.0, 200.0)), st.sampled_from((300.0, 10 * 3600.0)))
def test_a_start_with_a_wrong_clock_takes_the_time_that_two_receivers_say(by_s: float, newest_s_ago: float) -> None:
    """However long it did not run; for hours, and the machine is followed when it is set right."""
    machine = Started(by_s, newest_s_ago)
    machine.hears("t01", for_s=600.0)
    assert machine.off_s in (by_s, by_s - newest_s_ago, -newest_s_ago)  # one alone is not enough
    machine.hears("t01", "t02", for_s=30.0)
    assert machine.off_s == 0 and abs((machine.clock.wrong_by_s() or 0) - by_s) <= STEP_S
    machine.hears("t01", for_s=3 * 3600)
    assert machine.off_s == 0
    machine.jumps(0.0)
    assert machine.off_s == 0 and machine.clock.wrong_by_s() is None


def test_a_clock_that_was_believed_alone_at_night_is_doubted_when_two_trucks_speak() -> None:
    """It jumped when nobody drove."""
    machine = Machine()
    machine.jumps(DAY_S)
    machine.passes(ALONE_S)
    assert machine.clock.now() == machine.true + DAY_S
    for _ in range(3):
        machine.elapsed_s += 10
        for truck in ("t01", "t02"):
            machine.clock.heard(truck, machine.true)
    assert machine.clock.now() == machine.true


def test_what_lay_at_the_broker_meanwhile_moves_no_clock() -> None:
    """Ten minutes of two trucks' positions come within seconds, the oldest first; then they speak as they drive."""
    machine = Started(0.0, newest_s_ago=700.0)
    for ago_s in range(600, 0, -10):
        machine.elapsed_s += 0.5
        for truck in ("t01", "t02"):
            machine.clock.heard(truck, machine.true - ago_s)
            assert machine.off_s == 0
    machine.hears("t01", "t02")
    assert machine.off_s == 0 and machine.clock.wrong_by_s() is None


def test_receivers_move_no_clock_that_a_truck_agreed_with() -> None:
    """Two stolen trucks, or two that count their weeks wrongly: neither later nor before anybody else speaks."""
    machine = Started(0.0)
    machine.hears("t01", for_s=10.0)
    machine.hears("t02", "t03", says=-DAY_S)
    machine.hears("t02", "t03", says=3600.0)
    assert machine.off_s == 0
    early = Started(0.0)
    early.hears("t02", "t03", says=-1024 * 7 * DAY_S)
    assert early.off_s == 0
    early.hears("t02", "t03", says=3600.0)
    assert early.off_s == 3600  # nobody knew better; the first honest word ends it
    early.hears("t01", for_s=10.0)
    assert early.off_s == 0


def test_a_bridge_that_starts_tells_nobody_the_time_before_a_truck_agreed() -> None:
    """How long it was away it cannot know; where the record contradicts its machine it waits longer."""
    for by_s, newest_s_ago, waits_s in ((0.0, 5.0, WAITS_S), (DAY_S, 60.0, WAITS_S), (-DAY_S, 60.0, ALONE_S)):
        machine = Started(by_s, newest_s_ago)
        machine.elapsed_s += waits_s - 1
        assert not machine.clock.is_known()
        machine.elapsed_s += 1
        assert machine.clock.is_known()  # nobody drives: units wait for the bridge's word
        machine = Started(by_s, newest_s_ago)
        machine.hears("t01", "t02", for_s=20.0)
        assert machine.clock.is_known() and machine.off_s in (0, -60)
    first = Machine()
    first.clock.begins(0.0)  # an empty record says nothing
    assert first.clock.is_known()


def test_a_truck_that_says_another_time_has_not_agreed_any_more() -> None:
    """It was told ours before its receiver had one; a truck that still agrees holds it."""
    machine = Started(DAY_S)
    machine.hears("t01", "t02", says=DAY_S, for_s=10.0)
    machine.hears("t01", for_s=60.0)
    assert machine.off_s == DAY_S
    machine.hears("t01", "t02", for_s=30.0)
    assert machine.off_s == 0
