"""The week before the demo's day: all of it is taken in, has what pages show, and is nobody else's."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broker.config import BrokerConfig
from broker.plan.demo_area import demo_plan
from broker.reports.casebook import CaseBook
from broker.reports.figures import chain_of, figures_of
from broker.rules.statistics.cube import Cube
from broker.store import Store, where
from broker.store.opening import open_store
from broker.web.stream.recording import picture_at
from sim.demo_week.files import FIRST_DAY, LAST_DAY, RUNS, is_before
from sim.demo_week.making import SCENARIO as WEEK
from sim.demo_week.taking_in import take_in
from sim.live.week import WeekBeside
from sim.scenario.scenario import load, names
from tests.support.processes import wait_until

pytestmark = pytest.mark.real  # tenths of a second each

PLAN = demo_plan()
DAYS = [(FIRST_DAY + timedelta(days=day)).isoformat() for day in range(7)]
NOW = datetime(2026, 11, 25, 6, tzinfo=ZoneInfo(PLAN.timezone)).timestamp()


class Demo:
    """A demo's record and playback with the week in them; the record is open, as a bridge has it."""

    def __init__(self, folder: Path) -> None:
        self.playback = folder / "playback"
        self.told: list[tuple[int, int]] = []
        self.folder = folder / "records"
        self.store: Store = open_store(self.folder, PLAN.area_id, PLAN.timezone, lambda: NOW)

    def take_in(self) -> None:
        """As beside a running demo."""
        take_in(self.folder, self.playback, PLAN.area_id, PLAN.timezone, NOW, lambda *far: self.told.append(far))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The week, taken in once."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    demo.take_in()
    yield demo
    demo.store.close()


def total(cube: Cube, day: str, figure: str) -> int:
    """A figure of a day, over everything."""
    return sum(figures.get(figure, 0) for key, figures in cube.items() if key[0] == day)


def test_it_is_said_how_far_it_is_until_all_is_there(demo: Demo) -> None:
    """The last word is that nothing is left."""
    done, of = zip(*demo.told, strict=True)
    assert list(done) == sorted(done) and set(of) == {done[-1]} and done[-1] > 3000


def test_every_day_has_what_statistics_show(demo: Demo) -> None:
    """Visits, bins and kilograms, calls that are scored; in the week second visits and incidents too."""
    cube = figures_of(demo.store, DAYS[0], DAYS[-1], PLAN.timezone)
    for day in DAYS:
        for figure in ("visits", "served", "bins", "grams", "calls_scored"):
            assert total(cube, day, figure) > 0, (day, figure)
        assert 40 <= total(cube, day, "served") <= 60
    assert sum(total(cube, day, "returned") for day in DAYS) >= 3
    assert sum(total(cube, day, "incidents") for day in DAYS) >= 3


def test_what_is_collected_is_weighed_at_the_transfer_station(demo: Demo) -> None:
    """Each run's load, by a scale that strays a little; each weigh-in has its run."""
    links = chain_of(demo.store, DAYS[0], DAYS[-1], PLAN.timezone)
    for day in DAYS:
        weighed, collected = total(links, day, "weighed_grams"), total(links, day, "grams")
        assert abs(weighed - collected) <= 0.03 * collected and total(links, day, "weighings") >= 4
        assert total(links, day, "weighings_unmatched") == 0


def test_it_has_lamps_alarms_that_somebody_saw_and_the_last_days_positions(demo: Demo) -> None:
    """What pages of a day show, and nothing for the demo's screen to be full of on its first morning."""
    last_at = datetime.fromisoformat(f"{LAST_DAY}T00:00:00").replace(tzinfo=ZoneInfo(PLAN.timezone)).timestamp()
    assert {record.key for record in demo.store.scan("lamp")} == {*PLAN.rooms}
    fixes = list(demo.store.scan("fix"))
    assert {record.key for record in fixes} == {run.truck_id for run in PLAN.runs.values() if run.trip_id in RUNS}
    assert all(record.at >= last_at for record in fixes)
    alarms = demo.store.latest("alarm").values()
    assert len(alarms) >= 3 and "nobody_answered" in {record.body["word"] for record in alarms}
    assert not [record for record in alarms if record.body["state"] in ("unseen_active", "gone_unseen")]


def test_something_in_it_is_for_enforcement(demo: Demo) -> None:
    """The demo's page of cases is not empty: one lane was blocked on three mornings, and says when."""
    cases = BrokerConfig.model_validate({"area": {"plan": "demo"}}).cases
    found = CaseBook(demo.store, PLAN, cases.times, cases.within_days).suggestions(int(NOW))
    (lane,) = [one for one in found if one.kind == "chronic_lane"]
    assert (lane.room, lane.estate, lane.times) == ("r05", PLAN.rooms["r05"].estate_id, 3)
    days = {datetime.fromtimestamp(one.at, ZoneInfo(PLAN.timezone)).date().isoformat() for one in lane.happened}
    assert days == {DAYS[0], DAYS[3], DAYS[5]}


def test_its_chain_adds_up_to_its_figures(demo: Demo) -> None:
    """Collected is what the figures say and what was transported; each room fills from the second day on."""
    cube = figures_of(demo.store, DAYS[0], DAYS[-1], PLAN.timezone)
    links = chain_of(demo.store, DAYS[0], DAYS[-1], PLAN.timezone)
    for day in DAYS:
        assert total(links, day, "grams") == total(cube, day, "grams") == total(links, day, "transported_grams") > 0
        assert total(links, day, "bins") == total(cube, day, "bins") == total(links, day, "transported_bins")
        assert total(links, day, "runs") == 4
        if day != DAYS[0]:
            per_h = total(links, day, "filled_grams") * 3600 / total(links, day, "filled_s")
            assert 20_000 < per_h < 35_000
            alone = chain_of(demo.store, day, day, PLAN.timezone)
            assert total(alone, day, "filled_grams") == total(links, day, "filled_grams")


def test_no_run_of_it_is_still_open(demo: Demo) -> None:
    """A bridge that starts in the demo has nothing of yesterday to finish."""
    runs = demo.store.latest("run")
    assert len(runs) == 4 * len(DAYS)
    assert {record.body["state"] for record in runs.values()} == {"finished"}


def test_yesterday_can_be_looked_at_at_any_moment(demo: Demo) -> None:
    """What was shown then, trucks on their way and rooms with their lamps."""
    day = datetime.fromisoformat(f"{LAST_DAY}T06:00:00").replace(tzinfo=ZoneInfo(PLAN.timezone))
    moments = [int(day.timestamp()) + minute * 60 + 17 for minute in range(0, 240, 20)]
    shown: list[Any] = [picture_at(demo.playback, moment) for moment in moments]
    assert None not in shown
    for picture in shown:
        timed = {run.truck_id for run in PLAN.runs.values()}
        assert timed <= {truck["truck"] for truck in picture["trucks"]}
        assert {*PLAN.rooms} == {room["room"] for room in picture["rooms"]}
    assert any(truck["run_id"] for picture in shown for truck in picture["trucks"])
    assert any(picture["incidents"] for picture in shown)


def test_it_is_of_the_demos_area_and_plan(demo: Demo) -> None:
    """Rooms, trucks and routes that the plan has by now: a week that is out of date is made anew."""
    for record in demo.store.search(where("kind").one_of(["visit", "run"])):
        assert record.area == PLAN.area_id
        assert record.body["truck"] in PLAN.trucks() if record.kind == "run" else record.body["room"] in PLAN.rooms


def test_taking_it_in_twice_changes_nothing(demo: Demo) -> None:
    """And takes seconds, however slow the machine is."""
    before, began_s = demo.store.health()["records"], time.process_time()
    demo.take_in()
    assert demo.store.health()["records"] == before
    assert time.process_time() - began_s < 30


def test_it_comes_before_the_demos_day_and_no_other() -> None:
    """Both scenarios of `make demo` have it; one of another area or date, or of a part of the area, has not."""
    assert is_before(load("demo_shift")) and is_before(load("demo_day"))
    others = [load(name) for name in names() if load(name).area["kind"] != "demo"]
    assert others and not any(is_before(other) for other in others)
    assert not is_before(replace(load("demo_day"), date=LAST_DAY))
    assert not is_before(replace(load("demo_day"), area={**load("demo_day").area, "all_rooms": False}))
    assert {*load(str(WEEK)).area["runs"]} == {*RUNS}
    assert datetime.fromtimestamp(NOW, UTC).astimezone(ZoneInfo(PLAN.timezone)).date() == LAST_DAY + timedelta(days=1)


def test_it_comes_beside_a_running_demo_and_says_once_where_to_look(tmp_path: Path) -> None:
    """A process of its own takes it in while a bridge has the record open; a bar until it is there, then addresses."""
    demo = Demo(tmp_path)
    week = WeekBeside(demo.folder, demo.playback, PLAN, NOW - 6 * 3600)
    try:
        assert week.shown() is None and week.news("http://screen") == []
        week.start()
        assert week.shown() is not None
        wait_until(lambda: week.shown() is None, "the week is on record", 120)
        said = week.news("http://screen")
        assert any(line.strip() == f"http://screen/report/{LAST_DAY}" for line in said)
        assert week.news("http://screen") == []
        shown_at = int(said[-1].rpartition("at=")[2])
        assert picture_at(demo.playback, shown_at) is not None
        assert len(demo.store.latest("run")) == 4 * len(DAYS)
    finally:
        week.stop()
        demo.store.close()


def test_a_week_that_cannot_be_taken_in_says_why(tmp_path: Path) -> None:
    """The demo goes on without it."""
    week = WeekBeside(tmp_path / "no records", tmp_path / "playback", PLAN, NOW)
    week.start()
    wait_until(lambda: "is not there: " in str(week.shown()), "it is told", 60)
    assert "no records" in str(week.shown())
    week.stop()
