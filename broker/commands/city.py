"""`python3 -m broker push` brings a cell's records to the city's database and ends; `... city` is the city's page, and
with `--check-config` a look at what it is set to.
"""

import argparse
import contextlib
import logging
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker.commands.folders import must_have_a_place, outside_must_have_a_place
from broker.config import CityConfig, ConfigError, read_city_config, read_config
from broker.store import StoreError

if TYPE_CHECKING:
    from broker.city.database import Cell


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
            if arguments.check_config:
                return check_city(arguments.config, config)
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


def check_city(path: Path, config: CityConfig) -> int:
    """Look at every file that a city's configuration names and at its database; 0. Raises ConfigError."""
    from broker.feeds.outside.receivers import check_receivers
    from broker.mqtt.certificates import check_screen
    from broker.web.server import bound_socket, check_people

    config.web.tls()
    check_screen(config.web, time.time())
    password = config.city.password()
    must_have_a_place("[people] folder", config.people.folder)
    check_people(config)
    outside_must_have_a_place(config.outside)
    notes = check_receivers(config.outside, config.city.timezone)
    if config.web.is_open_without_tls:
        notes.append(config.web.clear_note)
    try:
        bound_socket(config).close()
    except ConfigError as why:
        notes.append(f"{why}, unless it is this page that runs there")
    try:
        cells = cells_of(config.city.url, password)
        found = f"{len(cells)} cells: {' '.join(cell.area for cell in cells)}" if cells else "no cell has pushed yet"
    except StoreError as why:  # the page starts all the same, and shows the cells when it is there
        notes.append(f"[city] url: {why}")
        found = "its database was not reached"
    print(f"{path}: good; the city {config.city.name or 'without a name'}; {found}")
    for note in notes:
        print(f"{path}: note: {note}", file=sys.stderr)
    return 0


def cells_of(url: str, password: str | None) -> "list[Cell]":
    """The cells of a city's database; raises StoreError where it cannot be used now."""
    from broker.city.database import CityDatabase

    with contextlib.closing(CityDatabase(url, password, time.time)) as city:
        return city.cells()
