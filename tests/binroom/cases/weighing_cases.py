"""Load cell, calibration, beam and distance: a simulated cell with noise, creep, drift, stuck value, broken wire."""

from firmware.binroom.beam import Beam
from firmware.binroom.calibration import grams_of, is_scale
from firmware.binroom.cell import LoadCell
from firmware.binroom.distance import Distance
from firmware.binroom.sensors import Place
from firmware.binroom.weighing import Weighing, median

SCALE = {"raw_low": -50000, "raw_high": 150000, "grams_low": 0, "grams_high": 20000, "at": 1795374261}
COUNTS_PER_GRAM = 10
EMPTY, FULL = 12500, 120000


class Cell:
    """What a cell and its amplifier would deliver: true grams, creep after a load, drift of the zero, noise."""

    def __init__(self):
        self.grams = 0
        self.noise = 60  # counts, so 6 g
        self.drift_grams = 0
        self.creep_ppm = 0  # of the last load, reached within half an hour
        self.loaded_s = 0
        self.fault = None
        self._seed = 7

    def raw(self):
        if self.fault == "silent":
            return None
        if self.fault == "open":
            return 0x7FFFFF
        if isinstance(self.fault, int):  # the amplifier gives one value for ever
            return self.fault
        self._seed = (self._seed * 1103515245 + 12345) & 0x7FFFFFFF
        noise = (self._seed >> 8) % (2 * self.noise + 1) - self.noise
        creep = self.grams * self.creep_ppm * min(self.loaded_s, 1800) // 1800 // 1000000
        return SCALE["raw_low"] + COUNTS_PER_GRAM * (self.grams + creep + self.drift_grams) + noise


class Scales:
    """A cell under bins, sampled ten times a second."""

    def __init__(self, count=None, scale=SCALE):
        self.cell = Cell()
        self.scale = scale
        self.weighing = Weighing(EMPTY, FULL, count)
        self.now_ms = 0
        self.changes = []
        self._last = None

    def run(self, seconds):
        for _ in range(seconds):
            for _ in range(10):
                self.now_ms += 100
                if self.weighing.sample(self.cell.raw(), self.scale, self.now_ms & 0x3FFFFFFF):
                    told = (self.weighing.count, self.weighing.grams, self.weighing.quality)
                    if told != self._last:
                        self._last = told
                        self.changes.append(told)
            self.cell.loaded_s += 1
        return self

    def put(self, grams, settle_s=5):
        """A bin of this mass is rolled on (or off, negative)."""
        self.cell.grams += grams
        self.cell.loaded_s = 0
        return self.run(settle_s)


def case_median():
    assert median([5, 1, 9]) == 5
    assert median([4, 1, 9, 5]) == 4
    assert median([7]) == 7


def case_two_masses_fix_zero_and_scale():
    assert is_scale(SCALE)
    assert grams_of(SCALE, -50000) == 0
    assert grams_of(SCALE, 150000) == 20000
    assert grams_of(SCALE, -50000 + 54) == 5
    assert grams_of(SCALE, -50000 + 56) == 6
    upside_down = {"raw_low": 150000, "raw_high": -50000, "grams_low": 0, "grams_high": 20000, "at": 0}
    assert grams_of(upside_down, -50000) == 20000
    assert grams_of(upside_down, 50000) == 10000


def case_bad_calibrations_are_refused():
    for change in ({"raw_high": -50000}, {"grams_high": 10}, {"raw_low": None}, {"grams_low": "0"}):
        scale = dict(SCALE)
        scale.update(change)
        assert not is_scale(scale), change
    assert not is_scale([]) and not is_scale(None)


def case_uncalibrated_is_useless_but_raw_is_there():
    scales = Scales(scale=None).run(5)
    assert scales.weighing.quality == 4 and scales.weighing.grams is None
    assert abs(scales.weighing.raw + 50000) < 100


def case_empty_platform():
    scales = Scales().run(5)
    assert scales.weighing.count == 0
    assert abs(scales.weighing.grams) < 10
    assert scales.weighing.quality == 0


def case_bins_counted_one_by_one_and_off_again():
    scales = Scales().run(5)
    for number, grams in enumerate((13000, 45000, 12500, 98000)):
        scales.put(grams)
        assert scales.weighing.count == number + 1, scales.changes
    for number, grams in enumerate((98000, 12500, 45000, 13000)):
        scales.put(-grams)
        assert scales.weighing.count == 3 - number, scales.changes
    assert abs(scales.weighing.grams) < 250
    assert scales.weighing.quality == 0


def case_waste_thrown_in_changes_grams_not_count():
    scales = Scales().run(5)
    scales.put(12500)
    for _ in range(40):
        scales.put(1500, settle_s=4)
    assert scales.weighing.count == 1
    assert abs(scales.weighing.grams - 72500) < 300


def case_noise_and_creep_tell_nothing():
    scales = Scales().run(5)
    scales.put(80000)
    scales.cell.creep_ppm = 1000  # 0.1 %: four times what a good cell does
    before = len(scales.changes)
    scales.run(1900)
    assert len(scales.changes) == before, scales.changes[before:]


def case_temperature_drift_shows_as_quality():
    scales = Scales().run(5)
    for _ in range(30):
        scales.cell.drift_grams -= 100
        scales.run(20)
    assert scales.weighing.count == 0
    assert scales.weighing.quality == 2
    assert "empty platform" in scales.weighing.reason
    assert scales.weighing.grams < -2000  # shown as it is: never tared away


def five_bins_of_140_kg():
    scales = Scales().run(5)
    for _ in range(5):
        scales.put(28000)
    assert scales.weighing.count == 5 and scales.weighing.quality == 0
    return scales


def case_a_value_that_stands_still_is_no_weight():
    end = 0x7FFFFF
    for stuck in (0, -1, 1, -363680, 1350000, -50000, 5350000, 0x555555, end, -end - 1):
        for seconds in (5, 6, 40, 200):
            scales = five_bins_of_140_kg()
            scales.cell.fault = stuck
            scales.run(seconds)
            weighing = scales.weighing
            assert (weighing.count, weighing.grams, weighing.quality) == (None, None, 4), (stuck, seconds)
            assert ("stands still at " + str(stuck) if abs(stuck) < end else "end") in weighing.reason
            scales.cell.fault = None
            scales.run(6)
            assert (weighing.count, weighing.quality) == (5, 0), (stuck, seconds)
            assert abs(weighing.grams - 140000) < 250
            assert [grams for _, grams, _ in scales.changes if grams is not None and grams < -100] == []


def case_a_value_that_stands_still_for_less_than_thirty_samples_tells_nothing():
    for stuck in (0, 0x7FFFFF):
        scales = five_bins_of_140_kg()
        before = len(scales.changes)
        scales.cell.fault = stuck
        for _ in range(4):
            scales.now_ms += 100
            scales.weighing.sample(scales.cell.raw(), SCALE, scales.now_ms)
        scales.cell.fault = None
        scales.run(20)
        assert len(scales.changes) == before, stuck


def case_a_wire_that_comes_and_goes_never_counts():
    for right, wrong in ((7, 3), (5, 5), (3, 7), (1, 9)):
        scales = five_bins_of_140_kg()
        for round in range(400):
            scales.cell.fault = 0 if round % 10 >= right else None
            scales.now_ms += 100
            scales.weighing.sample(scales.cell.raw(), SCALE, scales.now_ms)
            assert scales.weighing.count in (5, None), (right, wrong)
        scales.cell.fault = None
        scales.run(6)
        assert scales.weighing.count == 5


def case_from_the_first_moment_a_dead_cell_knows_nothing():
    for fault in (0, 123456, 0x7FFFFF, -0x800000, "silent"):
        scales = Scales(count=5)
        scales.cell.fault = fault
        scales.run(90)
        assert [change for change in scales.changes if change[:2] != (None, None) or change[2] != 4] == [], fault
        scales.cell.fault = None
        scales.cell.grams = 140000
        scales.run(6)
        assert scales.weighing.count == 5  # what was kept holds again


def case_few_samples_that_stand_still_are_no_weight_either():
    weighing = Weighing(EMPTY, FULL, 5)
    for second in range(1, 100):
        weighing.sample(0, SCALE, second * 1000)
        assert weighing.grams is None and weighing.count is None
    assert "stands still" in weighing.reason


def case_no_platform_weighs_less_than_nothing():
    for grams in (-10000, -31368, -500000):
        scales = five_bins_of_140_kg()
        scales.cell.drift_grams = grams - 140000  # it trembles, around what an open bridge gives
        scales.run(20)
        assert (scales.weighing.count, scales.weighing.grams, scales.weighing.quality) == (None, None, 4)
        assert "less than nothing" in scales.weighing.reason
        scales.cell.drift_grams = 0
        scales.run(6)
        assert (scales.weighing.count, scales.weighing.quality) == (5, 0)


def case_bins_that_left_while_nothing_was_weighed_are_said_to_be_a_guess():
    scales = five_bins_of_140_kg()
    scales.cell.fault = 0
    scales.run(10)
    scales.cell.grams = 56000
    scales.cell.fault = None
    scales.run(6)
    assert scales.weighing.quality == 1 and "corrected" in scales.weighing.reason
    assert 1 <= scales.weighing.count <= 4 and abs(scales.weighing.grams - 56000) < 250
    emptied = five_bins_of_140_kg()
    emptied.cell.fault = "silent"
    emptied.run(10)
    emptied.cell.grams = 0
    emptied.cell.fault = None
    emptied.run(6)
    assert emptied.weighing.count == 0 and abs(emptied.weighing.grams) < 250


def case_broken_wire_and_dead_amplifier():
    for fault, word in (("open", "end"), ("silent", "no answer")):
        scales = five_bins_of_140_kg()
        scales.cell.fault = fault
        scales.run(5)
        assert scales.weighing.quality == 4 and scales.weighing.grams is None
        assert word in scales.weighing.reason
        assert scales.weighing.count is None
        scales.cell.fault = None
        scales.run(10)
        assert scales.weighing.quality == 0 and scales.weighing.count == 5


def case_floating_wire_is_unsteady():
    scales = Scales().run(5)
    scales.cell.noise = 400000
    scales.run(90)
    assert scales.weighing.quality == 3 and "steady" in scales.weighing.reason


def case_after_a_power_cut_the_kept_count_is_used_where_it_fits():
    scales = Scales(count=3)
    scales.cell.grams = 90000
    scales.run(6)
    assert scales.weighing.count == 3 and scales.weighing.quality == 0
    emptied = Scales(count=3).run(6)
    assert emptied.weighing.count == 0 and emptied.weighing.quality == 0
    unknown = Scales()
    unknown.cell.grams = 150000
    unknown.run(6)
    assert unknown.weighing.count == 2  # at least two bins weigh that much
    absurd = Scales(count=40)
    absurd.cell.grams = 50000
    absurd.run(6)
    assert absurd.weighing.count <= 4 and absurd.weighing.quality == 1


def case_an_hour_of_noise_tells_nothing():
    scales = Scales().run(5)
    scales.put(60000)
    before = len(scales.changes)
    scales.run(3600)
    assert len(scales.changes) == before


class Pin:
    def __init__(self, level=1):
        self.level = level
        self.edge = None

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        return None


class DeskBoard:
    """Pins and pulses for the drivers; the cell answers its clock as the chip does."""

    def __init__(self):
        self.now_ms = 0
        self.word = None
        self.bits = 0
        self.data = Pin(0)
        self.echo = []
        self.edges = []

    def ticks_ms(self):
        return self.now_ms

    def input_pin(self, number, on_edge=None):
        pin = Pin()
        pin.edge = on_edge
        self.edges.append(pin)
        return pin

    def output_pin(self, number):
        return Pin(0)

    def pulse(self, _clock):
        self.bits += 1
        self.data.level = (self.word & 0xFFFFFF) >> (24 - self.bits) & 1 if self.bits <= 24 else 0
        if self.bits == 25:
            self.bits = 0

    def echo_us(self, _trigger, _echo):
        return self.echo.pop(0) if self.echo else -1


def case_hx711_bits():
    board = DeskBoard()
    weighing = Weighing(EMPTY, FULL)
    cell = LoadCell(board, board.data, Pin(0), weighing, lambda: SCALE)
    for word in (0, 1, -1, 150000, -8388608, 8388607):
        weighing.raw = None
        for tremble in range(20):
            board.word = word if abs(word) >= 8388607 else word ^ tremble % 2
            board.now_ms += 100
            cell.poll(board.now_ms)
        assert weighing.raw in (word, word ^ 1), (word, weighing.raw)
        assert cell.raw() == (weighing.raw if abs(word) < 8388607 else None)
    board.word = 150000
    for _ in range(40):
        board.now_ms += 100
        cell.poll(board.now_ms)
    assert weighing.raw == 150000 and cell.raw() is None and cell.count is None  # it stands still: nothing to calibrate
    board.data.level = 1  # not ready: nothing is clocked out
    board.bits = 0
    for _ in range(50):
        board.now_ms += 100
        cell.poll(board.now_ms)
    assert board.bits == 0 and weighing.quality == 4


def case_beams_count_in_and_out():
    board = DeskBoard()
    beam = Beam(board, 1, 2, 0)
    inward, outward = board.edges

    def cut(pin, times):
        for _ in range(times):
            pin.edge(pin)
            board.now_ms += 40  # wheels and lid: several edges of one bin
            pin.edge(pin)
            board.now_ms += 1000

    cut(inward, 5)
    assert beam.poll(board.now_ms) and beam.count == 5
    cut(outward, 2)
    assert beam.poll(board.now_ms) and beam.count == 3
    cut(outward, 9)
    beam.poll(board.now_ms)
    assert beam.count == 0
    inward.level = 0
    beam.poll(board.now_ms)
    board.now_ms += 61000
    assert beam.poll(board.now_ms) and beam.quality == 3
    inward.level = 1
    assert beam.poll(board.now_ms) and beam.quality == 0


class Sensor:
    """A stand-in sensor of a Place."""

    def __init__(self, count=None, grams=None, quality=0, reason="", cell=None):
        self.count, self.grams, self.quality, self.reason = count, grams, quality, reason
        self.is_cell = cell is not None
        self._cell = cell

    def poll(self, _now_ms):
        return True

    def fits(self, count):
        return self._cell.fits(count)

    def raw(self):
        return self._cell.raw


class Kept:
    """Counts that remember in the heap."""

    def __init__(self):
        self.counts = {}

    def keep(self, waste, count):
        self.counts[waste] = count


def case_a_place_joins_its_sensors():
    weighing = Scales().run(5)
    weighing.put(30000)
    cell = Sensor(count=1, grams=30000, cell=weighing.weighing)
    beam = Sensor(count=2)
    notes, kept = [], Kept()
    place = Place("hazardous", [cell, beam], kept, notes.append)
    assert place.poll(0) == ("bins", "hazardous", 2, 30000, 0)  # the counter counts, the cell weighs
    assert place.poll(100) is None  # nothing new
    assert kept.counts == {"hazardous": 2}
    beam.count = 9  # nine bins cannot weigh 30 kg; but a cell sees later than a beam what was rolled in
    assert place.poll(200) == ("bins", "hazardous", 9, 30000, 0)
    assert place.poll(15100) is None and notes == []
    assert place.poll(15200) == ("bins", "hazardous", 9, 30000, 2)
    assert "do not fit" in notes[-1]
    beam.quality, beam.reason = 3, "dark"
    assert place.poll(15300) == ("bins", "hazardous", 1, 30000, 2)  # the cell counts as long as the beams cannot
    assert notes[-1] == "hazardous: quality 2: dark"
    assert place.has_cell() and abs(place.raw() - 250000) < 500
    assert not Place("hazardous", [beam], kept, notes.append).has_cell()


def case_a_useless_cell_takes_nothing_from_good_beams():
    cell = Sensor(count=None, grams=None, quality=4, reason="stands still", cell=Scales().weighing)
    beam = Sensor(count=5)
    notes = []
    place = Place("hazardous", [cell, beam], Kept(), notes.append)
    assert place.poll(0) == ("bins", "hazardous", 5, None, 2)
    assert notes == ["hazardous: quality 2: stands still"]
    beam.count = 4
    assert place.poll(100) == ("bins", "hazardous", 4, None, 2)
    cell.count, cell.grams, cell.quality, cell.reason = 3, 90000, 3, "never steady"
    assert place.poll(200) is None  # nor does a weight that is never steady say anything
    beam.quality, beam.reason = 3, "dark"
    assert place.poll(300)[4] == 3  # nobody counts well


def case_a_useless_counter_takes_nothing_from_a_good_cell():
    weighing = Scales().run(5)
    weighing.put(30000)
    cell = Sensor(count=1, grams=30000, cell=weighing.weighing)
    ranger = Sensor(count=None, quality=4, reason="no echo")
    for sensors in ([cell, ranger], [ranger, cell]):
        notes = []
        assert Place("hazardous", sensors, Kept(), notes.append).poll(0) == ("bins", "hazardous", 1, 30000, 2)
        assert notes == ["hazardous: quality 2: no echo"]


def case_distance_to_bins():
    board = DeskBoard()
    ranger = Distance(board, {"trigger": 1, "echo": 2, "empty_mm": 2000, "full_mm": 400, "bins": 8})

    def measure(mm, times=5):
        for _ in range(times):
            board.echo.append(mm * 2000 // 343)
            board.now_ms += 2000
            ranger.poll(board.now_ms)
        return ranger.count, ranger.quality

    assert measure(2000) == (0, 0)
    assert measure(1200) == (4, 0)
    assert measure(400) == (8, 0)
    assert measure(300) == (8, 0)
    assert measure(2500) == (0, 2)
    measure(1200)
    board.echo = []
    for _ in range(5):
        board.now_ms += 2000
        ranger.poll(board.now_ms)
    assert (ranger.count, ranger.quality) == (None, 4)
