"""What virtual time leaves out because nothing can come of it, and that nothing does come of it."""

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from firmware.binroom.unit import Unit
from sim.scenario.scenario import load
from sim.virtual.broker import VirtualBroker, Will
from sim.virtual.link import VirtualLink
from sim.virtual.room import VirtualRoom
from sim.virtual.run import play
from sim.world.evidence import Evidence
from sim.world.gps.receiver import Receiver
from sim.world.timeline import Timeline

START_AT = 1_795_555_200
ROOM, WASTE = "r01", "residential_wet"
CLOCK = wire.topic("clock", "xh", family="bridge")
ARRIVAL = wire.topic("arrival", "xh", ROOM, WASTE)


class _Bridge:
    """Says the time each ten seconds, and what a room is told."""

    def __init__(self, timeline: Timeline, broker: VirtualBroker) -> None:
        self.timeline = timeline
        will = Will(wire.topic("life", "xh", family="bridge"), b"")
        self.link = VirtualLink(
            timeline, broker, "bridge-xh", random.Random(1), will=will, filters=[], receive=lambda *_: None,
            up=lambda: None, down=lambda: None,
        )  # fmt: skip
        timeline.every(wire.HEARTBEAT_S, self._beat)

    def _beat(self) -> None:
        self.link.publish(CLOCK, wire.pack(CLOCK, {"at": int(self.timeline.now)}), False)

    def says(self, state: str) -> None:
        now = int(self.timeline.now)
        body = {
            "call_id": "c1", "waste": WASTE, "state": state, "truck": "t01", "run_id": "R", "visit_number": 1,
            "eta_at": now, "early_at": now, "late_at": now, "sent_at": now,
        }  # fmt: skip
        self.link.publish(ARRIVAL, wire.pack(ARRIVAL, body), True)


class _Watched(VirtualRoom):
    """A unit whose lamps somebody looks at all the time."""

    def _may_look_away(self, unit: Unit) -> bool:  # the only place where looking away is decided
        return False


def played(
    folder: Path, minutes: float, slow: float = 0.0, kind: type[VirtualRoom] = VirtualRoom
) -> tuple[list[tuple[float, str]], int]:
    """(what its lamp was seen to show, and since when; how many actions it took) of a truck that stands so long."""
    timeline, seen = Timeline(float(START_AT)), list[tuple[float, str]]()
    broker = VirtualBroker(timeline)
    bridge = _Bridge(timeline, broker)
    room = kind(
        timeline, broker, "xh", ROOM, [WASTE], Evidence(START_AT, START_AT + 3600.0), random.Random(2),
        lambda _, shown, since: seen.append((since - START_AT, shown)), folder, [], slow,
    )  # fmt: skip
    room.power(True)
    timeline.run_until(START_AT + 15.0)
    bridge.says("at_stop")
    actions = timeline.run_until(START_AT + 15.0 + 60.0 * minutes)
    bridge.says("served")
    timeline.run_until(timeline.now + 30.0)
    return seen, actions


@pytest.mark.parametrize("slow", [0.0, 0.01])
@pytest.mark.parametrize("minutes", [0.02, 1.0, 1.004, 2.0055, 2.007])
def test_a_lamp_that_nobody_looks_at_is_seen_as_by_one_who_looked_all_the_time(
    tmp_path: Path, minutes: float, slow: float
) -> None:
    """It blinks by itself as soon as it is known what it shows; its last pulse dates what it shows then."""
    seen, _ = played(tmp_path / "one", minutes, slow)
    as_watched, _ = played(tmp_path / "other", minutes, slow, _Watched)
    assert [shown for _, shown in seen] == [shown for _, shown in as_watched]
    assert [at for at, _ in seen] == pytest.approx([at for at, _ in as_watched], abs=0.01)


def test_a_truck_that_stands_for_longer_costs_nothing_but_heartbeats(tmp_path: Path) -> None:
    """Its lamp has five edges a second, and none of them is an action."""
    one, ten = (played(tmp_path / str(minutes), minutes)[1] for minutes in (1, 10))
    assert ten - one < 9 * 60


def test_a_heartbeat_that_says_what_was_known_asks_nothing_of_a_unit() -> None:
    """But its time counts: without another one the lamp shows no data ninety seconds later, and not before."""
    config = {"area": "xh", "device": ROOM, "wastes": [WASTE], "fw": "1", "report_grams": 3000}
    unit = Unit(config, 1)
    unit.handle(("wake",), 0)
    unit.handle(("link", True), 10)
    body = {"call_id": None, "waste": WASTE, "state": "none", "truck": None, "run_id": None, "visit_number": None,
            "eta_at": None, "early_at": None, "late_at": None, "sent_at": START_AT}  # fmt: skip
    unit.handle(("message", ARRIVAL, wire.pack(ARRIVAL, body)), 20)

    def beat(second: int) -> list[Any]:
        return list(unit.handle(("message", CLOCK, wire.pack(CLOCK, {"at": START_AT + second})), second * 1000))

    beat(1)
    unit.handle(("wake",), 500_000 // 250)  # what the first one brought is said
    due_ms = unit.wake_at_ms
    assert (beat(11), unit.wake_at_ms) == ([], due_ms)
    for second in range(21, 200, 10):
        while unit.wake_at_ms < second * 1000:
            unit.handle(("wake",), unit.wake_at_ms)
        beat(second)
    assert unit.lamps[0].state == "off"
    shown: dict[str, int] = {}
    while unit.wake_at_ms < 400_000:
        now_ms = unit.wake_at_ms
        unit.handle(("wake",), now_ms)
        shown.setdefault(unit.lamps[0].state, now_ms)
    assert shown["no_data"] == (191 + wire.NO_DATA_S) * 1000


def test_a_clock_that_was_set_is_no_heartbeat_that_says_what_was_known() -> None:
    """A unit takes the time that it is told, and looks at everything anew."""
    unit = Unit({"area": "xh", "device": ROOM, "wastes": [WASTE], "fw": "1", "report_grams": 3000}, 1)

    def beat(second: int, at: int) -> int:
        unit.handle(("message", CLOCK, wire.pack(CLOCK, {"at": START_AT + at})), second * 1000)
        return int(unit.settle_at_ms)

    beat(1, 1)
    while unit.wake_at_ms < 10_000:
        unit.handle(("wake",), unit.wake_at_ms)
    assert beat(11, 11) == (1 + wire.NO_DATA_S) * 1000  # as it was
    assert beat(21, 22) == (21 + wire.NO_DATA_S) * 1000
    assert unit.now_s() == START_AT + 22


def test_a_parked_truck_that_is_heard_less_often_says_where_it_is_each_minute() -> None:
    """From the moment on at which it is known to stand."""
    scenario = replace(load("breakdown"), to_s=6 * 3600, happenings=())
    fixes = [one for one in play(scenario, settle_s=0.0).evidence.stored if (one.kind, one.key) == ("fix", "t09")]
    at = [one.body["fix_at"] for one in fixes]
    assert len(at) > 18
    assert {after - before for before, after in pairwise(at[1:])} == {60}


def test_a_receiver_that_nobody_hears_strays_as_one_that_is_heard() -> None:
    """Nothing is put into words, and what it says afterwards is the same."""
    heard, unheard = Receiver(random.Random(5)), Receiver(random.Random(5))
    for second in range(9):
        heard.says(START_AT + second, (31.2, 121.4, 0.0), 0.0)
        assert unheard.says(START_AT + second, (31.2, 121.4, 0.0), 0.0, is_heard=False) == b""
    now, place = START_AT + 9, (31.2, 121.4, 0.0)
    assert heard.says(now, place, 0.0) == unheard.says(now, place, 0.0) != b""
