"""The parts of a feed that stand alone: agency, estates, routes and shapes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from broker.plan.geometry import Point
from broker.plan.gtfs.tables.files import Finding, Table, quoted
from broker.plan.gtfs.tables.row import Row
from broker.plan.model import Estate, EstateKind
from firmware.wire import WASTES

MOST_NAMED = 8  # of a kind that is left out


@dataclass(frozen=True, slots=True)
class Feed:
    """The tables of a feed, what was found wrong in them so far, and what is left out of the plan."""

    tables: dict[str, Table]
    findings: list[Finding]
    unused: list[str] = field(default_factory=list)  # one sentence of each kind, with names

    def leave_out(self, file: str, names: Sequence[str], why: str) -> None:
        """Say once what the plan does without, though the feed has it."""
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            self.unused.append(f"{file}: {', '.join(names[:MOST_NAMED])}{more}: {why}")

    def rows(self, name: str) -> list[Row]:
        """The rows of a table, ready to be asked."""
        table = self.tables[name]
        return [Row(table, line, cells, self.findings) for line, cells in table.rows]

    def known(self, row: Row, column: str, ids: Collection[str], *names: str, there: str = "") -> bool:
        """Whether a cell names a sound row of other tables; silent about a row that was refused there already."""
        value = row.get(column)
        if value in ids:
            return True
        if value and not any(self.tables[name].may_name(there or column, value) for name in names):
            row.refuse(f"{column} {quoted(value)} is not in {names[0]}")
        return False


def first_of_its_id(row: Row, column: str, taken: dict[str, int]) -> str | None:
    """The row's id if it is one and no earlier line has it; `taken` remembers the lines."""
    value = row.id(column)
    if value is None:
        return None
    if value in taken:
        row.refuse(f"{column} {quoted(value)} is already on line {taken[value]}")
        return None
    taken[value] = row.line
    return value


def read_agency(feed: Feed) -> tuple[str, str, str]:
    """(area id, name, time zone) of the one agency a feed has; others that no route names are left out."""
    rows = feed.rows("agency.txt")
    trips = feed.tables["trips.txt"]
    named = {row.get("agency_id") for row in feed.rows("routes.txt") if trips.may_name("route_id", row.get("route_id"))}
    used = [row for row in rows if row.get("agency_id") in named]
    if len(rows) > 1 and len(used) == 1 and "" not in named:
        others = [row.get("agency_id") or row.get("agency_name") for row in rows if row is not used[0]]
        feed.leave_out("agency.txt", others, "no route is theirs; left out")
        rows = used
    if not rows and feed.tables["agency.txt"].sound:
        feed.findings.append(Finding("agency.txt", 0, "names no agency; its agency_id is the area's id"))
    for row in rows[1:]:
        row.refuse("is a second agency: a feed is one area, write one feed for each, with its own routes only")
    area, name, zone = "", "", ""
    for row in rows[:1]:
        area, name, zone = row.id("agency_id") or "", row.text("agency_name") or "", row.get("agency_timezone")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            if row.stated("agency_timezone"):
                row.refuse(f"agency_timezone must be a zone such as Asia/Shanghai, got {quoted(zone)}")
    return area, name, zone


def read_estates(feed: Feed) -> dict[str, Estate]:
    """The estates by id; without the optional file, each id that a stop names is its own name."""
    estates: dict[str, Estate] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("estates.txt"):
        estate_id, name = first_of_its_id(row, "estate_id", taken), row.text("estate_name")
        kind = row.get("estate_kind") or "residential"
        if kind not in get_args(EstateKind):
            row.refuse(f"estate_kind must be one of {' '.join(get_args(EstateKind))}, got {quoted(kind)}")
        if estate_id:
            estates[estate_id] = Estate(estate_id, name or "", "business" if kind == "business" else "residential")
    if not feed.tables["estates.txt"].present:
        for row in feed.rows("stops.txt"):
            estate_id = row.get("estate_id")
            if estate_id and row.id("estate_id"):
                estates[estate_id] = Estate(estate_id, estate_id)
    return estates


@dataclass(frozen=True, slots=True)
class RouteRow:
    """What routes.txt says of a route; its line comes from its trips. `waste` is empty where it is no kind of waste."""

    row: Row
    name: str
    waste: str


def read_routes(feed: Feed, area: str) -> dict[str, RouteRow]:
    """The routes by id; those that no trip drives are left out, whatever they are."""
    routes: dict[str, RouteRow] = {}
    taken: dict[str, int] = {}
    driven = feed.tables["trips.txt"]
    idle = []
    for row in feed.rows("routes.txt"):
        if row.get("route_id") and not driven.may_name("route_id", row.get("route_id")):
            idle.append(row.get("route_id"))
            continue
        route_id = first_of_its_id(row, "route_id", taken)
        name = row.text("route_long_name" if row.get("route_long_name") else "route_short_name")
        waste = row.get("waste_kind")
        if waste not in WASTES and "waste_kind" in row.table.index:
            row.refuse(f"waste_kind must be one of {' '.join(WASTES)}, got {quoted(waste)}")
        if row.get("agency_id") not in ("", area):
            row.refuse(f"agency_id {quoted(row.get('agency_id'))} is not the feed's agency")
        refuse_hailing(row)
        if route_id:
            routes[route_id] = RouteRow(row, name or "", waste if waste in WASTES else "")
    feed.leave_out("routes.txt", idle, "no trip drives it; left out")
    return routes


def refuse_hailing(row: Row) -> None:
    """Refuse what says that bins are taken anywhere along the way: a room and a keeper would not know of it."""
    for column in ("continuous_pickup", "continuous_drop_off"):
        if row.get(column) not in ("", "1"):
            row.refuse(f"{column} {quoted(row.get(column))}: a truck stops at its rooms only; leave it empty or 1")


@dataclass(slots=True)
class Shape:
    """A line by points in driving order; `distances` is complete or useless."""

    first: Row
    points: list[Point] = field(default_factory=list)
    distances: list[float | None] = field(default_factory=list)


def read_shapes(feed: Feed) -> dict[str, Shape]:
    """The lines by shape id, by the order of shape_pt_sequence."""
    driven = frozenset(feed.tables["trips.txt"].values("shape_id"))
    pieces: dict[str, dict[int, tuple[Row, Point, float | None]]] = {}
    for row in feed.rows("shapes.txt"):
        sequence = row.whole("shape_pt_sequence", 0, 10**9)
        lat, lon = row.number("shape_pt_lat", -90, 90), row.number("shape_pt_lon", -180, 180)
        distance = row.number("shape_dist_traveled", 0, 1e9)
        shape_id = row.get("shape_id")
        if not row.stated("shape_id"):
            continue
        if sequence is None or lat is None or lon is None:
            needed = ("shape_pt_sequence", "shape_pt_lat", "shape_pt_lon")
            if any(column in row.table.index and not row.get(column) for column in needed):
                row.refuse("a point needs shape_pt_sequence, shape_pt_lat and shape_pt_lon")
        elif sequence in (points := pieces.setdefault(shape_id, {})):
            row.refuse(f"shape_pt_sequence {sequence} of shape {quoted(shape_id)} is already on line "
                       f"{points[sequence][0].line}")  # fmt: skip
        else:
            points[sequence] = (row, (lat, lon), distance)
    shapes: dict[str, Shape] = {}
    for shape_id, points in pieces.items():
        ordered = [points[sequence] for sequence in sorted(points)]
        shape = shapes[shape_id] = Shape(ordered[0][0])
        before = -1.0
        for row, point, distance in ordered:
            if distance is not None:
                if distance < before:
                    row.refuse(f"shape_dist_traveled goes back from {before:g} to {distance:g}")
                before = distance
            shape.points.append(point)
            shape.distances.append(distance)
        if len(ordered) < 2 and shape_id in driven:
            shape.first.refuse(f"shape {quoted(shape_id)} has only one point")
    return shapes
