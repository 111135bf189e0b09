"""Any plan that the bridge takes is played as it is: its streets, its times, its trucks."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from broker.plan.demo_area import demo_plan
from broker.plan.geometry import lengths_m
from broker.plan.gtfs.writing import write_gtfs
from sim.__main__ import main
from sim.scenario.own_town import town
from sim.scenario.scenario import ScenarioError, load
from sim.scenario.scenes.choice import scene_of
from sim.scenario.scenes.feed import MOST_ROOMS, bins_of
from sim.virtual.run import play

pytestmark = pytest.mark.real  # tenths of a second each

DAY = date(2026, 11, 25)


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """A town of one truck and four rooms, as a GTFS zip."""
    plan = demo_plan()
    run = plan.runs["wet-north-1"]
    run = replace(run, visits=run.visits[:4])
    path = tmp_path / "town.zip"
    routes = {run.route_id: plan.routes[run.route_id]}
    write_gtfs(replace(plan, runs={run.trip_id: run}, routes=routes), path)
    return path


def test_a_day_of_a_feed_is_played_and_every_expectation_holds(feed: Path) -> None:
    """Without a word about it: trucks drive, keepers roll out, lamps light."""
    outcome = play(town(str(feed), DAY, [], DAY))
    assert outcome.held, [verdict.faults for verdict in outcome.verdicts]
    assert [visit.room for visit in outcome.evidence.visits] == ["r01", "r03", "r05", "r07"]


@pytest.mark.parametrize("later_s", [60, 1200])
def test_a_room_that_a_run_comes_to_twice_is_visited_twice(tmp_path: Path, later_s: int) -> None:
    """A street that is driven to its end and back: its first room is the last one again, later and elsewhere on it; its
    lamp may stay lit for the second visit as the truck leaves from the first."""
    plan = demo_plan()
    run, last = plan.runs["wet-north-1"], plan.runs["wet-north-1"].visits[1]
    line, along_m = plan.routes[run.route_id].line, lengths_m(plan.routes[run.route_id].line)
    way_out = [place for place, at_m in zip(line, along_m, strict=True) if at_m <= last.distance_m + 100]
    way = (*way_out, *way_out[-2::-1])
    again_m = lengths_m(way)[-1] - run.visits[0].distance_m
    at_s = last.leave_day_s + later_s
    again = replace(run.visits[0], distance_m=again_m, arrive_day_s=at_s, leave_day_s=at_s + 100, sequence=9)
    routes = {run.route_id: replace(plan.routes[run.route_id], line=way)}
    path = tmp_path / "twice.zip"
    write_gtfs(replace(plan, runs={run.trip_id: replace(run, visits=(*run.visits[:2], again))}, routes=routes), path)
    outcome = play(town(str(path), DAY, [], DAY))
    assert outcome.held, [verdict.faults for verdict in outcome.verdicts]
    assert [(one.room, one.visit_number) for one in outcome.evidence.visits] == [("r01", 1), ("r03", 1), ("r01", 2)]


def test_without_a_day_the_next_one_on_which_something_runs_is_played(feed: Path) -> None:
    """A plan that has ended is played as well: its last day."""
    assert town(str(feed), None, [], DAY).date == DAY
    ended = town(str(feed), None, [], date(2200, 1, 1))
    assert ended.date < date(2200, 1, 1)
    assert scene_of(ended).plan.runs
    with pytest.raises(ScenarioError, match="nothing of this runs on 2200-01-01"):
        town(str(feed), date(2200, 1, 1), [], DAY)


def test_a_scenario_of_ones_own_names_the_feed_beside_it(feed: Path) -> None:
    """And what goes wrong in it, as in any other."""
    path = feed.parent / "mine.toml"
    path.write_text(
        '[scenario]\nabout = "Mine."\nfrom = "05:30"\nto = "07:00"\n[area]\nkind = "feed"\nplan = "town.zip"\n'
        '[[expect]]\nkind = "visits_served"\n'
    )
    assert scene_of(load(str(path))).plan.rooms.keys() == {"r01", "r03", "r05", "r07"}
    path.write_text(path.read_text().replace('plan = "town.zip"', 'plan = "town.zip"\nfirst_visits = 2'))
    with pytest.raises(ScenarioError, match="first_visits change the demo area only"):
        scene_of(load(str(path)))


def test_what_cannot_be_played_is_said_in_a_sentence(feed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No feed, a run that is not there, a scenario and a plan at once."""
    assert main(["--plan", str(feed.parent / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert main(["--plan", str(feed), "--runs", "late"]) == 2
    assert "there are no runs late; there are wet-north-1" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["blocked_lane", "--plan", str(feed)])


def test_more_rooms_than_anybody_waits_for_are_refused_by_their_number(
    feed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to type instead."""
    monkeypatch.setattr("sim.scenario.scenes.feed.MOST_ROOMS", 3)
    with pytest.raises(ScenarioError, match=r"4 rooms are too many to play at once .* --runs wet-north-1"):
        scene_of(town(str(feed), DAY, [], DAY))
    assert MOST_ROOMS > 3


def test_a_stay_has_as_many_bins_as_its_time_is_long() -> None:
    """Sixty seconds and 25 for each bin, as crews take; where the plan has one time, what driving does not take."""
    run = demo_plan().runs["wet-north-1"]
    first = replace(run.visits[0], arrive_day_s=0, leave_day_s=60 + 4 * 25)
    assert bins_of(replace(run, visits=(first, run.visits[1])))[first.room_id] == 4
    timeless = replace(first, leave_day_s=0)
    after = replace(run.visits[1], distance_m=first.distance_m, arrive_day_s=60 + 7 * 25)
    assert bins_of(replace(run, visits=(timeless, after)))[first.room_id] == 7
