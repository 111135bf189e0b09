"""`python3 -m broker export FILE`: all records in one file."""

import argparse
import sys
from pathlib import Path
from typing import Any

from broker.commands.record.access import FILES, options, progress_bar, read, told
from broker.store import transfer


def add_commands(subparsers: Any) -> None:
    """Register `export` with the server's command line."""
    command = subparsers.add_parser("export", parents=[options()], help="write all records to one file")
    command.add_argument("target", type=Path, help="FILE.jsonl or FILE.json (opens with stock TinyDB)")
    command.set_defaults(run=run_export)


def run_export(arguments: argparse.Namespace) -> int:
    """Write the file; 0 when it is complete."""
    return told(_export, arguments)


def _export(arguments: argparse.Namespace) -> int:
    target: Path = arguments.target
    if target.suffix not in FILES:
        print(f"export: {target} must end in .jsonl or .json", file=sys.stderr)
        return 2
    with read(arguments) as store, progress_bar("export", store.health()["records"]) as progress:
        count = transfer.export(store, target, progress)
    print(f"{target}: {count} records")
    return 0
