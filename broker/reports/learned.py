"""How often the drives, stays and starts of a route were seen, from the record: how much there is to learn from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from broker.store import Record, Store, where


@dataclass(frozen=True, slots=True)
class Seen:
    """How often something was seen, how long it took in the middle, and when it was seen last."""

    times: int
    middle_s: int
    last_at: int


@dataclass(frozen=True, slots=True)
class SeenOfRoute:
    """Drives by (from, to), stays by room, and starts (how late), each where there were any."""

    legs: Mapping[tuple[str, str], Seen]
    stays: Mapping[str, Seen]
    starts: Seen | None


def seen_of(store: Store, route_id: str, waste: str, rooms: Collection[str], from_at: int) -> SeenOfRoute:
    """What is on record since `from_at`; drives of other routes between these rooms count, as they do for learning."""
    legs: dict[tuple[str, str], list[tuple[int, int]]] = {}
    stays: dict[str, list[tuple[int, int]]] = {}
    starts: list[tuple[int, int]] = []
    for record in _of(store, "leg", rooms, from_at):
        _take(legs.setdefault((str(record.body.get("from_room")), record.key), []), record, "drive_s")
    for record in _of(store, "dwell", rooms, from_at):
        if record.body.get("waste") == waste:
            _take(stays.setdefault(record.key, []), record, "dwell_s")
    for record in _of(store, "start", rooms, from_at):
        if record.body.get("route_id") == route_id:
            _take(starts, record, "late_s")
    return SeenOfRoute(
        {pair: _seen(rows) for pair, rows in legs.items() if rows},
        {room: _seen(rows) for room, rows in stays.items() if rows},
        _seen(starts) if starts else None,
    )


def _of(store: Store, kind: str, rooms: Collection[str], from_at: int) -> list[Record]:
    query: Any = (where("kind") == kind) & (where("at") >= from_at) & where("key").one_of(list(rooms))
    return list(store.search(query))


def _take(rows: list[tuple[int, int]], record: Record, name: str) -> None:
    """A record may be somebody else's: what is no number says nothing."""
    value = record.body.get(name)
    if type(value) is int:
        rows.append((value, record.at))


def _seen(rows: list[tuple[int, int]]) -> Seen:
    return Seen(len(rows), round(median(value for value, _ in rows)), max(at for _, at in rows))
