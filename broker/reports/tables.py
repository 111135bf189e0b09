"""The figures and findings as tables: rows with shares, CSV that a spreadsheet opens, JSON."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from broker.rules.statistics.alarm_load import AlarmLoad, alarm_load
from broker.rules.statistics.bookings import PropertyBookings, bookings_by_property
from broker.rules.statistics.calls import BY_ROOM, CALL_DIMENSIONS, CALL_FIGURES, call_scores, scored_calls
from broker.rules.statistics.cube import DIMENSIONS, MEASURES, Cube, Figures, fold
from broker.rules.statistics.facts import Fact
from broker.rules.statistics.findings import ChronicLane, Disagreement, WeighIn, disagreeing, lanes, weigh_ins
from broker.rules.statistics.grounds import CaseCount, cases
from broker.rules.statistics.periods import days_between, period_of, periods_between
from broker.rules.statistics.promises import Answers, answers

MAX_DAYS = 400  # of one question: the bridge answers it beside its work
TABLES = (
    "figures", "chain", "lanes", "weigh_ins", "disagreements", "calls", "answers", "alarms", "bookings", "cases",
)  # fmt: skip
_HEADS = {
    "lanes": [*(field.name for field in fields(ChronicLane)), "chronic"],
    "weigh_ins": [*(field.name for field in fields(WeighIn)), "difference_grams"],
    "disagreements": [field.name for field in fields(Disagreement)],
    "cases": [field.name for field in fields(CaseCount)],
    "answers": [field.name for field in fields(Answers)],
    "alarms": [field.name for field in fields(AlarmLoad)],
    "bookings": [field.name for field in fields(PropertyBookings)],
}

# share: (numerator, denominator); the denominator is what was known, not what happened
SHARES = {
    "served_share": ("served", "visits"),
    "plan_on_time_share": ("plan_on_time", "plan_known"),
    "promise_on_time_share": ("promise_on_time", "promise_known"),
    "calls_13_to_19_share": ("calls_13_to_19", "calls_scored"),
    "calls_11_to_21_share": ("calls_11_to_21", "calls_scored"),
}

# sum: what must have been known at least once; else nobody knows the sum, and it is no zero
KNOWN_BY = {
    "bins": "bins_known",
    "grams": "grams_known",
    "plan_late_s": "plan_known",
    "promise_late_s": "promise_known",
    "outside_s": "outside_known",
    "weighed_grams": "weighings",
}


def known(figures: Mapping[str, int], measure: str) -> int | None:
    """A figure, None where nobody knows it; where every visit was skipped or cancelled, nothing collected is known."""
    by = KNOWN_BY.get(measure)
    if measure == "incident_s" and 0 < figures["incidents"] == figures["incidents_open"]:
        return None
    none_served = 0 < figures["visits"] == figures["skipped"] + figures["cancelled"]
    nothing = measure in ("bins", "grams") and none_served
    return figures[measure] if by is None or figures[by] or nothing else None


def dimensions(by: str, table: str = "figures") -> list[str]:
    """The dimensions of a comma separated text; raises ValueError for one that the table has not."""
    names = [name for word in by.split(",") if (name := word.strip())]
    known = CALL_DIMENSIONS if table == "calls" else DIMENSIONS
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"by: no such dimension {' '.join(unknown)}; there are {' '.join(known)}")
    return list(dict.fromkeys(names))


def share(figures: Mapping[str, int], name: str) -> float | None:
    """One share, 0 to 1 with four places; None without a denominator."""
    over, under = SHARES[name]
    return round(figures[over] / figures[under], 4) if figures[under] else None


def figures_shown(figures: Figures) -> dict[str, Any]:
    """The cells of one row of the figures: sums where they are known, and shares."""
    sums = {measure: known(figures, measure) for measure in MEASURES}
    return {**sums, **{word: share(figures, word) for word in SHARES}}


Shown = Callable[[Figures], dict[str, Any]]


def rows(
    cube: Cube, period: str, by: Sequence[str], from_day: str, to_day: str, measures: Sequence[str] = MEASURES,
    shown: Shown = figures_shown,
) -> list[dict[str, Any]]:
    """One row per period and combination of `by`; a period without any record is one row of nulls: a gap.

    `days` are the asked days of the period, `days_known` those of them that have any record: a week of which two days
    were asked, or of which five are gaps, shows it.
    """
    folded = fold(cube, period, by, from_day, to_day, measures)
    days = Counter(period_of(day, period) for day in days_between(from_day, to_day))
    days_known = Counter(period_of(day, period) for day in {key[0] for key in cube} if from_day <= day <= to_day)
    keys: dict[str, list[tuple[str, ...]]] = {}
    for key in sorted(folded):
        keys.setdefault(key[0], []).append(key)
    found: list[dict[str, Any]] = []
    for name in periods_between(from_day, to_day, period):
        about = {"gap": False, "days": days[name], "days_known": days_known[name]}
        if name not in keys:
            empty = dict.fromkeys(shown(dict.fromkeys(measures, 0)))
            found.append({"period": name, **dict.fromkeys(by), **about, "gap": True, **empty})
        found += [
            {"period": name, **dict(zip(by, key[1:], strict=True)), **about, **shown(folded[key])}
            for key in keys.get(name, ())
        ]
    return found


def finding_rows(
    name: str, facts: Sequence[Fact], timezone: str, from_day: str, to_day: str, by: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """What these days hide: `lanes` by estate and hour, `weigh_ins` against rooms, `disagreements`, `calls` by room or
    as `by` says, `answers` of those who were asked, `alarms` by day, `bookings` by property, `cases` for enforcement.
    """
    if name == "bookings":
        return [asdict(one) for one in bookings_by_property(facts, timezone, from_day, to_day)]
    if name == "cases":
        return [asdict(one) for one in cases(facts, timezone, from_day, to_day)]
    if name == "calls":
        scores = call_scores(scored_calls(facts, timezone, from_day, to_day), by or BY_ROOM)
        return [{head: getattr(one, head) for head in heads([], name, by)} for one in scores]
    if name == "answers":
        return [asdict(one) for one in answers(facts, timezone, from_day, to_day)]
    if name == "alarms":
        return [asdict(load) for load in alarm_load(facts, timezone, from_day, to_day)]
    if name == "lanes":
        return [{**asdict(lane), "chronic": lane.chronic} for lane in lanes(facts, timezone, from_day, to_day)]
    if name == "weigh_ins":
        found = weigh_ins(facts, timezone, from_day, to_day)
        return [{**asdict(one), "difference_grams": one.difference_grams} for one in found]
    found_words = disagreeing(facts, timezone, from_day, to_day)
    return [{**asdict(one), "words": " ".join(one.words)} for one in found_words]


def heads(table: Sequence[Mapping[str, Any]], name: str, by: Sequence[str] = ()) -> list[str]:
    """The heads of a table, those of findings also when nothing was found."""
    if name == "calls" and not table:
        return [*(by or BY_ROOM), *CALL_FIGURES]
    return list(table[0]) if table else _HEADS.get(name, [])


def as_csv(table: Sequence[Mapping[str, Any]], name: str = "figures", by: Sequence[str] = ()) -> str:
    """The rows as CSV with a byte order mark, so that spreadsheets read Chinese; gaps and unknowns are empty.

    A table of findings (`name`) has its heads also when nothing was found.
    """
    out = io.StringIO()
    out.write("\ufeff")
    if named := heads(table, name, by):
        writer = csv.DictWriter(out, named, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({name: _harmless(value) for name, value in row.items()} for row in table)
    return out.getvalue()


def _harmless(value: Any) -> Any:
    # A text that begins like a formula would be run by the spreadsheet that opens the file; a tab or an end of line
    # before it is dropped by some of them.
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value


def as_json(table: Sequence[Mapping[str, Any]]) -> str:
    """The rows as JSON."""
    return json.dumps(list(table), ensure_ascii=False, indent=1) + "\n"
