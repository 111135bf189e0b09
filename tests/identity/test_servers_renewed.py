"""What the broker shows of itself lasts a year, and is made anew and brought without a visit or a restart."""

import ssl
from pathlib import Path

import pytest

from broker.mqtt.own_broker.revoked import HalfBroughtError, read_revoked
from tests.support.identity.street import Street, street
from tests.support.identity.unstarted import Unstarted
from tests.support.processes import wait_until
from tools.flashing.authority import make_authority
from tools.flashing.identity.door import bring
from tools.flashing.identity.identities import Identities
from tools.flashing.settings import Door

RENEW = "tools.flashing.authority.RENEW_DAYS"
TOO_SOON = 400  # days: whatever there is ends within so many


def shown_by(here: Street) -> str:
    """The certificate that the broker shows now."""
    return ssl.get_server_certificate(("127.0.0.1", here.password_port))


@pytest.mark.real
def test_the_daily_command_has_the_broker_show_a_new_year_and_ends_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge's pair with it; what is good stays, and a broker that shows the former one is told again."""
    with street(tmp_path, "t01", password_devices=("r01",)) as here:
        assert here.flash("ca", "--host", "127.0.0.1", "--host", "localhost")[0] == 0
        first, bridges = shown_by(here), (here.keys / "bridge.pem").read_text()
        assert here.flash("renew")[1]["servers"] == [] and shown_by(here) == first
        truck = here.come("t01", here.certified("t01"))
        with monkeypatch.context() as soon:
            soon.setattr(RENEW, TOO_SOON)
            assert here.flash("renew", "--dry-run")[1]["servers"] == ["broker.pem", "bridge.pem"]
            assert shown_by(here) == first
            code, told, said = here.flash("renew")
        assert code == 0 and told["servers"] == ["broker.pem", "bridge.pem"], said
        assert shown_by(here) == (here.keys / "broker.pem").read_text() != first
        assert (here.keys / "bridge.pem").read_text() != bridges
        assert truck.is_answered() and here.lets_in("t01", here.certified("t01")) and not here.caretaker.notes()
        assert here.flash("ca", "--host", "127.0.0.1", "--host", "localhost")[1]["made"] == []


@pytest.mark.real
def test_a_broker_that_was_not_told_is_told_again_the_next_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command fails by name as long as the broker shows the former one, and makes none anew for that."""
    with street(tmp_path, "t01", password_devices=("r01",)) as here:
        first = shown_by(here)
        monkeypatch.setattr(here.broker, "look_at_revoked", lambda: None)
        monkeypatch.setattr("tools.flashing.identity.servers.TOO_LONG_S", 0.2)
        for days in (TOO_SOON, 60):
            monkeypatch.setattr(RENEW, days)
            code, told, said = here.flash("renew")
            assert code == 55 and "broker.pem" in said and not told["ok"], said
            assert shown_by(here) == first
        made = (here.keys / "broker.pem").read_text()
        door = f'[door]\nreload = "touch {tmp_path / "told"}"\n'
        here.settings_file.write_text(here.settings_file.read_text() + door)
        assert here.flash("renew")[0] == 55 and (tmp_path / "told").exists()
        monkeypatch.undo()
        wait_until(lambda: shown_by(here) == made, "it shows the new one")
        assert here.flash("renew")[:1] == (0,) and (here.keys / "broker.pem").read_text() == made


@pytest.fixture
def area(tmp_path: Path) -> Identities:
    """An authority with its lists and the bridge's pair."""
    make_authority(tmp_path / "keys", "xh", ["localhost"])
    made = Identities(tmp_path / "keys", "xh")
    made.write_lists()
    made.issue_bridge()
    return made


@pytest.mark.real
def test_pairs_take_the_place_of_those_that_are_there_for_the_same_readers(
    area: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that the broker's own account may read stays so; the bridge's pair goes where there was one only."""
    there = tmp_path / "there"
    there.mkdir()
    for name in ("broker.pem", "broker.key"):
        (there / name).write_bytes((area.folder / name).read_bytes())
        (there / name).chmod(0o640)
    monkeypatch.setattr(RENEW, TOO_SOON)
    make_authority(area.folder, "xh", ["localhost"])
    bring(area.folder, Door(folder=there), ["broker.pem", "bridge.pem"])
    assert {path.name for path in there.iterdir()} == {"crl.pem", "out.txt", "broker.pem", "broker.key"}
    for name in ("broker.pem", "broker.key"):
        assert (there / name).read_bytes() == (area.folder / name).read_bytes()
        assert (there / name).stat().st_mode & 0o777 == 0o640


def test_half_a_pair_is_waited_for_and_a_whole_one_shown_once(
    area: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between key and certificate the broker is told nothing and nobody is alarmed."""
    broker = Unstarted(tmp_path)
    broker.write_files()
    former = (area.folder / "broker.pem").read_bytes()
    monkeypatch.setattr(RENEW, TOO_SOON)
    make_authority(area.folder, "xh", ["localhost"])
    fresh = (area.folder / "broker.pem").read_bytes()
    (area.folder / "broker.pem").write_bytes(former)
    with pytest.raises(HalfBroughtError, match=r"broker\.key"):
        read_revoked(area.folder / "ca.pem", area.folder / "broker.pem", area.folder / "broker.key")
    broker.look_at_revoked()
    assert broker.signals == 0 and not broker.notes
    (area.folder / "broker.pem").write_bytes(fresh)
    broker.look_at_revoked()
    broker.look_at_revoked()
    assert broker.signals == 1 and not broker.notes
