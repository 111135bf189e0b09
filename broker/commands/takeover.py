"""`python3 -m broker takeover`: a standby takes a dead cell's record from the city. `... missing`: what is nowhere."""

import argparse
import json
import sys
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from broker.config import BrokerConfig, ConfigError, read_config
from broker.plan.model import Plan
from broker.store import StoreError

MOST_LINES = 100


def add_commands(subparsers: Any) -> None:
    """Register `takeover` and `missing` with the server's command line."""
    takeover = subparsers.add_parser(
        "takeover", help="on a standby, before its bridge starts: take what the city has of this cell's records"
    )
    takeover.add_argument("--all", action="store_true",
                          help="everything, not only what the day needs; beside the running bridge")  # fmt: skip
    takeover.set_defaults(run=run_takeover)
    missing = subparsers.add_parser(
        "missing", help="on a standby: which records the dead machine acknowledged and had not pushed, by name and time"
    )
    missing.add_argument("--json", action="store_true", help="for machines")
    missing.set_defaults(run=run_missing)


def run_takeover(arguments: argparse.Namespace) -> int:
    """Fetch; 0 when the bridge can be started."""
    from broker.city.takeover import fetch

    try:
        config, plan = _of(arguments)
        taken = fetch(config, plan, time.time, whole=arguments.all)
    except (ConfigError, StoreError, OSError) as why:
        print(f"python3 -m broker takeover: {why}", file=sys.stderr)
        return 1
    print(f"{taken.stored} records of {plan.area_id} taken from the city, {taken.duplicates} were here already; "
          "start the bridge, and when everybody has spoken: python3 -m broker missing")  # fmt: skip
    if taken.others:
        print(f"warning: {len(taken.others)} of them are here with another content, which was left as it is, such as "
              f"{taken.others[0]}", file=sys.stderr)  # fmt: skip
    return 0


def run_missing(arguments: argparse.Namespace) -> int:
    """Say what is nowhere; 0 when nothing is, 3 when something is missing or not known yet."""
    from broker.city.takeover import as_json, missing

    try:
        config, plan = _of(arguments)
        found = missing(config, plan, time.time)
    except (ConfigError, StoreError, OSError) as why:
        print(f"python3 -m broker missing: {why}", file=sys.stderr)
        return 1
    names = plan.names()
    if arguments.json:
        print(json.dumps(as_json(found, names), ensure_ascii=False, indent=1))
        return 0 if found.nothing else 3
    zone = ZoneInfo(plan.timezone)
    total = sum(gap.last - gap.first + 1 for gap in found.gaps)
    if found.gaps:
        print(f"{total} records were acknowledged by the machine that is gone and are not with the city:")
    for gap in found.gaps[:MOST_LINES]:
        name = names.get(gap.device, gap.device)
        called = gap.device if name == gap.device else f"{gap.device} ({name})"
        between = f"between {_clock(gap.after_at, zone)} and {_clock(gap.before_at, zone)}"
        print(f"  {gap.family} {called}, start {gap.boot}: {gap.first} to {gap.last}, {between}")
    if found.gaps:
        print("the old disk has them: python3 -m broker push --data ITS-FOLDER, then python3 -m broker takeover")
    for one in found.open[:MOST_LINES]:
        name = names.get(one.device, one.device)
        called = one.device if name == one.device else f"{one.device} ({name})"
        print(f"  {one.family} {called}, start {one.boot}: nothing is known above {one.above}")
    if found.open:
        print("such a start ended before the takeover; what else it was acknowledged only the old disk knows")
    if found.unheard:
        print("not heard since, so nothing is known of theirs: " + " ".join(device for _, device in found.unheard))
        print("ask each: python3 -m broker command DEVICE rebirth")
    if found.nothing:
        print("nothing of devices: every record that one was told is stored is here")
        print("what people did and was not pushed has no number: of that only the old disk knows")
    return 0 if found.nothing else 3


def _of(arguments: argparse.Namespace) -> tuple[BrokerConfig, Plan]:
    from broker.settings import configured_plan

    config = read_config(arguments.config)
    return config, configured_plan(config)


def _clock(at: int | None, zone: ZoneInfo) -> str:
    return "its start" if at is None else f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M:%S}"
