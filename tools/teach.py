#!/usr/bin/env python3
"""A route that was driven once becomes a GTFS feed, without a bridge: `python3 tools/teach.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.TRUCK, *environment.SERVER)

import argparse

from broker.commands.record.access import progress_bar, told
from broker.commands.teaching.command import add_arguments, teach, zone_of
from broker.commands.teaching.files import Said, positions_in
from tools.teaching.receiver_log import is_receivers, positions_in_log


def main(arguments: list[str] | None = None) -> int:
    """Teach from a file; 0 if a feed was written, 1 with what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python3 tools/teach.py",
        description="Reads a receiver's NMEA log, or a file of positions, finds the stops by standing still, and "
        "writes a GTFS feed and a page to look at.",
    )
    parser.add_argument("file", type=Path, help="the log: NMEA, CSV or JSON lines, plain or .gz")
    parser.add_argument("--area", help="the area's id (default: area)")
    parser.add_argument("--timezone", help="its time zone (default: Asia/Shanghai)")
    add_arguments(parser)
    parser.set_defaults(command="teach")
    return told(_teach, parser.parse_args(arguments))


def _teach(arguments: argparse.Namespace) -> int:
    zone = zone_of(arguments)
    path: Path = arguments.file
    with progress_bar("reading", path.stat().st_size) as progress:
        said: list[Said]
        if is_receivers(path):
            said = [(None, position) for position in positions_in_log(path, progress)]
        else:
            said = list(positions_in(path, zone, arguments.columns, progress))
    return teach(said, arguments, zone)


if __name__ == "__main__":
    sys.exit(main())
