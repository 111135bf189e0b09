"""The dispatch under any order of events: a state machine of drives, presses, decisions, silences and restarts."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.plan.model import Vehicle
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.states.visit import OWED
from firmware import wire
from tests.support.bridge.bin_room import FULL, TARE
from tests.support.bridge.next_door import BINS, next_door, stand_and_go
from tests.support.bridge.rehearsal import Rehearsal, check_memory, check_presses, fault_at

pytestmark = pytest.mark.real


class _WithFirms(Rehearsal):
    """A morning on which two contractors have a truck, the first of them one that a click chooses; the first room has
    another next door."""

    def open(self) -> None:
        """Start (again), with them."""
        vehicles = (Vehicle("t99", wire.WASTES, contractor="first"), Vehicle("x02", wire.WASTES, contractor="second"))
        self.plan, self.trip = next_door(self.plan, self.trip)
        self.plan = replace(self.plan, vehicles={one.truck_id: one for one in vehicles})
        super().open()


class Morning(RuleBasedStateMachine):
    """One truck's morning with a person at the screen who may do anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.morning = _WithFirms(alone=True)
        self.pressed: dict[str, int] = {}  # by incident, when
        self.faults = 0  # put into the rules since the bridge was started

    @initialize(visits=st.integers(0, 2), weights=st.none() | st.permutations([FULL, TARE]))
    def under_way(self, visits: int, weights: list[int | None] | None) -> None:
        """Begin at the depot, after some rooms, or where one of the first two was passed by and the bins of both came
        back."""
        if weights is None or not visits:
            for number in range(visits):
                self.morning.serve(number, dwell_s=40)
            return
        for inside in (BINS, 0):
            for number in (0, 1):
                self._count(number, inside, FULL)
        stand_and_go(self.morning, visits - 1, 100)
        self._come_back(weights)

    @rule(number=st.integers(0, 1), inside=st.sampled_from([0, BINS]), grams=st.sampled_from([FULL, TARE, None]))
    def bins_move(self, number: int, inside: int, grams: int | None) -> None:
        """Out, or back in: full, emptied, or of nobody knows what weight."""
        self._count(number, inside, grams)

    @rule(weights=st.lists(st.sampled_from([FULL, TARE, None]), min_size=2, max_size=2))
    def all_come_back(self, weights: list[int | None]) -> None:
        """To both rooms."""
        self._come_back(weights)

    def _come_back(self, weights: list[int | None]) -> None:
        for _ in range(2):  # what the second room says decides, and then the scales rest
            for number, grams in enumerate(weights):
                self._count(number, BINS, grams)

    def _count(self, number: int, inside: int, grams: int | None) -> None:
        weight = None if grams is None else inside * grams
        bins = [{"waste": self.morning.waste, "count": inside, "grams": weight, "quality": 0}]
        room = self.morning.trip.visits[number].room_id
        self.morning.say("bins", {"at": int(self.morning.now), "late": False, "bins": bins}, device=room)
        self.morning.step(1)

    @rule(seconds=st.integers(5, 150), speed=st.sampled_from([0.0, 3.0, 8.0]))
    def drive(self, seconds: int, speed: float) -> None:
        """Time passes, the truck moves or stands."""
        self.morning.step(seconds, speed)

    @rule()
    def fall_silent_or_speak(self) -> None:
        """The receiver fails, or comes back."""
        self.morning.speak = not self.morning.speak

    @rule(reason=st.sampled_from(wire.INCIDENT_REASONS))
    def press(self, reason: str) -> None:
        """The driver holds the button."""
        self._press(reason)

    def _press(self, reason: str) -> None:
        pressed_at = int(self.morning.now)
        self.pressed[self.morning.press(reason)] = pressed_at

    @rule(number=st.integers(1, 30), reason=st.sampled_from((None, *wire.INCIDENT_REASONS)))
    def fail(self, number: int, reason: str | None) -> None:
        """A rule fails at some place, of a press or while time passes; then all is well again."""
        with fault_at(number) as failed:
            if reason is not None:
                self._press(reason)
            self.morning.step(15, 3.0)
        self.faults += len(failed)
        self.morning.step(2)

    @precondition(lambda self: self.pressed)
    @rule(data=st.data(), change=st.sampled_from(["withdraw", "upgrade", "resend"]))
    def press_again(self, data: st.DataObject, change: str) -> None:
        """The same incident once more: taken back, made worse, or only sent again."""
        incident_id, pressed_at = data.draw(st.sampled_from(list(self.pressed.items())))
        reason = "breakdown" if change == "upgrade" else "lane_blocked"
        withdrawn = change == "withdraw"
        self.morning.press(reason, incident_id=incident_id, pressed_at=pressed_at, withdrawn=withdrawn)

    @precondition(lambda self: self.pressed)
    @rule(
        data=st.data(),
        action=st.sampled_from(["acknowledge", "decide", "clear", "resolve", "estate_ack"]),
        decision=st.sampled_from(wire.DECISIONS),
        option=st.integers(0, 2),
    )
    def click(self, data: st.DataObject, action: str, decision: str, option: int) -> None:
        """The dispatcher does something, fitting or not."""
        incident = ("t01", data.draw(st.sampled_from(list(self.pressed))))
        try:
            self.morning.bridge.act(
                Act(action, "Wang", incident=incident, decision=decision, option=option, truck="t99"), self.morning.now
            )
        except ActionError:
            pass

    @precondition(lambda self: self.pressed)
    @rule(
        data=st.data(),
        name=st.sampled_from(["dispatcher", "estate", "contractor.first"]),
        answer=st.sampled_from(["see", "promise", "finish", "refuse", "set_out"]),
        minutes=st.integers(1, 90),
    )
    def answer(self, data: st.DataObject, name: str, answer: str, minutes: int) -> None:
        """Whoever is asked says something, fitting or not."""
        incident = ("t01", data.draw(st.sampled_from(list(self.pressed))))
        until_at = int(self.morning.now) + 60 * minutes
        act = Act("answer", "Li", incident=incident, addressee=name, answer=answer, until_at=until_at)
        try:
            self.morning.bridge.act(act, self.morning.now)
        except ActionError:
            return
        rows = self.morning.bridge.dispatch.day.incidents[incident].answers
        if answer == "promise" and name == "estate":
            assert next(row.until_at for row in rows if row.id == name) == until_at

    @rule(data=st.data(), action=st.sampled_from(["serve", "skip"]))
    def settle_by_hand(self, data: st.DataObject, action: str) -> None:
        """The dispatcher settles a visit."""
        keys = sorted(self.morning.bridge.dispatch.day.visits)
        key = data.draw(st.sampled_from(keys))
        try:
            self.morning.bridge.act(Act(action, "Li", visit=key, reason="not_out"), self.morning.now)
        except ActionError:
            pass

    @rule(data=st.data(), reason=st.sampled_from(wire.SKIP_REASONS))
    def skip_for_a_reason(self, data: st.DataObject, reason: str) -> None:
        """The crew skips a room."""
        key = data.draw(st.sampled_from(sorted(self.morning.bridge.dispatch.day.visits)))
        self._do(Act("skip", "crew", visit=key, reason=reason))

    @rule(deed=st.sampled_from(["full", "emptied"]))
    def fill_or_empty(self, deed: str) -> None:
        """The truck is full, or was emptied."""
        self._do(Act(deed, "crew", run_id=self.morning.run_id))

    @rule(room=st.integers(0, 11), other=st.none() | st.integers(0, 11), minutes=st.integers(1, 90))
    def close_a_road(self, room: int, other: int | None, minutes: int) -> None:
        """To a room, or between two."""
        rooms = [visit.room_id for visit in self.morning.trip.visits]
        until_at = int(self.morning.now) + minutes * 60
        named = rooms[room], None if other is None else rooms[other]
        self._do(Act("close_road", "Li", room=named[0], other_room=named[1], until_at=until_at))

    @precondition(lambda self: self.morning.bridge.dispatch.day.closures)
    @rule(data=st.data())
    def open_a_road(self, data: st.DataObject) -> None:
        """Before its time, or after it."""
        closure = data.draw(st.sampled_from(sorted(self.morning.bridge.dispatch.day.closures)))
        self._do(Act("open_road", "Li", closure=closure))

    def _do(self, act: Act) -> None:
        try:
            self.morning.bridge.act(act, self.morning.now)
        except ActionError:
            pass

    @rule(room=st.integers(0, 5))
    def keeper_says_clear(self, room: int) -> None:
        """A keeper presses lane_clear."""
        device = self.morning.trip.visits[room].room_id
        self.morning.say("keeper", {"at": int(self.morning.now), "event": "lane_clear"}, device=device)
        self.morning.step(1)

    @rule()
    def restart(self) -> None:
        """The bridge is restarted; what everybody was told stays the same."""
        self.faults = 0
        arrivals = {t: self._told(b) for t, b in self.morning.retained.items() if "/arrival/" in t}
        self.morning.store.close()
        self.morning.open()
        for topic, told in arrivals.items():
            if told[0] in ("due", "at_stop", "held"):
                assert self._told(self.morning.retained[topic])[1:] == told[1:]

    @staticmethod
    def _told(body: dict[str, Any]) -> tuple[Any, ...]:
        return body["state"], body["call_id"], body["visit_number"]

    @invariant()
    def every_owed_visit_is_in_its_runs_order_once(self) -> None:
        """Nothing owed is forgotten, nothing is there twice."""
        day = self.morning.bridge.dispatch.day
        for run in day.runs.values():
            assert len(run.order) == len(set(run.order))
        for visit in day.visits.values():
            assert visit.key in day.runs[visit.run_id].order

    @invariant()
    def a_finished_run_owes_nothing(self) -> None:
        """A run closes only when all its visits are settled."""
        day = self.morning.bridge.dispatch.day
        for run in day.runs.values():
            if run.state == "finished":
                assert not day.owed(run)

    @invariant()
    def a_skipped_visit_is_made_up_for_or_settled(self) -> None:
        """Each skipped visit has a later one of its room and waste."""
        day = self.morning.bridge.dispatch.day
        for visit in day.visits.values():
            if visit.state == "skipped":
                others = day.visits.at(visit.room, visit.waste)
                assert any(not o.original and o.visit_number > visit.visit_number for o in others)

    @invariant()
    def every_call_was_made_once(self) -> None:
        """One visit, one call, one time at which it was made."""
        made: dict[str, set[int]] = {}
        for record in self.morning.store.scan("call"):
            made.setdefault(record.key, set()).add(record.body["called_at"])
        assert all(len(times) == 1 for times in made.values())

    @invariant()
    def the_light_shows_what_the_record_says(self) -> None:
        """An open incident has its stage retained, a closed one nothing."""
        self.morning.bridge.flush(self.morning.now)
        for incident in self.morning.bridge.dispatch.day.incidents.values():
            stage = self.morning.stage(incident.incident_id)
            assert stage == (incident.stage if incident.open else None)

    @invariant()
    def the_truck_was_told_its_order(self) -> None:
        """The itinerary on the wire is the run's order, with the owed visits' states."""
        day = self.morning.bridge.dispatch.day
        run = day.run_of("t01")
        if run is None:
            return
        told = {(room, number): state for room, number, state in self.morning.itinerary()}
        silent = ("skipped", "cancelled")
        spoken = [k for k in run.order if day.visits[k].original or day.visits[k].state not in silent]
        assert list(told) == [(key[1], key[2]) for key in spoken]
        for key in spoken:
            assert (told[(key[1], key[2])] in OWED) == day.visits[key].owed

    @invariant()
    def memory_is_what_the_records_give(self) -> None:
        """A restart would change nothing, with faults in the rules and without."""
        self.morning.bridge.flush(self.morning.now)
        check_memory(self.morning)

    @invariant()
    def every_open_press_is_on_the_screen(self) -> None:
        """Whatever became of it."""
        check_presses(self.morning)

    @invariant()
    def no_rule_failed_by_itself(self) -> None:
        """The bridge survives a fault in its rules; here there must be none but those put in."""
        assert self.morning.bridge.counts["rule_faults"] == self.faults
        assert self.morning.bridge.counts["unsayable"] == 0

    def teardown(self) -> None:
        """End the bridge."""
        self.morning.close()


TestMorning = Morning.TestCase
TestMorning.settings = settings(
    max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
