"""One alarm under any order of events: its condition, two people with old and new screens, the clock, restarts, faults.

Held against a model that is written here from what people were promised, not from the table.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.states.alarm import Alarm
from broker.store import Record
from firmware import wire
from tests.support.bridge.rehearsal import Rehearsal, check_memory, fault_at

pytestmark = pytest.mark.real
ABOUT = "part/t01/light"
GONE_AFTER_S = 60
TICK_S = 5


class OneAlarm(RuleBasedStateMachine):
    """A truck's light that dies and works again."""

    def __init__(self) -> None:
        super().__init__()
        self.morning = Rehearsal(alone=True)
        self.dead = False
        self.gone_at: float | None = None
        self.state = "normal"  # as people were promised
        self.until = 0
        self.active = False  # as the screen has it: what works for less than a minute is still dead
        self.screens: list[int] = []  # versions that somebody has before them
        self.announced = 0
        self.faults = 0

    @initialize()
    def at_night(self) -> None:
        """No run is open, so that nothing else is on the list."""
        self.morning.speak = False
        self.morning.now -= 3 * 3600
        self.morning.open()
        self._life()
        self._tick()

    # --- what happens ---------------------------------------------------------------------------------------

    @rule()
    def says(self) -> None:
        """The truck's light dies, or works again."""
        self.dead = not self.dead
        self._life()
        self._tick()

    @rule(seconds=st.sampled_from([5, 25, 45, 65, 700]))
    def time_passes(self, seconds: int) -> None:
        """Minutes."""
        for _ in range(seconds // TICK_S):
            self._tick()

    @rule()
    def restart(self) -> None:
        """The bridge; the truck's retained life reaches it at once."""
        self.morning.open()
        alarm = self._known()
        if alarm is not None and alarm.suppressed and alarm.active and not self.active:
            self.active, self.gone_at = True, self.morning.now  # that it ended on the shelf is on no record
        self.gone_at = None if self.gone_at is None else self.morning.now  # from here on it is seen to work
        self.faults = 0
        self._life()
        self._tick()

    @rule(number=st.integers(1, 6))
    def fail(self, number: int) -> None:
        """A rule fails once, somewhere, while time passes."""
        with fault_at(number) as failed:
            self._life()
            self._tick(told=False)
        self.faults += len(failed)
        for _ in range(12):  # the rule rests for a moment
            self._tick(told=False)
        self._follow(self.morning.now)
        self.state, self.active = self._stands(), self._known().active if self._known() else False

    @rule()
    def look(self) -> None:
        """Somebody looks at the screen and keeps it before them."""
        if (alarm := self._known()) is not None:
            self.screens.append(alarm.version)

    @rule(
        data=st.data(), action=st.sampled_from(["see", "shelve", "unshelve", "take_out", "put_back"]),
        shelf_s=st.sampled_from([60, 600]), who=st.sampled_from(["Wang", "Li"]),
    )  # fmt: skip
    def click(self, data: st.DataObject, action: str, shelf_s: int, who: str) -> None:
        """One of two people does something, on a new screen or an old one, fitting or not."""
        alarm = self._known()
        if alarm is None:
            return
        version = data.draw(st.sampled_from([*self.screens, alarm.version]))
        act = Act(f"{action}_alarm", who, alarm=alarm.id, version=version, shelf_s=shelf_s)
        fits = version == alarm.version and self._promised(action) is not None
        before = len(self._records())
        try:
            self.morning.bridge.act(act, self.morning.now)
        except ActionError:
            assert not fits
            assert len(self._records()) == before
            return
        assert fits, (action, self.state, version, alarm.version)
        self.state = self._promised(action) or ""
        self.until = int(self.morning.now) + shelf_s
        assert self._records()[-1].body["who"] == who

    # --- what was promised ----------------------------------------------------------------------------------

    def _promised(self, action: str) -> str | None:
        """Where a click leads; None where it leads nowhere."""
        back = "unseen_active" if self.active else "normal"
        on_the_list = self.state in ("unseen_active", "seen_active", "gone_unseen")
        return {
            "see": {"unseen_active": "seen_active", "gone_unseen": "normal"}.get(self.state),
            "shelve": "shelved" if on_the_list else None,
            "unshelve": back if self.state == "shelved" else None,
            "take_out": "out_of_service" if on_the_list or self.state == "shelved" else None,
            "put_back": back if self.state == "out_of_service" else None,
        }[action]

    def _follow(self, now: float) -> None:
        """What the condition and the clock make of it."""
        if self.dead:
            self.gone_at, was, self.active = None, self.active, True
            if not was:
                self.state = {"normal": "unseen_active", "gone_unseen": "unseen_active"}.get(self.state, self.state)
        elif self.active:
            self.gone_at = now if self.gone_at is None else self.gone_at
            if now - self.gone_at >= GONE_AFTER_S:
                self.active = False
                self.state = {"unseen_active": "gone_unseen", "seen_active": "normal"}.get(self.state, self.state)
                return  # a shelf that is over is looked at in the next second
        if self.state == "shelved" and now >= self.until:
            self.state = "unseen_active" if self.active else "normal"

    # --- what is so -----------------------------------------------------------------------------------------

    @invariant()
    def stands_as_promised(self) -> None:
        """The screen, the record and the promise say one thing."""
        assert self._stands() == self.state
        check_memory(self.morning)

    @invariant()
    def each_record_is_a_change(self) -> None:
        """No version twice, none left out but for what happened in memory on the shelf."""
        versions = [record.body["version"] for record in self._records()]
        assert versions == sorted(set(versions))

    def teardown(self) -> None:
        """It is seen, and works: nothing is left."""
        if self.morning.bridge.counts["rule_faults"] == self.faults:
            self.dead = False
            self._life()

    # --- hands ----------------------------------------------------------------------------------------------

    def _life(self) -> None:
        topic = wire.topic("life", "xh", "t01", family="truck")
        body: dict[str, Any] = {"life": "ready", "boot": 1}
        body |= {"faults": [{"part": "light"}]} if self.dead else {}
        self.morning.bridge.receive(topic, wire.pack(topic, body), self.morning.now)

    def _tick(self, *, told: bool = True) -> None:
        self.morning.now += TICK_S
        self.morning.bridge.tick(self.morning.now)
        self.morning.bridge.flush(self.morning.now)
        if told:
            self._follow(self.morning.now)

    def _known(self) -> Alarm | None:
        return self.morning.bridge.dispatch.day.alarms.get(ABOUT)

    def _stands(self) -> str:
        alarm = self._known()
        return "normal" if alarm is None else alarm.state

    def _records(self) -> list[Record]:
        return [record for record in self.morning.store.scan("alarm") if record.key == ABOUT]


TestOneAlarm = OneAlarm.TestCase
TestOneAlarm.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
