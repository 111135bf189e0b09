"""`python3 -m broker people roster`: who is on duty when."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from broker.commands.who import system_user
from broker.config import BrokerConfig, CityConfig
from broker.people.errors import Impossible
from broker.people.people import People
from broker.people.rosters import DUTIES, Place, Rosters, shift_of
from broker.plan.model import Plan
from broker.settings import configured_plan

Config = BrokerConfig | CityConfig
Run = Callable[[argparse.Namespace, People, Config], None]


def add_commands(deeds: Any, one: Callable[[Any, str, Run, str], Any]) -> None:
    """Register the deeds; `one` makes the parser of each."""
    listed = one(deeds, "list", _list, "shifts that are not over, by their beginning")
    listed.add_argument("--json", action="store_true")
    added = one(deeds, "add", _add, "write a shift down")
    added.add_argument("account")
    added.add_argument("duty", choices=DUTIES, metavar="DUTY", help=" ".join(DUTIES))
    added.add_argument("--from", dest="start", required=True, metavar="TIME", help="the area's time, 2026-11-30T06:00")
    added.add_argument("--to", dest="end", required=True, metavar="TIME")
    added.add_argument("--room", action="append", default=[], metavar="ID", help="of a keeper; may be given often")
    added.add_argument("--truck", action="append", default=[], metavar="ID", help="of a crew; may be given often")
    removed = one(deeds, "remove", _remove, "take a shift out")
    removed.add_argument("shift", help="its number, as s3")
    for parser in (added, removed):
        parser.add_argument("--who", default=system_user(), help="who does it (default: the user's name)")
    now = one(deeds, "on-duty", _on_duty, "who is to be told now, or at a time")
    now.add_argument("duty", choices=DUTIES, metavar="DUTY", help=" ".join(DUTIES))
    now.add_argument("--room", metavar="ID")
    now.add_argument("--truck", metavar="ID")
    now.add_argument("--at", metavar="TIME", help="the area's time (default: now)")


def _of(people: People, config: Config) -> tuple[Rosters, Plan]:
    plan = configured_plan(config)
    return Rosters(people, plan.rooms, plan.trucks()), plan


def _time(text: str, plan: Plan) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as why:
        raise Impossible(f"{text[:40]!r} is no time: write it as 2026-11-30T06:00") from why
    return found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(plan.timezone))


def _list(arguments: argparse.Namespace, people: People, config: Config) -> None:
    rosters, _ = _of(people, config)
    rows = {one: held for one, held in rosters.shifts().items() if held.end.timestamp() > time.time()}
    if arguments.json:
        shown = {one: held.model_dump(mode="json") for one, held in rows.items()}
        print(json.dumps(shown, ensure_ascii=False, indent=2, sort_keys=True))
        return
    if not rows:
        print("no shift is under way or to come: everybody of a role is told", file=sys.stderr)
    for number, held in sorted(rows.items(), key=lambda row: row[1].start):
        where = " ".join((*held.rooms, *held.trucks))
        start, end = (moment.isoformat(timespec="minutes") for moment in (held.start, held.end))
        print("\t".join([number, start, end, held.duty, held.account, where]).rstrip())


def _add(arguments: argparse.Namespace, people: People, config: Config) -> None:
    rosters, plan = _of(people, config)
    shift = shift_of(
        account=arguments.account, duty=arguments.duty, start=_time(arguments.start, plan),
        end=_time(arguments.end, plan), rooms=arguments.room, trucks=arguments.truck, by=arguments.who,
    )  # fmt: skip
    print(rosters.add(shift))


def _remove(arguments: argparse.Namespace, people: People, config: Config) -> None:
    _of(people, config)[0].remove(arguments.shift, arguments.who)


def _on_duty(arguments: argparse.Namespace, people: People, config: Config) -> None:
    rosters, plan = _of(people, config)
    if arguments.room is not None and arguments.room not in plan.rooms:
        raise Impossible(f"the plan knows no room {arguments.room!r}")
    estate = plan.rooms[arguments.room].estate_id if arguments.room else None
    at = _time(arguments.at, plan).timestamp() if arguments.at else time.time()
    for account in rosters.on_duty(arguments.duty, Place(arguments.room, estate, arguments.truck), at):
        print(account)
