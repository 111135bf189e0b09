"""What becomes an alarm by itself: trucks and units that are silent, runs that do not begin, doors with bins inside."""

from collections.abc import Iterator
from typing import Any

import pytest

from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act
from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.bridge.rehearsal import Rehearsal

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def morning() -> Iterator[Rehearsal]:
    day = Rehearsal(alone=True)
    yield day
    assert day.bridge.counts["rule_faults"] == 0


@pytest.fixture
def night() -> Iterator[Rehearsal]:
    """No run is near; nobody says anything."""
    day = Rehearsal(alone=True, lead_s=6 * 3600)
    day.speak = False
    yield day
    assert day.bridge.counts["rule_faults"] == 0


def life(morning: Rehearsal, device: str, life: str, boot: int = 1) -> None:
    """What the broker says of a device, as it or its last will said it."""
    topic = wire.topic("life", "xh", device, family="room" if device.startswith("r") else "truck")
    morning.bridge.receive(topic, wire.pack(topic, {"life": life, "boot": boot}), morning.now)


def words(morning: Rehearsal) -> dict[str, str]:
    """The words of the alarms that are so, by what they are about."""
    return {about: one.word for about, one in morning.bridge.dispatch.day.alarms.items() if one.active}


def announced(morning: Rehearsal) -> list[str]:
    """What people were told, each time."""
    told: dict[tuple[str, int], str] = {}
    for record in morning.store.scan("alarm"):
        if record.body["announced_at"] is not None:
            told.setdefault((record.key, record.body["announced_at"]), record.body["word"])
    return list(told.values())


def values(morning: Rehearsal, about: str) -> dict[str, Any]:
    """What its sentence is filled with now."""
    return next(entry.fields() for one, entry in morning.bridge.dispatch.day.attention if one.id == about)


def rooms_of(morning: Rehearsal, count: int) -> dict[str, list[str]]:
    """Rooms by estate, of estates that have so many."""
    estates: dict[str, list[str]] = {}
    for name, room in sorted(morning.plan.rooms.items()):
        estates.setdefault(room.estate_id, []).append(name)
    return {estate: rooms for estate, rooms in estates.items() if len(rooms) >= count}


# --- silence ---------------------------------------------------------------------------------------------------


def test_a_truck_on_a_run_that_falls_silent_is_an_alarm_until_it_speaks(morning: Rehearsal) -> None:
    """After three minutes, for a missing word of its receiver not; a silent truck is asked nothing else."""
    morning.serve(0)
    morning.step(20, 5.0)
    morning.speak = False
    morning.step(170)
    assert words(morning) == {}
    morning.step(30)
    assert words(morning) == {"silent/truck/t01": "truck_silent"}
    morning.step(1500)
    assert words(morning) == {"silent/truck/t01": "truck_silent"}
    assert values(morning, "silent/truck/t01")["minutes"] >= 27
    morning.speak = True
    morning.step(80, 5.0)
    assert "silent/truck/t01" not in words(morning)


def test_a_units_last_will_is_an_alarm_after_a_while_and_a_reconnect_is_none(night: Rehearsal) -> None:
    """A router that restarts each hour rings nobody."""
    life(night, "r01", "ready")
    for _ in range(3):
        life(night, "r01", "lost")
        night.step(300)
        life(night, "r01", "ready")
        night.step(300)
    assert announced(night) == []
    life(night, "r01", "lost")
    night.step(920)
    assert words(night) == {"silent/room/r01": "unit_silent"}


def test_a_restart_brings_no_silence_anew(night: Rehearsal) -> None:
    """What the broker says again of a lost unit is not new; what somebody saw is seen."""
    life(night, "r01", "ready")
    life(night, "r01", "lost")
    night.step(920)
    alarm = night.bridge.dispatch.day.alarms["silent/room/r01"]
    night.bridge.act(Act("see_alarm", "Wang", alarm=alarm.id), night.now)
    night.open()
    life(night, "r01", "lost")
    night.step(1500)
    assert announced(night) == ["unit_silent"]
    assert night.bridge.dispatch.day.alarms["silent/room/r01"].state == "seen_active"
    life(night, "r01", "ready", boot=2)
    night.step(80)
    assert words(night) == {}


def test_an_estate_without_power_is_one_alarm(night: Rehearsal) -> None:
    """Its rooms' wills come within a minute of each other; those that come back late are not told one by one."""
    estate, rooms = next(iter(rooms_of(night, 2).items()))
    for room in rooms:
        life(night, room, "ready")
    for room in rooms:
        life(night, room, "lost")
        night.step(20)
    night.step(1000)
    assert words(night) == {f"silent/estate/{estate}": "estate_silent"}
    assert values(night, f"silent/estate/{estate}")["count"] == len(rooms)
    for room in rooms[1:]:
        life(night, room, "ready", boot=2)
        night.step(70)
    assert announced(night) == ["estate_silent"]
    life(night, rooms[0], "ready", boot=2)
    night.step(80)
    assert words(night) == {}


def test_rooms_that_were_never_heard_are_one_alarm_until_each_has_spoken(night: Rehearsal) -> None:
    """After an hour, and over a restart; fewer of them ring nobody again."""
    first, *rest = sorted(night.plan.rooms)
    night.step(3500)
    assert words(night) == {}
    night.step(200)
    assert words(night) == {"silent/never": "units_never_heard"}
    assert values(night, "silent/never")["count"] == len(night.plan.rooms)
    night.open()
    night.step(120)
    for room in rest:
        life(night, room, "ready")
    night.step(120)
    assert values(night, "silent/never") == {"count": 1, "names": night.plan.rooms[first].name}
    life(night, first, "ready")
    night.step(120)
    assert words(night) == {} and announced(night) == ["units_never_heard"]


def test_units_that_fail_one_by_one_are_not_one_cause(night: Rehearsal) -> None:
    """A quarter of an hour and more lies between them."""
    rooms = sorted(night.plan.rooms)[:4]
    for room in night.plan.rooms:
        life(night, room, "ready")
    for room in rooms:
        life(night, room, "ready")
        life(night, room, "lost")
        night.step(1500)
    assert announced(night) == ["unit_silent"] * len(rooms)


def test_a_network_that_fails_is_one_alarm_and_not_one_for_each_estate(night: Rehearsal) -> None:
    """Rooms of many estates at once."""
    for room in night.plan.rooms:
        life(night, room, "ready")
    for room in night.plan.rooms:
        life(night, room, "lost")
    night.step(1000)
    assert words(night) == {"silent/units": "units_silent"}
    night.open()
    night.step(1500)
    assert announced(night) == ["units_silent"]


def test_what_was_told_alone_is_taken_in_by_what_it_is_a_part_of(night: Rehearsal) -> None:
    """It is over by that, and not gone unseen."""
    estate, rooms = next(iter(rooms_of(night, 2).items()))
    for room in rooms:
        life(night, room, "ready")
    life(night, rooms[0], "lost")
    night.step(500)
    for room in rooms[1:]:
        life(night, room, "lost")
    night.step(1000)
    assert night.bridge.dispatch.day.alarms.get(f"silent/room/{rooms[0]}") is None or (
        night.bridge.dispatch.day.alarms[f"silent/room/{rooms[0]}"].state == "normal"
    )
    assert words(night) == {f"silent/estate/{estate}": "estate_silent"}


@pytest.mark.parametrize("restart", [False, True])
def test_a_broker_that_is_away_is_one_alarm_and_nobody_is_silent_by_it(restart: bool) -> None:
    """Five trucks and forty units; when it is back they have their time to speak."""
    morning = Rehearsal()
    morning.serve(0)
    for room in morning.plan.rooms:
        life(morning, room, "ready")
    before = set(words(morning))
    morning.speak = False
    morning.bridge.link_down(morning.now)
    morning.step(1200)
    assert set(words(morning)) - before <= {"link"} and "link" in words(morning)
    if restart:
        morning.open()
    morning.bridge.link_up(morning.now)
    morning.speak = True
    morning.step(600)
    assert [word for word in announced(morning) if word.endswith("silent")] == []
    assert morning.bridge.dispatch.day.alarms["link"].state == "gone_unseen"


def test_trucks_that_fall_silent_together_are_one_alarm() -> None:
    """A mobile network."""
    morning = Rehearsal()
    trucks = sorted({run.truck_id for run in morning.plan.runs.values()})[:4]
    morning.now += 3600
    for device in (*trucks, *morning.plan.rooms):
        life(morning, device, "ready")
    morning.step(5)
    day = morning.bridge.dispatch.day
    running = [run for run in day.runs.values() if run.truck in trucks and day.run_of(run.truck) is run]
    assert len(running) >= 3
    for run in running:
        run.start(int(morning.now))
        life(morning, run.truck, "ready")
    morning.speak = False
    morning.step(200)
    assert {word for about, word in words(morning).items() if about.startswith("silent")} == {"trucks_silent"}


# --- a run's beginning ------------------------------------------------------------------------------------------


def test_a_truck_that_is_not_heard_20_minutes_before_its_run_is_an_alarm() -> None:
    """And when its run should have begun, a worse one of the same; heard and under way it ends."""
    morning = Rehearsal(alone=True, lead_s=1300)
    morning.speak = False
    about = f"begin/{morning.run_id}"
    morning.step(90)
    assert words(morning) == {}
    morning.step(100)
    assert words(morning) == {about: "truck_not_heard"}
    morning.bridge.act(Act("see_alarm", "Wang", alarm=morning.bridge.dispatch.day.alarms[about].id), morning.now)
    morning.step(1110 + 610)
    assert words(morning) == {about: "run_not_begun"}
    assert morning.bridge.dispatch.day.alarms[about].state == "unseen_active"
    morning.speak = True
    morning.step(60, 5.0)
    morning.step(160)
    assert about not in words(morning)
    assert announced(morning)[:2] == ["truck_not_heard", "run_not_begun"]


def test_a_truck_that_is_heard_and_does_not_go_is_a_run_not_begun(morning: Rehearsal) -> None:
    """Ten minutes after its first room's time; its computer is on all the while."""
    morning.step(1500 + 580)
    assert words(morning) == {}
    morning.step(60)
    assert words(morning) == {f"begin/{morning.run_id}": "run_not_begun"}


def test_an_extra_truck_that_is_not_heard_by_its_start_is_an_alarm_until_it_speaks(morning: Rehearsal) -> None:
    """Severe: what it was given waits for nobody; three minutes after it was to be there, and not before."""
    morning.serve(0)
    press = morning.press("breakdown")
    morning.step(2)
    morning.act("decide", press, decision="extra_truck", option=0, truck="t99")
    run = morning.bridge.dispatch.day.last_run_of("t99")
    assert run is not None
    about = f"begin/{run.run_id}"
    morning.speak = False
    morning.step(max(0, int(run.planned_start_at - morning.now)) + 100)
    assert about not in words(morning)
    morning.step(100)
    assert words(morning)[about] == "extra_truck_not_heard"
    shown = {row["id"]: row["level"] for row in snapshot(morning.bridge, morning.now)["attention"]}
    assert shown[about] == "severe"
    for _ in range(8):
        morning.now += 10
        morning.say("fix", {
            "fix_at": int(morning.now), "sent_at": int(morning.now), "lat": morning.place()[0],
            "lon": morning.place()[1], "speed_mps": 5.0, "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3,
            "late": False,
        }, device="t99")  # fmt: skip
        morning.bridge.tick(morning.now)
        morning.bridge.flush(morning.now)
    morning.step(70)
    assert words(morning).get(about) != "extra_truck_not_heard"


def test_a_room_whose_sensors_and_crew_disagree_is_an_alarm(morning: Rehearsal) -> None:
    """It was served, and as many bins stand there as before: said once the emptied ones should be back."""
    room = morning.trip.visits[0].room_id
    bins = [{"waste": morning.waste, "count": 4, "grams": None, "quality": 0}]

    def say_bins() -> None:
        morning.say("bins", {"at": int(morning.now), "late": False, "bins": bins}, device=room)

    say_bins()
    morning.serve(0)
    say_bins()
    morning.step(60, 5.0)
    say_bins()
    assert not [one for one in words(morning).values() if one == "sensor_disagrees"]
    for _ in range(60):
        morning.now += 60
        morning.bridge.tick(morning.now)
        morning.bridge.flush(morning.now)
    found = {about: word for about, word in words(morning).items() if word == "sensor_disagrees"}
    assert list(found) == [f"sensor/{room}/{morning.waste}"]


# --- on the way -------------------------------------------------------------------------------------------------


def test_a_truck_that_stands_on_the_road_is_an_alarm_and_one_whose_driver_pressed_is_none(morning: Rehearsal) -> None:
    """Ten minutes between two rooms; the press says why, and is enough."""
    morning.serve(0)
    morning.step(20, 8.0)
    morning.step(580)
    assert words(morning) == {}
    morning.step(60)
    assert words(morning) == {f"road/{morning.run_id}": "standing"}
    morning.open()
    morning.step(120)
    assert announced(morning) == ["standing"]
    morning.press()
    morning.step(80)
    assert "standing" not in words(morning).values()


def test_a_truck_that_is_emptied_at_the_station_does_not_stand_on_the_road(morning: Rehearsal) -> None:
    """It does once it should have been back on its round for ten minutes."""
    morning.serve(0)
    morning.step(20, 8.0)
    morning.bridge.act(Act("full", "Wang", run_id=morning.run_id), morning.now)
    away_until = morning.bridge.dispatch.day.runs[morning.run_id].away_until
    assert away_until is not None
    morning.step(int(away_until - morning.now) - 60)
    assert "standing" not in words(morning).values()
    morning.step(700)
    assert words(morning)[f"road/{morning.run_id}"] == "standing"


def test_what_is_found_again_and_again_is_on_the_list_since_it_was_found_first(morning: Rehearsal) -> None:
    """Its minutes are those of now."""
    standing = morning.bridge.dispatch.day.attention.of(Topic.ROAD)
    morning.serve(0)
    morning.step(20, 8.0)
    morning.step(640)
    (first,) = standing.values()
    morning.step(300)
    (now,) = standing.values()
    assert (now.since, now.word) == (first.since, "standing")
    assert now.fields()["minutes"] == first.fields()["minutes"] + 5


def test_a_truck_at_a_room_whose_bins_are_inside_is_an_alarm(morning: Rehearsal) -> None:
    """Nothing has left the room since its call, and nobody said that it did; two bins rolled out end it."""
    first = morning.trip.visits[0].room_id

    def counts(count: int) -> None:
        rows = [{"waste": morning.waste, "count": count, "grams": None, "quality": 0}]
        morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device=first)

    life(morning, first, "ready")
    counts(4)
    morning.drive_to(0)
    morning.step(150)
    assert words(morning) == {}
    morning.step(120)
    (about,) = words(morning)
    assert words(morning) == {about: "not_out"} and about.startswith("door/")
    assert values(morning, about)["count"] == 4
    counts(2)
    morning.step(80)
    assert words(morning) == {}


def test_bins_that_the_keeper_says_are_out_are_out(morning: Rehearsal) -> None:
    """A counter that missed them rings nobody."""
    first = morning.trip.visits[0].room_id
    life(morning, first, "ready")
    rows = [{"waste": morning.waste, "count": 4, "grams": None, "quality": 0}]
    morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device=first)
    morning.drive_to(0)
    morning.say("keeper", {"at": int(morning.now), "event": "bins_out"}, device=first)
    morning.step(400)
    assert "not_out" not in words(morning).values()


def test_a_run_that_will_be_late_is_named_ahead_with_who_could_help(morning: Rehearsal) -> None:
    """Its truck starts three quarters of an hour late: one alarm for the run, not one for each room."""
    morning.step(1500 + 2700)
    morning.step(200, 5.0)
    about = f"way/{morning.run_id}/late"
    assert words(morning)[about] == "will_miss"
    told = values(morning, about)
    assert told["minutes"] >= 40 and told["count"] > 3 and told["able"]
    assert announced(morning).count("will_miss") == 1


def test_a_full_truck_that_owes_rooms_is_an_alarm() -> None:
    """By the bins that were counted out of the rooms it served."""
    morning = Rehearsal(alone=True)
    run = morning.bridge.dispatch.day.runs[morning.run_id]
    run.capacity_bins = 3  # type: ignore[misc]
    first = morning.trip.visits[0].room_id
    life(morning, first, "ready")

    def counts(count: int) -> None:
        rows = [{"waste": morning.waste, "count": count, "grams": None, "quality": 0}]
        morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device=first)

    counts(4)
    morning.drive_to(0)
    counts(0)
    morning.step(100)
    assert "truck_full" not in words(morning).values()
    morning.step(60, 5.0)
    assert words(morning)[f"way/{morning.run_id}/full"] == "truck_full"


# --- too many ---------------------------------------------------------------------------------------------------


def test_a_flood_of_alarms_is_said_once(night: Rehearsal) -> None:
    """It begins above ten in ten minutes and ends below five."""
    for number in range(11):
        life(night, f"t{50 + number}", "ready")
        night.step(12)
    assert words(night)["flood"] == "alarm_flood"
    night.step(300)
    assert "flood" in words(night)
    night.step(400)
    assert "flood" not in words(night)
    assert announced(night).count("alarm_flood") == 1
