"""Stand-in for a board's `machine`: pins that a panel in another process sees and drives.

Found by the firmware through MICROPYPATH (or PYTHONPATH under CPython). Environment: `ZP_PINS` is the panel's UDP
address `127.0.0.1:port` (without it the pins are only remembered), `ZP_RESET_CAUSE` what `reset_cause` says.

Datagrams are JSON objects. To the panel: {"hello"}, {"pin", "level"}, {"watchdog_ms"}, {"feed"}, {"reset"}.
From the panel: {"drive", "level"} an input's level; {"stick", "level"} an output whose pad reads otherwise (null
ends it); {"cell": [data, clock], "raw", "noise", "silent"} an HX711; {"echo", "us"} a ranger's answer.
"""

import json
import os
import socket
import sys
import time

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
RESET_EXIT = 42  # the exit code that asks the runner to start the board again
FEED_TELL_MS = 200


class _Cell:
    """An HX711 as its two pins show it."""

    def __init__(self):
        self.raw = 0
        self.noise = 0
        self.silent = False
        self._shift = None
        self._left = 0
        self._seed = 12345

    def data_level(self):
        if self.silent:
            return 1
        if self._shift is None:
            return 0  # a sample is ready
        return self._shift >> self._left & 1 if self._left < 24 else 1

    def clock_rises(self):
        if self.silent:
            return
        if self._shift is None:
            self._seed = (self._seed * 1103515245 + 12345) & 0x7FFFFFFF
            raw = self.raw
            if self.noise:
                raw += (self._seed >> 8) % (2 * self.noise + 1) - self.noise
            raw = max(-0x800000, min(0x7FFFFF, raw))
            self._shift = raw & 0xFFFFFF
            self._left = 24
        if self._left == 0:
            self._shift = None  # the 25th pulse: the next sample
            return
        self._left -= 1


class _Panel:
    """The other end of the wire: levels, cells and echoes as last told."""

    def __init__(self):
        self.levels = {}
        self.stuck = {}
        self.cells = {}
        self.clocks = {}
        self.echoes = {}
        self.handlers = {}
        self._socket = None
        address = os.getenv("ZP_PINS")
        if address:
            host, port = address.split(":")
            self._address = socket.getaddrinfo(host, int(port))[0][-1]
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self.tell({"hello": 1})

    def tell(self, message):
        if self._socket is not None:
            try:
                self._socket.sendto(json.dumps(message).encode(), self._address)
            except OSError:  # no panel any more: the board goes on, as it would
                pass

    def listen(self):
        while self._socket is not None:
            try:
                data = self._socket.recv(2048)
            except OSError:
                return
            if not data:
                return
            self._take(json.loads(data.decode()))

    def _take(self, message):
        if "drive" in message:
            pin, level = message["drive"], message["level"]
            before = self.levels.get(pin, 1)
            self.levels[pin] = level
            if before and not level and pin in self.handlers:
                self.handlers[pin]()
        elif "stick" in message:
            self.stuck[message["stick"]] = message["level"]
        elif "cell" in message:
            data, clock = message["cell"]
            if data not in self.cells:
                self.cells[data] = _Cell()
            cell = self.clocks[clock] = self.cells[data]
            cell.raw, cell.noise, cell.silent = message["raw"], message["noise"], message["silent"]
        elif "echo" in message:
            self.echoes[message["echo"]] = message["us"]


_panel = _Panel()


class Pin:
    """A pin as MicroPython's `machine.Pin`."""

    IN, OUT, PULL_UP, PULL_DOWN, IRQ_FALLING, IRQ_RISING = 0, 1, 2, 3, 4, 8

    def __init__(self, number, mode=IN, pull=None, value=None):
        self._number = number
        self._mode = mode
        self._told = None
        if mode == Pin.OUT:
            self.value(0 if value is None else value)
        elif number not in _panel.levels:
            _panel.levels[number] = 0 if pull == Pin.PULL_DOWN else 1

    def value(self, level=None):
        """Read the pad, or drive it."""
        number = self._number
        if level is None:
            _panel.listen()
            if number in _panel.cells:
                return _panel.cells[number].data_level()
            stuck = _panel.stuck.get(number)
            return _panel.levels.get(number, 0) if stuck is None else stuck
        level = 1 if level else 0
        rises = level and not _panel.levels.get(number, 0)
        _panel.levels[number] = level
        if number in _panel.clocks:
            if rises:
                _panel.clocks[number].clock_rises()
        elif level != self._told:
            self._told = level
            _panel.tell({"pin": number, "level": level})
        return None

    def __call__(self, level=None):
        return self.value(level)

    def irq(self, handler=None, trigger=IRQ_FALLING):
        """Call `handler(pin)` when the panel lets the level fall."""
        if trigger & Pin.IRQ_FALLING and handler is not None:
            _panel.handlers[self._number] = lambda: handler(self)


class WDT:
    """The watchdog: the runner kills and restarts a board that does not feed it in time."""

    def __init__(self, timeout=5000):
        self._told = None
        _panel.tell({"watchdog_ms": timeout})

    def feed(self):
        """Told to the panel at most five times a second."""
        _panel.listen()
        now = int(time.time() * 1000)
        if self._told is None or now - self._told >= FEED_TELL_MS:
            self._told = now
            _panel.tell({"feed": 1})


def time_pulse_us(pin, _level, _timeout_us=1000000):
    """The ranger's echo as the panel set it; -1 without one."""
    _panel.listen()
    return _panel.echoes.get(pin._number, -1)


def disable_irq():
    """Interrupts do not exist here."""
    return 0


def enable_irq(_state):
    """Interrupts do not exist here."""


def reset():
    """End the process with the code that makes the runner start it again."""
    _panel.tell({"reset": 1})
    sys.exit(RESET_EXIT)


def reset_cause():
    """What the runner says started this process."""
    return int(os.getenv("ZP_RESET_CAUSE") or PWRON_RESET)


def unique_id():
    """A serial number, by default that of the process's folder."""
    return (os.getenv("ZP_BOARD_ID") or "desk-board").encode()
