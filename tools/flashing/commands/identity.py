"""Who is let in: a stolen device out, a found one in again, certificates made anew."""

from __future__ import annotations

import argparse
from contextlib import suppress
from dataclasses import asdict

from firmware import wire
from tools.flashing import ledger
from tools.flashing.commands.screen import Screen, error_document
from tools.flashing.commands.targets import settings_of
from tools.flashing.errors import FlashError
from tools.flashing.identity.account import throw_out
from tools.flashing.identity.door import bring
from tools.flashing.identity.identities import BRIDGE, Identities
from tools.flashing.identity.renewal import LATE_DAYS, renew
from tools.flashing.identity.servers import renew_servers
from tools.flashing.settings import FlashSettings


def revoke_device(options: argparse.Namespace, screen: Screen) -> int:
    """Sign, bring, reload, and take its place at the broker until that denies it everything."""
    settings = settings_of(options)
    identities = _identities(settings, options.id)
    if options.id == identities.bridge:
        return _replace_bridge(settings, identities, screen, options)
    if options.certificate:
        raise FlashError("usage", what=f"--certificate is for the bridge: by its name {options.id} is out with any")
    if not (options.unknown or identities.knows(options.id) or _is_written_down(settings, options.id)):
        what = (
            f"nobody is out: {options.id} was given no certificate, stands in no ledger and has no password here; look "
            "at its spelling (`flash.py ledger` lists who was written), or say --unknown if it is right all the same"
        )
        raise FlashError("usage", what=what)
    if options.dry_run:
        given = identities.given(options.id)
        screen.note(f"{options.id}: would be out; {len(given)} certificates would be worth nothing, nor its password")
        screen.document({"ok": True, "id": options.id, "certificates": [one.serial for one in given], "dry_run": True})
        return 0
    family, worthless = identities.revoke(options.id)
    bring(identities.folder, settings.door)
    seconds = throw_out(settings, family, options.id, worthless)
    _record(settings, identities, "revoke", family, options.id)
    screen.note(
        f"{options.id}: OUT. Nothing is heard of it and nothing is told it, by certificate or password; its connection "
        f"was ended {seconds:.1f} s after the broker was told. Found again: `python3 tools/flash.py readmit --id "
        f"{options.id}`, then write it anew"
    )
    screen.document({"ok": True, "id": options.id, "seconds": round(seconds, 2)})
    return 0


def _replace_bridge(
    settings: FlashSettings, identities: Identities, screen: Screen, options: argparse.Namespace
) -> int:
    """The bridge's name stays in, for it goes on by another key: what it had is worth nothing."""
    given = [one.serial for one in identities.given(identities.bridge)] + [*identities.unlisted(*options.certificate)]
    if options.dry_run:
        screen.note(f"{identities.bridge}: {len(given)} certificates would be worth nothing, and a new pair be made")
        screen.document({"ok": True, "id": identities.bridge, "certificates": given, "dry_run": True})
        return 0
    worthless = identities.replace_bridge(*options.certificate)
    bring(identities.folder, settings.door)
    seconds = throw_out(settings, "bridge", identities.bridge, worthless)
    _record(settings, identities, "revoke", "bridge", identities.bridge)
    pair = identities.folder / BRIDGE
    screen.note(
        f"{identities.bridge}: certificates of before known here: {len(given) or 'NONE'}; whoever comes by those "
        "is refused (one that is not known: run again with --certificate FILE); the connection that stood was ended "
        f"{seconds:.1f} s after the broker was told. {pair} and {pair.with_suffix('.key').name} are new: bring them "
        "where [mqtt] cert_file and key_file of the bridge lie; it shows them from its next connection on"
    )
    screen.document({"ok": True, "id": identities.bridge, "certificates": given, "seconds": round(seconds, 2)})
    return 0


def readmit_device(options: argparse.Namespace, screen: Screen) -> int:
    """Let a device in again; what it was given before it was out stays worth nothing."""
    settings = settings_of(options)
    identities = _identities(settings, options.id)
    if options.dry_run:
        is_out = options.id in identities.out()
        screen.note(f"{options.id}: is {'out, and would be let in again' if is_out else 'not out'}")
        screen.document({"ok": True, "id": options.id, "out": is_out, "dry_run": True})
        return 0
    identities.readmit(options.id, password_changed=options.password_changed)
    bring(identities.folder, settings.door)
    _record(settings, identities, "readmit", "", options.id)
    screen.note(
        f"{options.id}: may come in again, with what it is given from now on: write it anew (`tools/flash.py truck` or "
        "`binroom`)" + ("" if options.password_changed else "; its old password stays worth nothing")
    )
    screen.document({"ok": True, "id": options.id})
    return 0


def renew_certificates(options: argparse.Namespace, screen: Screen) -> int:
    """Make anew what ends soon and bring it to the devices; fit for a daily timer."""
    settings = settings_of(options)
    outcome = renew(settings, days=options.days, wait_s=options.wait, dry_run=options.dry_run)
    for line in outcome.summary():
        screen.note(line)
    error = FlashError("renewal", days=LATE_DAYS, devices=" ".join(outcome.late)) if outcome.late else None
    servers = list[str]()
    try:
        servers = renew_servers(settings, dry_run=options.dry_run)
        for name in servers:
            screen.note(f"{name}: {'would be made anew' if options.dry_run else 'made anew for a year'}")
    except FlashError as why:  # the devices have theirs all the same
        error = error or why
    told = {"ok": error is None, **asdict(outcome), "servers": servers}
    if error is None:
        screen.document(told)
        return 0
    screen.error("", error)
    screen.document({**told, "error": error_document(error)})
    return error.exit_code


def _identities(settings: FlashSettings, device: str) -> Identities:
    if not wire.is_id(device):
        raise FlashError("usage", what=f"{device} is not an id (1-64 of a-z A-Z 0-9 . _ -, no dot first)")
    if settings.broker is None or not settings.broker.certificates:
        raise FlashError("usage", what="devices show certificates only with [broker] certificates = true")
    return Identities(settings.broker.authority, settings.area)


def _is_written_down(settings: FlashSettings, device: str) -> bool:
    """Whether the ledger has it, or a password is kept for it."""
    if ledger.last_of(ledger.read(settings.ledger)[0], device) is not None:
        return True
    if settings.accounts is None:
        return (settings.keys / f"{device}.password").exists()
    with suppress(OSError, UnicodeDecodeError):
        users = (line.partition(":")[0].strip() for line in settings.accounts.read_text("utf-8").splitlines())
        return device in {user.rpartition("/")[2] for user in users}
    return False


def _record(settings: FlashSettings, identities: Identities, action: str, family: str, device: str) -> None:
    line = {"id": device, "out": sorted(identities.out())}
    ledger.append(settings.ledger, ledger.signed(action, settings.area, family, line, identities.now()))
