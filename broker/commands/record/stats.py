"""`python3 -m broker stats`: figures per day, week or month, or a day's report."""

import argparse
import sys
from datetime import date, timedelta
from typing import Any

from broker.commands.record.access import options, place, plan_names, read, told
from broker.reports import figures, tables
from broker.rules.statistics.cube import DIMENSIONS
from broker.rules.statistics.periods import PERIODS
from broker.store import Store
from broker.words import LANGUAGES


def add_commands(subparsers: Any) -> None:
    """Register `stats` with the server's command line."""
    command = subparsers.add_parser(
        "stats", parents=[options()], help="figures per day, week or month, or a day's report"
    )
    command.add_argument("--from", dest="from_day", required=True, help="first day, YYYY-MM-DD")
    command.add_argument("--to", dest="to_day", help="last day (default: the first)")
    command.add_argument("--period", choices=PERIODS, default="day")
    command.add_argument("--by", default="", help=f"comma separated, of {' '.join(DIMENSIONS)}; calls: day kind too")
    command.add_argument("--table", choices=tables.TABLES, default="figures", help="default: figures")
    command.add_argument(
        "--format", choices=("csv", "json", "html"), default="csv", help="html: report of the last day"
    )
    command.add_argument("--language", choices=LANGUAGES, default="zh", help="of the html report")
    command.set_defaults(run=run_stats)


def run_stats(arguments: argparse.Namespace) -> int:
    """Print the figures, or the last day's report, to standard output; 0 if no record had to be left out."""
    return told(_stats, arguments)


def _day(text: str) -> str:
    # Other ways to write a day (20261122, 2026-W47-7) are understood, and not compared as they are.
    try:
        day = date.fromisoformat(text)
    except ValueError as why:
        raise ValueError(f"{text!r} is no day; write it as 2026-11-22") from why
    if not 2000 <= day.year < 2100:
        raise ValueError(f"{text} is not a day from 2000 to 2099")
    return day.isoformat()


def _stats(arguments: argparse.Namespace) -> int:
    from_day, to_day = _day(arguments.from_day), _day(arguments.to_day or arguments.from_day)
    if to_day < from_day:
        raise ValueError(f"--to {to_day} is before --from {from_day}")
    if date.fromisoformat(to_day) - date.fromisoformat(from_day) > timedelta(days=tables.MAX_DAYS):
        raise ValueError(f"--to {to_day} is more than {tables.MAX_DAYS} days after --from {from_day}")
    tables.dimensions(arguments.by, arguments.table)  # asked for in vain is said, whoever answers
    with read(arguments) as store:
        # Before the end of the reading, which says if records had to be left out: the others are counted all the same.
        sys.stdout.write(_counted(store, arguments, from_day, to_day))
    return 0


def _counted(store: Store, arguments: argparse.Namespace, from_day: str, to_day: str) -> str:
    _, area, timezone = place(arguments)
    if arguments.format == "html":
        from broker.web.pages.day_report import stored_report

        names = plan_names(arguments.config, area)
        return stored_report(store, area, to_day, arguments.language, timezone, names)
    by = tables.dimensions(arguments.by, arguments.table)
    return figures.answer(store, arguments.table, arguments.format, timezone, from_day, to_day, arguments.period, by)
