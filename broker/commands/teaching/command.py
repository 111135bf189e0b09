"""`python3 -m broker teach`: a route that was driven once becomes a GTFS feed.

The drive is on the bridge's record, or in a file of positions. What a person must look at is printed, drawn, and kept
or dropped by its number.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from broker.commands.record.access import options, place, progress_bar, read, told
from broker.commands.teaching.files import COLUMNS, Said, marks_in, positions_in
from broker.commands.teaching.record import known_rooms, positions_on_record
from broker.config import ConfigError, read_config
from broker.plan.gtfs.feed import read_gtfs, write_gtfs
from broker.plan.model import Plan, Room
from broker.reports.taught import both
from broker.reports.taught.picture import picture
from broker.reports.taught.summary import summary
from broker.rules.teaching.feed import Naming, plan_of
from broker.rules.teaching.judging import MARK_S, Wishes
from broker.rules.teaching.positions import Position, TeachingError, cleaned, of_one_clock
from broker.rules.teaching.rooms import KnownRoom, rooms_at
from broker.rules.teaching.route import Taught, taught
from broker.settings import configured_plan
from firmware.wire import WASTES, is_id

DAY_S = 86_400
TIMEZONE = "Asia/Shanghai"


def add_commands(subparsers: Any) -> None:
    """Register `teach` with the server's command line."""
    command = subparsers.add_parser(
        "teach", parents=[options()], help="a route that was driven once becomes a GTFS feed",
        description="Reads where a truck was, from the record or from a FILE of positions (CSV, JSON lines), finds the "
        "stops by standing still, and writes a GTFS feed with stops, stays, times and the line, and a page to look at. "
        "A receiver's own log: `python3 tools/teach.py LOG`.",
    )  # fmt: skip
    command.add_argument("file", type=Path, nargs="?", help="positions, instead of the record's")
    add_arguments(command)
    command.add_argument("--rooms", action="store_true", help="stops at rooms of the configured plan are these rooms")
    command.set_defaults(run=run_teach)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What is asked of every drive, wherever it was written down."""
    command.add_argument("--out", type=Path, required=True, help="the feed, .zip or a folder; beside it a page, .html")
    command.add_argument("--truck", help="whose drive it is, and whose run it will be")
    command.add_argument("--day", type=date.fromisoformat, metavar="YYYY-MM-DD", help="when it was driven")
    command.add_argument("--from", dest="from_time", type=_time_of_day, metavar="HH:MM", help="without what was before")
    command.add_argument("--to", dest="to_time", type=_time_of_day, metavar="HH:MM", help="and after this")
    command.add_argument("--drop", type=_numbers, action="extend", default=[], metavar="N,N", help="halts: no stops")
    command.add_argument("--keep", type=_numbers, action="extend", default=[], metavar="N,N", help="halts: stops")
    command.add_argument("--marks", type=Path, metavar="FILE", help="stops as the driver marked them in the cab: CSV")
    command.add_argument("--stay-from", type=_seconds, metavar="S", help="a halt is a stop from so many seconds on")
    command.add_argument("--begins", type=_time_of_day, metavar="HH:MM", help="the run begins then, not as driven")
    command.add_argument("--waste", choices=WASTES, default=WASTES[0], help=f"what it collects (default: {WASTES[0]})")
    command.add_argument("--route", default="taught", help="the route's id (default: taught)")
    command.add_argument("--name", help="the route's name, Chinese / English")
    command.add_argument("--columns", type=lambda text: text.split(","), default=[], metavar="at,lat,lon",
                         help=f"of a CSV without a head: {' '.join(COLUMNS)}, a - for others")  # fmt: skip


def run_teach(arguments: argparse.Namespace) -> int:
    """Teach, write, and print what is doubtful; 0 if a feed was written."""
    return told(_teach, arguments)


def _time_of_day(text: str) -> int:
    try:
        hours, minutes = text.split(":")
        seconds = int(hours) * 3600 + int(minutes) * 60
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it as 06:00") from None
    if not 0 <= seconds <= DAY_S or not 0 <= int(minutes) < 60:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of a day")
    return seconds


def _seconds(text: str) -> float:
    if not text.isascii() or not text.isdigit() or not 5 <= int(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: say seconds, from 5 to 3600")
    return float(text)


def _numbers(text: str) -> list[int]:
    try:
        return [int(one) for one in text.replace(" ", ",").split(",") if one]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: say numbers of halts, as 3,7") from None


def _teach(arguments: argparse.Namespace) -> int:
    if arguments.file is not None:
        if arguments.rooms:
            raise TeachingError("--rooms asks the bridge's own plan and record; a file of positions knows no rooms")
        zone = zone_of(arguments)
        with progress_bar("reading", arguments.file.stat().st_size) as progress:
            said = list(positions_in(arguments.file, zone, arguments.columns, progress))
        return teach(said, arguments, zone)
    if arguments.truck is None:
        raise TeachingError("whose drive? say --truck, or name a file of positions")
    _, area, timezone = place(arguments)
    zone = ZoneInfo(timezone)
    arguments.area, arguments.timezone = area, timezone
    day = arguments.day or datetime.now(zone).date()
    plan = _configured_plan(arguments.config, area)
    if arguments.rooms and plan is None:
        raise TeachingError(f"--rooms: {arguments.config} has no plan of area {area} to read; name one with --config")
    with read(arguments) as store, progress_bar("reading", None) as progress:
        span = _span(day, arguments, zone)
        found = positions_on_record(store, arguments.truck, span, zone, progress)
        rooms = known_rooms(store, plan, span, progress) if plan is not None else []
    return teach([(arguments.truck, position) for position in found], arguments, zone, plan, rooms)


def _configured_plan(path: Path, area: str) -> Plan | None:
    """The plan by which the bridge of this area works, if there is one here."""
    try:
        plan = configured_plan(read_config(path))
    except ConfigError:
        return None
    return plan if plan.area_id == area else None


def zone_of(arguments: argparse.Namespace) -> tzinfo:
    """The time zone that was asked for, or the usual one; raises TeachingError."""
    arguments.timezone = arguments.timezone or TIMEZONE
    try:
        return ZoneInfo(arguments.timezone)
    except (LookupError, ValueError, OSError) as why:
        raise TeachingError(f"{arguments.timezone!r} is no time zone; write it as Asia/Shanghai") from why


def teach(
    said: Iterable[Said], arguments: argparse.Namespace, zone: tzinfo, known: Plan | None = None,
    rooms: Sequence[KnownRoom] = (),
) -> int:  # fmt: skip
    """From what was said of one or more trucks to the feed and the page of one; raises TeachingError, OSError."""
    positions, truck = _of_one_truck(list(said), arguments.truck)
    if arguments.day is not None:  # a file of many days is no clock that jumps
        positions = _within(positions, arguments, zone)
    positions, unset = of_one_clock(positions)
    positions = _within(positions, arguments, zone)
    marks = [] if arguments.marks is None else marks_in(arguments.marks, zone)
    driven = [one.at for one in positions] or [0.0]
    marks = [at for at in marks if min(driven) - MARK_S <= at <= max(driven) + MARK_S]  # not those of another drive
    route = taught(cleaned(positions), Wishes(arguments.keep, arguments.drop, arguments.stay_from, marks), rooms)
    at_rooms = rooms_at(route.stops, rooms)
    asked_rooms = getattr(arguments, "rooms", False)
    plan = _plan(route, arguments, truck or "t01", zone, known if asked_rooms else None, at_rooms)
    is_zip = arguments.out.suffix.lower() == ".zip"
    page = arguments.out.with_suffix(".html") if is_zip else arguments.out / "taught.html"
    with tempfile.TemporaryDirectory() as folder:  # nothing is put in place that the bridge would refuse
        write_gtfs(plan, Path(folder))
        read_gtfs(Path(folder))
    write_gtfs(plan, arguments.out)
    page.write_text(picture(route, plan.routes[arguments.route].name, zone), encoding="utf-8")
    if unset:
        print(f"left out: {unset} positions from before the receiver's clock was right")
    print(summary(route, zone), end="")
    if route.lost_marks:
        times = ", ".join(f"{datetime.fromtimestamp(at, zone):%H:%M:%S}" for at in route.lost_marks)
        print(f"marked where the truck did not stand, and left out: {times}")
    print(f"wrote {arguments.out} (truck {next(iter(plan.runs.values())).truck_id}, {arguments.waste}) and {page}")
    if at_rooms and not asked_rooms:
        names = ", ".join(room.room_id for room in at_rooms.values())
        print(f"{len(at_rooms)} of the stops are at rooms of the plan ({names}): --rooms takes their ids and names")
    print("next: look at the page; --keep and --drop halts until it is right; then edit the names in stops.txt and "
          "estates.txt, and try it: python3 -m sim --plan " + str(arguments.out))  # fmt: skip
    return 0


def _of_one_truck(said: list[Said], asked: str | None) -> tuple[list[Position], str | None]:
    """The positions of the truck that was asked for, or of the only one; the file may name none."""
    whose = Counter(truck for truck, _ in said)
    names = ", ".join(f"{truck or 'nobody'} ({number})" for truck, number in whose.most_common(12))
    if asked is not None and whose.keys() - {None}:
        if asked not in whose:
            raise TeachingError(f"no position of {asked}; there are those of {names}")
        return [position for truck, position in said if truck == asked], asked
    if len(whose) > 1:
        raise TeachingError(f"these are the positions of {len(whose)} trucks: {names}; say which one: --truck")
    return [position for _, position in said], asked or next(iter(whose), None)


def _span(day: date, arguments: argparse.Namespace, zone: tzinfo) -> tuple[int, int]:
    """The moments between which positions are asked for."""
    begin_s, end_s = arguments.from_time or 0, DAY_S if arguments.to_time is None else arguments.to_time
    if end_s <= begin_s:
        end_s += DAY_S
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
    return midnight + begin_s, midnight + end_s


def _within(positions: list[Position], arguments: argparse.Namespace, zone: tzinfo) -> list[Position]:
    """Those of the day and between the times that were asked for."""
    if not positions or (arguments.day, arguments.from_time, arguments.to_time) == (None, None, None):
        return positions
    day = arguments.day or datetime.fromtimestamp(min(one.at for one in positions), zone).date()
    begin, end = _span(day, arguments, zone)
    found = [one for one in positions if begin <= one.at < end]
    if not found:
        first, last = (datetime.fromtimestamp(edge(one.at for one in positions), zone) for edge in (min, max))
        raise TeachingError(f"no position in that time; there are some from {first:%Y-%m-%d %H:%M} to "
                            f"{last:%Y-%m-%d %H:%M} ({arguments.timezone})")  # fmt: skip
    return found


def _plan(route: Taught, arguments: argparse.Namespace, truck: str, zone: tzinfo, known: Plan | None,
          at_rooms: Mapping[int, Room]) -> Plan:  # fmt: skip
    truck = truck if arguments.truck else "".join(letter if is_id(letter) or letter == "." else "-" for letter in truck)
    area = arguments.area or "area"
    for option, value in (("--area", area), ("--route", arguments.route), ("--truck", truck)):
        if not is_id(value):
            raise TeachingError(f"{option} {value!r} cannot be an id: use 1-64 of a-z A-Z 0-9 . _ -, no dot first")
    day = datetime.fromtimestamp(route.visits[0].halt.since, zone).date()
    naming = Naming(
        area, both("name", "area"), arguments.timezone, arguments.route,
        arguments.name or both("name", "route", truck=truck), arguments.waste, truck,
        lambda number: both("name", "room", number=number), lambda number: both("name", "estate", number=number),
    )  # fmt: skip
    start_at = int((datetime(day.year, day.month, day.day, 12, tzinfo=zone) - timedelta(hours=12)).timestamp())
    if arguments.begins is not None:
        start_at = round(route.positions.positions[0].at) - arguments.begins
    ours = f"{arguments.route}-r", f"{arguments.route}-e"  # so new stops and estates are called
    has_new = len(at_rooms) < len(route.stops)
    if known is not None and has_new and any(one.startswith(ours) for one in (*known.rooms, *known.estates)):
        raise TeachingError(f"the plan has rooms of a route {arguments.route!r}: give this one another id with --route")
    rooms = {} if known is None else {at: (room, known.estates[room.estate_id]) for at, room in at_rooms.items()}
    return plan_of(route, naming, day, start_at, rooms)

