"""broker.toml: for each key there is something to be seen that is otherwise with another value."""

import gc
import json
import logging
import operator
import queue
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import pytest
from pydantic import BaseModel

from broker.__main__ import main
from broker.config import BrokerConfig, ConfigError
from broker.mqtt import packets
from broker.mqtt.link import BridgeLink
from broker.mqtt.own_broker.child import EmbeddedBrokerError
from broker.people.attempts.limits import WRONG_BY_ADDRESS
from broker.people.people import People
from broker.plan.demo_area import demo_plan
from broker.plan.gtfs.feed import write_gtfs
from broker.process import embedded_broker, serve
from broker.registers.elections.demo import demo_elections
from broker.settings import configured_plan
from broker.store import Record
from broker.store.opening import open_store
from tests.support.facts import ZONE, visit, workflow
from tests.support.processes import need_mosquitto, wait_until
from tests.support.registers import open_registers
from tests.support.settings.alarm_sights import (
    alarms_of_an_area_whose_units_are_silent,
    is_named_ahead_when_half_an_hour_late,
    seconds_until_a_run_should_have_begun,
    seconds_until_a_truck_is_silent,
    seconds_until_a_truck_should_be_heard,
    seconds_until_a_unit_is_silent,
    seconds_until_bins_should_be_out,
    seconds_until_it_has_ended,
    seconds_until_it_stands_on_the_road,
    seconds_until_the_broker_is_away,
)
from tests.support.settings.bookings import days_with_windows, litres_of_ten_bags, seconds_held, windows_offered
from tests.support.settings.broker import HERE, OTHER_PORT, PORT, THERE, certificate, door, renewed, tls_server
from tests.support.settings.city import CITY, asked_of_the_city, rest_of_a_try, screen_told
from tests.support.settings.day import configured
from tests.support.settings.day_sights import (
    a_silent_truck_has_a_time,
    addressees_told,
    area_of,
    lamp_is_kept_lit,
    promises_that_a_breakdown_breaks,
    run_is_open_after,
    run_is_open_before,
    seconds_between_rooms,
    seconds_from_call_to_held,
    seconds_over_open_country,
    seconds_to_the_call,
    seconds_to_the_extra_truck,
    seconds_to_the_second_visit,
    seconds_to_the_sound,
    seconds_until_a_full_truck_is_back,
    seconds_until_told,
    silent_past_a_room,
    state_of_a_late_truck_that_drives_again,
)
from tests.support.settings.floods import (
    PRESS,
    is_shut_out_after_connects,
    presses_taken,
    refused,
    seconds_shut_out,
    who_floods,
)  # fmt: skip
from tests.support.settings.home_assistant import announced, noted_in
from tests.support.settings.outside import (
    TOLD,
    is_believed,
    is_given_up_after_two_days,
    is_told_of_a_room_of_e01,
    is_told_of_alarms,
    is_told_what_the_first_firm_is_asked,
    paths_called,
    places_of_messages,
)
from tests.support.settings.table import Row, Seen, heading, told_apart
from tests.support.upkeep.office import Office
from tools.flashing.authority import make_authority
from tools.flashing.identity.identities import Identities

# --- the way to the broker -----------------------------------------------------------------------------------


def guest(what: str) -> Seen:
    """What a broker that listens on all of this machine's addresses notes of the bridge that comes."""

    def seen(folder: Path, text: str) -> Any:
        secrets_in(folder, one="secret one", two="secret two")
        config = configured(folder, text).mqtt
        with door("0.0.0.0", config.port) as here:
            link = BridgeLink(config, "xh", 1)
            link.start()
            try:
                return getattr(here.guest(), what)
            finally:
                link.stop()

    return seen


def guest_with_tls(folder: Path, text: str) -> Any:
    """The name on the certificate by which a broker with TLS knows the bridge; else why it does not come."""
    one, two, broker = (certificate(folder, name) for name in ("one", "two", "broker"))
    again = renewed(folder, "again", one.with_suffix(".key"))
    config = configured(folder, text).mqtt
    with door(tls=tls_server(broker, one, two, again)) as here:
        try:
            link = BridgeLink(config, "xh", 1)
        except ConfigError as why:
            return str(why).split(":")[0]
        link.start()
        try:
            wait_until(lambda: here.guests or here.knocks >= 2, "it comes in, or tries again")
            return here.guests[0].certificate if here.guests else "does not trust us"
        finally:
            link.stop()


def secrets_in(folder: Path, **texts: str) -> None:
    """Files that nobody else can read."""
    for name, text in texts.items():
        (folder / name).write_text(f"{text}\n")
        (folder / name).chmod(0o600)


# --- the process ---------------------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path, text: str) -> Iterator[int]:
    """A bridge that serves; gives the port of its screen, 0 without one."""
    stop, ports = threading.Event(), queue.SimpleQueue[int | BaseException]()
    config = configured(folder, text if "[web]" in text else text + "[web]\nport = 0\n")

    def run() -> None:
        try:
            serve(config, stop=stop, ready=ports.put)
        except BaseException as why:
            ports.put(why)

    thread = threading.Thread(target=run)
    with patch.object(gc, "freeze"):  # what this bridge means to keep for ever is not needed after it
        thread.start()
        try:
            port = ports.get(timeout=30)
            if isinstance(port, BaseException):
                raise port
            yield port
        finally:
            stop.set()
            thread.join(30)


def status(port: int, path: str = "/healthz", address: str = "127.0.0.1", **headers: str) -> int:
    """The status of a GET; 0 where nobody answers."""
    request = urllib.request.Request(f"http://{address}:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as got:
            return int(got.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


def has_a_screen(folder: Path, text: str) -> bool:
    """Whether there is a screen."""
    with serving(folder, text) as port:
        return port != 0


def where_the_screen_is(folder: Path, text: str) -> tuple[str, int]:
    """The address and port at which the screen answers, of four."""
    with serving(folder, text):
        places = [(address, port) for address in ("127.0.0.1", THERE) for port in (PORT, OTHER_PORT)]
        (place,) = (place for place in places if status(place[1], address=place[0]))
        return place


def status_under_another_name(folder: Path, text: str) -> int:
    """What a browser gets that was sent here by the name screen.example."""
    with serving(folder, text) as port:
        return status(port, Host="screen.example")


def street_map(folder: Path, text: str) -> tuple[bytes, str]:
    """What is read of the street map beneath the map, and its licence line."""
    for name in ("one", "two"):
        (folder / name).write_bytes(name.encode())
    with serving(folder, text) as port:
        home = f"http://127.0.0.1:{port}/api/v1/plan"
        with urllib.request.urlopen(f"{home}/basemap.pmtiles", timeout=10) as got:
            read: bytes = got.read()
        with urllib.request.urlopen(f"{home}/map", timeout=10) as got:
            return read, json.load(got)["basemap"]


def folders_used(folder: Path, text: str) -> list[str]:
    """Which of the folders one and two are there once a bridge has run."""
    with serving(folder, text):
        pass
    return [name for name in ("one", "two") if (folder / name).is_dir()]


def playback_of_this_second(folder: Path, text: str) -> list[str]:
    """In which of the folders one and two a bridge that runs for some seconds keeps what its screen shows."""
    with serving(folder, text) as port:
        deadline = time.monotonic() + 3
        while status(port, f"/api/v1/picture?at={int(time.time())}") != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
    return [name for name in ("one", "two") if list((folder / name).glob("*/*"))]


def days_reported(folder: Path, text: str) -> list[tuple[str, int]]:
    """Which of the folders one and two has reports, and of how many of the last four days, which all have a visit."""
    config = configured(folder, text)
    now = int(time.time())
    store = open_store(config.store.url, "xh", ZONE, time.time)
    days = [now - back * 86_400 for back in range(1, 5)]
    visits = [visit(f"run{at}/r01/1", at=at, run_id=f"run{at}", arrived_at=at) for at in days]
    store.append([Record(one.id, one.kind, one.key, one.at, now, "xh", one.body) for one in visits])
    store.close()
    made = config.reports.folder / "reports.json"
    with serving(folder, text):
        wait_until(lambda: made.exists() and len(json.loads(made.read_bytes())) >= config.reports.back_days, "they are")
    rows = json.loads(made.read_bytes()).values()
    found = [name for name in ("one", "two") if list((folder / name).glob("*.html"))]
    return [(name, sum(row["kind"] == "day" for row in rows)) for name in found]


def cases_suggested(folder: Path, text: str) -> int:
    """How many cases are suggested to a dispatcher whose lane was blocked today and the day before yesterday."""
    config = configured(folder, text + "[web]\nport = 0\n")
    token = People(config.people.folder).add_token("Wang", ("dispatcher",))
    now = int(time.time())
    presses = [workflow(one, now - one * 2 * 86_400 - 60, room="r01") for one in (0, 1)]
    store = open_store(config.store.url, "xh", ZONE, time.time)
    store.append([Record(one.id, one.kind, one.key, one.at, now, "xh", one.body) for one in presses])
    store.close()
    with serving(folder, text) as port:
        url = f"http://127.0.0.1:{port}/api/v1/cases/suggestions"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as got:
            return len(json.load(got))


def elections(folder: Path, text: str) -> int:
    """What somebody on this machine gets who asks for the register of elections; there is one in the folder one."""
    open_registers(folder / "one").elections.create(demo_elections(), "demo", "demo")
    with serving(folder, text) as port:
        return status(port, "/api/v1/elections")


def elections_for_wang(folder: Path, text: str) -> int:
    """What somebody gets whose token is known in one of two folders of people."""
    open_registers(folder / "data" / "registers").elections.create(demo_elections(), "demo", "demo")
    token = People(folder / "one").add_token("Wang", ("registrar",))
    People(folder / "two").add_token("Li", ("registrar",))
    with serving(folder, text) as port:
        return status(port, "/api/v1/elections", Authorization=f"Bearer {token}")


def screen_of_nobody(folder: Path, text: str) -> int:
    """What somebody at this machine gets who has not signed in, where there is an account."""
    People(folder / "data" / "people").add("wang", "Wang", ("viewer",))
    with serving(folder, text) as port:
        return status(port, "/api/v1/rooms")


def certificate_of_the_screen(folder: Path, text: str) -> str:
    """Whose certificate a browser is shown; why there is none."""
    one, two = certificate(folder, "one"), certificate(folder, "two")
    renewed(folder, "again", one.with_suffix(".key"))
    shown = {ssl.PEM_cert_to_DER_cert((folder / f"{name}.pem").read_text()): name for name in ("one", "again")}
    assert two.exists()
    try:
        with serving(folder, text) as port:
            return shown[ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))]
    except ConfigError as why:
        return str(why).split(":")[0]


def whom_it_counts(folder: Path, text: str) -> int:
    """What somebody gets for whom a proxy asks, while another whose name it gave was wrong too often."""
    People(folder / "data" / "people").add("wang", "Wang", ("viewer",))
    with serving(folder, text) as port:
        seen = [
            status(port, "/api/v1/rooms", **{"Authorization": "Bearer m1.x", "X-Forwarded-For": f"192.0.2.{last}"})
            for last in (*[1] * (WRONG_BY_ADDRESS.amount + 1), 2)
        ]
    return -seen[-1]


def warnings(folder: Path, text: str) -> int:
    """How many lines a bridge logs whose plan has a route that no trip drives."""
    write_gtfs(demo_plan(), folder / "feed")
    with (folder / "feed" / "routes.txt").open("a") as routes:
        routes.write("idle,,,,,\r\n")
    configured(folder, text + f'[area]\nplan = "feed"\n[mqtt]\nhost = "{HERE}"\nport = {PORT}\n')
    kept = Kept()
    root = logging.getLogger()
    level = root.level
    root.addHandler(kept)
    try:
        with door():
            assert main(["--config", str(folder / "broker.toml"), "--check-config"]) == 0
    finally:
        root.removeHandler(kept)
        root.setLevel(level)
    return len(kept.lines)


class Kept(logging.Handler):
    """Remembers what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


# --- the bridge's own broker ---------------------------------------------------------------------------------


def a_broker_is_there(folder: Path, text: str) -> bool:
    """Whether somebody listens at the [mqtt] address while the bridge runs."""
    need_mosquitto()
    with serving(folder, text), socket.socket() as client:
        return client.connect_ex(("127.0.0.1", PORT)) == 0


def may_be_open(folder: Path, text: str) -> bool:
    """Whether it may listen to the network without TLS."""
    config = configured(folder, text)
    try:
        embedded_broker(config, configured_plan(config), folder)
    except ConfigError:
        return False
    return True


def folders_of_its_broker(folder: Path, text: str) -> list[str]:
    """Which of the folders one and two the bridge's own broker uses."""
    need_mosquitto()
    return folders_used(folder, text)


def line_of_its_broker(key: str) -> Any:
    """What the configuration of the bridge's own broker says, which runs with it."""

    def seen(folder: Path, text: str) -> str:
        need_mosquitto()
        with serving(folder, text):
            lines = (folder / "own" / "mosquitto.conf").read_text().splitlines()
        return next(line for line in lines if line.startswith(key))

    return seen


def tls_of_its_broker(key: str) -> Any:
    """As `line_of_its_broker`, where there are certificates and keys."""

    def seen(folder: Path, text: str) -> str:
        one = certificate(folder, "one")
        renewed(folder, "again", one.with_suffix(".key"))
        secrets_in(folder, **{"same.key": one.with_suffix(".key").read_text()})
        said: str = line_of_its_broker(key)(folder, text)
        return said.rpartition("/")[2]

    return seen


def whom_its_broker_trusts(folder: Path, text: str) -> str:
    """Whose certificates the bridge's own broker takes; `nobody's` where those are not of who signed its own."""
    need_mosquitto()
    for name in ("first", "second"):
        make_authority(folder / name, "xh", ["localhost"])
        Identities(folder / name, "xh").write_lists()
    config = configured(folder, text)
    broker, _ = embedded_broker(config, configured_plan(config))
    try:
        broker.folder.mkdir(exist_ok=True)
        broker.write_files()
    except EmbeddedBrokerError:
        return "nobody's"
    return (broker.folder / "mosquitto.conf").read_text().split("\ncafile ")[1].splitlines()[0][-12:]


def ports_of_its_broker(folder: Path, text: str) -> list[str]:
    """Where the bridge's own broker listens to devices."""
    whom_its_broker_trusts(folder, text)
    lines = (folder / "own" / "mosquitto.conf").read_text().splitlines()
    return [line for line in lines if line.startswith("listener")][1:]


def screen_may_be_open(folder: Path, text: str) -> bool:
    """Whether the screen may be reached from the network without TLS."""
    try:
        configured(folder, text)
    except ConfigError:
        return False
    return True


def unit_may_sign_in(folder: Path, text: str) -> bool:
    """Whether the bridge's own broker takes the password that the file one gives r01."""
    need_mosquitto()
    secrets_in(folder, one="r01:first", two="r01:second")
    with serving(folder, text), socket.create_connection(("127.0.0.1", PORT), 5) as client:
        client.sendall(packets.connect("r01", "r01", "first", 20, clean=True, will=("zp/v1/xh/room/r01/life", b"")))
        return client.recv(4) == bytes((0x20, 2, 0, 0))


# --- the table -----------------------------------------------------------------------------------------------

DOOR = f'host = "{HERE}"\nport = {PORT}\n'
TLS = DOOR + 'ca_file = "broker.pem"\n'
OURS = 'cert_file = "one.pem"\nkey_file = "one.key"\n'
CERTIFIED = 'enabled = true\nfolder = "own"\ncert_file = "first/broker.pem"\nkey_file = "first/broker.key"\n'
AWAY = TOLD.replace("127.0.0.1:", "127.0.0.2:").replace('"127.0.0.1"', '"127.0.0.2"')  # where nobody listens
WITH_OWN_BROKER = f'[embedded]\nenabled = true\nfolder = "own"\n[mqtt]\nport = {PORT}\n'
OWN_BROKER = f"enabled = true\n[mqtt]\nport = {PORT}\n"



DISPATCHER = '[[answers.addressee]]\nname = "dispatcher"\nreasons = ["lane_blocked", "breakdown"]\nchain = ["second"]\n'
ASKED = 'reasons = ["lane_blocked"]\n'


def without(text: str, key: str) -> str:
    """The lines without that of a key."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(f"{key} = "))


ROWS = (
    Row("area.plan", '"demo"', '"feed"', area_of),
    Row("mqtt.host", f'"{HERE}"', f'"{THERE}"', guest("address"), more=f"port = {PORT}\n"),
    Row("mqtt.port", f"{PORT}", f"{OTHER_PORT}", guest("address"), more=f'host = "{HERE}"\n'),
    Row("mqtt.user", '"bridge-one"', '"bridge-two"', guest("user"), more=DOOR),
    Row("mqtt.password_file", '"one"', '"two"', guest("password"), more=DOOR),
    Row("calls.call_at_s", "600", "1200", seconds_to_the_call, operator.gt),
    Row("calls.confirm_gap_s", "0", "60", seconds_to_the_call, operator.lt),
    Row("calls.slip_s", "60", "600", seconds_from_call_to_held, operator.lt),
    Row("calls.slip_s", "60", "3600", promises_that_a_breakdown_breaks, operator.gt),
    Row("calls.recover_s", "0", "290", state_of_a_late_truck_that_drives_again),
    Row("calls.back_within_s", "0", "7200", lamp_is_kept_lit, operator.lt),
    Row("calls.unknown_within_s", "0", "7200", a_silent_truck_has_a_time, operator.gt),
    Row("dispatch.lane_clear_s", "60", "7200", seconds_to_the_second_visit, operator.lt),
    Row("dispatch.extra_comes_s", "600", "7200", seconds_to_the_extra_truck, operator.lt),
    Row("dispatch.unload_s", "0", "3600", seconds_until_a_full_truck_is_back, operator.lt),
    Row("area.transfer_station", '"31.19,121.43"', '"31.39,121.43"', seconds_until_a_full_truck_is_back, operator.lt,
        more='plan = "demo"\n'),
    Row("dispatch.open_before_s", "0", "7200", run_is_open_before, operator.lt),
    Row("dispatch.forget_after_s", "0", "7200", run_is_open_after, operator.lt),
    Row("alarms.truck_silent_s", "90", "600", seconds_until_a_truck_is_silent, operator.lt),
    Row("alarms.unit_silent_s", "60", "3600", seconds_until_a_unit_is_silent, operator.lt),
    Row("alarms.broker_away_s", "5", "600", seconds_until_the_broker_is_away, operator.lt),
    Row("alarms.together", "2", "10", alarms_of_an_area_whose_units_are_silent, operator.lt),
    Row("alarms.heard_before_s", "60", "3000", seconds_until_a_truck_should_be_heard, operator.gt),
    Row("alarms.not_begun_s", "60", "3600", seconds_until_a_run_should_have_begun, operator.lt),
    Row("alarms.standing_s", "180", "1800", seconds_until_it_stands_on_the_road, operator.lt),
    Row("alarms.not_out_s", "60", "600", seconds_until_bins_should_be_out, operator.lt),
    Row("alarms.misses_s", "1200", "7200", is_named_ahead_when_half_an_hour_late, operator.gt),
    Row("alarms.gone_after_s", "0", "600", seconds_until_it_has_ended, operator.lt),
    Row("bookings.hold_s", "60", "600", seconds_held, operator.lt),
    Row("bookings.days_ahead", "1", "3", days_with_windows, operator.lt),
    Row("bookings.window_s", "1800", "3600", windows_offered, operator.gt),
    Row("bookings.bag_litres", "20", "80", litres_of_ten_bags, operator.lt),
    Row("arrival.setup_s", "0", "300", seconds_between_rooms, operator.lt),
    Row("arrival.per_bin_s", "0", "60", seconds_between_rooms, operator.lt),
    Row("arrival.bins", "0", "10", seconds_between_rooms, operator.lt),
    Row("arrival.speed_mps", "2", "10", seconds_between_rooms, operator.gt),
    Row("arrival.speed_mps", "2", "10", silent_past_a_room),
    Row("arrival.detour_factor", "1", "3", seconds_over_open_country, operator.lt),
    Row("limits.messages_per_s", "1", "50", refused(100, 0.01), operator.gt),
    Row("limits.kilobytes_per_s", "1", "50", refused(20, 0.1, size=1000), operator.gt),
    Row("limits.messages_per_day", "100", "200", refused(300, 1.0), operator.gt),
    Row("limits.presses_per_minute", "1", "60", refused(10, 1.0, PRESS), operator.gt),
    Row("limits.refused_is_flood", "100", "100000", who_floods, operator.gt),
    Row("limits.open_incidents", "5", "50", presses_taken(closed=False), operator.lt),
    Row("limits.incidents_per_day", "5", "50", presses_taken(closed=True), operator.lt),
    Row("web.open_without_tls", "true", "false", screen_may_be_open, operator.gt, 'host = "0.0.0.0"\n'),
    Row("embedded.ca_file", '"first/ca.pem"', '"second/ca.pem"', whom_its_broker_trusts, more=CERTIFIED),
    Row("embedded.password_port", f"{PORT}", f"{OTHER_PORT}", ports_of_its_broker,
        more=f'ca_file = "first/ca.pem"\n{CERTIFIED}'),
    Row("embedded.open_without_tls", "true", "false", may_be_open, operator.gt,
        'enabled = true\n[mqtt]\nhost = "0.0.0.0"\n'),
    Row("outside.folder", '"one"', '"two"', places_of_messages, more=f"[[outside.receiver]]\n{AWAY}"),
    Row("outside.receiver.name", '"one"', '"two"', places_of_messages, more=without(AWAY, "name")),
    Row("outside.receiver.url", f'"http://127.0.0.1:{PORT}/one"', f'"http://127.0.0.1:{PORT}/two"', paths_called,
        more=without(TOLD, "url")),
    Row("outside.receiver.secret_file", '"secret"', '"other"', is_believed, operator.gt, without(TOLD, "secret_file")),
    Row("outside.receiver.folder", '"one"', '"two"', places_of_messages, more='name = "files"\n'),
    Row("outside.receiver.events", '["alarm"]', '["call", "late", "totals"]', is_told_of_alarms, operator.gt,
        'name = "files"\nfolder = "files"\n'),
    Row("outside.receiver.contractor", '"first"', '"second"', is_told_what_the_first_firm_is_asked, operator.gt,
        'name = "files"\nfolder = "files"\n'),
    Row("outside.receiver.rooms", '["r02", "r01"]', '["r02"]', is_told_of_a_room_of_e01, operator.gt,
        'name = "files"\nfolder = "files"\n'),
    Row("outside.receiver.estates", '["e01"]', '["e02"]', is_told_of_a_room_of_e01, operator.gt,
        'name = "files"\nfolder = "files"\n'),
    Row("outside.receiver.inside", '["127.0.0.1"]', '["10.0.0.1"]', is_believed, operator.gt, without(TOLD, "inside")),
    Row("outside.receiver.keep_days", "1", "3", is_given_up_after_two_days, operator.gt, AWAY),
    Row("city.url", *(f'"postgresql://{one}@127.0.0.1:{PORT}/city"' for one in ("one", "two")), asked_of_the_city),
    Row("city.password_file", '"one"', '"two"', asked_of_the_city, more=CITY),
    Row("city.push_s", "3", "7", rest_of_a_try, operator.lt, CITY),
    Row("city.screen", '"https://one.example"', '"https://two.example"', screen_told),
    Row("answers.sound_s", "5", "50", seconds_to_the_sound, operator.lt),
    Row("answers.next_person_s", "10", "100", seconds_until_told("second"), operator.lt),
    Row("answers.next_step_s", "100", "500", seconds_until_told("supervisor"), operator.lt),
    Row("answers.addressee.name", '"estate"', '"committee"', addressees_told,
        more=ASKED + 'chain = ["keeper"]\n' + DISPATCHER),
    Row("answers.addressee.reasons", '["lane_blocked"]', '["breakdown"]', addressees_told,
        more='name = "estate"\nchain = ["keeper"]\n' + DISPATCHER),
    Row("answers.addressee.chain", '["keeper"]', '["property"]', addressees_told,
        more='name = "estate"\n' + ASKED + DISPATCHER),
    Row("log.level", '"info"', '"error"', warnings, operator.gt),
)


def backups_made(folder: Path, text: str) -> list[str]:
    """Where there is a backup, and how many, after three."""
    office = Office(folder / "office", text)
    office.stores(1, 2)
    for second in range(3):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("broker.commands.upkeep.backup.time.time", lambda second=second: 1_800_000_000 + second)
            assert office.does("backup") == 0
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("zhanpai-*")) if path.is_dir()]


ROWS_OF_A_WHOLE_BRIDGE = (  # some with openssl for the certificates, or Mosquitto as its own broker
    Row("store.url", '"one"', '"two"', folders_used),
    Row("web.enabled", "true", "false", has_a_screen, more="port = 0\n"),
    Row("web.host", '"127.0.0.1"', f'"{THERE}"', where_the_screen_is, more=f"port = {PORT}\n"),
    Row("web.port", f"{PORT}", f"{OTHER_PORT}", where_the_screen_is),
    Row("web.hosts", "[]", '["screen.example"]', status_under_another_name, operator.gt, "port = 0\n"),
    Row("web.trusted_proxies", '["127.0.0.1"]', "[]", whom_it_counts, operator.gt, "port = 0\n"),
    Row("web.basemap", '"one"', '"two"', street_map, more="port = 0\n"),
    Row("web.basemap_licence", '"OSM"', '"City"', street_map, more='port = 0\nbasemap = "one"\n'),
    Row("playback.folder", '"one"', '"two"', playback_of_this_second),
    Row("playback.days", "0", "1", playback_of_this_second, operator.lt, 'folder = "one"\n'),
    Row("home_assistant.enabled", "true", "false", announced),
    Row("home_assistant.prefix", '"homeassistant"', '"house"', announced, more="enabled = true\n"),
    Row("home_assistant.language", '"zh"', '"en"', announced, more="enabled = true\n"),
    Row("home_assistant.file", '"one.json"', '"two.json"', noted_in, more="enabled = true\n"),
    Row("cases.times", "2", "3", cases_suggested, operator.gt),
    Row("cases.within_days", "3", "1", cases_suggested, operator.gt, "times = 2\n"),
    Row("reports.folder", '"one"', '"two"', days_reported, more="back_days = 1\n"),
    Row("reports.back_days", "1", "3", days_reported, operator.lt, 'folder = "one"\n'),
    Row("backup.folder", '"one"', '"two"', backups_made),
    Row("backup.keep", "1", "2", backups_made),
    Row("registers.folder", '"one"', '"two"', elections, operator.lt),
    Row("people.folder", '"one"', '"two"', elections_for_wang, operator.lt),
    Row("people.one_click", "true", "false", screen_of_nobody, operator.lt),
    Row("mqtt.ca_file", '"broker.pem"', '"one.pem"', guest_with_tls, more=DOOR + OURS),
    Row("mqtt.cert_file", '"one.pem"', '"again.pem"', guest_with_tls, more=TLS + 'key_file = "one.key"\n'),
    Row("mqtt.key_file", '"two.key"', '"one.key"', guest_with_tls, more=TLS + 'cert_file = "two.pem"\n'),
    Row("mqtt.key_file", '"one.key"', '"two.key"', guest_with_tls, more=TLS + 'cert_file = "one.pem"\n'),
    Row("web.cert_file", '"one.pem"', '"again.pem"', certificate_of_the_screen,
        more='port = 0\nkey_file = "one.key"\n'),
    Row("web.key_file", '"one.key"', '"two.key"', certificate_of_the_screen,
        more='port = 0\ncert_file = "one.pem"\n'),
    Row("limits.connects_per_minute", "10", "1000", is_shut_out_after_connects, operator.gt),
    Row("limits.closed_s", "60", "600", seconds_shut_out, operator.lt),
    Row("limits.connections", "50", "60", line_of_its_broker("max_connections"), more=WITH_OWN_BROKER),
    Row("limits.broker_memory_mb", "64", "128", line_of_its_broker("memory_limit"), more=WITH_OWN_BROKER),
    Row("embedded.enabled", "true", "false", a_broker_is_there, operator.gt, f"[mqtt]\nport = {PORT}\n"),
    Row("embedded.folder", '"one"', '"two"', folders_of_its_broker, more=OWN_BROKER),
    Row("embedded.cert_file", '"one.pem"', '"again.pem"', tls_of_its_broker("certfile"),
        more=f'key_file = "one.key"\nenabled = true\nfolder = "own"\n[mqtt]\nport = {PORT}\n'),
    Row("embedded.key_file", '"one.key"', '"same.key"', tls_of_its_broker("keyfile"),
        more=f'cert_file = "one.pem"\nenabled = true\nfolder = "own"\n[mqtt]\nport = {PORT}\n'),
    Row("embedded.accounts", '"one"', '"two"', unit_may_sign_in, operator.gt, OWN_BROKER),
)


def fields_of(section: type[BaseModel], name: str = "") -> Iterator[tuple[str, Any]]:
    """Each key below a section, with what it may hold; a list of sections is a section by its own name."""
    for key, field in section.model_fields.items():
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        sections = [kind for kind in inner if issubclass(kind, BaseModel)]
        if sections:
            yield from fields_of(sections[0], f"{name}{key}.")
        else:
            yield f"{name}{key}", field


def keys_of_the_file() -> set[str]:
    """Every key that broker.toml may have."""
    return {key for key, _ in fields_of(BrokerConfig)}


def test_each_key_has_a_row() -> None:
    """A new key needs something that can be seen of it, and a key that is gone needs no row."""
    assert {row.key for row in (*ROWS, *ROWS_OF_A_WHOLE_BRIDGE)} == keys_of_the_file()


def numbers() -> Iterator[tuple[str, dict[str, float]]]:
    """Each number's key, with its bounds as `ge` and `le`."""
    for key, field in fields_of(BrokerConfig):
        if field.annotation in (int, float):
            rules = {name: getattr(rule, name) for rule in field.metadata for name in ("ge", "le")
                     if hasattr(rule, name)}  # fmt: skip
            yield key, rules


def test_each_number_has_bounds() -> None:
    """None may be so small or so large that the street makes no sense of it."""
    assert [key for key, bounds in numbers() if set(bounds) != {"ge", "le"}] == []


BEYOND = [
    (key, str(value))
    for key, bounds in numbers()
    for value in (bounds.get("ge", 0) - 1, bounds.get("le", 0) + 1, "nan", '"x"')
]


@pytest.mark.parametrize(("where", "value"), [*BEYOND, *((key, '""') for key in (
    "area.plan", "mqtt.host", "mqtt.user", "store.url", "web.host", "log.level", "outside.folder",
    "outside.receiver.name", "outside.receiver.url", "outside.receiver.secret_file",
    "outside.receiver.contractor"))])  # fmt: skip
def test_what_is_out_of_bounds_is_named(where: str, value: str, tmp_path: Path) -> None:
    """File, section and key stand in the refusal."""
    section, key = where.rsplit(".", 1)
    with pytest.raises(ConfigError) as refused:
        configured(tmp_path, f"{heading(section)}\n{key} = {value}\n")
    section, _, inner = section.partition(".")
    key = f"{inner}.0.{key}" if inner else key  # the first of them
    assert f"{tmp_path / 'broker.toml'}: [{section}] {key}: " in str(refused.value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_key_changes_what_is_seen(row: Row, tmp_path: Path) -> None:
    """The file's value reaches whoever acts on it."""
    told_apart(row, tmp_path)


@pytest.mark.real
@pytest.mark.parametrize("row", ROWS_OF_A_WHOLE_BRIDGE, ids=lambda row: row.key)
def test_a_key_changes_what_is_seen_of_a_whole_bridge(row: Row, tmp_path: Path) -> None:
    """The file's value reaches whoever acts on it."""
    told_apart(row, tmp_path)


@pytest.mark.real
@pytest.mark.parametrize(
    ("cert_file", "key_file", "known_as"),
    [
        ("one.pem", "one.key", "one"), ("two.pem", "two.key", "two"), ("again.pem", "one.key", "again"),
        ("one.pem", "two.key", "[mqtt] cert_file and key_file"),
        ("again.pem", "two.key", "[mqtt] cert_file and key_file"),
    ],
)  # fmt: skip
def test_the_broker_knows_the_bridge_by_the_certificate_whose_key_it_has(
    cert_file: str, key_file: str, known_as: str, tmp_path: Path
) -> None:
    """Either pair lets it in under its own name; a key of another certificate is refused by naming both keys."""
    text = f'[mqtt]\n{TLS}cert_file = "{cert_file}"\nkey_file = "{key_file}"\n'
    assert guest_with_tls(tmp_path, text) == known_as
