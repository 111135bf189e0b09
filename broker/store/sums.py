"""Day sums: what of each kind is added up, by which fields, kept beside every sealed day and live for the open one.

A cube maps (event day, dimension values ...) to (records, measure sums ...). Cubes add, so any span of days is the
sum of its parts, and an amendment is one subtraction and one addition.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from broker.store.days import Days

DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "bins": ("device", "waste"),
    "visit": ("estate", "reason", "room", "route", "state", "truck", "waste"),
    "call": ("how", "label", "room", "truck", "waste"),
    "weighing": ("run_id", "truck", "waste"),
    "incident": ("device", "reason"),
    "workflow": ("estate", "reason", "room", "stage", "truck"),
    "keeper": ("device", "event"),
    "run": ("route", "state", "truck", "waste"),
}
MEASURES: Mapping[str, tuple[str, ...]] = {
    "bins": ("count", "grams"),
    "visit": ("bins_before", "bins_after", "grams_before", "grams_after"),
    "call": ("lead_s",),
    "weighing": ("grams",),
}
_LISTS = {"bins": "bins"}  # kinds whose body holds a list: each entry counts, with the body's own fields beside it

Value = str | int | bool | None
Cube = dict[tuple[Value, ...], list[int]]


def add(cube: Cube, kind: str, by: Sequence[str], day: str, body: Mapping[str, Any], sign: int = 1) -> None:
    """Count one record into the cube, or out of it with `sign` -1; a field of a list's entry hides the body's own."""
    measures = MEASURES.get(kind, ())
    entries = body.get(_LISTS[kind]) if kind in _LISTS else None
    for part in entries if isinstance(entries, list) else (body,):
        if not isinstance(part, Mapping):
            continue
        values = [part[field] if field in part else body.get(field) for field in by]
        # What is no plain word or number counts as None.
        key = (day, *[value if isinstance(value, str | int) else None for value in values])
        row = cube.get(key)
        if row is None:
            row = cube[key] = [0] * (1 + len(measures))
        row[0] += sign
        for position, measure in enumerate(measures, 1):
            value = part.get(measure)
            if type(value) is int:
                row[position] += sign * value


def count(kind: str, by: Sequence[str], days: Days, records: Iterable[tuple[int, Mapping[str, Any]]]) -> Cube:
    """The cube of (at, body) pairs."""
    cube: Cube = {}
    for at, body in records:
        add(cube, kind, by, days.of(at), body)
    return cube


def fold(into: Cube, cube: Cube, picked: Sequence[int], from_day: str, to_day: str) -> None:
    """Add the days from `from_day` to `to_day` of a cube to one that has only its `picked` key positions."""
    for key, row in cube.items():
        if from_day <= str(key[0]) <= to_day:
            short = tuple([key[position] for position in picked])
            found = into.get(short)
            into[short] = row if found is None else [a + b for a, b in zip(found, row, strict=True)]


def picked(dimensions: Sequence[str], by: Sequence[str]) -> list[int]:
    """The key positions of the day and the fields of `by`."""
    return [0, *(dimensions.index(field) + 1 for field in by)]


def rows(kind: str, by: Sequence[str], cube: Cube) -> list[dict[str, Any]]:
    """A cube of exactly `by` as the rows `totals` gives: sorted, without rows that have no records."""
    measures = MEASURES.get(kind, ())
    ordered = sorted(cube.items(), key=lambda row: [(value is not None, str(value)) for value in row[0]])
    return [
        {
            "day": key[0],
            **dict(zip(by, key[1:], strict=True)),
            "records": sums[0],
            **dict(zip(measures, sums[1:], strict=True)),
        }
        for key, sums in ordered
        if sums[0]
    ]


def saved(kind: str, cube: Cube) -> dict[str, Any]:
    """A cube as the JSON of a `<kind>.sum.json`."""
    ordered = sorted(cube.items(), key=lambda row: [(value is not None, str(value)) for value in row[0]])
    return {
        "kind": kind,
        "by": list(DIMENSIONS.get(kind, ())),
        "measures": list(MEASURES.get(kind, ())),
        # A reader of JSON may have 64 bits for a number: what is longer is written as text.
        "rows": [[*key, *[one if abs(one) < 1 << 63 else str(one) for one in sums]] for key, sums in ordered],
    }


def loaded(kind: str, data: Mapping[str, Any]) -> Cube | None:
    """The cube of a `<kind>.sum.json`, or None if it was made by other dimensions than today's (recount then)."""
    by, measures = DIMENSIONS.get(kind, ()), MEASURES.get(kind, ())
    if data.get("by") != list(by) or data.get("measures") != list(measures):
        return None
    width = 1 + len(by)
    return {tuple(row[:width]): [int(one) for one in row[width:]] for row in data["rows"]}
