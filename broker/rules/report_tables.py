"""The figures as tables: rows with shares, CSV that a spreadsheet opens, JSON."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from broker.rules.periods import periods_between
from broker.rules.statistics import MEASURES, Cube, Figures, fold

# share: (numerator, denominator); the denominator is what was known, not what happened
SHARES = {
    "served_share": ("served", "visits"),
    "plan_on_time_share": ("plan_on_time", "plan_known"),
    "promise_on_time_share": ("promise_on_time", "promise_known"),
    "calls_13_to_19_share": ("calls_13_to_19", "calls_scored"),
    "calls_11_to_21_share": ("calls_11_to_21", "calls_scored"),
}


def share(figures: Mapping[str, int], name: str) -> float | None:
    """One share, 0 to 1 with four places; None without a denominator."""
    over, under = SHARES[name]
    return round(figures[over] / figures[under], 4) if figures[under] else None


def rows(cube: Cube, period: str, by: Sequence[str], from_day: str, to_day: str) -> list[dict[str, Any]]:
    """One row per period and combination of `by`; a period without any record is one row of nulls: a gap."""
    folded = fold(cube, period, by, from_day, to_day)
    found: list[dict[str, Any]] = []
    for name in periods_between(from_day, to_day, period):
        keys = sorted(key for key in folded if key[0] == name)
        if not keys:
            found.append(_row(name, by, [None] * len(by), None))
        found += [_row(name, by, list(key[1:]), folded[key]) for key in keys]
    return found


def _row(name: str, by: Sequence[str], values: Sequence[str | None], figures: Figures | None) -> dict[str, Any]:
    row: dict[str, Any] = {"period": name, **dict(zip(by, values, strict=True)), "gap": figures is None}
    for measure in MEASURES:
        row[measure] = None if figures is None else figures[measure]
    for word in SHARES:
        row[word] = None if figures is None else share(figures, word)
    return row


def as_csv(table: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV with a byte order mark, so that spreadsheets read Chinese; gaps and unknowns are empty."""
    out = io.StringIO()
    out.write("\ufeff")
    if table:
        writer = csv.DictWriter(out, list(table[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({name: _harmless(value) for name, value in row.items()} for row in table)
    return out.getvalue()


def _harmless(value: Any) -> Any:
    # A text that begins like a formula would be run by the spreadsheet that opens the file.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else value


def as_json(table: Sequence[Mapping[str, Any]]) -> str:
    """The rows as JSON."""
    return json.dumps(list(table), ensure_ascii=False, indent=1) + "\n"
