"""What is rough about streets, crews and units: mostly in the world alone, where the timetable is known by heart."""

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from rich.console import Console

from broker.plan.geometry import distance_m
from sim.live.run import play_live
from sim.scenario.director import Director
from sim.scenario.format_page import EXPECTED, MORNING
from sim.scenario.scenario import ScenarioError, parse
from sim.scenario.scenes.choice import scene_of
from sim.virtual.run import play
from sim.world.evidence import Evidence, TrueVisit
from sim.world.road.drivers import SHORT_M, Driver, Errand
from sim.world.road.driving import Drive, Pace, Path
from sim.world.road.streets import BESIDE_M, JAM_AWAY_M, JAM_S, RED_AWAY_M, RED_S, Streets
from sim.world.timeline import Timeline
from tests.support.rough.days import ALL, KINDS, rough

pytestmark = pytest.mark.real  # tenths of a second each

WET = "residential_wet"
CALM = {"jams": 0.0, "red_lights": 0.0, "parallel_street": 0.0}
WESTWARDS = Path([(31.19, 121.46), (31.19, 121.45), (31.19, 121.44)])


class Silence:
    """A plant of which nothing is heard; `links` is what was cut and mended."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.links: list[tuple[float, str, bool]] = []
        self.asks: list[tuple[str, str, int]] = []
        self.answers: dict[tuple[str, str, int], bool] = {}

    @property
    def dispatcher(self) -> "Silence":
        return self

    def open_incidents(self) -> list[Any]:
        return []

    def questions(self) -> list[tuple[str, str, int]]:
        """From the last quarter of the first hour on."""
        return self.asks if self._timeline.now > self._timeline.start_at + 2700 else []

    def answer(self, visit: tuple[str, str, int], served: bool) -> bool:
        self.answers[visit] = served
        return True

    def truck(self, _: str) -> "Silence":
        return self

    def room(self, _: str) -> "Silence":
        return self

    def serial(self, data: bytes) -> None:
        """A receiver."""

    def press(self, *_: Any) -> None:
        """A button."""

    def set_bins(self, *_: Any) -> None:
        """What sensors see."""

    def link(self, device: str, up: bool) -> None:
        self.links.append((self._timeline.now - self._timeline.start_at, device, up))


class Morning:
    """The short morning of docs/scenarios.md with words of `[world]` and `[area]`, until all is driven."""

    def __init__(
        self, world: Mapping[str, Any], area: str = "", seed: int = 7, runs: str = "", asks: Sequence[str] = ()
    ) -> None:
        words = "\n".join(f"{word} = {value}" for word, value in {"jitter": 0.0, **world}.items())
        text = MORNING.replace("[area]", f"[area]\n{area}").replace("seed = 7", f"seed = {seed}")
        text = text.replace("[dispatcher]", "[dispatcher]\nanswer_after_s = 1")
        text = text.replace('runs = ["wet-north-1"]', runs) if runs else text
        scenario = parse(f"{text}\n[world]\n{words}\n{EXPECTED}", "morning", "morning")
        self.scene = scene_of(scenario)
        timeline = Timeline(float(self.scene.day_start_at + scenario.from_s))
        self.evidence = Evidence(timeline.start_at, timeline.start_at + 7200)
        self.plant = Silence(timeline)
        self.plant.asks = [(f"{run}.{scenario.date:%Y%m%d}", "r03", 1) for run in asks]
        self.director = Director(scenario, self.scene, timeline, self.evidence)
        self.director.begin(self.plant)  # type: ignore[arg-type]
        timeline.run_until(self.evidence.end_at)

    @property
    def visits(self) -> list[TrueVisit]:
        return self.evidence.visits

    @property
    def rooms(self) -> list[str]:
        return [visit.room for visit in self.visits]

    def away_m(self, room: str, at: float) -> float:
        """How far from a room the truck was."""
        place = next(place for place in self.evidence.track["t01"] if place[0] >= at)
        there = self.scene.plan.rooms[room]
        return distance_m(there.lat, there.lon, *place[1:])

    def stood_s(self, room: str, from_m: float, to_m: float) -> float:
        """How long the truck stood at such a distance from a room, other than for it."""
        there, stood_s = self.scene.plan.rooms[room], 0.0
        track = self.evidence.track["t01"]
        visits = [(visit.arrived_at, visit.left_at or 0.0) for visit in self.visits]
        for (at, *here), (_, *then) in itertools.pairwise(track):
            stands = here == then and not any(begin - 1 <= at <= end + 1 for begin, end in visits)
            stood_s += stands and from_m <= distance_m(there.lat, there.lon, here[0], here[1]) <= to_m
        return stood_s


def test_without_a_rough_word_the_truck_serves_each_room_at_its_door() -> None:
    """As ever: in their order, from where the room is."""
    calm = Morning({})
    assert calm.rooms == ["r01", "r03", "r05"]
    assert all(calm.away_m(visit.room, visit.arrived_at) < 2 for visit in calm.visits)
    assert calm.plant.links == []


def test_a_truck_stops_forty_metres_before_the_door() -> None:
    """And serves the room from there, and goes on from there."""
    short = Morning({"stops_short": 1.0})
    assert short.rooms == ["r01", "r03", "r05"]
    assert all(abs(short.away_m(visit.room, visit.arrived_at) - SHORT_M) < 2 for visit in short.visits)
    steps = short.evidence.track["t01"]
    assert max(distance_m(*a[1:], *b[1:]) for a, b in itertools.pairwise(steps)) < 12  # nobody jumps


def test_a_room_that_is_passed_is_served_on_the_way_back() -> None:
    """After the next one; the truck drives its own line backwards."""
    back = Morning({"on_way_back": 0.5}, seed=3)
    assert sorted(back.rooms) == ["r01", "r03", "r05"] and back.rooms != sorted(back.rooms)
    steps = back.evidence.track["t01"]
    assert max(distance_m(*a[1:], *b[1:]) for a, b in itertools.pairwise(steps)) < 12
    line = Path(next(iter(back.scene.plan.routes.values())).line)
    until = max(visit.left_at or 0.0 for visit in back.visits)
    assert all(line.nearest_m(place[1:])[0] < 3 for place in steps if place[0] < until)


def test_a_crew_leaves_a_room_out_without_a_word() -> None:
    """It is not served, nobody presses, and asked by radio the driver says so."""
    out = Morning({"crew_skips": 1.0})
    assert out.rooms == [] and out.evidence.presses == []
    driver = out.director.trucks["t01"].driver
    assert driver.made == set() and len(driver.left_out) == 3


def test_nobody_goes_to_a_room_again_for_the_visit_that_another_made_up_for() -> None:
    """It was passed, the screen asked for it a second time, and it was served: it is not owed a first time any more."""
    driver = Driver({"crew_skips": 0.0, "on_way_back": 1.0, "stops_short": 0.0, "two_from_one": 0.0}, "1")
    driver.has_served(Errand("r03", 2, WET))
    assert driver.made == {("r03", 1, WET), ("r03", 2, WET)}


def test_a_driver_who_is_asked_by_radio_answers_for_his_own_run() -> None:
    """The wet truck has been at the room, the dry one is still to come."""
    runs = 'runs = ["wet-north-1", "dry-west-1"]\nleave = { dry-west-1 = "06:45" }'
    both = Morning({}, runs=runs, asks=["wet-north-1", "dry-west-1"])
    assert list(both.plant.answers.values()) == [True, False]


def test_rooms_have_neighbours_35_m_further_on() -> None:
    """Each with the bins of the one before, in the run's order and times; the plan without them is as it was."""
    near, plain = Morning({}, "neighbours = 2"), Morning({})
    assert near.rooms == ["r01", "n01", "r03", "n02", "r05"]
    plan = near.scene.plan
    run = plan.runs["wet-north-1"]
    assert [visit.sequence for visit in run.visits] == [1, 2, 3, 4, 5]
    assert [visit.arrive_day_s for visit in run.visits] == sorted(visit.arrive_day_s for visit in run.visits)
    for room, neighbour in (("r01", "n01"), ("r03", "n02")):
        one, other = plan.rooms[room], plan.rooms[neighbour]
        assert distance_m(one.lat, one.lon, other.lat, other.lon) == pytest.approx(35, abs=1)
        assert near.scene.bins[neighbour, WET] == near.scene.bins[room, WET]
    assert set(plain.scene.plan.rooms) == {"r01", "r03", "r05"}


def test_two_rooms_are_served_from_one_place() -> None:
    """The truck does not move between them, and any arrival between the two moments is right."""
    two = Morning({"two_from_one": 1.0}, "neighbours = 1")
    one, other = two.visits[:2]
    assert (one.room, other.room, other.stood_from_at) == ("r01", "n01", one.arrived_at)
    assert two.away_m("r01", other.arrived_at) < 2 and other.arrived_at == one.left_at
    assert two.visits[2].stood_from_at is None


def test_a_jam_is_three_minutes_fifty_metres_from_a_room() -> None:
    """Before its gate, or behind it."""
    jam = Morning({"jams": 1.0})
    stood_s = [jam.stood_s(room, JAM_AWAY_M - 10, JAM_AWAY_M + 10) for room in ("r01", "r03", "r05")]
    assert max(stood_s) >= JAM_S - 2
    assert sum(stood_s) == pytest.approx(JAM_S * round(sum(stood_s) / JAM_S), abs=20)


def test_a_red_light_is_at_a_gate() -> None:
    """Twenty metres before it, for less than a minute."""
    stood_s = Morning({"red_lights": 1.0}).stood_s("r03", RED_AWAY_M - 8, RED_AWAY_M + 8)
    assert RED_S[0] - 3 <= stood_s <= RED_S[1] + 3


def test_a_street_beside_the_line_is_forty_metres_away() -> None:
    """For half a leg; at both ends the truck is on its line again, and never further off."""
    beside = Morning({"parallel_street": 1.0})
    line = Path(next(iter(beside.scene.plan.routes.values())).line)
    until = max(visit.left_at or 0.0 for visit in beside.visits)
    off_m = [line.nearest_m(place[1:])[0] for place in beside.evidence.track["t01"] if place[0] < until]
    assert max(off_m) == pytest.approx(BESIDE_M, abs=1)
    assert sum(abs(one - BESIDE_M) < 2 for one in off_m) > 60
    assert all(beside.away_m(visit.room, visit.arrived_at) < 2 for visit in beside.visits)


def test_a_street_beside_a_corner_is_beside_both_streets() -> None:
    """To either side."""
    corner = Path([(31.19, 121.44), (31.19, 121.45), (31.20, 121.45)])
    for metres in (BESIDE_M, -BESIDE_M):
        moved = corner.beside(300.0, corner.length_m - 300.0, metres)
        begins, turns, ends = (corner.nearest_m(moved.at(along_m)[:2])[0] for along_m in (400, 970 - metres, 1500))
        assert (begins, ends) == (pytest.approx(BESIDE_M, abs=1), pytest.approx(BESIDE_M, abs=1))
        assert BESIDE_M - 1 <= turns <= BESIDE_M * 2**0.5 + 1


def test_streets_are_calm_unless_it_is_said() -> None:
    """Then a way is driven as it is."""
    leg = Streets(CALM, "7 t01").leg(WESTWARDS, [WESTWARDS.length_m])
    assert (leg.path, leg.waits, leg.beside) == (WESTWARDS, (), False)


def test_a_drive_waits_where_it_is_said() -> None:
    """For so long, and then goes on to its goal."""
    drive = Drive(WESTWARDS, Pace(jitter=0.0), random.Random(1), waits=((400.0, 180.0),))
    along = []
    while not drive.step():
        along.append(drive.along_m)
    stands = [at for at, then in itertools.pairwise(along) if at == then]
    assert len(stands) == pytest.approx(180, abs=2) and stands[0] == pytest.approx(400, abs=10)


def test_the_network_of_each_room_goes_away_once_an_hour() -> None:
    """For as long as it is said, each at its own time."""
    links = Morning({"wifi_drop_s": 60.0}).plant.links
    for room in ("r01", "r03", "r05"):
        mine = [(at, up) for at, device, up in links if device == room]
        assert [up for _, up in mine[:4]] == [False, True, False, True]
        assert mine[1][0] - mine[0][0] == pytest.approx(60) and mine[2][0] - mine[0][0] == pytest.approx(3600)
    assert len({round(at) for at, _, up in links if not up}) > 3


FROZEN = '[[event]]\nat = "06:02"\nkind = "bridge_down"\nhow = "freeze"\nfor_min = 5\n'


def test_a_unit_with_a_slow_clock_knows_later_that_it_knows_nothing() -> None:
    """A fifth of its time is missing: 90 s of silence are 112 to it."""
    known_s = []
    for slow in (0.0, 0.2):
        text = MORNING.replace("06:50", "06:16") + f"[world]\nunit_slow_clock = {slow}\n\n{FROZEN}\n{EXPECTED}"
        evidence = play(parse(text, "slow", "slow")).evidence
        at = evidence.day_start_at + 6 * 3600 + 120
        known_s.append(next(one.at - at for one in evidence.lamps if one.shown == "no_data" and one.at > at))
    assert known_s[1] / known_s[0] == pytest.approx(1 / 0.8, abs=0.1)


def test_a_live_run_refuses_a_slow_clock() -> None:
    """Before anything starts: its units go by this machine's clock."""
    scenario = parse(f"{MORNING}\n[world]\nunit_slow_clock = 0.1\n{EXPECTED}", "slow", "slow")
    with pytest.raises(ScenarioError, match="unit_slow_clock"):
        play_live(scenario, Console(quiet=True), speed=20, seconds=None, demo=False, http_port=0)


def test_the_bench_plays_each_kind_of_the_rough_day_alone() -> None:
    """No word of the day's world is left out, and none comes twice; with nothing rough it is a calm day."""
    calm, day = rough("nothing"), rough(ALL)
    changed = {kind: {word for word in calm.world if rough(kind).world[word] != calm.world[word]} for kind in KINDS}
    words = [word for kind, words in changed.items() if kind != "places drift 40 m over 90 s" for word in words]
    assert sorted(words) == sorted(word for word in day.world if day.world[word] != calm.world[word])
    assert (calm.area["neighbours"], rough("rooms 35 m apart").area["neighbours"]) == (0, day.area["neighbours"])
