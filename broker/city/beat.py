"""What a cell says of itself to its city, from the picture that its own screens show. Pure.

It has moments and no ages: the city says how long ago they are. What is listed has its sentences in both languages, in
the words of the cell's own release.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from broker import __version__
from broker.feeds.outside.findings import FIELDS, Findings
from broker.web.view.health import Sentences

MOST_LISTED = 200  # of open presses and of alarms; how many there are is said besides
OVER_S = 3600  # a press that is over is said for so long
UNSEEN = ("unseen_active", "seen_active")  # the states of an alarm that a person has to do with
INCIDENT = (
    "incident_id", "truck", "reason", "stage", "workflow", "condition", "decision", "room", "room_name", "estate",
    "estate_name", "lat", "lon", "run_id", "pressed_at", "raised_at", "acknowledged_at", "decided_at", "closed_at",
    "changed_at", "open",
)  # fmt: skip
OWED = ("pending", "due", "at_stop")

Row = Mapping[str, Any]


class Beats:
    """The beats of one area."""

    def __init__(self, area: str, timezone: str) -> None:
        self._findings, self._sentences, self._timezone = Findings(area, timezone), Sentences(), timezone

    def of(self, picture: Row, health: Sequence[Row], screen: str | None) -> dict[str, Any]:
        """What the cell shows, what is wrong with it (`health`), and where its own screen is."""
        incidents = [row for row in picture["incidents"] if _is_told(row, picture["at"])]
        alarms = [row for row in picture["alarms"] if row["state"] in UNSEEN and row["active"]]
        return {
            "at": picture["at"],
            "version": __version__,
            "screen": screen,
            "old_since_at": picture["old_since_at"],
            "link": picture["link"],
            "plan": {name: picture["plan"][name] for name in ("state", "known", "last_day", "next_day", "days_left")},
            "unstored": picture["data"]["unstored"],
            "health": [{**row, "text": dict(self._sentences.of(dict(row), self._timezone))} for row in health],
            "progress": progress_of(picture),
            "open": sum(row["open"] for row in incidents),
            "incidents": [{name: row.get(name) for name in INCIDENT} for row in incidents[:MOST_LISTED]],
            "alarm_count": len(alarms),
            "alarms": [
                {**{name: row[name] for name in FIELDS}, "text": self._findings.text(row)}
                for row in alarms[:MOST_LISTED]
            ],
        }


def _is_told(row: Row, now: int) -> bool:
    return bool(row["open"]) or (row.get("changed_at") or row["raised_at"]) > now - OVER_S


def progress_of(picture: Row) -> dict[str, Any]:
    """How far the day is: visits by state, in all and by kind of waste; runs, trucks and rooms."""
    by_waste: dict[str, Counter[str]] = {}
    for run in picture["runs"]:
        counts = by_waste.setdefault(run["waste"], Counter())
        for visit in run["visits"]:
            counts["owed" if visit["state"] in OWED else visit["state"]] += 1
    names = ("served", "skipped", "owed", "cancelled")
    waiting = [[bins["count"] for bins in room["bins"].values() if bins["count"]] for room in picture["rooms"]]
    return {
        **{name: sum(counts[name] for counts in by_waste.values()) for name in names},
        "by_waste": {waste: {name: counts[name] for name in names} for waste, counts in sorted(by_waste.items())},
        "runs": len(picture["runs"]),
        "runs_running": sum(run["state"] == "running" for run in picture["runs"]),
        "runs_finished": sum(run["state"] == "finished" for run in picture["runs"]),
        "trucks": sum(not truck["reserve"] for truck in picture["trucks"]),
        "trucks_ready": sum(truck["life"] == "ready" for truck in picture["trucks"]),
        "rooms": len(picture["rooms"]),
        "rooms_ready": sum(room["life"] == "ready" for room in picture["rooms"]),
        "rooms_waiting": sum(bool(counts) for counts in waiting),
        "bins_waiting": sum(map(sum, waiting)),
    }
