"""After a theft of the broker's or the authority's key another authority takes the place of the first."""

from pathlib import Path

import pytest

from broker.mqtt.own_broker.revoked import RevokedError, read_revoked
from tests.support.identity.street import Street, street
from tools.flashing.identity.identities import Identities

HOSTS = ("--host", "127.0.0.1", "--host", "localhost")


@pytest.mark.real
def test_who_has_the_brokers_key_is_nobody_to_devices_that_are_written_again(tmp_path: Path) -> None:
    """Nothing of the first authority is believed on either side; who was out of it is out of the next."""
    with street(tmp_path, "t01", "t02", password_devices=("r01",)) as here:
        former = here.certified("t01")
        assert here.flash("ca", *HOSTS)[0] == 0
        here.certified("t02")
        assert here.flash("revoke", "--id", "t02")[0] == 0
        code, told, said = here.flash("ca", "--new", *HOSTS)
        assert code == 0 and told["write_again"] == ["t01"], said
        (aside,) = here.keys.glob("before-*")
        assert aside.stat().st_mode & 0o777 == 0o700 and (aside / "ca.key").exists()
        with pytest.raises(RevokedError):  # as a device that trusts the new one meets the stolen key
            read_revoked(here.keys / "ca.pem", aside / "broker.pem", aside / "broker.key", here.keys)
        here.broker.stop()
        here.broker.start()
        here.identities = Identities(here.keys, "xh")
        written_again = here.certified("t01")
        assert here.lets_in("t01", written_again) and not here.lets_in("t01", former)
        assert here.identities.out() == {"t02"}
        assert here.flash("ca", *HOSTS)[1]["made"] == []


def test_it_is_shown_before_it_is_done_and_never_done_to_half_an_authority(tmp_path: Path) -> None:
    """A dry run writes nothing; where the key is gone a person looks first."""
    here = Street(tmp_path, "t01")
    here.certified("t01")
    before = {path.name: path.read_bytes() for path in here.keys.iterdir()}
    code, told, said = here.flash("ca", "--new", "--dry-run", *HOSTS)
    assert code == 0 and told["write_again"] == ["t01"] and "ca.key" in told["made"], said
    assert {path.name: path.read_bytes() for path in here.keys.iterdir()} == before
    (here.keys / "ca.key").rename(tmp_path / "ca.key")
    assert here.flash("ca", "--new", *HOSTS)[0] == 54 and (here.keys / "ca.pem").exists()
