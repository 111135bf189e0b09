"""The adapter that puts the product's predictor on the bus bench."""

from random import Random
from typing import Any

from tests.support.arrival.buses import Zhanpai, passages, spread

STOPS = [{"stop_id": f"s{index}", "d": 500.0 * index, "lat": 30.0, "lon": -97.0} for index in range(30)]
START = 1_426_000_000


def trip(name: str, day: int, begin_s: int, pace: float, random: Random, planned: bool = True) -> dict[str, Any]:
    """A bus over all stops, `pace` times slower than the timetable's 50 s a segment; a report every 60 s."""
    begin_at = START + day * 86_400 + begin_s
    sched = {index: begin_at + 50.0 * index for index in range(30)} if planned else None
    times, places, at, place_m = [], [], float(begin_at), 0.0
    while place_m < STOPS[-1]["d"]:
        times.append(at)
        places.append(place_m)
        at += 60
        place_m += 60 * 500 / (50 * pace) * random.uniform(0.8, 1.2)
    return {"id": name, "day": day, "pattern": "p", "t": times, "d": places, "sched": sched}


def feed(predictor: Zhanpai, bus: dict[str, Any], reports: int) -> None:
    """Start a trip and hand over its first reports."""
    predictor.start(bus["id"], bus["pattern"], bus["sched"])
    for at, place_m in list(zip(bus["t"], bus["d"], strict=True))[:reports]:
        predictor.report(at, place_m, 30.0, -97.0)


def test_passages_are_between_the_reports() -> None:
    """A stop between two reports was passed between them; a gap of more than 250 s hides it."""
    assert passages([0, 100, 500], [0, 1000, 2000], [0, 500, 1500, 2500]) == [None, 50.0, None, None]


def test_a_timetable_in_whole_minutes_is_spread() -> None:
    """Stops that share a minute get the times between, by distance; an exact timetable stays as it is."""
    assert spread({0: 0, 1: 60, 2: 60, 3: 120}, [0, 500, 600, 1000]) == {0: 0, 1: 60, 2: 72, 3: 120}
    assert spread({0: 0, 1: 30, 3: 95}, [0, 500, 600, 1000]) == {0: 0, 1: 30, 3: 95}
    assert spread({}, [0, 1]) == {}


def test_what_was_learned_is_used() -> None:
    """Buses that always take 1.5 times the timetable are expected to, with a timetable and without one."""
    random = Random(1)
    for planned in (True, False):
        predictor = Zhanpai({"p": STOPS})
        predictor.learn([trip(f"t{n}", n % 5, 3600 * (n // 5), 1.5, random, planned) for n in range(40)])
        bus = trip("now", 9, 3600, 1.5, random, planned)
        feed(predictor, bus, 5)
        eta = predictor.eta(25)
        assert eta is not None
        expected_s = (STOPS[25]["d"] - bus["d"][4]) / 500 * 75
        assert abs(eta - bus["t"][4] - expected_s) < 0.12 * expected_s


def test_every_stop_ahead_has_an_answer_and_none_behind() -> None:
    """All stops ahead are predicted in order, stops behind are not."""
    predictor = Zhanpai({"p": STOPS})
    predictor.learn([])
    feed(predictor, trip("now", 0, 0, 1.0, Random(2)), 6)
    etas = [predictor.eta(index) for index in range(30)]
    known = [eta for eta in etas if eta is not None]
    assert etas[0] is None
    assert len(known) >= 23
    assert known == sorted(known)


def test_a_bus_that_waits_to_depart() -> None:
    """A bus at its first stop before its time is expected by its timetable."""
    predictor = Zhanpai({"p": STOPS})
    bus = trip("now", 0, 0, 1.0, Random(2))
    predictor.learn([])
    predictor.start("now", "p", bus["sched"])
    predictor.report(bus["t"][0] - 600, 0.0, 30.0, -97.0)
    eta = predictor.eta(10)
    assert eta is not None
    assert abs(eta - bus["sched"][10]) < 30


def test_later_buses_do_not_help_earlier_ones() -> None:
    """A trip scored before this one in the list but driven after it changes nothing: time order is kept."""
    answers = []
    for with_later in (False, True):
        random = Random(5)
        predictor = Zhanpai({"p": STOPS})
        predictor.learn([trip(f"t{n}", n % 5, 3600 * (n // 5), 1.0, random) for n in range(20)])
        later, bus = trip("later", 9, 7200, 3.0, random), trip("now", 9, 3600, 1.0, random)
        if with_later:
            feed(predictor, later, len(later["t"]))
        feed(predictor, bus, 5)
        answers.append([predictor.eta(index) for index in range(30)])
    assert answers[0] == answers[1]


def test_earlier_buses_of_the_day_do_help() -> None:
    """A slow bus just before makes this one be expected later."""
    answers = []
    for with_earlier in (False, True):
        random = Random(5)
        predictor = Zhanpai({"p": STOPS})
        predictor.learn([trip(f"t{n}", n % 5, 3600 * (n // 5), 1.0, random) for n in range(20)])
        earlier, bus = trip("earlier", 9, 0, 1.8, random), trip("now", 9, 2700, 1.0, random)
        if with_earlier:
            feed(predictor, earlier, len(earlier["t"]))
        feed(predictor, bus, 5)
        answers.append(predictor.eta(25))
    assert answers[0] is not None
    assert answers[1] is not None
    assert answers[1] > answers[0] + 20


def test_the_lamp_is_called_near_sixteen_minutes() -> None:
    """The call comes at the report nearest to the moment the prediction reaches 16 minutes."""
    predictor = Zhanpai({"p": STOPS})
    predictor.learn([])
    bus = trip("now", 0, 0, 1.0, Random(2))
    predictor.start("now", "p", bus["sched"])
    called = []
    for at, place_m in zip(bus["t"], bus["d"], strict=True):
        predictor.report(at, place_m, 30.0, -97.0)
        if predictor.call(29):
            called.append(predictor.eta(29) - at)  # type: ignore[operator]
    assert 900 <= called[0] <= 1020
