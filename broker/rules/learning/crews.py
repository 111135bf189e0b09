"""How much slower than expected a run's stays are as a whole: whose crew it is, and how that crew is today.

A crew of two, a new driver: each route's run has a slowness that all its stays share. What runs are like is learned as
a distribution over a few steps of it, to which every run adds what it turned out to be: where all are alike a run is
believed to be usual until it shows that it is not, and where some are far off a few stays that are far off say so at
once. The next run of a route either goes on as the last one was or is drawn anew; how often it goes on is learned, too,
and each run's own stays say which of the two it is. One stay that took twice as long had another reason, and says
nearly nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log


@dataclass(frozen=True, slots=True)
class CrewSettings:
    """The steps of slowness, as logarithms; first guesses and what they weigh in runs or in what is seen of them."""

    step: float = 0.06
    steps: int = 11  # to each side
    usual_share: float = 0.5  # of runs that are as usual, as a first guess
    usual_sigma: float = 0.05
    other_sigma: float = 0.22
    guess_weight: float = 6.0
    run_fades: float = 0.99  # with each run: the last hundred or so count
    again: float = 0.5  # how many of the others go on as the last run was
    again_weight: float = 6.0
    again_fades: float = 0.95
    changes: float = 0.005  # how often it becomes another, with each observation
    whole_run: int = 5  # so many make a run that says something of others
    spread: float = 0.05  # of single ones, as a variance
    spread_weight: float = 40.0
    fades: float = 0.997  # with each observation
    most: float = 0.8  # of one, as a logarithm
    other_reason: float = 0.024  # of the likeliest: how likely any other length is
    usual_weight: float = 40.0
    apart_s: float = 7200.0  # after such a pause it is another run


class _Run:
    """The present run of a route: how likely each slowness is if it goes on as the last one, and if it is another."""

    __slots__ = ("again", "anew", "began", "last_at", "mean", "number")

    def __init__(self, again: list[float], anew: list[float]) -> None:
        self.again, self.anew = again, anew
        self.last_at, self.number = 0.0, 0
        self.began = self.mean = 0.0  # what was believed of it before anything was seen of it, and now


class Crews:
    """What the stays of each route's present run have in common."""

    def __init__(self, settings: CrewSettings) -> None:
        self._settings = settings
        self._levels = [settings.step * at for at in range(-settings.steps, settings.steps + 1)]
        usual, other = (self._bell(sigma) for sigma in (settings.usual_sigma, settings.other_sigma))
        share = settings.usual_share
        self._seen = [
            settings.guess_weight * (share * each + (1 - share) * wide) for each, wide in zip(usual, other, strict=True)
        ]
        self._seen_runs = settings.guess_weight
        self._guess = list(self._seen)
        self._again, self._again_runs = settings.again * settings.again_weight, settings.again_weight
        self._number = self._off = self._squares = self._weights = 0.0
        self._runs: dict[str, _Run] = {}

    def _bell(self, sigma: float) -> list[float]:
        weights = [exp(-((level / sigma) ** 2) / 2) for level in self._levels]
        whole = sum(weights)
        return [weight / whole for weight in weights]

    def learn(self, route_id: str, ended_at: float, actual_s: float, expected_s: float) -> None:
        """Take in one that ended at `ended_at`, of which it was known how long it should take."""
        settings = self._settings
        off = max(-settings.most, min(settings.most, log(max(1.0, actual_s) / expected_s)))
        beyond = off - self._off / (self._number + settings.usual_weight)
        run = self._runs.get(route_id)
        if run is None or abs(ended_at - run.last_at) > settings.apart_s:
            run = self._runs[route_id] = self._next_run(run)
        squares = self._squares + settings.spread * settings.spread_weight
        variance = squares / (self._weights + settings.spread_weight)
        self._number = settings.fades * self._number + 1
        self._off = settings.fades * self._off + off
        missed = min(4 * variance, (beyond - run.mean) ** 2)
        self._squares, self._weights = settings.fades * self._squares + missed, settings.fades * self._weights + 1
        likely = [settings.other_reason + exp(-((beyond - level) ** 2) / (2 * variance)) for level in self._levels]
        again = [weight * each for weight, each in zip(run.again, likely, strict=True)]
        anew = [weight * each for weight, each in zip(run.anew, likely, strict=True)]
        whole = sum(again) + sum(anew)
        run.again, run.anew = self._may_change(again, whole), self._may_change(anew, whole)
        run.number, run.last_at = run.number + 1, max(run.last_at, ended_at)
        run.mean = self._mean(run)

    def _may_change(self, weights: Sequence[float], whole: float) -> list[float]:
        """These weights as shares of the whole, where a run may become another in its midst: rain begins."""
        stays = (1 - self._settings.changes) / whole
        drawn = self._settings.changes * sum(weights) / whole / self._seen_runs
        return [stays * weight + drawn * seen for weight, seen in zip(weights, self._seen, strict=True)]

    def _mean(self, run: _Run) -> float:
        pairs = zip(self._levels, run.again, run.anew, strict=True)
        return sum(level * (again + anew) for level, again, anew in pairs)

    def _next_run(self, last: _Run | None) -> _Run:
        """The run after the last one of a route, of which is learned what runs are like and how often they go on."""
        settings, begun = self._settings, self._begun(last)
        if last is not None and last.number >= settings.whole_run:
            fades = settings.run_fades
            rows = zip(self._seen, self._guess, last.again, last.anew, strict=True)
            self._seen = [guess + fades * (seen - guess) + again + anew for seen, guess, again, anew in rows]
            self._seen_runs = settings.guess_weight + fades * (self._seen_runs - settings.guess_weight) + 1
            if any(last.again):
                fades, weight = settings.again_fades, settings.again_weight
                self._again = weight * settings.again + fades * (self._again - weight * settings.again)
                self._again += sum(last.again)
                self._again_runs = weight + fades * (self._again_runs - weight) + 1
        return begun

    def _begun(self, last: _Run | None) -> _Run:
        share = self._again / self._again_runs if last is not None and last.number >= self._settings.whole_run else 0.0
        nothing: Sequence[float] = [0.0] * len(self._levels)
        before = [a + b for a, b in zip(last.again, last.anew, strict=True)] if last is not None else nothing
        run = _Run([share * each for each in before], [(1 - share) * each / self._seen_runs for each in self._seen])
        run.began = run.mean = self._mean(run)
        return run

    def factor(self, route_id: str, now: float) -> float:
        """How much slower than expected the route's run goes on, or its next one begins, by what ended before `now`."""
        run = self._runs.get(route_id)
        if run is None:
            return 1.0
        if now < run.last_at:
            return exp(run.began)
        if now - run.last_at > self._settings.apart_s:
            run = self._begun(run)
        return exp(run.mean)
