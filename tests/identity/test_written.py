"""What `tools/flash.py` writes where devices show certificates: a key for each, which is kept nowhere else."""

from pathlib import Path

import pytest

from tests.support.flashing import Workshop
from tests.support.identity.street import Street, street
from tools.flashing.errors import FlashError
from tools.flashing.identity.identities import Identities
from tools.flashing.truck.files import make_payload

REPO = Path(__file__).resolve().parents[2]


def the_keys_of(folder: Path) -> list[str]:
    """Which private keys lie on the technician's computer."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes())


def workshop(here: Street, **broker: object) -> Workshop:
    """The technician's tools, for that street's broker."""
    usual = {"host": "localhost", "port": here.port, "tls": True, "ca_file": "keys/ca.pem", "certificates": True}
    return Workshop(here.folder, broker={**usual, **broker}, truck={"wheels": "wheels"})


@pytest.mark.real
def test_a_card_holds_a_new_key_and_its_certificate_and_no_password(tmp_path: Path) -> None:
    """A look at it issues nothing; what is written fits, and the key stays on the card."""
    with street(tmp_path, "t01") as here:
        shop = workshop(here)
        from tools.flashing.settings import load_settings

        settings = load_settings(shop.settings)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("tools.flashing.truck.files.choose_wheels", lambda *_: [])
            looked = make_payload(settings, "t01", REPO, None, real=False)
            assert here.identities.of("t01") == []
            files = make_payload(settings, "t01", REPO, None).files
        assert sorted(looked.files) == sorted(files)
        secret = {path.removeprefix("zhanpai/secret/"): entry for path, entry in files.items() if "/secret/" in path}
        assert sorted(secret) == ["ca.pem", "device.key", "device.pem"]
        assert secret["device.key"].secret and {entry.mode for entry in secret.values()} == {0o600}
        toml = files["zhanpai/truck.toml"].data.decode()
        assert 'cert_file = "/etc/zhanpai/keys/device.pem"' in toml and "password_file" not in toml
        proof = here.kept("t01", secret["device.pem"].data + secret["device.key"].data)
        assert here.lets_in("t01", proof)
        proof.unlink()
        assert the_keys_of(here.folder) == ["broker.key", "ca.key"]


@pytest.mark.real
def test_a_board_is_heard_by_its_certificate_and_keeps_it_when_it_is_written_again(tmp_path: Path) -> None:
    """Written, heard, whole; written again it keeps its key. One that shall have a password comes in at its port."""
    with street(tmp_path, "r01", password_devices=("r02", "technician-xh")) as here:
        shop = workshop(here, password_port=here.password_port)
        (here.keys / "r02.password").write_text("pw-r02\n")
        try:
            with shop.board("binroom-r01"):
                code, told, said = shop.flash("binroom", "--id", "r01")
                assert code == 0 and told["units"][0]["hello_boot"], said
                issued = here.identities.of("r01")
                assert len(issued) == 1 and issued[0].family == "room"
                code, _, said = shop.flash("verify", "--id", "r01")
                assert code == 0, said
                code, told, said = shop.flash("binroom", "--id", "r01")
                assert code == 0 and told["units"][0]["written"] == [], said
                assert here.identities.of("r01") == issued
                _, told, said = shop.flash("selftest", "--id", "r01", "--hold-ms", "10")
                assert {step["name"]: step["ok"] for step in told["steps"]}["broker"], said
            assert the_keys_of(here.keys) == ["broker.key", "ca.key"]
            with shop.board("binroom-r02"):
                code, told, said = shop.flash("binroom", "--id", "r02", "--password")
                assert code == 0 and told["units"][0]["hello_boot"], said
        finally:
            shop.close()
        log = here.broker.log_path.read_text()
        assert " as technician-xh (" in log  # by a certificate of a day


@pytest.mark.parametrize(
    ("broker", "said"),
    [
        ({"certificates": True}, "needs tls = true"),
        ({"tls": True, "ca_file": "keys/ca.pem", "password_port": 8884}, "goes with certificates = true"),
    ],
)
def test_half_of_it_is_refused(tmp_path: Path, broker: dict[str, object], said: str) -> None:
    """A setting that could not work names file, section and key."""
    shop = Workshop(tmp_path, broker={"host": "localhost", **broker})
    code, _, told = shop.flash("ledger")
    assert code == 2 and said in told


def test_an_account_of_the_brokers_own_gets_no_certificate(tmp_path: Path) -> None:
    """Who has the bridge's name could say everything."""
    shop = Workshop(tmp_path, broker={"host": "localhost", "tls": True, "ca_file": "keys/ca.pem", "certificates": True})
    assert shop.flash("ca")[0] == 0
    for name in ("technician-xh", "watch-xh", "authority-xh"):
        code, _, said = shop.flash("revoke", "--id", name)
        assert code == 2 and "an account of the broker's own" in said
    area = Identities(tmp_path / "keys", "xh")
    for name in ("bridge-xh", "technician-xh", "watch-xh", "authority-xh"):
        with pytest.raises(FlashError, match="an account of the broker's own"):
            area.issue("truck", name)
