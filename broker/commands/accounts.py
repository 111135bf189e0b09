"""`python3 -m broker accounts`: which accounts flood control has closed at the bridge's own broker, and opening one."""

import argparse
import sys
import time
from typing import Any
from urllib.parse import quote

from broker.commands.running_bridge import RunningBridge, bridge_of
from broker.config import ConfigError


def add_commands(subparsers: Any) -> None:
    """Register `accounts` with the server's command line."""
    parser = subparsers.add_parser(
        "accounts",
        help="whose account flood control has closed, since when and why; `accounts open DEVICE` opens it at once",
        description="Whose account at the bridge's own broker flood control has closed, since when and why. The "
        "running bridge is asked ([web] in the configuration); accounts are closed in its memory only.",
    )
    parser.set_defaults(run=run_list)
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND")
    opening = deeds.add_parser("open", help="let a device in again at once")
    opening.add_argument("device", help="its id, as t01")
    opening.add_argument("--who", default=None, help="who asks for it, for the log (default: the user's name)")
    opening.set_defaults(run=run_open)


def run_list(arguments: argparse.Namespace) -> int:
    """A line for each closed account; 0 shown, 1 no bridge or a broker that is not its own, 2 wrongly configured."""

    def show(bridge: RunningBridge) -> None:
        rows: list[dict[str, Any]] = bridge.asked("/accounts/closed")["rows"]
        for row in rows:
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - row["closed_s"]))
            print(f"{row['family']}/{row['device']}: closed since {since}, over [limits] {row['limit']} "
                  f"({row['count']} messages refused); opens by itself in {row['opens_in_s']} s")  # fmt: skip
        if not rows:
            print("no account is closed")

    return _answer(arguments, show)


def run_open(arguments: argparse.Namespace) -> int:
    """Open it; 0 open, 1 it is not closed, no bridge, or a broker that is not its own, 2 wrongly configured."""

    def open_it(bridge: RunningBridge) -> None:
        device = arguments.device.removeprefix("truck/").removeprefix("room/")
        bridge.asked(f"/accounts/{quote(device, safe='')}/open", {})
        print(f"{device}: let in again within a second; if it floods on, it is thrown out again")

    return _answer(arguments, open_it)


def _answer(arguments: argparse.Namespace, ask: Any) -> int:
    try:
        ask(bridge_of(arguments.config, getattr(arguments, "who", None)))
    except ConfigError as why:
        print(f"accounts: {why}", file=sys.stderr)
        return 2
    except (ValueError, OSError) as why:
        print(f"accounts: {why}", file=sys.stderr)
        return 1
    return 0
