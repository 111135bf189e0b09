"""The device's own hello: what counts as one, and what its silence means. Real Mosquitto, real TLS on a real prompt."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

from broker.mqtt.own_broker.mosquitto import EmbeddedBroker
from firmware import wire
from tests.support.checkout import a_checkout, make_wheel
from tests.support.flashing import AREA, PASSWORDS, Workshop, running_broker, write_secret
from tools.flashing.errors import FlashError
from tools.flashing.hello import Listener
from tools.flashing.settings import BrokerAccess

TOPIC = wire.topic("life", AREA, "r01", family="room")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One Mosquitto for all tests here."""
    with running_broker(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture
def listener(broker: EmbeddedBroker, tmp_path: Path) -> Iterator[Listener]:
    """The technician's connection."""
    file = write_secret(tmp_path / "watch", PASSWORDS[f"technician-{AREA}"])
    with Listener(BrokerAccess("127.0.0.1", broker.port, password_file=file), AREA) as listener:
        yield listener


@pytest.fixture
def unit(broker: EmbeddedBroker) -> Iterator[mqtt.Client]:
    """The unit's own account."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="r01")
    client.username_pw_set("r01", PASSWORDS["r01"])
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield client
    client.publish(TOPIC, b"", qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def later_than(boot: int) -> Callable[[int], bool]:
    """Whether a boot is after this one."""
    return lambda heard: heard > boot


def says(unit: mqtt.Client, life: str, boot: int, fw: str = "aa") -> None:
    """The unit publishes its life, retained."""
    payload = wire.pack(TOPIC, {"life": life, "boot": boot, "fw": fw})
    unit.publish(TOPIC, payload, qos=1, retain=True).wait_for_publish(5)


@pytest.mark.real
def test_a_retained_hello_is_news_of_yesterday(listener: Listener, unit: mqtt.Client) -> None:
    """What the broker remembers is known, but only a live hello of a later boot counts."""
    says(unit, "ready", 4)
    listener.follow("room", "r01")
    known = listener.last_known("room", "r01", 5)
    assert known is not None
    assert (known.boot, known.live) == (4, False)
    with pytest.raises(FlashError) as caught:
        listener.wait("room", "r01", 0, later_than(3), "aa", 0.5)
    assert caught.value.problem == "no_hello"
    says(unit, "ready", 5)
    assert listener.wait("room", "r01", 0, later_than(4), "aa", 5).boot == 5


@pytest.mark.real
def test_only_the_wanted_release_and_a_later_boot_count(listener: Listener, unit: mqtt.Client) -> None:
    """Another release's hello, the same boot again and a `lost` are not it."""
    listener.follow("room", "r01")
    listener.last_known("room", "r01")
    for life, boot, fw in (("ready", 5, "bb"), ("ready", 4, "aa"), ("lost", 9, "aa")):
        says(unit, life, boot, fw)
    with pytest.raises(FlashError):
        listener.wait("room", "r01", 0, later_than(4), "aa", 1)
    says(unit, "ready", 6, "aa")
    assert listener.wait("room", "r01", 0, later_than(4), "aa", 5).boot == 6


@pytest.mark.real
def test_a_unit_in_safe_mode_says_why(listener: Listener, unit: mqtt.Client) -> None:
    """A release that ends again and again is not waited for."""
    listener.follow("room", "r01")
    says(unit, "init", 7, "safe mode: OSError(5)")
    with pytest.raises(FlashError) as caught:
        listener.wait("room", "r01", 0, later_than(0), "aa", 5)
    assert caught.value.problem == "crashes"
    assert "OSError(5)" in caught.value.sentence


@pytest.mark.real
def test_a_message_that_is_not_of_the_wire_is_passed_over(listener: Listener, unit: mqtt.Client) -> None:
    """Garbage on the life topic does not stop the waiting."""
    listener.follow("room", "r01")
    unit.publish(TOPIC, b"{", qos=1).wait_for_publish(5)
    says(unit, "ready", 8)
    assert listener.wait("room", "r01", 0, later_than(0), None, 5).boot == 8


@pytest.mark.real
def test_a_refused_account_is_named(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """The technician's own wrong password is not taken for a silent unit."""
    file = write_secret(tmp_path / "watch", "wrong")
    with (
        pytest.raises(FlashError) as caught,
        Listener(BrokerAccess("127.0.0.1", broker.port, password_file=file), AREA),
    ):
        pass
    assert caught.value.problem == "broker_refused"
    assert f"technician-{AREA}" in caught.value.sentence


# --- certificates -----------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """(certificate, key) of a server that signs for itself, for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


class TlsBroker(threading.Thread):
    """Answers every MQTT CONNECT with a refusal, behind TLS."""

    def __init__(self, pem: Path, key: Path) -> None:
        super().__init__(daemon=True)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem, key)
        # The first address of the name is the one MicroPython takes: ::1 on most machines.
        family, *_, address = socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)[0]
        self._socket = socket.create_server(address[:2], family=family)
        self.port = self._socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                raw, _ = self._socket.accept()
            except OSError:
                return
            raw.settimeout(5)
            try:
                with self._context.wrap_socket(raw, server_side=True) as secured:
                    secured.recv(1024)
                    secured.sendall(b"\x20\x02\x00\x05")
            except OSError:
                raw.close()

    def close(self) -> None:
        self._socket.close()


@pytest.mark.real
def test_the_board_itself_says_whether_it_trusts_the_broker(tmp_path: Path) -> None:
    """With another authority's certificate the self test says `certificate`; with the right one it signs in."""
    good, other = certificate(tmp_path, "good"), certificate(tmp_path, "other")
    server = TlsBroker(*good)
    server.start()
    workshop = Workshop(tmp_path)
    try:
        for authority, expected in ((other[0], (43, "certificate")), (good[0], (44, "broker_refused"))):
            access = {"host": "localhost", "port": server.port, "tls": True, "ca_file": str(authority)}
            workshop.write_settings(broker=access)
            with workshop.board(f"binroom-{authority.stem}"):
                code, _, text = workshop.flash("binroom", "--id", "r01", "--no-hello", "--replace")
                assert code == 0, text
                code, told, _ = workshop.flash("selftest", "--hold-ms", "10")
                assert (code, told["steps"][-1]["problem"]) == expected
    finally:
        workshop.close()
        server.close()


@pytest.mark.real
def test_a_truck_set_up_over_ssh_is_heard(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """The install is done when the truck's own agent reports, whatever number its new computer counts from."""
    from tools.flashing.settings import load_settings
    from tools.flashing.truck.setup import TruckOrder, flash_truck

    class Quiet:
        def says(self, text: str) -> None:
            """Nothing on the test's screen."""

    workshop = Workshop(tmp_path, broker.port, truck={"wheels": "wheels"})
    checkout = a_checkout(tmp_path, tmp_path / "wheels")
    make_wheel(tmp_path / "wheels", "pip", "1.0")
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\ncat >/dev/null\ntouch '{tmp_path}/installed'\n")
    ssh.chmod(0o755)
    topic = wire.topic("life", AREA, "t01", family="truck")
    truck = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="t01")
    truck.username_pw_set("t01", PASSWORDS["t01"])
    truck.connect("127.0.0.1", broker.port)
    truck.loop_start()

    def reports(boot: int) -> None:
        payload = wire.pack(topic, {"life": "ready", "boot": boot, "fw": "1"})
        truck.publish(topic, payload, qos=1, retain=True).wait_for_publish(5)

    def starts() -> None:
        end = time.monotonic() + 20
        while not (tmp_path / "installed").exists() and time.monotonic() < end:
            time.sleep(0.05)
        reports(900)
        reports(77)

    reports(900)
    agent = threading.Thread(target=starts, daemon=True)
    agent.start()
    try:
        order = TruckOrder("t01", ssh="pi@truck", ssh_command=(str(ssh),), hello_s=20)
        outcome = flash_truck(order, load_settings(workshop.settings), checkout, Quiet())
        assert outcome.hello_boot == 77
    finally:
        agent.join(timeout=25)
        truck.disconnect()
        truck.loop_stop()
