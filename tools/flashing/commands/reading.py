"""The commands that look at boards, test them or switch them back: list, verify, selftest, rollback, ledger."""

from __future__ import annotations

import argparse
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from tools.flashing import ledger
from tools.flashing.board.board import open_board
from tools.flashing.board.inventory import ROOTS, Contents, Identity, check_fit, identify, read_contents
from tools.flashing.board.ports import Port, choose
from tools.flashing.board.release.proof import CERTIFICATE, by_certificate
from tools.flashing.board.release.release import sha256
from tools.flashing.board.release.unit_files import unit_files
from tools.flashing.board.rollback import roll_back, verify, whole_former
from tools.flashing.board.selftest import TESTS, network_facts, raise_first, run_tests
from tools.flashing.board.unit import FAMILY
from tools.flashing.commands.screen import Screen, error_document
from tools.flashing.commands.targets import ports_of, settings_of, unit_table
from tools.flashing.errors import PROBLEMS, FlashError
from tools.flashing.hello import Listener
from tools.flashing.open_run_guard import refuse_open_run
from tools.flashing.settings import load_settings

MOST_AT_ONCE = 8


def list_ports(options: argparse.Namespace, screen: Screen) -> int:
    """Each port with its board, release and identity; the boards go on with their work afterwards."""
    ports = ports_of(options)
    if not ports:
        raise FlashError("no_port")
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        found = list(pool.map(lambda port: _look(port, options.quick), ports))
    rows = []
    for entry in found:
        unit = f"{entry['area']}/{entry['id']}" if entry.get("id") else ""
        rows.append((entry["port"], entry["usb_serial"], entry["runs"], entry["board"], entry["release"] or "", unit))
    screen.table("Ports", ("port", "USB serial", "runs", "board", "release", "unit"), rows)
    screen.document({"ok": True, "ports": found})
    return 0


def _look(port: Port, quick: bool) -> dict[str, Any]:
    entry = {
        "port": port.path,
        "usb_serial": port.serial,
        "maker": port.maker,
        "runs": "",
        "board": "",
        "release": None,
    }
    if quick:
        return entry
    try:
        with open_board(port.path) as board:
            identity = identify(board)
            contents = read_contents(board)
            board.reset()
    except FlashError as error:
        return {**entry, "runs": error.sentence, "error": error_document(error)}
    return {
        **entry,
        "runs": identity.shown,
        "board": identity.uid,
        "release": contents.current,
        "former": contents.former,
        "id": contents.device,
        "area": contents.area,
    }


def verify_unit(options: argparse.Namespace, screen: Screen) -> int:
    """Compares a unit with its own manifest, and with the settings where an id is given."""
    settings = settings_of(options) if options.id else None
    port = choose(options.port, ports_of(options))
    with open_board(port.path) as board:
        identity, contents = identify(board), read_contents(board)
        _must_hold_something(contents, identity, port)
        config = None
        if settings is not None:
            proof = None
            if settings.broker is not None and settings.broker.certificates and CERTIFICATE in contents.files:
                proof = by_certificate(settings, options.id, contents.files, real=False)
            wanted = unit_files(settings, options.id, unit_table(options, settings), proof)
            config = {path: sha256(data) for path, data in wanted.items()}
        wrong = verify(board, contents, config)
        board.reset()
    screen.document({"ok": not wrong, "port": port.path, "wrong": wrong, **_shown(contents)})
    if wrong:
        if not screen.as_json:
            raise FlashError("not_verified", what="; ".join(wrong))
        return PROBLEMS["not_verified"].exit_code
    screen.note(f"{contents.device}: release {contents.current} is whole")
    return 0


def test_unit(options: argparse.Namespace, screen: Screen) -> int:
    """Runs the self test on the device."""
    settings = load_settings(options.settings) if options.settings.exists() else None
    port = choose(options.port, ports_of(options))
    bar = screen.unit(options.id or port.path)
    with open_board(port.path) as board:
        identity: Identity = identify(board)
        check_fit(identity, port.path, None)
        contents = read_contents(board)
        _must_be_unit(contents, identity, port, options.id)
        if options.dry_run:
            board.reset()
            steps = [(test.name, test.needs) for test in TESTS]
            screen.table(f"{contents.device}: would test", ("step", "tests"), steps)
            screen.document({"ok": True, "would_test": [test.name for test in TESTS], **_shown(contents)})
            return 0
        results = run_tests(board, contents, hold_ms=options.hold_ms, says=bar.says)
        board.reset()
    rows = [(("ok" if result.ok else "FAILED"), result.name, result.seen, result.needs) for result in results]
    screen.table(f"Self test of {contents.device}", ("", "step", "seen", "tests"), rows)
    failed = any(not result.ok for result in results)
    screen.document({"ok": not failed, "steps": [asdict(result) for result in results], **_shown(contents)})
    try:
        raise_first(results, contents, network_facts(settings))
    except FlashError as error:
        screen.error(contents.device or "", error)
        return error.exit_code
    return 0


def roll_unit_back(options: argparse.Namespace, screen: Screen) -> int:
    """Puts the former release back and waits for the unit's hello with it."""
    settings = load_settings(options.settings)
    port = choose(options.port, ports_of(options))
    bar = screen.unit(options.id or port.path)
    with contextlib.ExitStack() as stack:
        listener = None
        if not options.no_hello and settings.broker is not None:
            listener = stack.enter_context(Listener(settings.broker, settings.area))
        with open_board(port.path) as board:
            identity = identify(board)
            contents = read_contents(board)
            _must_be_unit(contents, identity, port, options.id)
            device = str(contents.device)
            if options.dry_run:
                former = whole_former(board, contents)
                board.reset()
                screen.note(f"{device}: would go from {contents.current} back to {former}; nothing was written")
                screen.document({"ok": True, "dry_run": True, "would_be": former, **_shown(contents)})
                return 0
            if not options.ignore_runs:
                refuse_open_run(settings.api_url, FAMILY, device)
            if listener is not None:
                listener.follow(FAMILY, device)
            rolled = roll_back(board, contents)
            since = listener.mark(FAMILY, device) if listener else 0
            board.reset()
        hello_boot = None
        if listener is not None:
            bar.says("waiting for its hello")
            hello = listener.wait(
                FAMILY, device, since, lambda boot: boot > contents.boot, rolled.now, options.hello_seconds
            )
            hello_boot = hello.boot
    line = {"id": device, "board": identity.uid, "release": rolled.now, "former": rolled.left, "hello_boot": hello_boot}
    ledger.append(settings.ledger, ledger.signed("rollback", settings.area, FAMILY, line, time.time()))
    screen.document({"ok": True, **line})
    screen.note(f"{device}: {rolled.left} -> {rolled.now}, {'heard' if hello_boot else 'not heard'}")
    return 0


def _must_be_unit(contents: Contents, identity: Identity, port: Port, wanted: str | None) -> None:
    """Raises FlashError for a board that no unit was made of yet, and for another unit than was asked for."""
    _must_hold_something(contents, identity, port)
    if contents.current is None or contents.device is None:
        raise FlashError("not_verified", what="it has no release" if contents.device else "it has no identity")
    if wanted and contents.device != wanted:
        raise FlashError("other_unit", port=port.path, found=contents.device, wanted=wanted)


def _must_hold_something(contents: Contents, identity: Identity, port: Port) -> None:
    if not any(path.startswith(ROOTS) for path in contents.files):
        raise FlashError("no_unit", port=port.path, found=identity.shown)


def _shown(contents: Contents) -> dict[str, Any]:
    return {"id": contents.device, "area": contents.area, "release": contents.current, "former": contents.former}


def show_ledger(options: argparse.Namespace, screen: Screen) -> int:
    """Shows the ledger, of one id or all."""
    settings = settings_of(options)
    lines, bad = ledger.read(settings.ledger)
    chosen = [line for line in lines if options.id in (None, line.get("id"))]
    columns = ("at", "who", "action", "id", "board", "release", "hello_boot")
    rows = [tuple("" if line.get(name) is None else str(line[name]) for name in columns) for line in chosen]
    screen.table(str(settings.ledger), columns, rows)
    if bad:
        screen.note(f"{bad} lines could not be read; they were left as they are")
    screen.document({"ok": True, "lines": chosen, "unreadable": bad})
    return 0
