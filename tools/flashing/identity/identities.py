"""The certificates of an area's devices: whom the authority gave one, until when, and who is out.

    keys/identities.jsonl   a line for each certificate issued or renewed, each device revoked or readmitted, each time
                            that all of the bridge's own were replaced
    keys/crl.pem            the certificates that are worth nothing, signed by the authority, for the broker
    keys/out.txt            the devices that are out by name, for the broker's access list

A device's key is made here when the device is written and goes to the device alone; what is kept is its certificate,
from which the next one for the same key is made. A revocation list ends with the authority: one that had to be made
anew each month would shut everybody out in the first month that nobody did.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from broker.mqtt.own_broker.access_list import reserved
from broker.mqtt.own_broker.revoked import Revoked
from tools.flashing import ledger
from tools.flashing.authority import key_bytes, load_signer, put_pair
from tools.flashing.errors import FlashError
from tools.flashing.identity.lists import names_kept, write_lists

DEVICE_DAYS = 365
DUE_DAYS = 60  # before its end a certificate is made anew; a truck that is away for so long is visited
LOG = "identities.jsonl"
WORTHLESS = ("revoked", "replaced")  # after these lines of a name, what it was given before
BRIDGE = "bridge.pem"  # of a broker apart; its key is beside it
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


@dataclass(frozen=True)
class Certificate:
    """One that was issued: to whom, and until when (Unix seconds)."""

    device: str
    family: str
    serial: str  # in hex
    until_at: int
    der: bytes

    @property
    def pem(self) -> bytes:
        """As a truck keeps it."""
        return x509.load_der_x509_certificate(self.der).public_bytes(serialization.Encoding.PEM)

    @property
    def ends(self) -> str:
        """The day on which it ends, for a person."""
        return f"{datetime.fromtimestamp(self.until_at, UTC):%Y-%m-%d}"


class Identities:
    """What stands in a folder of keys; every method raises FlashError where that cannot be read or written."""

    def __init__(self, folder: Path, area: str, now: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.area = area
        self.now = now
        self._read: tuple[object, list[dict[str, Any]]] = (None, [])  # what stood in the log, when it was so long
        self._bad = 0  # lines of it that cannot be read

    def issue(self, family: str, device: str) -> tuple[Certificate, ec.EllipticCurvePrivateKey]:
        """A new key and its certificate; the key is kept nowhere here."""
        self._must_be_a_device(device)
        key = ec.generate_private_key(ec.SECP256R1())
        return self._signed("issued", family, device, key.public_key()), key

    @property
    def bridge(self) -> str:
        """The account of the area's bridge."""
        return f"bridge-{self.area}"

    def issue_bridge(self) -> None:
        """A new key and its certificate for the bridge, in files beside the authority's; what it had holds on."""
        self._list_bridges(self.unlisted())
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed("issued", "bridge", self.bridge, key.public_key())
        put_pair(self.folder / BRIDGE, certificate.pem, key)

    def replace_bridge(self, *files: Path) -> bytes:
        """Nothing that the bridge was ever given, nor what these files show, is worth anything but a new pair.

        Returns one more certificate and key of it that is worth nothing either, as `revoke` does.
        """
        self.must_be_whole()
        self._list_bridges(self.unlisted(*files))
        key = ec.generate_private_key(ec.SECP256R1())
        worthless = self._signed("issued", "bridge", self.bridge, key.public_key())
        self._note("replaced", "bridge", self.bridge, {})
        self.write_lists()
        self.issue_bridge()
        return worthless.pem + key_pem(key)

    def unlisted(self, *files: Path) -> dict[str, x509.Certificate]:
        """By number in hex, the bridge's certificates in its pair and in these files of which the log has no line.

        FlashError for a file that holds none of the bridge's.
        """
        listed = {line.get("serial") for line in self._lines()}
        found: dict[str, x509.Certificate] = {}
        for file in (self.folder / BRIDGE, *files):
            try:
                shown = x509.load_pem_x509_certificate(file.read_bytes())
                shown.verify_directly_issued_by(load_signer(self.folder).certificate)
                is_its = shown.subject.rfc4514_string() == f"CN={self.bridge}"
            except (OSError, ValueError, TypeError, InvalidSignature):
                is_its = False
            if is_its:
                found[f"{shown.serial_number:x}"] = shown
            elif file in files:
                what = f"--certificate {file} is none that this authority gave {self.bridge}"
                raise FlashError("usage", what=what)
        return {serial: shown for serial, shown in found.items() if serial not in listed}

    def _list_bridges(self, unlisted: dict[str, x509.Certificate]) -> None:
        for serial, shown in unlisted.items():
            text = base64.b64encode(shown.public_bytes(serialization.Encoding.DER)).decode()
            told = {"serial": serial, "until_at": int(shown.not_valid_after_utc.timestamp()), "certificate": text}
            self._note("issued", "bridge", self.bridge, told)

    def renew(self, device: str) -> Certificate:
        """The newest certificate's key, name and issuer for another year."""
        newest = self.of(device)[-1]
        public = x509.load_der_x509_certificate(newest.der).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        return self._signed("renewed", newest.family, device, public)

    def of(self, device: str) -> list[Certificate]:
        """All that a device was given and that hold, the newest last."""
        self.must_be_whole()
        return self.given(device)

    def given(self, device: str) -> list[Certificate]:
        """As `of`, by the lines that can be read."""
        found: list[Certificate] = []
        for line in self._lines():
            if line["id"] == device and line["action"] in ("issued", "renewed"):
                der = base64.b64decode(line["certificate"])
                found.append(Certificate(device, line["family"], line["serial"], line["until_at"], der))
            elif line["id"] == device and line["action"] in WORTHLESS:
                found = []
        return found

    def devices(self) -> list[str]:
        """The devices that were given a certificate and are not out."""
        given = {line["id"] for line in self._lines() if line["action"] == "issued"}
        return sorted(given - self.out() - {self.bridge})

    def due(self, days: int = DUE_DAYS) -> list[Certificate]:
        """The newest of each device whose certificate ends within so many days, or that has not taken its new one."""
        self.must_be_whole()
        out, found = self.out(), []
        for device in sorted({line["id"] for line in self._lines()} - out - {self.bridge}):
            held = self.of(device)
            if held and self.held_by(device).until_at < self.now() + days * 86_400:
                found.append(held[-1])
        return found

    def held_by(self, device: str) -> Certificate:
        """The one that a device is known to have: the last that it was written with or said that it took."""
        taken = {line["serial"] for line in self._lines() if line["id"] == device and line["action"] == "taken"}
        issued = {line["serial"] for line in self._lines() if line["action"] == "issued"}
        return next(one for one in reversed(self.of(device)) if one.serial in taken | issued)

    def took(self, certificate: Certificate) -> None:
        """The device said that it shows this one from now on."""
        self._note("taken", certificate.family, certificate.device, {"serial": certificate.serial})

    def out(self) -> set[str]:
        """The devices that are out now: by the log, or by the list of names, whatever the log has lost."""
        out: set[str] = set()
        for line in self._lines():
            if line["action"] == "revoked":
                out.add(line["id"])
            elif line["action"] == "readmitted":
                out.discard(line["id"])
        return out | names_kept(self.folder)[0]

    def knows(self, device: str) -> bool:
        """Whether it was ever given anything, or is out; FlashError for what is no device at all."""
        self._must_be_a_device(device)
        return any(line["id"] == device for line in self._lines()) or device in self.out()

    def revoke(self, device: str) -> tuple[str, bytes]:
        """Nothing that this device was ever given is worth anything; a log that was torn or lost does not hinder it.

        Returns its family, `truck` if nobody knows it, and one more certificate and key of it that is worth nothing
        either: whether a broker has read the lists is seen by whether it refuses that.
        """
        lines = [line for line in self._lines() if line["id"] == device]
        family = str(lines[-1]["family"]) if lines else "truck"
        certificate, key = self.issue(family, device)
        self._note("revoked", family, device, {})
        self.write_lists()
        return family, certificate.pem + key_pem(key)

    def readmit(self, device: str, *, password_changed: bool) -> None:
        """A device that was found may come in again, by a certificate issued after it was out."""
        self.must_be_whole()
        if device not in self.out() and not (password_changed and device in self._shut_passwords()):
            raise FlashError("usage", what=f"{device} is not out")
        family = next((str(line["family"]) for line in reversed(self._lines()) if line["id"] == device), "truck")
        self._note("readmitted", family, device, {"by": "both" if password_changed else "certificate"})
        self.write_lists({device}, {device} if password_changed else set())

    def write_lists(self, readmitted: Collection[str] = (), passwords_changed: Collection[str] = ()) -> None:
        """Write the two files for the broker anew; but for who is readmitted nobody who stands in them goes."""
        shut = self._shut_passwords() - set(passwords_changed)
        names = Revoked("", frozenset(self.out() - set(readmitted)), frozenset(shut))
        write_lists(self.folder, load_signer(self.folder), names, self._revoked_numbers())

    def must_be_whole(self) -> None:
        """Raises FlashError where a line of the log cannot be read: what it said is not known."""
        self._lines()
        if self._bad:
            what = f"{self.folder / LOG} has {self._bad} lines that cannot be read: put it back from its copy"
            raise FlashError("authority", what=what)

    def _must_be_a_device(self, name: str) -> None:
        if name in reserved(self.area):
            raise FlashError("usage", what=f"{name} is an account of the broker's own, no device: name it otherwise")

    def _shut_passwords(self) -> set[str]:
        shut: set[str] = set()
        for line in self._lines():
            if line["action"] == "revoked":
                shut.add(line["id"])
            elif line["action"] == "readmitted" and line["by"] == "both":
                shut.discard(line["id"])
        out, alone = names_kept(self.folder)
        return shut | out | alone

    def _revoked_numbers(self) -> dict[int, datetime]:
        given: dict[str, list[int]] = {}
        revoked: dict[int, datetime] = {}
        for line in self._lines():
            if line["action"] in ("issued", "renewed"):
                given.setdefault(line["id"], []).append(int(line["serial"], 16))
            elif line["action"] in WORTHLESS:
                revoked |= dict.fromkeys(given.pop(line["id"], []), datetime.fromisoformat(line["at"]))
        return revoked

    def _signed(
        self, action: str, family: str, device: str, public: ec.EllipticCurvePublicKey
    ) -> Certificate:
        until = datetime.fromtimestamp(self.now(), UTC) + timedelta(days=DEVICE_DAYS)
        made = load_signer(self.folder).sign(device, public, until, CLIENT)
        der = made.public_bytes(serialization.Encoding.DER)
        certificate = Certificate(device, family, f"{made.serial_number:x}", int(until.timestamp()), der)
        text = base64.b64encode(der).decode()
        told = {"serial": certificate.serial, "until_at": certificate.until_at, "certificate": text}
        self._note(action, family, device, told)
        return certificate

    def _note(self, action: str, family: str, device: str, more: dict[str, Any]) -> None:
        line = ledger.signed(action, self.area, family, {"id": device, **more}, self.now())
        ledger.append(self.folder / LOG, line)

    def _lines(self) -> list[dict[str, Any]]:
        file = self.folder / LOG
        size = file.stat().st_size if file.exists() else 0  # lines are only ever added
        if self._read[0] == size:
            return self._read[1]
        lines, self._bad = ledger.read(file)
        self._read = size, [line for line in lines if line.get("area") == self.area]
        return self._read[1]


def key_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A device's key as a board keeps it."""
    return key_bytes(key, serialization.Encoding.DER)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A device's key as a truck keeps it."""
    return key_bytes(key, serialization.Encoding.PEM)
