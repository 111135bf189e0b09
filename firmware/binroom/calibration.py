"""Two-mass calibration of load cells, kept in flash with its date; never tared by itself.

`/state/calibration.json`: {"<waste>": {"raw_low", "raw_high", "grams_low", "grams_high", "at"}}, all integers.
Weighing two known masses (the first may be 0, the empty platform) fixes zero and scale:

    grams = grams_low + (raw - raw_low) * (grams_high - grams_low) / (raw_high - raw_low)
"""

from firmware.binroom.constant import const
from firmware.binroom.durable import is_integer, read_json, write_json

_FILE = const("/state/calibration.json")
_MIN_SPAN_RAW = const(1000)  # counts; less is noise, not a mass
_MIN_SPAN_GRAMS = const(1000)


def grams_of(scale, raw):
    """Grams of a raw value by a calibration, rounded to the nearest gram."""
    span_raw = scale["raw_high"] - scale["raw_low"]
    span_grams = scale["grams_high"] - scale["grams_low"]
    if span_raw < 0:
        span_raw, span_grams = -span_raw, -span_grams
    product = (raw - scale["raw_low"]) * span_grams
    return scale["grams_low"] + (2 * product + span_raw) // (2 * span_raw)


def is_scale(value):
    """Whether a value read from flash is a usable calibration."""
    if not isinstance(value, dict):
        return False
    for key in ("raw_low", "raw_high", "grams_low", "grams_high"):
        if not is_integer(value.get(key)):
            return False
    return (
        abs(value["raw_high"] - value["raw_low"]) >= _MIN_SPAN_RAW
        and abs(value["grams_high"] - value["grams_low"]) >= _MIN_SPAN_GRAMS
    )


class Calibrations:
    """All calibrations of a unit, and the first mass of one under way."""

    def __init__(self, root, note):
        self._path = root + _FILE
        found = read_json(self._path)
        self._scales = {}
        self.first = {}  # waste: (raw, grams) of the first mass, while a calibration is under way
        for waste in found if isinstance(found, dict) else ():
            if is_scale(found[waste]):
                self._scales[waste] = found[waste]
            else:
                note("%s: %s is no calibration; weigh two masses again" % (_FILE, waste))

    def scale(self, waste):
        """The calibration of a waste kind's cell, or None."""
        return self._scales.get(waste)

    def save(self, waste, scale):
        """Keep a new calibration in flash; returns False, changing nothing, if it is not usable."""
        if not is_scale(scale):
            return False
        self._scales[waste] = scale
        write_json(self._path, self._scales)
        return True
