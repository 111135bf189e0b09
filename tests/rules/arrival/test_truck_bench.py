"""The bench of trucks tells the truth: what the oracle knows, what a strange world has, goals that can fail."""

from collections.abc import Iterator
from math import inf, isinf
from random import Random
from statistics import fmean, median

from broker.rules.tracking.types import GpsFix, Progress
from tests.support.arrival.effects import Effects, NewDriver, RoadWorks, StaysTogether, WeatherDays
from tests.support.arrival.oracle import Oracle, blocked_rest_s
from tests.support.arrival.pupil import Pupil, School
from tests.support.arrival.scores import Band, Score, Scores, kind_of
from tests.support.arrival.truck_table import band_goals, cold_goals, lost_goal, main_goals, oracle_goal, together
from tests.support.arrival.world import ORDINARY, ROOMS, Trip, make_route, make_trip

LEFT, ASKED = 4, 9  # a truck that has just left one room is asked about another


def trips(effects: Effects = ORDINARY, days: int = 60, skips: float = 0.0) -> Iterator[Trip]:
    """The days of one route."""
    random = Random(3)
    world = make_route(0, random)
    return (make_trip(world, day, random, effects, skips) for day in range(days))


def state_of(trip: Trip) -> tuple[Progress, int]:
    """What a tracker knows of a truck that has just left a room, and when that is."""
    now = int(trip.left_at[LEFT])
    fix = GpsFix(now, 0.0, 0.0, 5.0)
    place_m = trip.world.rooms[LEFT].along_m
    return Progress(
        "IN_TRANSIT_TO", None, None, None, True, False, None, False, False, fix, 0, place_m, "", 0.0, 0.0, 0
    ), now  # fmt: skip


def off_s(some: Iterator[Trip], bins: int | None = None, sees_the_day: bool = False) -> list[float]:
    """How much later than the oracle said the trucks came; it may be told wrong bins."""
    found = []
    for trip in some:
        if bins is not None:
            trip.emptied = dict.fromkeys(trip.emptied, bins)
        state, now = state_of(trip)
        found.append(trip.arrived_at[ASKED] - Oracle(trip, sees_the_day).arrivals(state, LEFT + 1, now)[ASKED])
    return found


def test_the_oracle_is_off_by_noise_alone_and_one_that_is_told_wrong_is_seen_to_be_worse() -> None:
    """As often too early as too late; without the true bins far off, and nearer still if it sees the day."""
    true, wrong, seer = off_s(trips()), off_s(trips(), bins=0), off_s(trips(), sees_the_day=True)
    assert abs(median(true)) < 25
    assert median(wrong) > 300
    assert fmean(map(abs, seer)) < fmean(map(abs, true)) < fmean(map(abs, wrong)) / 2


def test_who_sees_what_no_model_knows_is_as_good_there_as_in_the_ordinary_world() -> None:
    """And the oracle, that knows the means only, is not."""
    usual = fmean(map(abs, off_s(trips(days=20), sees_the_day=True)))
    for effects in (WeatherDays(), NewDriver(0), StaysTogether(0.4)):
        blind = fmean(map(abs, off_s(trips(effects, days=20))))
        assert fmean(map(abs, off_s(trips(effects, days=20), sees_the_day=True))) < 1.25 * usual < 1.25 * blind


def learnt_off_s(effects: Effects, *, told: bool) -> list[float]:
    """How much later than a pupil said the trucks of each day came; `told`: who knows the means and counts bins."""
    school, found = School(effects, told=told), []
    for trip in trips(effects, days=40):
        pupil, (state, now) = Pupil(trip, school), state_of(trip)
        found.append(trip.arrived_at[ASKED] - pupil.arrivals(state, LEFT + 1, now)[ASKED])
        pupil.see_until(ROOMS)
    return [abs(off) for off in found]


def test_a_pupil_comes_near_to_who_is_told_the_means_and_not_nearer() -> None:
    """At first it is further off."""
    counter, pupil = learnt_off_s(ORDINARY, told=True), learnt_off_s(ORDINARY, told=False)
    assert fmean(counter) < fmean(pupil)
    assert fmean(pupil[:3]) > 1.1 * fmean(counter[:3])
    assert fmean(pupil[20:]) < 1.15 * fmean(counter[20:])


def test_a_pupil_finds_how_strange_its_world_is() -> None:
    """From the first run on; the oracle, which does not look, never does."""
    for effects in (WeatherDays(), NewDriver(0), RoadWorks(0), StaysTogether(0.4)):
        blind = fmean(abs(off) for off in off_s(trips(effects, days=40)))
        assert fmean(learnt_off_s(effects, told=True)) < blind


def test_a_strange_world_has_the_dice_of_the_ordinary_one() -> None:
    """Until its effect begins each truck runs to the second as it would have; from then on it does not."""
    for effects in (NewDriver(4), RoadWorks(4)):
        pairs = list(zip(trips(days=8), trips(effects, days=8), strict=True))
        assert [usual.arrived_at == strange.arrived_at for usual, strange in pairs] == [True] * 4 + [False] * 4
        assert [usual.emptied for usual, _ in pairs] == [strange.emptied for _, strange in pairs]


def test_a_lane_that_stays_blocked_makes_a_second_visit_after_the_last_room() -> None:
    """The room is not reached the first time; the truck drives back to it along its line."""
    for trip in trips(days=5, skips=1.0):
        assert trip.skipped is not None
        room, known_at = trip.skipped
        assert isinf(trip.arrived_at[room])
        assert known_at < trip.arrived_at[room + 1]
        assert len(trip.arrived_at) == len(trip.left_at) == ROOMS + 1
        assert trip.arrived_at[ROOMS] > trip.left_at[ROOMS - 1]
        assert trip.track[-2][1] == trip.room(ROOMS).along_m == trip.world.rooms[room].along_m
    assert all(trip.skipped is None for trip in trips(days=5))


def test_the_longer_a_lane_is_blocked_the_longer_it_will_be() -> None:
    """Half are free after eight minutes; of those that are not few are free at once."""
    assert 400 < blocked_rest_s(0) < 500
    assert 0 < blocked_rest_s(480) < blocked_rest_s(1800)


def test_each_goal_can_be_missed_and_an_oracle_no_better_than_ours_is_doubted() -> None:
    """The figures decide."""

    def score(lead: float, off_min: float) -> Score:
        made = Score(leads=[lead] * 100, by_day={0: [lead] * 10, 1: [lead] * 90})
        made.errors[600] = [60 * off_min]
        return made

    good, bad = score(16.0, 1.0), score(8.0, 2.0)
    assert {line.split()[0] for line in main_goals(good, score(16.0, 0.99))} == {"met"}
    assert {line.split()[0] for line in main_goals(bad, good)} == {"MISSED"}
    assert [line.split()[0] for line in oracle_goal(good, bad)] == ["met", "DOUBT"]
    assert ["MISSED" in line for line in cold_goals("cold", bad, range(2))] == [True, True]
    assert ["MISSED" in lost_goal("rain", 0.8, here, 0.8, 3.0) for here in (0.76, 0.74)] == [False, True]
    assert together([good, bad]).share_of([0]) == 0.5
    narrow = Scores(days=15)
    narrow.bands.update({(0, "live"): Band(2000, 1500, 1), (1, "live"): Band(2000, 1600, 1), (0, "held"): Band(9)})
    narrow.bands[2, "live"] = Band(2000, 9, 1)  # of one day
    assert ["MISSED" in line for line in band_goals({1: narrow})] == [True, False, False]
    assert Score().mae_min() == inf


def test_kinds_have_the_words_of_the_bench_of_buses() -> None:
    """What a truck's prediction rested on."""
    asked = [("timetable", 0, 0), ("live", 3, 0), ("live", 3, 2), ("held", 3, 2), ("history", 3, 2), ("live", 20, 2)]
    kinds = ["not begun", "first leg", "live", "held", "silent", "second visit"]
    assert [kind_of(*each) for each in asked] == kinds
