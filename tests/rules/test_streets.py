"""What is learned of streets: every truck that drives there tells it, whatever its route and wherever its doors are."""

import json

import pytest

from broker.plan.streets import LineStreets
from broker.rules.arrival.prediction import predict
from broker.rules.learning.history import History
from broker.rules.learning.observations import LegRecord
from broker.rules.learning.today import Today, TodaySettings
from broker.rules.settings import FirstStay, Streets
from tests.support.road import Drive, place, road, room

MORNING = 1_790_006_400 + 7 * 3600  # seven o'clock in Shanghai
DAY = 86_400
NORTH = LineStreets(road().line)
SOUTH = LineStreets(tuple(reversed(road().line)))


def drive(
    drive_s: int, at: int, from_m: float = 1000.0, to_m: float = 1700.0, route: str = "wet", street: LineStreets = NORTH
) -> LegRecord:
    """A drive between two doors of the road that started at `at`."""
    doors = f"{route}{from_m:.0f}", f"{route}{to_m:.0f}"
    return LegRecord(route, *doors, drive_s, at, "t01", to_m - from_m, cells=street.between(from_m, to_m))


def expected(
    history: History, at: int, route: str = "dry", from_m: float = 1000.0, to_m: float = 1700.0,
    street: LineStreets = NORTH,
) -> tuple[float, str]:  # fmt: skip
    """What a route that has doors of its own expects there."""
    doors = f"{route}{from_m:.0f}", f"{route}{to_m:.0f}"
    return history.outlook(route, at).leg_s(*doors, to_m - from_m, at, cells=street.between(from_m, to_m))


def month(drive_s: int = 140) -> History:
    """Thirty mornings of four legs of 700 m, each as long as the next."""
    history = History(Streets(speed_mps=5.0), FirstStay())
    for day in range(30):
        for number in range(4):
            history.learn_leg(drive(drive_s, MORNING + day * DAY + 200 * number, 700.0 * number, 700.0 * (number + 1)))
    return history


def test_a_street_has_a_cell_for_each_100_m_and_two_directions() -> None:
    """Whoever drives a part of it drives the same cells; somebody who comes the other way drives others."""
    whole = NORTH.between(0.0, 3000.0)
    assert len(whole) == 30
    assert 27 <= len(set(whole)) <= 30
    assert set(NORTH.between(1000.0, 2000.0)) <= set(whole)
    assert not set(SOUTH.between(0.0, 6000.0)) & set(whole)
    beside = LineStreets([place(1000.0, 400.0), place(2000.0, 400.0)])
    assert not set(beside.between(0.0, 1000.0)) & set(whole)
    assert len(NORTH.between(5.0, 5.0)) == 1
    assert NORTH.between(700.0, 600.0) == NORTH.between(None, 600.0) == LineStreets(()).between(0.0, 9.0) == ()


def test_a_slow_street_is_known_to_a_route_that_has_other_doors_there() -> None:
    """Twice as slow as the rest for the trucks of one route: another route is told, but not for the way back."""
    history = month()
    for day in range(5):
        history.learn_leg(drive(280, MORNING + day * DAY, 3000.0, 3700.0))
    slow_s, label = expected(history, MORNING + 40 * DAY, from_m=3050.0, to_m=3650.0)
    assert label == "timetable"  # nobody drove from that door to this one
    assert slow_s > 200  # 120 s at the usual pace
    assert expected(history, MORNING + 40 * DAY, from_m=5000.0, to_m=5600.0)[0] == pytest.approx(120, rel=0.1)
    assert expected(history, MORNING + 40 * DAY, from_m=2350.0, to_m=2950.0, street=SOUTH)[0] == pytest.approx(
        120, rel=0.1
    )


def test_each_street_is_told_with_its_speed_as_usual_and_today_and_whether_it_is_known() -> None:
    """As predictions have it: half as fast where it took twice as long, and slower now than usual after a jam."""
    history, now = month(), MORNING + 40 * DAY
    for day in range(5):
        history.learn_leg(drive(280, MORNING + day * DAY, 3000.0, 3700.0))
    history.learn_leg(drive(400, now - 600, 3000.0, 3700.0))
    slow, usual, new = (
        history.outlook("dry", now).streets(600.0, now, NORTH.between(from_m, from_m + 600.0))
        for from_m in (3050.0, 1000.0, 5000.0)
    )
    assert all(speed_mps < 3.5 and factor > 1.1 and is_known for speed_mps, factor, is_known in slow[1:-1])
    assert all(speed_mps == pytest.approx(5.0, rel=0.1) and is_known for speed_mps, _, is_known in usual)
    assert all(speed_mps == pytest.approx(5.0, rel=0.1) and not is_known for speed_mps, _, is_known in new)


def test_the_last_trucks_in_a_street_count_for_the_next_and_not_for_tomorrow() -> None:
    """Three slow drives within the hour, of another route; in the next street they say nearly nothing."""
    history, now = month(), MORNING + 31 * DAY
    usual_s = expected(history, now)[0]
    for minute in range(3):
        history.learn_leg(drive(220, now + 300 * minute, 1000.0, 1700.0))
    here_s = expected(history, now + 1200)[0]
    assert here_s > 1.2 * usual_s
    assert usual_s < expected(history, now + 3 * 3600)[0] < here_s - 10
    assert expected(history, now + 1200, from_m=2100.0, to_m=2800.0)[0] < 1.1 * usual_s
    assert expected(history, now + DAY)[0] < 1.1 * usual_s


def test_with_a_month_learned_one_slow_drive_changes_nearly_nothing() -> None:
    """A blocked lane: the other streets keep their times within 5 %, and tomorrow this one within ten seconds."""
    history, now = month(), MORNING + 31 * DAY
    usual_s = expected(history, now)[0]
    history.learn_leg(drive(900, now, 700.0, 1400.0, route="wet"))
    assert expected(history, now + 1200, from_m=2100.0, to_m=2800.0)[0] < 1.05 * usual_s
    assert expected(history, now + 1200, from_m=700.0, to_m=1400.0)[0] < 1.5 * usual_s
    assert expected(history, now + DAY, from_m=700.0, to_m=1400.0)[0] < usual_s + 10


def test_what_ended_after_the_asked_moment_says_nothing_of_it() -> None:
    """Today's traffic: drives of later hours are not known yet, and those of one hour count in any order."""
    before, after, now = month(), month(), MORNING + 31 * DAY
    usual_s = expected(before, now)[0]
    for history, order in ((before, (0, 1, 2)), (after, (2, 0, 1))):
        for number in order:
            history.learn_leg(drive(200 + 20 * number, now + 600 * number), lasting=False)
    assert expected(before, now - 60)[0] == pytest.approx(usual_s)
    assert expected(after, now + 3600)[0] == pytest.approx(expected(before, now + 3600)[0], rel=0.01)


def test_who_asks_without_a_line_is_told_what_was_driven() -> None:
    """A tour over known doors, timed by the doors alone, is as long as the prediction says."""
    history, now = month(), MORNING + 31 * DAY
    history.learn_leg(drive(200, now, 700.0, 1400.0))
    by_doors_s = history.leg_s("wet", "wet700", "wet1400", 700.0, now + 1200)[0]
    assert by_doors_s == expected(history, now + 1200, "wet", 700.0, 1400.0)[0]
    assert by_doors_s > 1.05 * expected(history, now + DAY, "wet", 700.0, 1400.0)[0]


def test_a_timetable_of_other_minutes_at_other_hours_is_half_believed() -> None:
    """Planned 100 s at noon and 200 s in the evening, driven in 150 s at both."""
    history = History(Streets(), FirstStay())
    for day in range(40):
        for planned_s, hour in ((100, 5), (200, 11)):
            at = MORNING + day * DAY + hour * 3600
            history.learn_leg(LegRecord("wet", "a", "b", 150, at, "t01", 700.0, planned_s))
    noon_s, evening_s = (
        history.leg_s("wet", "a", "b", 700.0, MORNING + 50 * DAY + 9 * 3600, planned_s)[0] for planned_s in (100, 200)
    )
    assert 115 < noon_s < 135
    assert 165 < evening_s < 185


def test_a_truck_tells_its_streets_and_its_record_teaches_the_same_after_a_restart() -> None:
    """Followed along the road: the record of a leg names the cells between its rooms, through JSON and back."""
    truck = Drive([room(1, 700.0), room(2, 1400.0), room(3, 2800.0)], depart_at=MORNING)
    for along_m in (700.0, 1400.0):
        truck.go(along_m).stand(60)
    truck.go(1600.0)
    legs = [event.leg for event in truck.events if event.leg is not None]
    assert [leg.cells for leg in legs] == [NORTH.between(700.0, 1400.0)]
    live, restored = (History(Streets(), FirstStay()) for _ in range(2))
    for leg in legs:
        live.learn_leg(leg)
        restored.learn_leg(LegRecord.from_body(json.loads(json.dumps(leg.to_body()))))
    for other in (live, restored):
        for number in range(3):
            other.learn_leg(drive(300, MORNING - DAY + 600 * number, 1500.0, 2700.0))
    there = [predict(truck.tracker, one, {}, truck.now + 1) for one in (live, restored)]
    assert there[0] == there[1]
    unknown = predict(truck.tracker, History(Streets(), FirstStay()), {}, truck.now + 1)
    assert there[0][0].eta_at > unknown[0].eta_at + 30  # others were slow where it is now


def test_a_jam_says_as_little_of_hours_before_as_of_hours_after() -> None:
    """Who looks at this morning in the evening sees no evening's jam in it."""
    today, at = Today(TodaySettings()), float(MORNING)
    today.learn("wet", ("c",), at, 160, 100)
    factors = [today.street_factor(("c",), at, at + away_s, 1.0) for away_s in (-36_000, -3600, 0, 3600, 36_000)]
    assert factors == sorted(factors[:3]) + sorted(factors[3:], reverse=True)
    assert factors[0] == pytest.approx(factors[4]) == pytest.approx(1.0, abs=0.01)


def test_a_drive_that_is_told_hours_late_takes_nothing_from_what_is_known() -> None:
    """It ended so long before the newest ones that it is another time of the day."""
    today, at = Today(TodaySettings()), float(MORNING)
    for minutes in range(5):
        today.learn("wet", ("c",), at + 60 * minutes, 180, 100)
    known = today.street_factor(("c",), at + 300, at + 300, 1.0)
    today.learn("wet", ("c",), at - 7 * 3600, 50, 100)
    assert today.street_factor(("c",), at + 300, at + 300, 1.0) == known > 1.2
