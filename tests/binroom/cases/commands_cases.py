"""Commands from the bridge: calibration with two masses, identify, reset, and what is refused."""

from firmware.binroom import commands
from firmware.binroom.calibration import Calibrations, grams_of, is_scale

WET = "residential_wet"


class Place:
    """A place with a load cell of this raw value."""

    def __init__(self, raw, waste=WET):
        self.waste = waste
        self.value = raw

    def has_cell(self):
        return True

    def raw(self):
        return self.value


class Board:
    """Ticks and a reset that is only counted."""

    def __init__(self):
        self.resets = 0
        self.led = True

    def has_identify(self):
        return self.led

    def ticks_ms(self):
        return 1000

    def reset(self):
        self.resets += 1


class Unit:
    """A unit that knows the time."""

    def now_s(self):
        return 1795374261


class Machine:
    """What a command may touch."""

    def __init__(self, place):
        self.notes = []
        self.places = [place]
        self.board = Board()
        self.unit = Unit()
        self.identify_until = None
        self.calibrations = Memory("/nowhere-at-all", self.notes.append)

    def note(self, text):
        self.notes.append(text)

    def order(self, command, **more):
        body = {"command": command, "id": "k1"}
        body.update(more)
        self.done, said = commands.obey(self, body)
        return said


class Memory(Calibrations):
    """Calibrations that are not written anywhere."""

    def save(self, waste, scale):
        if not is_scale(scale):
            return False
        self._scales[waste] = scale
        return True


def case_two_masses():
    place = Place(5000)
    machine = Machine(place)
    assert "another known mass" in machine.order("calibrate", waste=WET, grams=0)
    assert machine.calibrations.scale(WET) is None
    place.value = 205000
    assert "done" in machine.order("calibrate", waste=WET, grams=20000)
    scale = machine.calibrations.scale(WET)
    assert scale["at"] == 1795374261
    assert grams_of(scale, 105000) == 10000


def case_masses_too_close_begin_again():
    place = Place(5000)
    machine = Machine(place)
    machine.order("calibrate", waste=WET, grams=0)
    place.value = 5100
    assert "too close" in machine.order("calibrate", waste=WET, grams=20000)
    assert machine.calibrations.scale(WET) is None
    place.value = 205000
    assert "another known mass" in machine.order("calibrate", waste=WET, grams=20000)


def case_no_steady_value_or_no_cell():
    machine = Machine(Place(None))
    assert "no steady value" in machine.order("calibrate", waste=WET, grams=0)
    assert not machine.done
    said = machine.order("calibrate", waste="hazardous", grams=0)
    assert said == "calibrate: no load cell for hazardous; there is one for: residential_wet"
    machine.places[0].has_cell = lambda: False
    assert machine.order("calibrate", waste=WET, grams=0).endswith("there is one for: no waste kind here")
    assert not machine.done
    assert "needs grams" in machine.order("calibrate", waste=WET, grams="20 kg")
    assert "needs grams" in machine.order("calibrate")
    for no_number in (False, True):
        assert "needs grams" in machine.order("calibrate", waste=WET, grams=no_number)
    assert machine.calibrations.first == {}


def case_identify_reset_and_nonsense():
    machine = Machine(Place(1))
    machine.order("identify")
    assert machine.done and machine.identify_until == 31000
    machine.board.led = False
    machine.identify_until = None
    assert "no LED" in machine.order("identify") and not machine.done and machine.identify_until is None
    machine.order("reset")
    assert machine.board.resets == 1
    assert "unknown command dance" in machine.order("dance") and not machine.done
