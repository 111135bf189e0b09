"""What a bench of trucks prints: each goal beside its figure, and an oracle that knows no better than we do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from tests.support.arrival.bus_table import goal
from tests.support.arrival.in_order import in_time
from tests.support.arrival.scores import BUCKETS_S, Score, Scores

LEAST_SCORED = 1500  # predictions of a label in a week, for its band to be judged
GOOD, WIDE, SHORT = 0.83, 0.94, 0.005
MOST_RATIO, MOST_LOST, BAND = 1.03, 5.0, (0.78, 0.82)
COLD_FIRST_DAY, COLD_LATER = 0.60, 0.65


def together(scores: Sequence[Score]) -> Score:
    """What several worlds showed, as one."""
    whole = Score()
    for one in scores:
        whole.leads += one.leads
        whole.flips += one.flips
        whole.unpredicted += one.unpredicted
        whole.called += one.called
        whole.never_true += one.never_true
        whole.legs += one.legs
        whole.stays += one.stays
        for low, errors in one.errors.items():
            whole.errors[low] += errors
        for day, leads in one.by_day.items():
            whole.by_day[day] += leads
        for kind, found in one.kinds.items():
            whole.kinds[kind].leads += found.leads
            whole.kinds[kind].errors += found.errors
    return whole


def row(name: str, score: Score) -> str:
    """One predictor's figures."""
    bucket_shares = [score.tolerated(low, early, late) for low, _, early, late in BUCKETS_S]
    return (
        f"  {name:16s} MAE 10-15 {score.mae_min():.2f} min | lead 13.5-19.5 {score.share(13.5, 19.5):.3f}"
        f"  13-17 {score.share(13, 17):.3f}  11-21 {score.share(11, 21):.3f}  <10 {score.share(0, 10):.4f}"
        f" | score {fmean(bucket_shares):.3f} band {bucket_shares[-1]:.3f}"
        f" | flips/call {score.flips / max(1, len(score.leads)):.3f}"
    )


def kinds(score: Score) -> str:
    """The calls in time and the minutes off, by what the prediction rested on."""
    said = []
    for name, kind in sorted(score.kinds.items()):
        share = f"{fmean(map(in_time, kind.leads)):.3f} of {len(kind.leads)}" if kind.leads else "no call"
        said.append(f"{name}: {share}" + (f", MAE {fmean(map(abs, kind.errors)):.2f}" if kind.errors else ""))
    return "    " + " | ".join(said)


def apart(name: str, score: Score) -> str:
    """How far off legs and stays were, each by itself."""
    said = []
    for what, pairs in (("legs", score.legs), ("stays", score.stays)):
        if pairs:
            off_s = fmean(abs(expected - true) for expected, true in pairs)
            bias_s = fmean(expected - true for expected, true in pairs)
            said.append(f"{what} off {off_s:.1f} s ({bias_s:+.1f}) of {fmean(true for _, true in pairs):.0f}")
    return f"    {name}: " + " | ".join(said)


def main_goals(ours: Score, oracle: Score) -> list[str]:
    """The world as it is, with days learnt."""
    good, wide, short = ours.share(13.5, 19.5), ours.share(11, 21), ours.share(0, 10)
    return [
        goal(good >= GOOD, f"13.5-19.5 {good:.1%}", f"at least {GOOD:.0%}"),
        goal(wide >= WIDE, f"11-21 {wide:.1%}", f"at least {WIDE:.0%}"),
        goal(short <= SHORT, f"under 10 min {short:.2%}", f"at most {SHORT:.1%}"),
        *oracle_goal(ours, oracle),
    ]


def oracle_goal(ours: Score, oracle: Score) -> list[str]:
    """How near ours is to the oracle; one that is no better than ours measures nothing, and that is said."""
    ratio = ours.mae_min() / oracle.mae_min()
    said = [goal(ratio <= MOST_RATIO, f"MAE {ratio:.3f} x the oracle's", f"at most {MOST_RATIO}")]
    if ratio <= 1:
        said.append("  DOUBT  the oracle is not better than ours: it does not know what it should, or ours peeps")
    return said


def ceiling(ours: Score, counter: Score, pupil: Score, oracle: Score) -> Iterator[str]:
    """What nobody gets below who sees what a bridge sees: because bins are counted, and because means are learned."""
    known = {"told the means, counts bins": counter, "learns as well as can be": pupil, "zhanpai": ours}
    for name, score in known.items():
        yield (
            f"    ceiling: {name}: MAE {score.mae_min() / oracle.mae_min():.3f} x the oracle's,"
            f" 13.5-19.5 {score.share(13.5, 19.5):.1%}, 11-21 {score.share(11, 21):.1%}"
        )


def lost_goal(name: str, usual: float, here: float, seer: float, least: float) -> str:
    """How many points a world costs of which no model knows, how many calls somebody hits who does know it, and how
    many points somebody loses who learns it as well as can be."""
    lost = 100 * (usual - here)
    figure = f"{name}: {lost:.1f} points lost ({here:.1%}; who knows of it: {seer:.1%}; ceiling: {least:.1f} lost)"
    return goal(lost <= MOST_LOST, figure, f"at most {MOST_LOST:.0f}")


def cold_goals(name: str, score: Score, days: Iterable[int]) -> list[str]:
    """The first week with nothing learnt."""
    first, later = score.share_of([0]), score.share_of([day for day in days if day > 0])
    return [
        goal(first >= COLD_FIRST_DAY, f"{name}, day 1: {first:.1%}", f"at least {COLD_FIRST_DAY:.0%}"),
        goal(later >= COLD_LATER, f"{name}, from day 2: {later:.1%}", f"at least {COLD_LATER:.0%}"),
    ]


def band_goals(worlds: Mapping[int, Scores]) -> list[str]:
    """Each whole week and label of each world with enough predictions: four of five within the band; what is left of
    the last week is a part of one."""
    said = []
    for seed, scores in worlds.items():
        for (week, label), band in sorted(scores.bands.items()):
            if band.count >= LEAST_SCORED:
                share, width_s = band.inside / band.count, band.width_s / band.count
                figure = f"seed {seed}, week {week} {label}: {share:.1%} of {band.count} within {width_s:.0f} s"
                whole = scores.days >= 7 * (week + 1)
                asked = goal(BAND[0] <= share <= BAND[1], figure, f"{BAND[0]:.0%} to {BAND[1]:.0%}")
                said.append(asked if whole else f"    {figure}, in a part of a week")
    return said
