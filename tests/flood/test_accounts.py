"""A person sees whose account flood control closed, and opens it, beside the running bridge."""

import time
from pathlib import Path
from typing import cast

import pytest

from broker.__main__ import main
from broker.config import LimitsConfig
from broker.flood_control import FloodControl
from broker.mqtt.inbox import Inbox
from broker.mqtt.link import Arrived, BridgeLink
from broker.rules.day.attention.about_devices import FloodsElsewhere
from broker.rules.day.attention.asked import Topic
from tests.support.bridge.morning import Morning
from tests.support.flood.attacker import Attacker
from tests.support.flood.cell import Cell
from tests.support.flood.shapes import positions
from tests.support.processes import BridgeProcess, mosquitto, need_mosquitto, wait_until


@pytest.mark.real
def test_a_closed_account_is_named_and_opened_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who, since when, why; nobody waits ten minutes for a button."""
    need_mosquitto()
    cell = Cell(tmp_path)
    config = ["--config", str(tmp_path / "broker.toml")]
    cell.start()
    try:
        assert main(["accounts", *config]) == 0
        assert capsys.readouterr().out == "no account is closed\n"
        assert main(["accounts", "open", "t01", *config]) == 1
        assert "the account of t01 is not closed" in capsys.readouterr().err
        positions(Attacker(cell.port, time.monotonic() + 3))

        def listed() -> str:
            assert main(["accounts", *config]) == 0
            return text if "t01" in (text := capsys.readouterr().out) else ""

        said = wait_until(listed, "its account is closed")
        assert said.startswith("truck/t01: closed since 20") and "[limits] messages_per_s" in said
        late = Attacker(cell.port, time.monotonic() + 60)
        assert not late.connect()
        assert main(["accounts", "open", "truck/t01", *config]) == 0
        wait_until(late.connect, "it is let in")
        late.leave()
        wait_until(lambda: not listed(), "nobody is closed")
    finally:
        cell.stop()
    assert main(["accounts", *config]) == 1
    assert "no bridge answers" in capsys.readouterr().err


@pytest.mark.real
def test_a_broker_that_is_anothers_throws_nobody_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said where somebody looks for it."""
    broker = mosquitto(tmp_path / "broker")
    bridge = BridgeProcess(tmp_path / "bridge", broker.port)
    bridge.start()
    try:
        assert main(["accounts", "--config", str(tmp_path / "bridge" / "broker.toml")]) == 1
        assert "not the bridge's own Mosquitto" in capsys.readouterr().err
    finally:
        bridge.stop()
        broker.stop()


def test_who_floods_anothers_broker_is_named_with_what_to_do(tmp_path: Path) -> None:
    """The bridge refuses it, and can do no more."""
    inbox = Inbox(LimitsConfig(refused_is_flood=5), lambda: 1000.0)
    bridge = Morning(tmp_path / "records").bridge

    class Link:
        """What the bridge's link does for flood control."""

        def send(self, *_: object) -> None:
            """Nobody hears it."""

        def ask_for_presses(self) -> None:
            """Nobody answers."""

    inbox.put(Arrived([(f"zp/v1/xh/truck/t01/incident/i{number}", b"x", 1) for number in range(100)], 1))
    FloodControl(inbox, None, bridge, cast(BridgeLink, Link())).look(1000)
    asked = bridge.dispatch.day.attention.of(Topic.LIMIT)["truck/t01"].values
    assert isinstance(asked, FloodsElsewhere) and asked.device == "t01"
