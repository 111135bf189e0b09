"""Which devices are shut out for good: what the area's authority wrote beside its certificate.

    ca.pem    whose certificates are taken        crl.pem   which of them are not, signed by it
    out.txt   the devices that are out by name, one a line; `t01 password`: only its password is worth nothing any more

A list that Mosquitto would refuse every device by is not given to it: it is tried first, in a handshake here. The list
of numbers says which names it was written with: a pair that is half brought counts as not brought yet.
"""

import base64
import hashlib
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from firmware import wire

CRL, OUT = "crl.pem", "out.txt"
PASSWORD_ONLY = "password"  # noqa: S105  (a word of the file)
WITH_NAMES = b"out.txt sha256 "  # in the list of numbers, before the hash of the names that go with it
Stamp = tuple[tuple[int, ...] | None, ...]
LISTS = 2  # of a stamp, its first
OTHER_KEY = "KEY_VALUES_MISMATCH"  # as OpenSSL calls it
MOST_BYTES = 4 << 20
LIST = re.compile("-----BEGIN X509 CRL-----([A-Za-z0-9+/=\\s]*)-----END X509 CRL-----")


class RevokedError(ValueError):
    """Files that nobody should be let in or kept out by; the text says which, why, and what to do."""


class HalfBroughtError(RevokedError):
    """The two files were not written together: the other one is on its way, or somebody changed one."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """The revocation list, who is out, and whose password alone is."""

    crl: str
    out: frozenset[str] = frozenset()
    passwords: frozenset[str] = frozenset()

    @property
    def without_password(self) -> frozenset[str]:
        """Who may not come in by a password."""
        return self.out | self.passwords

    @property
    def names(self) -> str:
        """As `out.txt` says it."""
        alone = [f"{name} {PASSWORD_ONLY}\n" for name in sorted(self.passwords - self.out)]
        return "".join([*(f"{name}\n" for name in sorted(self.out)), *alone])


def read_revoked(ca_file: Path, cert_file: Path, key_file: Path, folder: Path | None = None) -> Revoked:
    """What stands beside `ca_file` (or in `folder`) now, tried with the broker's certificate; raises RevokedError."""
    folder = folder or ca_file.parent
    crl, names = _text(folder / CRL), _text(folder / OUT)
    out, passwords = _names_in(names, folder / OUT)
    reason = _why_refused(ca_file, folder / CRL, cert_file, key_file)
    if reason == OTHER_KEY:
        raise HalfBroughtError(f"{key_file} is not the key of {cert_file}; bring both anew")
    if reason is not None:
        raise RevokedError(
            f"{folder / CRL} would keep every device out ({reason}): it is not of {ca_file} and {cert_file}; bring "
            f"{CRL} and {OUT} from the folder of ca.key anew"
        )
    if not _were_written_together(crl, names):
        raise HalfBroughtError(
            f"{folder / CRL} and {OUT} were not written together; bring both from the folder of ca.key anew"
        )
    return Revoked(crl, out, passwords)


def read_names(file: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Who is out by an `out.txt`, and whose password alone is; raises RevokedError, also where there is none."""
    return _names_in(_text(file), file)


def mark_of(names: bytes) -> bytes:
    """What a list of numbers says of the names that it was written with."""
    return WITH_NAMES + hashlib.sha256(names).hexdigest().encode()


def _were_written_together(crl: str, names: str) -> bool:
    """As the list of numbers says, whatever text stands around it; one of before says nothing of it."""
    ders = [base64.b64decode(block) for block in LIST.findall(crl)]
    return all(WITH_NAMES not in der or mark_of(names.encode()) in der for der in ders)


def _names_in(text: str, file: Path) -> tuple[frozenset[str], frozenset[str]]:
    out: set[str] = set()
    passwords: set[str] = set()
    for line in filter(str.strip, text.splitlines()):
        name, *rest = line.split()
        if not wire.is_id(name) or rest not in ([], [PASSWORD_ONLY]):
            raise RevokedError(f"{file}: {line[:80]!r} is no device; put the file back from its copy")
        (passwords if rest else out).add(name)
    return frozenset(out), frozenset(passwords)


def stamp(ca_file: Path, *pair: Path) -> Stamp:
    """What changes when one of the files is written anew, or may be read by others than before.

    `pair` is what the broker shows of itself, and its key.
    """
    found: list[tuple[int, ...] | None] = []
    for path in (ca_file.with_name(CRL), ca_file.with_name(OUT), *pair):
        try:
            stat = path.stat()
            found.append((stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size))
        except OSError:
            found.append(None)
    return tuple(found)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode(errors="replace")
    except OSError as why:
        raise RevokedError(
            f"{path} cannot be read ({why.strerror}): `python3 tools/flash.py ca` makes {CRL} and {OUT} in the folder "
            "of ca.key; bring both from there, or correct the mode"
        ) from why


def _why_refused(ca_file: Path, crl_file: Path, cert_file: Path, key_file: Path) -> str | None:
    """Why nobody would take the broker's own certificate by this list, in a handshake in memory; None if it is good."""
    try:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(cert_file, key_file, password="")
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.load_verify_locations(ca_file)
        client.load_verify_locations(crl_file)
        client.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = (client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True))
        for end in ends * 2:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
    except ssl.SSLCertVerificationError as why:
        return why.verify_message
    except OSError as why:
        return getattr(why, "reason", None) or why.strerror or str(why)
    return None
