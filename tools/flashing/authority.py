"""The area's own certificate authority: made once on the technician's computer, trusted by every unit and truck.

    keys/ca.pem      whom the devices trust: [broker] ca_file          keys/ca.key      signs; stays with the technician
    keys/broker.pem  what the broker shows: Mosquitto's certfile       keys/broker.key  Mosquitto's keyfile

Needs no internet. The certificates begin before 2000: a board has no clock until it hears the broker. Who devices are
is in tools/flashing/identity.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tools.flashing.errors import FlashError

BEGINS = datetime(1999, 12, 31, tzinfo=UTC)
AUTHORITY_DAYS, BROKER_DAYS = 7300, 365
RENEW_DAYS = 90  # a certificate that ends sooner is made anew
SIGNING = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
PROVING = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass
class AuthorityOutcome:
    """What is there now, and which of it was made."""

    folder: str
    names: list[str]
    made: list[str] = field(default_factory=list)
    dry_run: bool = False

    def summary(self) -> str:
        """One line for the technician."""
        files = " ".join(self.made) or "nothing"
        return f"{'would make' if self.dry_run else 'made'} {files} in {self.folder}, for {' '.join(self.names)}"


@dataclass(frozen=True)
class Signer:
    """The authority with its key: what signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def sign(
        self, name: str, public: ec.EllipticCurvePublicKey, until: datetime, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        """A certificate of this public key under the name; valid from before 2000, for what the extensions say."""
        own = self.certificate.public_key()
        assert isinstance(own, ec.EllipticCurvePublicKey)
        builder = _begun(name, self.certificate.subject, public, until)
        builder = builder.add_extension(x509.BasicConstraints(False, None), True).add_extension(PROVING, True)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), False)
        for extension in extensions:
            builder = builder.add_extension(extension, False)
        return builder.sign(self.key, hashes.SHA256())


def make_authority(folder: Path, area: str, names: Sequence[str], *, dry_run: bool = False) -> AuthorityOutcome:
    """Make what is missing: the authority once, the broker's certificate also for other names or near its end.

    An authority that is there is never replaced: every device would have to be written again. Raises FlashError.
    """
    alternatives = [_alternative(name) for name in names]
    outcome = AuthorityOutcome(str(folder), list(names), dry_run=dry_run)
    there = [(folder / name).exists() for name in ("ca.pem", "ca.key")]
    if any(there) and not all(there):
        gone, left = ("ca.key", "ca.pem") if there[0] else ("ca.pem", "ca.key")
        advice = f"put it back from its copy, or move {left} away, and every device gets a new authority"
        raise FlashError("authority", what=f"{folder / gone} is gone and {left} is there: {advice}")
    signer = load_signer(folder) if all(there) else None
    if signer is None:
        outcome.made += ["ca.key", "ca.pem"]
    if signer is None or not _is_good(folder, signer, alternatives):
        outcome.made += ["broker.key", "broker.pem"]
    if outcome.made and not dry_run:
        _put(folder, outcome.made, _made(area, signer, alternatives))
    return outcome


def put_pair(file: Path, certificate: bytes, key: ec.EllipticCurvePrivateKey) -> None:
    """A certificate in PEM, and its key in a file beside it; raises FlashError."""
    keys = file.with_suffix(".key").name
    _put(file.parent, [keys, file.name], {keys: key_bytes(key, serialization.Encoding.PEM), file.name: certificate})


def is_good_pair(file: Path, signer: Signer) -> bool:
    """Whether a certificate is of this authority and not near its end, and the key beside it its own."""
    try:
        shown = x509.load_pem_x509_certificate(file.read_bytes())
        key = serialization.load_pem_private_key(file.with_suffix(".key").read_bytes(), None)
        shown.verify_directly_issued_by(signer.certificate)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    soon = datetime.now(UTC) + timedelta(days=RENEW_DAYS)
    is_own = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == shown.public_key()
    return is_own and shown.not_valid_after_utc > soon


def load_signer(folder: Path) -> Signer:
    """The authority of a folder, also one that openssl made; raises FlashError."""
    certificate = x509.load_der_x509_certificate(read_authority(folder / "ca.pem"))
    file = folder / "ca.key"
    try:
        if file.stat().st_mode & 0o077:
            raise FlashError("authority", what=f"others on this computer may read {file} (chmod 600)")
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no key in PEM"
        raise FlashError("authority", what=f"{file} cannot be used: {why}; put it back from its copy") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise FlashError("authority", what=f"{file} is not the key of ca.pem: put it back from its copy")
    return Signer(certificate, key)


def read_authority(file: Path | None) -> bytes:
    """The authority's certificate as DER, from PEM or DER; raises FlashError for what is no single certificate."""
    if file is None:
        raise FlashError("authority", what="[broker] tls needs ca_file, the authority that the devices trust")
    try:
        raw = file.read_bytes()
        blocks = _CERTIFICATE.findall(raw)
        if len(blocks) > 1:
            raise FlashError("authority", what=f"{file} holds {len(blocks)} certificates; a board trusts one")
        der = ssl.PEM_cert_to_DER_cert(blocks[0].decode()) if blocks else raw
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise FlashError("authority", what=f"{file} is no certificate ({why})") from error
    return der


def key_bytes(key: ec.EllipticCurvePrivateKey, encoding: serialization.Encoding) -> bytes:
    """A private key as OpenSSL and mbedTLS both read it."""
    return key.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())


def _alternative(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    if not _NAME.fullmatch(name) or len(name) > 253:
        raise FlashError("usage", what=f"{name!r} is no name or address of a broker")
    return x509.DNSName(name.lower())


def _is_good(folder: Path, signer: Signer, names: Sequence[x509.GeneralName]) -> bool:
    """Whether the broker's certificate is of this authority, for these names, and not near its end."""
    if not is_good_pair(folder / "broker.pem", signer):
        return False
    shown = x509.load_pem_x509_certificate((folder / "broker.pem").read_bytes())
    try:
        told = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    named = {name.value.lower() if isinstance(name, x509.DNSName) else name.value for name in told}
    return named == {name.value for name in names}


def _made(area: str, signer: Signer | None, names: Sequence[x509.GeneralName]) -> dict[str, bytes]:
    """An authority, if there is none, and a broker's certificate of it, by their files."""
    files: dict[str, bytes] = {}
    if signer is None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = f"Zhanpai {area} authority"
        until = datetime.now(UTC) + timedelta(days=AUTHORITY_DAYS)
        builder = _begun(name, _common(name), key.public_key(), until)
        builder = builder.add_extension(x509.BasicConstraints(True, None), True).add_extension(SIGNING, True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        signer = Signer(builder.sign(key, hashes.SHA256()), key)
        files["ca.key"] = key_bytes(key, serialization.Encoding.PEM)
        files["ca.pem"] = signer.certificate.public_bytes(serialization.Encoding.PEM)
    key = ec.generate_private_key(ec.SECP256R1())
    until = datetime.now(UTC) + timedelta(days=BROKER_DAYS)
    use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    shown = signer.sign(f"Zhanpai {area} broker", key.public_key(), until, use, x509.SubjectAlternativeName(names))
    files["broker.key"] = key_bytes(key, serialization.Encoding.PEM)
    files["broker.pem"] = shown.public_bytes(serialization.Encoding.PEM)
    return files


def _begun(
    name: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_common(name)).issuer_name(issuer).public_key(public)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(BEGINS).not_valid_after(until)


def _common(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _put(folder: Path, made: Sequence[str], files: dict[str, bytes]) -> None:
    """All in a folder of its own, put in place when it is whole."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            here = Path(work)
            for name in made:
                (here / name).touch(mode=0o600 if name.endswith(".key") else 0o644)
                with (here / name).open("wb") as file:
                    file.write(files[name])
                    file.flush()
                    os.fsync(file.fileno())
            for name in made:
                (here / name).replace(folder / name)
    except OSError as error:
        what = f"{error.filename or folder}: {error.strerror or error}"
        raise FlashError("authority", what=what) from error
