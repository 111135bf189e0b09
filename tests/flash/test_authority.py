"""`flash.py ca`: an authority of the area's own, with which a unit, a truck and a broker talk by TLS."""

import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.flashing import Workshop
from tools.flashing.authority import make_authority, read_authority
from tools.flashing.errors import FlashError

FILES = ("ca.key", "ca.pem", "broker.key", "broker.pem")
BROKER = {"host": "127.0.0.1", "device_host": "broker.xh.example", "port": 8883}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def handshake(folder: Path, authority: bytes, name: str) -> str:
    """What a device that trusts this authority finds at a broker that has the folder's certificate."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(folder / "broker.pem", folder / "broker.key")
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted.load_verify_locations(cadata=authority)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            served.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        with trusted.wrap_socket(ours, server_hostname=name):
            return "trusted"
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        ours.close()
        server.join()


def test_a_unit_trusts_the_broker_by_its_name_and_by_its_address(tmp_path: Path) -> None:
    """Both are in the certificate; another broker's name is not, and another authority is not trusted."""
    workshop = Workshop(tmp_path, broker=BROKER)
    code, told, _ = workshop.flash("ca")
    assert (code, told["made"]) == (0, [*FILES, "crl.pem", "out.txt"])
    assert told["names"] == ["broker.xh.example", "127.0.0.1"]
    keys = tmp_path / "keys"
    authority = read_authority(keys / "ca.pem")
    assert [handshake(keys, authority, name) for name in told["names"]] == ["trusted", "trusted"]
    assert "mismatch" in handshake(keys, authority, "other.example")
    make_authority(tmp_path / "other", "xh", ["broker.xh.example"])
    other = read_authority(tmp_path / "other" / "ca.pem")
    assert "unable to get local issuer" in handshake(keys, other, "broker.xh.example")


def test_keys_are_the_technicians_only_and_the_certificates_begin_before_a_boards_clock(tmp_path: Path) -> None:
    """A board counts from 2000 or 2021 until it hears the broker: a certificate of today would be of the future."""
    make_authority(tmp_path, "xh", ["192.0.2.7"])
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in FILES} == {
        "ca.key": 0o600, "ca.pem": 0o644, "broker.key": 0o600, "broker.pem": 0o644
    }
    for name in ("ca.pem", "broker.pem"):
        certificate = x509.load_pem_x509_certificate((tmp_path / name).read_bytes())
        assert certificate.not_valid_before_utc == datetime(1999, 12, 31, tzinfo=UTC)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_what_is_good_stays_and_what_is_not_is_made_anew(tmp_path: Path) -> None:
    """The authority never changes; the broker's certificate does with its names, or when its key is another's."""
    make_authority(tmp_path, "xh", ["a.example", "2001:db8::1"])
    first = contents(tmp_path)
    assert make_authority(tmp_path, "xh", ["2001:DB8:0::1", "A.example"]).made == []
    assert contents(tmp_path) == first
    planned = make_authority(tmp_path, "xh", ["b.example"], dry_run=True)
    assert (planned.made, contents(tmp_path)) == (["broker.key", "broker.pem"], first)
    make_authority(tmp_path, "xh", ["b.example"])
    second = contents(tmp_path)
    assert [name for name in FILES if second[name] != first[name]] == ["broker.key", "broker.pem"]
    (tmp_path / "broker.key").write_bytes(first["broker.key"])
    assert make_authority(tmp_path, "xh", ["b.example"]).made == ["broker.key", "broker.pem"]
    (tmp_path / "broker.pem").write_bytes(b"")
    assert make_authority(tmp_path, "xh", ["b.example"]).made == ["broker.key", "broker.pem"]


def test_half_an_authority_is_never_begun_anew(tmp_path: Path) -> None:
    """Every device would have to be written again: a person decides that."""
    make_authority(tmp_path, "xh", ["a.example"])
    (tmp_path / "ca.key").rename(tmp_path / "kept")
    with pytest.raises(FlashError, match=r"ca.key is gone and ca.pem is there: put it back from its copy"):
        make_authority(tmp_path, "xh", ["a.example"])
    (tmp_path / "kept").rename(tmp_path / "ca.key")
    (tmp_path / "ca.key").chmod(0o644)
    with pytest.raises(FlashError, match=r"others on this computer may read .*ca.key"):
        make_authority(tmp_path, "xh", ["a.example"])


@pytest.mark.parametrize("name", ["a b", "x,DNS:evil.example", "", "-a", "a..b", "*.example", "a\n[ca]", "名.example"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """Neither does it stand in a certificate, nor in anything else."""
    with pytest.raises(FlashError, match="is no name or address of a broker"):
        make_authority(tmp_path, "xh", [name])
    assert list(tmp_path.iterdir()) == []


def test_a_key_or_a_bundle_is_no_authority(tmp_path: Path) -> None:
    """What a unit and a truck get is the one certificate, from PEM with or without words around it, or from DER."""
    make_authority(tmp_path, "xh", ["a.example"])
    pem = (tmp_path / "ca.pem").read_bytes()
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    (tmp_path / "words.pem").write_bytes(b"Subject: CN=Zhanpai\r\n" + pem)
    (tmp_path / "ca.der").write_bytes(der)
    assert [read_authority(tmp_path / name) for name in ("ca.pem", "words.pem", "ca.der")] == [der] * 3
    (tmp_path / "bundle.pem").write_bytes(pem + pem)
    (tmp_path / "cut.der").write_bytes(der[:-20])
    for name, reason in (("ca.key", "is no certificate"), ("bundle.pem", "holds 2 certificates"),
                         ("cut.der", "is no certificate"), ("gone.pem", "No such file")):  # fmt: skip
        with pytest.raises(FlashError, match=reason):
            read_authority(tmp_path / name)
