"""Devices whose count of starts goes down or back and forth, and presses that are over and sent again."""

from pathlib import Path

import pytest

from broker.ingest.restored.day import restore_beside
from broker.rules.day.attention.about_devices import LowerBoot, Stranger, TwoDevices
from broker.rules.day.attention.asked import Topic
from broker.rules.day.boots import Boots
from firmware import wire
from tests.support.bridge.morning import Morning


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    """A bridge and a truck."""
    return Morning(tmp_path)


def bins(morning: Morning, count: int, boot: int, **more: object) -> None:
    """A unit's report."""
    rows = [{"waste": morning.waste, "count": count, "grams": None, "quality": 0}]
    morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows, **more}, device="r01", boot=boot)


def asked(morning: Morning, name: str) -> object:
    """What is asked about a device's starts."""
    entry = morning.bridge.dispatch.day.attention.of(Topic.BOOTS).get(name)
    return entry.values if entry is not None else None


def count_of(morning: Morning) -> int | None:
    """How many bins are known to stand in r01."""
    known = morning.bridge.dispatch.day.devices.room("r01").bins.get(morning.waste)
    return known.count if known is not None else None


@pytest.mark.parametrize("with_lives", [False, True])
def test_two_units_of_one_id_are_named_and_neither_counts(morning: Morning, *, with_lives: bool) -> None:
    """Boots 5 and 900 in turn: two devices; what one counts is no change of what the other did."""
    for turn in range(6):
        boot, count = ((5, 2), (900, 7))[turn % 2]
        morning.step(20)
        if with_lives:
            morning.bridge.receive("zp/v1/xh/room/r01/life", wire.pack("zp/v1/xh/room/r01/life", {
                "life": "ready", "boot": boot}), morning.now)  # fmt: skip
        bins(morning, count, boot)
    found = asked(morning, "r01")
    assert isinstance(found, TwoDevices)
    assert {found.boot, found.other} == {5, 900}
    assert count_of(morning) is None


def test_one_unit_is_believed_again_an_hour_after_the_other_fell_silent(morning: Morning) -> None:
    """The second unit was taken away."""
    for turn in range(4):
        morning.step(20)
        bins(morning, turn, (5, 900)[turn % 2])
    morning.now += 3700
    bins(morning, 3, 900)
    assert asked(morning, "r01") is None
    assert count_of(morning) == 3


def test_a_lower_boot_without_a_life_is_said(morning: Morning) -> None:
    """A new card that did not say so: nothing moves, and a person is told; with its life it is believed."""
    morning.fix(5.0)
    for boot in (11, 12, 13, 14):
        morning.step(10)
        morning.fix(5.0)
        morning.say("keeper", {"at": int(morning.now), "event": "bins_out"}, device="r01", boot=boot)
        bins(morning, 4, boot)
    morning.step(10)
    bins(morning, 9, 2)
    assert asked(morning, "r01") == LowerBoot("r01", 2, 14)
    assert count_of(morning) == 4
    topic = "zp/v1/xh/room/r01/life"
    morning.bridge.receive(topic, wire.pack(topic, {"life": "ready", "boot": 2}), morning.now)
    morning.step(10)
    bins(morning, 9, 2)
    assert asked(morning, "r01") is None
    assert count_of(morning) == 9


def test_a_backlog_of_an_earlier_boot_is_no_second_device(morning: Morning) -> None:
    """What was kept while the link was away comes late, or was said before the restart."""
    bins(morning, 1, 3)
    morning.step(60)
    bins(morning, 2, 4)
    bins(morning, 1, 3, late=True)
    bins(morning, 1, 3, at=int(morning.now) - 50)
    bins(morning, 2, 4)
    assert asked(morning, "r01") is None


def test_a_new_card_that_counts_on_is_one_device() -> None:
    """900, then 1, 2, 3 … with a life each: nobody is asked; back at 901: two."""
    boots = Boots()
    for boot in (900, 1, 2, 3):
        boots.heard(boot, 10, 10, begins=True)
    assert not boots.are_two(10)
    boots.heard(901, 11, 11, begins=True)
    assert boots.are_two(11)


@pytest.mark.parametrize("with_lives", [False, True])
def test_two_units_of_one_id_are_known_after_a_restart(morning: Morning, *, with_lives: bool) -> None:
    """They are on the list at once, and neither of them counts, nor do the readings of before become one room's."""
    for turn in range(6):
        morning.step(20)
        if with_lives:
            life(morning, "room", "r01", (5, 900)[turn % 2])
        bins(morning, (2, 7)[turn % 2], (5, 900)[turn % 2])
    morning.close()
    morning.open()
    assert isinstance(asked(morning, "r01"), TwoDevices)
    assert count_of(morning) is None
    morning.step(20)
    bins(morning, 7, 900)
    assert count_of(morning) is None
    readings = morning.bridge.dispatch.day.devices.room("r01").readings[morning.waste]
    assert not readings.newest.says
    morning.now += 3700
    bins(morning, 3, 900)
    assert count_of(morning) == 3


def test_a_bridge_that_begins_its_day_again_reads_nothing_of_two_units(morning: Morning) -> None:
    """The day is rebuilt beside the one that goes on: what was set aside then stays aside."""
    for turn in range(6):
        morning.step(20)
        bins(morning, (2, 7)[turn % 2], (5, 900)[turn % 2])
    before = morning.bridge.dispatch.day
    readings = before.devices.room("r01").readings[morning.waste]
    said = [one for one in readings.between(0, int(morning.now)) if one.says]
    restore_beside(morning.store, before, int(morning.now))
    assert [one for one in readings.between(0, int(morning.now)) if one.says] == said


def life(morning: Morning, family: str, name: str, boot: int) -> None:
    """A device says that it is ready."""
    topic = f"zp/v1/xh/{family}/{name}/life"
    morning.bridge.receive(topic, wire.pack(topic, {"life": "ready", "boot": boot}), morning.now)


def strangers(morning: Morning) -> set[object]:
    """Who is on the list as such."""
    return set(morning.bridge.dispatch.day.attention.of(Topic.STRANGER))


def test_strangers_stay_on_the_list_over_a_restart_and_are_what_they_are(morning: Morning) -> None:
    """A room in no plan is no truck, whether or not it has said what stands in it."""
    life(morning, "room", "r98", 3)
    life(morning, "room", "r99", 3)
    life(morning, "truck", "x9", 2)
    rows = [{"waste": morning.waste, "count": 1, "grams": None, "quality": 0}]
    morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device="r99", boot=3)
    morning.step(5)
    morning.close()
    morning.open()
    assert strangers(morning) == {"r98", "r99", "x9"}
    devices = morning.bridge.dispatch.day.devices
    assert not {"r98", "r99"} & set(devices.trucks)
    assert {"r98", "r99"} <= set(devices.rooms)
    assert "x9" in devices.trucks


def test_a_stranger_that_was_never_asked_about_is_asked_about_when_it_speaks_again(morning: Morning) -> None:
    """It is known by a position of before the restart; it is in no plan all the same."""
    morning.fix(0.0)
    where = {"lat": 31.19, "lon": 121.44, "speed_mps": 0.0, "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3}
    for _ in range(2):
        now = int(morning.now)
        morning.say("fix", {"fix_at": now, "sent_at": now, "late": False, **where}, device="x9")
        morning.step(5)
        morning.close()
        morning.open()
    now = int(morning.now)
    morning.say("fix", {"fix_at": now, "sent_at": now, "late": False, **where}, device="x9")
    assert strangers(morning) == {"x9"}


def began(*starts: int, every_s: int = 600) -> bool:
    """Whether a device that began with these boots, and spoke after each, is ever taken for two."""
    boots, now, two = Boots(), 1_000_000, False
    for boot in starts:
        now += every_s
        boots.heard(boot, now, now, begins=True)
        boots.heard(boot, now + 5, now + 5, begins=False)
        two = two or boots.are_two(now + 5)
    return two


def test_a_new_board_that_counts_past_its_forerunner_is_one_device() -> None:
    """Boot 3, then 1, 2, 3, 4 of a new board, each with its life; also when a second new board follows."""
    assert not began(3, 1, 2, 3, 4, 5)
    assert not began(3, 1, 2, 3, 1, 2, 3, 4)
    assert began(3, 1, 3), "the old one came back"
    assert began(5, 900, 6, 901)


def test_a_truck_that_cannot_write_its_count_is_one_device() -> None:
    """Its boots are at random, up and down."""
    assert not began(500_001, 300_001, 700_001, 400_001, 900_001, 2_001, 999_001, 500_001 + 3000)


def test_a_number_that_was_left_long_ago_is_forgotten() -> None:
    """A board was changed back after hours."""
    assert not began(900, 1, 2, 901, every_s=2000)


def test_the_left_number_without_a_life_is_a_second_device() -> None:
    """The old board speaks on while the new one has counted up to just below it; what it said before is nothing."""
    boots = Boots()
    for boot, at in ((3, 10), (1, 20), (2, 30)):
        boots.heard(boot, at, at, begins=True)
    boots.heard(3, 15, 40, begins=False)
    assert not boots.are_two(40)
    boots.heard(3, 45, 45, begins=False)
    assert boots.are_two(45)


def test_a_stranger_is_named_and_its_press_is_shown(morning: Morning) -> None:
    """A truck in no plan: its press is on the screen and acknowledged, and moves nothing."""
    runs = [run.body() for run in morning.bridge.dispatch.day.runs.values()]
    press(morning, "v9-1-1", device="v9")
    day = morning.bridge.dispatch.day
    assert day.attention.of(Topic.STRANGER)["v9"].values == Stranger("v9")
    assert day.incidents[("v9", "v9-1-1")].open
    assert morning.retained["zp/v1/xh/truck/v9/incident_ack/v9-1-1"]["stage"] == "stored"
    assert [run.body() for run in day.runs.values()] == runs
    assert "t01" not in day.attention.of(Topic.STRANGER)


def press(morning: Morning, name: str, *, device: str = "t01", withdrawn: bool = False, again: bool = False) -> None:
    """A press; `again`: the very message that was sent before."""
    if again:
        morning.seq -= 1
    body = {"incident_id": name, "reason": "lane_blocked", "pressed_at": int(morning.now), "lat": None, "lon": None,
            "fix_at": None, "withdrawn": withdrawn}  # fmt: skip
    morning.say("incident", body, name, device=device)
    morning.bridge.flush(morning.now)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_press_that_is_over_and_comes_again_is_cleared_at_once(morning: Morning, *, restarted: bool) -> None:
    """Its ack was lost: the truck sends it again, retained. It is acknowledged, and both its topics are cleared."""
    press(morning, "p1")
    press(morning, "p1", withdrawn=True)
    if restarted:
        morning.store.close()
        morning.open()
    morning.sent.clear()
    press(morning, "p1", withdrawn=True, again=True)
    cleared = [topic for _, topic, body in morning.sent if body is None]
    assert {"zp/v1/xh/truck/t01/incident/p1", "zp/v1/xh/truck/t01/incident_ack/p1"} <= set(cleared)
    acked = [body for _, topic, body in morning.sent if topic == "zp/v1/xh/truck/t01/ack"]
    assert any(ack["boot"] == 1 for ack in acked[-1]["acks"])
    assert not any(body is not None and "incident_ack" in topic for _, topic, body in morning.sent)
