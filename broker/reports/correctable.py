"""What of which records people may correct: the fields the figures are made of, each with what it can be.

What a record is about (run, room, truck, device, numbers) and what the dispatch alone keeps (a workflow's steps) is not
among them: a slip there would take a visit out of its run when the bridge starts again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from broker.rules.settings import CONTAMINATION_GRADES
from firmware import wire

DAY_S = 86_400
# How far a time may lie from when its record was noted. Farther off is a slip of the pen, or a record that the figures
# of its new day would not find (figures.py says how far around a day they look).
LATER_S = 2 * DAY_S
EARLIER_S = {"visit": 14 * DAY_S, "call": 2 * DAY_S, "workflow": 366 * DAY_S, "weighing": 366 * DAY_S}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: whether a value fits, what it is in words, and whether it may be unknown."""

    fits: Callable[[Any], bool]
    what: str
    unknown: bool
    is_time: bool = False


def _whole(most: int, *, unknown: bool = True) -> Field:
    return Field(lambda value: type(value) is int and 0 <= value <= most, f"a whole number from 0 to {most}", unknown)


def _time(*, unknown: bool = True) -> Field:
    what = "a time not far from its record: whole Unix seconds, or as 2026-11-22T06:00 in the area's time"
    return Field(lambda value: type(value) is int and value >= 0, what, unknown, is_time=True)


def _word(words: tuple[str, ...], *, unknown: bool = False) -> Field:
    return Field(lambda value: type(value) is str and value in words, f"one of {' '.join(words)}", unknown)


def _name(*, unknown: bool) -> Field:
    def fits(value: Any) -> bool:
        return type(value) is str and 0 < len(value.strip()) <= wire.MAX_ID_BYTES and value.isprintable()

    return Field(fits, f"a name of 1 to {wire.MAX_ID_BYTES} characters", unknown)


_FLAG = Field(lambda value: type(value) is bool, "true or false", unknown=False)
_SETTLED = ("served", "skipped", "cancelled")  # where a visit stands before that is the dispatch's to say

FIELDS: Mapping[str, Mapping[str, Field]] = {
    "visit": {
        "state": _word(_SETTLED),
        "reason": _word(wire.SKIP_REASONS, unknown=True),
        "waste": _word(wire.WASTES),
        "planned_at": _time(),
        "promised_at": _time(),
        "due_at": _time(),
        "arrived_at": _time(),
        "left_at": _time(),
        "passed_at": _time(),
        "bins_before": _whole(wire.MAX_COUNT),
        "bins_after": _whole(wire.MAX_COUNT),
        "grams_before": _whole(wire.MAX_GRAMS),
        "grams_after": _whole(wire.MAX_GRAMS),
        "kept_lit": Field(_FLAG.fits, _FLAG.what, unknown=True),
        "inferred": _FLAG,
        "contamination": Field(
            lambda value: type(value) is int and value in CONTAMINATION_GRADES,
            f"one of {' '.join(map(str, CONTAMINATION_GRADES))}", unknown=True,
        ),
    },
    "call": {"waste": _word(wire.WASTES), "called_at": _time(unknown=False), "eta_at": _time()},
    "workflow": {
        "reason": _word(wire.INCIDENT_REASONS),
        "estate": _name(unknown=True),
        "pressed_at": _time(),
        "cleared_at": _time(),
        "closed_at": _time(),
    },
    "weighing": {
        "run_id": _name(unknown=True),
        "waste": _word(wire.WASTES),
        "grams": _whole(wire.MAX_GRAMS, unknown=False),
        "at": _time(unknown=False),
    },
    "keeper": {"event": _word(wire.KEEPER_EVENTS)},
}


def seconds(text: str, zone: ZoneInfo) -> int:
    """The Unix seconds of a time as people write it, in this zone unless it names one; ValueError if that is no time.

    A time that a change of the clocks skips or has twice is none.
    """
    moment = datetime.fromisoformat(text)
    if len(text) <= len("2026-11-22"):
        raise ValueError("a day without an hour")
    if moment.tzinfo is not None:
        return int(moment.timestamp())
    once, again = (moment.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    if once != again:
        raise ValueError("the clocks were changed then")
    return int(once)
