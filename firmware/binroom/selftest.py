"""The self test a technician runs on the unit itself: what no desk can prove of this board and its wiring.

`run(root, seconds)` stops nothing and needs the unit's loop stopped (the prompt after Ctrl-C). It prints one JSON
line per step and returns them: {"step", "ok", "text"}. The lamps step lights each lamp for a second, so that a person
sees which is which. The network is tested by tools/flash.py, which can name a wrong key or certificate. `STEPS` is
public, so that the tool can run them one by one and feed the watchdog in between.
"""

import json
import os
import time

from firmware.binroom import durable
from firmware.binroom.board import Board
from firmware.binroom.calibration import Calibrations
from firmware.binroom.constant import const
from firmware.binroom.sensors import make_sensors
from firmware.binroom.settings import load_unit

_STEP_MS = const(20)
_LAMP_MS = const(1000)
_SENSE_MS = const(6000)
SCRATCH = "/state/selftest"
_SCRATCH_BYTES = const(4096)


def run(root="", lamp_ms=_LAMP_MS, sense_ms=_SENSE_MS):
    """All steps in order; a step that raises has failed and the next one still runs."""
    results = []
    state = {}
    for name, step in STEPS:
        try:
            ok, text = step(root, state, lamp_ms if name == "lamps" else sense_ms)
        except Exception as error:  # a broken board may fail in any way; the technician wants all steps
            ok, text = False, repr(error)
        result = {"step": name, "ok": ok, "text": text}
        print(json.dumps(result))
        results.append(result)
    return results


def _settings(root, state, _ms):
    state["unit"] = load_unit(root)
    state["board"] = Board(state["unit"])
    return True, "unit %s of area %s" % (state["unit"]["device"], state["unit"]["area"])


def _flash(root, _state, _ms):
    data = os.urandom(_SCRATCH_BYTES >> 1)
    durable.make_folder(root + "/state")
    with open(root + SCRATCH, "wb") as file:
        file.write(data)
    with open(root + SCRATCH, "rb") as file:
        same = file.read() == data
    os.remove(root + SCRATCH)
    return same, "wrote and read %d bytes" % len(data) if same else "read back other bytes than written"


def _ticks(_root, _state, _ms):
    started = time.ticks_ms()
    time.sleep_ms(200)
    passed = time.ticks_diff(time.ticks_ms(), started)
    return 195 <= passed <= 260, "200 ms took %d ms" % passed


def _lamps(_root, state, ms):
    board = state["board"]
    dead = []
    for index, lamp in enumerate(state["unit"]["lamps"]):
        board.set_lamp(index, True)
        time.sleep_ms(ms)
        lit = board.read_lamp(index)
        board.set_lamp(index, False)
        time.sleep_ms(_STEP_MS)
        if not lit or board.read_lamp(index):
            dead.append(lamp["waste"])
    if dead:
        return False, "does not follow its pin: %s; check lamp, driver and sense wire" % " ".join(dead)
    return True, "%d lamps follow their pins" % board.lamp_count()


def _buttons(_root, state, _ms):
    down = [event for event, is_down in state["board"].buttons() if is_down]
    if down:
        return False, "pressed or shorted: %s" % " ".join(down)
    return True, "none is pressed"


def _sensors(root, state, ms):
    said = []
    calibrations = Calibrations(root, said.append)
    places = make_sensors(state["unit"]["sensors"], state["board"], calibrations, root, said.append)
    readings = {}
    started = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), started) < ms:
        for place in places:
            reading = place.poll(time.ticks_ms())
            if reading is not None:
                readings[place.waste] = reading
        time.sleep_ms(_STEP_MS)
    bad = False
    for place in places:
        reading = readings.get(place.waste)
        bad = bad or reading is None or reading[4] >= 3
        said.append("%s: raw %s, %s" % (place.waste, place.raw(), reading and reading[2:]))
    return not bad, "; ".join(said) or "none wired"


STEPS = (
    ("settings", _settings),
    ("flash", _flash),
    ("ticks", _ticks),
    ("lamps", _lamps),
    ("buttons", _buttons),
    ("sensors", _sensors),
)
