"""flash.toml: for each key there is something to be seen that is otherwise with another value."""

import ast
import http.server
import json
import operator
import re
import threading
from pathlib import Path
from typing import Any

import pytest

import tools.flashing.commands.main as flash_main
from broker.mqtt.own_broker.revoked import CRL, OUT
from firmware.binroom import settings as unit_settings
from tests.support.checkout import a_checkout, make_wheel
from tests.support.flashing import Workshop, make_mirror, write_secret
from tests.support.settings.broker import HERE, OTHER_PORT, PORT, THERE, door
from tests.support.settings.table import Row, Seen, told_apart
from tests.support.settings.unit_sights import (
    identified,
    keeper_said,
    lamp_of_wet_waste,
    pins_that_went_high,
    reports_of_five_kilograms,
    sensed,
    starts_of_a_unit_that_hangs,
)
from tools.flashing import settings as flash_settings
from tools.flashing.board.release.modules import fetch_modules
from tools.flashing.board.release.proof import PASSWORD
from tools.flashing.board.release.unit_files import AUTHORITY, NETWORK, UNIT, WIFI_KEY, unit_files
from tools.flashing.errors import FlashError
from tools.flashing.hello import Listener
from tools.flashing.identity import door as door_of_the_broker
from tools.flashing.open_run_guard import ask_runs
from tools.flashing.settings import FlashSettings, device_password, load_settings

AUTHORITIES = Path(__file__).resolve().parents[1] / "fixtures/authorities"  # two that signed nothing
WET, DRY = "residential_wet", "residential_dry"
USUAL = {
    "area.id": '"xh"', "broker.host": f'"{HERE}"', "broker.port": f"{PORT}", "broker.password_file": '"one.key"',
    "unit.wastes": f'["{WET}"]', "unit.lamps": f'[{{waste = "{WET}", pin = 16}}]', "truck.wheels": '"wheels"',
}  # fmt: skip


def as_flash_toml(row: Row, value: str) -> str:
    """A whole flash.toml with this value."""
    further = dict(line.split(" = ", 1) for line in row.more.splitlines())
    return "\n".join(f"{key} = {said}" for key, said in {**USUAL, **further, row.key: value}.items())


def loaded(folder: Path, text: str) -> FlashSettings:
    """The settings of a file beside which two of everything lie."""
    for name in ("one", "two"):
        write_secret(folder / f"{name}.key", f"secret {name}")
        write_secret(folder / f"{name}.accounts", f"r01:password {name}\nt01:password {name}")
        for device in ("r01", "t01"):
            write_secret(folder / name / f"{device}.password", f"password {name}")
        (folder / f"{name}.pub").write_text(f"ssh-ed25519 {name}\n")
        (folder / f"{name}.der").write_bytes((AUTHORITIES / f"{name}.der").read_bytes())
        (folder / f"{name}.toml").write_text(f'[gps]\nport = "/dev/{name}"\n')
    (folder / "keys").symlink_to("one")
    (folder / "flash.toml").write_text(text)
    return load_settings(folder / "flash.toml")


def by_the_unit(sight: Seen) -> Seen:
    """What is seen of a unit that runs by the files its board gets."""

    def seen(folder: Path, text: str) -> Any:
        settings = loaded(folder, text)
        files = unit_files(settings, "r01", dict(settings.unit))
        network = json.loads(files[NETWORK])
        (folder / "board").mkdir()
        unit = json.loads(files[UNIT])
        return sight(folder / "board", json.dumps({"unit": unit, "network": {k: network[k] for k in ("host", "port")}}))

    return seen


def of_the_unit(file: str, key: str | None = None) -> Seen:
    """A file that a board gets, or a key of it."""

    def seen(folder: Path, text: str) -> Any:
        settings = loaded(folder, text)
        data = unit_files(settings, "r01", dict(settings.unit)).get(file, b"")
        return data if key is None else json.loads(data)[key]

    return seen


def on_the_card(part: str) -> Seen:
    """A text of the card that a truck's computer starts from; empty where there is none."""

    def seen(folder: Path, text: str) -> str:
        path = with_card(folder, text) / "card" / part
        return path.read_text() if path.exists() else ""

    return seen


def with_card(folder: Path, text: str) -> Path:
    """The workshop's folder once a truck's card was written in it."""
    loaded(folder, text)
    repo = a_checkout(folder, folder / "wheels")
    make_wheel(folder / "wheels", "pip", "1.0")
    (folder / "card").mkdir()
    (folder / "card" / "config.txt").write_text("arm_boost=1\n")
    (folder / "card" / "cmdline.txt").write_text("root=PARTUUID=1234-02 rootwait\n")
    workshop = Workshop.__new__(Workshop)
    workshop.settings, workshop.ports = folder / "flash.toml", folder / "ports"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flash_main, "REPO", repo)
        code, told, said = workshop.flash("truck", "--id", "t01", "--card", str(folder / "card"))
    if code:
        raise FlashError(told["units"][0]["error"]["problem"], folder=folder, what=said, platforms="")
    return folder


def guest(what: str) -> Seen:
    """What a broker notes of the technician who comes to listen."""

    def seen(folder: Path, text: str) -> Any:
        settings = loaded(folder, text)
        assert settings.broker is not None
        with door("0.0.0.0", settings.broker.port) as here, Listener(settings.broker, settings.area):
            return getattr(here.guest(), what)

    return seen


def bridge_asked(folder: Path, text: str) -> list[int]:
    """Which of two bridges is asked for open runs."""
    asked: list[int] = []

    class Bridge(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.server.server_port)  # type: ignore[attr-defined]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            return

    bridges = [http.server.HTTPServer(("127.0.0.1", port), Bridge) for port in (PORT, OTHER_PORT)]
    try:
        for bridge in bridges:
            threading.Thread(target=bridge.serve_forever, args=(0.01,), daemon=True).start()
        ask_runs(loaded(folder, text).api_url)
        return asked
    finally:
        for bridge in bridges:
            bridge.shutdown()
            bridge.server_close()


def modules_found(folder: Path, text: str) -> bool:
    """Whether the modules come from the mirror in the folder one."""
    make_mirror(folder / "one")
    index = loaded(folder, text).index
    assert index is not None
    try:
        return "logging.py" in fetch_modules([["logging", "latest"]], index, 6)
    except FlashError as error:
        assert error.problem == "index_failed"
        return False


def port_for_a_password(folder: Path, text: str) -> Any:
    """Where a board that has a password is told to come in; or why it cannot."""
    settings = loaded(folder, text)
    try:
        return json.loads(unit_files(settings, "r01", dict(settings.unit))[NETWORK])["port"]
    except FlashError as why:
        return why.problem


def done_at_the_door(folder: Path, text: str) -> list[tuple[str, ...]]:
    """With which commands the two lists are brought to the broker, without what differs with this folder."""
    lists, done = folder / "lists", list[tuple[str, ...]]()
    lists.mkdir()
    for name in (CRL, OUT):
        (lists / name).write_text("")
    with pytest.MonkeyPatch.context() as patch:
        # the commands are looked at, not run: there is no office to reach
        patch.setattr(door_of_the_broker, "_run", lambda command, _: done.append(command))
        door_of_the_broker.bring(lists, loaded(folder, text).door)
    return [tuple(part.replace(str(folder), "") for part in command) for command in done]


def ledger(folder: Path, text: str) -> list[str]:
    """Where it is noted that a truck's card was written."""
    return [path.name for path in with_card(folder, text).glob("*.jsonl")]


def labels(folder: Path, text: str) -> list[str]:
    """The folder of the label for the truck's computer."""
    return [path.parent.name for path in with_card(folder, text).glob("*/truck-t01.txt")]


def packages_are_found(folder: Path, text: str) -> bool:
    """Whether a card can be written."""
    try:
        return with_card(folder, text).is_dir()
    except FlashError as why:
        assert why.problem == "wheels"
        return False


CA, WIFI = 'broker.ca_file = "one.der"\n', 'wifi.ssid = "one"\nwifi.key_file = "one.key"\n'
TRUCK_WIFI = 'truck.wifi_ssid = "one"\ntruck.wifi_key_file = "one.key"\n'
TLS = f"{CA}broker.tls = true\n"
ANY_LAMP = '[{waste = "any", pin = 16}]'
OTHER_LAMP = f'[{{waste = "{WET}", pin = 17}}]'
BEAM = f'[{{kind = "beam", waste = "{WET}", in_pin = 8, out_pin = 9}}]'
SCALE = f'[{{kind = "hx711", waste = "{WET}", data = 4, clock = 5}}]'
WEIGHS = f"unit.sensors = {SCALE}\n"
BUTTON = '[{event = "bins_out", pin = 0}]'
NETWORK_CONFIG, USER_DATA = on_the_card("network-config"), on_the_card("user-data")

ROWS = (
    Row("area.id", '"xh"', '"hk"', of_the_unit(UNIT, "area")),
    Row("broker.host", f'"{HERE}"', f'"{THERE}"', guest("address")),
    Row("broker.port", f"{PORT}", f"{OTHER_PORT}", guest("address")),
    Row("broker.user", '"one"', '"two"', guest("user")),
    Row("broker.password_file", '"one.key"', '"two.key"', guest("password")),
    Row("broker.tls", "true", "false", of_the_unit(NETWORK, "tls"), operator.gt, CA),
    Row("broker.ca_file", '"one.der"', '"two.der"', of_the_unit(AUTHORITY), more="broker.tls = true\n"),
    Row("broker.device_host", '"one.example"', '"two.example"', of_the_unit(NETWORK, "host")),
    Row("broker.certificates", "false", "true", port_for_a_password, more=TLS),
    Row("broker.password_port", "8884", "8885", port_for_a_password, more=f"{TLS}broker.certificates = true\n"),
    Row("door.folder", '"one"', '"two"', done_at_the_door),
    Row("door.ssh", '"office@one"', '"office@two"', done_at_the_door),
    Row("door.reload", '"reload one"', '"reload two"', done_at_the_door),
    Row("wifi.ssid", '"one"', '"two"', of_the_unit(NETWORK, "ssid"), more=WIFI),
    Row("wifi.key_file", '"one.key"', '"two.key"', of_the_unit(WIFI_KEY), more=WIFI),
    Row("keys.folder", '"one"', '"two"', of_the_unit(PASSWORD)),
    Row("keys.accounts", '"one.accounts"', '"two.accounts"', of_the_unit(PASSWORD)),
    Row("api.url", f'"http://127.0.0.1:{PORT}"', f'"http://127.0.0.1:{OTHER_PORT}"', bridge_asked),
    Row("modules.index", '"one"', '"two"', modules_found, operator.gt),
    Row("records.ledger", '"one.jsonl"', '"two.jsonl"', ledger),
    Row("records.labels", '"first"', '"second"', labels),
    Row("unit.wastes", f'["{WET}"]', f'["{DRY}"]', by_the_unit(lamp_of_wet_waste), more=f"unit.lamps = {ANY_LAMP}\n"),
    Row("unit.lamps", USUAL["unit.lamps"], OTHER_LAMP, by_the_unit(pins_that_went_high)),
    Row("unit.buttons", "[]", BUTTON, by_the_unit(keeper_said)),
    Row("unit.sensors", SCALE, BEAM, by_the_unit(sensed("grams"))),
    Row("unit.report_grams", "2000", "20000", by_the_unit(reports_of_five_kilograms), operator.gt, WEIGHS),
    Row("unit.watchdog_s", "8", "300", by_the_unit(starts_of_a_unit_that_hangs), operator.gt),
    Row("unit.identify_pin", "25", "26", by_the_unit(identified)),
    Row("truck.user", '"one"', '"two"', USER_DATA),
    Row("truck.wheels", '"wheels"', '"one"', packages_are_found, operator.gt),
    Row("truck.config", '"one.toml"', '"two.toml"', on_the_card("zhanpai/truck.toml")),
    Row("truck.timezone", '"Asia/Shanghai"', '"Asia/Taipei"', USER_DATA),
    Row("truck.ssh_keys", '"one.pub"', '"two.pub"', USER_DATA),
    Row("truck.wifi_ssid", '"one"', '"two"', NETWORK_CONFIG, more=TRUCK_WIFI),
    Row("truck.wifi_key_file", '"one.key"', '"two.key"', NETWORK_CONFIG, more=TRUCK_WIFI),
    Row("truck.wifi_country", '"CN"', '"TW"', NETWORK_CONFIG, more=TRUCK_WIFI),
    Row("truck.state_label", '"one"', '"two"', on_the_card("zhanpai/units/var-lib-zhanpai.mount")),
)


def keys_taken(module: Path) -> set[str]:
    """The keys that a settings module takes out of its sections, by the table of their readers in its own code."""
    tree = ast.parse(module.read_text())
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    (readers,) = (node.value for node in tree.body if isinstance(node, ast.AnnAssign) and node.value is not None
                  and ast.unparse(node.target) == "_READERS")  # fmt: skip
    assert isinstance(readers, ast.Dict)
    found = set()
    for name, reader in zip(readers.keys, readers.values, strict=True):
        body = functions[reader.id] if isinstance(reader, ast.Name) else reader
        for call in ast.walk(body):
            takes = isinstance(call, ast.Call) and re.fullmatch(r"(s|section)\.\w+", ast.unparse(call.func))
            if takes and isinstance(call.args[0], ast.Constant):  # type: ignore[attr-defined]
                found.add(f"{ast.literal_eval(name)}.{call.args[0].value}")  # type: ignore[arg-type, attr-defined]
    return found


def unit_keys() -> set[str]:
    """What [unit] may hold: what a unit takes, but for what is each unit's own."""
    (load,) = (node for node in ast.parse(Path(unit_settings.__file__).read_text()).body
               if isinstance(node, ast.FunctionDef) and node.name == "load_unit")  # fmt: skip
    calls = [node for node in ast.walk(load) if isinstance(node, ast.Call) and ast.unparse(node.func) == "_take"]
    return {f"unit.{ast.literal_eval(call.args[2])}" for call in calls} - {"unit.device", "unit.area"}


def test_each_key_has_a_row() -> None:
    """A new key needs something that can be seen of it, and a key that is gone needs no row."""
    assert {row.key for row in ROWS} == keys_taken(Path(flash_settings.__file__)) | unit_keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
@pytest.mark.real  # seconds of work
def test_a_key_changes_what_is_seen(row: Row, tmp_path: Path) -> None:
    """The file's value reaches the board, the card, or whoever is asked."""
    told_apart(row, tmp_path, as_flash_toml)


@pytest.mark.parametrize("key", sorted(keys_taken(Path(flash_settings.__file__))))
def test_what_is_out_of_bounds_is_named(key: str, tmp_path: Path) -> None:
    """File, section and key stand in the refusal."""
    section, name = key.split(".")
    with pytest.raises(FlashError) as refused:
        loaded(tmp_path, as_flash_toml(next(row for row in ROWS if row.key == key), "-1.5"))
    assert all(part in str(refused.value) for part in (str(tmp_path / "flash.toml"), f"[{section}]", name))


@pytest.mark.parametrize("folder", ['"one"', '"keys"'])
def test_two_places_for_passwords_are_one_too_many(folder: str, tmp_path: Path) -> None:
    """The folder would be passed over in silence where there are accounts."""
    row = Row("keys.folder", "", "", of_the_unit(PASSWORD), more='keys.accounts = "one.accounts"\n')
    with pytest.raises(FlashError, match=r"\[keys\].*folder.*accounts"):
        loaded(tmp_path, as_flash_toml(row, folder))


@pytest.mark.parametrize(
    ("lines", "room", "truck"),
    [
        ("room/x1:of the room\ntruck/x1:of the truck\n", "of the room", "of the truck"),
        ("x1:of neither\ntruck/x1:of the truck\nroom/x1:of the room\n", "of the room", "of the truck"),
        ("truck/x1:of the truck\nx1:of whoever\n", "of whoever", "of the truck"),
        ("# accounts\n x1 : with:colons \n", "with:colons", "with:colons"),
    ],
)
def test_a_device_gets_the_password_of_its_own_family(lines: str, room: str, truck: str, tmp_path: Path) -> None:
    """A room and a truck of one id are two accounts; the bare id is for who has no line of its own."""
    write_secret(tmp_path / "accounts", lines)
    settings = FlashSettings(area="xh", accounts=tmp_path / "accounts")
    assert [device_password(settings, family, "x1") for family in ("room", "truck")] == [room, truck]


@pytest.mark.parametrize("lines", ["room/x1:of the room\n", "else/x1:of nobody\n", "truck/x1:\n", "truck/x10:no\n", ""])
def test_a_truck_without_an_account_is_refused(lines: str, tmp_path: Path) -> None:
    """It is never given one that is another's."""
    write_secret(tmp_path / "accounts", lines)
    with pytest.raises(FlashError, match="truck/x1"):
        device_password(FlashSettings(area="xh", accounts=tmp_path / "accounts"), "truck", "x1")


def test_a_user_needs_no_password(tmp_path: Path) -> None:
    """A broker that asks for none is told the name all the same."""
    row = Row("broker.user", "", "", guest("user"))
    text = as_flash_toml(row, '"one"').replace("broker.password_file", "#")
    assert row.seen(tmp_path, text) == "one"


def test_half_of_a_truck_s_network_is_refused(tmp_path: Path) -> None:
    """A key without a name would be no network at all, without a word."""
    with pytest.raises(FlashError, match="wifi_ssid"):
        loaded(tmp_path, as_flash_toml(Row("truck.wifi_key_file", "", "", ledger), '"one.key"'))
