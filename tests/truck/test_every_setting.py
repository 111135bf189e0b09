"""truck.toml: for each key there is something to be seen that is otherwise with another value."""

import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from firmware.truck import config as truck_config
from firmware.truck.events import Report
from firmware.truck.outbox.outbox import Outbox
from tests.support.processes import wait_until
from tests.support.settings.broker import HERE, OTHER_PORT, PORT, THERE, certificate, tls_server
from tests.support.settings.table import Row, Seen, told_apart
from tests.support.settings.truck import Place, as_truck_toml, said, truck_desk

HOME: Place = (31.2, 121.4)


def guest(what: str) -> Seen:
    """What a broker notes of the truck that comes."""

    def seen(folder: Path, text: str) -> Any:
        (folder / "one").write_text("secret one\n")
        (folder / "two").write_text("secret two\n")
        (folder / "one").chmod(0o600)
        (folder / "two").chmod(0o600)
        with truck_desk(folder, text) as (_, door):
            return getattr(door.guest(), what)

    return seen


def guest_with_tls(folder: Path, text: str) -> str | None:
    """The name on the certificate by which a broker with TLS knows the truck; None if it does not come in."""
    one, two, broker = (certificate(folder, name) for name in ("one", "two", "broker"))
    troubles = Troubles()
    logging.getLogger("firmware.truck.link").addHandler(troubles)
    try:
        with truck_desk(folder, text, tls_server(broker, one, two)) as (_, door):
            wait_until(lambda: door.guests or troubles.lines, "it comes in or complains")
            return door.guests[0].certificate if door.guests else None
    finally:
        logging.getLogger("firmware.truck.link").removeHandler(troubles)


class Troubles(logging.Handler):
    """Remembers what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def area_it_speaks_of(folder: Path, text: str) -> str:
    """The area in the topic of the truck's life."""
    with truck_desk(folder, text) as (_, door):
        said(door.guest(), "life")
        return door.guest().said[0][0].split("/")[2]


def itinerary_file(folder: Path, text: str) -> list[str]:
    """Where the itinerary lies that the bridge sends."""
    body = {"itinerary_id": "i", "version": 1, "run_id": "r", "issued_at": 1795374261, "visits": []}
    with truck_desk(folder, text) as (_, door):
        door.guest().tell("zp/v1/xh/truck/t01/itinerary", json.dumps(body).encode())
        return wait_until(lambda: [path.name for path in folder.glob("*.json")], "a file")  # type: ignore[no-any-return]


def receiver_opened(index: int) -> Seen:
    """With which port (0), at which speed (1), the receiver is opened first."""

    def seen(folder: Path, text: str) -> Any:
        with truck_desk(folder, text) as (desk, _):
            return wait_until(lambda: desk.receiver.opened, "the receiver is opened")[0][index]

    return seen


def first_place(then: Place, *, simulated: bool = False) -> Seen:
    """Where the truck first says it is, whose receiver is at home for a while and `then` there."""

    def seen(folder: Path, text: str) -> Place:
        with truck_desk(folder, text) as (desk, door):
            desk.receiver.say(HOME, 5, simulated=simulated)
            desk.receiver.say(then, 5)
            fix = said(door.guest(), "fix", lambda body: body["lat"] is not None)
            return round(fix["lat"], 3), round(fix["lon"], 3)

    return seen


def pin_17_is_the_button(folder: Path, text: str) -> bool:
    """Whether closing the contact of pin 17 raises an incident."""
    with truck_desk(folder, text) as (desk, door):
        topics = door.guest().topics
        wait_until(lambda: topics("life"), "it says that it is there")
        desk.hold(17)
        door.guest().tell("zp/v1/xh/truck/t01/command", b'{"command":"rebirth","id":"c"}')
        wait_until(lambda: len(topics("life")) == 2, "it says so again, after whatever the contact brought")
        return topics("incident/") != []


def light_of_the_button(folder: Path, text: str) -> list[int]:
    """Which of the pins 5 and 27 is lit after a press."""
    with truck_desk(folder, text) as (desk, _):
        wait_until(lambda: desk.receiver.opened, "it runs")
        desk.hold(17)
        return desk.lit(5, 27)


def light_of_the_receiver(folder: Path, text: str) -> list[int]:
    """Which of the pins 5 and 22 shows that the receiver says nothing."""
    with truck_desk(folder, text) as (desk, _):
        return desk.lit(5, 22)


def outbox_files(folder: Path, text: str) -> list[str]:
    """Where the truck keeps what it owes."""
    with truck_desk(folder, text) as (_, door):
        door.guest()
        return sorted(path.name for path in folder.glob("*.db"))


def positions(folder: Path) -> int:
    """How many positions another process finds in the outbox."""
    with sqlite3.connect(f"file:{folder}/outbox.db?mode=ro", uri=True) as db:
        return int(db.execute("SELECT COUNT(*) FROM position").fetchone()[0])


def positions_on_disk_when_said(folder: Path, text: str) -> int:
    """How many positions are on the disk when the first one is said."""
    with truck_desk(folder, text) as (desk, door):
        door.guest()
        desk.receiver.say(HOME, 3)
        said(door.guest(), "fix", lambda body: body["lat"] is not None)
        return positions(folder)


def backlog_kept(folder: Path, text: str) -> int:
    """How many of a long outage's 8,000 positions are left once the truck has written another."""
    outbox = Outbox(folder / "outbox.db")
    for seq in range(8000):
        body = {"boot": 1, "seq": seq, "lat": 31.2, "lon": 121.4, "fix_at": 1795374261 + seq, "note": "x" * 200}
        outbox.keep(Report(1, seq, "fix", "", body, float(seq)), 0.0)
        if seq % 1000 == 999:
            outbox.flush()
    outbox.close()
    with truck_desk(folder, text) as (desk, _):
        desk.receiver.say(HOME, 3)
        newest = "SELECT COUNT(*) FROM position WHERE boot > 1"
        wait_until(lambda: sqlite3.connect(folder / "outbox.db").execute(newest).fetchone()[0], "it writes")
    return positions(folder)


DISTRICT = {"south": "30", "west": "120", "north": "33", "east": "123"}
BOX = "\n".join(f"district.{side} = {value}" for side, value in DISTRICT.items()) + "\n"
TLS = 'mqtt.ca_file = "FOLDER/broker.pem"\n'
CERTIFICATE, KEY = 'mqtt.cert_file = "FOLDER/one.pem"\n', 'mqtt.key_file = "FOLDER/one.key"\n'

ROWS = (
    Row("truck.id", '"t01"', '"t02"', guest("client_id")),
    Row("truck.area", '"xh"', '"hk"', area_it_speaks_of),
    Row("truck.itinerary_file", '"FOLDER/one.json"', '"FOLDER/two.json"', itinerary_file),
    Row("mqtt.host", f'"{HERE}"', f'"{THERE}"', guest("address")),
    Row("mqtt.port", f"{PORT}", f"{OTHER_PORT}", guest("address")),
    Row("mqtt.password_file", '"FOLDER/one"', '"FOLDER/two"', guest("password")),
    Row("gps.port", '"FOLDER/receiver"', '"FOLDER/other"', receiver_opened(0)),
    Row("gps.baud", "9600", "38400", receiver_opened(1)),
    Row("gps.test_mode", "true", "false", first_place((31.201, 121.401), simulated=True)),
    Row("button.pin", "17", "5", pin_17_is_the_button),
    Row("button.light_pin", "27", "5", light_of_the_button),
    Row("button.gps_light_pin", "22", "5", light_of_the_receiver),
    Row("outbox.path", '"FOLDER/outbox.db"', '"FOLDER/second.db"', outbox_files),
    Row("outbox.limit_mb", "64", "1", backlog_kept, lambda much, little: much > 8000 and 0 < little < 2000),
    Row("outbox.batch_s", "0", "60", positions_on_disk_when_said, lambda at_once, later: at_once > later == 0),
    Row("district.south", "30", "31.9", first_place((32.5, 121.4)), more=BOX),
    Row("district.west", "120", "122", first_place((31.2, 122.5)), more=BOX),
    Row("district.north", "33", "30.5", first_place((30.2, 121.4)), more=BOX),
    Row("district.east", "123", "120.9", first_place((31.2, 120.5)), more=BOX),
)
ROWS_WITH_CERTIFICATES = (
    Row("mqtt.ca_file", '"FOLDER/broker.pem"', '"FOLDER/one.pem"', guest_with_tls, more=CERTIFICATE + KEY),
    Row("mqtt.cert_file", '"FOLDER/one.pem"', '"FOLDER/two.pem"', guest_with_tls, more=TLS + KEY),
    Row("mqtt.key_file", '"FOLDER/one.key"', '"FOLDER/two.key"', guest_with_tls, more=TLS + CERTIFICATE),
)


def test_each_key_has_a_row() -> None:
    """A new key needs something that can be seen of it, and a key that is gone needs no row."""
    # _KEYS is the table that the configuration is read by: there is no other list of the keys.
    keys = {f"{section}.{key}" for section, keys in truck_config._KEYS.items() for key in keys}
    assert {row.key for row in (*ROWS, *ROWS_WITH_CERTIFICATES)} == keys


@pytest.mark.parametrize("value", ["[]", "nan", "1000000000", "-1000000000", '""'])
@pytest.mark.parametrize("key", sorted(row.key for row in (*ROWS, *ROWS_WITH_CERTIFICATES)))
def test_what_is_out_of_bounds_is_named(key: str, value: str) -> None:
    """File, section and key stand in the refusal."""
    with pytest.raises(truck_config.ConfigError) as refused:
        truck_config.parse(as_truck_toml(Row(key, "", "", outbox_files), value), "truck.toml")
    section, _, name = key.partition(".")
    assert f"truck.toml: [{section}] {name}: " in str(refused.value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
@pytest.mark.real  # seconds of work
def test_a_key_changes_what_is_seen(row: Row, tmp_path: Path) -> None:
    """The file's value reaches whoever acts on it."""
    told_apart(row, tmp_path, as_truck_toml)


@pytest.mark.real
@pytest.mark.parametrize("row", ROWS_WITH_CERTIFICATES, ids=lambda row: row.key)
def test_a_key_changes_what_is_seen_with_tls(row: Row, tmp_path: Path) -> None:
    """The file's value reaches whoever acts on it."""
    told_apart(row, tmp_path, as_truck_toml)
