"""The unit as it runs: board, sensors, ring, link and the pure unit, put together.

One loop asks the hardware, tells the unit and carries out its effects; the link is a task of its own, so the lamp
never waits.
"""

import asyncio
import gc

from firmware.binroom import durable
from firmware.binroom.calibration import Calibrations
from firmware.binroom.constant import TICKS_MASK, const
from firmware.binroom.link import Link
from firmware.binroom.ring import Ring
from firmware.binroom.sensors import make_sensors
from firmware.binroom.unit import Unit
from firmware.binroom.way import make_identity, make_way, tls_context

_LOOP_MS = const(20)
_READ_BACK_EVERY_MS = const(2000)
_IDENTIFY_BLINK_MS = const(125)
_OUTBOX_RECORDS = const(8)  # in the heap; the ring in flash holds the rest
_TRIAL_ENDS = const(2)  # of connections: the one by which it came, and the one that shows it
_HEALTHY_MS = const(600000)  # running this long forgets earlier crashes
_CRASH_FILE = const("/state/crashes.json")
_RING_FOLDER = const("/state/ring")
_CURRENT_FILE = const("/current")


class Machine:
    """One running unit."""

    def __init__(self, root, board, settings, network, note):
        durable.make_folder(root + "/state")
        durable.remove_leftovers(root + "/state")
        self._root = root
        self.board = board
        self.note = note
        self._ring = Ring(root + _RING_FOLDER, note)
        waiting = self._ring.load()
        release = durable.read_text(root + _CURRENT_FILE) or "desk"
        config = {
            "area": settings["area"],
            "device": settings["device"],
            "wastes": settings["wastes"],
            "lamps": settings["lamp_mode"],
            "fw": release[:12],
            "report_grams": settings["report_grams"],
            "outbox": _OUTBOX_RECORDS,
            "recalls": True,
        }
        self.unit = Unit(config, durable.next_boot(root + durable.BOOT_FILE), (), waiting)
        self.calibrations = Calibrations(root, note)
        self.places = make_sensors(settings["sensors"], board, self.calibrations, root, note)
        settings_of_link = dict(network)
        self.identity = make_identity(root, network)
        settings_of_link["tls"] = tls_context(network, self.identity)
        self._trial = None  # (command id, connections over by then) of a certificate that no broker has taken yet
        self._answers = []  # what is said once the link is up again
        self.link = Link(settings_of_link, self._hello, board, make_way(network, settings["device"]), note)
        self._levels = {}
        self._read_back_at = board.ticks_ms()
        self.identify_until = None
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
                await asyncio.sleep_ms(_LOOP_MS)
        finally:
            link.cancel()

    def step(self):
        """One round of the loop; nothing in it waits."""
        board = self.board
        now = board.ticks_ms()
        events = list(self.link.take_events())
        for event, is_down in board.buttons():
            if self._levels.get(event, False) != is_down:
                self._levels[event] = is_down
                events.append(("button", event, is_down))
        for place in self.places:
            reading = place.poll(now)
            if reading is not None:
                events.append(reading)
        if _reached(now, self._read_back_at):
            self._read_back_at = now + _READ_BACK_EVERY_MS
            events.extend([("lit", index, board.read_lamp(index)) for index in range(board.lamp_count())])
        if _reached(now, self.unit.wake_at_ms):
            events.append(("wake",))
        while events:
            event = events.pop(0)
            for effect in self.unit.handle(event, now):
                self._do(effect, events)
            if event[0] == "link" and event[1]:
                self._let_in(events)
        if self._trial is not None and self.link.ends >= self._trial[1] + _TRIAL_ENDS:
            self._end_trial(False, "certificate: the broker does not take it; the former one is shown")
        self._identify(now)
        self._forget_crashes()
        board.feed()

    def _do(self, effect, events):
        name = effect[0]
        if name == "publish":
            self.link.send(effect[1], effect[2], effect[3])
        elif name == "lamp":
            self.board.set_lamp(effect[1], effect[2])
            events.append(("lit", effect[1], self.board.read_lamp(effect[1])))
        elif name == "keep":
            self._ring.keep(effect[1])
        elif name == "forget":
            self._ring.forget(effect[1], effect[2])
        elif name == "recall":
            gc.collect()  # reading records line by line breaks a littered heap into crumbs
            try:
                records, left = self._ring.recall(effect[1], self.unit.holds)
            except MemoryError:  # a crowded heap: the unit asks again
                return
            events.append(("kept", records, left))
        elif name == "boot":
            self._write(durable.BOOT_FILE, {"boot": effect[1]})
            self.link.reconnect("the boot number changed")
        elif name == "command":
            answer = self._command(effect[1])
            if answer is not None:
                events.append(answer)
        elif name == "note":
            self.note(effect[1])

    def _command(self, body):
        from firmware.binroom import commands

        try:
            result = commands.obey(self, body)
            if result is None:  # it answers later
                return None
            done, said = result
        except OSError as error:
            done, said = False, "command %s: %s" % (body["id"], error)
        self.note(said)
        return ("answer", body["id"], done, said)

    def try_certificate(self, command_id, text):
        """Show the broker a newer certificate; the answer, or None: then it follows when the broker has said."""
        if self.identity is None:
            return False, "certificate: this unit has a password; it is written anew with tools/flash.py"
        if self.identity.shows(text):
            return True, "certificate: it is shown already"
        why = self.identity.offer(text)
        if why is not None:
            return False, "certificate: %s; the former one is shown" % why
        self._trial = (command_id, self.link.ends)
        self.link.use(self.identity.context())
        return None

    def _let_in(self, events):
        if self._trial is not None and self.link.ends > self._trial[1]:
            said = "certificate: it is shown from now on"
            try:
                self.identity.prove()
            except OSError as error:
                said = "certificate: it is shown until the next start (%s)" % error
            self._end_trial(True, said)
        events.extend(self._answers)
        self._answers = []

    def _end_trial(self, done, said):
        self.note(said)
        self._answers.append(("answer", self._trial[0], done, said))
        self._trial = None
        if not done:
            self.identity.drop()
            self.link.use(self.identity.context())

    def _identify(self, now):
        if self.identify_until is None:
            return
        if _reached(now, self.identify_until):
            self.identify_until = None
            self.board.set_identify(False)
        else:
            self.board.set_identify(now // _IDENTIFY_BLINK_MS % 2 == 0)

    def _forget_crashes(self):
        if self._healthy or self.board.ticks_diff(self.board.real_ms(), self._started) < _HEALTHY_MS:
            return
        self._healthy = True
        if durable.exists(self._root + _CRASH_FILE):
            self._write(_CRASH_FILE, {"count": 0, "why": ""})

    def _write(self, file, value):
        """A full flash is noted; it must not stop the lamp."""
        try:
            durable.write_json(self._root + file, value)
        except OSError as error:
            self.note("%s: not written: %s" % (file, error))


def _reached(now, then):
    return (now - then) & TICKS_MASK <= TICKS_MASK >> 1
