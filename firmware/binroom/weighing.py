"""From a load cell's raw samples to grams, a bin count and a quality with its reason; pure, integers only.

Once a second the median of that second's samples is taken. Three seconds that agree are *settled*, and only settled
values count:

    change against the last settled weight         meaning
    at least 0.7 of an empty bin's mass            bins were rolled on or off: the count moves
    beyond the hold band                           waste was thrown in: grams follow, the count stays
    within the hold band (200 g or 0.2 % of load)  creep and noise: nothing is told

A sample is no weight where no cell can have given it: a cell always trembles in its last digits, never stands at the
end of its range, and no platform weighs a bin less than nothing. Then count and grams are unknown; what was counted
before is remembered, and holds again if the same weight comes back.

The count never leaves what the weight allows: every bin weighs at least its empty mass and at most its full one.
The zero is never taken anew here; a zero that wandered shows as quality 2, for the technician.

    quality  0 good   1 count had to be corrected   2 zero has drifted   3 unsteady   4 no weight at all
"""

from firmware.binroom.calibration import grams_of
from firmware.binroom.constant import TICKS_MASK, const

_FULL_SCALE = const(0x7FFFFF)
_SECOND_MS = const(1000)
_SETTLED_SECONDS = const(3)
_SETTLE_GRAMS = const(500)
_HOLD_GRAMS = const(200)
_HOLD_PART = const(500)  # 1/500 of the load
_STEP_TENTHS = const(7)
_ZERO_GRAMS = const(2000)
_SILENT_SECONDS = const(3)
_UNSTEADY_SECONDS = const(60)
_FROZEN_SAMPLES = const(30)
_FROZEN_SECONDS = const(3)  # where the loop took fewer samples, or the wire lets one through now and then
_MOVING_PART = const(3)  # at least a third of a second's samples differ from the one before
_CORRECTED_SECONDS = const(3600)


def median(values):
    """The middle value; of an even number the lower middle."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2]


class Weighing:
    """One cell under the bins of one waste kind; `count` is what a former boot knew, or None."""

    def __init__(self, bin_empty_grams, bin_full_grams, count=None):
        self._empty = bin_empty_grams
        self._full = bin_full_grams
        self._count = count
        self.grams = None
        self.quality = 4
        self.reason = "no sample yet"
        self.raw = None  # the last second's median
        self.is_steady = False  # whether that second's samples were a cell's, and agreed
        self._samples = []
        self._second_ms = None
        self._recent = []
        self._silent_s = 0
        self._unsteady_s = 0
        self._frozen_s = 0
        self._same = 0
        self._last_raw = None
        self._last_grams = None  # the last settled weight, over a time without one too
        self._corrected_s = 0

    @property
    def count(self):
        """Bins by weight, or None while there is no weight."""
        return None if self.grams is None else self._count

    def sample(self, raw, scale, now_ms):
        """One raw sample, or None for "not ready"; returns True once a second, when the fields may have changed."""
        if raw is not None:
            self._samples.append(raw)
        if self._second_ms is None:
            self._second_ms = now_ms
        if (now_ms - self._second_ms) & TICKS_MASK < _SECOND_MS:
            return False
        self._second_ms = now_ms
        samples = self._samples
        self._samples = []
        self._one_second(samples, scale)
        return True

    def _one_second(self, samples, scale):
        self._corrected_s = max(0, self._corrected_s - 1)
        if not samples:
            self._silent_s += 1
            if self._silent_s >= _SILENT_SECONDS:
                self._useless("no answer from the cell's amplifier; check its supply and both wires")
            return
        self._silent_s = 0
        self.raw = median(samples)
        self.is_steady = self._trembles(samples)
        if self.raw >= _FULL_SCALE or self.raw <= -_FULL_SCALE - 1:
            self._useless("the cell is at its end; overload, or a wire of the bridge is broken")
        elif self._same >= _FROZEN_SAMPLES or self._frozen_s >= _FROZEN_SECONDS:
            self._useless("the raw value stands still at %d; check the data wire and the amplifier" % self.raw)
        elif scale is None:
            self._useless("not calibrated; weigh two known masses", self.is_steady)
        else:
            self._weigh(samples, scale)

    def _trembles(self, samples):
        """Whether enough of the samples differ from the one before them."""
        moved = 0
        for raw in samples:
            if raw == self._last_raw:
                self._same += 1
            else:
                self._same = 1
                moved += 1
            self._last_raw = raw
        trembles = moved * _MOVING_PART >= len(samples)
        self._frozen_s = 0 if trembles else self._frozen_s + 1
        return trembles

    def _weigh(self, samples, scale):
        # The outer quarters may be bumps; where the middle half disagrees, a median is luck.
        ordered = sorted(samples)
        quarter = len(ordered) // 4
        spread = grams_of(scale, ordered[len(ordered) - 1 - quarter]) - grams_of(scale, ordered[quarter])
        if abs(spread) > _SETTLE_GRAMS:
            self.is_steady = False
        grams = grams_of(scale, self.raw)
        if not self.is_steady:
            self._recent = []
        elif grams * 10 < -self._empty * _STEP_TENTHS:
            self._useless("weighs a bin less than nothing; a wire of the cell is off, or calibrate it anew", True)
            return
        else:
            self._recent.append(grams)
            if len(self._recent) > _SETTLED_SECONDS:
                self._recent.pop(0)
        self._judge()

    def _useless(self, reason, is_steady=False):
        self.is_steady = is_steady
        self.grams = None
        self._recent = []
        self.quality = 4
        self.reason = reason

    def _judge(self):
        if len(self._recent) == _SETTLED_SECONDS and max(self._recent) - min(self._recent) <= _SETTLE_GRAMS:
            self._unsteady_s = 0
            self._settled(median(self._recent))
        else:
            self._unsteady_s += 1
        grams = self.grams
        if grams is None:
            self.quality, self.reason = 4, "not steady yet"
        elif self._unsteady_s >= _UNSTEADY_SECONDS:
            self.quality, self.reason = 3, "the weight is never steady; a loose wire, or something leans on it"
        elif grams < -_ZERO_GRAMS or (self._count == 0 and grams > _ZERO_GRAMS):
            self.quality, self.reason = 2, "the empty platform weighs %d g; clean it, then calibrate" % grams
        elif self._corrected_s:
            self.quality, self.reason = 1, "the count did not fit the weight and was corrected"
        else:
            self.quality, self.reason = 0, ""

    def _settled(self, grams):
        was_away = self.grams is None and self._last_grams is not None
        before = self._last_grams if self.grams is None else self.grams
        if before is None:
            before = grams
        self.grams = before
        change = grams - before
        count = self._fewest(grams) if self._count is None else self._count
        if abs(change) * 10 >= self._empty * _STEP_TENTHS:
            bins = (abs(change) + self._full - 1) // self._full
            count = max(0, count + (bins if change > 0 else -bins))
            if was_away:  # which bins came and went while nothing was weighed is a guess
                self._corrected_s = _CORRECTED_SECONDS
        if abs(change) > max(_HOLD_GRAMS, abs(before) // _HOLD_PART):
            self.grams = grams
        self._last_grams = self.grams
        fewest, most = self._fewest(grams), self._most(grams)
        if not fewest <= count <= most:
            # An emptied platform is certain, whatever was counted: bins leave faster than a scale settles.
            if most > 0:
                self._corrected_s = _CORRECTED_SECONDS
        self._count = max(fewest, min(most, count))

    def fits(self, count):
        """Whether so many bins can weigh what the cell says; True while it says nothing."""
        return self.grams is None or self._fewest(self.grams) <= count <= self._most(self.grams)

    def _fewest(self, grams):
        return 0 if 2 * grams < self._empty else (grams + self._full - 1) // self._full

    def _most(self, grams):
        return 0 if 2 * grams < self._empty else max(self._fewest(grams), grams * 10 // (self._empty * 9), 1)
