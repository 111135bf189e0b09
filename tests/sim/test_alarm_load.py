"""A week with faults gives nobody more alarms than EEMUA 191 allows, by the hours that are played."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from broker.rules.statistics.alarm_load import alarm_load
from broker.store.opening import reading_store
from sim.demo_week.files import BOOTS_A_DAY
from sim.demo_week.making import days, play
from sim.scenario.scenario import Scenario
from sim.scenario.scenes.choice import scene_of

MOST_PER_10_MIN, MOST_IN_10_MIN = 1.0, 10
LAST_RUN_OVER_S = 33_300  # 09:15
TELLS_AT_LEAST = 3  # presses and alarms: a day without faults would prove nothing


def check(folder: Path, week: Sequence[Scenario]) -> None:
    """Play these days, one on what the other left, and hold each to the figures."""
    for number, day in enumerate(week):
        assert play(folder, day, number * BOOTS_A_DAY, None) == []
    plan = scene_of(week[0]).plan
    with reading_store(folder / "store", plan.area_id, plan.timezone, lambda: 0.0) as store:
        facts = [record for kind in ("alarm", "workflow") for record in store.scan(kind)]
    for day in week:
        (load,) = alarm_load(facts, plan.timezone, str(day.date), str(day.date))
        assert load.told * 600 / (day.to_s - day.from_s) <= MOST_PER_10_MIN, load
        assert load.worst_10_min <= MOST_IN_10_MIN and load.chattering == 0, load
    (whole,) = [alarm_load(facts, plan.timezone, str(week[0].date), str(week[-1].date))[-1]]
    assert whole.told >= TELLS_AT_LEAST


@pytest.mark.real
def test_a_day_with_two_blocked_lanes_and_a_truck_without_network(tmp_path: Path) -> None:
    """The third day of the demo's week, until its last run is over: what is quiet after that would make it easier."""
    check(tmp_path, [replace(days()[2], to_s=LAST_RUN_OVER_S)])


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_whole_week(tmp_path: Path) -> None:
    """Seven days with what goes wrong on each."""
    check(tmp_path, days())
