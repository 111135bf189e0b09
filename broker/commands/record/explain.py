"""`python3 -m broker explain call ID`: what a call was made from, and what came true."""

import argparse
import sys
from typing import Any

from broker.commands.record.access import options, place, plan_names, read, told
from broker.reports import explained_call


def add_commands(subparsers: Any) -> None:
    """Register `explain` with the server's command line."""
    command = subparsers.add_parser(
        "explain", parents=[options()], help="why a call came true or did not",
        description="What was known when a room was called, the legs and stays that made the sum, and what they were. "
        "The ids of calls: `stats --table calls` and /api/v1/calls.",
    )  # fmt: skip
    command.add_argument("what", choices=("call",))
    command.add_argument("id", help="the call's id, as in A1.20261122.r07.1")
    command.add_argument("--json", action="store_true", help="everything, with times in seconds")
    command.set_defaults(run=run_explain)


def run_explain(arguments: argparse.Namespace) -> int:
    """Print it to standard output; 0 if there is such a call and no record had to be left out."""
    return told(_explain, arguments)


def _explain(arguments: argparse.Namespace) -> int:
    _, area, timezone = place(arguments)
    with read(arguments) as store:
        one = explained_call.explained_in(store, arguments.id)
        names = {} if arguments.json else plan_names(arguments.config, area)
        text = explained_call.as_json(one) if arguments.json else explained_call.as_text(one, timezone, names)
        sys.stdout.write(text)
    return 0
