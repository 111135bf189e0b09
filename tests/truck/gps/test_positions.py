"""Which fix is believed, what time it is, and when a position is worth a message."""

from random import Random

import pytest

from firmware.truck.clock import BUILT_AT, ROLLOVER_S, WEEK_0_AT, TruckClock, without_rollover
from firmware.truck.gps.acceptance import Acceptance, Box
from firmware.truck.gps.fix import Fix, metres_between, turn_deg
from firmware.truck.gps.reporting import Reporting
from firmware.truck.gps.speed_sense import SpeedSense

HERE = Fix(31.2, 121.4, 1795374261.0, 5.0, 90.0, 1.0, 8, 3, 1)
METRE_LAT = 1 / 111_195


def north(metres: float, after_s: float = 1.0, **changed: object) -> Fix:
    """HERE moved north by metres, some seconds later."""
    return HERE._replace(lat=HERE.lat + metres * METRE_LAT, fix_at=HERE.fix_at + after_s, **changed)


def test_distance_is_in_metres():
    """A hundredth of a degree of latitude is 1,112 m, and a turn over north is the small one."""
    assert metres_between(31.0, 121.0, 31.01, 121.0) == pytest.approx(1111.95, abs=0.1)
    assert turn_deg(350, 20) == 30


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"quality": 7}, "made_up"),
        ({"quality": 8}, "made_up"),
        ({"lat": 0.0, "lon": 0.0}, "null_island"),
        ({"lat": 32.5}, "box"),
        ({"lon": 120.0}, "box"),
        ({"hdop": 4.1}, "hdop"),
        ({"sats": 3}, "sats"),
        ({"speed_mps": 36.0}, "speed"),
        ({"quality": 6}, None),
        ({"hdop": None, "sats": None, "quality": None}, None),
    ],
)
def test_unlikely_fix_is_refused(changed, reason):
    """Each rule of acceptance refuses with its own word, and a dead-reckoned or bare fix is believed."""
    assert Acceptance(Box(31.1, 121.3, 31.3, 121.5)).refusal(HERE._replace(**changed), 0.0) == reason


def test_box_has_a_margin_of_twenty_kilometres():
    """A truck 15 km outside its district is believed."""
    box = Box(31.1, 121.3, 31.3, 121.5)
    assert Acceptance(box).refusal(HERE._replace(lat=31.3 + 15 / 111), 0.0) is None


def test_simulated_fix_is_believed_in_test_mode_only():
    """Test mode admits what a receiver marks as simulated."""
    assert Acceptance(None, test_mode=True).refusal(HERE._replace(quality=8), 0.0) is None


def test_jump_is_refused_until_three_agree():
    """One wild fix is refused; the third in a row at the same new place is where the truck really is."""
    acceptance = Acceptance()
    assert acceptance.refusal(HERE, 0.0) is None
    assert acceptance.refusal(north(900, 1), 1.0) == "jump"
    assert acceptance.refusal(north(5, 2), 2.0) is None
    assert [acceptance.refusal(north(900 + i, 3 + i), 3.0 + i) for i in range(3)] == ["jump", "jump", None]


def test_three_wild_fixes_that_disagree_are_never_believed():
    """Refused fixes that contradict each other move the truck nowhere."""
    acceptance = Acceptance()
    acceptance.refusal(HERE, 0.0)
    reasons = [acceptance.refusal(north(2000 * (-1) ** i, 1 + i), 1.0 + i) for i in range(9)]
    assert reasons == ["jump"] * 9


def test_repeated_fix_is_old():
    """A receiver that says the same instant again says nothing new."""
    acceptance = Acceptance()
    assert acceptance.refusal(HERE, 0.0) is None
    assert acceptance.refusal(HERE, 1.0) == "old"


def test_long_gap_allows_a_long_way():
    """After five minutes under a roof three kilometres are no jump."""
    acceptance = Acceptance()
    acceptance.refusal(HERE, 0.0)
    assert acceptance.refusal(north(3000, 300), 300.0) is None


def test_receiver_time_needs_three_agreeing_fixes():
    """The truck has no time after two fixes and has it after the third."""
    clock = TruckClock()
    for second in range(2):
        clock.receiver_said(1795374261.0 + second, 50.0 + second)
        assert clock.unix_at(52.0) is None
    clock.receiver_said(1795374263.2, 52.0)
    assert (clock.source, clock.unix_at(62.0)) == ("gps", 1795374273)


def test_rolled_over_week_is_undone():
    """A receiver 1024 weeks (19.6 years) back, once or twice, gives today's date."""
    assert without_rollover(1795374261 - ROLLOVER_S) == 1795374261
    assert without_rollover(1795374261 - 2 * ROLLOVER_S) == 1795374261
    assert without_rollover(BUILT_AT) == BUILT_AT


DAY_S = 86_400
TRUE_AT = 1795374261
DATES_OF_NOTHING = {
    "1980-01-06": WEEK_0_AT,
    "1980-01-05 23:59:42": WEEK_0_AT - 18,
    "1980-01-01": WEEK_0_AT - 5 * DAY_S,
    "1970-01-01": 0,
    "1999-08-22": WEEK_0_AT + ROLLOVER_S,
    "2019-04-06": WEEK_0_AT + 2 * ROLLOVER_S - DAY_S,
    "2019-04-07": WEEK_0_AT + 2 * ROLLOVER_S,
    "2038-11-21": WEEK_0_AT + 3 * ROLLOVER_S,
    "2015-10-18, a maker's": 1445126400,
    "1024 weeks ahead": TRUE_AT + ROLLOVER_S,
    "2080-01-06": WEEK_0_AT + 100 * 365 * DAY_S + 25 * DAY_S,
}


@pytest.mark.parametrize("first_at", DATES_OF_NOTHING.values(), ids=DATES_OF_NOTHING)
def test_date_of_a_receiver_that_was_not_told_it_is_no_time(first_at):
    """Before the bridge is heard such a date says nothing; the right one does, and the wrong one never comes back."""
    clock = TruckClock()
    for second in range(30):
        clock.receiver_said(first_at + second, 100.0 + second)
        assert clock.unix_at(100.0 + second) is None
        assert clock.fix_at(first_at + second, 100.0 + second) is None
    for second in range(30, 33):
        clock.receiver_said(TRUE_AT + second, 100.0 + second)
    assert (clock.source, clock.unix_at(200.0)) == ("gps", TRUE_AT + 100)
    assert clock.unix_at(100.0) == TRUE_AT  # what was kept before gets its time from the monotonic clock
    for second in range(33, 60):
        clock.receiver_said(first_at + second, 100.0 + second)
        assert clock.fix_at(first_at + second, 100.0 + second) == TRUE_AT + second


@pytest.mark.parametrize("first_at", DATES_OF_NOTHING.values(), ids=DATES_OF_NOTHING)
def test_beside_the_bridge_such_a_date_is_not_believed(first_at):
    """Whether the bridge is heard before or after it, the bridge's time counts."""
    for bridge_second in (0, 10):
        clock = TruckClock()
        for second in range(20):
            if second == bridge_second:
                clock.bridge_said(TRUE_AT + second, 100.0 + second)
            clock.receiver_said(first_at + second, 100.0 + second)
        assert (clock.source, clock.fix_at(first_at + 19, 119.0)) == ("bridge", TRUE_AT + 19)


def test_rolled_over_receiver_is_believed_beside_the_bridge():
    """A receiver that is 1024 weeks back gives the time as soon as the bridge bears it out, to the second."""
    clock = TruckClock()
    for second in range(20):
        clock.receiver_said(TRUE_AT - ROLLOVER_S + second, 100.0 + second)
    assert clock.source == "none"
    clock.bridge_said(TRUE_AT + 22, 120.0)  # a bridge two seconds off
    assert (clock.source, clock.fix_at(TRUE_AT - ROLLOVER_S + 20, 120.0)) == ("gps", TRUE_AT + 20)


def test_bridge_time_serves_without_receiver_and_overrules_a_wrong_one():
    """The bridge's clock fills in, and a receiver two hours off is not believed beside it."""
    clock = TruckClock()
    clock.bridge_said(1795374261, 10.0)
    assert (clock.source, clock.unix_at(20.0)) == ("bridge", 1795374271)
    for second in range(4):
        clock.receiver_said(1795374261.0 + 7200 + second, 10.0 + second)
    assert (clock.source, clock.unix_at(20.0)) == ("bridge", 1795374271)


def test_heartbeats_that_waited_on_their_way_set_no_time():
    """A truck frozen for three minutes reads old heartbeats at once: its time stays, and they prove no bridge."""
    clock = TruckClock()
    assert clock.bridge_said(TRUE_AT, 100.0)
    assert [clock.bridge_said(TRUE_AT + second, 290.0) for second in (10, 20, 30)] == [False] * 3
    assert clock.unix_at(290.0) == TRUE_AT + 190
    assert clock.bridge_said(TRUE_AT + 200, 300.0)
    assert clock.unix_at(300.0) == TRUE_AT + 200


@pytest.mark.parametrize("back_s", [40, 5, 86_400])
def test_a_bridge_whose_clock_was_set_back_is_believed_by_its_second_word(back_s):
    """Two heartbeats that keep their distance did not wait, however far behind they are."""
    clock = TruckClock()
    clock.bridge_said(TRUE_AT, 100.0)
    clock.bridge_said(TRUE_AT + 60 - back_s, 160.0)
    assert clock.bridge_said(TRUE_AT + 70 - back_s, 170.0)
    assert clock.unix_at(170.0) == TRUE_AT + 70 - back_s


def drive(reporting: Reporting, fixes: list[Fix]) -> list[float]:
    """Feeds one fix a second; returns the seconds at which something was published."""
    published = []
    for second, fix in enumerate(fixes):
        reporting.seen(fix, float(second))
        if reporting.take(float(second)) is not None:
            published.append(float(second))
    return published


def test_driving_reports_every_fifty_metres():
    """At 10 m/s straight on there is a report every 5 s."""
    fixes = [north(10 * s, s, speed_mps=10.0, bearing_deg=0.0) for s in range(31)]
    assert drive(Reporting(), fixes) == [0, 5, 10, 15, 20, 25, 30]


def test_turning_reports_at_once_but_not_within_two_seconds():
    """A turn of 30 degrees above 2 m/s is reported, never more than one in 2 s."""
    fixes = [north(3 * s, s, speed_mps=3.0, bearing_deg=(40.0 * s) % 360) for s in range(11)]
    assert drive(Reporting(), fixes) == [0, 2, 4, 6, 8, 10]


def test_slow_turn_is_not_worth_a_report():
    """Below 2 m/s a bearing means nothing."""
    fixes = [north(1.0 * s, s, speed_mps=1.0, bearing_deg=(90.0 * s) % 360) for s in range(20)]
    assert drive(Reporting(), fixes) == [0]


def test_standing_holds_one_point_and_reports_once_a_minute():
    """A standing truck's wander is one point; standing costs at most 60 messages an hour."""
    reporting = Reporting()
    places, times = set(), []
    for second in range(3600):
        wander = north(6.0 if second % 7 == 0 else -4.0, second, speed_mps=0.1)
        reporting.seen(wander, float(second))
        report = reporting.take(float(second))
        if isinstance(report, Fix):
            times.append(second)
            places.add((report.lat, report.lon)) if second > 10 else None
    assert reporting.standing
    assert len(places) == 1
    assert len(times) <= 62


def test_stop_and_start_are_reported_at_once():
    """The report of a stop comes once the truck has stood for 5 s, that of a start with the first fast fix."""
    fixes = [north(10 * s, s, speed_mps=10.0, bearing_deg=0.0) for s in range(7)]
    fixes += [north(60, s, speed_mps=0.0) for s in range(7, 20)]
    fixes += [north(62, 20, speed_mps=2.0)]
    published = drive(Reporting(), fixes)
    assert 20.0 in published
    assert [s for s in published if 7 <= s < 20] == [11.0]


@pytest.mark.parametrize("tells", ["exponential", "gaussian"])
@pytest.mark.parametrize("idle_mps", [0.3, 1.0])
@pytest.mark.parametrize("wanders_m", [2.0, 20.0])
def test_a_receiver_that_tells_speeds_of_a_truck_that_stands_is_known_by_them(tells, idle_mps, wanders_m):
    """Once it is known what it says of a stand, its stands have no speed, and its drives have theirs."""
    dice, reporting = Random(1), Reporting()
    told: list[tuple[int, float]] = []
    drives = range(600, 700)
    metres, wander = 0.0, 0.0
    for second in range(1000):
        moves_mps = min(6.0, second - 600, 700 - second) if second in drives else 0.0
        metres += moves_mps
        wander = 0.99 * wander + dice.gauss(0, 0.14 * wanders_m)
        said = dice.expovariate(1 / idle_mps) if tells == "exponential" else abs(dice.gauss(0, 1.25 * idle_mps))
        said = said if moves_mps <= 0.5 else moves_mps
        reporting.seen(north(metres + wander, second, speed_mps=said), float(second))
        taken = reporting.take(float(second))
        if isinstance(taken, Fix):
            told.append((second, taken.speed_mps or 0.0))
    stands = [speed for second, speed in told if 300 <= second < 600 or second >= 710]
    assert len(stands) >= 5
    assert sum(speed > 0 for speed in stands) <= 1
    starts_at = min(second for second, speed in told if second > 600 and speed > 2.0)
    stops_at = min(second for second, speed in told if second > 690 and speed == 0.0)
    assert 600 < starts_at <= 612
    assert 695 <= stops_at <= 715


def test_a_truck_that_creeps_for_minutes_is_not_taken_for_one_that_stands():
    """What a good receiver says of a jam that moves on is no word of a stand."""
    reporting, speeds = Reporting(), []
    for second in range(300):
        reporting.seen(north(1.7 * second, second, speed_mps=1.7), float(second))
        taken = reporting.take(float(second))
        if isinstance(taken, Fix):
            speeds.append(taken.speed_mps)
    assert set(speeds) == {1.7}


@pytest.mark.parametrize("says_mps", [0.3, 1.0])
def test_a_truck_that_stands_drives_nowhere_by_a_receiver_that_tells_speeds_of_it(says_mps):
    """What it says on average is not taken for less than it is: else a few quick words in a row are a start."""
    hours, begins, driven_m = range(6), 0, 0.0
    for hour in hours:
        dice, sense, before_m = Random(hour), SpeedSense(), 0.0
        for second in range(600 + 3600):
            speed_mps = dice.expovariate(1 / says_mps)
            told = sense.believed(north(dice.gauss(0, 0.3), second, speed_mps=speed_mps), float(second))
            if second == 600:
                before_m = sense.driven_m
            begins += second > 600 and told.speed_mps > 0
        driven_m += sense.driven_m - before_m
    assert begins <= 2 * len(hours)
    assert driven_m <= 10 * len(hours)


def test_lost_fix_is_told_at_once_and_every_minute_and_never_as_a_point():
    """Without a fix the report is the word of the loss; the last point does not come again."""
    reporting = Reporting()
    reporting.seen(HERE, 0.0)
    assert reporting.take(0.0) == HERE._replace(driven_m=0.0)
    reporting.lost("no_fix")
    assert reporting.take(1.0) is None
    assert reporting.take(2.0) == "no_fix"
    reporting.lost("no_fix")
    assert [reporting.take(float(s)) for s in range(3, 62)] == [None] * 59
    assert reporting.take(66.0) == "no_fix"


def test_asked_report_waits_for_something_new():
    """An alarm right after a report gives no second copy of that point, but the next fix at once."""
    reporting = Reporting()
    reporting.seen(HERE, 0.0)
    reporting.take(0.0)
    reporting.ask()
    assert reporting.take(3.0) is None
    reporting.seen(north(1, 4), 4.0)
    assert reporting.take(4.0) is not None


def test_hour_of_collection_costs_few_messages():
    """An hour of stop and go costs one message per 50 m, two per stop and one a minute while standing."""
    reporting, count, metres, stops = Reporting(), 0, 0.0, 15
    for second in range(3600):
        moving = second % 240 < 120
        metres += 5.0 if moving else 0.0
        reporting.seen(north(metres, second, speed_mps=5.0 if moving else 0.0, bearing_deg=0.0), float(second))
        count += reporting.take(float(second)) is not None
    assert count <= metres / 50 + 2 * stops + 30 + 1


def test_bearing_of_a_standing_truck_is_the_last_one_driven_with():
    """A receiver that stands turns its course at random; what is reported points where the truck drove."""
    reporting, reported = Reporting(), []
    said = [(8.0, 40.0)] * 10 + [(0.2, n * 77.0 % 360) for n in range(200)] + [(6.0, 95.0)] * 10
    for seconds, (speed_mps, bearing_deg) in enumerate(said, start=1):
        metres = 8.0 * min(seconds, 10) + 6.0 * max(0, seconds - 210)
        reporting.seen(north(metres, seconds, speed_mps=speed_mps, bearing_deg=bearing_deg), float(seconds))
        taken = reporting.take(float(seconds))
        if isinstance(taken, Fix):
            reported.append((seconds, taken.bearing_deg))
    assert {bearing for second, bearing in reported if second <= 210} == {40.0}
    assert len([second for second, _ in reported if 10 < second <= 210]) >= 3
    assert reported[-1][1] == 95.0


@pytest.mark.parametrize("speed_mps", [0.0, 0.4, 0.79])
def test_a_truck_that_has_not_driven_yet_has_no_bearing(speed_mps):
    """After a start the course of a standing receiver is nobody's bearing, from the first report on."""
    reporting = Reporting()
    for second in range(130):
        reporting.seen(north(0.0, second, speed_mps=speed_mps, bearing_deg=second * 50.0 % 360), float(second))
        taken = reporting.take(float(second))
        assert taken is None or taken.bearing_deg is None
