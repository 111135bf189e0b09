"""What a sign shows: of each kind of waste the next truck, nothing of who drives it or who lives here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from broker.web.view.room_calls import late_s

Row = dict[str, Any]
Ahead = Callable[[str, int], int | None]  # of a kind: its first moment by the timetable after that one

LATE_FROM_S = 120  # less than that is on time, for somebody who waits with a bag
SOON_S = 60
FAR_S = 5400  # from there on the clock says more than minutes do
MOST_AFTER = 3
NO_PREDICTION = ("timetable", None)  # labels of a time that is the plan's own


@dataclass(frozen=True, slots=True)
class Next:
    """The next truck of one kind. `state` is the key of its word; `at` None where none comes within a week."""

    waste: str
    state: str
    at: int | None = None
    in_minutes: int | None = None
    late_minutes: int | None = None  # below zero: early
    planned_at: int | None = None
    after: tuple[int, ...] = ()  # the moments of the timetable after that, of today


def board(
    wastes: Iterable[str], calls: Iterable[Row], later: Iterable[Row], next_at: Ahead, now: int, *, known: bool
) -> list[Next]:
    """The next truck of each kind, by `calls` and `later` of one room (room_calls.py), after today by `next_at`.

    Where it is not `known` how trucks drive now, nothing is said but the timetable.
    """
    calls, later = list(calls), list(later)
    return [_next(waste, calls, later, next_at, now, known=known) for waste in wastes]


def _next(waste: str, calls: list[Row], later: list[Row], next_at: Ahead, now: int, *, known: bool) -> Next:
    owed = [call for call in calls if call["waste"] == waste and call["state"] in ("at_stop", "due", "pending")]
    after = tuple(row["planned_at"] for row in later if row["waste"] == waste)
    if owed and known:
        call = min(owed, key=_nearness)
        after = tuple(sorted({*after, *(one["planned_at"] for one in owed if one is not call and one["planned_at"])}))
        return _of_call(waste, call, after[:MOST_AFTER], now)
    planned = sorted({*after, *(call["planned_at"] for call in owed if (call["planned_at"] or 0) > now)})
    if planned:
        first, after = planned[0], tuple(planned[1:])[:MOST_AFTER]
        return Next(waste, "by_timetable", first, _minutes(first - now), None, first, after)
    at = next_at(waste, now)
    return Next(waste, "none") if at is None else Next(waste, "another_day", at, None, None, at)


def _of_call(waste: str, call: Row, after: tuple[int, ...], now: int) -> Next:
    if call["state"] == "at_stop":
        return Next(waste, "at_stop", call["arrived_at"], None, None, call["planned_at"], after)
    at = call["eta_at"] if call["eta_at"] is not None else call["planned_at"]
    called = call["state"] == "due"  # its lamp is lit: that is a promise, whatever the next word of the truck is
    if call["eta_at"] is None or (call["label"] in NO_PREDICTION and not called):
        late = None if call["eta_at"] is None else _late(call)
        state = "held" if call["held"] else "by_timetable"
        return Next(waste, state, at, _minutes(at - now) if at else None, late, call["planned_at"], after)
    state = "held" if call["held"] else "due" if called else "coming"
    return Next(waste, state, at, _minutes(at - now), _late(call), call["planned_at"], after)


def _nearness(call: Row) -> tuple[bool, bool, int]:
    """Who stands here comes first, then who was called."""
    return call["state"] != "at_stop", call["state"] != "due", call["eta_at"] or call["planned_at"] or 0


def _late(call: Row) -> int | None:
    found = late_s(call)
    return None if found is None or abs(found) < LATE_FROM_S else round(found / 60)


def _minutes(seconds: int) -> int | None:
    """Whole minutes until then; 0 where it is any moment, None where it is long."""
    return None if seconds > FAR_S else 0 if seconds < SOON_S else round(seconds / 60)
