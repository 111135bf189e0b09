"""What the broker reads of who is out: a list that would shut everybody out is not taken, nor one that is torn."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.mqtt.own_broker.access_list import access_list
from broker.mqtt.own_broker.revoked import Revoked, RevokedError, read_revoked
from tests.support.identity.street import street
from tests.support.processes import wait_until
from tools.flashing.authority import make_authority
from tools.flashing.identity.identities import Identities


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Path]:
    """An authority's folder with its lists."""
    make_authority(tmp_path / "keys", "xh", ["localhost"])
    Identities(tmp_path / "keys", "xh").write_lists()
    yield tmp_path / "keys"


def read(keys: Path) -> Revoked:
    """As the bridge's own broker does."""
    return read_revoked(keys / "ca.pem", keys / "broker.pem", keys / "broker.key")


def test_who_is_out_and_whose_password_alone_is(keys: Path) -> None:
    """A device that came back comes in by its certificate, and not by the password that the thief may have."""
    area = Identities(keys, "xh")
    for device in ("t01", "r01"):
        area.issue("truck", device)
        area.revoke(device)
    area.readmit("t01", password_changed=False)
    assert (sorted(read(keys).out), sorted(read(keys).passwords)) == (["r01"], ["t01"])
    assert read(keys).without_password == {"r01", "t01"}
    area.readmit("t01", password_changed=True)
    area.readmit("r01", password_changed=True)
    assert not read(keys).without_password


def test_who_is_out_has_a_denial_and_no_line_of_its_own() -> None:
    """Also one that no plan knows."""
    lines = access_list("xh", {"t01": "truck", "t02": "truck"}, {"t01", "t99"})
    assert "user t01\ntopic deny #\n" in lines and "user t99\ntopic deny #\n" in lines
    assert "/truck/t01/" not in lines and "/truck/t02/" in lines


@pytest.mark.parametrize("damage", ["another's", "torn", "empty", "gone", "no device"])
def test_a_list_that_nobody_would_be_let_in_by_is_refused_by_name(keys: Path, tmp_path: Path, damage: str) -> None:
    """Mosquitto would take it and refuse every device."""
    crl, out = keys / "crl.pem", keys / "out.txt"
    if damage == "another's":
        make_authority(tmp_path / "other", "xh", ["localhost"])
        Identities(tmp_path / "other", "xh").write_lists()
        shutil.copy(tmp_path / "other" / "crl.pem", crl)
    elif damage == "torn":
        crl.write_bytes(crl.read_bytes()[:200])
    elif damage == "empty":
        crl.write_bytes(b"")
    elif damage == "gone":
        crl.unlink()
    else:
        out.write_text("t01\ntopic deny #\n")
    with pytest.raises(RevokedError, match="out.txt" if damage == "no device" else "crl.pem"):
        read(keys)


@pytest.mark.real
def test_a_spoiled_list_changes_nothing_and_is_said(tmp_path: Path) -> None:
    """Who was out stays out, who was in stays in, and the next good list counts."""
    with street(tmp_path, "t01", "t02") as here:
        out, good = here.certified("t01"), here.certified("t02")
        assert here.flash("revoke", "--id", "t01")[0] == 0
        kept = (here.keys / "crl.pem").read_bytes()
        (here.keys / "crl.pem").write_bytes(b"spoiled")
        wait_until(lambda: any("crl.pem" in note for note in here.caretaker.notes()), "it is said")
        assert here.lets_in("t02", good) and not here.lets_in("t01", out)
        (here.keys / "crl.pem").write_bytes(kept)
        here.broker.kill()
        wait_until(lambda: here.lets_in("t02", good), "it was started again")
        assert not here.lets_in("t01", out)
