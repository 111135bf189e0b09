"""What waits in a room and what a visit took, as the day knows it: its unit's readings, seen with the visits' times.

A visit's bins may leave from an hour before its call, or the call of one that was skipped before it, and come back
until the next visit to the room begins, at the latest `bins_back_s` after the truck left; those that come later than
that tell for a while what they are. Of bins that two trucks of one kind found outside nobody knows which took them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from broker.rules.collecting.collected import CameBack, Collected, came_back, collected
from broker.rules.collecting.moves import Span
from broker.rules.collecting.readings import KEPT_S, NEVER_AT, USELESS, Reading, Readings
from broker.rules.day.day import Day
from broker.rules.settings import LIGHTEST_BIN_GRAMS
from broker.rules.states.visit import Visit, VisitKey

EARLY_S = 3600  # a keeper who knows the timetable needs no lamp
SEEN_AGAIN_S = 7200  # so long after the truck left a bin that comes back may be one of its own
SKIPPED_BEFORE_S = 7200  # bins that were rolled out for a skipped visit may stand there for the next one
OVER = ("served", "skipped")  # states of a visit after which bins may still be counted
Waits = tuple[int | None, int | None]  # (bins, grams) that wait for a visit; None: nobody knows


class _Held(NamedTuple):
    """What waits for a visit, as long as it, the others, and the readings of its room stay as they are."""

    visit: Visit
    changes: int
    since_at: int  # asked of a moment before that it may have been another
    before_at: int  # then it may be another
    waits: Waits


def waiting(day: Day, visit: Visit, now: int) -> Waits:
    """(bins, grams) that wait for a visit: what stood in the room before they were rolled out; None: nobody knows.

    For a visit by appointment kilograms wait, in bins that stay where they are.
    """
    bins, grams = _waiting(day, visit, now)
    return None if visit.by_appointment else bins, grams


def _waiting(day: Day, visit: Visit, now: int) -> Waits:
    room = day.devices.rooms.get(visit.room)
    readings = room.readings.get(visit.waste) if room else None
    if readings is None:
        return None, None
    held: _Held | None = readings.held
    changes = day.visits.changes(visit.room, visit.waste)
    if held is not None and held.visit is visit and held.changes == changes and held.since_at <= now < held.before_at:
        return held.waits
    from_at = _from_at(day, visit, now)
    newest = readings.newest
    if 0 < readings.moved_at <= from_at and (newest.says or newest.fell_silent):  # as most rooms are most of the time
        waits: Waits = (newest.bins, newest.grams)
        before_at = NEVER_AT
    else:
        waits = readings.of_span(from_at, now, _waiting_by)
        span_from_at, before_at = readings.span_ends
        moved_at = readings.moved_at if readings.moved_at > from_at else NEVER_AT
        before_at = min(before_at, min(span_from_at, moved_at) + EARLY_S)  # a span begins so long ago at the latest
    others_left_at = (other.left_at or 0 for other in day.visits.at(visit.room, visit.waste))
    before_at = min([before_at, *(at for at in others_left_at if at > now)])  # by a truck's clock that is ahead
    readings.hold(_Held(visit, changes, now, before_at, waits))
    return waits


def _waiting_by(readings: Sequence[Reading]) -> Waits:
    waits = collected(readings, Span(0, None, None, 0))
    return waits.bins_before, waits.grams_before


def waits_for(day: Day, visit: Visit, now: int) -> Waits:
    """What waits for a visit, or waited for it where it is over."""
    if visit.state == "served":
        return None if visit.by_appointment else visit.bins_before, visit.grams_before
    return waiting(day, visit, now)


def waits_in(day: Day, room: str, waste: str, now: int) -> Waits:
    """(bins, grams) of a waste kind that wait in a room, for a truck that comes next or for none."""
    state = day.devices.rooms.get(room)
    stands, readings = (state.bins.get(waste), state.readings.get(waste)) if state else (None, None)
    if readings is not None and readings.moved_at > now - KEPT_S:
        first = day.visits.made_at(room, waste, _first_owed)
        if first is not None:
            return _waiting(day, first, now)
    return (stands.count, stands.grams) if stands and stands.quality < USELESS else (None, None)


def _first_owed(visits: Sequence[Visit]) -> Visit | None:
    """For which of a room's visits what stands there waits."""
    owed = [visit for visit in visits if visit.owed]
    return min(owed, key=lambda visit: (visit.state == "pending", visit.planned_at or 0), default=None)


def waiting_bins(visits: Iterable[Visit], waits: Mapping[VisitKey, Waits]) -> dict[tuple[str, str], int]:
    """How many bins wait for these visits, by room and waste, where that is known."""
    counts = {(visit.room, visit.waste): waits[visit.key][0] for visit in visits}
    return {place: count for place, count in counts.items() if count is not None}


def collected_at(day: Day, visit: Visit) -> Collected:
    """What was collected at a visit that is over, by all that is known of its room now."""
    return came_back_to(day, visit).amounts


def came_back_to(day: Day, visit: Visit) -> CameBack:
    """The same, with what is known of the bins that came back.

    Readings are kept for hours: of a visit that began before them nothing new can be counted from what is left.
    """
    room = day.devices.rooms.get(visit.room)
    readings = room.readings.get(visit.waste) if room else None
    over_at = ended_at(visit)
    if readings is None or over_at is None:
        return CameBack(Collected(visit.bins_before, None, visit.grams_before, None))
    from_at, until_at = _from_at(day, visit, over_at), back_until(day, visit, over_at)
    if from_at < max(readings.whole_since, day.devices.readings_since):
        return CameBack(visit.amounts)
    seen_until_at = until_at
    if visit.state == "served" and until_at == over_at + day.settings.bins_back_s:
        seen_until_at = _next_begins(day, visit, over_at, over_at + SEEN_AGAIN_S)
    arrived_at = over_at if visit.arrived_at is None else visit.arrived_at
    span = Span(from_at, arrived_at, visit.left_at, until_at)
    found = came_back(readings.between(from_at, seen_until_at), span, _known_tare(day, visit))
    if visit.state == "served" and _shares_bins(day, visit, readings):
        return CameBack(found.amounts.of_nobody())
    return found


def collected_again(day: Day, visit: Visit, at: int) -> Collected | None:
    """What was collected at a visit that is over, now that a reading of this moment came; None where the reading is
    known to change nothing: all its bins are back, no other truck stood there, and the visits are as they were."""
    room = day.devices.rooms.get(visit.room)
    readings = room.readings.get(visit.waste) if room else None
    changes = day.visits.changes(visit.room, visit.waste)
    if readings is not None and readings.is_settled(visit.key, changes, at):
        return None
    found = came_back_to(day, visit)
    settled_at = found.settled_at
    if readings is not None and settled_at is not None and visit.state == "served":
        others = (other for other in day.visits.at(visit.room, visit.waste) if other.key != visit.key)
        is_alone = not any(other.state in ("at_stop", "served") for other in others)
        readings.settle(visit.key, changes, settled_at if is_alone else NEVER_AT)
    return found.amounts


def is_emptied(day: Day, visit: Visit, now: int) -> bool:
    """Whether the bins of a visit where the truck stands were taken and are back, by what the room's unit says."""
    found = collected_at(day, visit.left(now))
    if found.out or found.bins_after not in (0, None):
        return False
    known = found.grams_before is not None and found.grams_after is not None
    grams = (found.grams_before or 0) - (found.grams_after or 0) if known else 0
    return bool(found.bins) or grams >= LIGHTEST_BIN_GRAMS


def _shares_bins(day: Day, visit: Visit, readings: Readings) -> bool:
    """Whether another truck stood there for the same bins: at the same time, or before all were back in the room."""
    for other in day.visits.at(visit.room, visit.waste):
        if other.key == visit.key or other.state not in ("at_stop", "served"):
            continue
        first, second = sorted((visit, other), key=lambda one: one.arrived_at or one.left_at or 0)
        if first.arrived_at is None or second.arrived_at is None:
            continue
        if first.left_at is None or second.arrived_at <= first.left_at:
            return True
        from_at = _from_at(day, first, first.left_at)
        since_at = max(readings.whole_since, day.devices.readings_since)
        if second.arrived_at > first.left_at + KEPT_S or from_at < since_at:
            continue
        span = Span(from_at, first.arrived_at, first.left_at, second.arrived_at)
        found = collected(readings.between(from_at, second.arrived_at), span)
        if found.out or (found.bins is None and found.bins_before is not None):
            return True
    return False


def ended_at(visit: Visit) -> int | None:
    """When a visit was over: the truck left, or stood there and skipped."""
    if visit.state not in OVER:
        return None
    return visit.left_at if visit.state == "served" else visit.arrived_at


def _begun_at(visit: Visit) -> int | None:
    """Its call, or its arrival, whichever came first."""
    due_at, arrived_at = visit.due_at, visit.arrived_at
    if due_at is None or arrived_at is None:
        return arrived_at if due_at is None else due_at
    return min(due_at, arrived_at)


def _from_at(day: Day, visit: Visit, now: int) -> int:
    """Since when bins that leave the room may leave it for this visit."""
    begun_at = _begun_at(visit)
    first_at = now if begun_at is None else min(begun_at, now)
    last_left_at, from_at, own = 0, first_at, visit.key
    for other in day.visits.at(visit.room, visit.waste):
        if other is visit or other.key == own:
            continue
        other_at = _begun_at(other)
        if other.state == "served" and other.left_at is not None and other.left_at <= (visit.arrived_at or now):
            last_left_at = max(last_left_at, other.left_at)
        elif other.state == "skipped" and other_at is not None and first_at - SKIPPED_BEFORE_S <= other_at:
            from_at = min(from_at, other_at)
    return max(last_left_at, from_at - EARLY_S)


def back_until(day: Day, visit: Visit, over_at: int) -> int:
    """Until when bins that come back come back from this visit."""
    return _next_begins(day, visit, over_at, over_at + day.settings.bins_back_s)


def _next_begins(day: Day, visit: Visit, over_at: int, latest_at: int) -> int:
    """When the next visit to the room begins after this one was over, or `latest_at`."""
    others = (_begun_at(other) for other in day.visits.at(visit.room, visit.waste) if other.key != visit.key)
    return min([latest_at, *(at for at in others if at is not None and at > over_at)])


def _known_tare(day: Day, visit: Visit) -> int | None:
    """What an emptied bin weighed when this room's were last weighed."""
    before = [
        other
        for other in day.visits.at(visit.room, visit.waste)
        if other.tare_grams is not None and (other.left_at or 0) < (visit.left_at or visit.arrived_at or 0)
    ]
    return max(before, key=lambda other: other.left_at or 0).tare_grams if before else None
