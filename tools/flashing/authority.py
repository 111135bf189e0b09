"""The area's own certificate authority: made once on the technician's computer, trusted by every unit and truck.

    keys/ca.pem      whom the devices trust: [broker] ca_file          keys/ca.key      signs; stays with the technician
    keys/broker.pem  what the broker shows: Mosquitto's certfile       keys/broker.key  Mosquitto's keyfile

Needs openssl and no internet. The certificates begin before 2000: a board has no clock until it hears the broker.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import shutil
import ssl
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tools.flashing.errors import FlashError

BEGINS = "19991231000000Z"
AUTHORITY_DAYS, BROKER_DAYS = 7300, 3650
RENEW_DAYS = 90  # a certificate that ends sooner is made anew
OPENSSL_S = 60.0
_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_CONFIGURATION = """
[ca]
default_ca = area
[area]
new_certs_dir = .
database = index.txt
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[broker]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {names}
"""


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


def make_authority(folder: Path, area: str, names: Sequence[str], *, dry_run: bool = False) -> AuthorityOutcome:
    """Make what is missing: the authority once, the broker's certificate also for other names or near its end.

    An authority that is there is never replaced: every device would have to be written again. Raises FlashError.
    """
    named = ", ".join(_alternative(name) for name in names)
    if shutil.which("openssl") is None:
        raise FlashError("authority", what="openssl is not on this computer (apt-get install openssl)")
    outcome = AuthorityOutcome(str(folder), list(names), dry_run=dry_run)
    there = [(folder / name).exists() for name in ("ca.pem", "ca.key")]
    if any(there) and not all(there):
        gone, left = ("ca.key", "ca.pem") if there[0] else ("ca.pem", "ca.key")
        advice = f"put it back from its copy, or move {left} away, and every device gets a new authority"
        raise FlashError("authority", what=f"{folder / gone} is gone and {left} is there: {advice}")
    if all(there):
        read_authority(folder / "ca.pem")
        if (folder / "ca.key").stat().st_mode & 0o077:
            raise FlashError("authority", what=f"others on this computer may read {folder / 'ca.key'} (chmod 600)")
    else:
        outcome.made += ["ca.key", "ca.pem"]
    if not all(there) or not _is_good(folder, names):
        outcome.made += ["broker.key", "broker.pem"]
    if outcome.made and not dry_run:
        try:
            _make(folder, area, named, outcome.made)
        except OSError as error:
            what = f"{error.filename or folder}: {error.strerror or error}"
            raise FlashError("authority", what=what) from error
    return outcome


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


def _alternative(name: str) -> str:
    with contextlib.suppress(ValueError):
        return f"IP:{ipaddress.ip_address(name)}"
    if not _NAME.fullmatch(name) or len(name) > 253:
        raise FlashError("usage", what=f"{name!r} is no name or address of a broker")
    return f"DNS:{name}"


def _is_good(folder: Path, names: Sequence[str]) -> bool:
    """Whether the broker's certificate is of this authority, for these names, and not near its end."""
    shown, key = folder / "broker.pem", folder / "broker.key"
    if not (shown.exists() and key.exists()):
        return False
    seconds = str(RENEW_DAYS * 86_400)
    try:
        _openssl(folder, "verify", "-CAfile", "ca.pem", "broker.pem")
        _openssl(folder, "x509", "-in", "broker.pem", "-noout", "-checkend", seconds)
        text = _openssl(folder, "x509", "-in", "broker.pem", "-noout", "-ext", "subjectAltName")
        public = [_openssl(folder, "x509", "-in", "broker.pem", "-noout", "-pubkey"),
                  _openssl(folder, "pkey", "-in", "broker.key", "-pubout")]  # fmt: skip
    except FlashError:
        return False
    told = set(re.findall(r"(?:DNS|IP Address):([^,\s]+)", text))
    wanted = {_alternative(name).split(":", 1)[1] for name in names}
    return public[0] == public[1] and {_plain(name) for name in told} == {_plain(name) for name in wanted}


def _plain(name: str) -> str:
    """A name as it can be compared: openssl writes addresses in its own way."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    return name.lower()


def _make(folder: Path, area: str, named: str, made: Sequence[str]) -> None:
    """All in a folder of its own, put in place when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        here = Path(work)
        (here / "openssl.cnf").write_text(_CONFIGURATION.format(names=named), encoding="utf-8")
        (here / "index.txt").touch()
        if "ca.pem" in made:
            _sign(here, "ca", f"/CN=Zhanpai {area} authority", "authority", AUTHORITY_DAYS)
        else:
            for name in ("ca.pem", "ca.key"):
                shutil.copy2(folder / name, here / name)
        _sign(here, "broker", f"/CN=Zhanpai {area} broker", "broker", BROKER_DAYS)
        for name in made:
            (here / name).chmod(stat.S_IRUSR | stat.S_IWUSR if name.endswith(".key") else 0o644)
            with (here / name).open("rb") as file:
                os.fsync(file.fileno())
        for name in made:
            (here / name).replace(folder / name)


def _sign(here: Path, name: str, subject: str, extensions: str, days: int) -> None:
    until = datetime.now(UTC) + timedelta(days=days)
    _openssl(here, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")
    _openssl(here, "req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
    signer = ("-selfsign", "-keyfile", "ca.key") if name == "ca" else ("-cert", "ca.pem", "-keyfile", "ca.key")
    times = ("-startdate", BEGINS, "-enddate", f"{until:%Y%m%d%H%M%SZ}")
    _openssl(here, "ca", "-batch", "-notext", "-config", "openssl.cnf", *signer, *times, "-extensions", extensions,
             "-in", f"{name}.csr", "-out", f"{name}.pem")  # fmt: skip


def _openssl(here: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["openssl", *arguments], cwd=here, capture_output=True, timeout=OPENSSL_S, check=False,
                              stdin=subprocess.DEVNULL, umask=0o077)  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise FlashError("authority", what=f"openssl did not end within {OPENSSL_S:.0f} s") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise FlashError("authority", what=f"openssl {arguments[0]}: {lines[-1] if lines else 'failed'}")
    return done.stdout.decode(errors="replace")
