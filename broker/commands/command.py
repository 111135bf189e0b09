"""`python3 -m broker command DEVICE ...`: tell a device to do something, by way of the bridge that runs.

The bridge sends it: it alone has the account that may, it keeps who asked for it, and a second program with the same
account would throw it out of the broker.
"""

import argparse
import json
import sys
import time
from typing import Any

from broker.commands.running_bridge import ANSWER_S, RunningBridge, bridge_of
from broker.config import ConfigError
from broker.rules.dispatch.actions import COMMANDS
from firmware import wire

LOOK_S = 0.5
ANSWER_AFTER_S = 2.0  # after it was heard of, for what is no answer: a position may come first
EFFECTS = {
    "identify": f"its light blinks for {wire.IDENTIFY_S} s",
    "rebirth": "it reports everything anew",
    "calibrate": "after the second known mass it weighs by the new scale",
    "reset": "it starts again, with a higher boot number",
}


def add_commands(subparsers: Any) -> None:
    """Register `command` with the server's command line."""
    parser = subparsers.add_parser(
        "command",
        help="tell a truck's computer or a room's unit to do something",
        description="Tell a device to do something, by way of the running bridge ([web] in the configuration). "
        + " ".join(f"A {family} knows {', '.join(known)}." for family, known in COMMANDS.items()),
    )
    parser.add_argument("device", help="its id, as r01; room/r01 or truck/t01 where a truck has the same")
    parser.add_argument("order", choices=COMMANDS["room"], metavar="COMMAND", help=" ".join(COMMANDS["room"]))
    parser.add_argument("--waste", choices=wire.WASTES, help="calibrate: the waste kind of the cell")
    parser.add_argument("--grams", type=int, help="calibrate: the known mass that lies on the cell now")
    parser.add_argument("--who", default=None, help="who asks for it, for the record (default: the user's name)")
    parser.set_defaults(run=run_command)


def run_command(arguments: argparse.Namespace) -> int:
    """Send it and wait a moment for the device's next word; 0 sent, 1 refused or no bridge, 2 wrongly asked."""
    if (arguments.order == "calibrate") != (arguments.grams is not None and arguments.waste is not None):
        print("command: calibrate, and only that, needs --waste and --grams", file=sys.stderr)
        return 2
    try:
        bridge = bridge_of(arguments.config, arguments.who)
    except ConfigError as why:
        print(f"command: {why}", file=sys.stderr)
        return 2
    body = {"command": arguments.order}
    if arguments.order == "calibrate":
        body |= {"waste": arguments.waste, "grams": arguments.grams}
    try:
        family, device = _named(bridge, arguments.device)
        before = _row(bridge, family, device).get("answer")
        sent = bridge.asked(f"/{family}s/{device}/command", body)
        before_at = int(sent.get("heard_at", sent["at"]) or 0)
    except (ValueError, OSError) as why:
        print(f"command: {why}", file=sys.stderr)
        return 1
    print(f"{device}: {arguments.order} sent; {EFFECTS[arguments.order]}")
    try:
        done, said = _next_word(bridge, family, device, before_at, before)
    except (ValueError, OSError) as why:  # the bridge stops just now, or cannot read its record
        done, said = True, f"it was sent; the device's answer could not be read: {why}"
    print(said if done else f"command: {device} did not do it: {said}", file=sys.stdout if done else sys.stderr)
    return 0 if done else 1


def _named(bridge: RunningBridge, name: str) -> tuple[str, str]:
    """The family and id of a device that the bridge knows; raises ValueError where none or two have the name."""
    family, slash, device = name.partition("/")
    if not wire.is_id(device if slash else family):
        raise ValueError(f"{name!r} is no device's id")
    if slash:
        if family not in COMMANDS:
            raise ValueError(f"write {name!r} as room/{device} or truck/{device}")
        return family, device
    found = [family for family in COMMANDS if _row(bridge, family, name)]
    if len(found) != 1:
        raise ValueError(f"{name!r} is a truck and a room: write truck/{name} or room/{name}" if found else
                         f"the bridge knows no device {name!r}; the screen lists all of them")  # fmt: skip
    return found[0], name


def _next_word(
    bridge: RunningBridge, family: str, device: str, before_at: int, before: dict[str, Any] | None
) -> tuple[bool, str]:
    """Whether the device did it as far as it says, and what it said after it was told; waits for it for a moment.

    Until then its last word was at `before_at`, and its last answer `before`. An older one answers no command: then
    it is whatever it says next.
    """
    deadline, heard = time.monotonic() + ANSWER_S, ""
    while time.monotonic() < deadline:
        time.sleep(LOOK_S)
        row = _row(bridge, family, device)
        answer = row.get("answer")
        if answer and answer != before and not answer["done"]:
            return False, str(answer["said"])
        if answer and answer != before:
            return True, f"it answers: {answer['said']}"
        if not heard and row.get("heard_at") is not None and row["heard_at"] > before_at:
            deadline = min(deadline, time.monotonic() + ANSWER_AFTER_S)
            shown = {key: row[key] for key in ("life", "boot", "fw", "bins", "lamps", "fix_at") if key in row}
            heard = f"it says: {json.dumps(shown, ensure_ascii=False)}"
    if heard:
        return True, heard
    return True, f"nothing new was heard of it within {ANSWER_S:.0f} s: the bridge knows nothing of what became of it"


def _row(bridge: RunningBridge, family: str, device: str) -> dict[str, Any]:
    """What the bridge shows of a device; empty where it knows none of this id."""
    rows: list[dict[str, Any]] = bridge.asked(f"/{family}s")["rows"]
    return next((row for row in rows if row.get(family) == device), {})
