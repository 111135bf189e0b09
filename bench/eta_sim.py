"""Lamp leads and arrival errors in a world of trucks, against constant speed and timetable + delay, as ratios.

    .venv/bin/python -m bench.eta_sim [SEEDS] [LEARN_DAYS] [SCORE_DAYS]        (default 3 10 25)

The goals are those of research, section 6; the world and the scores are those of the tests.
"""

import sys
from statistics import fmean

from tests.support.arrival.runs import run_world
from tests.support.arrival.scores import BUCKETS_S, Score

LEAST_SCORED = 1500  # predictions of a label in a week, for its band to be judged


def row(name: str, score: Score) -> str:
    """One predictor's figures."""
    errors = [abs(error) / 60 for error in score.errors[600]]
    bucket_shares = [score.tolerated(low, early, late) for low, _, early, late in BUCKETS_S]
    return (
        f"  {name:16s} MAE 10-15 {fmean(errors):.2f} min | lead 13.5-19.5 {score.share(13.5, 19.5):.3f}"
        f"  13-17 {score.share(13, 17):.3f}  11-21 {score.share(11, 21):.3f}  <10 {score.share(0, 10):.4f}"
        f" | score {fmean(bucket_shares):.3f} band {bucket_shares[-1]:.3f}"
        f" | flips/call {score.flips / max(1, len(score.leads)):.3f}"
    )


def main() -> None:
    """Print the table for each seed."""
    seeds, learn_days, score_days = ([int(each) for each in sys.argv[1:]] + [3, 10, 25][len(sys.argv) - 1 :])[:3]
    for seed in range(1, seeds + 1):
        scores = run_world(seed, learn_days, score_days)
        ours, held = scores.ours, scores.held
        print(f"seed {seed}, {learn_days} days learnt, {score_days} scored, lamp at 16 min: {len(ours.leads)} calls")
        print(row("zhanpai", ours))
        print(row("timetable+delay", scores.plan))
        print(row("constant speed", scores.speed))
        arrival_errors = sorted(abs(each) for each in scores.arrival_errors_s)
        shown = sorted(held.shown_after_s)
        print(
            f"  arrivals seen {scores.arrivals_seen}/{scores.arrivals},"
            f" off by p95 {arrival_errors[int(0.95 * len(arrival_errors))]:.0f} s"
            f" | predict {1000 * scores.predict_s / scores.predictions:.2f} ms"
            f"\n  held: {len(shown)} blocked lanes shown after at most {shown[-1] if shown else 0:.0f} s,"
            f" {held.missed} not shown, {held.silent} silent; remaining time fell {held.fell} of {held.watched} times",
            flush=True,
        )
        for (week, label), band in sorted(scores.bands.items()):
            if band.count >= LEAST_SCORED:
                share, width_s = band.inside / band.count, band.width_s / band.count
                print(f"  week {week} {label:10s} 80 % band covers {share:.3f} of {band.count}, {width_s:.0f} s wide")
        cold = run_world(seed, 0, 7, 900.0)
        print(f"  first week, nothing learnt, lamp at 15 min\n{row('zhanpai', cold.ours)}", flush=True)


if __name__ == "__main__":
    main()
