"""The taught line with its stops as one HTML page with an SVG drawing, to be looked at before it is used.

North is up; nothing is loaded from anywhere. Both languages stand side by side.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape
from math import cos, radians

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point, lengths_m, point_at
from broker.reports.taught import WORDS, both
from broker.reports.taught.summary import doubts, verdict, worth_showing
from broker.reports.words import in_language
from broker.rules.teaching.judging import Judged
from broker.rules.teaching.route import Taught
from broker.words import LANGUAGES

SIDE, EDGE = 1000.0, 40.0
ARROWS = 24
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 1rem; color: #222; background: #fff }
svg { width: 100%; max-height: 80vh; background: #f4f4f4 }
path { fill: none; stroke: #555; stroke-width: 3; stroke-linejoin: round }
.gap { stroke: #b00; stroke-width: 3; stroke-dasharray: 4 8 }
.arrow { fill: #555 }
.stop { fill: #06c } .stop.doubtful { fill: #d60 } .halt { fill: #999 } .begin, .end, .depot { fill: #222 }
text { font: 15px system-ui, sans-serif; fill: #222; paint-order: stroke; stroke: #f4f4f4; stroke-width: 4 }
table { border-collapse: collapse; margin-top: 1rem } td, th { text-align: left; padding: .2rem .8rem .2rem 0 }
tr.doubtful td { color: #a40 } td:nth-child(-n+3) { font-variant-numeric: tabular-nums }
"""


def picture(route: Taught, name: str, zone: tzinfo) -> str:
    """The page."""
    day = datetime.fromtimestamp(route.positions.positions[0].at, zone).date()
    title = " / ".join(
        WORDS.say(language, "page", "title", route=in_language(name, language), day=day) for language in LANGUAGES
    )
    lead = both("page", "lead", kilometres=f"{route.length_m / 1000:.1f}", visits=len(route.visits),
                stops=len(route.stops))  # fmt: skip
    heads = "".join(f"<th>{escape(both('page', key))}" for key in ("halt", "at", "stood", "is", "place"))
    shown = worth_showing(route)
    rows = "".join(_row(one, zone) for one in shown)
    return (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><h1>{escape(title)}</h1><p>{escape(lead)}</p>"
        f"{_drawing(route, shown)}<table><tr>{heads}{rows}</table>{_gaps(route, zone)}</html>\n"
    )


def _row(one: Judged, zone: tzinfo) -> str:
    halt = one.halt
    words = [" / ".join([verdict(one, language), *doubts(one, language)]) for language in LANGUAGES]
    cells = (str(one.number), f"{datetime.fromtimestamp(halt.since, zone):%H:%M:%S}", f"{halt.seconds:.0f} s",
             " · ".join(words), f"{halt.lat:.6f}, {halt.lon:.6f}")  # fmt: skip
    return f"<tr{_class('doubtful' if one.doubts else '')}>" + "".join(f"<td>{escape(cell)}" for cell in cells)


def _gaps(route: Taught, zone: tzinfo) -> str:
    if not route.gaps:
        return ""
    rows = "".join(
        f"<li>{datetime.fromtimestamp(gap.since, zone):%H:%M:%S} "
        + escape(both("page", "gap", seconds=round(gap.until - gap.since), metres=round(gap.metres)))
        for gap in route.gaps
    )
    return f"<h2>{escape(both('page', 'gaps'))}</h2><ul>{rows}</ul>"


class _Sheet:
    """Where a place is on the drawing."""

    def __init__(self, points: Sequence[Point]) -> None:
        lats, lons = [lat for lat, _ in points], [lon for _, lon in points]
        self._north, self._west = max(lats), min(lons)
        self._east_m = METRES_PER_DEGREE_LON * cos(radians(self._north))
        width_m = (max(lons) - self._west) * self._east_m
        height_m = (self._north - min(lats)) * METRES_PER_DEGREE_LAT
        self._scale = SIDE / max(width_m, height_m, 1.0)
        self.width, self.height = (size * self._scale + 2 * EDGE for size in (width_m, height_m))

    def hundred_metres(self) -> str:
        """How long they are here."""
        y, end = self.height - EDGE / 3, EDGE + 100 * self._scale
        line = f'<path d="M{EDGE:.0f} {y - 5:.0f} v5 H{end:.1f} v-5"/>'
        return f'{line}<text x="{end + 8:.1f}" y="{y:.0f}">100 m</text>'

    def at(self, point: Point) -> tuple[float, float]:
        """x and y."""
        lat, lon = point
        return (EDGE + (lon - self._west) * self._east_m * self._scale,
                EDGE + (self._north - lat) * METRES_PER_DEGREE_LAT * self._scale)  # fmt: skip


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _drawing(route: Taught, shown: Sequence[Judged]) -> str:
    sheet = _Sheet([*route.line, *((one.halt.lat, one.halt.lon) for one in shown)])
    way = " L".join(f"{x:.1f} {y:.1f}" for x, y in map(sheet.at, route.line))
    parts = [f'<path d="M{way}"/>']
    for gap in route.gaps:
        (x1, y1), (x2, y2) = sheet.at(gap.begin), sheet.at(gap.end)
        parts.append(f'<line class="gap" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    parts += _arrows(route.line, sheet)
    by_place: dict[Point, list[Judged]] = {}
    for one in shown:
        place = (one.halt.lat, one.halt.lon) if one.stop is None else route.stops[one.stop]
        by_place.setdefault(place, []).append(one)
    parts += [_mark(place, halts, sheet) for place, halts in by_place.items()]
    parts.append(sheet.hundred_metres())
    view = f'viewBox="0 0 {sheet.width:.0f} {sheet.height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view} role="img">{"".join(parts)}</svg>'


def _arrows(line: Sequence[Point], sheet: _Sheet) -> list[str]:
    """Which way it was driven."""
    alongs = lengths_m(line)
    found = []
    for number in range(1, ARROWS):
        at_m = alongs[-1] * number / ARROWS
        (x0, y0), (x1, y1) = (sheet.at(point_at(line, alongs, m)) for m in (at_m - 1.0, at_m))
        size = max(1e-6, ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5)
        dx, dy = (x1 - x0) / size * 7, (y1 - y0) / size * 7
        corners = ((x1 + dx, y1 + dy), (x1 - dx - dy, y1 - dy + dx), (x1 - dx + dy, y1 - dy - dx))
        found.append(f'<polygon class="arrow" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>')
    return found


def _mark(place: Point, halts: Sequence[Judged], sheet: _Sheet) -> str:
    """What stands at a place: a stop with all its visits, or a halt."""
    x, y = sheet.at(place)
    doubtful = any(one.doubts for one in halts)
    name = f"{halts[0].verdict} doubtful" if doubtful else halts[0].verdict
    size = 9 if halts[0].stop is not None else 5
    lengths = ", ".join(f"{one.number}: {one.halt.seconds:.0f} s" for one in halts)
    said = escape(f"{both('page', 'halt')} {lengths}")
    label = f'<text x="{x + 11:.1f}" y="{y - 6:.1f}">{", ".join(str(one.number) for one in halts)}</text>'
    return f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"><title>{said}</title></circle>{label}'
