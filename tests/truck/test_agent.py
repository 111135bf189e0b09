"""The agent: presses, lights and positions as a driver meets them."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firmware import wire
from firmware.truck.agent import Agent
from firmware.truck.events import (
    ButtonDown,
    ButtonUp,
    FixSeen,
    GpsLight,
    GpsState,
    Keep,
    Light,
    LinkDown,
    LinkUp,
    Note,
    OpenIncident,
    PartState,
    Received,
    Say,
    Settle,
    ShowItinerary,
    Stage,
    Started,
    Stopping,
    Wake,
)
from firmware.truck.gps.acceptance import Box
from firmware.truck.gps.fix import Fix

T0 = 1795374261


class Driver:
    """An agent with a clock in our hand; keeps everything it did."""

    def __init__(self, agent: Agent | None = None, started: Started | None = None) -> None:
        self.agent = agent or Agent("t01", "xh", 7)
        self.now_s = 100.0
        self.effects: list[Any] = []
        self.do(started or Started())

    def do(self, event, after_s: float = 0.0):
        """Waits, waking the agent when it asks, then does `event`."""
        end_s = self.now_s + after_s
        while (wake_at_s := self.agent.wake_at_s) is not None and wake_at_s <= end_s:
            self.now_s = max(self.now_s, wake_at_s)
            self.effects += self.agent.handle(Wake(), self.now_s)
        self.now_s = end_s
        new = self.agent.handle(event, self.now_s)
        self.effects += new
        return new

    def hold(self, seconds: float) -> None:
        self.do(ButtonDown())
        self.do(ButtonUp(), seconds)
        self.do(Wake(), 0.4)

    def fixes(self, count: int, metres_each: float = 0.0) -> None:
        for _ in range(count):
            at_s = self.now_s + 1.0
            lat = 31.2 + (at_s - 100.0) * metres_each / 111_195
            self.do(FixSeen(Fix(lat, 121.4, T0 + at_s, metres_each, 0.0, 1.0, 8, 3, 1)), 1.0)

    def records(self, channel: str) -> list[dict[str, Any]]:
        return [dict(e.report.body) for e in self.effects if isinstance(e, Keep) and e.report.channel == channel]

    @property
    def light(self) -> str:
        return [e.pattern for e in self.effects if isinstance(e, Light)][-1]

    def ack(self, boot: int, upto: int) -> None:
        self.do(Received("truck", "ack", "", {"acks": [{"boot": boot, "upto": upto, "also": []}]}))

    def stage(self, incident_id: str, stage: str, decision: str | None = None) -> None:
        body = {"incident_id": incident_id, "stage": stage, "decision": decision, "at": T0}
        self.do(Received("truck", "incident_ack", incident_id, body))

    def clock(self) -> None:
        self.do(Received("bridge", "clock", "", {"at": int(T0 + self.now_s)}))


def test_hold_makes_a_lane_blocked_incident_with_place_and_time():
    """Holding 1.5 s keeps an incident whose id is truck-boot-seq, with the last position and the time of the press."""
    driver = Driver()
    driver.fixes(4)
    driver.hold(2.0)
    incident = driver.records("incident")[0]
    assert incident["incident_id"] == f"t01-7-{incident['seq']}"
    assert (incident["reason"], incident["withdrawn"]) == ("lane_blocked", False)
    assert (incident["lat"], incident["lon"]) == (31.2, 121.4)
    assert incident["pressed_at"] == pytest.approx(T0 + 105.5, abs=0.5)
    assert driver.light == "fast"


def test_holding_on_makes_the_same_incident_a_breakdown():
    """At 4 s a second record says breakdown under the same incident_id."""
    driver = Driver()
    driver.hold(4.5)
    first, second = driver.records("incident")
    assert first["incident_id"] == second["incident_id"]
    assert (first["reason"], second["reason"]) == ("lane_blocked", "breakdown")
    assert second["seq"] > first["seq"]


@pytest.mark.parametrize(
    ("hold_s", "open_s", "reasons"),
    [
        (2.2, 1.8, ["lane_blocked"]),
        (4.5, 2.0, ["lane_blocked", "breakdown"]),
        (6.0, 3.99, ["lane_blocked", "breakdown"]),
    ],
)
def test_contact_that_opens_in_a_hold_withdraws_nothing(hold_s, open_s, reasons):
    """A worn plunger opens for 35 ms within a hold: one open alarm, and a breakdown exactly once."""
    driver = Driver()
    driver.do(ButtonDown())
    driver.do(ButtonUp(), open_s)
    driver.do(ButtonDown(), 0.035)
    driver.do(ButtonUp(), hold_s - open_s - 0.035)
    driver.do(Wake(), 20.0)
    incidents = driver.records("incident")
    assert [incident["reason"] for incident in incidents] == reasons
    assert not any(incident["withdrawn"] for incident in incidents)
    assert len({incident["incident_id"] for incident in incidents}) == 1


def test_second_hold_right_after_the_press_belongs_to_it():
    """A driver who lets go and holds again within 10 s gets a breakdown of the same incident, not a second incident."""
    driver = Driver()
    driver.hold(2.0)
    driver.do(Wake(), 2.0)
    driver.hold(4.5)
    assert len({record["incident_id"] for record in driver.records("incident")}) == 1
    assert driver.records("incident")[-1]["reason"] == "breakdown"


def test_short_press_within_ten_seconds_withdraws():
    """A short press takes the incident back; the withdrawal is a record of its own."""
    driver = Driver()
    driver.hold(2.0)
    driver.do(Wake(), 5.0)
    driver.hold(0.3)
    assert [record["withdrawn"] for record in driver.records("incident")] == [False, True]
    driver.ack(7, 100)
    assert driver.light == "off"


def test_withdrawn_incident_stays_lit_until_the_withdrawal_is_stored():
    """Word of the press being stored or seen does not darken the light of a withdrawal nobody has yet."""
    driver = Driver()
    driver.hold(2.0)
    driver.hold(0.3)
    raised, withdrawn = driver.records("incident")
    driver.ack(7, raised["seq"])
    driver.stage(raised["incident_id"], "seen")
    assert driver.light == "fast"
    driver.ack(7, withdrawn["seq"])
    assert driver.light == "off"


def test_press_and_rebirth_bring_the_next_position_at_once():
    """After a press or a rebirth the next fix is published, though the truck has not moved."""
    driver = Driver()
    driver.fixes(12)
    before = len(driver.records("fix"))
    driver.hold(1.6)
    driver.fixes(2)
    assert len(driver.records("fix")) == before + 1
    driver.do(Received("truck", "command", "", {"command": "rebirth", "id": "c"}))
    driver.fixes(2)
    assert len(driver.records("fix")) == before + 2


def test_short_press_after_ten_seconds_withdraws_nothing():
    """After 10 s a short press changes nothing, and without an incident neither."""
    driver = Driver()
    driver.hold(0.3)
    driver.hold(2.0)
    driver.do(Wake(), 10.5)
    driver.hold(0.3)
    assert [record["withdrawn"] for record in driver.records("incident")] == [False]


def test_light_follows_the_stages():
    """fast pressed, slow stored, steady seen, double decided, off closed."""
    driver = Driver()
    driver.hold(2.0)
    name = driver.records("incident")[0]["incident_id"]
    seen = [driver.light]
    for stage in ("stored", "seen", "decided"):
        driver.stage(name, stage, "wait" if stage == "decided" else None)
        seen.append(driver.light)
    driver.do(Received("truck", "incident_ack", name, None))
    assert [*seen, driver.light] == ["fast", "slow", "steady", "double", "off"]


def test_stage_never_goes_back():
    """An old incident_ack that comes late does not take the light back."""
    driver = Driver()
    driver.hold(2.0)
    name = driver.records("incident")[0]["incident_id"]
    driver.stage(name, "seen")
    driver.stage(name, "stored")
    assert driver.light == "steady"


WORDS = ("own ack", "older ack", "other boot's ack", "stored", "seen", "decided", "link down", "link up", "rebirth")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=15))
def test_whatever_the_bridge_says_late_or_twice_the_light_only_goes_on(words):
    """Acks and stages of one press in any order, stale, repeated, over reconnects: fast, slow, steady, double."""
    driver = Driver()
    driver.hold(2.0)
    press = driver.records("incident")[0]
    for word in words:
        if word.endswith("ack"):
            driver.ack(*{"own ack": (7, press["seq"]), "older ack": (7, press["seq"] - 1)}.get(word, (6, 999)))
        elif word.startswith("link"):
            driver.do(LinkUp() if word == "link up" else LinkDown(), 1.0)
        elif word == "rebirth":
            driver.do(Received("truck", "command", "", {"command": "rebirth", "id": "c"}), 1.0)
        else:
            driver.stage(press["incident_id"], word, "wait" if word == "decided" else None)
    shown = [effect.pattern for effect in driver.effects if isinstance(effect, Light)]
    assert shown == sorted(set(shown), key=("off", "fast", "slow", "steady", "double").index)


def test_ack_of_the_record_alone_proves_stored():
    """The bridge's ack of the record makes the light slow even before any incident_ack."""
    driver = Driver()
    driver.hold(2.0)
    driver.ack(7, driver.records("incident")[0]["seq"])
    assert driver.light == "slow"
    assert any(isinstance(e, Settle) for e in driver.effects)
    assert any(isinstance(e, Stage) and e.stage == "stored" for e in driver.effects)


def test_escalation_blinks_fast_until_it_is_stored():
    """A breakdown made of a stored press is news: the light is fast again until the bridge has it."""
    driver = Driver()
    driver.do(ButtonDown())
    driver.do(Wake(), 2.0)
    driver.ack(7, driver.records("incident")[0]["seq"])
    assert driver.light == "slow"
    driver.do(Wake(), 3.0)
    assert driver.light == "fast"
    driver.ack(7, driver.records("incident")[1]["seq"])
    assert driver.light == "slow"


def test_stage_of_the_press_does_not_prove_the_breakdown_stored():
    """After a gap the bridge still speaks of the press: the breakdown it has not got keeps the light fast."""
    driver = Driver()
    driver.hold(4.5)
    first, second = driver.records("incident")
    driver.do(LinkUp())
    driver.stage(first["incident_id"], "seen")
    assert driver.light == "fast"
    driver.ack(7, second["seq"])
    assert driver.light == "steady"


def test_unheard_press_is_never_hidden_by_an_older_incident():
    """With a decided incident open a new press blinks fast."""
    driver = Driver()
    driver.hold(2.0)
    driver.stage(driver.records("incident")[0]["incident_id"], "decided", "wait")
    driver.do(Wake(), 20.0)
    driver.hold(2.0)
    assert driver.light == "fast"
    assert len({record["incident_id"] for record in driver.records("incident")}) == 2


def test_light_comes_back_after_a_power_cut():
    """What was open when the power went shows its stage again at once."""
    unheard = OpenIncident("t01-6-3", "lane_blocked", unheard=(6, 3))
    assert Driver(started=Started((unheard,))).light == "fast"
    seen = OpenIncident("t01-6-3", "lane_blocked", stage="seen")
    assert Driver(started=Started((seen,))).light == "steady"


def test_incident_closed_while_off_the_air_goes_dark():
    """No incident_ack within 60 s of a new connection with the bridge heard means that it was closed meanwhile."""
    driver = Driver(started=Started((OpenIncident("t01-6-3", "lane_blocked", stage="seen"),)))
    driver.do(LinkUp())
    for _ in range(5):
        driver.clock()
        driver.do(Wake(), 10.0)
    assert driver.light == "steady"
    driver.do(Wake(), 11.0)
    driver.clock()
    assert driver.light == "off"


def test_word_that_came_before_the_connection_was_told_counts():
    """A retained incident_ack that overtakes LinkUp confirms the incident all the same."""
    driver = Driver(started=Started((OpenIncident("t01-6-3", "lane_blocked", stage="seen"),)))
    driver.stage("t01-6-3", "seen")
    driver.do(LinkUp())
    for _ in range(8):
        driver.do(Wake(), 10.0)
        driver.clock()
    assert driver.light == "steady"


def test_silence_of_a_silent_bridge_closes_nothing():
    """While the bridge is not heard nothing follows from its silence."""
    driver = Driver(started=Started((OpenIncident("t01-6-3", "lane_blocked", stage="seen"),)))
    driver.do(LinkUp())
    driver.do(Wake(), 300.0)
    assert driver.light == "steady"


def test_bridge_heard_before_the_connection_closes_nothing():
    """Only a bridge heard on this connection can be silent about an incident."""
    driver = Driver(started=Started((OpenIncident("t01-6-3", "lane_blocked", stage="seen"),)))
    driver.do(LinkUp())
    driver.clock()
    driver.do(LinkDown())
    driver.do(LinkUp())
    driver.do(Wake(), 70.0)
    assert driver.light == "steady"


def test_stuck_button_is_reported_and_counted():
    """60 s down is noted once and counted, and the button works again after it was let go."""
    driver = Driver()
    driver.hold(90.0)
    notes = [e.kind for e in driver.effects if isinstance(e, Note)]
    assert notes == ["button_stuck", "button_freed"]
    assert driver.agent.counts["button_stuck"] == 1
    assert len(driver.records("incident")) == 2
    assert Driver(started=Started(button_down=True)).agent.counts["button_stuck"] == 1


def test_no_fix_is_a_state_and_never_the_last_point():
    """A lost fix is published with null lat/lon and mode 1, a lost receiver with mode 0."""
    driver = Driver()
    driver.fixes(3)
    driver.do(GpsState("no_fix"), 3.0)
    driver.do(GpsState("no_port"), 3.0)
    assert [(r["mode"], r["lat"], r["lon"], r["fix_at"]) for r in driver.records("fix")[-2:]] == [
        (1, None, None, None),
        (0, None, None, None),
    ]


def test_silent_receiver_becomes_no_fix_by_itself():
    """Fifteen seconds without a believed fix are no fix, whatever the receiver's shell says."""
    driver = Driver(Agent("t01", "xh", 7, box=Box(31.1, 121.3, 31.3, 121.5)))
    driver.fixes(2)
    driver.do(Wake(), 30.0)
    assert driver.records("fix")[-1]["mode"] == 1
    assert [e.word for e in driver.effects if isinstance(e, GpsLight)] == ["no_bytes", "fix", "no_fix"]


def test_fix_at_is_unknown_until_the_clock_is_trusted():
    """The first fix has no time of its own; from the third on the receiver's time is used."""
    driver = Driver()
    driver.fixes(12, metres_each=30.0)
    times = [record["fix_at"] for record in driver.records("fix")]
    assert times[0] is None
    assert times[-1] == T0 + 112 or times[-1] == T0 + 111


def test_fix_with_a_wild_time_gets_the_clock_of_the_truck():
    """One fix whose time is hours off does not carry that time into the record."""
    driver = Driver()
    driver.fixes(5, metres_each=10.0)
    driver.do(FixSeen(Fix(31.3, 121.4, T0 + 105.0 + 7200, 5.0, 0.0, 1.0, 8, 3, 1)), 30.0)
    body = driver.records("fix")[-1]
    assert body["lat"] == 31.3
    assert abs(body["fix_at"] - (T0 + driver.now_s)) <= 2


def test_every_record_passes_the_wire():
    """What the agent keeps is what the wire accepts."""
    driver = Driver()
    driver.fixes(30, metres_each=9.0)
    driver.hold(4.5)
    driver.do(GpsState("no_bytes"), 5.0)
    kept = [e.report for e in driver.effects if isinstance(e, Keep)]
    for record in kept:
        wire.pack(wire.topic(record.channel, "xh", "t01", record.item), dict(record.body))
    assert [record.seq for record in kept] == list(range(1, len(kept) + 1))


def test_itinerary_is_shown_and_an_older_version_is_not():
    """A newer version replaces, an older or the same one does nothing, a cleared one shows none."""
    driver = Driver()
    base = {"itinerary_id": "i1", "run_id": "r1", "issued_at": T0, "visits": []}
    for body in (base | {"version": 2}, base | {"version": 1}, base | {"version": 2}, None):
        driver.do(Received("truck", "itinerary", "", body))
    shown = [e.itinerary for e in driver.effects if isinstance(e, ShowItinerary)]
    assert [None if i is None else i["version"] for i in shown] == [2, None]


def test_life_and_commands():
    """Ready after each connection and on rebirth, disconnected on leaving, a burst of light on identify."""
    driver = Driver()
    driver.do(LinkUp())
    driver.do(Received("truck", "command", "", {"command": "rebirth", "id": "c1"}))
    driver.do(Received("truck", "command", "", {"command": "identify", "id": "c2"}))
    driver.do(Wake(), 29.0)
    assert driver.light == "identify"
    driver.do(Wake(), 2.0)
    assert driver.light == "off"
    driver.do(Received("truck", "command", "", {"command": "dance", "id": "c3"}))
    assert driver.agent.counts["command_unknown"] == 1
    driver.do(Stopping())
    said = [e.body for e in driver.effects if isinstance(e, Say)]
    assert [body["life"] for body in said] == ["ready"] * 4 + ["disconnected"]
    assert [(body["answers"], body["done"]) for body in said[1:4]] == [("c1", True), ("c2", True), ("c3", False)]
    assert "blinks for 30 s" in said[2]["said"] and "unknown command 'dance'" in said[3]["said"]


def test_an_unknown_command_of_any_letters_is_answered_within_the_wire():
    """Letters that cannot be seen are shown by their numbers, which makes a sentence longer than an answer may be."""
    driver = Driver()
    driver.do(LinkUp())
    driver.do(Received("truck", "command", "", {"command": "\u200b" * 64, "id": "c4"}))
    answer = [e.body for e in driver.effects if isinstance(e, Say)][-1]
    assert (answer["answers"], answer["done"]) == ("c4", False) and "unknown command" in answer["said"]
    assert wire.pack(wire.topic("life", "xh", "t01", family="truck"), answer)


def test_a_truck_whose_light_is_dead_says_that_it_cannot_blink():
    """Whoever stands before it would look at the wrong truck."""
    driver = Driver()
    driver.do(LinkUp())
    driver.do(PartState("light", "GPIO 27 is busy"))
    driver.do(Received("truck", "command", "", {"command": "identify", "id": "c2"}))
    answer = [e.body for e in driver.effects if isinstance(e, Say)][-1]
    assert (answer["answers"], answer["done"]) == ("c2", False) and "light does not work" in answer["said"]
    assert driver.light == "off"


def test_edge_older_than_the_last_event_is_taken():
    """An edge stamped in another thread a moment before the last event is a press all the same."""
    agent = Agent("t01", "xh", 7)
    agent.handle(Started(), 100.0)
    agent.handle(Wake(), 105.0)
    agent.handle(ButtonDown(), 104.9)
    assert any(isinstance(e, Keep) for e in agent.handle(Wake(), 106.6))


class AgentMachine(RuleBasedStateMachine):
    """Anything may happen to the agent in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver(Agent("t01", "xh", 7))
        self.down = False

    @rule(seconds=st.floats(0.0, 90.0))
    def wait(self, seconds):
        self.driver.do(Wake(), seconds)

    @rule(seconds=st.sampled_from([0.01, 0.2, 1.0, 2.0, 5.0, 70.0]))
    def press(self, seconds):
        self.driver.hold(seconds)

    @rule(
        lat=st.sampled_from([0.0, 31.2, 31.2001, 31.21, 55.0, 95.0, float("nan")]),
        lon=st.sampled_from([0.0, 121.4, 121.41]),
        at=st.one_of(st.none(), st.floats(0, 4e9)),
        speed=st.one_of(st.none(), st.floats(0, 60)),
        quality=st.sampled_from([None, 1, 2, 6, 7, 8]),
        bearing=st.one_of(st.none(), st.floats(0, 1e6)),
        sats=st.one_of(st.none(), st.integers(0, 10**9)),
    )
    def fix(self, lat, lon, at, speed, quality, bearing, sats):
        self.driver.do(FixSeen(Fix(lat, lon, at, speed, bearing, 1.0, sats, 3, quality)), 0.5)

    @rule(word=st.sampled_from(["no_port", "no_bytes", "no_fix", "fix"]))
    def receiver(self, word):
        self.driver.do(GpsState(word))

    @rule(up=st.booleans())
    def link(self, up):
        self.driver.do(LinkUp() if up else LinkDown())

    @rule()
    def clock(self):
        self.driver.clock()

    @rule(upto=st.integers(0, 60))
    def ack(self, upto):
        self.driver.ack(7, upto)

    @precondition(lambda self: self.driver.records("incident"))
    @rule(stage=st.sampled_from(wire.ACK_STAGES), which=st.integers(0, 5))
    def stage(self, stage, which):
        incidents = self.driver.records("incident")
        self.driver.stage(incidents[which % len(incidents)]["incident_id"], stage)

    @invariant()
    def records_are_sound(self):
        """seq counts without gap, every record passes the wire, no position is 0/0, and a half position never is."""
        kept = [e.report for e in self.driver.effects if isinstance(e, Keep)]
        assert [r.seq for r in kept] == list(range(1, len(kept) + 1))
        for record in kept[-3:]:
            wire.pack(wire.topic(record.channel, "xh", "t01", record.item), dict(record.body))
            assert (record.body["lat"], record.body["lon"]) != (0.0, 0.0)
            assert (record.body["lat"] is None) == (record.body["lon"] is None)

    @invariant()
    def positions_are_not_too_many(self):
        """Never two positions within 2 s."""
        times = [e.report.kept_s for e in self.driver.effects if isinstance(e, Keep) and e.report.channel == "fix"]
        assert all(b - a >= 2.0 - 1e-6 for a, b in itertools.pairwise(times))

    @invariant()
    def wake_is_in_the_future(self):
        """The agent never asks to be woken for what it could have done now (that would be a busy loop)."""
        wake_at_s = self.driver.agent.wake_at_s
        assert wake_at_s is None or wake_at_s > self.driver.now_s


TestAgentMachine = AgentMachine.TestCase
TestAgentMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestAgentMachine.__doc__ = "Whatever happens to the agent in whatever order, its records are sound and it never spins."


@pytest.mark.parametrize("word", ["", "resting"])
def test_unknown_receiver_word_is_counted(word):
    """A word that is not one of the four changes nothing but a counter."""
    driver = Driver()
    driver.do(GpsState(word))
    assert driver.agent.counts["gps_word_unknown"] == 1
