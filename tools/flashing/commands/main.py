"""The command line: options in, the functions of this folder in the middle, a screen and an exit code out.

Exit codes: 0 done; 2 wrong command line or settings; 130 Ctrl-C; all others stand beside their sentence in errors.py.
With several units the code is that of the first failure, and the others are finished all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from firmware import wire
from tools.flashing.board.image import Image, check_image, find_drive, write_uf2
from tools.flashing.board.ports import Port, wait_for_new
from tools.flashing.board.release.release import build_release
from tools.flashing.board.unit import RESTART_S, Order, Outcome, diagnose, flash_binroom
from tools.flashing.commands.authority import make_area_authority
from tools.flashing.commands.identity import readmit_device, renew_certificates, revoke_device
from tools.flashing.commands.options import Run, make_parser
from tools.flashing.commands.reading import (
    MOST_AT_ONCE,
    list_ports,
    roll_unit_back,
    show_ledger,
    test_unit,
    verify_unit,
)
from tools.flashing.commands.screen import Screen, error_document
from tools.flashing.commands.targets import calibration_of, ports_of, settings_of, targets_of, unit_table
from tools.flashing.errors import FlashError
from tools.flashing.hello import Listener
from tools.flashing.settings import FlashSettings
from tools.flashing.truck.setup import TruckOrder, TruckOutcome, flash_truck

REPO = Path(__file__).resolve().parents[3]
INTERRUPTED = 130


def main(argv: list[str] | None = None, stdout: TextIO | None = None, stderr: TextIO | None = None) -> int:
    """Runs one command and returns its exit code; prints nothing else on `stdout` with --json."""
    out, err = stdout or sys.stdout, stderr or sys.stderr
    try:
        options = make_parser(COMMANDS).parse_args(argv)
    except SystemExit as error:
        return int(error.code or 0)
    screen = Screen(as_json=options.json, stdout=out, stderr=err)
    try:
        # What libraries print to standard output must not get between the lines of a JSON document.
        with contextlib.redirect_stdout(io.StringIO()), screen:
            return int(options.run(options, screen))
    except FlashError as error:
        screen.error("", error)
        screen.document({"ok": False, "error": error_document(error)})
        return error.exit_code
    except KeyboardInterrupt:
        screen.note("Stopped. Run the same command again: it goes on where it stopped.")
        return INTERRUPTED


def _binroom(options: argparse.Namespace, screen: Screen) -> int:
    settings = settings_of(options)
    image = check_image(options.image, options.image_sha256) if options.image else None
    fresh = _copy_to_drive(options, image, screen) if image is not None and image.is_uf2 else None
    orders = [_order(options, settings, device, port, image) for device, port in targets_of(options, fresh)]
    release = build_release(REPO, settings.index)
    hello_s = 0.0 if options.no_hello or options.dry_run else options.hello_seconds
    with contextlib.ExitStack() as stack:
        listener = None
        if not options.no_hello and settings.broker is not None:
            listener = stack.enter_context(Listener(settings.broker, settings.area))

        def one(order: Order) -> Outcome | FlashError:
            bar = screen.unit(order.device)
            bar.show_plan = order.dry_run
            try:
                return flash_binroom(replace(order, hello_s=hello_s), release, settings, listener, bar)
            except FlashError as error:
                named = diagnose(order, settings, error) if error.problem == "no_hello" else error
                bar.says(named.problem.replace("_", " "))
                return named

        results = _side_by_side(one, orders, screen, listener)
    return _finish(screen, list(zip([order.device for order in orders], results, strict=True)))


def _side_by_side(
    one: Callable[[Order], Outcome | FlashError], orders: list[Order], screen: Screen, listener: Listener | None
) -> list[Outcome | FlashError]:
    """All orders at once; after Ctrl-C each unit ends at its next step, with its board restarted."""
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        waiting = [pool.submit(one, order) for order in orders]
        try:
            return [result.result() for result in waiting]
        except KeyboardInterrupt:
            screen.note("Stopping at the next step.")
            screen.stopped.set()
            if listener is not None:
                listener.stop()
            return [result.result() for result in waiting]


def _finish(screen: Screen, results: list[tuple[str, Outcome | TruckOutcome | FlashError]]) -> int:
    code = 0
    units: list[dict[str, Any]] = []
    for device, result in results:
        if isinstance(result, FlashError):
            code = code or result.exit_code
            screen.error(device, result)
            units.append({"id": device, "ok": False, "error": error_document(result)})
        else:
            units.append({**asdict(result), "ok": True})
            screen.note(f"{device}: OK  {result.summary()}")
    screen.document({"ok": code == 0, "units": units})
    return code


def _copy_to_drive(options: argparse.Namespace, image: Image, screen: Screen) -> Port | None:
    """Gives an RP2040 in BOOTSEL its interpreter; returns the port that it then shows. It had none before."""
    if options.dry_run:
        return None
    drive = find_drive(options.media)
    if drive is None:
        raise FlashError("no_drive", folder=options.media)
    before = ports_of(options)
    screen.note(f"copying {image.file.name} to {drive}")
    write_uf2(image, drive)
    return wait_for_new(before, lambda: ports_of(options), RESTART_S)


def _order(options: argparse.Namespace, settings: FlashSettings, device: str, port: Port, image: Any) -> Order:
    return Order(
        device=device,
        port=port,
        unit=unit_table(options, settings),
        chip=options.chip,
        image=image,
        boot_held=options.boot_held,
        replace=options.replace,
        calibration=calibration_of(options.calibration, settings, device),
        dry_run=options.dry_run,
        ask_api=not options.ignore_runs,
        by_password=options.password,
        wifi_s=options.wifi_seconds,
    )


def _truck(options: argparse.Namespace, screen: Screen) -> int:
    settings = settings_of(options)
    if not wire.is_id(options.id):
        raise FlashError("usage", what=f"{options.id} is not an id (1-64 of a-z A-Z 0-9 . _ -, no dot first)")
    order = TruckOrder(
        device=options.id,
        card=options.card,
        ssh=options.ssh,
        ssh_command=tuple(options.ssh_command.split()),
        first_boot=options.first_boot,
        dry_run=options.dry_run,
        hello_s=0.0 if options.no_hello else options.hello_seconds,
        ask_api=not options.ignore_runs,
    )
    result: TruckOutcome | FlashError
    try:
        result = flash_truck(order, settings, REPO, screen.unit(options.id))
    except FlashError as error:
        result = error
    if isinstance(result, TruckOutcome) and result.dry_run:
        screen.table(f"{options.id}: would write", ("file",), [(path,) for path in result.files])
    return _finish(screen, [(options.id, result)])


COMMANDS: dict[str, Run] = {
    "list": list_ports,
    "binroom": _binroom,
    "truck": _truck,
    "verify": verify_unit,
    "selftest": test_unit,
    "rollback": roll_unit_back,
    "ledger": show_ledger,
    "ca": make_area_authority,
    "renew": renew_certificates,
    "revoke": revoke_device,
    "readmit": readmit_device,
}
