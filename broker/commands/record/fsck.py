"""`python3 -m broker fsck`: look the record over, say what is wrong, repair."""

import argparse
import time
from pathlib import Path
from typing import Any

from broker.commands.record.access import options, place, told
from broker.store.opening import is_address, must_be_store
from broker.store.sqlite import check

_LOST = 3
_ENDS = (
    "Exit codes: 0 all is good or was repaired; 1 something is not good, or could not be looked at; 2 wrongly asked; "
    f"{_LOST} repaired, but records are lost."
)


def add_commands(subparsers: Any) -> None:
    """Register `fsck` with the server's command line."""
    command = subparsers.add_parser(
        "fsck", parents=[options()], help="look the records over, say what is wrong, repair", epilog=_ENDS
    )
    command.add_argument("--repair", action="store_true", help="put right what can be; what is replaced is kept aside")
    command.add_argument("--copies", type=Path, help="folder of a copy of this store, to take damaged records from")
    command.set_defaults(run=run_fsck)


def run_fsck(arguments: argparse.Namespace) -> int:
    """Print every finding; 0 if all is good or was repaired, 3 if it was and records are lost, else 1."""
    return told(_fsck, arguments)


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
    from broker.store.postgres import PostgresStore

    where, area, timezone = place(arguments)
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
