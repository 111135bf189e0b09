"""What broker and bridge show of themselves, made anew before it ends and brought to the broker's machine.

Whether the broker shows what it should is seen by a look at it: what was not brought yesterday is brought today.
"""

from __future__ import annotations

import ssl
import time
from pathlib import Path

from cryptography import x509

from broker.mqtt.connection import Connection
from tools.flashing.authority import is_good_pair, load_signer, make_authority
from tools.flashing.errors import FlashError
from tools.flashing.identity.account import PAUSE_S, TOO_LONG_S
from tools.flashing.identity.door import bring
from tools.flashing.identity.identities import BRIDGE, Identities
from tools.flashing.settings import BrokerAccess, FlashSettings

SHOWN = "broker.pem"


def renew_servers(settings: FlashSettings, *, dry_run: bool = False) -> list[str]:
    """Make the pairs of broker and bridge anew where they end soon, and see that the broker shows its own.

    Returns which were made; with `dry_run` which would be. Devices stay connected. Raises FlashError.
    """
    access = settings.broker
    assert access is not None
    keys, made = access.authority, list[str]()
    signer, identities = load_signer(keys), Identities(keys, settings.area)
    if (keys / SHOWN).exists() and not is_good_pair(keys / SHOWN, signer):
        made.append(SHOWN)
        if not dry_run:
            make_authority(keys, settings.area, _names(keys / SHOWN))
    if (keys / BRIDGE).exists() and not is_good_pair(keys / BRIDGE, signer):
        made.append(BRIDGE)
        if not dry_run:
            identities.issue_bridge()
    if not dry_run and (keys / SHOWN).exists() and (made or not _is_shown(access, keys / SHOWN)):
        bring(keys, settings.door, [name for name in (SHOWN, BRIDGE) if (keys / name).exists()])
        _wait_until_shown(access, keys / SHOWN)
    return made


def _wait_until_shown(access: BrokerAccess, file: Path) -> None:
    begun = time.monotonic()
    while not _is_shown(access, file):
        if time.monotonic() - begun > TOO_LONG_S:
            what = f"after {TOO_LONG_S:.0f} s the broker shows another certificate than {file}: does it read that one?"
            raise FlashError("door", what=f"{access.host}:{access.port}: {what}")
        time.sleep(PAUSE_S)


def _is_shown(access: BrokerAccess, file: Path) -> bool:
    """Whether the broker shows this certificate; nothing is said to it. Raises FlashError where it is away."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # one that is over is to be seen too
    connection: Connection | None = None
    try:
        connection = Connection(access.host, access.port, lambda: False)
        connection.secure(context)
        return connection.certificate() == ssl.PEM_cert_to_DER_cert(file.read_text())
    except OSError as error:
        raise FlashError("desk_broker", host=access.host, port=access.port, what=str(error)) from error
    finally:
        if connection is not None:
            connection.close()


def _names(file: Path) -> list[str]:
    """For which names and addresses a certificate is."""
    try:
        shown = x509.load_pem_x509_certificate(file.read_bytes())
        told = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound) as why:
        raise FlashError("authority", what=f"{file}: {why}; `flash.py ca --host NAME` makes it anew") from why
    return [str(name.value) for name in told]
