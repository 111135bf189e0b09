"""Mosquitto lets in who shows a certificate of the area's authority, under the name on it, and nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import wire
from tests.support.identity.street import Street, street
from tests.support.processes import Client, wait_until
from tools.flashing.authority import make_authority
from tools.flashing.identity.identities import Identities, key_pem

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Two trucks and two rooms, of which r02 has a password."""
    with street(tmp_path_factory.mktemp("street"), "t01", "t02", "r01", password_devices=("r02",)) as made:
        yield made


def test_a_device_speaks_and_hears_under_the_name_of_its_certificate(here: Street) -> None:
    """Whatever it calls itself: another's topics, another family's and another's client id are not its own."""
    bridge = Client(here.broker.port, "bridge-xh", "zp/v1/xh/#")
    truck, other = here.come("t01", here.certified("t01")), here.come("t02", here.certified("t02"), client_id="t01")
    try:
        for guest in (truck, other):
            guest.subscribe("zp/v1/xh/truck/t01/command")
        truck.say("fix", b"mine")
        truck.say("fix", b"another's", device="t02")
        truck.say("bins", b"another family's", family="room")
        other.say("fix", b"forged", device="t01")
        other.say("fix", b"its own")
        wait_until(lambda: len(bridge.heard) >= 2, "their own words arrive")
        assert truck.is_answered() and other.is_answered()  # a taken client id throws nobody out
        bridge.say("zp/v1/xh/truck/t01/command", b"{}")
        wait_until(lambda: truck.look() and truck.heard, "it hears its own command")
        assert other.is_answered() and not other.heard
        assert bridge.heard == {
            "zp/v1/xh/truck/t01/fix": [b"mine"], "zp/v1/xh/truck/t02/fix": [b"its own"],
            "zp/v1/xh/truck/t01/command": [b"{}"],
        }  # fmt: skip
    finally:
        for guest in (truck, other):
            guest.leave()
        bridge.close()


def test_nobody_comes_in_without_a_certificate_of_ours(here: Street, tmp_path: Path) -> None:
    """None, another authority's of the same name, or a right password at the wrong port."""
    assert here.lets_in("t01", here.certified("t01"))
    assert not here.lets_in("t01", None)
    assert not here.lets_in("t01", None, password="pw-t01")
    make_authority(tmp_path, "xh", ["127.0.0.1"])
    certificate, key = Identities(tmp_path, "xh").issue("truck", "t01")
    assert not here.lets_in("t01", here.kept("foreign", certificate.pem + key_pem(key)))


def test_a_board_that_cannot_show_one_comes_in_by_its_password_at_its_own_port(here: Street) -> None:
    """Under TLS as well; a wrong password is nobody's."""
    assert here.lets_in("r02", None, password="pw-r02", port=here.password_port)
    assert not here.lets_in("r02", None, password="pw-t01", port=here.password_port)


def test_the_authoritys_own_account_tells_commands_and_nothing_else(here: Street) -> None:
    """It reads how devices live, and no positions."""
    guest = here.come("authority-xh", here.kept("authority", _account(here, "authority-xh")))
    bridge = Client(here.broker.port, "bridge-xh", "zp/v1/xh/#")
    try:
        guest.subscribe("zp/v1/xh/truck/+/life")
        guest.subscribe("zp/v1/xh/truck/+/fix")
        bridge.say("zp/v1/xh/truck/t01/fix", b"where")
        bridge.say("zp/v1/xh/truck/t01/life", b"how")
        wait_until(lambda: guest.look() and guest.heard, "it hears how the truck lives")
        assert guest.is_answered() and guest.heard == [("zp/v1/xh/truck/t01/life", b"how")]
        bridge.heard.clear()
        guest.say("fix", b"forged", device="t01", family="truck")
        guest.say("command", b"{}", device="t01", family="truck")
        wait_until(lambda: bridge.heard, "its command arrives")
        assert set(bridge.heard) == {wire.topic("command", "xh", "t01", family="truck")}
    finally:
        guest.leave()
        bridge.close()


def _account(here: Street, name: str) -> bytes:
    from datetime import UTC, datetime, timedelta

    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from tools.flashing.authority import load_signer
    from tools.flashing.identity.identities import CLIENT

    key = ec.generate_private_key(ec.SECP256R1())
    made = load_signer(here.keys).sign(name, key.public_key(), datetime.now(UTC) + timedelta(days=1), CLIENT)
    return key_pem(key) + made.public_bytes(serialization.Encoding.PEM)
