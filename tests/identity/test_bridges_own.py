"""The bridge's own certificate is made anew like others', and one command makes what it had worthless."""

import shutil
from pathlib import Path

import pytest
from cryptography import x509

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


def numbers_out(here: Street) -> set[int]:
    """What the list for the broker says is worth nothing."""
    revoked = x509.load_pem_x509_crl((here.keys / "crl.pem").read_bytes())
    return {one.serial_number for one in revoked}


def from_before_the_log(here: Street) -> int:
    """A pair that no line speaks of; its number."""
    made(here)
    (here.keys / "identities.jsonl").unlink()
    return x509.load_pem_x509_certificate((here.keys / "bridge.pem").read_bytes()).serial_number


def test_a_pair_from_before_there_was_a_list_of_it_is_worthless_too(tmp_path: Path) -> None:
    """Nothing in the log speaks of it: its number is in its file."""
    here = Street(tmp_path)
    old = from_before_the_log(here)
    here.identities.replace_bridge()
    assert old in numbers_out(here)


def test_a_pair_that_is_made_anew_is_known_afterwards(tmp_path: Path) -> None:
    """Its key was moved to the server, so that `flash.py ca` makes another: the one before can still be shut out."""
    here = Street(tmp_path)
    old = from_before_the_log(here)
    (here.keys / "bridge.key").rename(tmp_path / "bridge.key")
    made(here)
    here.identities.replace_bridge()
    assert old in numbers_out(here)


def test_a_certificate_of_the_bridge_that_lies_elsewhere_is_shut_out_by_its_file(tmp_path: Path) -> None:
    """What is known here is told; another's certificate, or one of another authority, is refused before anything."""
    here = Street(tmp_path, "t01")
    old = from_before_the_log(here)
    kept = (here.keys / "bridge.pem").rename(tmp_path / "old.pem")
    asked = ("revoke", "--dry-run", "--id")
    assert here.flash(*asked, "bridge-xh")[1]["certificates"] == []
    assert here.flash(*asked, "bridge-xh", "--certificate", str(kept))[1]["certificates"] == [f"{old:x}"]
    here.identities.replace_bridge(kept)
    assert old in numbers_out(here)
    trucks, foreign = here.certified("t01"), here.keys / "ca.pem"
    for device, file in (("bridge-xh", trucks), ("bridge-xh", foreign), ("t01", trucks)):
        code, _, said = here.flash(*asked, device, "--certificate", str(file))
        assert code == 2 and "--certificate" in said, said
