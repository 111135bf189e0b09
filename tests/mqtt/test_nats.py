"""NATS as a site's brokers: the configuration in packaging/nats, and that nothing we say needs more than it can do."""

import json
import socket
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.config import MqttConfig
from broker.mqtt import packets
from broker.mqtt.link import BridgeLink
from broker.mqtt.own_broker.access_list import families_of
from broker.mqtt.own_broker.child import BrokerChild
from broker.mqtt.own_broker.nats_accounts import nats_accounts, subjects
from firmware import wire
from sim.city.cell import HOST, Cell, begins_at
from sim.city.truth import truth_of
from sim.live.clock import SpedClock
from tests.support.city.nats import CONFIGURATION, DEVICES_TLS, FIRST_GOOD, Nodes, nats_servers
from tests.support.processes import wait_until
from tests.support.settings.broker import certificate

DATE = "2026-11-25"
ROUTES_TLS = 'tls { cert_file: "routes.pem", key_file: "routes.key", ca_file: "routes.pem", verify: true }'


def good_server() -> str:
    """A server that may be used in the street, or a loud skip."""
    version, program = next(iter(nats_servers()), ((0,), ""))
    if version < FIRST_GOOD:
        pytest.skip(f"NATS NOT TESTED: no nats-server of 2.14.3 or later here (the newest is {version})")
    return program


def filters_of(subscribe: bytes) -> list[tuple[str, int]]:
    """The filters of a SUBSCRIBE's body."""
    found, at = [], 2
    while at < len(subscribe):
        end = at + 2 + int.from_bytes(subscribe[at : at + 2], "big")
        found.append((subscribe[at + 2 : end].decode(), subscribe[end]))
        at = end + 1
    return found


def packet_from(connection: socket.socket) -> tuple[int, bytes]:
    """The first byte of the next packet, and its body."""
    first, length, shift = connection.recv(1)[0], 0, 0
    while True:
        digit = connection.recv(1)[0]
        length |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            break
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return first, body


def test_the_bridge_subscribes_to_no_shared_topic_and_nothing_of_qos_2_and_sends_none():
    said: list[tuple[int, bytes]] = []

    def broker(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            said.append(packet_from(connection))
            connection.sendall(b"\x20\x02\x00\x00")
            said.append(packet_from(connection))
            connection.sendall(packets.packet(0x90, said[1][1][:2] + bytes(len(filters_of(said[1][1])))))
            said.append(packet_from(connection))

    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=broker, args=(listener,), daemon=True)
        thread.start()
        link = BridgeLink(MqttConfig(host=HOST, port=listener.getsockname()[1]), "c01", 0, "secret")
        link.start()
        try:
            wait_until(lambda: link.up, "the bridge is connected")
            link.send("zp/v1/c01/bridge/life", b"{}", True)
            link.write_out()
            thread.join(10)
        finally:
            link.stop()
    filters = filters_of(said[1][1])
    assert {topic for topic, qos in filters if qos == 1} == set(wire.subscriptions("bridge", "c01"))
    assert all(qos in (0, 1) and not topic.startswith("$share") for topic, qos in filters)
    assert said[0][1][2:7] == b"MQTT\x04"  # 3.1.1
    assert said[2][0] & 0xF6 == 0x30 | 2  # a PUBLISH of QoS 1


@pytest.mark.parametrize("family", ["truck", "room"])
def test_devices_subscribe_to_no_shared_topic(family):
    assert not any(topic.startswith("$share") for topic in wire.subscriptions(family, "c01", "x1"))


def test_topics_become_subjects():
    assert subjects(["zp/v1/c01/bridge/#", "zp/v1/c01/truck/t.1/incident_ack/+"]) == [
        "zp.v1.c01.bridge", "zp.v1.c01.bridge.>", "zp.v1.c01.truck.t//1.incident_ack.*",
    ]  # fmt: skip


def test_an_account_that_only_listens_may_say_nothing():
    text = nats_accounts("c01", {}, {"bridge-c01": "a", "watch-c01": "b"})
    (row,) = [line for line in text.splitlines() if "watch-c01" in line]
    assert '"publish": {"deny": [">"]}' in row


def test_who_is_thrown_out_has_no_account(tmp_path):
    """By name or by password, for here everybody comes in by one; let in again it has another."""
    config, accounts, out = tmp_path / "broker.toml", tmp_path / "accounts.conf", tmp_path / "out.txt"
    config.write_text(
        '[area]\nplan = "demo"\n[embedded]\ncert_file = "broker.pem"\nkey_file = "broker.key"\nca_file = "ca.pem"\n'
    )

    out.write_text("")

    def users():
        assert main(["nats-accounts", str(accounts), "--config", str(config)]) == 0
        rows = [json.loads(line) for line in accounts.read_text().splitlines() if line.strip().startswith('{"')]
        return {row["user"]: row["password"] for row in rows}

    before = users()
    out.write_text("t01\nr01 password\n")
    assert users() == {name: password for name, password in before.items() if name not in ("t01", "r01")}
    out.write_text("")
    assert users().keys() == before.keys() and users()["t01"] != before["t01"]
    out.write_text("no device at all\n")
    assert main(["nats-accounts", str(accounts), "--config", str(config)]) == 2


@pytest.mark.real
def test_every_server_that_is_here_reads_the_configuration(tmp_path):
    servers = nats_servers()
    if not servers:
        pytest.skip("the NATS configuration NOT READ by any server: none is here")
    for path in CONFIGURATION.glob("*.conf"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    certificate(tmp_path, "broker")
    certificate(tmp_path, "routes")
    for _, program in servers:
        for number in (1, 2, 3):
            asked = [program, "-c", f"n{number}.conf", "-t"]
            read = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True)
            assert read.returncode == 0, read.stderr
            assert "is valid" in read.stderr


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_a_node_opens_to_the_network_is_under_tls(number):
    """Devices, and the other nodes, who show that they are; no key stands in what is delivered."""
    lines = [line.split("#")[0].strip() for line in (CONFIGURATION / f"n{number}.conf").read_text().splitlines()]
    open_at = [at for at, line in enumerate(lines) if line.startswith("listen:") and "127.0.0.1" not in line]
    assert [lines[at - 1] for at in open_at] == ["mqtt {", "name: zhanpai"]
    assert [lines[at + 1] for at in open_at] == [DEVICES_TLS, ROUTES_TLS]
    assert {path.suffix for path in CONFIGURATION.iterdir()} == {".conf"}


class _Site(BrokerChild):
    """A cluster as a cell meets it: somebody else starts and ends it."""

    running = True  # type: ignore[assignment]

    def start(self) -> None:
        """It is there."""

    def stop(self) -> None:
        """It stays."""


class CellOnNats(Cell):
    """A cell whose bridge meets one node of the cluster, and its devices another."""

    nodes: Nodes

    def addresses(self) -> tuple[int, int]:
        return self.nodes.ports[1], self.nodes.ports[0]

    def own_broker(self, folder: Path) -> BrokerChild:
        return _Site(folder, HOST, self.port)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.parametrize("killed", ["the third node", "the bridge's node", "the devices' node"])
def test_a_cell_on_three_nodes_loses_nothing_when_one_of_them_is_killed(tmp_path, killed):
    program = good_server()
    clock = SpedClock(begins_at(DATE), 10, tmp_path / "go")
    nodes = Nodes(program, tmp_path / "nats")
    site = type("Site", (CellOnNats,), {"nodes": nodes})
    cell = site(1, 2, tmp_path / "cell", clock, DATE, 1, {})
    families = families_of(cell.passwords, cell.area, cell.plan.rooms)
    victim = {"the third node": 2, "the bridge's node": 0, "the devices' node": 1}[killed]
    try:
        nodes.start(nats_accounts(cell.area, families, cell.passwords))
        cell.launch()
        wait_until(cell.bridge.answers, "the bridge is up", 60)
        cell.switch_on()
        clock.go()
        play = partial(_played, cell)
        play(18)
        nodes.kill(victim)
        play(3)
        nodes.start_one(victim)
        play(15)
        until_at = clock.now()
        deadline = time.monotonic() + 90
        while (faults := truth_of(cell.evidence, cell.stored(), until_at).faults) and time.monotonic() < deadline:
            play(1)
        assert faults == (), nodes.said()
        assert len(cell.evidence.recorded) > 50
    finally:
        cell.close()
        nodes.close()


def _played(cell: Cell, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        cell.play()
        time.sleep(0.02)
