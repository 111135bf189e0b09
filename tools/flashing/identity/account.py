"""Coming to the broker as somebody whom the area's authority vouches for, by a certificate of a day kept nowhere."""

from __future__ import annotations

import ssl
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from broker.mqtt import packets
from broker.mqtt.connection import Connection
from firmware import wire
from tools.flashing.authority import load_signer
from tools.flashing.errors import FlashError
from tools.flashing.identity.identities import CLIENT, key_pem
from tools.flashing.settings import BrokerAccess, FlashSettings

PAUSE_S = 0.1  # between two looks whether the broker has read its lists
TOO_LONG_S = 30.0
LET_IN, REVOKED = "let in", "refused as revoked"


def known_as(keys: Path, name: str) -> ssl.SSLContext:
    """What shows the broker that we are this account; raises FlashError."""
    signer = load_signer(keys)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = signer.sign(name, key.public_key(), datetime.now(UTC) + timedelta(days=1), CLIENT)
    return showing(keys, key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))


def showing(keys: Path, both: bytes) -> ssl.SSLContext:
    """A context that shows a certificate and proves its key, both in PEM."""
    context = ssl.create_default_context(cafile=str(keys / "ca.pem"))
    with tempfile.TemporaryDirectory() as folder:  # OpenSSL takes them from files only; mode 700
        file = Path(folder) / "both.pem"
        file.touch(mode=0o600)
        file.write_bytes(both)
        context.load_cert_chain(file)
    return context


def throw_out(settings: FlashSettings, family: str, device: str, revoked: bytes) -> float:
    """See that the broker refuses what is revoked, then take the device's place; returns after how many seconds.

    `revoked` is a certificate and key of the device that the lists call worthless: the broker that refuses it has read
    them, and with them that nothing is taken from the device nor told it. Who comes under the name then ends the
    connection that stands. Raises FlashError where the broker cannot be reached, or lets it in for 30 s.
    """
    access = settings.broker
    assert access is not None
    worthless, fresh = showing(access.authority, revoked), known_as(access.authority, device)
    # Before 1.3 a handshake ends with the other side's word, so that nobody has to come in to hear it: whoever comes
    # ends the connection that stands, and as long as the broker has not read its lists the thief would come again.
    worthless.maximum_version = ssl.TLSVersion.TLSv1_2
    begun = time.monotonic()
    steps: tuple[tuple[Callable[[], str], str], ...] = (
        (partial(_knock, access, worthless), REVOKED),
        (partial(_come, access, fresh, settings.area, family, device), LET_IN),
    )
    for answered, wanted in steps:
        while (answer := answered()) != wanted:
            if time.monotonic() - begun > TOO_LONG_S:
                what = f"after {TOO_LONG_S:.0f} s {device} is {answer}: does the broker read crl.pem and out.txt there?"
                raise FlashError("door", what=f"{access.host}:{access.port}: {what}")
            time.sleep(PAUSE_S)
    return time.monotonic() - begun


def _knock(access: BrokerAccess, shown: ssl.SSLContext) -> str:
    """What the broker makes of a certificate, without coming in by it."""
    return _answer(access, shown, lambda _: None)


def _come(access: BrokerAccess, shown: ssl.SSLContext, area: str, family: str, device: str) -> str:
    """Come once under the device's name, which ends its own connection; what the broker made of it."""
    will = (wire.topic("life", area, "" if family == "bridge" else device, family=family), b"")
    # What waits for the bridge goes on waiting for it.
    hello = packets.connect(device, device, None, 10, family != "bridge", will)

    def come(connection: Connection) -> None:
        packets.must_be_in(connection.ask(hello, packets.CONNACK)[0])
        connection.write(packets.DISCONNECT)

    return _answer(access, shown, come)


def _answer(access: BrokerAccess, shown: ssl.SSLContext, then: Callable[[Connection], None]) -> str:
    """A refusal may be cut off before it is read: whoever asks does so again."""
    connection: Connection | None = None
    try:
        connection = Connection(access.host, access.port, lambda: False)
        connection.secure(shown)
        then(connection)
        return LET_IN
    except (OSError, packets.PacketError) as error:
        is_revoked = isinstance(error, ssl.SSLError) and "REVOKED" in (error.reason or "")
        return REVOKED if is_revoked else f"not answered ({error})"
    finally:
        if connection is not None:
            connection.close()
