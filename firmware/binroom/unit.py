"""The bin-room unit, pure: events in, effects out. Runs alike on MicroPython, on CPython and in the simulator.

    unit = Unit(config, boot, kept)          # kept: records a former boot left in flash
    effects = unit.handle(event, now_ms)     # now_ms: any millisecond tick; may wrap (2^30 on a board)
    unit.wake_at_ms                          # hand in ("wake",) at this tick at the latest
    unit.settle_at_ms                        # or at this one, where nobody looks at the lamps' blinking

`config` is a dict: `area`, `device`, `wastes` (list), `lamps` ("each" or "one"), `fw`, `report_grams`, and optionally
`outbox` (how many records the heap holds, 128) and `recalls` (False: a full outbox gives up the
least worth; True: what does not fit stays in flash only and is asked for again; `unkept` says how many are there).

Events                                         Effects
("wake",)                                      ("publish", topic, payload, retained)  QoS 1
("link", True | False)                         ("lamp", index, on)        drive the pin, read it back, and then
("message", topic, payload | None)                                        hand in ("lit", index, level)
    None: a payload too long to hold           ("keep", record)           write to flash (same boot+seq: replace)
("bins", waste, count, grams, quality)         ("forget", boot, seq)      take out of flash
    raw readings; count or grams may be None   ("boot", n)                save n as boot counter, then reconnect
("button", keeper_event, is_down)              ("command", body)          identify, calibrate ...: the shell's work
("lit", index, level)                          ("note", text)             one line for the log
    after each "lamp", and every few seconds   ("recall", limit)          with `recalls` only: hand in ("kept", ...)
("kept", records, left): from flash
("answer", id, done, said): what became of a command

The shell connects with `will()` and `subscriptions()`. Records (bins, lamp, keeper) leave flash only by the
bridge's application ack, and are sent again until then: newest first, the backlog marked `late`. No float anywhere.
"""

from firmware import wire
from firmware.binroom.constant import TICKS_MASK, const
from firmware.binroom.lamp import NO_DATA, NO_DATA_MS, OFF, Call, Lamp, most_urgent
from firmware.binroom.outbox import LIMIT, Outbox

_BOOT = const(0)  # where a record keeps what (outbox.py)
_SEQ = const(1)
_KIND = const(2)
_AT = const(3)
_DATA = const(5)
_BINS_DEBOUNCE_MS = const(3000)
_BINS_EVERY_MS = const(600000)
_BUTTON_DEBOUNCE_MS = const(60)
_BUTTON_PAUSE_MS = const(5000)  # a second press within this time is the same press
_READ_BACK_MS = const(100)  # a lamp report waits at most this long for the pins to be read back
_NOTE_EVERY_MS = const(60000)
_BRIDGE_AWAY_MS = const(30000)
_WAITED_S = const(30)  # a heartbeat so far behind waited on its way, or the bridge's clock was set back
_PACE_S = const(5)  # two heartbeats that keep their distance so well did not wait
_OLDEST_CLOCK_S = const(1700000000)  # 2023: an earlier time is a clock that was never set
_NEWEST_CLOCK_S = const(4000000000)  # 2096: later than this the wire ends
_HIGHEST_BOOT = const(2000000000)
_REMEMBERED_COMMANDS = const(8)
_RECALL_AT = const(2)  # so few left in the heap: ask for more
_RECALL_RECORDS = const(4)
_MAX_DIGITS = const(64)  # an id may hold that many in a row


class Unit:
    """One bin room: its lamps, its bins, its keeper's button and the records it owes the bridge."""

    def __init__(self, config, boot, kept=(), unkept=0):
        self.area = config["area"]
        self.device = config["device"]
        self.wastes = tuple(config["wastes"])
        self.fw = config["fw"]
        self.boot = boot
        self.wake_at_ms = 0
        self.settle_at_ms = 0
        self.refused = 0  # messages that were not of this protocol
        self._report_grams = config["report_grams"]
        if config.get("lamps", "each") == "one":
            self.lamps = [Lamp("any", self.wastes)]
        else:
            self.lamps = [Lamp(waste, (waste,)) for waste in self.wastes]
        self._outbox = Outbox(kept, config.get("outbox", LIMIT))
        self._recalls = config.get("recalls", False)
        self._unkept = unkept  # unsettled records that are in flash only
        self._seq = 0
        self._newest = {}
        self._up_ms = 0
        self._settle_ms = 0  # the uptime of `settle_at_ms`
        self._last_tick = None
        self._linked = False
        self._link_since_ms = 0
        self._calls = {}
        for waste in self.wastes:
            self._calls[waste] = Call()
        self._clock = None  # (Unix seconds, uptime ms when heard)
        self._beat = (0, 0)  # the same of the last heartbeat, also of one that waited on its way
        self._lamp_report_at_ms = _READ_BACK_MS  # uptime ms, None: nothing to report
        self._bins = {}
        self._reported = {}
        self._bins_changed_ms = None
        self._bins_again_ms = _BINS_EVERY_MS
        self._buttons = {}
        self._commands = []
        self._noted_ms = None
        self._effects = []
        prefix = "%s/%s/room/%s/" % (wire.ROOT, self.area, self.device)
        self._life_topic = prefix + "life"
        self._clock_topic = "%s/%s/bridge/clock" % (wire.ROOT, self.area)
        self._arrival_prefix = prefix + "arrival/"
        self._topics = {}
        for kind in ("bins", "lamp", "keeper"):
            self._topics[kind] = prefix + kind
        wire.parse_topic(self._life_topic)

    # --- what the shell asks --------------------------------------------------------------------------

    def will(self):
        """(topic, payload) of the last will, published retained by the broker when the unit falls silent."""
        return self._life_topic, wire.pack(self._life_topic, {"life": "lost", "boot": self.boot})

    def subscriptions(self):
        """The topic filters to subscribe, QoS 1, after every connect."""
        return wire.subscriptions("room", self.area, self.device)

    def unsettled(self):
        """The records that are not acknowledged yet, oldest first."""
        return self._outbox.records()

    def dropped(self):
        """How many records were pushed out of a full outbox; with `recalls` they are still in flash."""
        return self._outbox.dropped

    def holds(self, boot, seq):
        """Whether this record is in the heap, unsettled."""
        return self._outbox.holds(boot, seq)

    def now_s(self):
        """Unix seconds by the bridge's clock as of the last event, or None before it was ever heard."""
        if self._clock is None:
            return None
        return self._clock[0] + (self._up_ms - self._clock[1]) // 1000

    # --- events ---------------------------------------------------------------------------------------

    def handle(self, event, now_ms):
        """Take one event at tick `now_ms`; returns the effects in the order to carry them out."""
        self._pass_time(now_ms)
        self._effects = []
        name = event[0]
        if name != "wake" and _HANDLERS[name](self, *event[1:]) and self._up_ms < self._settle_ms:
            return self._effects  # as most heartbeats: nothing follows from it, and nothing is due
        self._settle_buttons()
        self._settle_lamps()
        self._settle_bins()
        self._pump()
        sleep_ms = self._sleep_ms()
        self.settle_at_ms = now_ms + sleep_ms
        self._settle_ms = self._up_ms + sleep_ms
        for lamp in self.lamps:
            sleep_ms = min(sleep_ms, lamp.edge_in_ms(self._up_ms) or sleep_ms)
        self.wake_at_ms = now_ms + sleep_ms
        effects = self._effects
        self._effects = []
        return effects

    def _pass_time(self, now_ms):
        if self._last_tick is not None:
            step_ms = (now_ms - self._last_tick) & TICKS_MASK
            if step_ms <= TICKS_MASK >> 1:  # else the tick went back a little: time stands still
                self._up_ms += step_ms
        self._last_tick = now_ms

    def _on_link(self, is_up):
        if is_up and not self._linked:
            self._link_since_ms = self._up_ms
            self._outbox.retry()
            self._say_ready({})
            self._report_all()
        if not is_up:
            for waste in self.wastes:
                self._calls[waste].doubt(self._up_ms)
        self._linked = is_up

    def _say_ready(self, answer):
        body = {"life": "ready", "boot": self.boot, "fw": self.fw}
        body.update(answer)
        self._emit("publish", self._life_topic, wire.pack(self._life_topic, body), True)

    def _on_answer(self, command_id, done, said):
        if self._linked:  # who asked waits for a moment only
            self._say_ready({"answers": command_id, "done": done, "said": said[:wire.MAX_SAID]})

    def _report_all(self):
        self._lamp_report_at_ms = self._up_ms + _READ_BACK_MS
        if self._reported:
            self._bins_again_ms = self._up_ms

    def _on_message(self, topic, payload):
        if topic == self._clock_topic and payload is not None:
            at = wire.heartbeat_at(payload)
            if at is not None:
                return self._on_clock(topic, at)
        try:
            if payload is None:
                raise wire.WireError(topic, "payload", "is too long to hold")
            if len(payload) > _MAX_DIGITS and _has_endless_number(payload):
                raise wire.WireError(topic, "payload", "holds a number of more than %d digits" % _MAX_DIGITS)
            message = wire.unpack(topic, payload)
        except wire.WireError as error:
            self._refuse(topic, error)
            return False
        except MemoryError:
            self._refuse(topic, wire.WireError(topic, "payload", "is more than the heap can take apart"))
            return False
        address = message.address
        if address.area != self.area or (address.family == "room" and address.device != self.device):
            self._refuse("", wire.WireError(topic, "topic", "is not for this unit"))
        elif address.channel == "arrival":
            if address.item in self._calls:
                self._calls[address.item].heard(message.body, self.now_s())
        elif address.channel == "clock":
            return self._on_clock(topic, message.body["at"])
        elif address.channel == "ack" and message.body is not None:
            self._on_acks(message.body["acks"])
        elif address.channel == "command":
            self._on_command(message.body)
        return False

    def _refuse(self, topic, error):
        self.refused += 1
        if topic.startswith(self._arrival_prefix):
            call = self._calls.get(topic[len(self._arrival_prefix) :])
            if call is not None:
                call.forget()
        if self._noted_ms is None or self._up_ms - self._noted_ms >= _NOTE_EVERY_MS:
            self._noted_ms = self._up_ms
            self._emit("note", "refused %d so far, last: %s" % (self.refused, error))

    def _on_clock(self, topic, at):
        """Take a heartbeat; whether it only says what was known."""
        if not _OLDEST_CLOCK_S <= at <= _NEWEST_CLOCK_S:
            self._refuse(topic, wire.WireError(topic, "at", "is no time of today: %d" % at))
            return False
        before = self._beat
        self._beat = (at, self._up_ms)
        if at == self.now_s() and self._up_ms - self._clock[1] <= _BRIDGE_AWAY_MS and not self._unkept:
            self._clock = self._beat
            return True
        if self._clock is not None and before[0] <= at < self.now_s() - _WAITED_S:
            if abs((at - before[0]) - (self._up_ms - before[1]) // 1000) > _PACE_S:
                return False  # an old time that the one before does not bear out is no sign of a bridge
        if self._clock is None or self._up_ms - self._clock[1] > _BRIDGE_AWAY_MS:
            self._outbox.retry()  # the bridge is back and hears us now, whatever pause was due
        self._clock = (at, self._up_ms)
        self._date_records()
        return False

    def _date_records(self):
        if self._clock is not None:
            for record in self._outbox.fill_times(self.boot, self.now_s(), self._up_ms):
                self._emit("keep", record)

    def _on_acks(self, acks):
        known = -1
        for ack in acks:
            last = max([ack["upto"]] + [pair[1] for pair in ack["also"]])
            if ack["boot"] > self.boot or (ack["boot"] == self.boot and last > self._seq):
                known = max(known, ack["boot"])
        if self.boot <= known < _HIGHEST_BOOT:
            self._renumber(known + 1)
        for record in self._outbox.settle(acks):
            self._emit("forget", record[_BOOT], record[_SEQ])

    def _renumber(self, boot):
        """The boot counter was lost: the bridge has records of our number already, so take one it has never seen."""
        former = self.boot
        self.boot = boot
        self._seq = 0
        for old_seq, record in self._outbox.renumber(former, boot):
            self._seq = record[_SEQ]
            self._newest[record[_KIND]] = record[_SEQ]
            self._emit("keep", record)
            self._emit("forget", former, old_seq)
        self._emit("note", "boot counter was behind the bridge's: %d becomes %d" % (former, boot))
        self._emit("boot", boot)

    def _on_command(self, body):
        if body["id"] in self._commands:
            return
        self._commands.append(body["id"])
        if len(self._commands) > _REMEMBERED_COMMANDS:
            self._commands.pop(0)
        if body["command"] == "rebirth":
            self._report_all()
            self._on_answer(body["id"], True, "everything is reported anew")
        else:
            self._emit("command", body)

    def _on_kept(self, records, left):
        self._unkept = left
        self._outbox.restore(records)
        self._date_records()

    def _on_bins(self, waste, count, grams, quality):
        if count is not None and not 0 <= count <= wire.MAX_COUNT:
            count, quality = None, 4
        if grams is not None and not -wire.MAX_GRAMS <= grams <= wire.MAX_GRAMS:
            grams, quality = None, 4
        self._bins[waste] = (count, grams, quality)

    def _on_button(self, event, is_down):
        # [down since, last press told, is this press told]
        button = self._buttons.setdefault(event, [None, None, False])
        if not is_down:
            button[0] = None
            button[2] = False
        elif button[0] is None:
            button[0] = self._up_ms

    def _on_lit(self, index, level):
        if self.lamps[index].read_back(bool(level)) and self._lamp_report_at_ms is None:
            self._lamp_report_at_ms = self._up_ms + _READ_BACK_MS

    # --- what follows from events and time ------------------------------------------------------------

    def _settle_buttons(self):
        for event in self._buttons:
            button = self._buttons[event]
            if button[0] is None or button[2] or self._up_ms - button[0] < _BUTTON_DEBOUNCE_MS:
                continue
            button[2] = True
            if button[1] is None or self._up_ms - button[1] >= _BUTTON_PAUSE_MS:
                button[1] = self._up_ms
                self._record("keeper", event)

    def _knows_time(self):
        return self._clock is not None and self._up_ms - self._clock[1] < NO_DATA_MS

    def _shown(self, lamp, now_s):
        if now_s is None:
            return NO_DATA, None
        shown = []
        for waste in lamp.wastes:
            call = self._calls[waste]
            state = call.shows(self._up_ms, now_s)
            shown.append((state, None if state in (OFF, NO_DATA) else call.call_id))
        return most_urgent(shown)

    def _settle_lamps(self):
        now_s = self.now_s() if self._knows_time() else None
        for index, lamp in enumerate(self.lamps):
            state, call_id = self._shown(lamp, now_s)
            is_new = state != lamp.state
            if is_new or call_id != lamp.call_id:
                lamp.show(state, call_id, self._up_ms)
                self._lamp_report_at_ms = self._up_ms + _READ_BACK_MS
            wanted = lamp.wants(self._up_ms)
            if is_new or wanted != lamp.on:
                lamp.on = wanted
                self._emit("lamp", index, wanted)
        if self._lamp_report_at_ms is not None and self._up_ms >= self._lamp_report_at_ms:
            self._lamp_report_at_ms = None
            self._record("lamp", [[p.name, p.state, p.level, p.call_id] for p in self.lamps])

    def _bins_differ(self):
        for waste in self._bins:
            told = self._reported.get(waste)
            seen = self._bins[waste]
            if told is None or seen[0] != told[0] or seen[2] != told[2] or (seen[1] is None) != (told[1] is None):
                return True
            if seen[1] is not None and abs(seen[1] - told[1]) >= self._report_grams:
                return True
        return False

    def _settle_bins(self):
        if not self._bins_differ():
            self._bins_changed_ms = None
        elif self._bins_changed_ms is None:
            self._bins_changed_ms = self._up_ms
        changed = self._bins_changed_ms is not None and self._up_ms - self._bins_changed_ms >= _BINS_DEBOUNCE_MS
        if changed or self._up_ms >= self._bins_again_ms:
            self._bins_changed_ms = None
            self._bins_again_ms = self._up_ms + _BINS_EVERY_MS
            self._reported = dict(self._bins)
            bins = []
            for waste in self.wastes:
                count, grams, quality = self._bins.get(waste, (None, None, 4))
                bins.append([waste, count, grams, quality])
            self._record("bins", bins)

    def _record(self, kind, data):
        self._seq += 1
        at = self.now_s()
        record = [self.boot, self._seq, kind, at, self._up_ms // 1000, data]
        self._newest[kind] = self._seq
        self._emit("keep", record)
        for lost in self._outbox.add(record, self._up_ms):
            if self._recalls:
                self._unkept += 1
            else:
                self._emit("forget", lost[_BOOT], lost[_SEQ])

    def _pump(self):
        if not self._linked:
            return
        if self._unkept and self._outbox.size() <= _RECALL_AT:
            self._emit("recall", _RECALL_RECORDS)
        for record, is_backlog in self._outbox.take(self._up_ms, self._link_since_ms):
            kind = record[_KIND]
            topic = self._topics.get(kind, "")
            # An old report must not become the retained state again.
            newest = record[_BOOT] == self.boot and record[_SEQ] == self._newest.get(kind)
            retained = newest and kind != "keeper"
            try:
                payload = wire.pack(topic, _body(record, is_backlog))
            except MemoryError:  # a crowded heap: its turn comes again
                continue
            except (ValueError, TypeError, IndexError) as error:  # a record of a former release, or a bad flash block
                self._outbox.settle([{"boot": record[_BOOT], "upto": 0, "also": [[record[_SEQ], record[_SEQ]]]}])
                self._emit("forget", record[_BOOT], record[_SEQ])
                self._emit("note", "record %d:%d was unreadable: %s" % (record[_BOOT], record[_SEQ], error))
                continue
            self._emit("publish", topic, payload, retained)

    def _sleep_ms(self):
        """Milliseconds until something may change by the passing of time alone, but for the lamps' blinking."""
        up_ms = self._up_ms
        times = [self._bins_again_ms - up_ms]
        if self._bins_changed_ms is not None:
            times.append(self._bins_changed_ms + _BINS_DEBOUNCE_MS - up_ms)
        if self._lamp_report_at_ms is not None:
            times.append(self._lamp_report_at_ms - up_ms)
        for event in self._buttons:
            down_ms, _, told = self._buttons[event]
            if down_ms is not None and not told:
                times.append(down_ms + _BUTTON_DEBOUNCE_MS - up_ms)
        if self._knows_time():
            times.append(self._clock[1] + NO_DATA_MS - up_ms)
            now_s = self.now_s()
            times.extend([self._calls[waste].changes_in_ms(up_ms, now_s) for waste in self.wastes])
        if self._linked:
            times.append(self._outbox.next_in_ms(up_ms))
        return max(1, min([t for t in times if t is not None]))

    def _emit(self, *effect):
        self._effects.append(effect)


def _has_endless_number(payload):
    """Whether digits follow each other for longer than any number here: a board would parse 8,000 for seconds."""
    run = 0
    for byte in payload:
        run = run + 1 if 48 <= byte <= 57 else 0
        if run > _MAX_DIGITS:
            return True
    return False


_HANDLERS = {
    "link": Unit._on_link,
    "message": Unit._on_message,
    "bins": Unit._on_bins,
    "button": Unit._on_button,
    "lit": Unit._on_lit,
    "kept": Unit._on_kept,
    "answer": Unit._on_answer,
}


def _body(record, late):
    body = {"boot": record[_BOOT], "seq": record[_SEQ], "at": record[_AT]}
    if record[_KIND] == "keeper":
        body["event"] = record[_DATA]
    elif record[_KIND] == "lamp":
        body["lamps"] = [{"waste": w, "lamp": s, "lit": lit, "call_id": c} for w, s, lit, c in record[_DATA]]
    else:
        body["late"] = late
        body["bins"] = [{"waste": w, "count": n, "grams": g, "quality": q} for w, n, g, q in record[_DATA]]
    return body
