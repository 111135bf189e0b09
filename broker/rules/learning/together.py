"""How much slower than expected a run is as a whole: what its stays have in common, and what its drives have.

A crew of two, a new driver, rain: one slow stay says little, three in a row say something. How much is learned from
the runs before: where one stay's being off foretold that of the next ones, it is believed soon, else hardly ever; and
where a run was off as its route's run before was, the next one begins with that.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TogetherSettings:
    """First guesses, as variances of actual over expected, and what they weigh in observations."""

    apart_s: float = 7200.0  # after such a pause it is another run
    least: float = 0.4  # what took shorter or longer than that had another reason
    most: float = 2.5
    alike: float = 0.0025  # between runs
    alike_weight: float = 10.0
    spread: float = 0.04  # within a run
    spread_weight: float = 10.0
    usual_weight: float = 40.0
    fades: float = 0.998  # with each observation: the last twenty runs or so count
    run_fades: float = 0.95
    whole_run: float = 5.0  # so many make a run that says something of the next one
    next_run_weight: float = 0.01  # as a variance between runs
    next_run_fades: float = 0.9  # with each run


class _Run:
    """What the present run of a route was off so far, the newest weighing most, and with what it began."""

    __slots__ = ("before", "begins", "last_at", "number", "sum")

    def __init__(self, before: float | None, begins: float) -> None:
        self.before, self.begins = before, begins  # what the run before it was off; how much of it is expected again
        self.last_at, self.number, self.sum = 0.0, 0.0, 0.0


class Together:
    """What the stays, or the drives, of each route's present run have in common."""

    def __init__(self, settings: TogetherSettings) -> None:
        self._settings = settings
        self._runs: dict[str, _Run] = {}
        self._number = self._off = self._squares = 0.0
        self._pairs = self._products = 0.0
        self._next_products = self._next_squares = 0.0

    def learn(self, route_id: str, ended_at: float, actual_s: float, expected_s: float) -> None:
        """Take in one that ended at `ended_at`, of which it was known how long it should take."""
        settings = self._settings
        off = min(settings.most, max(settings.least, actual_s / expected_s)) - 1
        usual_off = self._off / (self._number + settings.usual_weight)
        run = self._runs.get(route_id)
        if run is None or abs(ended_at - run.last_at) > settings.apart_s:
            run = self._runs[route_id] = self._next_run(run)
        beyond = off - usual_off
        if run.number:
            weight = run.number / (run.number + 1)
            self._pairs = settings.fades * self._pairs + weight
            self._products = settings.fades * self._products + weight * beyond * run.sum / run.number
        self._number = settings.fades * self._number + 1
        self._off = settings.fades * self._off + off
        self._squares = settings.fades * self._squares + beyond * beyond
        run.number = settings.run_fades * run.number + 1
        run.sum = settings.run_fades * run.sum + beyond
        run.last_at = max(run.last_at, ended_at)

    def _next_run(self, last: _Run | None) -> _Run:
        """The run after the last one of a route, which says how alike that was to the one before it."""
        if last is None or last.number < self._settings.whole_run:
            return _Run(None, 0.0)
        off, fades = last.sum / last.number, self._settings.next_run_fades
        if last.before is not None:
            self._next_products = fades * self._next_products + off * last.before
            self._next_squares = fades * self._next_squares + last.before * last.before
        return _Run(off, self._again(last))

    def _again(self, last: _Run) -> float:
        """What the run after this one is off, before anything is seen of it."""
        if last.number < self._settings.whole_run:
            return 0.0
        share = self._next_products / (self._next_squares + self._settings.next_run_weight)
        return min(1.0, max(0.0, share)) * last.sum / last.number

    def factor(self, route_id: str, now: float) -> float:
        """How much slower than expected the route's run goes on, or its next one begins, by what ended before `now`."""
        run = self._runs.get(route_id)
        if run is None or now < run.last_at:
            return 1.0
        if now - run.last_at > self._settings.apart_s:
            return max(self._settings.least, 1 + self._again(run))
        settings = self._settings
        alike = (self._products + settings.alike * settings.alike_weight) / (self._pairs + settings.alike_weight)
        squares = (self._squares + settings.spread * settings.spread_weight) / (self._number + settings.spread_weight)
        alike = max(0.0, alike)
        share = run.number * alike / (run.number * alike + max(0.2 * settings.spread, squares - alike))
        return max(settings.least, 1 + run.begins + share * (run.sum / run.number - run.begins))
