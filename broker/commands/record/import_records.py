"""`python3 -m broker import SOURCE`: records of a file or of another store; those that are there stay."""

import argparse
import time
from pathlib import Path
from typing import Any

from broker.commands.record.access import FILES, opened, options, place, progress_bar, told
from broker.store import transfer
from broker.store.opening import must_be_store, reading_store


def add_commands(subparsers: Any) -> None:
    """Register `import` with the server's command line."""
    command = subparsers.add_parser("import", parents=[options()], help="take records in; those that are there stay")
    command.add_argument("source", help="FILE.jsonl, FILE.json, a store's folder, or a postgresql:// address")
    command.set_defaults(run=run_import)


def run_import(arguments: argparse.Namespace) -> int:
    """Take the records in; 0 when all are stored."""
    return told(_import, arguments)


def _import(arguments: argparse.Namespace) -> int:
    source = arguments.source
    is_file = Path(source).suffix in FILES and Path(source).is_file()
    if not is_file:
        must_be_store(source)
    with opened(arguments, make=True) as store:
        if is_file:
            with progress_bar("import", None) as progress:
                receipt = transfer.import_records(transfer.read(Path(source)), store, progress)
        else:
            _, area, timezone = place(arguments)
            with (
                reading_store(source, area, timezone, time.time) as other,
                progress_bar("import", other.health()["records"]) as progress,
            ):
                receipt = transfer.import_records(transfer.records_of(other), store, progress)
    print(f"{source}: {receipt.stored} records stored, {receipt.duplicates} were there already")
    return 0
