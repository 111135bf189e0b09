"""An HX711 load cell on two pins: takes samples out bit by bit and hands them to a Weighing."""

from firmware.binroom.constant import TICKS_MASK, const

_BITS = const(24)
_SAMPLE_EVERY_MS = const(90)  # the chip delivers 10 a second


class LoadCell:
    """An HX711 on two pins: the chip pulls `data` low when a sample is ready, 24 clock pulses take it out."""

    is_cell = True

    def __init__(self, board, data, clock, weighing, scale):
        self._board = board
        self._data = data
        self._clock = clock
        self._scale = scale  # () -> calibration or None
        self._sampled_at = None
        self.weighing = weighing

    def poll(self, now_ms):
        """Take a sample if one is ready."""
        if self._sampled_at is not None and (now_ms - self._sampled_at) & TICKS_MASK < _SAMPLE_EVERY_MS:
            return False
        self._sampled_at = now_ms
        return self.weighing.sample(self._read(), self._scale(), now_ms)

    def _read(self):
        if self._data.value():
            return None
        raw = 0
        for _ in range(_BITS):
            self._board.pulse(self._clock)
            raw = raw << 1 | self._data.value()
        self._board.pulse(self._clock)  # the 25th asks for channel A, gain 128, next time
        return raw - (1 << _BITS) if raw >> _BITS - 1 else raw

    def raw(self):
        """The last second's median of raw values, or None if there is none or it is not steady."""
        return self.weighing.raw if self.weighing.is_steady else None

    def fits(self, count):
        """Whether a count from elsewhere agrees with the weight."""
        return self.weighing.fits(count)

    @property
    def count(self):
        """Bins by weight, or None while there is no weight."""
        return self.weighing.count

    @property
    def grams(self):
        """Settled weight, or None."""
        return self.weighing.grams

    @property
    def quality(self):
        """0 good to 4 useless."""
        return self.weighing.quality

    @property
    def reason(self):
        """Why the quality is not 0."""
        return self.weighing.reason
