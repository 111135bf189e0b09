"""`python3 -m broker import-tainan STOPS OUT`: a real timetable with real dirt becomes a GTFS feed."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from broker.plan.gtfs.feed import GtfsError, read_gtfs, write_gtfs
from broker.plan.tainan.conversion import TainanError, convert, report
from firmware.wire import WASTES, is_id


def add_commands(subparsers: Any) -> None:
    """Register `import-tainan` with the server's command line."""
    command = subparsers.add_parser(
        "import-tainan", help="convert Tainan's refuse-truck timetable into a GTFS feed, reporting what is refused"
    )
    command.add_argument("stops", type=Path, help="the timetable, a CSV of timed stops")
    command.add_argument("out", type=Path, help="folder or .zip for the feed")
    command.add_argument("--area", default="tainan", help="id of the area (default: tainan)")
    command.add_argument("--waste", default="residential_dry", choices=WASTES, help="what the trucks collect")
    command.set_defaults(run=run_import)


def run_import(arguments: argparse.Namespace) -> int:
    """Convert, write and report; 0 if any route was taken over, else 1."""
    if not is_id(arguments.area):
        print(f"--area {arguments.area!r} cannot be an id: use 1-64 of a-z A-Z 0-9 . _ -", file=sys.stderr)
        return 2
    try:
        text = arguments.stops.read_bytes().decode("utf-8")
        imported = convert(text, area_id=arguments.area, waste=arguments.waste)
        with tempfile.TemporaryDirectory() as folder:  # nothing is put in place that the server would refuse
            write_gtfs(imported.plan, Path(folder))
            read_gtfs(Path(folder))
        write_gtfs(imported.plan, arguments.out)
    except UnicodeDecodeError:
        print(f"{arguments.stops}: is not UTF-8; save it as UTF-8 and try again", file=sys.stderr)
        return 1
    except (TainanError, GtfsError, OSError) as error:
        print(f"{arguments.stops}: nothing was taken over: {error}", file=sys.stderr)
        return 1
    print(report(imported))
    print(f"wrote {arguments.out}")
    return 0
