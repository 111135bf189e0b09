"""Records without a store, as the figures count them: one day of one area."""

from dataclasses import dataclass, field
from typing import Any

from broker.rules.statistics.cube import count, total

ZONE = "Asia/Shanghai"
NOON = 1795320000  # 2026-11-22 12:00 in Shanghai
DAY = "2026-11-22"
NAMES = {"xh": "香禾街道 / Xianghe", "r01": "一村 / First", "e1": "一村 <b> / First <b>"}


@dataclass(frozen=True)
class Fact:
    """A record without a store."""

    kind: str
    key: str
    id: str
    at: int
    body: dict[str, Any] = field(default_factory=dict)


def visit(key: str = "run1/r01/1", at: int = NOON, number: int = 1, **body) -> Fact:
    """A visit's transition, served at noon with 5 of 6 bins taken, unless said otherwise."""
    full = {
        "run_id": "run1", "room": "r01", "route": "A", "truck": "t01", "waste": "unit_wet", "estate": "e1",
        "visit_number": 1, "state": "served", "reason": None, "planned_at": NOON - 120, "promised_at": NOON - 600,
        "due_at": NOON - 960, "arrived_at": NOON, "left_at": NOON + 240, "bins_before": 6, "bins_after": 1,
        "grams_before": 300_000, "grams_after": 50_000, **body,
    }  # fmt: skip
    return Fact("visit", key, f"visit:{key}:{at}:{number}", at, full)


def day_total(*facts: Fact) -> dict[str, int]:
    """The figures of the day of all tests."""
    figures = total(count(facts, ZONE), DAY, DAY)
    assert figures is not None
    return figures


def keeper(at: int) -> Fact:
    """The bins of r01 are rolled out."""
    return Fact("keeper", "r01", f"r01:1:{at}", at, {"device": "r01", "event": "bins_out"})


def workflow(number: int, at: int, **body) -> Fact:
    """An incident's newest state, cleared after ten minutes."""
    full = {"reason": "lane_blocked", "estate": "e1", "truck": "t01", "pressed_at": at, "cleared_at": at + 600, **body}
    return Fact("workflow", f"t01/i{number}", f"workflow:t01/i{number}:1", at + 600, full)


def weighing(number: int, grams: int, at: int = NOON + 3600, run_id: str | None = "run1") -> Fact:
    """A weigh-in of run1."""
    body = {"truck": "t01", "run_id": run_id, "waste": "unit_wet", "grams": grams, "at": at, "who": "ann"}
    return Fact("weighing", f"w{number}", f"weighing:w{number}", at, body)
