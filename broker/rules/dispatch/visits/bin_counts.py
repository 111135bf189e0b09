"""What a room's unit says becomes what was collected at its visits, at once or when a late report tells it."""

from typing import Any

from broker.rules.collecting.collected import Collected
from broker.rules.collecting.readings import SPOKEN_OF_S
from broker.rules.day.bins import OVER, SEEN_AGAIN_S, SKIPPED_BEFORE_S, back_until, collected_again, ended_at
from broker.rules.day.day import Day
from broker.rules.effects.effect import Effect
from broker.rules.effects.records import put
from broker.rules.settings import LIGHTEST_BIN_GRAMS, SCALE_NOISE_GRAMS
from broker.rules.states.visit import Visit
from broker.rules.tracking.types import FUTURE_S


def take_report(day: Day, room_id: str, body: dict[str, Any], now: int, *, is_newest: bool) -> list[Effect]:
    """A unit's report; one of its backlog (`late`) says nothing about now, but may say what was collected then."""
    at = take_counts(day, room_id, body, now, is_newest=is_newest)  # all of them, whatever becomes of the decisions
    if at is None:
        return []
    effects: list[Effect] = []
    for waste in {row["waste"]: None for row in body["bins"]}:
        for visit in day.visits.at(room_id, waste):
            if visit.state in OVER:
                effects += _count_again(day, visit, at, now)
    return effects


def take_counts(day: Day, room_id: str, body: dict[str, Any], now: int, *, is_newest: bool) -> int | None:
    """Know what stood in a room by its unit's report, and when; None where that is not known. Nothing is decided."""
    late, at = body["late"], body["at"]
    if late and at is None:
        return None
    at = now if at is None or at > now + FUTURE_S else at
    room = day.devices.room(room_id)
    room.read(body["bins"], at, body["boot"], body["seq"])
    if is_newest and not late:
        room.counts(body["bins"], at)
    return int(at)


def _count_again(day: Day, visit: Visit, at: int, now: int) -> list[Effect]:
    """What a reading of this moment changes in what was collected at a visit that is over."""
    over_at = ended_at(visit)
    last_at = 0 if over_at is None else over_at + max(SEEN_AGAIN_S, day.settings.bins_back_s + SPOKEN_OF_S)
    if over_at is None or not over_at - SKIPPED_BEFORE_S <= at <= last_at:
        return []
    amounts = collected_again(day, visit, at)
    if amounts is None:
        return []
    if visit.state == "skipped":
        contradiction = _taken_all_the_same(day, visit, amounts, at)
        if contradiction is None:
            return []
        amounts = contradiction
    counted = visit.collected(amounts)
    return put(day, counted, now) if _differs(visit, counted) else []


def _taken_all_the_same(day: Day, visit: Visit, amounts: Collected, at: int) -> Collected | None:
    """What a crew took of a room that it skipped: what came back emptied, or never; None where it took nothing.

    Bins that are rolled out and rolled back in full are neither, nor are those that wait outside for the next visit.
    """
    until_at = (visit.arrived_at or 0) + day.settings.bins_back_s
    grams = None
    if amounts.grams_before is not None and amounts.grams_after is not None:
        grams = amounts.grams_before - amounts.grams_after
    if amounts.out:
        is_over = at >= until_at == back_until(day, visit, visit.arrived_at or 0)
        return amounts.keeping(amounts.out) if is_over else None
    return amounts if grams is not None and grams >= LIGHTEST_BIN_GRAMS else None


def _differs(before: Visit, after: Visit) -> bool:
    if (before.bins_before, before.bins_after) != (after.bins_before, after.bins_after):
        return True
    if before.sensor_quality != after.sensor_quality:
        return True
    for one, other in ((before.grams_before, after.grams_before), (before.grams_after, after.grams_after)):
        if one is None or other is None:
            if one is not other:
                return True
        elif abs(one - other) >= SCALE_NOISE_GRAMS:
            return True
    return False
