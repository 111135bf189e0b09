"""`python3 -m broker push` brings a cell's records to the city's database and ends; `... city` is the city's page."""

import argparse
import sys
import time
from typing import Any

from broker.config import ConfigError, read_config
from broker.store import StoreError


def add_commands(subparsers: Any) -> None:
    """Register `city` and `push` with the server's command line."""
    push = subparsers.add_parser(
        "push", help="push what the city has not got yet of this cell's records, and end: also those of an old disk"
    )
    push.set_defaults(run=run_push)


def run_push(arguments: argparse.Namespace) -> int:
    """Push all there is; 0 when the city has it."""
    from broker.city.push import Push
    from broker.settings import configured_plan

    try:
        config = read_config(arguments.config)
        if config.city.url is None:
            raise ConfigError(f"{arguments.config}: [city] url: is missing; name the city's database")
        push = Push(config, configured_plan(config), time.time)
        push.push_all()
    except (ConfigError, StoreError, OSError) as why:
        print(f"python3 -m broker push: {why}", file=sys.stderr)
        return 1
    state = push.state() or {}
    print(f"{state['row']} records are with the city, {state['pushed']} of them are new there")
    if state["others"]:
        print(f"{state['others']} records have another content there, such as {state['other_id']}")
    if state["surplus"]:
        print(f"{state['surplus']} records of this area there are not in this record")
    return 0
