"""By what the broker knows a bin-room unit: a certificate whose key is on the board alone, or a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tools.flashing.board.release.release import sha256
from tools.flashing.errors import FlashError
from tools.flashing.identity.identities import Identities, key_der
from tools.flashing.settings import BrokerAccess, FlashSettings, device_password

KEYS = "/config/keys"
PASSWORD = f"{KEYS}/mqtt"
CERTIFICATE, KEY = f"{KEYS}/device.der", f"{KEYS}/device.key"
LEAST_DAYS = 30  # a certificate that ends sooner is not left on a board that is written


@dataclass(frozen=True)
class Proof:
    """The files, and what network.json says of them; `held` are on the board already, their content unknown here."""

    port: int
    network: dict[str, str]
    files: dict[str, bytes] = field(default_factory=dict)
    held: tuple[str, ...] = ()


def by_password(settings: FlashSettings, device: str) -> Proof:
    """The password of a unit, at the port that takes passwords; raises FlashError where there is none."""
    access = _access(settings)
    port = access.port
    if access.certificates:
        port = access.password_port
        if not port:
            raise FlashError("usage", what=f"{device} cannot show a certificate and [broker] password_port is not set")
    return Proof(port, {"password_file": PASSWORD}, {PASSWORD: device_password(settings, "room", device).encode()})


def by_certificate(settings: FlashSettings, device: str, there: Mapping[str, str], *, real: bool = True) -> Proof:
    """The certificate that a board has, by the hashes of what is `there`, else a new one with a new key.

    Not `real`: for a look at it, no certificate is issued.
    """
    access = _access(settings)
    network = {"cert_file": CERTIFICATE, "cert_key_file": KEY}
    identities = Identities(access.authority, settings.area)
    for one in identities.of(device):
        soon = identities.now() + LEAST_DAYS * 86_400
        if KEY in there and there.get(CERTIFICATE) == sha256(one.der) and one.until_at > soon:
            return Proof(access.port, network, {CERTIFICATE: one.der}, (KEY,))
    if not real:
        return Proof(access.port, network, {CERTIFICATE: b"new", KEY: b"new"})
    certificate, key = identities.issue("room", device)
    return Proof(access.port, network, {CERTIFICATE: certificate.der, KEY: key_der(key)})


def _access(settings: FlashSettings) -> BrokerAccess:
    if settings.broker is None:
        raise FlashError("usage", what="a unit needs a [broker] section in the settings file")
    return settings.broker
