"""The bench of buses tells the truth: what is known before a trip, what a prediction rested on, who is better."""

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.arrival.bus_table import MODEL, OURS, verdicts
from tests.support.arrival.city import Bus, City, CityAbsentError, load_city
from tests.support.arrival.in_order import Marks, points_above, score_folds, score_in_order
from tests.support.arrival.plain_ways import Plain, PlainHistory, Timetable

STOPS = [{"stop_id": f"s{index}", "d": 500.0 * index} for index in range(40)]
START = 1_426_000_000
SEGMENT_S = 60.0


def bus(name: str, begin_at: float, pace: float = 1.0, stands_s: float = 0.0, last_m: float = 1e9) -> dict[str, Any]:
    """A bus that waits so long at its first stop and is heard each minute until it has come so far."""
    times, places = [], []
    for second in range(0, 7200, 60):
        place_m = max(0.0, second - stands_s) * 500 / (SEGMENT_S * pace)
        if place_m > min(last_m, STOPS[-1]["d"] + 400):  # type: ignore[operator]
            break
        times.append(begin_at + second)
        places.append(place_m)
    sched = {index: begin_at + stands_s + SEGMENT_S * index for index in range(len(STOPS))}
    far = [0.0] * len(times)
    return {
        "id": name, "day": int(begin_at // 86_400), "pattern": "p", "t": times, "d": places, "lat": far, "lon": [*far],
        "sched": sched,
    }  # fmt: skip


def city(buses: Iterable[Bus]) -> City:
    """A city of one line."""
    return City("here", list(buses), {"p": STOPS})


def usual(number: int, random: Random) -> dict[str, Any]:
    """A bus of an ordinary day, an hour after the one before."""
    return bus(f"b{number}", START + number * 3600, random.uniform(1.2, 1.3))


class Late(PlainHistory):
    """The plain history, each arrival five minutes too late."""

    def eta(self, stop_index: int) -> float | None:
        """As it would be said by somebody who is known to be wrong."""
        return (super().eta(stop_index) or 0.0) + 300


class Witness(Plain):
    """Predicts nothing and notes what it was told before each trip."""

    def __init__(self, patterns: Any) -> None:
        super().__init__(patterns)
        self.known: list[Bus] = []

    def learn(self, trips: Iterable[Bus]) -> None:
        """Keep them."""
        self.known.extend(trips)

    def start(self, trip_id: str, pattern: str, sched: Any) -> None:
        """Note who is known."""
        super().start(trip_id, pattern, sched)
        SEEN.append((trip_id, {trip["id"] for trip in self.known}))

    def eta(self, stop_index: int) -> float | None:
        """Nobody knows."""
        return None


SEEN: list[tuple[str, set[str]]] = []


def test_in_strict_order_only_buses_that_had_ended_are_known_and_each_is_told_once() -> None:
    """In the folds it is all of the other days instead, later ones too."""
    some = [bus("long", START, 2.0), bus("short", START + 60), bus("next", START + 3000), bus("last", START + 200_000)]
    SEEN.clear()
    marks = score_in_order(Witness, city(reversed(some)))
    known = [("long", set()), ("short", set()), ("next", {"short"}), ("last", {"long", "short", "next"})]
    assert known == SEEN
    assert (marks.mae(), marks.never_called) == (None, marks.stops())
    assert marks.unpredicted == marks.stops() > 0
    score_folds(Witness, city(some))
    assert ("long", {"last"}) in SEEN


def test_a_predictor_that_is_known_to_be_worse_is_seen_to_be_worse() -> None:
    """Five minutes too late: hardly a call in time, five minutes off, and the goals are missed."""
    random = Random(1)
    here = city(usual(number, random) for number in range(10))
    good, late, plan = (score_in_order(make, here) for make in (PlainHistory, Late, Timetable))
    assert good.share() > 0.8 > 0.3 > late.share()
    assert 4 < (late.mae() or 0.0) - (good.mae() or 0.0) < 6
    points, half_width = points_above(late, good)
    assert points + half_width < -40
    assert points_above(good, good) == (0.0, 0.0)
    said = verdicts({OURS: late, "plain history": good, "timetable+delay": plan}, "here")
    assert [line.split()[0] for line in said] == ["MISSED", "MISSED", "MISSED"]


def test_of_a_strange_city_half_of_what_a_learned_model_gains_is_enough() -> None:
    """Where it gains three points over the best plain way, one and a half are asked; of the city we know three."""

    def marks(good: int) -> Marks:
        made = Marks(by_trip=[("d", good, 200)])
        made.kinds["live"].errors.append(1.0 / good)
        return made

    found = {OURS: marks(104), "plain history": marks(100), MODEL: marks(106)}
    assert "met" in verdicts(found, "somewhere")[1]
    assert "MISSED" in verdicts(found, "capmetro")[1]
    assert "MISSED" in verdicts({**found, OURS: marks(102)}, "somewhere")[1]


def test_what_a_prediction_rested_on_is_told_apart() -> None:
    """A bus that stands at its start, one on its first leg, one that stands on its way, a second visit."""
    stops = [*STOPS[:-1], {**STOPS[-1], "stop_id": "s3"}]
    waiting = bus("waiting", START, stands_s=900)
    halted = bus("halted", START + 9000)
    at = halted["t"].index(START + 9000 + 600)
    halted["t"] = [time + 400 * (index > at) for index, time in enumerate(halted["t"])]
    halted["t"][at + 1 : at + 1] = [halted["t"][at] + 60 * step for step in range(1, 7)]
    for key in ("d", "lat", "lon"):
        halted[key][at + 1 : at + 1] = [halted[key][at]] * 6
    marks = score_in_order(PlainHistory, City("loop", [waiting, halted], {"p": stops}))
    assert {kind for kind, one in marks.kinds.items() if one.errors} >= {"not begun", "live", "held", "second visit"}
    assert len(marks.kinds["second visit"].leads) == 2
    assert len(marks.kinds["not begun"].leads) > 0


def test_calls_for_a_stop_that_the_bus_never_came_to_are_counted() -> None:
    """It turned back half way, and other buses were heard long after; where the recording just ends nobody knows."""
    whole, half = bus("whole", START), bus("half", START + 6000, last_m=6000)
    assert score_in_order(Timetable, city([whole, half])).never_true == 0
    marks = score_in_order(Timetable, city([whole, half, bus("after", START + 12_000)]))
    assert 10 <= marks.never_true <= 16


def test_a_leg_is_off_by_what_was_expected_of_it_alone() -> None:
    """A timetable that is a quarter too quick is a quarter of each leg off, however late the bus is."""
    legs = score_in_order(Timetable, city([bus("slow", START, 1.25)])).legs
    assert len(legs) > 20
    assert all(abs(expected - 60) < 1 and abs(true - 75) < 1 for expected, true in legs)


def test_any_city_can_be_handed_over_as_a_file(tmp_path: Path) -> None:
    """In the scorer's form, with the stops of a timetable as JSON names them; a city that is absent is said."""
    random = Random(1)
    trips = [usual(number, random) for number in range(6)]
    trips[0]["sched"] = None
    (tmp_path / "elsewhere.json").write_text(json.dumps({"trips": trips, "patterns": {"p": STOPS}, "gap_s": 100}))
    found = load_city(str(tmp_path / "elsewhere.json"))
    assert (found.name, found.gap_s, found.trips[0]["sched"]) == ("elsewhere", 100.0, None)
    assert found.trips[1]["sched"] == trips[1]["sched"]
    with pytest.raises(CityAbsentError, match=r"nowhere\.json is not there"):
        load_city(str(tmp_path / "nowhere.json"))
    assert found.arrivals(found.trips[1]) == city(trips).arrivals(trips[1])
