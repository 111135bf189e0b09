"""The sensors of a unit, chosen in its settings, and the place where those of one waste kind meet.

Each sensor has `poll(now_ms)` (never waits long; True when something may have changed) and `count`, `grams`,
`quality`, `reason`, `is_cell`. `/config/unit.json` names them:

    {"kind": "hx711", "waste", "data", "clock", "bin_empty_grams", "bin_full_grams"}          cell.py, weighing.py
    {"kind": "beam", "waste", "in_pin", "out_pin"}              one light beam per direction  beam.py
    {"kind": "distance", "waste", "trigger", "echo", "empty_mm", "full_mm", "bins"}           distance.py
"""

from firmware.binroom.constant import TICKS_MASK, const
from firmware.binroom.durable import is_integer, read_json, write_json

_COUNTS_FILE = const("/state/counts.json")
_DOUBTFUL = const(2)
_USELESS = const(3)  # and worse: the bridge takes nothing from it
_UNFIT_MS = const(15000)  # a bin that passes is seen by the counter at once, by a ranger or the cell seconds later


class Place:
    """All sensors of one waste kind: counters tell the count, the cell tells grams, the worse quality counts.

    What is useless takes nothing from a sensor that counts well: that one's count stands, with quality 2 at most.
    """

    def __init__(self, waste, sensors, counts, note):
        self.waste = waste
        self._sensors = sensors
        self._counts = counts
        self._note = note
        self._told = None
        self._reason = ""
        self._unfit_since = None

    def raw(self):
        """The load cell's raw value, or None without one."""
        for sensor in self._sensors:
            if sensor.is_cell:
                return sensor.raw()
        return None

    def has_cell(self):
        """Whether there is a load cell to calibrate."""
        return any(sensor.is_cell for sensor in self._sensors)

    def poll(self, now_ms):
        """The ("bins", ...) event for the unit if anything changed, else None."""
        changed = False
        for sensor in self._sensors:
            changed = sensor.poll(now_ms) or changed
        if not changed and self._told is not None:  # what beams counted before a power cut is told at once
            return None
        count = grams = None
        quality, reason = 0, ""
        well = [sensor for sensor in self._sensors if sensor.quality < _USELESS and sensor.count is not None]
        for sensor in well or self._sensors:
            if sensor.grams is not None:
                grams = sensor.grams
            if sensor.count is not None and (count is None or not sensor.is_cell):
                count = sensor.count
        for sensor in self._sensors:
            if sensor.quality > quality:
                quality, reason = sensor.quality, sensor.reason
        if well:
            quality = min(quality, _DOUBTFUL)
        if self._unfit_long(count, now_ms) and quality < _DOUBTFUL:
            quality, reason = _DOUBTFUL, "%d bins do not fit %d g; look what was counted wrong" % (count, grams)
        reading = ("bins", self.waste, count, grams, quality)
        if reason != self._reason:
            self._reason = reason
            self._note("%s: quality %d: %s" % (self.waste, quality, reason or "good again"))
        if reading == self._told:
            return None
        self._told = reading
        if count is not None:
            self._counts.keep(self.waste, count)
        return reading

    def _unfit_long(self, count, now_ms):
        """Whether count and weight contradict each other for longer than sensors need to see the same bin."""
        if count is None or all(not sensor.is_cell or sensor.fits(count) for sensor in self._sensors):
            self._unfit_since = None
            return False
        if self._unfit_since is None:
            self._unfit_since = now_ms
        return (now_ms - self._unfit_since) & TICKS_MASK >= _UNFIT_MS


class Counts:
    """The last count per waste kind, kept over power cuts; written only when one changes."""

    def __init__(self, root, note):
        self._path = root + _COUNTS_FILE
        self._note = note
        found = read_json(self._path)
        self._counts = {}
        for waste in found if isinstance(found, dict) else ():
            if is_integer(found[waste]) and found[waste] >= 0:
                self._counts[waste] = found[waste]

    def of(self, waste):
        """The count a former boot knew, or None."""
        return self._counts.get(waste)

    def keep(self, waste, count):
        """Remember a count; a full flash is noted, never raised."""
        if self._counts.get(waste) == count:
            return
        self._counts[waste] = count
        try:
            write_json(self._path, self._counts)
        except OSError as error:
            self._note("counts: not in flash: %s" % error)


def make_sensors(settings, board, calibrations, root, note):
    """One Place per waste kind that has sensors."""
    counts = Counts(root, note)
    by_waste = {}
    for sensor in settings:
        by_waste.setdefault(sensor["waste"], []).append(_make(sensor, board, calibrations, counts))
    return [Place(waste, by_waste[waste], counts, note) for waste in by_waste]


def _make(settings, board, calibrations, counts):
    """One driver; only the drivers that are wired take up memory."""
    waste = settings["waste"]
    if settings["kind"] == "beam":
        from firmware.binroom.beam import Beam

        return Beam(board, settings["in_pin"], settings["out_pin"], counts.of(waste) or 0)
    if settings["kind"] == "distance":
        from firmware.binroom.distance import Distance

        return Distance(board, settings)
    from firmware.binroom.cell import LoadCell
    from firmware.binroom.weighing import Weighing

    weighing = Weighing(settings["bin_empty_grams"], settings["bin_full_grams"], counts.of(waste))
    data, clock = board.input_pin(settings["data"]), board.output_pin(settings["clock"])
    return LoadCell(board, data, clock, weighing, lambda: calibrations.scale(waste))
