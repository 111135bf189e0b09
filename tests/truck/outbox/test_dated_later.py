"""What was kept before anybody knew the time gets it from the monotonic clock, over a kill -9 too."""

import json

import pytest

from firmware.truck.agent import Agent
from firmware.truck.clock import ROLLOVER_S, WEEK_0_AT
from firmware.truck.device import TruckDevice
from firmware.truck.events import ButtonDown, ButtonUp, FixSeen, LinkUp, Wake
from firmware.truck.gps.fix import Fix
from firmware.truck.outbox.outbox import Outbox

TRUE_AT = 1795374000  # at monotonic 0
WRONG = {
    "060180": WEEK_0_AT - TRUE_AT,
    "week 0 of 2019": WEEK_0_AT + 2 * ROLLOVER_S - TRUE_AT,
    "week 0 of 2038": WEEK_0_AT + 3 * ROLLOVER_S - TRUE_AT,
    "1024 weeks back": -ROLLOVER_S,
    "a plausible day in 2031": 5 * 365 * 86_400,
    "yesterday": -86_400,
}


class Cab:
    """One computer: its monotonic clock runs on over the kills of the program, not over a power cut."""

    def __init__(self, tmp_path, system: str = "one") -> None:
        self.path, self.now_s, self.metres = tmp_path / "o.db", 100.0, 0.0
        self.sent: list[dict] = []
        self.start(system)

    def start(self, system: str) -> None:
        self.outbox = Outbox(self.path, system=system)
        self.device = TruckDevice(Agent("t01", "xh", self.outbox.boot), self.outbox)
        self.take(self.device.start(self.now_s))

    def killed(self, system: str = "one") -> None:
        self.outbox.flush()  # what waited for its batch is what a kill may cost
        self.outbox.close(flush=False)
        self.start(system)

    def take(self, outputs) -> None:
        for output in outputs:
            if hasattr(output, "payload") and "/life" not in output.topic:
                self.sent.append(json.loads(output.payload))

    def drive(self, seconds: int, off_s: int = 0) -> None:
        for _ in range(seconds):
            self.now_s += 1.0
            self.metres += 30.0
            told_at = TRUE_AT + self.now_s + off_s
            seen = FixSeen(Fix(31.2 + self.metres / 111_195, 121.4, told_at, 30.0, 0.0, 1.0, 8, 3, 1))
            self.take(self.device.handle(seen, self.now_s))

    def press(self) -> None:
        self.take(self.device.handle(ButtonDown(), self.now_s))
        self.now_s += 2.0
        self.take(self.device.handle(Wake(), self.now_s))
        self.take(self.device.handle(ButtonUp(), self.now_s))

    def connect(self) -> None:
        self.take(self.device.handle(LinkUp(), self.now_s))
        self.sent.clear()  # what went out before the bridge was heard is sent again, dated
        clock = b'{"at":%d}' % (TRUE_AT + self.now_s)
        self.take(self.device.message("zp/v1/xh/bridge/clock", clock, self.now_s))


def metres_of(body: dict) -> float:
    return (body["lat"] - 31.2) * 111_195


def assert_true_times(cab: Cab, at_least: int) -> None:
    """Each position has the time at which the truck was there, and none is later than the bridge's now."""
    fixes = [body for body in cab.sent if "mode" in body and body["lat"] is not None]
    assert len(fixes) >= at_least
    for body in fixes:
        assert body["fix_at"] == pytest.approx(TRUE_AT + 100 + metres_of(body) / 30.0, abs=130)
        assert body["fix_at"] <= TRUE_AT + cab.now_s + 1


@pytest.mark.parametrize("off_s", WRONG.values(), ids=WRONG)
def test_wrong_date_before_the_link(tmp_path, off_s):
    """Half a minute of valid fixes with a wrong date, then the right one or the bridge: nothing is dated wrongly."""
    for right_first in (True, False):
        (tmp_path / str(right_first)).mkdir()
        cab = Cab(tmp_path / str(right_first))
        cab.drive(30, off_s)
        cab.press()
        if right_first:
            cab.drive(10)
        cab.connect()
        assert_true_times(cab, 10)
        (press,) = [body for body in cab.sent if "pressed_at" in body]
        assert press["pressed_at"] == pytest.approx(TRUE_AT + 131.5, abs=1)
        assert press["fix_at"] is None or press["fix_at"] <= TRUE_AT + 133


@pytest.mark.parametrize("off_s", WRONG.values(), ids=WRONG)
def test_wrong_date_and_a_kill_before_the_time_is_known(tmp_path, off_s):
    """The next start of the program has the same monotonic clock, and gives the time to what the former kept."""
    cab = Cab(tmp_path)
    cab.drive(30, off_s)
    cab.press()
    cab.killed()
    cab.now_s += 20.0
    cab.killed()
    cab.connect()
    assert_true_times(cab, 10)
    (press,) = [body for body in cab.sent if "pressed_at" in body]
    assert press["pressed_at"] == pytest.approx(TRUE_AT + 131.5, abs=1)


def test_time_that_became_known_is_on_the_disk_before_the_power_goes(tmp_path):
    """Known for a moment without any link is enough: after a power cut, with another clock, the times are there."""
    cab = Cab(tmp_path)
    cab.drive(30, WRONG["060180"])
    cab.press()
    cab.drive(5)
    cab.killed("another start of the computer")
    cab.now_s = 2000.0
    cab.connect()
    assert_true_times(cab, 10)
    (press,) = [body for body in cab.sent if "pressed_at" in body]
    assert press["pressed_at"] == pytest.approx(TRUE_AT + 131.5, abs=1)


def test_after_a_power_cut_no_time_is_invented(tmp_path):
    """What nobody dated before the power went stays without a time: the clock that ran then is gone."""
    cab = Cab(tmp_path)
    cab.drive(30, WRONG["060180"])
    cab.killed("another start of the computer")
    cab.now_s = 5.0
    cab.connect()
    fixes = [body for body in cab.sent if "mode" in body]
    assert len(fixes) >= 10
    assert {body["fix_at"] for body in fixes} == {None}


def test_a_time_to_come_of_a_clock_that_is_gone_is_taken_away(tmp_path):
    """A plausible but wrong date that a power cut made final is no time, once the bridge's is known."""
    cab = Cab(tmp_path)
    cab.drive(30, WRONG["a plausible day in 2031"])
    cab.press()
    cab.killed("another start of the computer")
    cab.now_s = 5.0
    cab.connect()
    assert len(cab.sent) >= 10
    assert {body.get(name) for body in cab.sent for name in ("fix_at", "pressed_at")} == {None}
