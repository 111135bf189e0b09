"""What a room's people want to know of today, made from the picture: when the lamp came on, when the truck came, what
comes next and by how much it is late. The keeper's page shows it, and the sign at the room a part of it.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from broker.web.view.timetable import Times

Row = dict[str, Any]

OWED = ("pending", "due", "at_stop")
COUNTED = ("served", "skipped", *OWED)  # one that was cancelled comes no more, and nobody waits for it
# How one entry of the timetable is shown: its words, when it is to be, when it is believed to be, and when it was.
_OF_VISIT = (
    "id", "waste", "truck", "state", "reason", "held", "label", "planned_at", "eta_at", "early_at", "late_at", "due_at",
    "arrived_at", "left_at", "visit_number",
)  # fmt: skip
_OF_ROOM = (
    "room", "name", "estate", "estate_name", "wastes", "life", "heard_at", "lamps", "lamps_at", "bins", "bins_out_at",
)  # fmt: skip


def rooms_today(picture: Row, times: Times, mine: Callable[[Row], bool] = lambda _: True) -> list[Row]:
    """Of each room that is `mine` what it shows now, its calls of today in order, what the timetable of today has
    beside them (runs are opened an hour before they begin), and lanes that are blocked there."""
    calls = calls_by_room(picture)
    blocked: dict[str, list[Row]] = {}
    for one in picture["incidents"]:
        if one["open"] and one["reason"] == "lane_blocked" and one["condition"] == "active" and one["room"]:
            shown = {name: one[name] for name in ("incident_id", "truck", "raised_at")}
            blocked.setdefault(one["room"], []).append(shown)
    return [
        {
            **{name: room[name] for name in _OF_ROOM},
            "calls": calls.get(room["room"], []),
            "later": later(room, calls.get(room["room"], []), times, picture["at"]),
            "blocked": blocked.get(room["room"], []),
        }
        for room in picture["rooms"]
        if mine(room)
    ]


def calls_by_room(picture: Row) -> dict[str, list[Row]]:
    """The visits of today, and what is owed from before, by room and in the order in which they come."""
    since_at = _midnight(picture["at"], picture["area"]["timezone"])
    found: dict[str, list[Row]] = {}
    for run in picture["runs"]:
        for visit in run["visits"]:
            moment = _moment(visit)
            if visit["state"] in COUNTED and (visit["state"] in OWED or (moment or 0) >= since_at):
                row = {name: visit[name] for name in _OF_VISIT}
                found.setdefault(visit["room"], []).append({**row, "late_s": late_s(visit)})
    for rows in found.values():
        rows.sort(key=lambda row: (_moment(row) or 0, row["id"]))
    return found


def later(room: Row, calls: Iterable[Row], times: Times, now: int) -> list[Row]:
    """What comes by the timetable of today and is no visit yet."""
    opened = {(call["waste"], call["planned_at"]) for call in calls}
    found = [
        {"waste": waste, "planned_at": at}
        for waste in room["wastes"]
        for at in times.get((room["room"], waste), ())
        if at > now and (waste, at) not in opened
    ]
    return sorted(found, key=lambda row: int(row["planned_at"]))


def late_s(visit: Row) -> int | None:
    """By how much a truck came, or is believed to come, later than the timetable says; None where nobody knows."""
    came_at = visit["arrived_at"] if visit["arrived_at"] is not None else visit["eta_at"]
    if came_at is None or visit["planned_at"] is None or visit["state"] == "skipped":
        return None
    return int(came_at - visit["planned_at"])


def next_of(calls: Iterable[Row]) -> Row | None:
    """The first call that is still to come, or goes on."""
    return next((row for row in calls if row["state"] in OWED), None)


def _moment(visit: Row) -> int | None:
    """When it was, is believed to be, or is to be."""
    return next((visit[name] for name in ("arrived_at", "eta_at", "due_at", "planned_at") if visit[name]), None)


def _midnight(at: int, timezone: str) -> int:
    here = datetime.fromtimestamp(at, ZoneInfo(timezone))
    return int(here.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
