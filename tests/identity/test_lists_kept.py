"""Who is out stays out whatever becomes of the log; a wrong id is not said to be out."""

import io
import json
import shutil
from pathlib import Path

import pytest
from cryptography import x509

from broker.mqtt.own_broker.revoked import read_names
from tools.flashing.authority import make_authority
from tools.flashing.commands.main import main
from tools.flashing.errors import FlashError
from tools.flashing.identity.identities import LOG, Identities


@pytest.fixture
def area(tmp_path: Path) -> Identities:
    """An authority of which t01 was stolen, and t02's password as well before it came back."""
    make_authority(tmp_path / "keys", "xh", ["localhost"])
    made = Identities(tmp_path / "keys", "xh")
    for device in ("t01", "t02", "t03"):
        made.issue("truck", device)
    made.revoke("t01")
    made.revoke("t02")
    made.readmit("t02", password_changed=False)
    return made


def numbers(area: Identities) -> set[int]:
    """What the list of numbers calls worthless."""
    return {one.serial_number for one in x509.load_pem_x509_crl((area.folder / "crl.pem").read_bytes())}


def names(area: Identities) -> tuple[list[str], list[str]]:
    """Who is out, and whose password alone is."""
    out, alone = read_names(area.folder / "out.txt")
    return sorted(out), sorted(alone)


@pytest.mark.parametrize("log", ["lost", "older", "torn"])
def test_whoever_is_out_stays_out_whatever_became_of_the_log(area: Identities, log: str) -> None:
    """Lost, put back from an older copy, or torn in its last line: `revoke` works, and lets nobody in."""
    file, before = area.folder / LOG, numbers(area)
    lines = file.read_bytes().splitlines(keepends=True)
    if log == "lost":
        file.unlink()
    elif log == "older":
        file.write_bytes(b"".join(lines[:2]))
    else:
        file.write_bytes(b"".join(lines) + lines[0][:40])
    again = Identities(area.folder, "xh")
    again.revoke("t03")
    assert names(again) == (["t01", "t03"], ["t02"]) and before < numbers(again)
    if log == "torn":
        for deed in (lambda: again.readmit("t01", password_changed=True), again.due, lambda: again.renew("t01")):
            with pytest.raises(FlashError, match="cannot be read: put it back"):
                deed()
        assert names(again) == (["t01", "t03"], ["t02"])
    else:
        again.readmit("t01", password_changed=True)
        again.readmit("t02", password_changed=True)
        assert names(again) == (["t03"], []) and before < numbers(again)


@pytest.mark.parametrize("spoiled", ["crl.pem", "out.txt"])
def test_a_list_that_cannot_be_read_is_not_written_over(area: Identities, spoiled: str) -> None:
    """Nobody knows whom it kept out: it is put back first."""
    (area.folder / spoiled).write_text("spoiled by somebody\n")
    with pytest.raises(FlashError, match="put it back from its copy"):
        area.revoke("t03")
    assert (area.folder / spoiled).read_text() == "spoiled by somebody\n"


def test_another_authoritys_numbers_are_nobodys_here(area: Identities, tmp_path: Path) -> None:
    """An area that got a new authority begins with an empty list."""
    make_authority(tmp_path / "new", "xh", ["localhost"])
    new = Identities(tmp_path / "new", "xh")
    shutil.copy(area.folder / "crl.pem", new.folder / "crl.pem")
    new.write_lists()
    assert numbers(new) == set()


@pytest.mark.parametrize("known_by", ["", "identities", "ledger", "password", "accounts", "out", "--unknown"])
def test_an_id_that_stands_nowhere_is_not_said_to_be_out(area: Identities, tmp_path: Path, known_by: str) -> None:
    """t1O in place of t10: the thief would go on, and nobody would know."""
    settings = tmp_path / "flash.toml"
    text = '[area]\nid = "xh"\n[broker]\nhost = "127.0.0.1"\ntls = true\nca_file = "keys/ca.pem"\ncertificates = true\n'
    settings.write_text(text + ('[keys]\naccounts = "accounts"\n' if known_by == "accounts" else ""))
    if known_by == "identities":
        area.issue("truck", "t1O")
    elif known_by == "ledger":
        (tmp_path / "ledger.jsonl").write_text('{"id": "t1O", "action": "written"}\n')
    elif known_by == "password":
        (area.folder / "t1O.password").write_text("secret\n")
    elif known_by == "accounts":
        (tmp_path / "accounts").write_text("t10:one\nroom/t1O:two\n")
    elif known_by == "out":
        with (area.folder / "out.txt").open("a") as file:
            file.write("t1O\n")
    more = ["--unknown"] if known_by == "--unknown" else []
    before = (area.folder / "out.txt").read_bytes()
    revoke = ["revoke", "--settings", str(settings), "--id", "t1O", *more]
    said = io.StringIO()
    # Who is known is looked at alone: to throw it out takes a broker.
    code = main([*revoke, "--dry-run"] if known_by else revoke, said, said)
    assert (code, "nobody is out: t1O" in said.getvalue()) == ((0, False) if known_by else (2, True))
    assert (area.folder / "out.txt").read_bytes() == before


@pytest.mark.parametrize("missing", ["out.txt", "crl.pem"])
def test_ca_makes_the_list_that_is_missing(area: Identities, tmp_path: Path, missing: str) -> None:
    """From the log and the other one; without a list of names a broker does not start."""
    (tmp_path / "flash.toml").write_text('[area]\nid = "xh"\n')
    before = (names(area), numbers(area))
    (area.folder / missing).unlink()
    out = io.StringIO()
    arguments = ["ca", "--settings", str(tmp_path / "flash.toml"), "--json", "--host", "localhost"]
    assert main(arguments, out, io.StringIO()) == 0
    assert json.loads(out.getvalue())["made"] == [missing] and (names(area), numbers(area)) == before
