"""The unit as it runs: board, sensors, ring, link and the pure unit, put together.

`start(root)` is what the boot loader calls; `root` is "" on a board and a folder on a desk. One loop asks the
hardware, tells the unit and carries out its effects; the link is a task of its own, so the lamp never waits.
"""

import asyncio
import logging

from firmware.binroom import durable
from firmware.binroom.board import Board
from firmware.binroom.calibration import Calibrations
from firmware.binroom.link import Link
from firmware.binroom.ring import Ring
from firmware.binroom.sensors import make_sensors
from firmware.binroom.settings import load_network, load_unit
from firmware.binroom.unit import TICKS_PERIOD, Unit
from firmware.binroom.way import make_way, tls_context

LOOP_MS = 20
READ_BACK_EVERY_MS = 2000
IDENTIFY_MS = 30000
IDENTIFY_BLINK_MS = 125
HEALTHY_MS = 600000  # running this long forgets earlier crashes
CRASH_FILE = "/state/crashes.json"
RING_FOLDER = "/state/ring"
CURRENT_FILE = "/current"


class Machine:
    """One running unit."""

    def __init__(self, root, board, settings, network, note):
        durable.make_folder(root + "/state")
        durable.remove_leftovers(root + "/state")
        self._root = root
        self._board = board
        self._note = note
        self._ring = Ring(root + RING_FOLDER, note)
        kept = self._ring.load()
        release = durable.read_text(root + CURRENT_FILE) or "desk"
        config = {
            "area": settings["area"],
            "device": settings["device"],
            "wastes": settings["wastes"],
            "lamps": settings["lamp_mode"],
            "fw": release[:12],
            "report_grams": settings["report_grams"],
        }
        self.unit = Unit(config, durable.next_boot(root + durable.BOOT_FILE), kept)
        self._calibrations = Calibrations(root, note)
        self._sensors = make_sensors(settings["sensors"], board, self._calibrations, root, note)
        settings_of_link = dict(network)
        settings_of_link["tls"] = tls_context(network)
        self.link = Link(settings_of_link, self._hello, board, make_way(network, settings["device"]), note)
        self._levels = {}
        self._read_back_at = board.ticks_ms()
        self._identify_until = None
        self._started = board.real_ms()
        self._healthy = False

    def _hello(self):
        return self.unit.device, self.unit.will(), self.unit.subscriptions()

    async def run(self):
        """For ever: look, decide, act."""
        link = asyncio.create_task(self.link.run())
        try:
            while True:
                self.step()
                if link.done():
                    await link  # its failure is ours; it never ends otherwise
                await asyncio.sleep_ms(LOOP_MS)
        finally:
            link.cancel()

    def step(self):
        """One round of the loop; nothing in it waits."""
        board = self._board
        now = board.ticks_ms()
        events = list(self.link.take_events())
        for event, is_down in board.buttons():
            if self._levels.get(event, False) != is_down:
                self._levels[event] = is_down
                events.append(("button", event, is_down))
        for sensor in self._sensors:
            reading = sensor.poll(now)
            if reading is not None:
                events.append(reading)
        if _reached(now, self._read_back_at):
            self._read_back_at = now + READ_BACK_EVERY_MS
            events.extend([("lit", index, board.read_lamp(index)) for index in range(board.lamp_count())])
        if _reached(now, self.unit.wake_at_ms):
            events.append(("wake",))
        while events:
            for effect in self.unit.handle(events.pop(0), now):
                self._do(effect, events)
        self._identify(now)
        self._forget_crashes()
        board.feed()

    def _do(self, effect, events):
        name = effect[0]
        if name == "publish":
            self.link.send(effect[1], effect[2], effect[3])
        elif name == "lamp":
            self._board.set_lamp(effect[1], effect[2])
            events.append(("lit", effect[1], self._board.read_lamp(effect[1])))
        elif name == "keep":
            self._ring.keep(effect[1])
        elif name == "forget":
            self._ring.forget(effect[1], effect[2])
        elif name == "boot":
            durable.write_json(self._root + durable.BOOT_FILE, {"boot": effect[1]})
            self.link.reconnect("the boot number changed")
        elif name == "command":
            self._command(effect[1])
        elif name == "note":
            self._note(effect[1])

    def _command(self, body):
        command = body["command"]
        if command == "identify":
            self._identify_until = self._board.ticks_ms() + IDENTIFY_MS
        elif command == "calibrate":
            self._calibrate(body)
        elif command == "reset":
            self._note("reset by command %s" % body["id"])
            self._board.reset()
        else:
            self._note("unknown command %s" % command)

    def _calibrate(self, body):
        waste, grams = body.get("waste"), body.get("grams")
        for sensor in self._sensors:
            if sensor.waste == waste and sensor.has_cell() and isinstance(grams, int):
                self._note(self._calibrations.weigh(waste, sensor.raw(), grams, self.unit.now_s()))
                return
        self._note("calibrate: needs waste (one with a load cell) and grams (an integer)")

    def _identify(self, now):
        if self._identify_until is None:
            return
        if _reached(now, self._identify_until):
            self._identify_until = None
            self._board.set_identify(False)
        else:
            self._board.set_identify(now // IDENTIFY_BLINK_MS % 2 == 0)

    def _forget_crashes(self):
        if self._healthy or self._board.ticks_diff(self._board.real_ms(), self._started) < HEALTHY_MS:
            return
        self._healthy = True
        if durable.exists(self._root + CRASH_FILE):
            durable.write_json(self._root + CRASH_FILE, {"count": 0, "why": ""})


def _reached(now, then):
    return (now - then) & (TICKS_PERIOD - 1) < TICKS_PERIOD >> 1


def log(text):
    """One line for the technician at the prompt."""
    logging.getLogger("binroom").info(text)


def start(root="", make_board=Board, note=log):
    """Run the unit of the settings below `root`; returns only by an exception, which the boot loader counts."""
    logging.basicConfig(level=logging.INFO)
    settings = load_unit(root)
    network = load_network(root, settings["device"])
    board = make_board(settings)
    machine = Machine(root, board, settings, network, note)
    board.start_watchdog(settings["watchdog_s"])
    asyncio.run(machine.run())
