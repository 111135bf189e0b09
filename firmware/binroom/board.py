"""The board: pins, ticks, watchdog, reset. The only file of a release that knows `machine`."""

import os
import time

import machine

from firmware.binroom.constant import const

_ECHO_TIMEOUT_US = const(30000)
_SHORT_WATCHDOG_MS = const(8300)


class Board:
    """One board wired as `/config/unit.json` says (see settings.py)."""

    def __init__(self, unit):
        self._lamps = []
        for lamp in unit["lamps"]:
            pin = machine.Pin(lamp["pin"], machine.Pin.OUT, value=1 if lamp["active_low"] else 0)
            sense = pin if lamp["sense"] is None else machine.Pin(lamp["sense"], machine.Pin.IN)
            self._lamps.append((pin, sense, lamp["active_low"]))
        self._buttons = []
        for button in unit["buttons"]:
            self._buttons.append((button["event"], machine.Pin(button["pin"], machine.Pin.IN, machine.Pin.PULL_UP)))
        self._identify = None
        if unit["identify_pin"] is not None:
            self._identify = machine.Pin(unit["identify_pin"], machine.Pin.OUT, value=0)
        self._watchdog = None

    # --- time -----------------------------------------------------------------------------------------

    def real_ms(self):
        """Milliseconds that wrap as the port's ticks do: what network deadlines are measured with."""
        return time.ticks_ms()

    def ticks_ms(self):
        """Milliseconds the unit's decisions are made with."""
        return time.ticks_ms()

    def ticks_diff(self, now, then):
        """Milliseconds between two `real_ms`, over the wrap."""
        return time.ticks_diff(now, then)

    # --- pins -----------------------------------------------------------------------------------------

    def lamp_count(self):
        """How many lamps are wired."""
        return len(self._lamps)

    def set_lamp(self, index, is_on):
        """Drive a lamp's pin."""
        pin, _, active_low = self._lamps[index]
        pin.value(1 if is_on != active_low else 0)

    def read_lamp(self, index):
        """Whether the lamp is lit, read from its sense pin or from the driven pin itself."""
        pin, sense, active_low = self._lamps[index]
        level = bool(sense.value())
        return level != active_low if sense is pin else level

    def buttons(self):
        """(keeper event, is down) of every button; a button pulls its pin to ground."""
        return [(event, pin.value() == 0) for event, pin in self._buttons]

    def has_identify(self):
        """Whether there is an LED that tells a technician which unit this is."""
        return self._identify is not None

    def set_identify(self, is_on):
        """Drive the LED that tells a technician which unit this is."""
        if self._identify is not None:
            self._identify.value(1 if is_on else 0)

    def input_pin(self, number, on_edge=None):
        """An input with pull-up; `on_edge` is called at each falling edge, in interrupt context."""
        pin = machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP)
        if on_edge is not None:
            pin.irq(on_edge, machine.Pin.IRQ_FALLING)
        return pin

    def output_pin(self, number):
        """An output, low."""
        return machine.Pin(number, machine.Pin.OUT, value=0)

    def pulse(self, clock):
        """One short high pulse; interrupts wait, for an HX711 takes 60 us of high as "power down"."""
        state = machine.disable_irq()
        clock.value(1)
        clock.value(0)
        machine.enable_irq(state)

    def echo_us(self, trigger, echo):
        """Length of the echo to a 10 us trigger in microseconds, negative without one."""
        trigger.value(1)
        time.sleep_us(10)
        trigger.value(0)
        return machine.time_pulse_us(echo, 1, _ECHO_TIMEOUT_US)

    # --- life -----------------------------------------------------------------------------------------

    def random_below(self, limit):
        """A random integer from 0 to limit - 1, for jitter only."""
        raw = os.urandom(4)
        return (raw[0] << 24 | raw[1] << 16 | raw[2] << 8 | raw[3]) % max(1, limit)

    def start_watchdog(self, seconds):
        """From now on `feed` must be called in time, or the board resets."""
        try:
            self._watchdog = machine.WDT(timeout=seconds * 1000)
        except ValueError:  # an RP2040's watchdog counts to 8,388 ms only
            self._watchdog = machine.WDT(timeout=_SHORT_WATCHDOG_MS)

    def feed(self):
        """The main loop is alive."""
        if self._watchdog is not None:
            self._watchdog.feed()

    def reset(self):
        """Start again from the boot loader; does not return."""
        machine.reset()
