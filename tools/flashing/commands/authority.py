"""The area's authority: made once, its servers' certificates with it, and another one after a theft."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from broker.mqtt.own_broker.revoked import CRL, OUT
from tools.flashing.authority import is_good_pair, load_signer, make_authority
from tools.flashing.commands.screen import Screen
from tools.flashing.commands.targets import settings_of
from tools.flashing.errors import FlashError
from tools.flashing.identity.anew import OF_AN_AUTHORITY, lay_aside
from tools.flashing.identity.identities import BRIDGE, Identities


def make_area_authority(options: argparse.Namespace, screen: Screen) -> int:
    """Make what is missing of authority, broker's pair, bridge's pair and lists; with --new all of it."""
    settings = settings_of(options)
    access = settings.broker
    hosts = options.host or ([access.device_host, access.host] if access is not None else [])
    if not hosts:
        raise FlashError("usage", what="name the broker: --host, or a [broker] section in the settings file")
    folder = options.folder or settings.keys
    again = list[str]()
    if options.new:
        aside, again = lay_aside(folder, settings.area, dry_run=options.dry_run)
        screen.note(f"what was of the authority {'would go' if options.dry_run else 'is'} to {aside}")
    outcome = make_authority(folder, settings.area, list(dict.fromkeys(hosts)), dry_run=options.dry_run)
    has_authority = (folder / "ca.key").exists()
    is_good = has_authority and is_good_pair(folder / BRIDGE, load_signer(folder))
    if access is not None and access.certificates and not is_good:
        outcome.made += ["bridge.key", BRIDGE]
        if not options.dry_run:
            Identities(folder, settings.area).issue_bridge()
    missing = [name for name in (CRL, OUT) if not (folder / name).exists()]
    if missing:
        outcome.made += missing
        if not options.dry_run:
            identities = Identities(folder, settings.area)
            identities.must_be_whole()
            identities.write_lists()
    if options.new and options.dry_run:
        outcome.made = [name for name in OF_AN_AUTHORITY if (folder / name).exists()]
    screen.note(outcome.summary())
    if options.new:
        screen.note(
            "bring ca.pem, crl.pem, out.txt and the broker's pair to the broker and start it anew; devices come in "
            f"once they are written again: {' '.join(again) or 'none is known here, see `flash.py ledger`'}"
        )
    screen.document({"ok": True, **asdict(outcome), "write_again": again})
    return 0
