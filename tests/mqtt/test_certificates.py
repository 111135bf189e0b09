"""`--check-config` finds what no device and no broker would accept of a certificate, and says file and date."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from broker import process
from broker.__main__ import main
from broker.config import read_config
from tests.support.settings.broker import HERE, OTHER_PORT, door, tls_server

NOW = dt.datetime.now(dt.UTC)
Key = ec.EllipticCurvePrivateKey


class Authority:
    """Signs certificates for these tests."""

    def __init__(self, folder: Path, name: str, days: tuple[int, int] = (-5, 5)) -> None:
        self.folder, self.name, self.days = folder, name, days
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._signed(name, self.key, days, [], is_authority=True)

    def sign(self, name: str, names: list[str], days: tuple[int, int] = (-1, 1)) -> Path:
        """A certificate from and to so many days from now; its key beside it ends in .key."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._signed(name, key, days, names)

    def _signed(self, name: str, key: Key, days: tuple[int, int], names: list[str], is_authority: bool = False) -> Path:
        subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, self.name))
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + dt.timedelta(days[0])).not_valid_after(NOW + dt.timedelta(days[1]))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )  # fmt: skip
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
        path = self.folder / f"{name}.pem"
        path.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret = self.folder / f"{name}.key"
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                             serialization.NoEncryption()))  # fmt: skip
        secret.chmod(0o600)
        return path


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def day(days: int) -> str:
    """The day so many from now, as it is said."""
    return f"{NOW + dt.timedelta(days):%Y-%m-%d}"


def checked(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Code and words of --check-config."""
    path = folder / "broker.toml"
    path.write_text(f'[area]\nplan = "demo"\n[web]\nenabled = false\n{text}')
    code = main(["--config", str(path), "--check-config"])
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    return code, told.out + told.err


EMBEDDED = '[embedded]\nenabled = true\ncert_file = "{0}.pem"\nkey_file = "{1}.key"\n[mqtt]\nhost = "{2}"\n'


@pytest.mark.parametrize(
    ("certificate", "key", "host", "said"),
    [
        ("old", "old", "0.0.0.0", f"[embedded] cert_file: the certificate in {{folder}}/old.pem ended on {day(-1)}"),
        ("new", "new", "0.0.0.0", f"cert_file: the certificate in {{folder}}/new.pem begins on {day(2)}"),
        ("good", "old", "0.0.0.0", "[embedded] cert_file and key_file: {folder}/old.key is not the key of {folder}"
                                   f"/good.pem ({{folder}}/good.pem is of {day(0)}; {{folder}}/old.key is of "),
        ("anon", "anon", "0.0.0.0", f"[embedded] cert_file: {{folder}}/anon.pem (until {day(1)}"),
        ("good", "good", "cell.other.cn", "is for cell.street.cn *.zp.cn 192.0.2.7 and not for [mqtt] host "
                                           "cell.other.cn"),
        ("chain", "good", "0.0.0.0", f"2 of its chain, by Gone, in {{folder}}/chain.pem ended on {day(-3)}"),
    ],
)  # fmt: skip
def test_the_certificate_that_devices_meet_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], certificate: str, key: str, host: str, said: str
) -> None:
    """Out of its time, with another key, without a name or without this one, or behind one that is over."""
    own = Authority(tmp_path, "Own")
    names = ["cell.street.cn", "*.zp.cn", "192.0.2.7"]
    own.sign("old", names, (-3, -1))
    own.sign("new", names, (2, 4))
    own.sign("anon", [])
    good = own.sign("good", names)
    gone = Authority(tmp_path, "Gone", (-9, -3)).pem
    (tmp_path / "chain.pem").write_bytes(good.read_bytes() + gone.read_bytes())
    code, told = checked(tmp_path, EMBEDDED.format(certificate, key, host), capsys)
    assert code == 1 and said.format(folder=tmp_path) in told, told


CLIENT = '[mqtt]\nhost = "{0}"\nport = {1}\nca_file = "{2}.pem"\n'


@pytest.mark.parametrize(
    ("shown", "host", "trusted", "said"),
    [
        ("old", HERE, "Own", f"which {{folder}}/Own.pem signed, ended on {day(-1)}"),
        ("new", HERE, "Own", f"which {{folder}}/Own.pem signed, begins on {day(2)}"),
        ("good", HERE, "Other", f"{{folder}}/Other.pem did not sign the certificate of the broker at "
                                f"{HERE}:{OTHER_PORT}, which is by Own (until {day(1)}"),
        ("elsewhere", HERE, "Own", "signed by {folder}/Own.pem) is for cell.street.cn; set host"),
        ("anon", HERE, "Own", "is for no host at all"),
        ("good", HERE, "Gone", f"[mqtt] ca_file: {{folder}}/Gone.pem ended on {day(-3)}"),
    ],
)  # fmt: skip
def test_the_certificate_of_a_broker_elsewhere_is_told_with_its_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shown: str, host: str, trusted: str, said: str
) -> None:
    """Each is another thing to do: renew it there, name another authority, dial another name."""
    own = Authority(tmp_path, "Own")
    Authority(tmp_path, "Other")
    Authority(tmp_path, "Gone", (-9, -3))
    own.sign("old", [HERE], (-3, -1))
    own.sign("new", [HERE], (2, 4))
    own.sign("anon", [])
    own.sign("good", [HERE])
    own.sign("elsewhere", ["cell.street.cn"])
    with door(HERE, OTHER_PORT, tls_server(tmp_path / f"{shown}.pem")):
        code, told = checked(tmp_path, CLIENT.format(host, OTHER_PORT, trusted), capsys)
    assert code == 1 and said.format(folder=tmp_path) in told, told


def test_our_own_certificate_is_looked_at_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With which the bridge signs in; a good one is let in."""
    own = Authority(tmp_path, "Own")
    own.sign("server", [HERE])
    own.sign("bridge", [])
    own.sign("late", [], (-3, -1))
    text = CLIENT.format(HERE, OTHER_PORT, "Own") + 'cert_file = "{0}.pem"\nkey_file = "{1}.key"\n'
    with door(HERE, OTHER_PORT, tls_server(tmp_path / "server.pem", own.pem)) as here:
        assert checked(tmp_path, text.format("bridge", "bridge"), capsys)[0] == 0
        assert here.guests[0].certificate == "bridge"
        code, told = checked(tmp_path, text.format("late", "late"), capsys)
        assert code == 1 and f"[mqtt] cert_file: the certificate in {tmp_path}/late.pem ended on {day(-1)}" in told
        code, told = checked(tmp_path, text.format("bridge", "late"), capsys)
        assert code == 1 and "[mqtt] cert_file and key_file: " in told and "late.key is not the key of " in told


def test_a_bridge_starts_with_a_certificate_that_is_over_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Devices will refuse it; screen, record and the bridge's own connection need it not."""
    Authority(tmp_path, "Own").sign("old", ["cell.street.cn"], (-3, -1))
    (tmp_path / "broker.toml").write_text('[area]\nplan = "demo"\n' + EMBEDDED.format("old", "old", HERE))
    told = list[str]()

    class StartedError(Exception):
        """As far as this test goes."""

    class Broker:
        host, port, guarded = HERE, 1, False

        def tell(self, text: str) -> None:
            told.append(text)

        def start(self) -> None:
            raise StartedError

        def stop(self) -> None:
            pass

    monkeypatch.setattr(process, "embedded_broker", lambda *_: (Broker(), "pw"))
    with pytest.raises(StartedError):
        process.serve(read_config(tmp_path / "broker.toml"))
    (said,) = told
    assert f"old.pem ended on {day(-1)}" in said


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the truck refuses it: the password files, the accounts and the keys alike."""
    own = Authority(tmp_path, "Own")
    own.sign("bridge", [HERE])
    (tmp_path / "word").write_text("secret")
    (tmp_path / "bridge.key").chmod(0o640)
    pair = 'cert_file = "bridge.pem"\nkey_file = "bridge.key"\n'
    for key, text in (
        ("[mqtt] key_file", CLIENT.format(HERE, OTHER_PORT, "Own") + pair),
        ("[mqtt] password_file", f'[mqtt]\nport = {OTHER_PORT}\npassword_file = "word"\n'),
        ("[embedded] accounts", '[embedded]\nenabled = true\naccounts = "word"\n'),
        ("[embedded] key_file", f"[embedded]\nenabled = true\n{pair}"),
    ):
        code, told = checked(tmp_path, text, capsys)
        assert code == 1 and f"{key}: others can read {tmp_path}/" in told and "chmod 600" in told, told


def test_certificates_are_decoded_as_python_trusts_them(tmp_path: Path) -> None:
    """What is read of one before it is trusted is what `ssl` says of it afterwards."""
    from broker.mqtt.certificates import Certificate

    path = Authority(tmp_path, "Own").pem
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    (trusted,) = context.get_ca_certs()
    read = Certificate.read(path.read_text())
    assert read.until_at == ssl.cert_time_to_seconds(str(trusted["notAfter"]))
    assert read.from_at == ssl.cert_time_to_seconds(str(trusted["notBefore"]))


def test_a_certificate_with_what_openssl_adds_to_trusted_ones_is_read(tmp_path: Path) -> None:
    """`ca_file` may hold such (`openssl x509 -trustout`): TLS takes them, so the check may not refuse them."""
    from broker.mqtt.certificates import Certificate

    pem = Authority(tmp_path, "Own").pem.read_text()
    trusted = ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(pem) + b"\x30\x00")
    trusted = trusted.replace(" CERTIFICATE", " TRUSTED CERTIFICATE")
    (tmp_path / "trusted.pem").write_text(trusted)
    ssl.create_default_context(cafile=tmp_path / "trusted.pem")
    assert Certificate.read(trusted) == Certificate.read(pem)
