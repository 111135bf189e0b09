"""`python3 -m broker push` brings a cell's records to the city's database and ends; `... city` is the city's page."""

import argparse
import logging
import signal
import sys
import threading
import time
from typing import Any

from broker.config import ConfigError, read_city_config, read_config
from broker.store import StoreError


def add_commands(subparsers: Any) -> None:
    """Register `city` and `push` with the server's command line."""
    push = subparsers.add_parser(
        "push", help="push what the city has not got yet of this cell's records, and end: also those of an old disk"
    )
    push.add_argument("--data", metavar="FOLDER", help="the records' folder of an old disk, instead of [store] url")
    push.set_defaults(run=run_push)
    city = subparsers.add_parser("city", help="the page of a city of cells, from its PostgreSQL; --config city.toml")
    city.set_defaults(run=run_city)


def run_push(arguments: argparse.Namespace) -> int:
    """Push all there is; 0 when the city has it."""
    from broker.city.push import Push
    from broker.settings import configured_plan

    try:
        config = read_config(arguments.config)
        if config.city.url is None:
            raise ConfigError(f"{arguments.config}: [city] url: is missing; name the city's database")
        if arguments.data is not None:
            config = config.model_copy(update={"store": config.store.model_copy(update={"url": arguments.data})})
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


def run_city(arguments: argparse.Namespace) -> int:
    """Serve the city's page until it is told to stop; 0, or 1 with what is wrong."""
    try:
        config = read_city_config(arguments.config)
        logging.getLogger().setLevel(config.log.level.upper())
        try:
            from broker.city.server import serve
            from broker.web.server import check_people

            check_people(config)
            stop = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            serve(config, stop=stop)
        except ConfigError as why:
            raise ConfigError(f"{arguments.config}: {why}") from why
    except (ConfigError, StoreError) as why:
        print(f"python3 -m broker city: {why}", file=sys.stderr)
        return 1
    return 0
