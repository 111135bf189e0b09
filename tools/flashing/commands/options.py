"""The options of every command: one line of help each; nothing is done here."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.flashing.board.selftest import WIFI_S
from tools.flashing.commands.screen import Screen
from tools.flashing.errors import PROBLEMS
from tools.flashing.identity.identities import DUE_DAYS

VIRTUAL_PORTS = Path(__file__).resolve().parents[3] / "sim" / "ports"
Run = Callable[[argparse.Namespace, Screen], int]


def make_parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser; `runs` holds what each command does."""
    parser = argparse.ArgumentParser(
        prog="python3 tools/flash.py",
        description="Writes bin-room units and truck computers, checks them, and keeps the ledger.",
        epilog="Exit codes: 0 done, 2 wrong command line or settings, 130 stopped; "
        + ", ".join(f"{problem.exit_code} {name}" for name, problem in PROBLEMS.items() if problem.exit_code > 2),
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=runs[name])
        sub.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")
        sub.add_argument("--settings", type=Path, default=Path("flash.toml"), help="settings file (flash.toml)")
        sub.add_argument(
            "--ports-folder", type=Path, default=VIRTUAL_PORTS, help="where virtual boards have their ports"
        )
        return sub

    listing = command("list", "shows each port with its board, release and identity")
    listing.add_argument("--quick", action="store_true", help="do not stop the boards to ask them, show the ports only")

    binroom = command("binroom", "writes a bin-room unit and waits until it reports")
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
    binroom.add_argument("--password", action="store_true", help="it shows no certificate but has a password")
    binroom.add_argument("--replace", action="store_true", help="this board takes the place of the one that had the id")
    binroom.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    binroom.add_argument("--hello-seconds", type=float, default=60.0, help="how long to wait for its hello (60)")
    binroom.add_argument(
        "--wifi-seconds", type=int, default=WIFI_S, help="how long a silent unit's Wi-Fi is tried (20)"
    )
    binroom.add_argument("--no-hello", action="store_true", help="do not wait for its hello")
    binroom.add_argument("--ignore-runs", action="store_true", help="do not ask the bridge for open runs")
    binroom.add_argument("--wait", type=float, default=0.0, help="seconds to wait for a board to be plugged in")

    truck = command("truck", "prepares a truck's computer: a card's boot folder, or over ssh")
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

    checking = command("verify", "compares what is on a unit with what should be there, byte for byte")
    _one_unit(checking)
    checking.add_argument("--unit-file", type=Path, help="JSON with the unit's own wiring, instead of [unit]")

    testing = command("selftest", "tests pins, sensors, lamps, clock, flash, Wi-Fi and broker on the device")
    _one_unit(testing)
    testing.add_argument("--dry-run", action="store_true", help="show what would be tested, drive and write nothing")
    testing.add_argument("--hold-ms", type=int, default=300, help="how long each lamp is held, in ms (300)")

    back = command("rollback", "puts the former release back, checked whole")
    _one_unit(back)
    back.add_argument("--dry-run", action="store_true", help="show what it would go back to, write nothing")
    back.add_argument("--ignore-runs", action="store_true", help="do not ask the bridge for open runs")
    back.add_argument("--hello-seconds", type=float, default=60.0, help="how long to wait for its hello (60)")
    back.add_argument("--no-hello", action="store_true", help="do not wait for its hello")

    authority = command("ca", "makes the area's certificate authority and the broker's certificate, for TLS")
    authority.add_argument("--host", action="append", default=[], help="the broker's name or address for devices")
    authority.add_argument("--folder", type=Path, help="where its files are; left out: [keys] folder")
    authority.add_argument("--new", action="store_true", help="after a theft: another; every device is written again")
    authority.add_argument("--dry-run", action="store_true", help="show what would be made, write nothing")

    renewal = command("renew", "makes certificates anew before they end and brings them to the devices, once a day")
    renewal.add_argument("--days", type=int, default=DUE_DAYS, help=f"what ends within so many days ({DUE_DAYS})")
    renewal.add_argument("--wait", type=float, default=20.0, help="seconds to wait for the devices' answers (20)")
    renewal.add_argument("--dry-run", action="store_true", help="show what is due, sign and send nothing")

    stolen = command("revoke", "a stolen device is out: its certificates, its password, its connection")
    stolen.add_argument("--id", required=True, help="the device's id")
    stolen.add_argument("--unknown", action="store_true", help="also an id that stands nowhere here: a log was lost")
    also = "one of the bridge's that is not known here is worth nothing too"
    stolen.add_argument("--certificate", type=Path, action="append", default=[], metavar="FILE", help=also)
    stolen.add_argument("--dry-run", action="store_true", help="show what would be worth nothing, write nothing")

    found = command("readmit", "a device that was out may come in again, once it is written anew")
    found.add_argument("--id", required=True, help="the device's id")
    found.add_argument("--dry-run", action="store_true", help="show whether it is out, write nothing")
    found.add_argument("--password-changed", action="store_true", help="its new password counts too, not only the old")

    reading = command("ledger", "shows who wrote which unit when")
    reading.add_argument("--id", help="this id only")
    return parser


def _one_unit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", help="the room's id")
    parser.add_argument("--port", help="a port, or serial:NUMBER; the only one if there is one")
