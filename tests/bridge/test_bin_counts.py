"""What the sensors say around a visit becomes what waits, what was collected, or a contradiction the figures name."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.rules.dispatch.actions import Act
from broker.rules.statistics.cube import count as cube_of
from broker.rules.statistics.cube import disagreements
from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.bridge.bin_room import FULL, TARE, Rooms

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Rooms]:
    day = Rooms(tmp_path / "records", alone=True)
    yield day
    day.close()


@pytest.mark.parametrize("restarts", [False, True])
def test_rolled_out_before_the_truck_and_back_after_it(morning: Rooms, restarts: bool) -> None:
    """The sensors see an empty room when the truck comes; six bins of 48 kg were collected, and six waited all along.

    A bridge that is restarted after the roll-out, at the stop and after the departure knows the same.
    """
    morning.life("ready")
    morning.report(6, 6 * FULL)
    morning.serve(0)
    morning.roll_out(6)
    assert morning.visit()["state"] in ("pending", "due")
    if restarts:
        morning.restart()
    morning.step(1)
    assert morning.waits() == [(6, 6 * FULL)] * 2
    morning.drive_to(1)
    morning.step(60)
    assert morning.visit()["state"] == "at_stop" and morning.waits() == [(6, 6 * FULL)] * 2
    if restarts:
        morning.restart()
        morning.step(20)
    morning.step(60)
    morning.go_on()
    assert morning.amounts()[0] == 6
    if restarts:
        morning.restart()
    morning.roll_in(6)
    assert morning.amounts() == (6, 6 * (FULL - TARE))
    body = morning.visit()
    assert (body["bins_before"], body["grams_after"], body["tare_grams"]) == (6, 6 * TARE, TARE)
    assert disagreements(body) == []
    stays = [record.body["bins"] for record in morning.store.scan("dwell") if record.body["room_id"] == morning.room]
    assert stays == [6]  # its begin and its end were seen, whoever was restarted between them
    row = cube_of([*morning.store.scan("visit")], "Asia/Shanghai")
    assert sum(figures["bins"] for figures in row.values()) == 6
    assert sum(figures["grams"] for figures in row.values()) == 6 * (FULL - TARE)


def test_the_crew_fetches_the_bins(morning: Rooms) -> None:
    """One after the other leaves the room while the truck stands there, and comes back emptied."""
    morning.report(3, 3 * FULL)
    morning.serve(0)
    morning.drive_to(1)
    morning.step(20)
    for number in range(3):
        morning.report(2, 2 * FULL - number * (FULL - TARE))
        morning.step(15)
        morning.report(3, 3 * FULL - (number + 1) * (FULL - TARE))
        morning.step(10)
    morning.go_on()
    assert morning.amounts() == (3, 3 * (FULL - TARE))


def test_count_and_weight_may_come_one_after_the_other(morning: Rooms) -> None:
    """A count that falls while the truck stands, a weight that settles after it left: both are collected."""
    morning.report(6, 300_000)
    morning.serve(0)
    morning.drive_to(1)
    morning.step(60)
    morning.report(1, 300_000)
    morning.step(60)
    morning.go_on()
    morning.report(1, 50_000)
    assert morning.amounts() == (5, 250_000) and disagreements(morning.visit()) == []


def test_a_bin_that_comes_back_full_and_one_that_was_forgotten(morning: Rooms) -> None:
    """Six stood there, five were put out, one of them was refused: four were emptied."""
    morning.report(6, 6 * FULL)
    morning.serve(0)
    morning.roll_out(5, left=1)
    morning.serve(1)
    morning.go_on()
    morning.roll_in(5, full=1, there=1)
    assert morning.amounts() == (4, 4 * (FULL - TARE)) and morning.waits()[0] == (6, 6 * FULL)


def test_one_of_another_kind_is_put_out_as_well(morning: Rooms) -> None:
    """It comes back full; this truck took none of it, and the other kind's truck finds it waiting."""
    other = next(waste for waste in morning.plan.rooms[morning.room].wastes if waste != morning.waste)
    morning.report(2, 2 * FULL)
    morning.report(4, 4 * FULL, waste=other)
    morning.serve(0)
    morning.roll_out(2)
    morning.report(3, 3 * FULL, waste=other)
    morning.serve(1)
    morning.go_on()
    morning.roll_in(2)
    morning.report(4, 4 * FULL, waste=other)
    assert morning.amounts() == (2, 2 * (FULL - TARE))
    theirs = [visit for visit in morning.bridge.dispatch.day.visits.at(morning.room, other) if visit.bins_after]
    assert theirs == []


def test_two_trucks_of_different_kinds_at_one_room(tmp_path: Path) -> None:
    """Each truck's visit is its own kind's, though both roll out within the same minutes."""
    morning = Rooms(tmp_path / "records", truck="t03")
    other = "residential_wet"
    morning.report(3, 3 * FULL)
    morning.report(5, 5 * FULL, waste=other)
    morning.serve(0)
    morning.roll_out(3)
    morning.report(0, 0, waste=other)
    visit = next(one for one in morning.bridge.dispatch.day.visits.at(morning.room, other) if one.owed)
    morning.bridge.act(Act("serve", "Wang", visit=visit.key), morning.now)
    morning.serve(1)
    morning.go_on()
    morning.report(5, 5 * TARE, waste=other)
    morning.roll_in(3)
    assert morning.amounts() == (3, 3 * (FULL - TARE))
    morning.close()


@pytest.mark.parametrize("stands", ["beside it", "before the bins are back", "after they are back"])
def test_two_trucks_of_one_kind_at_one_room(morning: Rooms, stands: str) -> None:
    """Which of them took what is known only where the bins of the first were back when the second came."""
    morning.report(4, 4 * FULL)
    morning.serve(0)
    morning.roll_out(4)
    morning.drive_to(1)
    morning.step(60)
    visits = morning.bridge.dispatch.day.visits
    first = visits[morning.run_id, morning.room, 1]

    def second_comes() -> None:
        """Another run's visit, as its truck's position makes it."""
        at = int(morning.now)
        visits.place(replace(first, run_id="another.20261125", truck="t09", state="at_stop", arrived_at=at))

    if stands == "beside it":
        second_comes()
    morning.step(60)
    morning.go_on()
    if stands == "before the bins are back":
        second_comes()
    morning.roll_in(4)
    if stands == "after they are back":
        morning.step(90)
        second_comes()
    morning.report(4, 4 * TARE + 3000)
    assert morning.amounts() == ((4, 4 * (FULL - TARE)) if stands == "after they are back" else (None, None))
    assert morning.visit()["bins_before"] == 4


@pytest.mark.parametrize(("grams", "amounts"), [(FULL, (3, 3 * (FULL - TARE))), (TARE, (4, 4 * (FULL - TARE)))])
def test_a_bin_that_is_seen_again_after_an_hour(morning: Rooms, grams: int, amounts: tuple[int, int]) -> None:
    """It was believed emptied; by its weight it was, or the crew refused it."""
    morning.report(4, 4 * FULL)
    morning.serve(0)
    morning.roll_out(4)
    morning.serve(1)
    morning.go_on()
    morning.roll_in(3)
    morning.speak = False
    morning.step(3600)
    morning.report(3, 3 * TARE)
    assert morning.amounts() == (4, 4 * (FULL - TARE))
    morning.report(4, 3 * TARE + grams)
    assert morning.amounts() == amounts


def test_the_first_day_of_a_room_whose_keeper_is_late(morning: Rooms) -> None:
    """What an emptied bin weighs is not known yet: the kilograms are, once one came back, after an hour too."""
    morning.report(3, 3 * FULL)
    morning.serve(0)
    morning.roll_out(3)
    morning.serve(1)
    morning.go_on()
    assert morning.amounts() == (3, None)
    morning.speak = False
    morning.step(3600)
    morning.report(0, 0)
    assert morning.amounts() == (3, None)
    morning.roll_in(3)
    assert morning.amounts() == (3, 3 * (FULL - TARE))


def test_a_unit_that_was_away_for_half_a_day(morning: Rooms) -> None:
    """Its backlog tells what was collected ten hours ago."""
    morning.life("ready")
    morning.report(6, 6 * FULL)
    morning.serve(0)
    morning.life("lost")
    rolled_at = int(morning.now)
    morning.serve(1)
    morning.go_on()
    left_at = morning.visit()["left_at"]
    morning.speak = False
    morning.hours(10)
    newest = morning.seq = morning.seq + 10
    morning.life("ready")
    morning.report(6, 6 * TARE)
    assert morning.amounts() == (None, None)
    for number, (at, count, grams) in enumerate(
        [(rolled_at + 10, 3, 3 * FULL), (rolled_at + 20, 0, 0), (left_at + 100, 6, 6 * TARE)]
    ):
        morning.seq = newest - 9 + number
        morning.report(count, grams, at=at, late=True)
    assert morning.amounts() == (6, 6 * (FULL - TARE))


@pytest.mark.parametrize(("quality", "known"), [(1, True), (2, True), (3, False), (4, False)])
def test_sensors_that_are_not_good(morning: Rooms, quality: int, known: bool) -> None:
    """A doubtful sensor's word is taken and named; one that is unsteady or useless says nothing about bins."""
    morning.report(4, 4 * FULL)
    morning.serve(0)
    morning.step(10)
    for number in (3, 2, 1, 0):
        morning.report(number, number * FULL, quality=quality)
    morning.serve(1)
    morning.go_on()
    morning.report(4, 4 * TARE)
    assert morning.amounts() == ((4, 4 * (FULL - TARE)) if known else (None, None))
    assert disagreements(morning.visit()) == ["sensors_doubtful"]


def test_a_room_that_says_nothing_has_no_amounts(morning: Rooms) -> None:
    """Unknown is not zero."""
    morning.serve(0)
    morning.serve(1)
    morning.go_on()
    assert morning.amounts() == (None, None) and disagreements(morning.visit()) == []


def test_a_visit_skipped_after_the_roll_out_and_its_second_one(morning: Rooms) -> None:
    """The lane is blocked: the bins go back full and nothing was collected. The second visit is another roll-out."""
    morning.life("ready")
    morning.report(4, 4 * FULL)
    morning.serve(0)
    morning.roll_out(4)
    morning.step(40, 5.0)
    incident_id = morning.press()
    assert morning.visit()["state"] == "skipped"
    morning.step(60)
    morning.roll_in(4, full=4)
    morning.step(2700)
    morning.report(4, 4 * FULL)
    assert morning.amounts() == (None, None) and disagreements(morning.visit()) == []
    morning.act("clear", incident_id)
    morning.roll_out(3, left=1)
    assert morning.waits()[1] == (4, 4 * FULL)
    morning.bridge.act(Act("serve", "Wang", visit=(morning.run_id, morning.room, 2)), morning.now)
    assert morning.visit(2)["state"] == "served"


@pytest.mark.parametrize(("back_grams", "words"), [(6 * TARE, ["skipped_but_count_fell"]), (6 * FULL, [])])
def test_a_crew_that_skips_and_takes_is_contradicted(morning: Rooms, back_grams: int, words: list[str]) -> None:
    """Stood there, said "not out", and then six bins come back emptied: the figures say so; come back full: not."""
    morning.report(6, 6 * FULL)
    morning.serve(0)
    morning.drive_to(1)
    morning.step(60)
    visit = (morning.run_id, morning.room, 1)
    morning.bridge.act(Act("skip", "crew", visit=visit, reason="not_out"), morning.now)
    morning.report(0, 0)
    morning.go_on()
    morning.step(300)
    morning.report(6, back_grams)
    assert morning.visit()["state"] == "skipped" and disagreements(morning.visit()) == words


def test_bins_that_never_came_back_from_a_skipped_visit(morning: Rooms) -> None:
    """Five are gone, and nobody says where."""
    morning.report(6, None)
    morning.serve(0)
    morning.drive_to(1)
    morning.step(60)
    visit = (morning.run_id, morning.room, 1)
    morning.bridge.act(Act("skip", "crew", visit=visit, reason="not_out"), morning.now)
    morning.report(1, None)
    assert disagreements(morning.visit()) == []  # they may stand outside
    morning.speak = False
    morning.step(2700)
    morning.report(1, None)
    assert disagreements(morning.visit()) == ["skipped_but_count_fell"]


def test_a_unit_that_was_away_says_later_what_was_collected(morning: Rooms) -> None:
    """Nobody knows what was left while it is away; its backlog fills that, in whatever order and twice."""
    morning.life("ready")
    morning.report(6, 6 * FULL)
    morning.serve(0)
    morning.life("lost")
    rolled_at = int(morning.now)
    morning.serve(1)
    morning.go_on()
    body = morning.visit()
    assert (body["state"], body["bins_before"], morning.amounts()) == ("served", 6, (None, None))
    morning.step(1200)
    newest = morning.seq + 10
    morning.seq = newest
    morning.life("ready")
    morning.report(6, 6 * TARE)
    assert morning.amounts() == (None, None)
    backlog = [(rolled_at + 10, 3, 3 * FULL), (rolled_at + 20, 0, 0), (body["left_at"] + 100, 6, 6 * TARE)]
    for number, (at, count, grams) in [*reversed(list(enumerate(backlog))), *enumerate(backlog)]:
        morning.seq = newest - 9 + number
        morning.report(count, grams, at=at, late=True)
    morning.seq = newest + 10
    assert morning.amounts() == (6, 6 * (FULL - TARE))
    state = morning.bridge.dispatch.day.devices.rooms[morning.room]
    assert state.bins[morning.waste].grams == 6 * TARE
    before = morning.visit()
    morning.restart()
    morning.report(6, 6 * TARE)
    assert morning.visit() == before


def test_a_report_that_was_overtaken_still_counts_at_its_own_time(morning: Rooms) -> None:
    """Two reports come in the wrong order, and the later one was the emptier room; a restart changes nothing."""
    morning.report(4, 4 * FULL)
    morning.serve(0)
    morning.step(20)
    at = int(morning.now)
    morning.seq += 1
    morning.report(0, 0, at=at + 5)
    morning.seq -= 2
    morning.report(2, 2 * FULL, at=at)
    morning.seq += 1
    morning.restart()
    morning.serve(1)
    morning.go_on()
    morning.roll_in(4)
    assert morning.amounts() == (4, 4 * (FULL - TARE))


def test_a_change_without_any_visit_is_nobodys(morning: Rooms) -> None:
    """Two bins are taken to another room long before the truck: what waits is what is left, and only that is taken."""
    morning.report(6, 6 * FULL)
    morning.report(4, 4 * FULL)
    assert morning.bridge.dispatch.day.devices.rooms[morning.room].bins[morning.waste].count == 4
    morning.speak = False
    morning.step(3700)
    morning.speak = True
    assert morning.waits()[1] == (4, 4 * FULL)


def test_a_unit_that_is_there_and_says_nothing_new_has_what_it_had(morning: Rooms) -> None:
    """Counts are sent when they change: nothing was collected, and that is on record."""
    morning.life("ready")
    morning.report(6, 300_000)
    morning.serve(0)
    morning.serve(1)
    morning.go_on()
    body = morning.visit()
    assert (body["state"], body["bins_before"], body["bins_after"]) == ("served", 6, 6)
    assert disagreements(body) == ["served_but_count_stayed"]


def test_what_a_scale_wavers_is_not_written_down(morning: Rooms) -> None:
    """Less than half a kilogram is noise: it makes no record."""
    morning.report(6, 300_000)
    morning.serve(0)
    morning.serve(1)
    morning.report(1, 50_000)
    morning.go_on()
    written = len(list(morning.store.scan("visit")))
    morning.report(1, 49_700)
    assert len(list(morning.store.scan("visit"))) == written


def test_a_visit_that_a_person_calls_served_has_its_amounts(morning: Rooms) -> None:
    """Nobody saw the truck stop; where it is known when it went by, the bins say what it took."""
    morning.report(3, 3 * FULL)
    morning.serve(0)
    morning.roll_out(3)
    morning.drive_to(1, speed_mps=8.0)
    morning.step(40, 8.0)
    body = morning.visit()
    assert body["state"] in ("pending", "due") and body["passed_at"] is not None
    morning.roll_in(3)
    morning.bridge.act(Act("serve", "Wang", visit=(morning.run_id, morning.room, 1)), morning.now)
    assert morning.amounts() == (3, 3 * (FULL - TARE))


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_late_report_after_many_hours_wipes_no_count(morning: Rooms, newest_first: bool, restarted: bool) -> None:
    """What a visit rests on was left behind meanwhile: from what remains it is not counted again."""
    morning.report(5, 5 * FULL)
    morning.drive_to(1)
    morning.roll_out(5)
    morning.step(60)
    morning.go_on()
    morning.roll_in(5)
    morning.go_on(60)
    counted = morning.amounts()
    assert counted == (5, 5 * (FULL - TARE))
    morning.speak = False
    ring_at = int(morning.now) + 60
    morning.hours(6)
    if restarted:
        morning.close()
        morning.open()
    if newest_first:
        morning.report(6, 80_000)
    morning.report(5, 5 * TARE + 200, at=ring_at, late=True)
    morning.step(5)
    assert morning.amounts() == counted


@pytest.mark.parametrize("quality", [3, 4])
@pytest.mark.parametrize("said_again", [False, True])
def test_a_useless_reading_is_not_what_waits(tmp_path: Path, quality: int, said_again: bool) -> None:
    """The truck and the screen are told what was seen before it, an hour later too."""
    morning = Rooms(tmp_path / "records", lead_s=3500)
    morning.now -= 4500
    morning.report(5, 5 * FULL)
    morning.step(10)
    morning.report(7, 7 * FULL, quality=quality)
    morning.now += 5000
    morning.fix(0.0)
    morning.step(60)
    if said_again:
        morning.report(7, 7 * FULL, quality=quality)
        morning.step(60)
    assert morning.waits() == [(5, 5 * FULL), (5, 5 * FULL)]
    morning.close()


def test_a_useless_reading_waits_for_no_truck_either(morning: Rooms) -> None:
    """A waste kind of which no visit is owed: what the sensors cannot see is not known."""
    other = next(waste for waste in wire.WASTES if waste != morning.waste)
    morning.report(4, None, waste=other)
    morning.report(7, None, waste=other, quality=4)
    rooms = snapshot(morning.bridge, morning.now)["rooms"]
    shown = next(row["bins"][other] for row in rooms if row["room"] == morning.room)
    assert (shown["count"], shown["inside"], shown["quality"]) == (None, 7, 4)
