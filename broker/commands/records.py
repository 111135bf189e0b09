"""`python3 -m broker fsck | export | import | amend | stats`: each a function, the command line only wraps it."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from broker.reports import corrections, figures, tables
from broker.rules.statistics.cube import DIMENSIONS
from broker.rules.statistics.periods import PERIODS
from broker.store import Store, StoreError, check, transfer
from broker.store.note import NAME as NOTE
from broker.store.note import read_note
from broker.store.opening import is_address, must_be_store, open_store, reading_store
from broker.words import LANGUAGES

SUFFIXES = (".jsonl", ".json")
_LOST = 3
_FSCK_ENDS = (
    "Exit codes: 0 all is good or was repaired; 1 something is not good, or could not be looked at; 2 wrongly asked; "
    f"{_LOST} repaired, but records are lost."
)


def add_commands(subparsers: Any) -> None:
    """Register the store's commands with the server's command line."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--store", help="folder or postgresql:// address (default: the one in the configuration)")
    where.add_argument("--area", help="area of a store that is not in the configuration")
    where.add_argument("--timezone", help="its time zone, such as Asia/Shanghai")
    command = subparsers.add_parser(
        "fsck", parents=[where], help="look the records over, say what is wrong, repair", epilog=_FSCK_ENDS
    )
    command.add_argument("--repair", action="store_true", help="put right what can be; what is replaced is kept aside")
    command.add_argument("--copies", type=Path, help="folder of a copy of this store, to take damaged records from")
    command.set_defaults(run=run_fsck)
    command = subparsers.add_parser("export", parents=[where], help="write all records to one file")
    command.add_argument("target", type=Path, help="FILE.jsonl (resumable) or FILE.json (opens with stock TinyDB)")
    command.set_defaults(run=run_export)
    command = subparsers.add_parser("import", parents=[where], help="take records in; those that are there stay")
    command.add_argument("source", help="FILE.jsonl, FILE.json, a store's folder, or a postgresql:// address")
    command.set_defaults(run=run_import)

    command = subparsers.add_parser(
        "amend",
        parents=[where],
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
    command.add_argument("--who", required=True, help="who says so")
    command.set_defaults(run=run_amend)

    command = subparsers.add_parser("stats", parents=[where], help="figures per day, week or month, or a day's report")
    command.add_argument("--from", dest="from_day", required=True, help="first day, YYYY-MM-DD")
    command.add_argument("--to", dest="to_day", help="last day (default: the first)")
    command.add_argument("--period", choices=PERIODS, default="day")
    command.add_argument("--by", default="", help=f"comma separated, of {' '.join(DIMENSIONS)}")
    command.add_argument("--table", choices=tables.TABLES, default="figures", help="default: figures")
    command.add_argument(
        "--format", choices=("csv", "json", "html"), default="csv", help="html: report of the last day"
    )
    command.add_argument("--language", choices=LANGUAGES, default="zh", help="of the html report")
    command.set_defaults(run=run_stats)


def _place(arguments: argparse.Namespace) -> tuple[str, str, str]:
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


def _names(config_path: Path, area: str) -> dict[str, str]:
    """The names of the configured plan, if it is this area's: records know ids only."""
    from broker.config import ConfigError, read_config
    from broker.settings import configured_plan

    try:
        plan = configured_plan(read_config(config_path))
    except ConfigError:
        return {}
    return plan.names() if plan.area_id == area else {}


@contextmanager
def _opened(arguments: argparse.Namespace, *, make: bool = False) -> Iterator[Store]:
    if arguments.store is not None and not make:
        must_be_store(arguments.store)
    where, area, timezone = _place(arguments)
    store = open_store(where, area, timezone, time.time, make=make)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _read(arguments: argparse.Namespace) -> Iterator[Store]:
    """The same store, to be read only: its disk may be so."""
    if arguments.store is not None:
        must_be_store(arguments.store)
    with reading_store(*_place(arguments), time.time) as store:
        yield store


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[transfer.Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def _said(run: Any, arguments: argparse.Namespace) -> int:
    try:
        return int(run(arguments))
    except BrokenPipeError:
        raise  # whoever reads what we print has enough of it
    except (StoreError, OSError, ValueError) as error:
        plain = isinstance(error, OSError) and not isinstance(error, StoreError) and error.filename is not None
        said = f"{error.filename}: {error.strerror}" if plain else str(error)  # type: ignore[union-attr]
        print(f"python3 -m broker {arguments.command}: {said}", file=sys.stderr)
        return 1


def run_fsck(arguments: argparse.Namespace) -> int:
    """Print every finding; 0 if all is good or was repaired, 3 if it was and records are lost, else 1."""
    return _said(_fsck, arguments)


def _fsck(arguments: argparse.Namespace) -> int:
    where = arguments.store
    if where is None:
        from broker.config import read_config

        where = read_config(arguments.config).store.url
    if is_address(where):
        return _fsck_database(arguments)
    must_be_store(where)
    bad = repaired = lost = 0
    stamp = f"fsck-{int(time.time())}"
    for finding in check.check(Path(where), arguments.copies, arguments.repair, stamp=stamp):
        bad += not finding.good
        repaired += finding.repaired
        lost += finding.lost
        print(f"{'GOOD' if finding.good else 'FIXED' if finding.repaired else 'BAD':5} {finding.path}: {finding.text}")
    if bad > repaired:
        print(f"{where}: {bad - repaired} not good, see above")
        return 1
    if lost:
        print(f"{where}: {repaired} repaired, but records are lost, see above; `import` an export made before")
        return _LOST
    print(f"{where}: good" if not bad else f"{where}: {repaired} repaired; what was replaced is in aside/")
    return 0


def _fsck_database(arguments: argparse.Namespace) -> int:
    from broker.store.postgres_store import PostgresStore

    where, area, timezone = _place(arguments)
    database = PostgresStore(where, area, timezone, time.time, make=False)
    try:
        stored, there = database.stored_and_there()
        if stored == there:
            print(f"GOOD  {area}: {there} records")
            return 0
        text = f"{stored} records were stored, {there} are there; `import` a copy to bring back others"
        print(f"{'FIXED' if arguments.repair else 'BAD':5} {area}: {text}")
        if not arguments.repair:
            return 1
        database.recount()
        lost = "; records that are lost stay lost" if there < stored else ""
        print(f"{area}: the number of records was counted again{lost}")
        return _LOST if there < stored else 0
    finally:
        database.close()


def run_export(arguments: argparse.Namespace) -> int:
    """Write the file; 0 when it is complete."""
    return _said(_export, arguments)


def _export(arguments: argparse.Namespace) -> int:
    target: Path = arguments.target
    if target.suffix not in SUFFIXES:
        print(f"export: {target} must end in .jsonl or .json", file=sys.stderr)
        return 2
    with _read(arguments) as store, _progress("export", store.health()["records"]) as progress:
        write = transfer.export_lines if target.suffix == ".jsonl" else transfer.export_tinydb
        count = write(store, target, progress)
    print(f"{target}: {count} records")
    return 0


def run_import(arguments: argparse.Namespace) -> int:
    """Take the records in; 0 when all are stored."""
    return _said(_import, arguments)


def _import(arguments: argparse.Namespace) -> int:
    source = arguments.source
    is_file = Path(source).suffix in SUFFIXES and Path(source).is_file()
    if not is_file:
        must_be_store(source)
    with _opened(arguments, make=True) as store:
        if is_file:
            read = transfer.read_lines if source.endswith(".jsonl") else transfer.read_tinydb
            with _progress("import", None) as progress:
                receipt = transfer.import_records(read(Path(source)), store, progress)
        else:
            _, area, timezone = _place(arguments)
            with (
                reading_store(source, area, timezone, time.time) as other,
                _progress("import", other.health()["records"]) as progress,
            ):
                receipt = transfer.import_records(transfer.records_of(other), store, progress)
    print(f"{source}: {receipt.stored} records stored, {receipt.duplicates} were there already")
    return 0


def run_amend(arguments: argparse.Namespace) -> int:
    """Keep the correction; 0 when it is stored."""

    def run(arguments: argparse.Namespace) -> int:
        for word in (arguments.record, *arguments.change, arguments.reason, arguments.who):
            if any("\ud800" <= letter <= "\udfff" for letter in word):
                raise ValueError(f"{word!r} is not UTF-8: set the terminal to it and type it again")
        return _amend(arguments)

    return _said(run, arguments)


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
    with _opened(arguments) as store:
        record = corrections.named(store, arguments.record)
        _, _, timezone = _place(arguments)
        after = corrections.correct(
            store, record, patch, arguments.reason, arguments.who, int(time.time()), timezone
        )
    for field in patch:
        was, now = (orjson.dumps(body[field]).decode() for body in (record.body, after.body))
        print(f"{record.id}: {field} {was} -> {now}")
    return 0


def run_stats(arguments: argparse.Namespace) -> int:
    """Print the figures, or the last day's report, to standard output; 0 if the days could be read."""
    return _said(_stats, arguments)


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
    tables.dimensions(arguments.by)  # asked for in vain is said, whichever table it is and whoever answers
    with _read(arguments) as store:
        text = _counted(store, arguments, from_day, to_day)
    sys.stdout.write(text)
    return 0


def _counted(store: Store, arguments: argparse.Namespace, from_day: str, to_day: str) -> str:
    _, area, timezone = _place(arguments)
    if arguments.format == "html":
        from broker.web.pages.day_report import stored_report

        names = _names(arguments.config, area)
        return stored_report(store, area, to_day, arguments.language, timezone, names)
    by = tables.dimensions(arguments.by)
    return figures.answer(
        store, arguments.table, arguments.format, timezone, from_day, to_day, arguments.period, by
    )
