"""What a morning cost, in minutes, read from its record alone; and how that compares with another one.

Pure figures: each row is a number of minutes that somebody waited or that was lost, so they add. What is not served by
the end weighs as an hour, a promise that was not kept as ten minutes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from broker.reports.figures import figures_of
from broker.rules.statistics.cube import DIMENSIONS
from broker.store import Store
from broker.store.days import Days

UNSERVED_MIN, BROKEN_MIN = 60.0, 10.0
KEPT_WITHIN_S = 300
ROWS = ("unseen", "undecided", "late", "unserved", "broken", "outside")


@dataclass(frozen=True, slots=True)
class Score:
    """Minutes by row, and how many cases each row is about."""

    minutes: dict[str, float]
    counts: dict[str, int]

    @property
    def total(self) -> float:
        """All of it."""
        return round(sum(self.minutes.values()), 1)


def score_of(store: Store, from_at: int, until_at: int, timezone: str) -> Score:
    """The score of what a record holds of these seconds."""
    incidents = _newest(store, "workflow", from_at, until_at)
    visits = _newest(store, "visit", from_at, until_at)
    real = [one for one in incidents if one["workflow"] != "withdrawn"]
    came = [one for one in visits if one["arrived_at"] is not None]
    owed = [one for one in visits if one["state"] not in ("served", "skipped", "cancelled")]
    lost = [one for one in visits if one["state"] == "cancelled" and not one["undone"]]
    late = [one["arrived_at"] - one["planned_at"] for one in came if one["planned_at"] is not None]
    off = [abs(one["arrived_at"] - one["promised_at"]) for one in came if one["promised_at"] is not None]
    broken = [off_s for off_s in off if off_s > KEPT_WITHIN_S]
    day = Days(timezone).of(from_at)
    room = 1 + DIMENSIONS.index("room")  # of a cube's key: the day comes first
    outside: dict[str, int] = {}
    for key, figures in figures_of(store, day, day, timezone).items():
        if figures["outside_s"]:
            outside[key[room]] = outside.get(key[room], 0) + figures["outside_s"]
    seconds = {
        "unseen": _waited(real, "acknowledged_at", until_at),
        "undecided": _waited(real, "decided_at", until_at),
        "late": [late_s for late_s in late if late_s > 0],
        "outside": list(outside.values()),
    }
    minutes = {name: sum(found) / 60 for name, found in seconds.items()}
    minutes |= {"unserved": UNSERVED_MIN * len(owed + lost), "broken": BROKEN_MIN * len(broken)}
    counts = {name: len(found) for name, found in seconds.items()}
    counts |= {"unserved": len(owed + lost), "broken": len(broken)}
    return Score({name: round(minutes[name], 1) for name in ROWS}, {name: counts[name] for name in ROWS})


def _newest(store: Store, kind: str, from_at: int, until_at: int) -> list[dict[str, Any]]:
    newest = {record.key: dict(record.body) for record in store.scan(kind, from_at, until_at + 1)}
    return [body for _, body in sorted(newest.items())]


def _waited(incidents: Iterable[dict[str, Any]], what: str, until_at: int) -> list[int]:
    """How long each press waited for it: till the end of the press, or of the morning, where it never came."""
    return [
        max(0, (one[what] or one["closed_at"] or one["cleared_at"] or until_at) - one["raised_at"]) for one in incidents
    ]
