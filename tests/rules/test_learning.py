"""What is learned from drives, stays and errors."""

from random import Random

import pytest

from broker.rules.learning.history import History, HistorySettings
from broker.rules.learning.observations import DwellRecord, ErrorRecord, LegRecord, StartRecord
from broker.rules.settings import FirstStay, Streets

MORNING = 1_790_006_400 + 7 * 3600  # seven o'clock in Shanghai
DAY = 86_400


def leg(drive_s: int, at: int, pair: tuple[str, str] = ("a", "b"), route: str = "R", **more: object) -> LegRecord:
    """A drive of 700 m that started at `at`."""
    values = {"length_m": 700.0} | more
    return LegRecord(route, *pair, drive_s, at, "t01", **values)  # type: ignore[arg-type]


def test_an_unknown_leg_is_length_at_the_default_speed() -> None:
    """Nothing learned: 700 m at 5 m/s, and said to be from the timetable."""
    assert History(Streets(), FirstStay()).leg_s("R", "a", "b", 700, MORNING) == (pytest.approx(140), "timetable")


def test_an_unknown_leg_with_a_plan() -> None:
    """A planned driving time beats the length."""
    assert History(Streets(), FirstStay()).leg_s("R", "a", "b", 700, MORNING, planned_s=200)[0] == pytest.approx(200)


def test_a_leg_driven_often_is_what_it_was() -> None:
    """After ten days of 200 s the leg is expected within 10 s of it, and said to be learned."""
    history = History(Streets(), FirstStay())
    for day in range(10):
        history.learn_leg(leg(200, MORNING + day * DAY))
    seconds, label = history.leg_s("R", "a", "b", 700, MORNING + 11 * DAY)
    assert label == "history"
    assert abs(seconds - 200) < 10


def test_one_blocked_lane_does_not_spoil_a_leg() -> None:
    """One drive of half an hour among ten moves the expectation by less than a fifth."""
    history = History(Streets(), FirstStay())
    for day in range(10):
        history.learn_leg(leg(1800 if day == 5 else 150, MORNING + day * DAY))
    assert history.leg_s("R", "a", "b", 700, MORNING + 11 * DAY)[0] < 180


def test_old_drives_are_forgotten() -> None:
    """A road that became twice as slow is known as such once the memory has turned over."""
    history = History(Streets(), FirstStay())
    for index in range(160):
        history.learn_leg(leg(100, MORNING + index * DAY))
    for index in range(160):
        history.learn_leg(leg(200, MORNING + (160 + index) * DAY))
    assert history.leg_s("R", "a", "b", 700, MORNING + 400 * DAY)[0] > 190


def test_a_new_leg_profits_from_the_others() -> None:
    """Where all legs take twice their first guess, a leg never driven is expected to as well."""
    history = History(Streets(), FirstStay())
    for index in range(100):
        history.learn_leg(leg(280, MORNING + (index % 10) * DAY, pair=(f"x{index}", f"y{index}")))
    assert history.leg_s("R", "a", "b", 700, MORNING + 11 * DAY) == (pytest.approx(280, rel=0.1), "timetable")


def test_rush_hour_is_learned() -> None:
    """A half-hour that is half as slow again on many days is expected so, and noon is not."""
    history, random = History(Streets(), FirstStay()), Random(1)
    noon = MORNING + 5 * 3600
    for day in range(40):
        for index in range(10):
            pair = (f"r{index}", f"r{index + 1}")
            history.learn_leg(leg(round(210 * random.uniform(0.9, 1.1)), MORNING + day * DAY + index * 100, pair))
            history.learn_leg(leg(round(140 * random.uniform(0.9, 1.1)), noon + day * DAY + index * 100, pair))
    busy, _ = history.leg_s("R", "r1", "r2", 700, MORNING + 41 * DAY + 600)
    calm, _ = history.leg_s("R", "r1", "r2", 700, noon + 41 * DAY + 600)
    assert busy > 1.25 * calm


def test_today_counts_while_it_is_fresh() -> None:
    """A slow last half-hour slows the outlook; three hours later it no longer does."""
    history = History(Streets(), FirstStay())
    for day in range(10):
        for index in range(30):
            history.learn_leg(leg(140, MORNING + day * DAY + 60 * index, (f"r{index}", f"r{index + 1}")))
    today = MORNING + 10 * DAY
    for index in range(30):
        history.learn_leg(leg(280, today + 60 * index, (f"r{index}", f"r{index + 1}")))
    soon, _ = history.leg_s("R", "r1", "r2", 700, today + 2200)
    later, _ = history.leg_s("R", "r1", "r2", 700, today + 3 * 3600)
    assert soon > 1.08 * later


def test_a_slow_first_morning_is_not_taken_for_a_slow_hour() -> None:
    """On the first day nobody knows what an hour is usually like: twice as slow now is as slow across the half-hour."""
    history = History(Streets(), FirstStay())
    for index in range(400):
        history.learn_leg(leg(140, MORNING - 7200 + index, (f"r{index % 40}", f"r{index % 40 + 1}")))
    now = MORNING + 1500  # in the second half-hour's last five minutes
    for index in range(400):
        pair = f"r{index % 40}", f"r{index % 40 + 1}"
        history.learn_leg(leg(280, now - 1200 + 2 * index, pair), lasting=index < 300)
    outlook = history.outlook("R", now + 120)
    here_s, there_s = (outlook.leg_s("r1", "r2", 700, now + 120 + later_s)[0] for later_s in (0, 600))
    assert here_s > 200
    assert there_s > 0.95 * here_s


def test_today_knows_no_future() -> None:
    """Drives that ended after the asked moment do not count, whatever order they were learned in."""
    history = History(Streets(), FirstStay())
    for day in range(3):
        history.learn_leg(leg(140, MORNING + day * DAY))
    asked_at = MORNING + 3 * DAY
    before = history.leg_s("R", "a", "b", 700, asked_at)
    for index in range(20):
        history.learn_leg(leg(400, asked_at + 60 * index), lasting=False)
    assert history.leg_s("R", "a", "b", 700, asked_at) == before


def test_another_route_on_the_same_street() -> None:
    """What one route's trucks learned about a leg helps another route's."""
    history = History(Streets(), FirstStay())
    for day in range(10):
        history.learn_leg(leg(250, MORNING + day * DAY, route="wet"))
    assert abs(history.leg_s("dry", "a", "b", 700, MORNING + 11 * DAY)[0] - 250) < 15


def test_waiting_for_the_timetable_is_learned() -> None:
    """Drivers who come early and wait teach that early ones wait; late ones do not."""
    history = History(Streets(), FirstStay())
    for day in range(20):
        early_s = (0, 120, 300, 0)[day % 4]
        history.learn_leg(leg(140 + early_s, MORNING + day * DAY, planned_s=140, early_s=early_s))
    outlook = history.outlook("R", MORNING + 21 * DAY)
    on_time, _ = outlook.leg_s("a", "b", 700, MORNING + 21 * DAY, 140)
    early, _ = outlook.leg_s("a", "b", 700, MORNING + 21 * DAY, 140, early_s=300)
    assert 140 <= on_time < 220
    assert early > on_time + 60
    assert early > 300


def test_bins_make_the_stay() -> None:
    """From noisy stays the time per bin and the set-up are found within a fifth."""
    history, random = History(Streets(), FirstStay()), Random(3)
    for index in range(300):
        bins = random.randint(1, 10)
        room = f"r{index % 10}"
        stay_s = round((40 + 4 * (index % 10)) * random.lognormvariate(0, 0.2) + 30 * bins)
        history.learn_dwell(DwellRecord(room, "residential_wet", stay_s, bins, MORNING + index * 600))
    few = history.dwell_s("r3", "residential_wet", 2, MORNING)
    many = history.dwell_s("r3", "residential_wet", 8, MORNING)
    assert abs((many - few) / 6 - 30) < 6
    assert abs(few - (52 + 60)) < 22


def test_an_unknown_room_uses_the_defaults() -> None:
    """Sixty seconds and 25 s per bin until somebody has stopped there."""
    history = History(Streets(), FirstStay())
    assert history.dwell_s("r1", "hazardous", 4, MORNING) == pytest.approx(160)
    assert history.dwell_s("r1", "hazardous", None, MORNING) == pytest.approx(135)


def test_a_missing_keeper_does_not_spoil_a_room() -> None:
    """One stay of half an hour among ten leaves the room's expectation where it was."""
    history = History(Streets(), FirstStay())
    for day in range(10):
        history.learn_dwell(DwellRecord("r1", "hazardous", 1800 if day == 4 else 150, 4, MORNING + day * DAY))
    assert abs(history.dwell_s("r1", "hazardous", 4, MORNING) - 150) < 25


def test_stays_without_a_count() -> None:
    """Where nobody counted, the room's usual stay is learned all the same."""
    history = History(Streets(), FirstStay())
    for day in range(20):
        history.learn_dwell(DwellRecord("r1", "hazardous", 300, None, MORNING + day * DAY))
    assert abs(history.dwell_s("r1", "hazardous", None, MORNING) - 300) < 30


def test_drivers_who_wait_at_a_room() -> None:
    """Where early trucks stay until their time, an early one is expected to stay longer, a late one is not."""
    history = History(Streets(), FirstStay())
    for day in range(30):
        early_s = (0, 200, 400)[day % 3]
        history.learn_dwell(DwellRecord("r1", "hazardous", 135 + early_s, 3, MORNING + day * DAY, early_s))
    outlook = history.outlook("R", MORNING)
    late = outlook.dwell_s("r1", "hazardous", 3, -300)
    assert late == outlook.dwell_s("r1", "hazardous", 3)
    assert outlook.dwell_s("r1", "hazardous", 3, 400) > late + 120


@pytest.mark.parametrize(
    "record",
    [
        leg(200, MORNING),
        DwellRecord("r1", "hazardous", 100, None, MORNING, 30),
        ErrorRecord(600, -20, "held", in_band=False),
    ],
)
def test_records_survive_the_store(record: LegRecord | DwellRecord | ErrorRecord) -> None:
    """A record is the same after its body; unknown keys are ignored."""
    assert type(record).from_body({**record.to_body(), "later": 1}) == record


def test_a_body_of_an_older_version() -> None:
    """A body without the newer fields still gives a record; one without the old ones says what is missing."""
    body = {"route_id": "R", "from_room": "a", "to_room": "b", "drive_s": 99, "started_at": 1, "truck_id": "t"}
    assert LegRecord.from_body(body) == LegRecord("R", "a", "b", 99, 1, "t")
    with pytest.raises(KeyError, match="drive_s"):
        LegRecord.from_body({name: value for name, value in body.items() if name != "drive_s"})


def test_impossible_records_are_ignored() -> None:
    """A drive of no time and a negative stay teach nothing."""
    history = History(Streets(), FirstStay())
    history.learn_leg(leg(0, MORNING))
    history.learn_dwell(DwellRecord("r1", "hazardous", -5, 1, MORNING))
    assert history.leg_s("R", "a", "b", 700, MORNING)[1] == "timetable"
    assert history.dwell_s("r1", "hazardous", 1, MORNING) == pytest.approx(85)


def test_half_hours_are_local_through_the_clock_change() -> None:
    """One in the afternoon is one in the afternoon in summer and in winter time."""
    history = History(Streets(), FirstStay(), HistorySettings(timezone="America/Chicago"))
    summer_one, winter_one = 1_781_006_400 + 6 * 3600, 1_797_336_000 + 7 * 3600  # 2026-06-09 and 2026-12-15
    for day in range(60):
        for index in range(10):
            pair = (f"r{index}", f"r{index + 1}")
            history.learn_leg(leg(280, summer_one + day * DAY + index * 60, pair))
            history.learn_leg(leg(140, summer_one + 3600 + day * DAY + index * 60, pair))
    one, _ = history.leg_s("R", "r1", "r2", 700, winter_one + 300)
    two, _ = history.leg_s("R", "r1", "r2", 700, winter_one + 3900)
    assert one > 1.3 * two


def test_a_run_that_begins_late_by_habit_is_expected_late() -> None:
    """Five minutes late each day: before its time and at it that is what it will be; another route begins with it."""
    history = History(Streets(), FirstStay())
    assert history.outlook("wet", MORNING).late_s(-600) == 0
    for day in range(20):
        history.learn_start(StartRecord("wet", 300 + day % 3))
    outlook = history.outlook("wet", MORNING)
    assert 290 <= outlook.late_s(-600) <= 302
    assert 290 <= outlook.late_s(120) <= 302
    assert 240 <= history.outlook("dry", MORNING).late_s(-600) <= 302


def test_a_run_that_is_late_already_is_expected_as_those_that_were_later_still() -> None:
    """Mostly on time, at times half an hour late: after ten minutes it is one of those; after an hour nobody knows."""
    history = History(Streets(), FirstStay())
    for day in range(60):
        history.learn_start(StartRecord("wet", 1800 if day % 4 == 0 else 30))
    late_s = history.outlook("wet", MORNING).late_s
    assert late_s(-60) < 120
    assert 1500 <= late_s(600) <= 1800
    assert late_s(3000) == 3000
    history.learn_start(StartRecord("wet", 30_000))  # it did not begin late, it was another day's
    assert late_s(3000) == 3000


def test_old_starts_are_forgotten() -> None:
    """The last 160 are remembered."""
    history = History(Streets(), FirstStay())
    for _ in range(160):
        history.learn_start(StartRecord("wet", 900))
    for _ in range(160):
        history.learn_start(StartRecord("wet", 0))
    assert history.outlook("wet", MORNING).late_s(-60) < 1


def test_guesses_of_stays_give_way_to_what_was_seen_at_other_rooms() -> None:
    """A new room begins with the set-up of all rooms, once some were seen; with a month learnt one slow stay changes
    nearly nothing."""
    history = History(Streets(), FirstStay(setup_s=60, per_bin_s=25, bins=3))
    assert history.dwell_s("new", "hazardous", 3, MORNING) == 135
    for number in range(3):
        history.learn_dwell(DwellRecord(f"r{number}", "hazardous", 90, 3, MORNING + 600 * number))
    assert abs(history.dwell_s("new", "hazardous", 3, MORNING) - 90) <= 8
    for day in range(30):
        for number in range(10):
            history.learn_dwell(DwellRecord(f"r{number}", "hazardous", 90, 3, MORNING + day * DAY))
    usual_s = history.dwell_s("new", "hazardous", 3, MORNING)
    history.learn_dwell(DwellRecord("r1", "hazardous", 900, 3, MORNING + 31 * DAY))
    assert abs(history.dwell_s("new", "hazardous", 3, MORNING) - usual_s) <= 1


def test_a_guessed_speed_gives_way_to_three_legs_and_a_month_to_none() -> None:
    """6 m/s guessed at 5: after three legs of 100 s a new one is known; after a month one slow leg is one."""
    history = History(Streets(speed_mps=5.0), FirstStay())
    for number in range(3):
        history.learn_leg(leg(100, MORNING + 200 * number, (f"r{number}", f"r{number + 1}"), length_m=600.0))
    new_s, label = history.leg_s("wet", "x", "y", 600.0, MORNING + 3600)
    assert label == "timetable"
    assert abs(new_s - 100) <= 4
    for day in range(30):
        for number in range(10):
            history.learn_leg(leg(100, MORNING + day * DAY, (f"r{number}", f"r{number + 1}"), length_m=600.0))
    before_s = history.leg_s("wet", "x", "y", 600.0, MORNING + 40 * DAY)[0]
    history.learn_leg(leg(240, MORNING + 31 * DAY, ("r0", "r1"), length_m=600.0))
    assert abs(history.leg_s("wet", "x", "y", 600.0, MORNING + 40 * DAY)[0] - before_s) <= 1
