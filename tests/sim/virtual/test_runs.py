"""Whole scenarios in virtual time, with the devices' and the bridge's own code."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sim.demo_week.files import BOOTS_A_DAY
from sim.demo_week.making import play as play_on
from sim.judging.outcome import Outcome
from sim.report.timeline import timeline
from sim.scenario.scenario import Demand, Happening, load, parse
from sim.scenario.scenes.scene import DataAbsentError
from sim.virtual.run import play

pytestmark = pytest.mark.real

SHORT = (
    "alarms", "blocked_lane", "booked_truck", "bookings_in_vain", "breakdown", "broker_restart", "chronic_lane",
    "closed_road",
    "extra_truck_asleep", "firm_refuses", "full_truck", "gps_gap", "late_data", "late_driver", "link_lost",
    "nobody_answers", "nobody_says", "power_cut_after_press", "storm", "two_units",
)  # fmt: skip
ON_REAL_INPUT = ("recorded_receiver",)
UNCOUNTED = {"two_units": {"r05"}}  # where the bins of these rooms' visits are not to be known
STORIES = {  # parts of their timelines, each after the one before
    "chronic_lane": (
        "case for enforcement at r05, the lane is blocked again and again, with 3 pieces of evidence: opened",
        "handed over to enforcement", "enforcement has answered", ": closed",
    ),
    "two_units": (
        "a second board with the id of r05 is switched on", "Two units speak as r05", "seen, goes on",
        "t01 arrives at r05", "the second board of r05 is taken away", ": over",
    ),
    "full_truck": ("t01 is full", "still owes", ": is told", "t01 was emptied and goes on"),
    "nobody_says": ("3 bins are inside still", "has stood on the road", "could take over", "sensors and crew disagree"),
    "nobody_answers": ("dispatcher is told (dispatcher)", "dispatcher is told (Second dispatcher)", "nobody answered"),
}  # fmt: skip
TWO_ROOMS = """
[scenario]
about = "one truck, two rooms"
from = "06:05"
to = "06:24"
[area]
runs = ["wet-north-1"]
first_visits = 2
bins_each = 1
[[expect]]
kind = "visits_served"
at_least = 2
"""


def played(name: str) -> Outcome:
    """The outcome of a scenario; skips loudly where its recorded data is not on this machine."""
    scenario = load(name)
    # A link, a receiver or a broker that fails for a while hides more of the stays than an ordinary morning does.
    sure = {"grams_within": 0.02, "unlearned_share": 0.4, "unweighed_share": 0.05}
    counted = Demand("bins_collected", {**sure, "timezone": "Asia/Shanghai", "at_least": 1})
    demands = scenario.demands if name in (*ON_REAL_INPUT, *UNCOUNTED) else (*scenario.demands, counted)
    try:
        return play(replace(scenario, demands=demands))
    except DataAbsentError as absent:
        pytest.skip(f"{name}: {absent}")


@pytest.mark.parametrize("name", [*SHORT, *ON_REAL_INPUT])
def test_every_expectation_of_the_scenario_holds(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the scenario demands of the world's truth, of the records and of the lamps; and bins are counted in all.
    Its timeline has a word for everything in it, in both languages, and tells it in its order."""
    outcome = played(name)
    lines = timeline(outcome.evidence)
    assert lines != timeline(outcome.evidence, "zh")
    rest = iter(lines)
    assert [part for part in STORIES.get(name, ()) if not any(part in line for line in rest)] == []
    failed = [f"{verdict.kind}: {'; '.join(verdict.faults)}" for verdict in outcome.verdicts if not verdict.held]
    assert not failed
    bodies = [record.body for record in outcome.evidence.newest_of("visit").values() if name in UNCOUNTED]
    assert {body["room"] for body in bodies if body["bins_after"] is None} == UNCOUNTED.get(name, set())
    assert "stored before with other content" not in caplog.text  # one version, one record


def test_a_truck_on_call_sets_out_for_its_bookings_day_after_day(tmp_path: Path) -> None:
    """Nothing else happens: while it stands its screen names later and later times, and it is not to wait for those."""
    usual = load("booked_truck")
    quiet = replace(
        usual, happenings=tuple(one for one in usual.happenings if one.kind == "booking"),
        demands=tuple(one for one in usual.demands if one.kind == "booked_truck_came"),
    )  # fmt: skip
    for day in range(2):
        assert play_on(tmp_path, replace(quiet, date=quiet.date + timedelta(days=day)), day * BOOTS_A_DAY, None) == []


def test_bins_that_are_rolled_out_are_counted_as_they_were_emptied() -> None:
    """A morning of the week that `make bench` plays: two waste kinds at the same rooms, all habits of keepers and
    crews, a bridge that is killed between roll-outs and departures.
    """
    week = load("rolled_out")
    area = {**week.area, "runs": ["wet-south-1", "dry-west-1"]}
    outcome = play(replace(week, days=1, to_s=week.from_s + 4 * 3600, area=area))
    assert [verdict.faults for verdict in outcome.verdicts if not verdict.held] == []


@pytest.mark.parametrize(
    ("sensors", "seed", "trouble"),
    [
        ("beams_and_cell", 5, ("link_cut", 55, 60)), ("ranger_and_cell", 1, ()), ("cell", 6, ("power_cut", 70, 3)),
        ("container", 3, ()),
    ],
)  # fmt: skip
def test_what_the_firmwares_own_sensors_see_is_what_was_emptied(
    sensors: str, seed: int, trouble: tuple[str, int, int]
) -> None:
    """Keepers come early, late, forget a bin, put out another kind, take one in again; crews fetch and refuse; a unit
    is restarted or tells late. Bins are exact or, after a restart, unknown; a beam cannot tell a refused bin.
    """
    week = load("rolled_out")
    tried = {"unweighed_share": 1.0 if "cell" not in sensors else 0.4, "unlearned_share": 0.4, "at_least": 3}
    world = {
        "sensors": sensors, "keeper_early": 0.3, "keeper_late": 0.2, "taken_in_again": 0.2, "bin_forgotten": 0.3,
        "other_kind_out": 0.3, "bin_refused": 0.0 if sensors == "beams" else 0.3,
        "crew_fetches": 0.0 if sensors == "container" else 0.4,
    }  # fmt: skip
    at_s = week.from_s + 60 * trouble[1] if trouble else 0
    happenings = [Happening(trouble[0], at_s, {"device": "r11", "for_min": trouble[2]})] if trouble else []
    outcome = play(
        replace(
            week, days=1, seed=seed, to_s=week.from_s + 4 * 3600, happenings=tuple(happenings),
            area={**week.area, "runs": ["wet-south-1"], "first_visits": 3}, world={**week.world, **world},
            demands=(replace(week.demands[0], values={**week.demands[0].values, **tried}),),
        )
    )  # fmt: skip
    assert outcome.verdicts[0].faults == ()


def test_the_same_seed_is_the_same_run() -> None:
    """Nothing in a virtual run depends on the machine, its clock or its load."""
    scenario = parse(TWO_ROOMS, "two rooms", "two_rooms.toml")
    one, other = play(scenario), play(scenario)
    for part in ("visits", "lamps", "lights", "presses", "heard", "recorded"):
        assert getattr(one.evidence, part) == getattr(other.evidence, part)
    assert one.actions == other.actions
    assert one.held


EVERYTHING = """
[scenario]
about = "whatever can happen to an office and its devices, one thing after the other"
from = "05:40"
to = "07:20"
seed = 3
[area]
runs = ["wet-north-1"]
first_visits = 5
bins_each = 4
[dispatcher]
answer_after_s = 60
[[expect]]
kind = "records_stored_once"
at_least = 100
[[expect]]
kind = "press_stored_once"
truck = "t01"
presses = 4
[[expect]]
kind = "light_stages"
truck = "t01"
stages = ["slow", "steady", "flashes", "off"]
[[expect]]
kind = "never_dark_while_unknown"
"""
IN_ORDER = (
    'at = "05:45"\nkind = "press"\ntruck = "t01"\nhold_s = 2.0\nchatters = true',
    'at = "05:45:30"\nkind = "on_screen"\ntruck = "t01"\naction = "acknowledge"',
    'at = "05:46"\nkind = "on_screen"\ntruck = "t01"\naction = "decide"\ndecision = "wait"',
    'at = "05:47"\nkind = "on_screen"\ntruck = "t01"\naction = "resolve"',
    'at = "05:50:00.5"\nkind = "button_stuck"\ntruck = "t01"\nfor_min = 2',
    'at = "05:55"\nkind = "broker_down"\nhow = "freeze"\nfor_min = 3',
    'at = "06:00"\nkind = "bridge_down"\nhow = "freeze"\nfor_min = 3',
    'at = "06:05"\nkind = "link_slow"\ndevice = "t01"\ndelay_s = 8.0\nfor_min = 4',
    'at = "06:07"\nkind = "press"\ntruck = "t01"\nhold_s = 1.8',
    'at = "06:10"\nkind = "link_slow"\ndevice = "bridge"\nfor_min = 3',
    'at = "06:15"\nkind = "old_place"\ntruck = "t01"\nfor_min = 2',
    'at = "06:20"\nkind = "default_date"\ntruck = "t01"\nfor_min = 3',
    'at = "06:23"\nkind = "place_drift"\ntruck = "t01"\ndrift_m = 20.0\nfor_min = 2',
    'at = "06:25"\nkind = "clock_jump"\nby_s = 600.0\nfor_min = 2',
    'at = "06:30"\nkind = "cell_drift"\nroom = "r03"\nkg = 20.0\nfor_min = 5',
    'at = "06:32"\nkind = "bins_moved"\nroom = "r03"\nwaste = "residential_dry"\nnumber = -2',
    'at = "06:33"\nkind = "waste_thrown"\nroom = "r03"\nwaste = "residential_dry"\nkg = 15.0',
    'at = "06:34"\nkind = "keeper_press"\nroom = "r03"\nbutton = "bins_out"',
    'at = "06:40"\nkind = "power_cut"\ndevice = "r05"\nfor_min = 1',
    'at = "06:42"\nkind = "disk_full"\nfor_min = 6',
    'at = "06:44"\nkind = "press"\ntruck = "t01"\nhold_s = 1.8',
    'at = "06:50"\nkind = "on_screen_visit"\nrun = "wet-north-1.20261125"\nroom = "r09"\nvisit_number = 1\n'
    'action = "serve"',
)


def test_whatever_a_tester_can_do_is_played_in_virtual_time() -> None:
    """A stuck and a chattering button, frozen servers, slow links, a receiver's faults, a wrong clock, a cell that
    wanders, hands in the rooms, a full disk, a word on the screen: nothing is lost or doubled, no lamp is dark for want
    of knowledge.
    """
    scenario = parse("\n[[event]]\n".join([EVERYTHING, *IN_ORDER]), "everything", "everything.toml")
    assert [verdict.faults for verdict in play(scenario).verdicts if not verdict.held] == []
