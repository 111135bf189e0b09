"""The parts of a feed that stand alone: agency, estates, routes, shapes and calendars."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from broker.plan.geometry import Point
from broker.plan.gtfs.files import Finding, Table
from broker.plan.gtfs.row import Row
from broker.plan.model import Estate, Service
from firmware.wire import WASTES

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Feed:
    """The tables of a feed and what was found wrong in them so far."""

    tables: dict[str, Table]
    findings: list[Finding]

    def rows(self, name: str) -> list[Row]:
        """The rows of a table, ready to be asked."""
        return [Row(name, line, cells, self.findings) for line, cells in self.tables[name].rows]

    def clean(self, *names: str) -> bool:
        """Whether nothing was found in these files: what follows from a fault need not be told as another one."""
        return not any(finding.file in names for finding in self.findings)

    def known(self, row: Row, column: str, ids: Collection[str], name: str) -> bool:
        """Whether a cell names a sound row of another table; silent about a row that was refused there already."""
        value = row.get(column)
        if value in ids:
            return True
        table = self.tables[name]
        if value and table.sound and not table.names(column, value):
            row.refuse(f"{column} {value!r} is not in {name}")
        return False


def first_of_its_id(row: Row, column: str, taken: dict[str, int]) -> str | None:
    """The row's id if it is one and no earlier line has it; `taken` remembers the lines."""
    value = row.id(column)
    if value is None:
        return None
    if value in taken:
        row.refuse(f"{column} {value!r} is already on line {taken[value]}")
        return None
    taken[value] = row.line
    return value


def read_agency(feed: Feed) -> tuple[str, str, str]:
    """(area id, name, time zone) of the one agency a feed has."""
    rows = feed.rows("agency.txt")
    if not rows and feed.tables["agency.txt"].sound:
        feed.findings.append(Finding("agency.txt", 0, "names no agency; its agency_id is the area's id"))
    for row in rows[1:]:
        row.refuse("is a second agency: a feed is one area, write one feed for each")
    area, name, zone = "", "", ""
    for row in rows[:1]:
        area, name, zone = row.id("agency_id") or "", row.text("agency_name") or "", row.get("agency_timezone")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            row.refuse(f"agency_timezone must be a zone such as Asia/Shanghai, got {zone!r}")
    return area, name, zone


def read_estates(feed: Feed) -> dict[str, Estate]:
    """The estates by id; without the optional file, each id that a stop names is its own name."""
    estates: dict[str, Estate] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("estates.txt"):
        estate_id, name = first_of_its_id(row, "estate_id", taken), row.text("estate_name")
        if estate_id and name:
            estates[estate_id] = Estate(estate_id, name)
        elif row.get("estate_id"):
            estates.setdefault(row.get("estate_id"), Estate(row.get("estate_id"), ""))
    if not feed.tables["estates.txt"].present:
        for row in feed.rows("stops.txt"):
            estate_id = row.get("estate_id")
            if estate_id and row.id("estate_id"):
                estates[estate_id] = Estate(estate_id, estate_id)
    return estates


@dataclass(frozen=True, slots=True)
class RouteRow:
    """What routes.txt says of a route; its line comes from the shapes of its trips."""

    row: Row
    name: str
    waste: str


def read_routes(feed: Feed) -> dict[str, RouteRow]:
    """The routes by id; an unknown waste kind is reported and kept as it stands."""
    routes: dict[str, RouteRow] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("routes.txt"):
        route_id = first_of_its_id(row, "route_id", taken)
        name = row.text("route_long_name" if row.get("route_long_name") else "route_short_name")
        waste = row.get("waste_kind")
        if waste not in WASTES:
            row.refuse(f"waste_kind must be one of {' '.join(WASTES)}, got {waste!r}")
        if route_id:
            routes[route_id] = RouteRow(row, name or "", waste)
    return routes


@dataclass(slots=True)
class Shape:
    """A line by points in driving order; `distances` is complete or useless."""

    first: Row
    points: list[Point] = field(default_factory=list)
    distances: list[float | None] = field(default_factory=list)


def read_shapes(feed: Feed) -> dict[str, Shape]:
    """The lines by shape id, by the order of shape_pt_sequence."""
    pieces: dict[str, dict[int, tuple[Row, Point, float | None]]] = {}
    for row in feed.rows("shapes.txt"):
        sequence = row.whole("shape_pt_sequence", 0, 10**9)
        lat, lon = row.number("shape_pt_lat", -90, 90), row.number("shape_pt_lon", -180, 180)
        distance = row.number("shape_dist_traveled", 0, 1e9)
        shape_id = row.get("shape_id")
        if not shape_id:
            row.refuse("shape_id is empty")
        elif sequence is None or lat is None or lon is None:
            if not all(row.get(c) for c in ("shape_pt_sequence", "shape_pt_lat", "shape_pt_lon")):
                row.refuse("a point needs shape_pt_sequence, shape_pt_lat and shape_pt_lon")
        elif sequence in (points := pieces.setdefault(shape_id, {})):
            row.refuse(f"shape_pt_sequence {sequence} of shape {shape_id!r} is already on line "
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
        if len(ordered) < 2:
            shape.first.refuse(f"shape {shape_id!r} has only one point")
    return shapes


def read_services(feed: Feed) -> dict[str, Service]:
    """The services by id, from calendar.txt and the single dates of calendar_dates.txt."""
    services: dict[str, Service] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("calendar.txt"):
        service_id = first_of_its_id(row, "service_id", taken)
        days = []
        for weekday in _WEEKDAYS:
            if row.get(weekday) not in ("0", "1"):
                row.refuse(f"{weekday} must be 0 or 1, got {row.get(weekday)!r}")
            days.append(row.get(weekday) == "1")
        start, end = row.date("start_date"), row.date("end_date")
        if start and end and end < start:
            row.refuse(f"end_date {end} is before start_date {start}")
        if service_id:
            monday, tuesday, wednesday, thursday, friday, saturday, sunday = days
            week = (monday, tuesday, wednesday, thursday, friday, saturday, sunday)
            services[service_id] = Service(service_id, week, start or "", end or "")
    dates: dict[tuple[str, str], int] = {}
    for row in feed.rows("calendar_dates.txt"):
        service_id, day, kind = row.id("service_id"), row.date("date"), row.get("exception_type")
        if kind not in ("1", "2"):
            row.refuse(f"exception_type must be 1 (added) or 2 (removed), got {kind!r}")
        elif service_id and day:
            if (service_id, day) in dates:
                row.refuse(f"{service_id!r} on {day} is already on line {dates[service_id, day]}")
                continue
            dates[service_id, day] = row.line
            services[service_id] = _with_date(services.get(service_id), service_id, day, kind == "1")
    return services


def _with_date(service: Service | None, service_id: str, day: str, added: bool) -> Service:
    if service is None:
        service = Service(service_id, (False,) * 7, day, day)
    if not any(service.weekdays):  # it lives by single dates only: its range is theirs
        service = replace(service, start_date=min(service.start_date, day), end_date=max(service.end_date, day))
    if added:
        return replace(service, added_dates=service.added_dates | {day})
    return replace(service, removed_dates=service.removed_dates | {day})
