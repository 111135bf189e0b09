"""The pure unit: lamps, bins, keeper, clock, acks, late."""

import json

from firmware import wire
from firmware.binroom.unit import Unit

NOW = 1795374261
WET, DRY = "residential_wet", "residential_dry"
BASE = "zp/v1/xh/room/r01/"


class Rig:
    """A unit with pins that follow, flash that keeps, and a log of what was published."""

    def __init__(self, lamps="each", boot=3, kept=(), start_ms=0, wastes=(WET, DRY), recalls=False):
        config = {"area": "xh", "device": "r01", "wastes": wastes, "fw": "test", "lamps": lamps, "report_grams": 2000}
        if recalls:
            config["outbox"] = 12
            config["recalls"] = True
        self.config = config
        self.unit = Unit(config, boot, kept)
        self.now_ms = start_ms
        self.pins = {}
        self.stuck = {}
        self.flash = {}
        self.sent = []
        self.notes = []
        self.commands = []
        self.boots = []
        self.give(("wake",))

    def give(self, event):
        events = [event]
        while events:
            for effect in self.unit.handle(events.pop(0), self.now_ms & 0x3FFFFFFF):
                name = effect[0]
                if name == "lamp":
                    self.pins[effect[1]] = effect[2]
                    events.append(("lit", effect[1], self.stuck.get(effect[1], effect[2])))
                elif name == "keep":
                    record = effect[1]
                    self.flash[(record[0], record[1])] = json.loads(json.dumps(record))
                elif name == "forget":
                    del self.flash[(effect[1], effect[2])]
                elif name == "publish":
                    message = wire.unpack(effect[1], effect[2])
                    self.sent.append((message.address.channel, message.body, effect[3], self.now_ms))
                elif name == "recall":
                    missing = sorted([key for key in self.flash if not self.unit.holds(key[0], key[1])], reverse=True)
                    records = [list(self.flash[key]) for key in missing[: effect[1]]]
                    events.append(("kept", records, len(missing) - len(records)))
                elif name == "note":
                    self.notes.append(effect[1])
                elif name == "command":
                    self.commands.append(effect[1])
                elif name == "boot":
                    self.boots.append(effect[1])

    def run(self, ms):
        """Let time pass, waking when asked to, and never later."""
        end = self.now_ms + ms
        while True:
            ahead = (self.unit.wake_at_ms - self.now_ms) & 0x3FFFFFFF
            assert ahead > 0
            if self.now_ms + ahead > end:
                break
            self.now_ms += ahead
            self.give(("wake",))
        self.now_ms = end

    def link(self, is_up):
        self.give(("link", is_up))

    def clock(self, at):
        self.give(("message", "zp/v1/xh/bridge/clock", json.dumps({"at": at}).encode()))

    def call(self, state, waste=WET, call_id="c1", late_at=NOW + 1200, **more):
        body = {
            "call_id": call_id, "waste": waste, "state": state, "truck": "t01", "run_id": "x", "visit_number": 1,
            "eta_at": NOW + 900, "early_at": None, "late_at": late_at, "sent_at": NOW,
        }
        body.update(more)
        name = BASE + "arrival/" + waste
        self.give(("message", name, wire.pack(name, body)))

    def ack(self, boot, upto, also=()):
        acks = [{"boot": boot, "upto": upto, "also": [list(pair) for pair in also]}]
        self.give(("message", BASE + "ack", json.dumps({"acks": acks}).encode()))

    def ack_sent(self):
        """Acknowledge whatever was published so far, as the bridge does."""
        seqs = sorted({body["seq"] for _, body, _, _ in self.sent if "seq" in body and body["boot"] == self.unit.boot})
        self.ack(self.unit.boot, 0, [(seq, seq) for seq in seqs])

    def states(self):
        return [lamp.state for lamp in self.unit.lamps]

    def of(self, channel):
        return [body for name, body, _, _ in self.sent if name == channel]


def knowing(lamps="each"):
    """A rig whose link is up, whose clock is known, and where nothing is due."""
    rig = Rig(lamps)
    rig.link(True)
    rig.clock(NOW)
    rig.call("none", WET, None)
    rig.call("none", DRY, None)
    rig.run(200)
    return rig


def case_starts_as_no_data():
    rig = Rig()
    assert rig.states() == ["no_data", "no_data"]
    rig.link(True)
    rig.call("none", WET, None)
    assert rig.states() == ["no_data", "no_data"]  # no clock yet
    rig.clock(NOW)
    assert rig.states() == ["off", "no_data"]


def case_every_arrival_state_has_its_lamp():
    rig = knowing()
    for state, lamp in (
        ("scheduled", "off"), ("due", "due"), ("held", "held"), ("at_stop", "at_stop"), ("served", "off"),
        ("due", "due"), ("skipped", "off"), ("none", "off"),
    ):
        rig.call(state)
        assert rig.states() == [lamp, "off"], state


def case_patterns_over_time():
    rig = knowing()
    lit = {}
    for state, arrival in (("off", "none"), ("due", "due"), ("held", "held"), ("at_stop", "at_stop")):
        rig.call(arrival)
        on_ms = 0
        for _ in range(400):
            rig.run(10)
            on_ms += 10 if rig.pins[0] else 0
        lit[state] = on_ms
        rig.clock(NOW)
    assert lit == {"off": 0, "due": 4000, "held": 2000, "at_stop": 2000}, lit


def case_no_data_flashes_every_five_seconds():
    rig = Rig()
    on_ms = 0
    for _ in range(2000):
        rig.run(10)
        on_ms += 10 if rig.pins[0] else 0
    assert on_ms == 400, on_ms  # 20 s: four flashes of 100 ms


def case_no_clock_for_90_s_is_no_data():
    rig = knowing()
    rig.call("due")
    rig.run(89000)
    assert rig.states() == ["due", "off"]
    rig.run(1000)
    assert rig.states() == ["no_data", "no_data"]
    rig.clock(NOW + 91)
    assert rig.states() == ["due", "off"]


def case_link_down_dark_after_grace_lit_after_90_s():
    rig = knowing()
    rig.call("due")
    rig.link(False)
    rig.run(4900)
    assert rig.states() == ["due", "off"]
    rig.run(100)
    assert rig.states() == ["due", "no_data"]
    rig.run(86000)
    assert rig.states() == ["no_data", "no_data"]


def case_after_reconnect_a_call_must_be_heard_again():
    rig = knowing()
    rig.call("due")
    rig.link(False)
    rig.run(6000)
    rig.link(True)
    rig.clock(NOW + 6)
    assert rig.states() == ["due", "no_data"]
    rig.call("none", DRY, None)
    assert rig.states() == ["due", "off"]
    for _ in range(9):
        rig.run(10000)
        rig.clock(NOW + 16)
    assert rig.states() == ["no_data", "off"]  # nobody repeated the lit call


def case_an_older_word_after_a_reconnect_puts_no_lamp_out():
    """A broker that was killed says again what was so before; nobody has confirmed the call for 90 s then."""
    rig = knowing()
    rig.call("scheduled", call_id=None, sent_at=NOW - 300)
    rig.call("due")
    rig.link(False)
    rig.run(3_000)
    rig.link(True)
    rig.clock(NOW + 3)
    rig.call("scheduled", call_id=None, sent_at=NOW - 300)
    assert rig.states()[0] == "due"
    rig.run(88_000)
    rig.clock(NOW + 91)
    assert rig.states()[0] == "no_data"
    rig.call("held", sent_at=NOW + 90)
    assert rig.states()[0] == "held"


def case_a_bridge_whose_clock_was_set_back_is_heard():
    """Its new words are older than those that it sent while its clock was ahead."""
    rig = knowing()
    rig.call("due")
    rig.link(False)
    rig.link(True)
    rig.clock(NOW - 3600)
    rig.clock(NOW - 3590)
    rig.call("at_stop", sent_at=NOW - 3590)
    assert rig.states()[0] == "at_stop"


def case_short_flap_never_flickers():
    rig = knowing()
    rig.ack_sent()
    count = len(rig.of("lamp"))
    rig.link(False)
    rig.run(2000)
    rig.link(True)
    rig.call("none", WET, None)
    rig.call("none", DRY, None)
    rig.run(10000)
    assert rig.states() == ["off", "off"]
    assert len(rig.of("lamp")) == count + 1  # the report of the new link, nothing else
    assert [lamp["lamp"] for lamp in rig.of("lamp")[-1]["lamps"]] == ["off", "off"]


def case_expired_call_is_no_data():
    rig = knowing()
    rig.call("due", late_at=NOW - 45 * 60 + 30)
    assert rig.states()[0] == "due"
    for second in range(0, 40, 10):
        rig.clock(NOW + second)
        rig.run(10000)
    assert rig.states()[0] == "no_data"
    rig.call("due", late_at=NOW - 86400)
    assert rig.states()[0] == "no_data"
    rig.call("scheduled", late_at=NOW - 86400)
    assert rig.states()[0] == "no_data"
    rig.call("served", late_at=NOW - 86400)
    assert rig.states()[0] == "off"


def case_bad_message_is_no_data_for_that_lamp_only():
    rig = knowing()
    rig.call("due", DRY)
    for bad in (b"{", b'{"state":"due"}', b"\xff", None, b"[" * 500):
        rig.call("none", WET, None)
        assert rig.states() == ["off", "due"]
        rig.give(("message", BASE + "arrival/" + WET, bad))
        assert rig.states() == ["no_data", "due"], bad
    assert rig.unit.refused == 5
    assert len(rig.notes) == 1  # once a minute


def case_endless_numbers_are_refused_unparsed():
    rig = knowing()
    rig.give(("message", BASE + "arrival/" + WET, b'{"sent_at":' + b"9" * 8000 + b"}"))
    assert rig.states() == ["no_data", "off"]
    assert "digits" in rig.notes[-1]


def case_foreign_and_unknown_messages_change_nothing():
    rig = knowing()
    for topic in ("zp/v1/xh/room/r02/arrival/" + WET, "zp/v1/yy/bridge/clock", "nonsense", "zp/v1/xh/room/r01/nope"):
        rig.give(("message", topic, b'{"at":5}'))
    rig.give(("message", BASE + "arrival/hazardous", b"{"))
    assert rig.states() == ["off", "off"]


def case_cleared_call_is_no_data():
    rig = knowing()
    rig.give(("message", BASE + "arrival/" + WET, b""))
    assert rig.states() == ["no_data", "off"]


def case_scheduled_without_a_time_is_no_data():
    rig = knowing()
    rig.call("scheduled", WET, None)
    assert rig.states() == ["off", "off"]
    rig.call("scheduled", WET, None, late_at=None, eta_at=None)
    assert rig.states() == ["no_data", "off"]
    rig.call("due")
    assert rig.states() == ["due", "off"]


def case_clock_of_1970_is_no_clock():
    rig = Rig()
    rig.link(True)
    rig.call("none", WET, None)
    rig.clock(12345)
    assert rig.states()[0] == "no_data"
    assert rig.unit.now_s() is None


def case_single_lamp_shows_the_most_urgent():
    rig = knowing("one")
    assert rig.states() == ["off"]
    rig.call("held", WET, "c1")
    assert rig.states() == ["held"]
    rig.call("due", DRY, "c2")
    assert rig.states() == ["due"]
    rig.run(200)
    assert rig.of("lamp")[-1]["lamps"] == [{"waste": "any", "lamp": "due", "lit": True, "call_id": "c2"}]
    rig.call("at_stop", WET, "c1")
    assert rig.states() == ["at_stop"]
    rig.call("none", WET, None)
    rig.give(("message", BASE + "arrival/" + WET, b"{"))
    assert rig.states() == ["due"]
    rig.call("served", DRY, "c2")
    assert rig.states() == ["no_data"]  # one kind unknown: not dark


def case_lit_is_read_back():
    rig = knowing()
    rig.call("due")
    rig.run(200)
    assert rig.of("lamp")[-1]["lamps"][0]["lit"] is True
    rig.give(("lit", 0, False))
    rig.run(200)
    assert rig.of("lamp")[-1]["lamps"][0]["lit"] is False
    rig.stuck[0] = True
    rig.call("served")
    rig.run(200)
    assert rig.of("lamp")[-1]["lamps"][0] == {"waste": WET, "lamp": "off", "lit": True, "call_id": None}


def case_blinking_reports_are_not_repeated():
    rig = knowing()
    rig.call("at_stop")
    rig.run(500)
    count = len(rig.of("lamp"))
    rig.run(8000)
    fresh = [s for s in rig.sent[-1:] if s[0] == "lamp" and s[3] > rig.now_ms - 7000]
    assert len(rig.of("lamp")) == count and not fresh


def case_bins_debounced_and_at_once():
    rig = knowing()
    rig.give(("bins", WET, 3, 40000, 0))
    rig.run(2900)
    assert not rig.of("bins")
    rig.run(200)
    assert rig.of("bins")[-1]["bins"][0] == {"waste": WET, "count": 3, "grams": 40000, "quality": 0}
    assert rig.of("bins")[-1]["bins"][1]["quality"] == 4
    count = len(rig.of("bins"))
    rig.give(("bins", WET, 4, 40000, 0))
    rig.run(1000)
    rig.give(("bins", WET, 3, 40500, 0))  # back again, and less than 2 kg: nothing happened
    rig.run(20000)
    assert len(rig.of("bins")) == count
    rig.give(("bins", WET, 3, 42500, 0))
    rig.run(3100)
    assert rig.of("bins")[-1]["bins"][0]["grams"] == 42500


def case_bins_every_ten_minutes():
    rig = knowing()
    rig.give(("bins", WET, 3, 40000, 0))
    rig.run(4000)
    rig.ack_sent()
    count = len(rig.of("bins"))
    rig.run(599000)
    assert len(rig.of("bins")) == count + 1


def case_absurd_readings_become_useless_not_fatal():
    rig = knowing()
    rig.give(("bins", WET, -3, 10**12, 0))
    rig.run(3100)
    assert rig.of("bins")[-1]["bins"][0] == {"waste": WET, "count": None, "grams": None, "quality": 4}


def case_button_debounced_once_per_press():
    rig = knowing()
    for _ in range(4):
        rig.give(("button", "bins_out", True))
        rig.run(20)
        rig.give(("button", "bins_out", False))
        rig.run(20)
    assert not rig.of("keeper")
    rig.give(("button", "bins_out", True))
    rig.run(5000)
    rig.give(("button", "bins_out", False))
    assert [k["event"] for k in rig.of("keeper")] == ["bins_out"]
    rig.run(1000)
    rig.give(("button", "bins_out", True))
    rig.run(100)
    rig.give(("button", "bins_out", False))
    rig.run(6000)
    rig.give(("button", "lane_clear", True))
    rig.run(100)
    assert sorted({k["event"] for k in rig.of("keeper")}) == ["bins_out", "lane_clear"]
    assert len({k["seq"] for k in rig.of("keeper")}) == 3


def case_records_stay_until_the_application_ack():
    rig = knowing()
    rig.give(("button", "lane_clear", True))
    rig.run(100)
    seq = rig.of("keeper")[-1]["seq"]
    assert (3, seq) in rig.flash
    rig.run(6000)
    assert len(rig.of("keeper")) == 2  # sent again
    rig.ack(3, 0, [(seq, seq)])
    assert (3, seq) not in rig.flash
    count = len(rig.of("keeper"))
    rig.run(700000)
    assert len(rig.of("keeper")) == count
    rig.ack(3, 10**9)  # beyond anything we sent: see the next case
    assert rig.boots


def case_a_lost_boot_counter_is_noticed():
    rig = Rig(boot=1)
    rig.give(("button", "bins_out", True))
    rig.run(100)
    rig.link(True)
    rig.ack(1, 500)
    assert rig.boots == [2]
    assert rig.unit.boot == 2
    assert rig.flash and all(key[0] == 2 for key in rig.flash)
    rig.ack(2, 500)
    assert rig.boots == [2, 3]


def case_outage_newest_first_then_backlog_late():
    rig = knowing()
    rig.give(("bins", WET, 1, 1000, 0))
    rig.run(4000)
    rig.ack_sent()
    rig.link(False)
    for count in (2, 3, 4):
        rig.give(("bins", WET, count, 1000, 0))
        rig.run(10000)
    rig.sent = []
    rig.link(True)
    for _ in range(5):
        rig.run(200)
        rig.ack_sent()
    bins = [(s[1]["bins"][0]["count"], s[1]["late"], s[2]) for s in rig.sent if s[0] == "bins"]
    assert bins[0] == (4, False, True), bins  # a fresh report for the new link
    assert bins[1:] == [(4, True, False), (3, True, False), (2, True, False)], bins


def case_when_the_bridge_is_back_nothing_waits_for_its_pause():
    rig = knowing()
    rig.give(("button", "bins_out", True))
    rig.run(3600000)  # the broker is there, the bridge is not
    tries = len(rig.of("keeper"))
    assert 5 <= tries <= 12, tries
    rig.ack(3, 0, [(body["seq"], body["seq"]) for body in rig.of("lamp") + rig.of("bins")])
    tries = len(rig.of("keeper"))
    rig.clock(NOW + 3600)
    assert len(rig.of("keeper")) == tries + 1


def case_kept_records_of_a_former_boot_are_late_and_not_retained():
    kept = [[2, 7, "bins", NOW - 500, 50, [[WET, 2, 100, 0]]], [2, 8, "keeper", None, 60, "bins_out"]]
    rig = Rig(boot=3, kept=kept)
    rig.flash = {(2, 7): 1, (2, 8): 1}
    rig.link(True)
    late = [(s[0], s[1].get("late"), s[2]) for s in rig.sent if s[1]["boot"] == 2]
    assert late == [("keeper", None, False), ("bins", True, False)], late
    rig.ack(2, 8)
    assert not [key for key in rig.flash if key[0] == 2]


def case_unreadable_kept_records_are_dropped_and_told():
    kept = [[2, 1, "bins", None, 0, "what"], [2, 2, "bins", None, 0, [["plutonium", 1, 1, 0]]]]
    rig = Rig(boot=3, kept=kept)
    rig.flash = {(2, 1): 1, (2, 2): 1}
    rig.link(True)
    assert not [key for key in rig.flash if key[0] == 2]
    assert len(rig.notes) == 2


def case_time_is_filled_in_when_it_becomes_known():
    rig = Rig()
    rig.run(1000)
    rig.give(("button", "bins_out", True))
    rig.run(9000)
    rig.link(True)
    assert rig.of("keeper")[-1]["at"] is None
    rig.clock(NOW)
    assert [r[3] for r in rig.flash.values() if r[2] == "keeper"] == [NOW - 9]


def case_ticks_wrap():
    rig = Rig(start_ms=(1 << 30) - 5000)
    rig.link(True)
    rig.clock(NOW)
    rig.call("due")
    for _ in range(3):
        rig.run(30000)
        assert rig.states()[0] == "due"
        rig.clock(rig.unit.now_s())
    assert rig.unit.now_s() == NOW + 90


def case_clock_runs_on_between_heartbeats_and_may_jump():
    rig = knowing()
    rig.run(30000)
    rig.give(("wake",))
    assert rig.unit.now_s() == NOW + 30
    rig.clock(NOW + 7200)
    assert rig.unit.now_s() == NOW + 7200
    rig.clock(NOW)
    assert rig.unit.now_s() == NOW


def case_heartbeats_that_waited_on_their_way_are_no_sign_of_a_bridge():
    rig = knowing()
    rig.call("due")
    rig.run(85000)
    for second in (10, 20, 30):  # read at once, after a minute and a half in a dead spot
        rig.clock(NOW + second)
    assert rig.unit.now_s() == NOW + 85
    rig.run(6000)
    assert rig.states()[0] == "no_data"
    rig.clock(NOW + 100)
    assert rig.unit.now_s() == NOW + 100 and rig.states()[0] == "due"


def case_a_clock_that_was_set_back_is_believed_by_its_second_word():
    rig = knowing()
    rig.run(60000)
    rig.clock(NOW + 20)
    assert rig.unit.now_s() == NOW + 60
    rig.run(10000)
    rig.clock(NOW + 30)
    assert rig.unit.now_s() == NOW + 30


def case_commands_once_and_rebirth():
    rig = knowing()
    order = json.dumps({"command": "identify", "id": "k1"}).encode()
    rig.give(("message", BASE + "command", order))
    rig.give(("message", BASE + "command", order))
    assert [c["command"] for c in rig.commands] == ["identify"]
    rig.give(("bins", WET, 3, 40000, 0))
    rig.run(4000)
    lamps, bins = len(rig.of("lamp")), len(rig.of("bins"))
    rig.give(("message", BASE + "command", b'{"command":"rebirth","id":"k2"}'))
    rig.run(200)
    assert (len(rig.of("lamp")), len(rig.of("bins"))) == (lamps + 1, bins + 1)
    assert rig.of("life")[-1]["answers"] == "k2"


def case_what_became_of_a_command_is_answered():
    rig = knowing()
    rig.give(("answer", "k1", False, "calibrate: no load cell " + "x" * 300))
    said = rig.of("life")[-1]
    assert (said["life"], said["boot"], said["answers"], said["done"]) == ("ready", rig.unit.boot, "k1", False)
    assert said["said"].startswith("calibrate: no load cell") and len(said["said"]) == 200
    rig.give(("link", False))
    before = len(rig.of("life"))
    rig.give(("answer", "k2", True, "done"))
    assert len(rig.of("life")) == before
    rig.give(("link", True))
    assert "answers" not in rig.of("life")[-1]


def case_full_outbox_gives_up_lamp_reports_first():
    rig = Rig()
    for number in range(80):
        rig.give(("bins", WET, number, 1000, 0))
        rig.run(4000)
        if number >= 60:
            continue
        rig.give(("button", "bins_out", True))
        rig.run(100)
        rig.give(("button", "bins_out", False))
        rig.run(6000)
    records = rig.unit.unsettled()
    assert len(records) == 128 == len(rig.flash)
    assert rig.unit.dropped() > 0
    kinds = [r[2] for r in records]
    assert kinds.count("keeper") == 60
    assert kinds.count("lamp") == 0
    assert records[-1][5][0][1] == 79


def case_a_long_outage_stays_in_flash_and_comes_back():
    rig = Rig(recalls=True)
    for number in range(200):
        rig.give(("bins", WET, number, 1000, 0))
        rig.run(4000)
    assert len(rig.unit.unsettled()) == 12
    assert len(rig.flash) >= 200
    everything = set(rig.flash)
    rig.link(True)
    rig.clock(NOW)
    for _ in range(200):
        rig.run(300)
        rig.ack_sent()
    assert not [key for key in everything if key in rig.flash]
    sent = [body["seq"] for name, body, _, _ in rig.sent if "seq" in body]
    assert everything <= {(3, seq) for seq in sent}
    counts = [body["bins"][0]["count"] for body in rig.of("bins") if body["late"]]
    assert counts[0] > counts[-1] and counts[0] >= 195  # newest first
    assert all(body["at"] is not None for body in rig.of("bins")[5:])


def case_a_boot_with_records_in_flash_asks_for_them():
    rig = Rig(recalls=True)
    rig.flash = {(2, seq): [2, seq, "keeper", NOW, 5, "bins_out"] for seq in range(1, 31)}
    rig.unit = Unit(rig.config, 3, (), 30)
    rig.link(True)
    for _ in range(60):
        rig.run(300)
        rig.ack_sent()
        rig.ack(2, 0, [(body["seq"], body["seq"]) for body in rig.of("keeper")])
    assert not [key for key in rig.flash if key[0] == 2]
    assert len(rig.of("keeper")) >= 30


def case_wake_is_always_ahead_and_soon_enough():
    rig = knowing()
    rig.call("held")
    for _ in range(500):
        rig.run(100)
        ahead = (rig.unit.wake_at_ms - rig.now_ms) & 0x3FFFFFFF
        assert 0 < ahead <= 600000


def case_an_unacknowledged_hour_wakes_rarely():
    rig = knowing()
    for number in range(12):
        rig.give(("bins", WET, number, 1000, 0))
        rig.run(4000)
    wakes = 0
    for second in range(0, 3600, 10):
        rig.clock(NOW + second)
        end = rig.now_ms + 10000
        while True:
            ahead = (rig.unit.wake_at_ms - rig.now_ms) & 0x3FFFFFFF
            if rig.now_ms + ahead > end:
                break
            rig.now_ms += ahead
            rig.give(("wake",))
            wakes += 1
        rig.now_ms = end
    assert wakes < 500, wakes


def case_will_and_subscriptions():
    rig = Rig(boot=9)
    topic, payload = rig.unit.will()
    assert topic == BASE + "life"
    assert wire.unpack(topic, payload).body == {"life": "lost", "boot": 9}
    assert rig.unit.subscriptions() == wire.subscriptions("room", "xh", "r01")
