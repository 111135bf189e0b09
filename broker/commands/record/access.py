"""Which record a command is about, how it is opened, and how a refusal is told."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.store import Store, StoreError, transfer
from broker.store.opening import is_address, must_be_store, open_store, reading_store
from broker.store.sqlite.note import NAME as NOTE
from broker.store.sqlite.note import read_note

FILES = (".jsonl", ".json")  # what records are exported to and imported from


def options() -> argparse.ArgumentParser:
    """The options by which every such command finds the record."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--store", help="folder or postgresql:// address (default: the one in the configuration)")
    where.add_argument("--area", help="area of a store that is not in the configuration")
    where.add_argument("--timezone", help="its time zone, such as Asia/Shanghai")
    return where


def place(arguments: argparse.Namespace) -> tuple[str, str, str]:
    """Where the store is, its area and its time zone: as asked for, else as the folder says, else as configured."""
    where, area, timezone = _asked_place(arguments)
    try:
        ZoneInfo(timezone)
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(f"{timezone!r} is no time zone; write it as Asia/Shanghai") from error
    return where, area, timezone


def _asked_place(arguments: argparse.Namespace) -> tuple[str, str, str]:
    where = arguments.store
    note = None if where is None or is_address(where) else read_note(Path(where))
    if note is not None:
        if (arguments.area or note.area, arguments.timezone or note.timezone) != (note.area, note.timezone):
            held = f"{where} holds area {note.area} in time zone {note.timezone}"
            raise ValueError(f"{held}: leave out --area and --timezone")
        return where, note.area, note.timezone
    if where is None or arguments.area is None:
        if where is not None and not is_address(where) and Path(where).is_dir() and any(Path(where).iterdir()):
            raise ValueError(f"{Path(where) / NOTE} is missing; run `python3 -m broker fsck --store {where}`")
        from broker.config import read_config
        from broker.settings import configured_plan

        config = read_config(arguments.config)
        plan = configured_plan(config)
        return where or config.store.url, arguments.area or plan.area_id, arguments.timezone or plan.timezone
    return where, arguments.area, arguments.timezone or "Asia/Shanghai"


def plan_names(config_path: Path, area: str) -> dict[str, str]:
    """The names of the configured plan, if it is this area's: records know ids only."""
    from broker.config import ConfigError, read_config
    from broker.settings import configured_plan

    try:
        plan = configured_plan(read_config(config_path))
    except ConfigError:
        return {}
    return plan.names() if plan.area_id == area else {}


@contextmanager
def opened(arguments: argparse.Namespace, *, make: bool = False) -> Iterator[Store]:
    """The store, to be written; without `make` it must be there."""
    if arguments.store is not None and not make:
        must_be_store(arguments.store)
    where, area, timezone = place(arguments)
    store = open_store(where, area, timezone, time.time, make=make)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def read(arguments: argparse.Namespace) -> Iterator[Store]:
    """The same store, to be read only: its disk may be so."""
    if arguments.store is not None:
        must_be_store(arguments.store)
    with reading_store(*place(arguments), time.time) as store:
        yield store


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[transfer.Progress]:
    """A bar on the terminal for long work; what it gives is told how many more are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def told(run: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run it, and tell what it refuses in a line; 1 then."""
    try:
        return run(arguments)
    except BrokenPipeError:
        raise  # whoever reads what we print has enough of it
    except (StoreError, OSError, ValueError) as error:
        plain = isinstance(error, OSError) and not isinstance(error, StoreError) and error.filename is not None
        said = f"{error.filename}: {error.strerror}" if plain else str(error)  # type: ignore[union-attr]
        print(f"python3 -m broker {arguments.command}: {said}", file=sys.stderr)
        return 1
