"""The sensors of a unit: HX711 load cell, beam counter, distance; and the place where those of one waste kind meet.

Each sensor has `poll(now_ms)` (never waits long; True when something may have changed) and `count`, `grams`,
`quality`, `reason`. `/config/unit.json` names them:

    {"kind": "hx711", "waste", "data", "clock", "bin_empty_grams", "bin_full_grams"}
    {"kind": "beam", "waste", "in_pin", "out_pin"}              one light beam per direction
    {"kind": "distance", "waste", "trigger", "echo", "empty_mm", "full_mm", "bins"}   fill level of a fixed container
"""

from firmware.binroom.durable import read_json, write_json
from firmware.binroom.weighing import Weighing, median

COUNTS_FILE = "/state/counts.json"
HX711_BITS = 24
SAMPLE_EVERY_MS = 90  # the chip delivers 10 a second
BEAM_GAP_MS = 300  # a bin's wheels and lid break the beam several times
BEAM_BLOCKED_MS = 60000
DISTANCE_EVERY_MS = 2000
DISTANCE_MEDIAN = 5
_MASK = 0x3FFFFFFF  # the period of a board's ticks, less one


class LoadCell:
    """An HX711 on two pins: the chip pulls `data` low when a sample is ready, 24 clock pulses take it out."""

    def __init__(self, board, data, clock, weighing, scale):
        self._board = board
        self._data = data
        self._clock = clock
        self._scale = scale  # () -> calibration or None
        self._sampled_at = None
        self.weighing = weighing

    def poll(self, now_ms):
        """Take a sample if one is ready."""
        if self._sampled_at is not None and (now_ms - self._sampled_at) & _MASK < SAMPLE_EVERY_MS:
            return False
        self._sampled_at = now_ms
        return self.weighing.sample(self._read(), self._scale(), now_ms)

    def _read(self):
        if self._data.value():
            return None
        raw = 0
        for _ in range(HX711_BITS):
            self._board.pulse(self._clock)
            raw = raw << 1 | self._data.value()
        self._board.pulse(self._clock)  # the 25th asks for channel A, gain 128, next time
        return raw - (1 << HX711_BITS) if raw >> HX711_BITS - 1 else raw

    def raw(self):
        """The last second's median of raw values, or None if there is none or it is not steady."""
        return self.weighing.raw

    @property
    def count(self):
        """Bins by weight, or None before the first settled value."""
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


class Beam:
    """Two light beams: every interruption of one counts a bin in, of the other a bin out."""

    grams = None

    def __init__(self, board, in_pin, out_pin, count):
        self.count = count
        self.quality = 0
        self.reason = ""
        self._board = board
        self._edges = [0, 0]
        self._edge_at = [None, None]
        self._low_since = [None, None]
        # The handlers run in interrupt context: they only count and compare integers.
        self._pins = [
            board.input_pin(in_pin, lambda _pin: self._edge(0)),
            board.input_pin(out_pin, lambda _pin: self._edge(1)),
        ]

    def _edge(self, side):
        now_ms = self._board.ticks_ms()
        last = self._edge_at[side]
        if last is None or (now_ms - last) & _MASK >= BEAM_GAP_MS:
            self._edges[side] += 1
        self._edge_at[side] = now_ms

    def poll(self, now_ms):
        """Add up what the beams saw since the last call."""
        levels = [pin.value() for pin in self._pins]
        moved = self._edges[0] - self._edges[1]
        self._edges[0] = 0
        self._edges[1] = 0
        self.count = max(0, self.count + moved)
        blocked = False
        for side in (0, 1):
            if levels[side]:
                self._low_since[side] = None
            elif self._low_since[side] is None:
                self._low_since[side] = now_ms
            elif (now_ms - self._low_since[side]) & _MASK >= BEAM_BLOCKED_MS:
                blocked = True
        was = self.quality
        self.quality = 3 if blocked else 0
        self.reason = "a beam has been dark for a minute; clear it or clean its lens" if blocked else ""
        return moved != 0 or was != self.quality


class Distance:
    """An ultrasonic ranger above a container: how many bins' worth of it are full."""

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
        if self._polled_at is not None and (now_ms - self._polled_at) & _MASK < DISTANCE_EVERY_MS:
            return False
        self._polled_at = now_ms
        self._recent.append(self._board.echo_us(self._trigger, self._echo) * 343 // 2000)
        if len(self._recent) > DISTANCE_MEDIAN:
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


class Place:
    """All sensors of one waste kind: counters tell the count, the cell tells grams, the worse quality counts."""

    def __init__(self, waste, sensors, counts, note):
        self.waste = waste
        self._sensors = sensors
        self._counts = counts
        self._note = note
        self._told = None
        self._reason = ""

    def raw(self):
        """The load cell's raw value, or None without one."""
        for sensor in self._sensors:
            if isinstance(sensor, LoadCell):
                return sensor.raw()
        return None

    def has_cell(self):
        """Whether there is a load cell to calibrate."""
        return any(isinstance(sensor, LoadCell) for sensor in self._sensors)

    def poll(self, now_ms):
        """The ("bins", ...) event for the unit if anything changed, else None."""
        changed = False
        for sensor in self._sensors:
            changed = sensor.poll(now_ms) or changed
        if not changed:
            return None
        count = grams = None
        quality, reason = 0, ""
        for sensor in self._sensors:
            if sensor.grams is not None:
                grams = sensor.grams
            if sensor.count is not None and (count is None or not isinstance(sensor, LoadCell)):
                count = sensor.count
            if sensor.quality > quality:
                quality, reason = sensor.quality, sensor.reason
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


class Counts:
    """The last count per waste kind, kept over power cuts; written only when one changes."""

    def __init__(self, root, note):
        self._path = root + COUNTS_FILE
        self._note = note
        found = read_json(self._path)
        self._counts = {}
        for waste in found if isinstance(found, dict) else ():
            if isinstance(found[waste], int) and found[waste] >= 0:
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
    waste = settings["waste"]
    if settings["kind"] == "beam":
        return Beam(board, settings["in_pin"], settings["out_pin"], counts.of(waste) or 0)
    if settings["kind"] == "distance":
        return Distance(board, settings)
    weighing = Weighing(settings["bin_empty_grams"], settings["bin_full_grams"], counts.of(waste))
    data, clock = board.input_pin(settings["data"]), board.output_pin(settings["clock"])
    return LoadCell(board, data, clock, weighing, lambda: calibrations.scale(waste))
