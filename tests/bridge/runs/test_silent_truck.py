"""What rooms and the truck itself are told while nothing is heard of it: no time that only slides with the clock."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.rules.settings import CallSettings
from tests.support.bridge.morning import Morning

CALL_AT_S = CallSettings().call_at_s
WATCHED_S = 1800


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    """A run that is overdue, of whose truck nothing was ever heard."""
    day = Morning(tmp_path / "records", lead_s=-600, alone=True)
    day.speak = False
    day.step(30)
    yield day
    day.store.close()


def told(morning: Morning) -> Counter[str]:
    """How often each topic was said something new, the heartbeat aside."""
    return Counter(topic for _, topic, _ in morning.sent if "clock" not in topic)


def test_a_time_that_only_waits_with_the_truck_is_not_told_again(morning: Morning) -> None:
    """Half an hour in which all arrivals slide by half an hour."""
    run = morning.bridge.dispatch.day.runs[morning.run_id]
    before = {key: eta.eta_at for key, eta in run.etas.items()}
    morning.sent.clear()
    morning.step(WATCHED_S)
    slid_s = [eta.eta_at - before[key] for key, eta in run.etas.items()]
    assert min(slid_s) > WATCHED_S - 120
    assert sum(told(morning).values()) <= 2 * len(slid_s)  # 30 for each, if each minute were news
    assert told(morning)[f"zp/v1/xh/truck/{morning.truck}/itinerary"] == 0


def test_no_room_holds_a_time_of_a_silent_truck_that_is_near(morning: Morning) -> None:
    """Nobody knows: a time that was far when it was told is told anew, or taken back, before it would mean a call."""
    for _ in range(WATCHED_S // 60):
        morning.step(60)
        for key in morning.bridge.dispatch.day.runs[morning.run_id].order:
            arrival = morning.arrival(key[1])
            assert arrival["eta_at"] is None or arrival["eta_at"] - morning.now > CALL_AT_S - 60


def test_whoever_speaks_again_is_told_and_expected_at_once(morning: Morning) -> None:
    """What was not told while it slid is told with the first position."""
    morning.step(WATCHED_S)
    morning.speak = True
    morning.step(20, 5.0)
    run = morning.bridge.dispatch.day.runs[morning.run_id]
    assert {eta.label for eta in run.etas.values()} == {"live"}
    for key, eta in run.etas.items():
        assert abs(morning.arrival(key[1])["eta_at"] - eta.eta_at) < 60
    itinerary = morning.retained[f"zp/v1/xh/truck/{morning.truck}/itinerary"]
    for visit in itinerary["visits"]:
        assert abs(visit["eta_at"] - run.etas[morning.run_id, visit["room"], 1].eta_at) < 60
