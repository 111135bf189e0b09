"""What the authority's lists say reaches the broker, whatever happens on the way: it is tried until it is there."""

from pathlib import Path

import pytest

from broker.mqtt.own_broker.child import EmbeddedBrokerError
from broker.mqtt.own_broker.revoked import RevokedError, read_revoked, stamp
from tests.support.identity.street import untie
from tests.support.identity.unstarted import Unstarted
from tools.flashing.authority import make_authority
from tools.flashing.identity.identities import Identities


@pytest.fixture
def area(tmp_path: Path) -> Identities:
    """An authority with its lists, and a truck of its own."""
    make_authority(tmp_path / "keys", "xh", ["localhost"])
    made = Identities(tmp_path / "keys", "xh")
    made.write_lists()
    made.issue("truck", "t01")
    return made


def unreadable(path: Path) -> str:
    """As a disk that does not answer for a moment."""
    raise RevokedError(f"{path} cannot be read")


@pytest.mark.parametrize("fault", ["out.txt", "crl.pem", "accounts", "acl", "signal"])
def test_a_revocation_that_did_not_reach_the_broker_is_brought_again(
    area: Identities, tmp_path: Path, fault: str
) -> None:
    """The disk is full at that moment, or nobody is there to be told: it is not said to be out until it is."""
    broker = Unstarted(tmp_path)
    broker.write_files()
    area.revoke("t01")
    broker.full.add(fault)
    for _ in range(2):
        with pytest.raises((OSError, EmbeddedBrokerError)):
            broker.look_at_revoked()
        assert not broker.notes and broker.signals == 0
    broker.full.clear()
    broker.look_at_revoked()
    assert broker.denies and broker.signals == 1 and "t01" in broker.notes[-1]
    broker.look_at_revoked()
    assert broker.signals == 1


def test_a_list_that_could_not_be_read_is_tried_again_though_nobody_writes_it_anew(
    area: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said once while it lasts."""
    broker = Unstarted(tmp_path)
    broker.write_files()
    area.revoke("t01")
    with monkeypatch.context() as spoiled:
        # a file that cannot be read for a moment, also for root
        spoiled.setattr("broker.mqtt.own_broker.revoked._text", unreadable)
        for _ in range(2):
            broker.look_at_revoked()
        assert broker.signals == 0 and len(broker.notes) == 1
    broker.look_at_revoked()
    assert broker.denies and broker.signals == 1


def test_another_mode_is_noticed(area: Identities) -> None:
    """It is what the sentence advises."""
    before = stamp(area.folder / "ca.pem")
    (area.folder / "crl.pem").chmod(0o640)
    assert stamp(area.folder / "ca.pem") != before


def test_names_that_are_gone_let_nobody_in(area: Identities, tmp_path: Path) -> None:
    """At the start it says what to bring, in a run the former names hold and it is said."""
    names = area.folder / "out.txt"
    kept = names.read_bytes()
    names.unlink()
    with pytest.raises(EmbeddedBrokerError, match=r"out\.txt cannot be read .*bring both"):
        Unstarted(tmp_path).write_files()
    names.write_bytes(kept)
    broker = Unstarted(tmp_path)
    broker.write_files()
    area.revoke("t01")
    broker.look_at_revoked()
    names.unlink()
    broker.look_at_revoked()
    assert broker.denies and any("out.txt cannot be read" in note for note in broker.notes)


@pytest.mark.parametrize("spoiled", ["crl.pem", "out.txt"])
def test_a_start_with_a_spoiled_list_goes_by_the_last_good_pair_and_says_so(
    area: Identities, tmp_path: Path, spoiled: str
) -> None:
    """Else the whole fleet would be out; the next good list counts."""
    area.revoke("t01")
    Unstarted(tmp_path).write_files()
    good = {name: (area.folder / name).read_bytes() for name in ("crl.pem", "out.txt")}
    (area.folder / spoiled).write_text("spoiled by somebody\n")
    again = Unstarted(tmp_path)
    again.write_files()
    assert again.denies and (again.folder / "crl.pem").read_bytes() == good["crl.pem"]
    assert any(spoiled in note and "who was out stays out" in note for note in again.notes)
    (area.folder / spoiled).write_bytes(good[spoiled])
    area.issue("truck", "t02")
    area.revoke("t02")
    again.look_at_revoked()
    assert again.signals == 1 and "user t02\ntopic deny #" in (again.folder / "acl").read_text()


def test_half_a_pair_changes_nothing_until_the_other_half_is_there(
    area: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names without their numbers, or the other way round: both count at once; where the rest stays away it is said."""
    broker, names = Unstarted(tmp_path), area.folder / "out.txt"
    broker.write_files()
    before = names.read_bytes()
    area.revoke("t01")
    after = names.read_bytes()
    names.write_bytes(before)
    broker.look_at_revoked()
    assert broker.signals == 0 and not broker.notes and not broker.denies
    monkeypatch.setattr("broker.mqtt.own_broker.mosquitto.BROUGHT_S", 0.0)
    broker.look_at_revoked()
    assert broker.signals == 0 and "were not written together" in broker.notes[-1]
    names.write_bytes(after)
    broker.look_at_revoked()
    assert broker.signals == 1 and broker.denies


@pytest.mark.parametrize("around", ["a list of xh\n{}", "{}\nthe end", "{0}{0}"])
def test_text_around_the_list_of_numbers_takes_nothing_from_it(area: Identities, tmp_path: Path, around: str) -> None:
    """As `openssl crl -text` writes one, or two copied into one file: who is out is out."""
    broker, names, numbers = Unstarted(tmp_path), area.folder / "out.txt", area.folder / "crl.pem"
    broker.write_files()
    before = names.read_bytes()
    area.revoke("t01")
    numbers.write_text(around.format(numbers.read_text()))
    broker.look_at_revoked()
    assert broker.signals == 1 and broker.denies
    names.write_bytes(before)
    with pytest.raises(RevokedError, match="not written together"):
        read_revoked(*(area.folder / name for name in ("ca.pem", "broker.pem", "broker.key")))


def test_a_pair_of_before_that_says_nothing_of_the_other_counts(area: Identities, tmp_path: Path) -> None:
    """As an authority wrote it whose tool is older than its bridge."""
    broker = Unstarted(tmp_path)
    broker.write_files()
    area.revoke("t01")
    untie(area)
    broker.look_at_revoked()
    assert broker.signals == 1 and broker.denies
