"""Answers under any order of deeds, seconds and restarts: against a model that is written here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.plan.demo_area import demo_plan
from broker.plan.model import Plan
from broker.rules.day.attention.asked import Topic
from broker.rules.day.clock import DayClock
from broker.rules.day.day import Day
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.incidents.addressing import addressed, hear, pass_time
from broker.rules.effects.attention import ask_about_incident
from broker.rules.effects.records import put_incident
from broker.rules.learning.history import History
from broker.rules.settings import DispatchSettings
from broker.rules.states.answer import AnswerError
from broker.rules.states.incident import Incident

AT = 1_795_400_000
KEY = ("t01", "t01-1-1")
CHAINS = {"dispatcher": ("dispatcher", "second", "supervisor"), "estate": ("property", "keeper", "dispatcher")}
OFFSETS_S = (0, 60, 300)
END_S, EXPIRES_S = 600, 600
MAY = {  # by state, what may be said
    "told": {"see", "promise", "finish", "refuse"}, "seen": {"promise", "finish", "refuse"},
    "promised": {"promise", "finish", "refuse"}, "late": {"promise", "finish", "refuse"}, "done": set(),
    "refused": set(),
}  # fmt: skip
BECOMES = {"see": "seen", "promise": "promised", "finish": "done", "refuse": "refused"}


@cache
def plan() -> Plan:
    """The demo's, once."""
    return demo_plan()


@dataclass
class Model:
    """What an addressee's row must be, by this file alone."""

    state: str = "told"
    since_at: int = AT
    until_at: int = 0
    version: int = 1
    told: tuple[int, ...] = ()
    unanswered: bool = False
    promises: int = 0
    kept: int = 0
    broken: int = 0

    def begin(self, at: int) -> None:
        """Told, from the first of the chain."""
        self.state, self.since_at, self.unanswered = "told", at, False

    def second(self, now: int, step: int) -> None:
        """A second passes; `step` is how many of the chain were told since it began."""
        if self.state == "promised" and now >= self.until_at:
            self.state, self.since_at, self.broken, self.version = "late", now, self.broken + 1, self.version + 1
        elif self.state == "seen" and now >= self.since_at + EXPIRES_S:
            self.version += 1
            self.begin(now)
        elif self.state == "told" and step < len(OFFSETS_S):
            if now >= self.since_at + OFFSETS_S[step]:
                self.told += (now,)
        elif self.state == "told" and now >= self.since_at + END_S:
            self.unanswered = True


class Answers(RuleBasedStateMachine):
    """One incident; the estate says anything at any time, the dispatcher acknowledges and decides."""

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.day = self._day()
        pressed = Incident.pressed(*KEY[:1], {"incident_id": KEY[1], "reason": "lane_blocked", "pressed_at": AT,
                                              "lat": None, "lon": None}, AT)  # fmt: skip
        self.incident = pressed.bound_to("no-run", "r01", 1, "e01")
        self.estate = Model()
        self.steps = 0  # of the estate's chain, since it began

    @staticmethod
    def _day() -> Day:
        rules = DispatchSettings()
        return Day(plan(), rules, History(rules.streets, rules.stays), DayClock(AT))

    @initialize()
    def press(self) -> None:
        """Both are told at once."""
        put_incident(self.day, addressed(self.day, self.incident, self.now), self.now)
        self.estate.told, self.steps = (AT,), 1

    @rule(seconds=st.one_of(st.integers(1, 5), st.integers(50, 310), st.just(601)))
    def wait(self, seconds: int) -> None:
        """Time passes, second by second."""
        for _ in range(seconds):
            self.now += 1
            before, told = self.estate.state, len(self.estate.told)
            self.estate.second(self.now, self.steps)
            self.steps = 0 if (before, self.estate.state) == ("seen", "told") else self.steps
            self.steps += len(self.estate.told) > told
            pass_time(self.day, KEY, self.now)

    @rule(
        answer=st.sampled_from(["see", "promise", "finish", "refuse", "set_out", "nonsense"]),
        for_s=st.sampled_from([0, 1, 30, 700, 50_000]),
        stale=st.booleans(),
    )
    def say(self, answer: str, for_s: int, stale: bool) -> None:
        """The estate says something, fitting or not, on an old screen or on a new one."""
        until_at, row = self.now + for_s, self.estate
        wrong = stale or answer not in MAY[row.state] or (answer == "promise" and not 0 < for_s <= 43_200)
        act = Act("answer", "Li", incident=KEY, addressee="estate", answer=answer, until_at=until_at,
                  version=row.version - stale)  # fmt: skip
        self._do(lambda: hear(self.day, self.day.incidents[KEY], act, self.now), fails=wrong)
        if wrong:
            return
        row.promises += answer == "promise"
        row.kept += answer == "finish" and row.state == "promised"
        row.broken += answer == "refuse" and row.state == "promised"
        row.until_at = until_at if answer == "promise" else row.until_at
        row.state, row.since_at, row.version = BECOMES[answer], self.now, row.version + 1

    @rule(deed=st.sampled_from(["acknowledge", "decide", "expire"]))
    def dispatcher(self, deed: str) -> None:
        """The dispatcher's deeds are the incident's; they change no other row."""
        incident = self.day.incidents[KEY]
        deeds: dict[str, Callable[[], Incident]] = {
            "acknowledge": lambda: incident.acknowledged("Wang", self.now),
            "decide": lambda: incident.decided("wait", "Wang", self.now),
            "expire": lambda: incident.expired(self.now),
        }
        may = {"raised": {"acknowledge", "decide"}, "acknowledged": {"decide", "expire"}, "in_progress": {"decide"}}
        fails = deed not in may[incident.workflow]
        self._do(lambda: put_incident(self.day, deeds[deed](), self.now), fails=fails)

    @rule()
    def restart(self) -> None:
        """All that there is, is what is in the body of the record."""
        body: dict[str, Any] = self.day.incidents[KEY].body()
        before = self.day.incidents[KEY]
        self.day = self._day()
        self.day.incidents.place(Incident.from_body(body).not_after(self.now))
        ask_about_incident(self.day, self.day.incidents[KEY])
        assert self.day.incidents[KEY] == before
        self.day.clock.reach(self.now)

    @staticmethod
    def _do(deed: Callable[[], object], *, fails: bool) -> None:
        if not fails:
            deed()
            return
        with pytest.raises((ActionError, AnswerError, ValueError)):
            deed()

    @invariant()
    def the_estate_is_as_the_model_says(self) -> None:
        """State, clock, chain and counts."""
        row = self.day.incidents[KEY].answer("estate") if KEY in self.day.incidents else None
        if row is None:
            return
        model = self.estate
        assert (row.state, row.version, row.since_at) == (model.state, model.version, model.since_at)
        assert (row.promises, row.kept, row.broken) == (model.promises, model.kept, model.broken)
        assert tuple(one.at for one in row.told) == model.told
        assert row.step == self.steps and (row.unanswered_at is not None) is model.unanswered

    @invariant()
    def the_dispatcher_is_as_the_incident_says(self) -> None:
        """Seen is acknowledged, done is decided."""
        incident = self.day.incidents.get(KEY)
        row = incident.answer("dispatcher") if incident is not None else None
        if incident is None or row is None:
            return
        assert row.state == {"raised": "told", "acknowledged": "seen", "in_progress": "done"}[incident.workflow]
        steps = [one.step for one in row.told]
        assert all(step in CHAINS["dispatcher"] for step in steps)

    @invariant()
    def nobody_answered_is_on_the_list_as_long_as_it_is_so(self) -> None:
        """And a broken promise."""
        incident = self.day.incidents.get(KEY)
        if incident is None:
            return
        asked = {getattr(one.values, "addressee", ""): one.word for one in self.day.attention.of(Topic.ANSWER).values()}
        wanted = {row.id: "nobody_answered" for row in incident.answers if row.state == "told" and row.unanswered_at}
        wanted |= {row.id: "promise_broken" for row in incident.answers if row.state == "late"}
        assert asked == wanted


TestAnswers = Answers.TestCase
TestAnswers.settings = settings(
    max_examples=150, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
