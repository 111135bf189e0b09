"""Cases under any order of deeds by two people and restarts, against a model that is written here."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.plan.demo_area import demo_plan
from broker.reports.casebook import CaseBook
from broker.rules.states.case import Case, CaseError
from broker.rules.statistics.grounds import cases
from broker.store import Record
from broker.store.opening import open_store
from tests.support.facts import NOON, Fact, workflow

DAY_S = 86_400
PLAN = demo_plan()
ROOM = next(iter(PLAN.rooms))
MAY = {  # by state: what may be done, and what it becomes
    "opened": {"hand_over": "handed_over", "close": "closed"},
    "handed_over": {"take_back": "opened", "answer": "answered"},
    "answered": {"hand_over": "handed_over", "close": "closed"},
    "closed": {},
}  # fmt: skip


def do(step: str, case: Case, now: int) -> Case:
    """A deed by its step's name."""
    deeds = {
        "hand_over": lambda: case.handed_over("wang", now), "take_back": lambda: case.taken_back(now),
        "answer": lambda: case.answered("fined", "qian", now), "close": lambda: case.closed("paid", "wang", now),
    }  # fmt: skip
    return deeds[step]()


def blocked(number: int) -> Fact:
    """The same lane, once more."""
    return workflow(number, NOON + number * 4000, room=ROOM, estate=PLAN.rooms[ROOM].estate_id, lat=31.2, lon=None)


class Cases(RuleBasedStateMachine):
    """One record, two people who each look at a case now and act on it later, and a bridge that is restarted."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="zhanpai-cases-"))
        self.now = NOON + 10 * DAY_S
        self.model: dict[str, tuple[str, int]] = {}  # state and version
        self.looked: dict[int, Case] = {}
        self.pressed = 0

    def teardown(self) -> None:
        """Nothing is left."""
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @initialize()
    def begin(self) -> None:
        """A bridge starts."""
        self.store = open_store(self.folder, PLAN.area_id, PLAN.timezone, lambda: self.now)
        self.book = CaseBook(self.store, PLAN, 3, 60)

    @rule()
    def restart(self) -> None:
        """Killed, and started again."""
        self.store.close()
        self.begin()

    @rule(count=st.integers(1, 3))
    def blocked(self, count: int) -> None:
        """The lane is blocked."""
        facts = [blocked(self.pressed + one) for one in range(count)]
        self.pressed += count
        area = PLAN.area_id
        self.store.append([Record(one.id, one.kind, one.key, one.at, self.now, area, one.body) for one in facts])

    @rule()
    def open(self) -> None:
        """Somebody opens what is suggested, if anything is."""
        self.now += 60
        self.expect_gathered()
        free = self.pressed - self.used
        suggested = self.book.suggestions(self.now)
        assert [len(one.happened) for one in suggested] == ([free] if free >= 3 else [])
        for ground in suggested:
            case = self.book.open(ground, None, "wang", self.now)
            self.model[case.case_id] = ("opened", 1)
            self.used += free
            with pytest.raises(CaseError):
                self.book.open(ground, None, "li", self.now + 1)

    used = 0

    def expect_gathered(self) -> None:
        """What happened since is evidence of the newest case that is still open or with enforcement."""
        gathers = [one for one, (state, _) in self.model.items() if state in ("opened", "handed_over")]
        if gathers and self.pressed > self.used:
            state, version = self.model[gathers[-1]]
            self.model[gathers[-1]] = state, version + 1
            self.used = self.pressed

    @rule()
    def gather(self) -> None:
        """A quarter of an hour goes by."""
        self.now += 900
        self.expect_gathered()
        self.book.gather(self.now)

    @rule(who=st.integers(0, 1), which=st.integers(0, 5))
    def look(self, who: int, which: int) -> None:
        """Somebody looks at a case."""
        if self.model:
            self.looked[who] = self.book.case(sorted(self.model)[which % len(self.model)])

    @rule(who=st.integers(0, 1), step=st.sampled_from(["hand_over", "take_back", "answer", "close"]))
    def deed(self, who: int, step: str) -> None:
        """They do something about what they looked at."""
        seen = self.looked.get(who)
        if seen is None:
            return
        self.now += 60
        state, version = self.model[seen.case_id]
        may = step in MAY[state] and seen.version == version
        try:
            after = self.book.change(seen.case_id, seen.version, lambda case: do(step, case, self.now), self.now)
        except CaseError:
            assert not may
            return
        assert may
        self.model[seen.case_id] = MAY[state][step], version + 1
        assert after.version == version + 1

    @invariant()
    def the_book_is_as_the_model(self) -> None:
        """None lost, none doubled, each with all of its evidence."""
        if not hasattr(self, "book"):
            return
        found = {one.case_id: (one.state, one.version) for one in self.book.cases()}
        assert found == self.model
        keys = [one.key for case in self.book.cases() for one in case.evidence]
        assert len(keys) == len(set(keys)) == self.used


TestCases = Cases.TestCase
TestCases.settings = settings(max_examples=25, stateful_step_count=30, deadline=None, database=None)
TestCases = pytest.mark.real(TestCases)  # seconds of work


def test_of_two_deeds_on_one_version_the_record_takes_one(tmp_path: Path) -> None:
    """Two books over one record, as two processes have them: the second is told to look again."""
    store = open_store(tmp_path, PLAN.area_id, PLAN.timezone, lambda: NOON)
    one, two = (CaseBook(store, PLAN, 2, 14) for _ in range(2))
    facts = [blocked(number) for number in range(2)]
    store.append([Record(fact.id, fact.kind, fact.key, fact.at, NOON, PLAN.area_id, fact.body) for fact in facts])
    case = one.open(one.suggestions(NOON + 8000)[0], "again", "wang", NOON + 8000)
    assert two.case(case.case_id) == case
    assert one.change(case.case_id, 1, lambda it: it.handed_over("wang", NOON + 8100), NOON + 8100).version == 2
    with pytest.raises(CaseError, match="quicker"):
        two.change(case.case_id, 1, lambda it: it.closed(None, "li", NOON + 8101), NOON + 8101)
    assert two.case(case.case_id).state == "handed_over"
    store.close()


def test_what_happens_while_a_case_is_with_enforcement_is_its_evidence_and_no_deed(tmp_path: Path) -> None:
    """Another version of it, seen by another book, counted as no second handing over; answered, it is whole."""
    store = open_store(tmp_path, PLAN.area_id, PLAN.timezone, lambda: NOON)
    book = CaseBook(store, PLAN, 2, 14)

    def happens(*numbers: int) -> None:
        facts = [blocked(number) for number in numbers]
        store.append([Record(one.id, one.kind, one.key, one.at, NOON, PLAN.area_id, one.body) for one in facts])

    happens(0, 1)
    case = book.open(book.suggestions(NOON + 8000)[0], None, "wang", NOON + 8000)
    book.change(case.case_id, 1, lambda it: it.handed_over("wang", NOON + 8100), NOON + 8100)
    happens(2)
    book.gather(NOON + 12_000)
    found = CaseBook(store, PLAN, 2, 14).case(case.case_id)
    assert (found.state, found.version, len(found.evidence)) == ("handed_over", 3, 3)
    book.gather(NOON + 12_900)
    assert book.case(case.case_id).version == 3  # nothing new, nothing written
    (row,) = cases(list(store.scan("case")), PLAN.timezone, "2026-11-22", "2026-11-23")
    assert (row.opened, row.handed_over) == (1, 1)
    book.change(case.case_id, 3, lambda it: it.answered("towed", "qian", NOON + 13_000), NOON + 13_000)
    happens(3)
    assert book.suggestions(NOON + 20_000) == [] and len(book.case(case.case_id).evidence) == 3
    store.close()


def test_evidence_has_its_record_time_and_place(tmp_path: Path) -> None:
    """Where the driver's position is not known it is the room's; a record that a person names is evidence too."""
    store = open_store(tmp_path, PLAN.area_id, PLAN.timezone, lambda: NOON)
    book = CaseBook(store, PLAN, 2, 14)
    facts: list[Any] = [blocked(0), replace(blocked(1), body={**blocked(1).body, "lon": 121.5})]
    store.append([Record(fact.id, fact.kind, fact.key, fact.at, NOON, PLAN.area_id, fact.body) for fact in facts])
    case = book.open(book.suggestions(NOON + 8000)[0], None, "wang", NOON + 8000)
    first, second = case.evidence
    assert (first.lat, first.lon) == (PLAN.rooms[ROOM].lat, PLAN.rooms[ROOM].lon) and first.at == NOON
    assert (second.lat, second.lon) == (31.2, 121.5) and second.record == facts[1].id
    assert store.get(second.record) is not None
    assert book.told_of([facts[0].id])[0].key == first.key
    with pytest.raises(CaseError, match="no record"):
        book.told_of(["workflow:no"])
    store.close()
