"""The chain as a table: the sums of each link, how fast rooms fill, and by how much two links differ."""

from collections.abc import Sequence
from typing import Any

from broker.reports import tables
from broker.rules.statistics.chain import MEASURES
from broker.rules.statistics.cube import Cube, Figures

HOUR_S = 3600
# sum: what must have been known at least once; else nobody knows the sum, and it is no zero
KNOWN_BY = {
    "filled_grams": "filled_known", "filled_s": "filled_known", "refilled_bins": "refilled_known",
    "refilled_s": "refilled_known", "bins": "bins_known", "grams": "grams_known",
    "transported_bins": "transported_bins_known", "transported_grams": "transported_grams_known",
    "weighed_grams": "weighings", "compared_transported_grams": "compared", "compared_weighed_grams": "compared",
}  # fmt: skip


def rows(cube: Cube, period: str, by: Sequence[str], from_day: str, to_day: str) -> list[dict[str, Any]]:
    """One row per period and combination of `by`, of the waste kinds where nothing else is asked for."""
    return tables.rows(cube, period, by or ("waste",), from_day, to_day, MEASURES, shown)


def shown(figures: Figures) -> dict[str, Any]:
    """The cells of one row; None where nobody knows."""
    sums = {name: figures[name] if name not in KNOWN_BY or figures[KNOWN_BY[name]] else None for name in MEASURES}
    difference = figures["compared_weighed_grams"] - figures["compared_transported_grams"]
    found = figures["contaminated"] + figures["skipped_contamination"]
    return {
        **sums,
        "filled_grams_per_h": _ratio(figures["filled_grams"] * HOUR_S, figures["filled_s"], 0),
        "refilled_bins_per_h": _ratio(figures["refilled_bins"] * HOUR_S, figures["refilled_s"], 3),
        "contaminated_share": _ratio(found, figures["served"] + figures["skipped_contamination"], 4),
        "difference_grams": difference if figures["compared"] else None,
        "difference_share": _ratio(difference, figures["compared_transported_grams"], 4),
    }


def _ratio(over: int, under: int, places: int) -> float | None:
    return round(over / under, places) if under else None
