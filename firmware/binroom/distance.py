"""An ultrasonic ranger that measures how full a container is."""

from firmware.binroom.constant import TICKS_MASK, const
from firmware.binroom.weighing import median

_DISTANCE_EVERY_MS = const(2000)
_DISTANCE_MEDIAN = const(5)


class Distance:
    """An ultrasonic ranger above a container: how many bins' worth of it are full."""

    is_cell = False
    grams = None

    def __init__(self, board, settings):
        self.count = None
        self.quality = 4
        self.reason = "no echo yet"
        self._board = board
        self._trigger = board.output_pin(settings["trigger"])
        self._echo = board.input_pin(settings["echo"])
        self._empty_mm = settings["empty_mm"]
        self._full_mm = settings["full_mm"]
        self._bins = settings["bins"]
        self._polled_at = None
        self._recent = []

    def poll(self, now_ms):
        """Measure every two seconds; the median of five counts."""
        if self._polled_at is not None and (now_ms - self._polled_at) & TICKS_MASK < _DISTANCE_EVERY_MS:
            return False
        self._polled_at = now_ms
        self._recent.append(self._board.echo_us(self._trigger, self._echo) * 343 // 2000)
        if len(self._recent) > _DISTANCE_MEDIAN:
            self._recent.pop(0)
        distance_mm = median(self._recent)
        if distance_mm <= 0:
            self.count, self.quality, self.reason = None, 4, "no echo; check the ranger's wires and its view"
            return True
        span_mm = self._empty_mm - self._full_mm
        filled = (2 * self._bins * (self._empty_mm - distance_mm) + span_mm) // (2 * span_mm)
        self.count = max(0, min(self._bins, filled))
        off = distance_mm > self._empty_mm + span_mm // 10
        self.quality = 2 if off else 0
        self.reason = "measures %d mm, deeper than empty" % distance_mm if off else ""
        return True
