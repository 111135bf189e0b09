"""`python3 -m broker amend RECORD FIELD=VALUE`: correct a record; the original stays readable."""

import argparse
import time
from typing import Any

import orjson

from broker.commands.record.access import opened, options, place, told
from broker.commands.who import system_user
from broker.reports import corrections


def add_commands(subparsers: Any) -> None:
    """Register `amend` with the server's command line."""
    command = subparsers.add_parser(
        "amend",
        parents=[options()],
        help="correct a record; the original stays readable",
        description="Correct a record for the figures. A corrected field stays as corrected, whatever the bridge "
        "writes of that visit, call or incident afterwards, until it is corrected again; the original stays readable.",
    )
    command.add_argument("record", help="its id, or KIND:KEY for the newest of a key, as in visit:A1.20261122/r07/1")
    command.add_argument(
        "change", nargs="+", metavar="FIELD=VALUE",
        help="new value as JSON, as in bins_after=0, "
        "null for not known; a time as Unix seconds or in the area's time, as in arrived_at=2026-11-22T06:00",
    )
    command.add_argument("--reason", required=True, help="why")
    command.add_argument("--who", default=system_user(), help="who says so (default: the user's name)")
    command.set_defaults(run=run_amend)


def run_amend(arguments: argparse.Namespace) -> int:
    """Keep the correction; 0 when it is stored."""

    def run(arguments: argparse.Namespace) -> int:
        for word in (arguments.record, *arguments.change, arguments.reason, arguments.who):
            if any("\ud800" <= letter <= "\udfff" for letter in word):
                raise ValueError(f"{word!r} is not UTF-8: set the terminal to it and type it again")
        return _amend(arguments)

    return told(run, arguments)


def _amend(arguments: argparse.Namespace) -> int:
    patch: dict[str, Any] = {}
    for change in arguments.change:
        field, equals, value = change.partition("=")
        if not equals or not field:
            raise ValueError(f"a change is FIELD=VALUE, got {change!r}")
        try:
            patch[field] = orjson.loads(value)
        except ValueError:
            patch[field] = value  # a plain word
    with opened(arguments) as store:
        record = corrections.named(store, arguments.record)
        _, _, timezone = place(arguments)
        after = corrections.correct(
            store, record, patch, arguments.reason, arguments.who, int(time.time()), timezone
        )
    for field in patch:
        was, now = (orjson.dumps(body[field]).decode() for body in (record.body, after.body))
        print(f"{record.id}: {field} {was} -> {now}")
    return 0
