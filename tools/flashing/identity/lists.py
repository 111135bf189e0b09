"""The two lists for the broker. Who stands in them stays there, whatever became of the log, until it is readmitted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from broker.mqtt.own_broker.revoked import CRL, OUT, Revoked, RevokedError, mark_of, read_names
from tools.flashing.authority import BEGINS, Signer
from tools.flashing.errors import FlashError

TOGETHER = x509.ObjectIdentifier("2.25.286573119426583129647112650383719264118")  # a random one, as anybody may make
BACK = "put it back from its copy (the broker has one), for whoever stands in it would be let in again"


def names_kept(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Who is out by name, and whose password alone is; nobody where there is no file. Raises FlashError."""
    if not (folder / OUT).exists():
        return frozenset(), frozenset()
    try:
        return read_names(folder / OUT)
    except RevokedError as why:
        raise FlashError("authority", what=f"{why}; {BACK}") from why


def write_lists(folder: Path, signer: Signer, names: Revoked, revoked: Mapping[int, datetime]) -> None:
    """Write both anew, with what the list of numbers has already; that says which names go with it."""
    all_of_it = {**revoked, **_numbers_kept(folder / CRL, signer)}
    # As the certificates: a broker's clock that was lost must not make it a list of the future.
    builder = x509.CertificateRevocationListBuilder().issuer_name(signer.certificate.subject)
    builder = builder.last_update(BEGINS).next_update(signer.certificate.not_valid_after_utc)
    for number, at in all_of_it.items():
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(at)
        builder = builder.add_revoked_certificate(entry.build())
    written = names.names.encode()
    mark = mark_of(written)
    builder = builder.add_extension(x509.UnrecognizedExtension(TOGETHER, bytes((0x0C, len(mark))) + mark), False)
    made = builder.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    _replace(folder / OUT, written)
    _replace(folder / CRL, made)


def _numbers_kept(file: Path, signer: Signer) -> dict[int, datetime]:
    """The certificates of this authority that a list calls worthless; another authority's are nothing here."""
    if not file.exists():
        return {}
    try:
        there = x509.load_pem_x509_crl(file.read_bytes())
        if not there.is_signature_valid(signer.key.public_key()):
            return {}
        return {one.serial_number: one.revocation_date_utc.astimezone(UTC) for one in there}
    except (OSError, ValueError, TypeError) as why:
        raise FlashError("authority", what=f"{file} cannot be read ({why}): {BACK}") from why


def _replace(path: Path, data: bytes) -> None:
    """Old or new, never half; it reaches the disk before anybody is told."""
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise FlashError("authority", what=f"{path}: {error.strerror or error}") from error
