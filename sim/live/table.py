"""The live table: what the screen knows, in a terminal; everything shown comes from the status page's picture."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

LAMPS = {
    "off": ("·", "dim"),
    "due": ("●", "bold yellow"),
    "held": ("◐", "bold magenta"),
    "at_stop": ("◉", "bold green"),
    "no_data": ("?", "bold red"),
}
SHORT = {
    "residential_wet": "wet", "residential_dry": "dry", "unit_wet": "unit", "hazardous": "haz",
    "renovation": "reno",
}  # fmt: skip
ROOM_COLUMNS = 3


def table(picture: Mapping[str, Any], head: str) -> RenderableType:
    """Trucks, rooms' lamps, incidents and the age of the oldest data."""
    if not picture:
        return Text(f"{head}\nwaiting for the first picture ...")
    at = picture["at"]
    oldest = picture["data"]["oldest_fix_s"]
    foot = f"oldest position of a truck on its run: {'-' if oldest is None else f'{oldest} s'}"
    return Group(Text(head), _trucks(picture, at), _rooms(picture), _incidents(picture, at), Text(foot))


def _trucks(picture: Mapping[str, Any], at: int) -> Table:
    shown = Table(expand=True, title_justify="left")
    for title in ("truck", "life", "next room", "ETA", "label", "position"):
        shown.add_column(title)
    for row in picture["trucks"]:
        eta = row["next_eta_at"]
        away = "-" if eta is None else f"{max(0, eta - at) // 60} min"
        age = "-" if row["fix_age_s"] is None else f"{row['fix_age_s']} s old"
        name = str(row["next_room_name"] or "-").split(" / ")[-1]
        room = Text(f"{row['next_room'] or ''} {name}")  # a plan's name may hold what rich takes for markup
        shown.add_row(row["truck"], row["life"], room, away, row["label"] or "-", age)
    return shown


def _rooms(picture: Mapping[str, Any]) -> Table:
    shown = Table(expand=True)
    for _ in range(ROOM_COLUMNS):
        shown.add_column("room")
        shown.add_column("lamps")
    cells: list[str | Text] = []
    for row in picture["rooms"]:
        lamps = Text()
        for lamp in row["lamps"]:
            sign, style = LAMPS.get(lamp["lamp"], ("?", "red"))
            lamps.append(f"{SHORT.get(lamp['waste'], lamp['waste'])}{sign} ", style)
        cells += [row["room"], lamps if row["lamps"] else Text("not heard", "dim")]
    for start in range(0, len(cells), 2 * ROOM_COLUMNS):
        shown.add_row(*cells[start : start + 2 * ROOM_COLUMNS])
    return shown


def _incidents(picture: Mapping[str, Any], at: int) -> RenderableType:
    rows = [row for row in picture["incidents"] if row["workflow"] not in ("closed", "withdrawn")]
    if not rows:
        return Text("no open incident", "dim")
    shown = Table(expand=True)
    for title in ("incident", "reason", "room", "workflow", "since"):
        shown.add_column(title)
    for row in rows:
        since = f"{at - row['raised_at']} s"
        shown.add_row(row["incident_id"], row["reason"], row["room"] or "-", row["workflow"], since, style="bold red")
    return shown
