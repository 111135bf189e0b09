"""What the bridge keeps of past days ends: after so many it weighs no more than before."""

import itertools

import pytest

from broker.rules.day.call_scores import CallScores
from broker.rules.learning.bands import BandSettings
from broker.rules.learning.dwell_times import StaySettings
from broker.rules.learning.history import History, HistorySettings
from broker.rules.learning.leg_times import LegSettings
from broker.rules.learning.observations import DwellRecord, ErrorRecord, LegRecord, StartRecord
from broker.rules.learning.start_times import StartSettings
from broker.rules.learning.today import Pace
from broker.rules.settings import FirstStay, Streets
from broker.rules.statistics.drifts import DRIFT_DAYS
from broker.store import Record
from sim.search.growth import weight

MEMORY = 20  # observations, in place of 160 and 4,000: full after some days
DAY_S, SEVEN = 86_400, 7 * 3600
ROOMS = ("r01", "r02", "r03", "r04")


def a_day(history: History, day: int) -> None:
    """Two routes through the same rooms, each stay and drive a little other than yesterday's."""
    for number, route in enumerate(("wet", "dry")):
        at = day * DAY_S + SEVEN + number * 7200
        history.learn_start(StartRecord(route, day % 90))
        for one, next_one in itertools.pairwise(ROOMS):
            cells = (f"{one}/1", f"{one}/2")
            history.learn_leg(LegRecord(route, one, next_one, 100 + day % 37, at, "t01", 800.0, 110, day % 60, cells))
            history.learn_dwell(DwellRecord(next_one, route, 60 + day % 41, day % 7, at + 200, day % 50, route))
            at += 400
        for horizon_s in (60, 200, 500, 800, 1000, 1500, 2000, 3000, 4000, 9000):
            for label in ("live", "timetable"):
                history.learn_error(ErrorRecord(horizon_s, day % 301, label, day % 5 > 0))
        for hour in range(6, 12):
            history.outlook(route, day * DAY_S + hour * 3600.0).leg_s("r01", "r02", 800.0, day * DAY_S + hour * 3600.0)


def test_what_is_learned_grows_until_its_memories_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drives, stays, starts, what today is like, errors: four times as many days weigh the same."""
    monkeypatch.setattr(Pace, "KEEP_MINUTES", MEMORY)
    settings = HistorySettings(
        bands=BandSettings(memory=MEMORY), legs=LegSettings(memory=MEMORY), stays=StaySettings(memory=MEMORY),
        starts=StartSettings(memory=MEMORY),
    )  # fmt: skip
    history, weights = History(Streets(), FirstStay(), settings), []
    for day in range(4 * MEMORY):
        a_day(history, day + 20_000)
        weights.append(weight([history]))
    assert weights[MEMORY] > 1.3 * weights[0]
    assert max(weights[MEMORY:]) < 1.05 * weights[MEMORY]


def test_scores_of_calls_are_kept_as_long_as_they_are_looked_at() -> None:
    """A week; and the words in them, which each record brings anew, are there once."""
    scores, weights = CallScores(), []
    for day in range(1, 29):
        for number, room in enumerate(ROOMS):
            at = (20_605 + day) * DAY_S + number * 900
            off = [["".join(("le", "g")), "".join(room), 12]] * 20
            body = {"run_id": f"wet.{day}", "room": room, "waste": "residential_wet", "called_at": at}
            body |= {"eta_at": at + 900, "arrived_at": at + 930, "how": "served", "off": off}
            name = f"c{day}.{number}"
            scores.take(Record(name, "call", name, at, at, "xh", body), "Asia/Shanghai")
        scores.between(f"2026-06-{max(1, day - DRIFT_DAYS):02}", f"2026-06-{day:02}")
        weights.append(weight([scores]))
    assert weights[3] > weights[0]
    assert max(weights[DRIFT_DAYS + 1 :]) <= 1.05 * weights[DRIFT_DAYS + 1]
