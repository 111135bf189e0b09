"""The truck's certificate: the one that it was written with, or a newer one that came over the wire for the same key.

A newer one is looked at before it counts: in a handshake with ourselves, in which our own authority must vouch for it
and our own key must fit it. What does not pass is refused, and the truck goes on with the one that it has.
"""

import base64
import binascii
import logging
import os
import ssl
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

NAME = "certificate.pem"  # beside the outbox: /etc may be read-only


class CertificateError(ValueError):
    """A certificate that is not ours to show; the text says why."""


class OwnCertificate:
    """What this truck shows the broker; without `cert_file` nothing is shown, and none is taken."""

    def __init__(
        self, truck_id: str, ca_file: Path | None, cert_file: Path | None, key_file: Path | None, folder: Path
    ) -> None:
        self._truck_id = truck_id
        self._ca_file, self._cert_file, self._key_file = ca_file, cert_file, key_file
        self._newer = folder / NAME

    def file(self) -> Path | None:
        """The certificate to show now: the newer one while it is good."""
        if self._cert_file is None or not self._newer.exists():
            return self._cert_file
        try:
            self._ends_at(self._newer)
        except CertificateError as error:  # written anew with another key, or its time is over
            log.warning("%s is not shown: %s", self._newer, error)
            return self._cert_file
        return self._newer

    def take(self, text: str) -> tuple[bool, str]:
        """Whether a certificate (base64 of its DER) is shown from the next connection on, and what to say of it."""
        shown = self.file()
        if shown is None:
            return False, "certificate: this truck has a password; it is written anew with tools/flash.py"
        fresh = self._newer.with_name(NAME + ".new")
        try:
            fresh.write_text(ssl.DER_cert_to_PEM_cert(base64.b64decode(text, validate=True)), encoding="ascii")
            if fresh.read_bytes() == shown.read_bytes():
                fresh.unlink()
                return True, "certificate: it is shown already"
            until_at = self._ends_at(fresh)
            if until_at <= self._ends_at_or_never(shown):
                raise CertificateError("it ends no later than the one that is shown")
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            fresh.replace(self._newer)
        except (binascii.Error, ValueError) as error:
            fresh.unlink(missing_ok=True)
            return False, f"certificate: {error}; the former one is shown"
        except OSError as error:
            return False, f"certificate: it cannot be kept ({error.strerror}); the former one is shown"
        return True, "certificate: shown from the next connection on"

    def _ends_at_or_never(self, path: Path) -> int:
        try:
            return self._ends_at(path)
        except CertificateError:  # what is shown now is worth nothing: any good one is better
            return 0

    def _ends_at(self, path: Path) -> int:
        """Until when a good one holds (Unix seconds); raises CertificateError."""
        assert self._ca_file is not None and self._key_file is not None
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        theirs.check_hostname, theirs.verify_mode = False, ssl.CERT_NONE
        ours.verify_mode = ssl.CERT_REQUIRED
        try:
            ours.load_verify_locations(self._ca_file)
            for end in (ours, theirs):
                end.load_cert_chain(path, self._key_file, password="")
            said = _shaken(ours, theirs)
        except ssl.SSLCertVerificationError as error:
            raise CertificateError(f"our authority does not vouch for it ({error.verify_message})") from error
        except ssl.SSLError as error:
            why = "it is for another key" if error.reason == "KEY_VALUES_MISMATCH" else f"{error.reason or error}"
            raise CertificateError(why) from error
        except OSError as error:
            raise CertificateError(f"{error.filename or path} cannot be read ({error.strerror})") from error
        names = [value for group in said["subject"] for key, value in group if key == "commonName"]
        if names != [self._truck_id]:
            raise CertificateError(f"it is for {' '.join(names) or 'nobody'}, not for {self._truck_id}")
        return int(ssl.cert_time_to_seconds(said["notAfter"]))


def _shaken(ours: ssl.SSLContext, theirs: ssl.SSLContext) -> dict[str, Any]:
    """What the certificate says of itself once it is believed, in a handshake in memory; raises SSLError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    broker, truck = ours.wrap_bio(up, down, server_side=True), theirs.wrap_bio(down, up)
    for end in (truck, broker, truck, broker):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
    said = broker.getpeercert()
    if not said:
        raise CertificateError("it cannot be shown")
    return dict(said)
