"""What a room's unit counts and weighs becomes what was collected at a visit: the count when the truck came, the least
one until soon after it left. A unit without a connection sends its counts later; they say the same by then.
"""

from typing import Any

from broker.rules.day.day import Day
from broker.rules.effects.effect import Effect
from broker.rules.effects.records import put
from broker.rules.settings import SCALE_NOISE_GRAMS
from broker.rules.states.visit import Visit


def take_report(day: Day, room_id: str, body: dict[str, Any], now: int) -> list[Effect]:
    """A unit's report; one of its backlog (`late`) says nothing about now, but may say what was collected then."""
    if body["late"] and body["at"] is None:
        return []
    take_counts(day, room_id, body, now)  # all of them, whatever becomes of the decisions
    effects: list[Effect] = []
    at = now if body["at"] is None else body["at"]
    for row in body["bins"]:
        effects += _count_after(day, room_id, row, at, now)
    return effects


def take_counts(day: Day, room_id: str, body: dict[str, Any], now: int) -> None:
    """What stands in a room now by a unit's report; nothing is decided."""
    if not body["late"]:
        day.devices.room(room_id).counts(body["bins"], now if body["at"] is None else body["at"])


def count_at(day: Day, visit: Visit) -> tuple[int | None, int | None]:
    """(count, grams) that a truck leaves behind; both None while the unit has said nothing since it came and is away:
    an old count would say that nothing was collected.
    """
    room = day.devices.room(visit.room)
    count = room.bins.get(visit.waste)
    if count is None:
        return None, None
    away = room.life in ("lost", "disconnected")
    if away and count.at < (visit.arrived_at or 0):
        return None, None
    return count.count, count.grams


def _count_after(day: Day, room_id: str, row: dict[str, Any], at: int, now: int) -> list[Effect]:
    """A count of soon after the truck left says what was collected; count and weight may come one after the other.

    Where the crew stood and skipped, a count or weight that falls is kept too: the figures name the contradiction.
    """
    visits = day.visits.at(room_id, row["waste"])
    if any(visit.state == "at_stop" and at >= (visit.arrived_at or 0) for visit in visits):
        return []
    for visit in sorted(visits, key=lambda one: (one.state != "served", -(one.arrived_at or 0))):
        ended_at = {"served": visit.left_at, "skipped": visit.arrived_at}.get(visit.state)
        if ended_at is None or at - ended_at > day.settings.after_count_s:
            continue
        if at < (ended_at if visit.arrived_at is None else visit.arrived_at):
            continue
        count, grams = visit.bins_after, visit.grams_after
        if visit.state == "skipped":
            count = visit.bins_before if count is None else count
            grams = visit.grams_before if grams is None else grams
            if count is None and grams is None:
                continue
        least_count, least_grams = _least(count, row["count"]), _least(grams, row["grams"])
        lighter = least_grams is not None and (grams is None or grams - least_grams >= SCALE_NOISE_GRAMS)
        if least_count != count or lighter:
            return put(day, visit.counted(least_count, least_grams), now)
    return []


def _least(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)
