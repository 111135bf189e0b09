"""What a bench of buses prints: a predictor's figures, and each goal beside its figure."""

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

from tests.support.arrival.in_order import KINDS, Kind, Marks, in_time, points_above
from tests.support.arrival.plain_ways import PlainHistory, Timetable

OURS, MODEL = "zhanpai", "learned model"
PLAIN: Mapping[str, Callable[..., Any]] = {"plain history": PlainHistory, "timetable+delay": Timetable}
TUNED_ON, GOAL_POINTS, GOAL_OTHER_POINTS, GOAL_SHORT = "capmetro", 3.0, 2.0, 0.02


def lines(name: str, marks: Marks, days: list[Any]) -> list[str]:
    """One predictor's figures."""
    mae, legs, stops = marks.mae(), marks.legs, max(1, marks.stops())
    if mae is None:
        return [f"  {name:16s} no prediction at all"]
    leg_error_s = fmean(abs(expected - true) for expected, true in legs) if legs else 0.0
    leg_bias_s = fmean(expected - true for expected, true in legs) if legs else 0.0
    said = [
        f"  {name:16s} 13.5-19.5 {marks.share():.3f} | under 10 {marks.short / stops:.4f} | MAE 10-15 {mae:.2f} min"
        f" | legs off {leg_error_s:.1f} s ({leg_bias_s:+.1f}) of {fmean([true for _, true in legs] or [0.0]):.0f}"
        f" | never called {marks.never_called}, of them never predicted {marks.unpredicted}"
        f" | {marks.never_true} of {marks.called} calls never came true"
    ]
    if len(days) > 1:
        said.append(f"  {'':16s} by day: " + ", ".join(f"{day} {marks.share(day):.3f}" for day in days))
    said.append(f"  {'':16s} " + " | ".join(_of_kind(kind, marks.kinds.get(kind)) for kind in KINDS))
    return said


def _of_kind(name: str, kind: Kind | None) -> str:
    if kind is None or not (kind.leads or kind.errors):
        return f"{name}: none"
    share = f"{sum(map(in_time, kind.leads)) / len(kind.leads):.3f} of {len(kind.leads)}" if kind.leads else "no call"
    return f"{name}: {share}, MAE {fmean(map(abs, kind.errors)):.2f}" if kind.errors else f"{name}: {share}"


def verdicts(found: Mapping[str, Marks], city: str) -> list[str]:
    """Each goal beside its figure; `found` has ours, the plain ways and, if it could be had, the learned model."""
    ours = found[OURS]
    rivals = {name: marks for name, marks in found.items() if name in PLAIN and marks.mae() is not None}
    if ours.mae() is None:
        return ["  MISSED nothing was predicted that could be scored"]
    if not rivals:
        return ["  no plain way predicted anything: no verdict"]
    best = max(rivals, key=lambda name: rivals[name].share())
    points, half_width = points_above(ours, rivals[best])
    least, gain = GOAL_POINTS if city == TUNED_ON else GOAL_OTHER_POINTS, None
    said = []
    if MODEL in found:
        gain, gain_half = points_above(found[MODEL], rivals[best])
        said.append(f"  the learned model gains {gain:+.1f} points (+-{gain_half:.1f}) over {best}: the ceiling")
        if city != TUNED_ON:
            least = min(least, max(0.0, gain / 2))
    asked = f"at least {least:.1f}" + ("" if gain is None or city == TUNED_ON else " (or half of the model's gain)")
    said.append(goal(points >= least, f"{points:+.1f} points (+-{half_width:.1f}) over {best}", asked))
    least_mae = min(marks.mae() or 0.0 for marks in rivals.values())
    said.append(goal((ours.mae() or 0.0) < least_mae, f"MAE 10-15 {ours.mae():.2f} min", f"below {least_mae:.2f}"))
    short = ours.short / max(1, ours.stops())
    said.append(goal(short <= GOAL_SHORT, f"under 10 min {short:.2%}", f"at most {GOAL_SHORT:.0%}"))
    return said


def goal(met: bool, figure: str, asked: str) -> str:
    """A figure and what was asked of it; a missed one is said so."""
    return f"  {'met   ' if met else 'MISSED'} {figure}; goal: {asked}"
