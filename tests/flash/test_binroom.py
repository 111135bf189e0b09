"""tools/flash.py from a plugged-in board to the unit's hello: real mpremote, MicroPython, mpy-cross, Mosquitto."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker.mqtt.own_broker.mosquitto import EmbeddedBroker
from firmware import wire
from tests.support.flashing import AREA, PASSWORDS, Workshop, running_broker
from tools.flashing import ledger
from tools.flashing.board.board import open_board
from tools.flashing.board.inventory import Contents, read_contents
from tools.flashing.board.release.release import MANIFEST, Release, pack_release
from tools.flashing.commands import main

pytestmark = pytest.mark.real

HELLO = ("--hello-seconds", "20")
SECRETS = [*PASSWORDS.values(), "the wifi key"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One Mosquitto for all tests here."""
    with running_broker(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture
def workshop(tmp_path: Path, broker: EmbeddedBroker) -> Iterator[Workshop]:
    """A workshop on that broker."""
    workshop = Workshop(tmp_path, broker.port)
    yield workshop
    workshop.close()


def contents_of(port: Path) -> Contents:
    """What is on a board; it goes on with its work afterwards."""
    with open_board(str(port)) as board:
        contents = read_contents(board)
        board.reset()
    return contents


def test_a_new_board_becomes_a_unit_that_reports(workshop: Workshop) -> None:
    """One command: release, settings, hello, label, ledger; a second run writes nothing; no secret is told anywhere."""
    with workshop.board() as board:
        code, told, text = workshop.flash("binroom", "--id", "r01", "--area", AREA, *HELLO)
        assert code == 0, text
        unit = told["units"][0]
        assert unit["hello_boot"] == 1
        assert unit["written"][-1] == "/current"
        contents = contents_of(board.port)
        assert (contents.device, contents.area, contents.current) == ("r01", AREA, unit["release"])
        assert f"/release/{unit['release']}/logging.py" in contents.files

        code, told, more = workshop.flash("binroom", "--id", "r01", *HELLO)
        assert code == 0, more
        assert told["units"][0]["bytes_written"] == 0
        assert told["units"][0]["hello_boot"] > 1

        code, told, more_still = workshop.flash("verify", "--id", "r01")
        assert (code, told["wrong"]) == (0, [])
        lines, bad = ledger.read(workshop.folder / "ledger.jsonl")
        assert (lines[0]["id"], lines[0]["release"], lines[0]["hello_boot"]) == ("r01", unit["release"], 1)
        assert (len(lines), bad) == (2, 0)
        label = (workshop.folder / "labels/room-r01.txt").read_text()
        assert f"zp:{AREA}/room/r01" in label
        everything = text + more + more_still + label + json.dumps(lines) + board.printed.decode(errors="replace")
        assert not [secret for secret in SECRETS if secret in everything]


def test_an_upgrade_and_the_way_back(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade `rollback` puts the former release in force, and the unit reports with it; the ledger knows."""
    usual = main.build_release

    def older(repo: Path, index: str | None) -> Release:
        built = usual(repo, index)
        files = {path: data for path, data in built.files.items() if path != MANIFEST}
        return pack_release({**files, "notes.txt": b"the release before"}, built.boot_loader)

    with workshop.board() as board:
        monkeypatch.setattr(main, "build_release", older)
        _, told, _ = workshop.flash("binroom", "--id", "r02", *HELLO)
        before = told["units"][0]["release"]
        monkeypatch.setattr(main, "build_release", usual)
        code, told, text = workshop.flash("binroom", "--id", "r02", *HELLO)
        assert code == 0, text
        assert (told["units"][0]["former"], told["units"][0]["release"] != before) == (before, True)
        assert told["units"][0]["copied"] > 10
        assert told["units"][0]["bytes_written"] < 5000
        code, told, text = workshop.flash("rollback", "--id", "r02", "--dry-run", *HELLO)
        assert (code, told["would_be"]) == (0, told["former"]), text
        assert contents_of(board.port).current == told["release"]
        code, told, text = workshop.flash("rollback", "--id", "r02", *HELLO)
        assert code == 0, text
        assert (told["release"], told["hello_boot"] is not None) == (before, True)
        lines, _ = ledger.read(workshop.folder / "ledger.jsonl")
        assert [line["action"] for line in lines] == ["binroom", "binroom", "rollback"]


def test_a_flashed_unit_lights_its_lamp(workshop: Workshop, broker: EmbeddedBroker) -> None:
    """From the box to the wall: what the tool wrote takes a call from the broker and drives the lamp's pin."""
    with workshop.board(with_panel=True):
        assert workshop.flash("binroom", "--id", "r09", *HELLO)[0] == 0
        bridge = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"bridge-{AREA}")
        bridge.username_pw_set(f"bridge-{AREA}", PASSWORDS[f"bridge-{AREA}"])
        bridge.connect("127.0.0.1", broker.port)
        bridge.loop_start()
        now = int(time.time())
        call = {"call_id": "c1", "waste": "residential_wet", "state": "due", "truck": "t01", "run_id": "day-1"}
        call |= {"visit_number": 1, "eta_at": now + 900, "early_at": now + 800, "late_at": now + 1000, "sent_at": now}
        topic = wire.topic("arrival", AREA, "r09", "residential_wet")
        bridge.publish(topic, wire.pack(topic, call), qos=1, retain=True).wait_for_publish(5)
        clock = wire.topic("clock", AREA)
        until = time.monotonic() + 20
        # The lamp of a unit without data flashes 0.1 s: lit for longer is lit by the call.
        steady = 0
        while steady < 6 and time.monotonic() < until:
            bridge.publish(clock, wire.pack(clock, {"at": int(time.time())}), qos=1).wait_for_publish(5)
            time.sleep(0.1)
            steady = steady + 1 if workshop.panels[0].level(16) == 1 else 0
        bridge.disconnect()
        bridge.loop_stop()
        assert steady == 6


def test_a_dry_run_writes_nothing(workshop: Workshop) -> None:
    """--dry-run shows the plan and leaves board, ledger and labels as they were."""
    with workshop.board() as board:
        code, told, text = workshop.flash("binroom", "--id", "r01", "--dry-run")
        assert code == 0, text
        assert told["units"][0]["bytes_written"] > 10000
        assert contents_of(board.port).files == {}
        assert not (workshop.folder / "ledger.jsonl").exists()


def test_several_units_at_once_and_one_that_fails(workshop: Workshop) -> None:
    """Two boards are written side by side; the one whose password is missing fails alone with its own exit code."""
    for number in (1, 2):
        workshop.board(f"binroom-0{number}").plug()
    ports = {number: workshop.ports / f"binroom-0{number}" for number in (1, 2)}
    (workshop.folder / "keys/r02.password").unlink()
    code, told, text = workshop.flash("binroom", "--with", f"r01={ports[1]}", "--with", f"r02={ports[2]}", *HELLO)
    assert code == 2, text
    good, bad = told["units"]
    assert (good["id"], good["ok"], good["hello_boot"]) == ("r01", True, good["hello_boot"])
    assert good["hello_boot"] is not None
    assert (bad["id"], bad["error"]["problem"]) == ("r02", "secret_file")


def test_a_used_id_is_refused_until_it_is_replaced(workshop: Workshop) -> None:
    """A second board cannot take r03 while the first lives; with --replace it can, and counts its boots on."""
    first, second = workshop.board("binroom-01"), workshop.board("binroom-02")
    first.plug()
    assert workshop.flash("binroom", "--id", "r03", "--port", str(first.port), *HELLO)[0] == 0
    second.plug()
    code, told, _ = workshop.flash("binroom", "--id", "r03", "--port", str(second.port), *HELLO)
    assert (code, told["units"][0]["error"]["problem"]) == (50, "id_used")
    assert contents_of(second.port).files == {}
    first.pull()
    code, told, _ = workshop.flash("binroom", "--id", "r03", "--port", str(second.port), *HELLO)
    assert told["units"][0]["error"]["problem"] == "id_used"
    code, told, text = workshop.flash("binroom", "--id", "r03", "--port", str(second.port), "--replace", *HELLO)
    assert code == 0, text
    assert told["units"][0]["hello_boot"] > 1


def test_a_board_moved_to_another_room_forgets_the_first(workshop: Workshop) -> None:
    """The state of r04 is not on the board any more when it is r05."""
    with workshop.board() as board:
        assert workshop.flash("binroom", "--id", "r04", *HELLO)[0] == 0
        before = contents_of(board.port)
        assert any(path.startswith("/state/ring") for path in before.files) or "/state/boot.json" in before.files
        code, told, text = workshop.flash("binroom", "--id", "r05", *HELLO)
        assert code == 0, text
        assert "/state/boot.json" not in told["units"][0]["removed"]
        assert told["units"][0]["hello_boot"] > before.boot
        assert contents_of(board.port).device == "r05"


def test_the_broker_that_refuses_the_unit_is_named(workshop: Workshop) -> None:
    """A wrong password is found out by the board itself, not reported as silence."""
    (workshop.folder / "keys/r06.password").write_text("not what the broker knows\n")
    with workshop.board():
        code, told, _ = workshop.flash("binroom", "--id", "r06", "--hello-seconds", "4")
        assert (code, told["units"][0]["error"]["problem"]) == (44, "broker_refused")
        assert "r06" in told["units"][0]["error"]["sentence"]


def test_a_wrong_wifi_password_is_named(workshop: Workshop) -> None:
    """The board cannot join: the sentence says which network and that it is the password."""
    from tests.support.flashing import write_secret

    write_secret(workshop.folder / "keys/wifi.key", "not the wifi key")
    workshop.write_settings(wifi={"ssid": "binrooms", "key_file": "keys/wifi.key"})
    with workshop.board(environment={"ZP_WIFI": "binrooms:the wifi key"}):
        code, told, _ = workshop.flash("binroom", "--id", "r07", "--hello-seconds", "2", "--wifi-seconds", "2")
        assert (code, told["units"][0]["error"]["problem"]) in {(41, "wifi_password"), (40, "wifi_unknown")}
        assert "binrooms" in told["units"][0]["error"]["sentence"]


def test_a_board_without_a_unit_says_what_to_do(workshop: Workshop) -> None:
    """A blank board, or another than was asked for: one sentence, and the command that helps; nothing is written."""
    with workshop.board() as board:
        for command in ("selftest", "verify", "rollback"):
            for id_given in ((), ("--id", "r01")):
                code, told, text = workshop.flash(command, *id_given)
                assert (code, told["error"]["problem"]) == (38, "no_unit"), text
                assert "is no unit yet" in told["error"]["sentence"]
                assert f"flash.py binroom --id ID --port {board.port}" in told["error"]["action"]
        assert contents_of(board.port).files == {}
        assert workshop.flash("binroom", "--id", "r01", *HELLO)[0] == 0
        for command in ("selftest", "rollback"):
            code, told, text = workshop.flash(command, "--id", "r02")
            assert (code, told["error"]["problem"]) == (39, "other_unit"), text
            assert "r01, not r02" in told["error"]["sentence"]
        code, told, text = workshop.flash("selftest", "--id", "r01", "--dry-run")
        assert (code, told["would_test"][0]) == (0, "settings"), text


def test_selftest_and_list_and_rollback_on_a_running_unit(workshop: Workshop) -> None:
    """The self test passes, a dead lamp fails it, `list` names the unit, a rollback needs a former release."""
    with workshop.board(with_panel=True) as board:
        assert workshop.flash("binroom", "--id", "r08", *HELLO)[0] == 0
        code, told, text = workshop.flash("selftest", "--id", "r08", "--hold-ms", "10")
        assert code == 0, text
        assert {step["name"] for step in told["steps"]} >= {"flash", "lamps", "buttons", "sensors", "wifi", "broker"}
        workshop.panels[0].stick(16, 0)
        code, told, _ = workshop.flash("selftest", "--id", "r08", "--hold-ms", "10")
        assert code == 34
        assert [step["name"] for step in told["steps"] if not step["ok"]] == ["lamps"]
        _, told, _ = workshop.flash("list")
        assert [(port["id"], port["area"]) for port in told["ports"]] == [("r08", AREA)]
        assert workshop.flash("rollback", "--id", "r08")[0] == 33
        assert board.powered
