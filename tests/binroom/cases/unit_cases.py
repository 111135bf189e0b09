"""The pure unit: lamps, bins, keeper, clock, acks, late."""

import json

from firmware import wire
from firmware.binroom.unit import Unit

NOW = 1795374261
WET, DRY = "residential_wet", "residential_dry"
BASE = "zp/v1/xh/room/r01/"


class Desk:
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
    """A desk whose link is up, whose clock is known, and where nothing is due."""
    desk = Desk(lamps)
    desk.link(True)
    desk.clock(NOW)
    desk.call("none", WET, None)
    desk.call("none", DRY, None)
    desk.run(200)
    return desk


def case_starts_as_no_data():
    desk = Desk()
    assert desk.states() == ["no_data", "no_data"]
    desk.link(True)
    desk.call("none", WET, None)
    assert desk.states() == ["no_data", "no_data"]  # no clock yet
    desk.clock(NOW)
    assert desk.states() == ["off", "no_data"]


def case_every_arrival_state_has_its_lamp():
    desk = knowing()
    for state, lamp in (
        ("scheduled", "off"), ("due", "due"), ("held", "held"), ("at_stop", "at_stop"), ("served", "off"),
        ("due", "due"), ("skipped", "off"), ("none", "off"),
    ):
        desk.call(state)
        assert desk.states() == [lamp, "off"], state


def case_patterns_over_time():
    desk = knowing()
    lit = {}
    for state, arrival in (("off", "none"), ("due", "due"), ("held", "held"), ("at_stop", "at_stop")):
        desk.call(arrival)
        on_ms = 0
        for _ in range(400):
            desk.run(10)
            on_ms += 10 if desk.pins[0] else 0
        lit[state] = on_ms
        desk.clock(NOW)
    assert lit == {"off": 0, "due": 4000, "held": 2000, "at_stop": 2000}, lit


def case_no_data_flashes_every_five_seconds():
    desk = Desk()
    on_ms = 0
    for _ in range(2000):
        desk.run(10)
        on_ms += 10 if desk.pins[0] else 0
    assert on_ms == 400, on_ms  # 20 s: four flashes of 100 ms


def case_no_clock_for_90_s_is_no_data():
    desk = knowing()
    desk.call("due")
    desk.run(89000)
    assert desk.states() == ["due", "off"]
    desk.run(1000)
    assert desk.states() == ["no_data", "no_data"]
    desk.clock(NOW + 91)
    assert desk.states() == ["due", "off"]


def case_link_down_dark_after_grace_lit_after_90_s():
    desk = knowing()
    desk.call("due")
    desk.link(False)
    desk.run(4900)
    assert desk.states() == ["due", "off"]
    desk.run(100)
    assert desk.states() == ["due", "no_data"]
    desk.run(86000)
    assert desk.states() == ["no_data", "no_data"]


def case_after_reconnect_a_call_must_be_heard_again():
    desk = knowing()
    desk.call("due")
    desk.link(False)
    desk.run(6000)
    desk.link(True)
    desk.clock(NOW + 6)
    assert desk.states() == ["due", "no_data"]
    desk.call("none", DRY, None)
    assert desk.states() == ["due", "off"]
    for _ in range(9):
        desk.run(10000)
        desk.clock(NOW + 16)
    assert desk.states() == ["no_data", "off"]  # nobody repeated the lit call


def case_short_flap_never_flickers():
    desk = knowing()
    desk.ack_sent()
    count = len(desk.of("lamp"))
    desk.link(False)
    desk.run(2000)
    desk.link(True)
    desk.call("none", WET, None)
    desk.call("none", DRY, None)
    desk.run(10000)
    assert desk.states() == ["off", "off"]
    assert len(desk.of("lamp")) == count + 1  # the report of the new link, nothing else
    assert [lamp["lamp"] for lamp in desk.of("lamp")[-1]["lamps"]] == ["off", "off"]


def case_expired_call_is_no_data():
    desk = knowing()
    desk.call("due", late_at=NOW - 45 * 60 + 30)
    assert desk.states()[0] == "due"
    for second in range(0, 40, 10):
        desk.clock(NOW + second)
        desk.run(10000)
    assert desk.states()[0] == "no_data"
    desk.call("due", late_at=NOW - 86400)
    assert desk.states()[0] == "no_data"
    desk.call("scheduled", late_at=NOW - 86400)
    assert desk.states()[0] == "no_data"
    desk.call("served", late_at=NOW - 86400)
    assert desk.states()[0] == "off"


def case_bad_message_is_no_data_for_that_lamp_only():
    desk = knowing()
    desk.call("due", DRY)
    for bad in (b"{", b'{"state":"due"}', b"\xff", None, b"[" * 500):
        desk.call("none", WET, None)
        assert desk.states() == ["off", "due"]
        desk.give(("message", BASE + "arrival/" + WET, bad))
        assert desk.states() == ["no_data", "due"], bad
    assert desk.unit.refused == 5
    assert len(desk.notes) == 1  # once a minute


def case_endless_numbers_are_refused_unparsed():
    desk = knowing()
    desk.give(("message", BASE + "arrival/" + WET, b'{"sent_at":' + b"9" * 8000 + b"}"))
    assert desk.states() == ["no_data", "off"]
    assert "digits" in desk.notes[-1]


def case_foreign_and_unknown_messages_change_nothing():
    desk = knowing()
    for topic in ("zp/v1/xh/room/r02/arrival/" + WET, "zp/v1/yy/bridge/clock", "nonsense", "zp/v1/xh/room/r01/nope"):
        desk.give(("message", topic, b'{"at":5}'))
    desk.give(("message", BASE + "arrival/hazardous", b"{"))
    assert desk.states() == ["off", "off"]


def case_cleared_call_is_no_data():
    desk = knowing()
    desk.give(("message", BASE + "arrival/" + WET, b""))
    assert desk.states() == ["no_data", "off"]


def case_scheduled_without_a_time_is_no_data():
    desk = knowing()
    desk.call("scheduled", WET, None)
    assert desk.states() == ["off", "off"]
    desk.call("scheduled", WET, None, late_at=None, eta_at=None)
    assert desk.states() == ["no_data", "off"]
    desk.call("due")
    assert desk.states() == ["due", "off"]


def case_clock_of_1970_is_no_clock():
    desk = Desk()
    desk.link(True)
    desk.call("none", WET, None)
    desk.clock(12345)
    assert desk.states()[0] == "no_data"
    assert desk.unit.now_s() is None


def case_single_lamp_shows_the_most_urgent():
    desk = knowing("one")
    assert desk.states() == ["off"]
    desk.call("held", WET, "c1")
    assert desk.states() == ["held"]
    desk.call("due", DRY, "c2")
    assert desk.states() == ["due"]
    desk.run(200)
    assert desk.of("lamp")[-1]["lamps"] == [{"waste": "any", "lamp": "due", "lit": True, "call_id": "c2"}]
    desk.call("at_stop", WET, "c1")
    assert desk.states() == ["at_stop"]
    desk.call("none", WET, None)
    desk.give(("message", BASE + "arrival/" + WET, b"{"))
    assert desk.states() == ["due"]
    desk.call("served", DRY, "c2")
    assert desk.states() == ["no_data"]  # one kind unknown: not dark


def case_lit_is_read_back():
    desk = knowing()
    desk.call("due")
    desk.run(200)
    assert desk.of("lamp")[-1]["lamps"][0]["lit"] is True
    desk.give(("lit", 0, False))
    desk.run(200)
    assert desk.of("lamp")[-1]["lamps"][0]["lit"] is False
    desk.stuck[0] = True
    desk.call("served")
    desk.run(200)
    assert desk.of("lamp")[-1]["lamps"][0] == {"waste": WET, "lamp": "off", "lit": True, "call_id": None}


def case_blinking_reports_are_not_repeated():
    desk = knowing()
    desk.call("at_stop")
    desk.run(500)
    count = len(desk.of("lamp"))
    desk.run(8000)
    fresh = [s for s in desk.sent[-1:] if s[0] == "lamp" and s[3] > desk.now_ms - 7000]
    assert len(desk.of("lamp")) == count and not fresh


def case_bins_debounced_and_at_once():
    desk = knowing()
    desk.give(("bins", WET, 3, 40000, 0))
    desk.run(2900)
    assert not desk.of("bins")
    desk.run(200)
    assert desk.of("bins")[-1]["bins"][0] == {"waste": WET, "count": 3, "grams": 40000, "quality": 0}
    assert desk.of("bins")[-1]["bins"][1]["quality"] == 4
    count = len(desk.of("bins"))
    desk.give(("bins", WET, 4, 40000, 0))
    desk.run(1000)
    desk.give(("bins", WET, 3, 40500, 0))  # back again, and less than 2 kg: nothing happened
    desk.run(20000)
    assert len(desk.of("bins")) == count
    desk.give(("bins", WET, 3, 42500, 0))
    desk.run(3100)
    assert desk.of("bins")[-1]["bins"][0]["grams"] == 42500


def case_bins_every_ten_minutes():
    desk = knowing()
    desk.give(("bins", WET, 3, 40000, 0))
    desk.run(4000)
    desk.ack_sent()
    count = len(desk.of("bins"))
    desk.run(599000)
    assert len(desk.of("bins")) == count + 1


def case_absurd_readings_become_useless_not_fatal():
    desk = knowing()
    desk.give(("bins", WET, -3, 10**12, 0))
    desk.run(3100)
    assert desk.of("bins")[-1]["bins"][0] == {"waste": WET, "count": None, "grams": None, "quality": 4}


def case_button_debounced_once_per_press():
    desk = knowing()
    for _ in range(4):
        desk.give(("button", "bins_out", True))
        desk.run(20)
        desk.give(("button", "bins_out", False))
        desk.run(20)
    assert not desk.of("keeper")
    desk.give(("button", "bins_out", True))
    desk.run(5000)
    desk.give(("button", "bins_out", False))
    assert [k["event"] for k in desk.of("keeper")] == ["bins_out"]
    desk.run(1000)
    desk.give(("button", "bins_out", True))
    desk.run(100)
    desk.give(("button", "bins_out", False))
    desk.run(6000)
    desk.give(("button", "lane_clear", True))
    desk.run(100)
    assert sorted({k["event"] for k in desk.of("keeper")}) == ["bins_out", "lane_clear"]
    assert len({k["seq"] for k in desk.of("keeper")}) == 3


def case_records_stay_until_the_application_ack():
    desk = knowing()
    desk.give(("button", "lane_clear", True))
    desk.run(100)
    seq = desk.of("keeper")[-1]["seq"]
    assert (3, seq) in desk.flash
    desk.run(31000)
    assert len(desk.of("keeper")) == 2  # sent again
    desk.ack(3, 0, [(seq, seq)])
    assert (3, seq) not in desk.flash
    count = len(desk.of("keeper"))
    desk.run(700000)
    assert len(desk.of("keeper")) == count
    desk.ack(3, 10**9)  # beyond anything we sent: see the next case
    assert desk.boots


def case_a_lost_boot_counter_is_noticed():
    desk = Desk(boot=1)
    desk.give(("button", "bins_out", True))
    desk.run(100)
    desk.link(True)
    desk.ack(1, 500)
    assert desk.boots == [2]
    assert desk.unit.boot == 2
    assert desk.flash and all(key[0] == 2 for key in desk.flash)
    desk.ack(2, 500)
    assert desk.boots == [2, 3]


def case_outage_newest_first_then_backlog_late():
    desk = knowing()
    desk.give(("bins", WET, 1, 1000, 0))
    desk.run(4000)
    desk.ack_sent()
    desk.link(False)
    for count in (2, 3, 4):
        desk.give(("bins", WET, count, 1000, 0))
        desk.run(10000)
    desk.sent = []
    desk.link(True)
    for _ in range(5):
        desk.run(200)
        desk.ack_sent()
    bins = [(s[1]["bins"][0]["count"], s[1]["late"], s[2]) for s in desk.sent if s[0] == "bins"]
    assert bins[0] == (4, False, True), bins  # a fresh report for the new link
    assert bins[1:] == [(4, True, False), (3, True, False), (2, True, False)], bins


def case_when_the_bridge_is_back_nothing_waits_for_its_pause():
    desk = knowing()
    desk.give(("button", "bins_out", True))
    desk.run(3600000)  # the broker is there, the bridge is not
    tries = len(desk.of("keeper"))
    assert 5 <= tries <= 12, tries
    desk.ack(3, 0, [(body["seq"], body["seq"]) for body in desk.of("lamp") + desk.of("bins")])
    tries = len(desk.of("keeper"))
    desk.clock(NOW + 3600)
    assert len(desk.of("keeper")) == tries + 1


def case_kept_records_of_a_former_boot_are_late_and_not_retained():
    kept = [[2, 7, "bins", NOW - 500, 50, [[WET, 2, 100, 0]]], [2, 8, "keeper", None, 60, "bins_out"]]
    desk = Desk(boot=3, kept=kept)
    desk.flash = {(2, 7): 1, (2, 8): 1}
    desk.link(True)
    late = [(s[0], s[1].get("late"), s[2]) for s in desk.sent if s[1]["boot"] == 2]
    assert late == [("keeper", None, False), ("bins", True, False)], late
    desk.ack(2, 8)
    assert not [key for key in desk.flash if key[0] == 2]


def case_unreadable_kept_records_are_dropped_and_told():
    kept = [[2, 1, "bins", None, 0, "what"], [2, 2, "bins", None, 0, [["plutonium", 1, 1, 0]]]]
    desk = Desk(boot=3, kept=kept)
    desk.flash = {(2, 1): 1, (2, 2): 1}
    desk.link(True)
    assert not [key for key in desk.flash if key[0] == 2]
    assert len(desk.notes) == 2


def case_time_is_filled_in_when_it_becomes_known():
    desk = Desk()
    desk.run(1000)
    desk.give(("button", "bins_out", True))
    desk.run(9000)
    desk.link(True)
    assert desk.of("keeper")[-1]["at"] is None
    desk.clock(NOW)
    assert [r[3] for r in desk.flash.values() if r[2] == "keeper"] == [NOW - 9]


def case_ticks_wrap():
    desk = Desk(start_ms=(1 << 30) - 5000)
    desk.link(True)
    desk.clock(NOW)
    desk.call("due")
    for _ in range(3):
        desk.run(30000)
        assert desk.states()[0] == "due"
        desk.clock(desk.unit.now_s())
    assert desk.unit.now_s() == NOW + 90


def case_clock_runs_on_between_heartbeats_and_may_jump():
    desk = knowing()
    desk.run(30000)
    desk.give(("wake",))
    assert desk.unit.now_s() == NOW + 30
    desk.clock(NOW + 7200)
    assert desk.unit.now_s() == NOW + 7200
    desk.clock(NOW)
    assert desk.unit.now_s() == NOW


def case_commands_once_and_rebirth():
    desk = knowing()
    order = json.dumps({"command": "identify", "id": "k1"}).encode()
    desk.give(("message", BASE + "command", order))
    desk.give(("message", BASE + "command", order))
    assert [c["command"] for c in desk.commands] == ["identify"]
    desk.give(("bins", WET, 3, 40000, 0))
    desk.run(4000)
    lamps, bins = len(desk.of("lamp")), len(desk.of("bins"))
    desk.give(("message", BASE + "command", b'{"command":"rebirth","id":"k2"}'))
    desk.run(200)
    assert (len(desk.of("lamp")), len(desk.of("bins"))) == (lamps + 1, bins + 1)


def case_full_outbox_gives_up_lamp_reports_first():
    desk = Desk()
    for number in range(80):
        desk.give(("bins", WET, number, 1000, 0))
        desk.run(4000)
        if number >= 60:
            continue
        desk.give(("button", "bins_out", True))
        desk.run(100)
        desk.give(("button", "bins_out", False))
        desk.run(6000)
    records = desk.unit.unsettled()
    assert len(records) == 128 == len(desk.flash)
    assert desk.unit.dropped() > 0
    kinds = [r[2] for r in records]
    assert kinds.count("keeper") == 60
    assert kinds.count("lamp") == 0
    assert records[-1][5][0][1] == 79


def case_a_long_outage_stays_in_flash_and_comes_back():
    desk = Desk(recalls=True)
    for number in range(200):
        desk.give(("bins", WET, number, 1000, 0))
        desk.run(4000)
    assert len(desk.unit.unsettled()) == 12
    assert len(desk.flash) >= 200
    everything = set(desk.flash)
    desk.link(True)
    desk.clock(NOW)
    for _ in range(200):
        desk.run(300)
        desk.ack_sent()
    assert not [key for key in everything if key in desk.flash]
    sent = [body["seq"] for name, body, _, _ in desk.sent if "seq" in body]
    assert everything <= {(3, seq) for seq in sent}
    counts = [body["bins"][0]["count"] for body in desk.of("bins") if body["late"]]
    assert counts[0] > counts[-1] and counts[0] >= 195  # newest first
    assert all(body["at"] is not None for body in desk.of("bins")[5:])


def case_a_boot_with_records_in_flash_asks_for_them():
    desk = Desk(recalls=True)
    desk.flash = {(2, seq): [2, seq, "keeper", NOW, 5, "bins_out"] for seq in range(1, 31)}
    desk.unit = Unit(desk.config, 3, (), 30)
    desk.link(True)
    for _ in range(60):
        desk.run(300)
        desk.ack_sent()
        desk.ack(2, 0, [(body["seq"], body["seq"]) for body in desk.of("keeper")])
    assert not [key for key in desk.flash if key[0] == 2]
    assert len(desk.of("keeper")) >= 30


def case_wake_is_always_ahead_and_soon_enough():
    desk = knowing()
    desk.call("held")
    for _ in range(500):
        desk.run(100)
        ahead = (desk.unit.wake_at_ms - desk.now_ms) & 0x3FFFFFFF
        assert 0 < ahead <= 600000


def case_an_unacknowledged_hour_wakes_rarely():
    desk = knowing()
    for number in range(12):
        desk.give(("bins", WET, number, 1000, 0))
        desk.run(4000)
    wakes = 0
    for second in range(0, 3600, 10):
        desk.clock(NOW + second)
        end = desk.now_ms + 10000
        while True:
            ahead = (desk.unit.wake_at_ms - desk.now_ms) & 0x3FFFFFFF
            if desk.now_ms + ahead > end:
                break
            desk.now_ms += ahead
            desk.give(("wake",))
            wakes += 1
        desk.now_ms = end
    assert wakes < 500, wakes


def case_will_and_subscriptions():
    desk = Desk(boot=9)
    topic, payload = desk.unit.will()
    assert topic == BASE + "life"
    assert wire.unpack(topic, payload).body == {"life": "lost", "boot": 9}
    assert desk.unit.subscriptions() == wire.subscriptions("room", "xh", "r01")
