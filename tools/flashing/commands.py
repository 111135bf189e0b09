"""The command line: options in, the functions of this folder in the middle, a screen and an exit code out.

Exit codes: 0 done; 2 wrong command line or settings; 130 Ctrl-C; all others stand beside their sentence in errors.py.
With several units the code is that of the first failure, and the others are finished all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from firmware import wire
from tools.flashing import ledger
from tools.flashing.binroom import FAMILY, RESTART_S, Order, Outcome, diagnose, flash_binroom
from tools.flashing.board import open_board
from tools.flashing.contents import Contents, Identity, check_fit, identify, read_contents
from tools.flashing.errors import PROBLEMS, FlashError
from tools.flashing.hello import Listener
from tools.flashing.image import Image, check_image, find_drive, write_uf2
from tools.flashing.ports import Port, choose, usb_ports, virtual_ports, wait_for_new
from tools.flashing.release import build_release, sha256
from tools.flashing.rollback import roll_back, verify
from tools.flashing.runs import refuse_open_run
from tools.flashing.screen import Screen, error_document
from tools.flashing.selftest import WIFI_S, network_facts, raise_first, run_tests
from tools.flashing.settings import FlashSettings, load_settings
from tools.flashing.truck import TruckOrder, TruckOutcome, flash_truck
from tools.flashing.unit_files import unit_files

REPO = Path(__file__).resolve().parents[2]
VIRTUAL_PORTS = REPO / "sim" / "ports"
MOST_AT_ONCE = 8
INTERRUPTED = 130
LARGEST_UNIT_FILE = 65536


def main(argv: list[str] | None = None, stdout: TextIO | None = None, stderr: TextIO | None = None) -> int:
    """Runs one command and returns its exit code; prints nothing else on `stdout` with --json."""
    out, err = stdout or sys.stdout, stderr or sys.stderr
    try:
        options = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/flash.py",
        description="Writes bin-room units and truck computers, checks them, and keeps the ledger.",
        epilog="Exit codes: 0 done, 2 wrong command line or settings, 130 stopped; "
        + ", ".join(f"{problem.exit_code} {name}" for name, problem in PROBLEMS.items() if problem.exit_code > 2),
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str, run: Callable[[argparse.Namespace, Screen], int]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        sub.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")
        sub.add_argument("--settings", type=Path, default=Path("flash.toml"), help="settings file (flash.toml)")
        sub.add_argument(
            "--ports-folder", type=Path, default=VIRTUAL_PORTS, help="where virtual boards have their ports"
        )
        return sub

    listing = command("list", "shows each port with its board, release and identity", _list)
    listing.add_argument("--quick", action="store_true", help="do not stop the boards to ask them, show the ports only")

    binroom = command("binroom", "writes a bin-room unit and waits until it reports", _binroom)
    _one_unit(binroom)
    binroom.add_argument("--area", help="the area, if not that of the settings file")
    binroom.add_argument("--with", dest="units", action="append", default=[], metavar="ID=PORT", help="one more unit")
    binroom.add_argument("--unit-file", type=Path, help="JSON with the unit's own wiring, instead of [unit]")
    binroom.add_argument("--image", type=Path, help="interpreter image to write first, a local file")
    binroom.add_argument("--image-sha256", help="its published sha256, if not in FILE.sha256")
    binroom.add_argument("--boot-held", action="store_true", help="the board is in its boot loader already (BOOT held)")
    binroom.add_argument("--media", type=Path, default=Path("/media"), help="where USB drives are mounted (RP2040)")
    binroom.add_argument("--chip", help="refuse any other board (esp32, rp2, ...)")
    binroom.add_argument("--calibration", help="a JSON file, or `ledger` for the last one of this id")
    binroom.add_argument("--replace", action="store_true", help="this board takes the place of the one that had the id")
    binroom.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    binroom.add_argument("--hello-seconds", type=float, default=60.0, help="how long to wait for its hello (60)")
    binroom.add_argument(
        "--wifi-seconds", type=int, default=WIFI_S, help="how long a silent unit's Wi-Fi is tried (20)"
    )
    binroom.add_argument("--no-hello", action="store_true", help="do not wait for its hello")
    binroom.add_argument("--ignore-runs", action="store_true", help="do not ask the bridge for open runs")
    binroom.add_argument("--wait", type=float, default=0.0, help="seconds to wait for a board to be plugged in")

    truck = command("truck", "prepares a truck's computer: a card's boot folder, or over ssh", _truck)
    truck.add_argument("--id", required=True, help="the truck's id")
    truck.add_argument("--area", help="the area, if not that of the settings file")
    target = truck.add_mutually_exclusive_group(required=True)
    target.add_argument("--card", type=Path, help="the folder where the card's boot partition is mounted")
    target.add_argument("--ssh", metavar="USER@HOST", help="a computer that runs already")
    truck.add_argument("--ssh-command", default="ssh -o BatchMode=yes -o ConnectTimeout=10", help="how to call ssh")
    truck.add_argument(
        "--first-boot", choices=("cloud-init", "firstrun"), default="cloud-init", help="what the image has"
    )
    truck.add_argument("--dry-run", action="store_true", help="show what would be written, write nothing")
    truck.add_argument("--hello-seconds", type=float, default=300.0, help="how long to wait for its hello (ssh: 300)")
    truck.add_argument("--no-hello", action="store_true", help="do not wait for its hello")
    truck.add_argument("--ignore-runs", action="store_true", help="do not ask the bridge for open runs")

    checking = command("verify", "compares what is on a unit with what should be there, byte for byte", _verify)
    _one_unit(checking)
    checking.add_argument("--unit-file", type=Path, help="JSON with the unit's own wiring, instead of [unit]")

    testing = command("selftest", "tests pins, sensors, lamps, clock, flash, Wi-Fi and broker on the device", _selftest)
    _one_unit(testing)
    testing.add_argument("--hold-ms", type=int, default=300, help="how long each lamp is held, in ms (300)")

    back = command("rollback", "puts the former release back, checked whole", _rollback)
    _one_unit(back)
    back.add_argument("--ignore-runs", action="store_true", help="do not ask the bridge for open runs")
    back.add_argument("--hello-seconds", type=float, default=60.0, help="how long to wait for its hello (60)")
    back.add_argument("--no-hello", action="store_true", help="do not wait for its hello")

    reading = command("ledger", "shows who wrote which unit when", _ledger)
    reading.add_argument("--id", help="this id only")
    return parser


def _one_unit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", help="the room's id")
    parser.add_argument("--port", help="a port, or serial:NUMBER; the only one if there is one")


def _ports(options: argparse.Namespace) -> list[Port]:
    return [*usb_ports(), *virtual_ports(options.ports_folder)]


def _settings(options: argparse.Namespace) -> FlashSettings:
    settings = load_settings(options.settings)
    area = getattr(options, "area", None)
    if area is None:
        return settings
    if not wire.is_id(area):
        raise FlashError("usage", what=f"--area {area} is not an id")
    return replace(settings, area=area)


# --- list ------------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace, screen: Screen) -> int:
    ports = _ports(options)
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


# --- binroom ---------------------------------------------------------------------------------------------


def _binroom(options: argparse.Namespace, screen: Screen) -> int:
    settings = _settings(options)
    image = check_image(options.image, options.image_sha256) if options.image else None
    fresh = _copy_to_drive(options, image, screen) if image is not None and image.is_uf2 else None
    orders = [_order(options, settings, device, port, image) for device, port in _targets(options, fresh)]
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
    before = _ports(options)
    screen.note(f"copying {image.file.name} to {drive}")
    write_uf2(image, drive)
    return wait_for_new(before, lambda: _ports(options), RESTART_S)


def _targets(options: argparse.Namespace, fresh: Port | None) -> list[tuple[str, Port]]:
    wanted: list[tuple[str, str | None]] = [(options.id, options.port)] if options.id else []
    for text in options.units:
        device, separator, port = text.partition("=")
        if not separator or not port:
            raise FlashError("usage", what=f"--with takes ID=PORT, got {text}")
        wanted.append((device, port))
    if not wanted:
        raise FlashError("usage", what="name a unit with --id, or several with --with ID=PORT")
    for device, _ in wanted:
        if not wire.is_id(device):
            raise FlashError("usage", what=f"{device} is not an id (1-64 of a-z A-Z 0-9 . _ -, no dot first)")
    known = _ports(options)
    if fresh is not None:
        if len(wanted) != 1:
            raise FlashError("usage", what="with a UF2 image one unit at a time")
        return [(wanted[0][0], fresh)]
    if options.wait > 0 and len(wanted) == 1 and wanted[0][1] is None:
        targets = [(wanted[0][0], wait_for_new(known, lambda: _ports(options), options.wait))]
    else:
        targets = [(device, choose(port, known)) for device, port in wanted]
    for what, values in (("unit", [d for d, _ in targets]), ("port", [p.path for _, p in targets])):
        if len(set(values)) != len(values):
            raise FlashError("usage", what=f"a {what} is named twice")
    return targets


def _order(options: argparse.Namespace, settings: FlashSettings, device: str, port: Port, image: Any) -> Order:
    return Order(
        device=device,
        port=port,
        unit=_unit_table(options, settings),
        chip=options.chip,
        image=image,
        boot_held=options.boot_held,
        replace=options.replace,
        calibration=_calibration(options.calibration, settings, device),
        dry_run=options.dry_run,
        ask_api=not options.ignore_runs,
        wifi_s=options.wifi_seconds,
    )


def _unit_table(options: argparse.Namespace, settings: FlashSettings) -> dict[str, Any]:
    table = dict(settings.unit) if options.unit_file is None else _json_file(options.unit_file)
    for key in ("device", "area"):
        table.pop(key, None)
    return table


def _calibration(wanted: str | None, settings: FlashSettings, device: str) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if wanted != "ledger":
        return _json_file(Path(wanted))
    last = ledger.last_of([line for line in ledger.read(settings.ledger)[0] if line.get("calibration")], device)
    if last is None:
        raise FlashError("usage", what=f"the ledger holds no calibration of {device}")
    return dict(last["calibration"])


def _json_file(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_UNIT_FILE:
            raise FlashError("usage", what=f"{path} is too large")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FlashError("usage", what=f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise FlashError("usage", what=f"{path} does not hold a JSON object")
    return value


# --- truck -----------------------------------------------------------------------------------------------


def _truck(options: argparse.Namespace, screen: Screen) -> int:
    settings = _settings(options)
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


# --- one board, looked at or switched ----------------------------------------------------------------------


def _verify(options: argparse.Namespace, screen: Screen) -> int:
    settings = _settings(options) if options.id else None
    port = choose(options.port, _ports(options))
    with open_board(port.path) as board:
        contents = read_contents(board)
        config = None
        if settings is not None:
            wanted = unit_files(settings, options.id, _unit_table(options, settings))
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


def _selftest(options: argparse.Namespace, screen: Screen) -> int:
    settings = load_settings(options.settings) if options.settings.exists() else None
    port = choose(options.port, _ports(options))
    bar = screen.unit(options.id or port.path)
    with open_board(port.path) as board:
        identity: Identity = identify(board)
        check_fit(identity, port.path, None)
        contents = read_contents(board)
        if contents.current is None or (options.id and contents.device != options.id):
            raise FlashError("not_verified", what=f"the board is {contents.device or 'no unit yet'}, not {options.id}")
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


def _rollback(options: argparse.Namespace, screen: Screen) -> int:
    settings = load_settings(options.settings)
    port = choose(options.port, _ports(options))
    bar = screen.unit(options.id or port.path)
    with contextlib.ExitStack() as stack:
        listener = None
        if not options.no_hello and settings.broker is not None:
            listener = stack.enter_context(Listener(settings.broker, settings.area))
        with open_board(port.path) as board:
            identity = identify(board)
            contents = read_contents(board)
            device = contents.device
            if device is None or (options.id and device != options.id):
                raise FlashError("not_verified", what=f"the board is {device or 'no unit yet'}, not {options.id}")
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


def _shown(contents: Contents) -> dict[str, Any]:
    return {"id": contents.device, "area": contents.area, "release": contents.current, "former": contents.former}


# --- ledger ----------------------------------------------------------------------------------------------


def _ledger(options: argparse.Namespace, screen: Screen) -> int:
    settings = _settings(options)
    lines, bad = ledger.read(settings.ledger)
    chosen = [line for line in lines if options.id in (None, line.get("id"))]
    columns = ("at", "who", "action", "id", "board", "release", "hello_boot")
    rows = [tuple("" if line.get(name) is None else str(line[name]) for name in columns) for line in chosen]
    screen.table(str(settings.ledger), columns, rows)
    if bad:
        screen.note(f"{bad} lines could not be read; they were left as they are")
    screen.document({"ok": True, "lines": chosen, "unreadable": bad})
    return 0
