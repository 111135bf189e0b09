"""The bridge's own certificate is made anew like others', and one command makes what it had worthless."""

import shutil
from pathlib import Path

import pytest

from broker.config import MqttConfig
from broker.mqtt.link import BridgeLink
from tests.support.identity.street import Street, street
from tests.support.processes import wait_until


def made(here: Street) -> Path:
    """What `flash.py ca` makes for the bridge, as one file."""
    code, _, said = here.flash("ca", "--host", "127.0.0.1", "--host", "localhost")
    assert code == 0, said
    return both(here)


def both(here: Street) -> Path:
    """Certificate and key as they are now."""
    pair = (here.keys / "bridge.pem").read_bytes() + (here.keys / "bridge.key").read_bytes()
    return here.kept("bridge", pair)


@pytest.mark.real
def test_whoever_took_the_bridges_key_is_out_and_the_bridge_comes_by_its_new_one(tmp_path: Path) -> None:
    """Its connection goes on by the new files without a start; devices stay, and its name is not out."""
    with street(tmp_path, "t01") as here:
        stolen = shutil.copy(made(here), tmp_path / "stolen.pem")
        truck = here.come("t01", here.certified("t01"))
        assert here.lets_in("bridge-xh", stolen)
        pair = {"cert_file": here.keys / "bridge.pem", "key_file": here.keys / "bridge.key"}
        config = MqttConfig(host="127.0.0.1", port=here.port, ca_file=here.keys / "ca.pem", **pair)
        link = BridgeLink(config, "xh", 0)
        link.start()
        try:
            wait_until(lambda: link.up, "the bridge is in by its certificate")
            code, told, said = here.flash("revoke", "--id", "bridge-xh")
            assert code == 0 and told["seconds"] <= 10, said
            assert not here.lets_in("bridge-xh", stolen)
            wait_until(lambda: link.connection > 1 and link.up, "it comes again by the new one")
        finally:
            link.stop()
        assert here.lets_in("bridge-xh", both(here)) and truck.is_answered()
        assert here.identities.out() == set() and not here.caretaker.notes()
        assert here.flash("revoke", "--id", "bridge-xh", "--dry-run")[1]["certificates"]


def test_a_bridges_certificate_near_its_end_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same command that makes the first; one that is good stays."""
    here = Street(tmp_path)
    first = made(here).read_bytes()
    assert made(here).read_bytes() == first
    monkeypatch.setattr("tools.flashing.authority.RENEW_DAYS", 4000)
    assert made(here).read_bytes() != first
    assert len(here.identities.given("bridge-xh")) == 2 and here.identities.due(4000) == []


def test_a_pair_from_before_there_was_a_list_of_it_is_worthless_too(tmp_path: Path) -> None:
    """Nothing in the log speaks of it: its number is in its file."""
    from cryptography import x509

    here = Street(tmp_path)
    made(here)
    old = x509.load_pem_x509_certificate((here.keys / "bridge.pem").read_bytes()).serial_number
    (here.keys / "identities.jsonl").unlink()
    here.identities.replace_bridge()
    revoked = x509.load_pem_x509_crl((here.keys / "crl.pem").read_bytes())
    assert old in {one.serial_number for one in revoked}
