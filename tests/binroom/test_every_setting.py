"""unit.json and network.json: for each key there is something to be seen that is otherwise with another value."""

import ast
import json
import operator
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.binroom import settings as unit_settings
from firmware.binroom import way
from firmware.binroom.settings import load_network
from tests.support.settings.broker import HERE, OTHER_PORT, PORT, THERE, certificate, door, tls_server
from tests.support.settings.table import Row, Seen, told_apart
from tests.support.settings.unit import DRY, SENSORS, WET, as_unit_files, lay_out, linked
from tests.support.settings.unit_sights import (
    identified,
    keeper_said,
    lamp_of_wet_waste,
    lamp_read_back,
    lamps_told,
    level_of_a_lit_lamp,
    pins_that_went_high,
    ranger_asked,
    reports_of_five_kilograms,
    sensed,
    starts_of_a_unit_that_hangs,
    topic_of_life,
)

# --- the network -----------------------------------------------------------------------------------------------


def guest(what: str) -> Seen:
    """What a broker notes of the unit that comes."""

    def seen(folder: Path, text: str) -> Any:
        for name in ("one", "two"):
            (folder / name).write_text(f"secret-{name}")
        with door("0.0.0.0", json.loads(text)["network"]["port"]) as here:
            linked(folder, text, lambda _notes: here.guests)
            return getattr(here.guests[0], what)

    return seen


def comes_with_tls(folder: Path, text: str) -> bool:
    """Whether a broker with TLS sees the unit come in; else it has complained."""
    for made in (certificate(folder, "one"), certificate(folder, "broker")):
        made.with_suffix(".der").write_bytes(ssl.PEM_cert_to_DER_cert(made.read_text()))
    with door(tls=tls_server(folder / "broker.pem")) as here:
        linked(folder, text, lambda notes: here.guests or notes)
        return bool(here.guests)


def shown_of(which: int) -> Seen:
    """The name on the certificate (0) or the name of the key (1) with which the unit makes its way under TLS."""
    return lambda folder, text: shown(folder, text)[which]


def shown(folder: Path, text: str) -> tuple[str, str]:
    """Both of them, each by the name of its file."""
    for made in (certificate(folder, name) for name in ("one", "two", "broker")):
        made.with_suffix(".der").write_bytes(ssl.PEM_cert_to_DER_cert(made.read_text()))
    lay_out(folder, text)
    found: list[tuple[str, str]] = []

    def context(_ca: str, der: bytes, key_path: str) -> None:
        names = [name for name in ("one", "two") if (folder / f"{name}.der").read_bytes() == der]
        found.append((names[0], Path(key_path).name))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("firmware.binroom.tls.context", context)
        network = load_network(str(folder), "r01")
        way.tls_context(network, way.make_identity(str(folder), network))
    return found[0]


def joined(folder: Path, text: str) -> tuple[str, str | None]:
    """The network and the key with which the unit asks an access point to let it in."""
    for name in ("one", "two"):
        (folder / name).write_text(f"secret-{name}")
    asked: list[tuple[str, str | None]] = []

    class Station:
        def __init__(self, _interface: int) -> None:
            self.active = self.config = self.disconnect = lambda *_, **__: None

        def isconnected(self) -> bool:
            return False

        def connect(self, ssid: str, key: str | None = None) -> None:
            asked.append((ssid, key))

    linked(folder, text, lambda _notes: asked, network=SimpleNamespace(WLAN=Station, STA_IF=0))
    return asked[0]


WEIGHS = f"unit.sensors = {json.dumps([SENSORS['hx711']])}\n"
BOTH = (
    f'unit.wastes = ["{WET}", "{DRY}"]\nunit.lamps = [{{"waste": "any", "pin": 16}}]\n'
)  # a unit for two kinds with one lamp
ONE_LAMP = 'unit.lamps = [{"waste": "any", "pin": 16}]\n'

ROWS = (
    Row("unit.device", '"r01"', '"r02"', topic_of_life(4)),
    Row("unit.area", '"xh"', '"hk"', topic_of_life(2)),
    Row("unit.wastes", f'["{WET}"]', f'["{DRY}"]', lamp_of_wet_waste, more=ONE_LAMP),
    Row("unit.lamps", f'[{{"waste": "{WET}", "pin": 16}}]', f'[{{"waste": "{WET}", "pin": 17}}]', pins_that_went_high),
    Row("unit.lamps.waste", f'"{WET}"', '"any"', lamps_told),
    Row("unit.lamps.pin", "16", "17", pins_that_went_high),
    Row("unit.lamps.active_low", "false", "true", level_of_a_lit_lamp, operator.gt),
    Row("unit.lamps.sense", "null", "20", lamp_read_back, operator.gt),
    Row("unit.buttons", '[{"event": "bins_out", "pin": 0}]', "[]", keeper_said),
    Row("unit.buttons.event", '"bins_out"', '"lane_clear"', keeper_said),
    Row("unit.buttons.pin", "0", "1", keeper_said),
    Row("unit.sensors", json.dumps([SENSORS["beam"]]), json.dumps([SENSORS["hx711"]]), sensed("grams")),
    Row("unit.sensors.kind", '"hx711"', '"beam"', sensed("grams")),
    Row("unit.sensors.waste", f'"{WET}"', f'"{DRY}"', sensed("grams", DRY), more=BOTH),
    Row("unit.sensors.data", "4", "6", sensed("quality"), operator.lt),
    Row("unit.sensors.clock", "5", "7", sensed("grams")),
    Row("unit.sensors.bin_empty_grams", "12500", "200000", sensed("count"), operator.gt),
    Row("unit.sensors.bin_full_grams", "120000", "30000", sensed("count"), operator.lt),
    Row("unit.sensors.in_pin", "8", "10", sensed("count"), operator.gt),
    Row("unit.sensors.out_pin", "9", "10", sensed("count"), operator.lt),
    Row("unit.sensors.trigger", "12", "15", ranger_asked),
    Row("unit.sensors.echo", "13", "14", sensed("quality"), operator.lt),
    Row("unit.sensors.empty_mm", "1000", "500", sensed("count"), operator.gt),
    Row("unit.sensors.full_mm", "100", "300", sensed("count"), operator.lt),
    Row("unit.sensors.bins", "9", "90", sensed("count"), operator.lt),
    Row("unit.report_grams", "2000", "20000", reports_of_five_kilograms, operator.gt, WEIGHS),
    Row("unit.identify_pin", "25", "26", identified),
    Row("network.ssid", '"depot"', '"other"', joined),
    Row("network.key_file", '"/one"', '"/two"', joined, more='network.ssid = "depot"\n'),
    Row("network.host", f'"{HERE}"', f'"{THERE}"', guest("address")),
    Row("network.port", f"{PORT}", f"{OTHER_PORT}", guest("address")),
    Row("network.user", '"r01"', '"other"', guest("user")),
    Row("network.password_file", '"/one"', '"/two"', guest("password")),
)
UNDER_TLS = 'network.tls = true\nnetwork.ca_file = "/broker.der"\n'
ROWS_WITH_PROGRAMS = (
    Row("unit.watchdog_s", "8", "300", starts_of_a_unit_that_hangs, operator.gt),
    Row("network.tls", "true", "false", comes_with_tls, operator.gt, 'network.ca_file = "/broker.der"\n'),
    Row("network.ca_file", '"/broker.der"', '"/one.der"', comes_with_tls, operator.gt, "network.tls = true\n"),
    Row("network.cert_file", '"/one.der"', '"/two.der"', shown_of(0),
        more=f'{UNDER_TLS}network.cert_key_file = "/one.key"\n'),
    Row("network.cert_key_file", '"/one.key"', '"/two.key"', shown_of(1),
        more=f'{UNDER_TLS}network.cert_file = "/one.der"\n'),
)


def keys_taken() -> set[str]:
    """The keys that the settings' own code takes out of the two files, by the function that takes them."""
    place = {"load_unit": "unit", "_lamp": "unit.lamps", "_button": "unit.buttons", "_sensor": "unit.sensors"}
    found = set()
    for function in ast.parse(Path(unit_settings.__file__).read_text()).body:
        for node in ast.walk(function):
            if isinstance(function, ast.FunctionDef) and isinstance(node, ast.Call) and _is_take(node):
                names = [node.args[2]]
                if isinstance(names[0], ast.Name):  # a loop over pairs, of which the key is the first
                    loops = [each for each in ast.walk(function) if isinstance(each, ast.For)]
                    (loop,) = (each for each in loops if node in ast.walk(each))
                    names = [pair.elts[0] for pair in loop.iter.elts]  # type: ignore[attr-defined]
                where = place.get(function.name, "network")
                found |= {f"{where}.{name.value}" for name in names}  # type: ignore[attr-defined]
    return found


def _is_take(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "_take"


def test_each_key_has_a_row() -> None:
    """A new key needs something that can be seen of it, and a key that is gone needs no row."""
    assert {row.key for row in (*ROWS, *ROWS_WITH_PROGRAMS)} == keys_taken()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_key_changes_what_is_seen(row: Row, tmp_path: Path) -> None:
    """The file's value reaches whoever acts on it."""
    told_apart(row, tmp_path, as_unit_files)


@pytest.mark.real
@pytest.mark.parametrize("row", ROWS_WITH_PROGRAMS, ids=lambda row: row.key)
def test_a_key_changes_what_is_seen_with_other_programs(row: Row, tmp_path: Path) -> None:
    """The file's value reaches whoever acts on it."""
    told_apart(row, tmp_path, as_unit_files)


@pytest.mark.parametrize("key", sorted(keys_taken()))
def test_what_is_out_of_bounds_is_named(key: str, tmp_path: Path) -> None:
    """File and key stand in the refusal of what is no value of this key."""
    row = Row(key, "", "", guest("user"))
    lay_out(tmp_path, as_unit_files(row, "-1.5"))
    with pytest.raises(unit_settings.SettingsError) as refused:
        unit_settings.load_unit(str(tmp_path))
        unit_settings.load_network(str(tmp_path), "r01")
    file, *_, name = key.split(".")
    assert f"/config/{file}.json: {name} " in str(refused.value)
