"""An area's authority laid aside after a theft: a new one takes its place, and every device is written again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from broker.mqtt.own_broker.revoked import CRL
from tools.flashing.authority import load_signer
from tools.flashing.errors import FlashError
from tools.flashing.identity.identities import BRIDGE, LOG, Identities

# The key first: a folder that was left half empty is refused by name, and no second authority is made beside the first.
OF_AN_AUTHORITY = ("ca.key", "ca.pem", "broker.key", "broker.pem", "bridge.key", BRIDGE, CRL, LOG)


def lay_aside(folder: Path, area: str, *, dry_run: bool = False) -> tuple[Path, list[str]]:
    """Move what belongs to the folder's authority into one of its own below it, and say which devices trusted it.

    `out.txt` stays: who is out is out of the next authority too. Raises FlashError.
    """
    load_signer(folder)  # one that is not whole is looked at by a person first
    identities = Identities(folder, area)
    aside = folder / f"before-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    devices = identities.devices()
    if not dry_run:
        try:
            aside.mkdir(mode=0o700)
            for name in OF_AN_AUTHORITY:
                if (folder / name).exists():
                    (folder / name).rename(aside / name)
        except OSError as error:
            raise FlashError("authority", what=f"{error.filename or aside}: {error.strerror or error}") from error
    return aside, devices
