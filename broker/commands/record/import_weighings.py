"""`python3 -m broker import-weighings FILE`: what a weighbridge wrote down, looked through first, then taken in."""

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from broker.commands.record.access import opened, options, place, told
from broker.commands.who import system_user
from broker.config import read_config
from broker.registers.errors import Invalid
from broker.reports.figures import facts_of
from broker.reports.weighbridge.cells import UNIT_GRAMS, WORDS
from broker.reports.weighbridge.loads import Finding, Load, Registered, against, loads_of
from broker.reports.weighbridge.said import said
from broker.reports.weighbridge.sheet import read
from broker.rules.statistics.facts import Fact
from broker.rules.statistics.findings import unmatched
from broker.settings import configured_plan
from broker.store import Record, Store, StoreError
from broker.words import LANGUAGES
from firmware.wire import WASTES

MOST_SHOWN = 100


def add_commands(subparsers: Any) -> None:
    """Register `import-weighings` with the server's command line."""
    command = subparsers.add_parser(
        "import-weighings", parents=[options()], help="take a weighbridge's file in: CSV or XLSX",
        description="Looks through a weighbridge's file and says what of it would be stored; --apply stores it. The "
        "same file twice changes nothing. A file with findings is refused as a whole, all of them said at once.",
    )  # fmt: skip
    command.add_argument("file", type=Path, help="CSV (UTF-8, UTF-16, GB 18030; comma, semicolon, tab) or XLSX")
    command.add_argument("--apply", action="store_true", help="store it; without this nothing is stored")
    command.add_argument("--without-refused", action="store_true", help="leave lines with findings out")
    names = ", ".join(WORDS["columns"])
    command.add_argument("--column", action="append", default=[], metavar="NAME=HEAD", help=f"NAME is one of {names}")
    command.add_argument("--truck", action="append", default=[], metavar="PLATE=TRUCK", help="whose plate it is")
    command.add_argument("--unit", choices=tuple(UNIT_GRAMS), default="kg", help="where no head names one: default kg")
    command.add_argument("--waste", choices=WASTES, help="of lines that name no kind")
    command.add_argument("--who", default=system_user(), help="who says so (default: the user's name)")
    spoken = "zh" if os.environ.get("LANG", "").startswith("zh") else "en"
    command.add_argument("--lang", choices=LANGUAGES, default=spoken, help="language of what is said")
    command.set_defaults(run=run_import)


def run_import(arguments: argparse.Namespace) -> int:
    """Look through it, and store it where that is asked for; 0 when nothing was wrong or what was is left out."""

    def spoken(given: argparse.Namespace) -> int:
        try:
            return _import(given)
        except Invalid as why:
            raise ValueError(why.told(given.lang)) from why
        except StoreError:
            raise
        except ValueError as why:
            raise ValueError(said(str(why), given.lang)) from why

    return told(spoken, arguments)


def _pairs(given: list[str], option: str) -> dict[str, str]:
    pairs = dict(one.rpartition("=")[::2] if option == "--truck" else one.partition("=")[::2] for one in given)
    if any(not name or not value for name, value in pairs.items()):
        raise ValueError(f"{option} is {'PLATE=TRUCK' if option == '--truck' else 'NAME=HEAD'}")
    return pairs


def _import(arguments: argparse.Namespace) -> int:
    columns = _pairs(arguments.column, "--column")
    unknown = [name for name in columns if name not in WORDS["columns"]]
    if unknown:
        raise ValueError(f"--column {unknown[0]}: there are {' '.join(WORDS['columns'])}")

    def say(text: str) -> None:
        print(said(text, arguments.lang))

    bridge = read(arguments.file.read_bytes(), columns)
    _, area, timezone = place(arguments)
    zone = ZoneInfo(timezone)
    plan = configured_plan(read_config(arguments.config))
    if plan.area_id != area:
        raise ValueError(f"the plan in {arguments.config} is of area {plan.area_id}, the record of {area}")
    registered = Registered.of(plan, _pairs(arguments.truck, "--truck"))
    loads, findings, passed = loads_of(
        bridge, registered, zone, time.time(), unit=arguments.unit, waste=arguments.waste
    )
    heads = ", ".join(f"{head} = {name}" for name, head in bridge.heads.items())
    print(f"{arguments.file}: {bridge.encoding}; {heads}")
    with opened(arguments) as store:
        facts = _facts_around(store, loads, timezone)
        new, more, there = against(loads, facts)
        records = [_record(load, arguments.who, area) for load in new]
        for line in _summed(new, [*facts, *records], zone, timezone):
            say(line)
        for one in _in_order(passed) + _in_order(there):
            say(f"line {one.line}: {one.text}")
        findings = _in_order([*findings, *more])
        for one in findings[:MOST_SHOWN]:
            say(f"line {one.line}: {one.text}")
        if len(findings) > MOST_SHOWN:
            say(f"and {len(findings) - MOST_SHOWN} more findings")
        if findings and not arguments.without_refused:
            raise ValueError(f"{len(findings)} findings, nothing was stored; --without-refused takes the other lines")
        if not arguments.apply:
            say(f"{len(new)} weigh-ins would be stored, {len(there)} are there; nothing was stored, --apply does it")
            return 0
        receipt = store.append(records) if records else None
    say(f"{receipt.stored if receipt else 0} weigh-ins stored, {len(there)} were there already")
    return 0


def _in_order(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: one.line)


def _facts_around(store: Store, loads: list[Load], timezone: str) -> list[Record]:
    """What is on record of the days of these loads."""
    if not loads:
        return []
    zone = ZoneInfo(timezone)
    first, last = (datetime.fromtimestamp(at, zone).date() for at in (
        min(load.at for load in loads), max(load.at for load in loads)
    ))  # fmt: skip
    return facts_of(store, (first - timedelta(days=1)).isoformat(), last.isoformat(), timezone)


def _record(load: Load, who: str, area: str) -> Record:
    return Record(f"weighing:{load.key}", "weighing", load.key, load.at, int(time.time()), area, load.body(who))


def _summed(new: list[Load], facts: list[Any], zone: ZoneInfo, timezone: str) -> Iterator[str]:
    """The new ones by day and kind, and those that nothing collected fits."""
    sums: Counter[tuple[str, str]] = Counter()
    counts: Counter[tuple[str, str]] = Counter()
    for load in new:
        key = datetime.fromtimestamp(load.at, zone).date().isoformat(), load.waste
        sums[key] += load.grams
        counts[key] += 1
    for (day, waste), grams in sorted(sums.items()):
        yield f"{day} {waste}: {counts[day, waste]} weigh-ins, {grams / 1000:.1f} kg"
    lines = {f"weighing:{load.key}": load for load in new}
    alone: list[Fact] = unmatched(facts, timezone)
    for load in sorted((lines[fact.id] for fact in alone if fact.id in lines), key=lambda one: one.line):
        yield f"line {load.line}: nothing that {load.truck} collected of {load.waste} fits it; it is counted unmatched"
