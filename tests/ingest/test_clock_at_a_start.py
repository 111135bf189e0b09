"""A bridge that starts with a wrong clock, and trucks that follow its clock and have receivers of their own."""

from pathlib import Path

import pytest

from broker.bridge import Bridge
from broker.ingest.steady_clock import ALONE_S, BOOTED_S, WAITS_S, SteadyClock, own_time
from broker.store.opening import open_store
from firmware import wire
from firmware.truck.clock import TruckClock
from firmware.truck.gps.fix import Fix
from firmware.truck.gps.whereabouts import Whereabouts
from tests.support.bridge.morning import Morning

EIGHT = 1_795_564_800.0
HOUR_S = 3600.0
DAY_S = 86_400.0


class Truck:
    """The very clock and positions of a truck that drives; its receiver has the time, or a wrong one."""

    def __init__(self, name: str, off_s: float = 0.0) -> None:
        self.name, self.off_s = name, off_s
        self.clock = TruckClock()
        self._where = Whereabouts(self.clock, None, False)

    def passes(self, true_at: float, now_s: float) -> int | None:
        """One second; the receiver's time that it tells now, if it says a position."""
        at = true_at + self.off_s
        self._where.seen(Fix(31.2 + now_s * 5 / 111_195, 121.4, at, 5.0, 0.0, 1.0, 8, 3, 1), now_s)
        body = self._where.report(now_s)
        return None if body is None else own_time(body)


class Street:
    """A bridge that starts while its machine's clock and its newest record are so far off, and its trucks."""

    def __init__(self, machine_off_s: float, newest_off_s: float, up_s: float = 100.0) -> None:
        self.now_s = up_s
        self.off_s = machine_off_s
        self.told: list[float] = []  # by how much what devices were told was wrong
        self.trucks: list[Truck] = []
        self.bridge = SteadyClock(lambda: self.true_at + self.off_s, lambda: self.now_s)
        self.bridge.begins(self.true_at + newest_off_s)

    @property
    def true_at(self) -> float:
        """What time it is in the world."""
        return EIGHT + self.now_s

    @property
    def wrong_s(self) -> float:
        """By how much the bridge's time is wrong."""
        return self.bridge.now() - self.true_at

    def passes(self, seconds: float) -> None:
        """So much time, with a heartbeat each ten seconds while the bridge knows the time."""
        for _ in range(int(seconds)):
            self.now_s += 1
            for truck in self.trucks:
                if (at := truck.passes(self.true_at, self.now_s)) is not None:
                    self.bridge.heard(truck.name, at)
            if self.now_s % wire.HEARTBEAT_S == 0 and self.bridge.is_known():
                self.told.append(self.wrong_s)
                for truck in self.trucks:
                    truck.clock.bridge_said(int(self.bridge.now()), self.now_s)

    def all_are_right(self) -> bool:
        """Whether bridge and trucks have the time of the world, to some seconds."""
        times = [truck.clock.unix_at(self.now_s) for truck in self.trucks]
        return abs(self.wrong_s) < 5 and all(at is not None and abs(at - self.true_at) < 5 for at in times)


def starts(machine_off_s: float, newest_off_s: float, *, trucks_after_s: float = 0.0) -> Street:
    """A start, two trucks so much later, and an hour."""
    street = Street(machine_off_s, newest_off_s)
    street.passes(trucks_after_s)
    street.trucks = [Truck("t01"), Truck("t02")]
    street.passes(HOUR_S)
    return street


def test_a_machine_behind_that_was_away_for_a_night_comes_right() -> None:
    """A day behind, the newest record ten hours old: nobody is told either time."""
    street = starts(-DAY_S, -10 * HOUR_S)
    assert street.all_are_right() and all(abs(one) < 5 for one in street.told)


def test_a_machine_that_goes_on_from_its_last_shutdown_comes_right() -> None:
    """Without a battery it knows no more than the record: to itself it was away for seconds."""
    street = starts(-10 * HOUR_S, -10 * HOUR_S - 20)
    assert street.all_are_right() and all(abs(one) < 5 for one in street.told)


@pytest.mark.parametrize("machine_off_s", [0.0, -DAY_S])
def test_a_record_from_the_future_moves_nothing_for_good(machine_off_s: float) -> None:
    """Of a clock that was ahead once: two receivers know better than machine and record together."""
    street = starts(machine_off_s, 30 * DAY_S)
    assert street.all_are_right() and all(abs(one) < 5 for one in street.told)


@pytest.mark.parametrize("by_s", [DAY_S, -DAY_S, 1.5 * HOUR_S])
def test_trucks_that_were_told_a_wrong_time_first_still_know_better(by_s: float) -> None:
    """It starts at night; they are switched on twelve minutes later and hear the bridge before the sky."""
    street = starts(by_s, -10 * HOUR_S, trucks_after_s=720.0)
    assert street.told[0] == by_s  # who is up alone at night has nobody to ask
    assert street.all_are_right() and all(abs(one) < 5 for one in street.told[-300:])


def test_a_record_from_the_future_is_told_to_nobody_at_night() -> None:
    """Where machine and record contradict each other the time is known when the machine is believed."""
    street = Street(0.0, 30 * DAY_S)
    street.passes(ALONE_S - 1)
    assert street.told == [] and street.wrong_s > DAY_S
    street.passes(60)
    assert street.told and set(street.told) == {0.0}


def test_a_start_in_the_middle_of_a_morning_darkens_nothing() -> None:
    """The clock is right, one truck drives: the first heartbeat goes out long before a lamp knows nothing."""
    street = Street(0.0, -5.0)
    street.trucks = [Truck("t01")]
    street.passes(20)
    assert street.told and WAITS_S + 2 * wire.HEARTBEAT_S < wire.NO_DATA_S


def test_a_bridge_that_alone_was_away_tells_the_time_at_once() -> None:
    """Trucks that stand send what waits when they hear it; the machine was up meanwhile, and has its time."""
    street = Street(0.0, -30.0, up_s=BOOTED_S)
    street.passes(2 * wire.HEARTBEAT_S)
    assert set(street.told) == {0.0}


def test_a_bridge_that_was_away_for_a_night_asks_a_truck_first() -> None:
    """However long the machine is up."""
    street = Street(0.0, -10 * HOUR_S, up_s=DAY_S)
    street.passes(2 * wire.HEARTBEAT_S)
    assert street.told == []


def test_a_truck_without_a_receiver_agrees_with_nobody() -> None:
    """What it says is what it was told: the first two that have one of their own are believed."""
    street = Street(DAY_S, -10 * HOUR_S)
    street.passes(120)
    street.trucks = [Truck("t01", off_s=-20 * 365 * DAY_S)]
    street.passes(600)
    assert street.wrong_s == DAY_S
    street.trucks += [Truck("t02"), Truck("t03")]
    street.passes(120)
    assert abs(street.wrong_s) < 5


def test_one_receiver_that_is_wrong_moves_nobody() -> None:
    """It is dated by the bridge's time, and its word counts once."""
    street = Street(0.0, -5.0)
    street.trucks = [Truck("t01", off_s=-DAY_S)]
    street.passes(600)
    street.trucks.append(Truck("t02"))
    street.passes(600)
    assert street.all_are_right()


def test_the_bridge_hears_the_receivers_time_and_dates_by_the_trucks(tmp_path: Path) -> None:
    """Both stand in one position; what is late, or says that it has no time of its own, is no witness."""
    morning = Morning(tmp_path / "records", alone=True, visits=2)
    heard: list[tuple[str, float]] = []
    morning.store.close()
    morning.store = open_store(morning.folder, area="xh", timezone="Asia/Shanghai", now=lambda: morning.now)
    bridge = Bridge(morning.plan, morning.store, lambda *_: None, world_time=lambda *said: heard.append(said))
    bridge.start(morning.now)
    morning.bridge = bridge
    at = int(morning.now)
    morning.fix(5.0)
    morning.fix(5.0, receiver_at=at + 3600)
    morning.fix(5.0, receiver_at=None)
    morning.fix(5.0, receiver_at=at + 7200, late=True)
    assert heard == [("t01", at), ("t01", at + 3600)]
    fix = bridge.dispatch.day.devices.trucks["t01"].fix
    assert fix is not None and fix.fix_at == at
    morning.store.close()
