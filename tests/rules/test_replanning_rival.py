"""Re-planning held against what a solver finds that keeps the same promises, as it was found once.

The solver is no dependency of anything (docs/decisions/0400), so its costs are kept here: `python3 -m bench replan`
finds them anew with all cases, and prints them.
"""

import statistics

from broker.rules.replanning.offers import breakdown, whole
from tests.support.replanned import cost_s, random_case, told

MOST = 1.06
RIVALS_S = [12371, 10267, 11572, 12011, 12446, 12116, 10863]  # of the cases drawn from the seeds 0, 1, 2 …


def test_a_breakdown_costs_hardly_more_than_a_solver_finds() -> None:
    """Three trucks with forty stops: driving, waiting, broken promises, on average; every stop has a place."""
    costs = []
    for seed, rival_s in enumerate(RIVALS_S):
        _, lost, others, extra, ways = random_case(seed)
        best = whole(breakdown(lost, others, ways, extra))[0]
        assert not best.unplaced
        costs.append(cost_s(best.tours, told((lost, *others), ways), ways) / rival_s)
    assert statistics.mean(costs) <= MOST
    assert min(costs) >= 0.9, "much cheaper than a solver: the promises are others by now, or something is left out"
