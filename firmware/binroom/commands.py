"""What the unit does on a command from the bridge; loaded when the first one comes.

    {"command": "identify", "id"}                      the identify LED blinks for 30 s
    {"command": "calibrate", "id", "waste", "grams"}   a known mass is on this kind's cell; twice, with two masses
    {"command": "reset", "id"}                         start again
    {"command": "certificate", "id", "certificate"}    a newer one of the same key, shown if the broker takes it
`rebirth` (report everything anew) is obeyed by the unit itself.
"""

from firmware.binroom.durable import is_integer
from firmware.wire import IDENTIFY_S


def obey(machine, body):
    """Carry out one command; returns (whether it is done, what to say), which the unit answers; None: it does later."""
    command = body["command"]
    if command == "identify":
        if not machine.board.has_identify():
            return False, "identify: this unit has no LED for it (identify_pin is null)"
        machine.identify_until = machine.board.ticks_ms() + IDENTIFY_S * 1000
        return True, "identify: the LED blinks for %d s" % IDENTIFY_S
    if command == "calibrate":
        return calibrate(machine, body)
    if command == "certificate":
        return machine.try_certificate(body["id"], body.get("certificate"))
    if command == "reset":
        machine.note("reset by command %s" % body["id"])
        machine.board.reset()
        return True, "reset"
    return False, "unknown command %s" % command


def calibrate(machine, body):
    """One known mass of a two-mass calibration."""
    waste, grams = body.get("waste"), body.get("grams")
    if not is_integer(grams):
        return False, "calibrate: needs grams, an integer"
    with_cell = [place for place in machine.places if place.has_cell()]
    for place in with_cell:
        if place.waste == waste:
            return weigh(machine.calibrations, waste, place.raw(), grams, machine.unit.now_s())
    others = " ".join([place.waste for place in with_cell]) or "no waste kind here"
    return False, "calibrate: no load cell for %s; there is one for: %s" % (waste, others)


def weigh(calibrations, waste, raw, grams, at):
    """A known mass is on the cell; the second, different one completes the calibration."""
    if raw is None:
        return False, "calibrate %s: the cell gives no steady value; check its wires" % waste
    first = calibrations.first.pop(waste, None)
    if first is None:
        calibrations.first[waste] = (raw, grams)
        return True, "calibrate %s: %d g is raw %d; now put another known mass on" % (waste, grams, raw)
    scale = {"raw_low": first[0], "raw_high": raw, "grams_low": first[1], "grams_high": grams, "at": at}
    if not calibrations.save(waste, scale):
        return False, "calibrate %s: the two masses are too close (%d g, %d g); begin again" % (waste, first[1], grams)
    return True, "calibrate %s: done, %d g is raw %d, %d g is raw %d" % (waste, first[1], first[0], grams, raw)
