"""How far off predictions were, by how far ahead they looked, and from that the band about the next ones.

A band is p10 and p90 of past errors in the same bucket of horizon, of a run on its way or of one that has not begun,
wider or narrower by a factor of its label and one of its bucket. Both follow what came true (adaptive conformal
inference, Gibbs and Candès 2021): each arrival outside its band widens the next ones a little, four inside narrow them
as much, so that in the long run four of five come true whatever the errors do. Where a label has buckets its own factor
is forgotten by and by, as theirs say what lasts. They are kept with the errors that moved them: a restart goes on with
the newest.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

from broker.rules.learning.observations import ErrorRecord

HORIZON_EDGES_S = (120, 300, 600, 900, 1200, 1800, 2700, 3600, 5400)
_BUCKETS = [str(at) for at in range(len(HORIZON_EDGES_S) + 1)]  # their names, as they are kept
OUTSIDE_SHARE = 0.2  # of the arrivals: earlier than p10 or later than p90
NOT_BEGUN = "timetable"


@dataclass(frozen=True, slots=True)
class BandSettings:
    """How many errors are remembered, how many are needed, and how fast a band follows what came true."""

    memory: int = 4000  # of a bucket; one a minute and visit: some fifty runs
    least: int = 30
    default_share: float = 0.25  # of the horizon, to each side, where there are fewer
    gain: float = 0.0022
    bucket_gain: float = 0.003
    fades: float = 0.9999  # of a label's factor, with each error


class Recent:
    """The last values of something, kept sorted for quantiles."""

    def __init__(self, memory: int) -> None:
        self._order: deque[float] = deque()
        self._sorted: list[float] = []
        self._memory = memory
        self._asked: dict[float, float] = {}  # quantiles of the values as they are

    def add(self, value: float) -> None:
        """Take in one more; the oldest is forgotten."""
        self._asked.clear()
        if len(self._order) == self._memory:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        self._order.append(value)
        insort(self._sorted, value)

    def __len__(self) -> int:
        return len(self._order)

    def quantile(self, share: float) -> float:
        """The value below which `share` of the values lie; IndexError when there are none."""
        found = self._asked.get(share)
        if found is None:
            place = share * (len(self._sorted) - 1)
            below = int(place)
            above = min(below + 1, len(self._sorted) - 1)
            found = self._sorted[below] + (place - below) * (self._sorted[above] - self._sorted[below])
            self._asked[share] = found
        return found


class Bands:
    """The bands of one area's predictions."""

    def __init__(self, settings: BandSettings) -> None:
        self._settings = settings
        self._errors = {
            begun: [Recent(settings.memory) for _ in range(len(HORIZON_EDGES_S) + 1)] for begun in (True, False)
        }
        self._found: dict[tuple[str, int], tuple[float, float]] = {}  # by label and horizon, until more is learned
        self._widths = {"history": log(1.25), "stale": log(1.25), "off_route": log(2.0)}  # by label; first guesses
        self._buckets = {label: [0.0] * (len(HORIZON_EDGES_S) + 1) for label in ("live", NOT_BEGUN)}

    def learn(self, record: ErrorRecord) -> None:
        """Take in how far off one prediction was; what a silent or held truck's were says nothing of the others'."""
        self._found.clear()
        if record.label in ("live", NOT_BEGUN):
            self._errors[record.label != NOT_BEGUN][_bucket(record.horizon_s)].add(record.error_s)
        if record.in_band is not None:
            settings, missed = self._settings, (0.0 if record.in_band else 1.0) - OUTSIDE_SHARE
            width = self._widths.get(record.label, 0.0)
            buckets = self._buckets.get(record.label)
            if buckets is not None:
                width *= settings.fades
                buckets[_bucket(record.horizon_s)] += settings.bucket_gain * missed
            self._widths[record.label] = width + settings.gain * missed

    @property
    def widths(self) -> dict[str, float]:
        """The logarithms of all factors, to be kept as they are: a rounded one is not what the bridge knew."""
        buckets = {f"{label} {at}": each for label, row in self._buckets.items() for at, each in enumerate(row) if each}
        return self._widths | buckets

    def go_on_from(self, widths: Mapping[str, float]) -> None:
        """The factors are what they were when these were kept; those of another release's buckets are left out."""
        for name, width in widths.items():
            label, _, bucket = name.partition(" ")
            if not bucket:
                self._widths[label] = width
            elif label in self._buckets and bucket in _BUCKETS:
                self._buckets[label][int(bucket)] = width
        self._found.clear()

    def band_s(self, horizon_s: float, label: str) -> tuple[float, float]:
        """(p10, p90) of actual minus predicted for predictions of this label and so far ahead, in seconds."""
        bucket = _bucket(horizon_s)
        place = label, bucket
        found = self._found.get(place)
        if found is not None:  # as nearly always: each prediction asks
            return found
        buckets, width = self._buckets.get(label), self._widths.get(label, 0.0)
        errors = self._errors[label != NOT_BEGUN][bucket]
        factor = exp(width if buckets is None else width + buckets[bucket])
        if len(errors) < self._settings.least:
            half_s = factor * self._settings.default_share * max(0.0, horizon_s)
            return -half_s, half_s
        middle_s = errors.quantile(0.5)
        early_s, late_s = errors.quantile(0.1), errors.quantile(0.9)
        found = middle_s + factor * (early_s - middle_s), middle_s + factor * (late_s - middle_s)
        self._found[place] = found
        return found


def _bucket(horizon_s: float) -> int:
    return bisect_left(HORIZON_EDGES_S, horizon_s)
