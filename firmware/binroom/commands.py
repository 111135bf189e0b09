"""What the unit does on a command from the bridge; loaded when the first one comes.

    {"command": "identify", "id"}                      the identify LED blinks for 30 s
    {"command": "calibrate", "id", "waste", "grams"}   a known mass is on this kind's cell; twice, with two masses
    {"command": "reset", "id"}                         start again
`rebirth` (report everything anew) is obeyed by the unit itself.
"""

from firmware.binroom.durable import is_integer
from firmware.wire import IDENTIFY_S


def obey(machine, body):
    """Carry out one command, or say why not."""
    command = body["command"]
    if command == "identify":
        machine.identify_until = machine.board.ticks_ms() + IDENTIFY_S * 1000
    elif command == "calibrate":
        machine.note(calibrate(machine, body))
    elif command == "reset":
        machine.note("reset by command %s" % body["id"])
        machine.board.reset()
    else:
        machine.note("unknown command %s" % command)


def calibrate(machine, body):
    """One known mass of a two-mass calibration; returns what to say."""
    waste, grams = body.get("waste"), body.get("grams")
    for place in machine.places:
        if place.waste == waste and place.has_cell() and is_integer(grams):
            return weigh(machine.calibrations, waste, place.raw(), grams, machine.unit.now_s())
    return "calibrate: needs waste (one with a load cell) and grams (an integer)"


def weigh(calibrations, waste, raw, grams, at):
    """A known mass is on the cell; the second, different one completes the calibration. Returns what to say."""
    if raw is None:
        return "calibrate %s: the cell gives no steady value; check its wires" % waste
    first = calibrations.first.pop(waste, None)
    if first is None:
        calibrations.first[waste] = (raw, grams)
        return "calibrate %s: %d g is raw %d; now put another known mass on" % (waste, grams, raw)
    scale = {"raw_low": first[0], "raw_high": raw, "grams_low": first[1], "grams_high": grams, "at": at}
    if not calibrations.save(waste, scale):
        return "calibrate %s: the two masses are too close (%d g, %d g); begin again" % (waste, first[1], grams)
    return "calibrate %s: done, %d g is raw %d, %d g is raw %d" % (waste, first[1], first[0], grams, raw)
