"""Stand-in for a board's `machine`: pins that a panel in another process sees and drives.

Found by the firmware through MICROPYPATH (or PYTHONPATH under CPython). Environment: `ZP_PINS` is the panel's UDP
address `127.0.0.1:port` (without it the pins are only remembered), `ZP_RESET_CAUSE` what `reset_cause` says.

Datagrams are JSON. To the panel, objects: {"hello"}, {"pin", "level"}, {"watchdog_ms"}, {"feed"}, {"reset"}.
From the panel, lists: [0, pin, level] an input's level; [1, pin, level] an output whose pad reads otherwise (null
ends it); [2, data pin, clock pin, raw, noise, silent] an HX711; [3, pin, us] a ranger's answer; [4, 0, speed] the
pace of the desk's clock (adjustments.py). It shares the unit's heap, where a board has this in ROM, so it is kept
small: tables, few functions, few names.
"""

import json
import os
import socket
import sys
import time

WDT_RESET = 3

_levels = {}
# 100 + pin: what an output's pad reads; 200 + data pin and 300 + clock pin: an HX711 as [raw, noise, silent,
# word being shifted out or None, bits left, seed]; 400 + pin: an echo; 500 + pin: the handler of a falling edge;
# -1: the pace
_set = {}
_wire = None
if os.getenv("ZP_PINS"):
    _wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    _wire.connect(socket.getaddrinfo(*os.getenv("ZP_PINS").split(":"))[0][-1])
    _wire.setblocking(False)


def _tell(message):
    if _wire is not None:
        try:
            _wire.send(message.encode())
        except OSError:  # no panel any more: the board goes on, as it would
            pass


def _listen():
    while _wire is not None:
        try:
            data = _wire.recv(160)
        except OSError:
            return
        message = json.loads(data.decode())
        kind, pin, level = message[:3]
        if kind == 0:
            falls = _levels.get(pin, 1) and not level
            _levels[pin] = level
            if falls and 500 + pin in _set:
                _set[500 + pin](pin)
        elif kind == 1:
            _set[100 + pin] = level
        elif kind == 2:
            cell = _set[300 + level] = _set.setdefault(200 + pin, [0, 0, False, None, 0, 12345])
            cell[:3] = message[3:]
        elif kind == 3:
            _set[400 + pin] = level
        else:
            _set[-1] = level


class Pin:
    """A pin as MicroPython's `machine.Pin`."""

    IN, OUT, PULL_UP, IRQ_FALLING = 0, 1, 2, 4

    def __init__(self, pin, mode=IN, _=None, value=None):
        self.pin = pin
        if mode == Pin.OUT:
            _levels.pop(pin, None)
            self.value(0 if value is None else value)
        elif pin not in _levels:
            _levels[pin] = 1

    def value(self, level=None):
        """Read the pad, or drive it."""
        pin = self.pin
        if level is None:
            cell = _set.get(200 + pin)
            if cell is None or cell[3] is None:  # not within a sample: its 24 reads would ask the panel each time
                _listen()
            if cell is None:
                stuck = _set.get(100 + pin)
                return _levels.get(pin, 0) if stuck is None else stuck
            if cell[2]:
                return 1
            if cell[3] is None:
                return 0  # a sample is ready
            return cell[3] >> cell[4] & 1 if cell[4] < 24 else 1
        level = 1 if level else 0
        before = _levels.get(pin)
        _levels[pin] = level
        cell = _set.get(300 + pin)
        if cell is not None:
            if level and not before and not cell[2]:
                if cell[3] is None:  # the HX711 puts out the next of 24 bits; the 25th pulse starts the next sample
                    cell[5] = (cell[5] * 1103515245 + 12345) & 0x7FFFFFFF
                    noise = (cell[5] >> 8) % (2 * cell[1] + 1) - cell[1]
                    cell[3] = max(-0x800000, min(0x7FFFFF, cell[0] + noise)) & 0xFFFFFF
                    cell[4] = 24
                if cell[4] == 0:
                    cell[3] = None
                else:
                    cell[4] -= 1
        elif level != before:
            _tell('{"pin":%d,"level":%d}' % (pin, level))
        return None

    def irq(self, handler, _):
        """Call `handler` when the panel lets the level fall, the only edge the firmware asks for."""
        _set[500 + self.pin] = handler


class WDT:
    """The watchdog: the runner kills and restarts a board that does not feed it in time."""

    def __init__(self, timeout=5000):
        self._told = None
        _tell('{"watchdog_ms":%d}' % timeout)

    def feed(self):
        """Told to the panel at most five times a second."""
        _listen()
        now = int(time.time() * 1000)
        if self._told is None or now - self._told >= 200:
            self._told = now
            _tell('{"feed": true}')


def time_pulse_us(pin, *_):
    """The ranger's echo as the panel set it; -1 without one."""
    _listen()
    return _set.get(400 + pin.pin, -1)


def pace():
    """How many times faster than the wall clock the panel wants the decisions' clock, or None."""
    return _set.get(-1)


def disable_irq():
    """Interrupts do not exist here."""
    return 0


def enable_irq(_):
    """Interrupts do not exist here."""


def reset():
    """End the process with the code that makes the runner start it again (running.py)."""
    _tell('{"reset": true}')
    sys.exit(42)


def reset_cause():
    """What the runner says started this process."""
    return int(os.getenv("ZP_RESET_CAUSE") or 1)


def unique_id():
    """A serial number, given by the runner."""
    return (os.getenv("ZP_BOARD_ID") or "desk-board").encode()


_tell('{"hello": true}')
