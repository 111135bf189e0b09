"""What decisions stand on: the record with what is not stored yet, and the rests of rules that failed."""

import random

from broker.ingest.delivery.unsaved import WithUnsaved
from broker.ingest.rule_faults import FORGIVEN_AFTER_S, LONGEST_WAIT_S, MANY, MOST_KEPT, RuleFaults
from broker.rules.day.runs import ChangedRuns
from broker.store import Record
from tests.support.bridge.rehearsal import MemoryStore


def test_a_record_with_what_is_unsaved_reads_as_it_will_after_the_commit() -> None:
    """Whatever part of it is stored by now."""
    dice = random.Random(7)
    records = [
        Record(f"{kind}-{number}", kind, f"k{dice.randrange(5)}", dice.randrange(100), 0, "xh", {})
        for kind in ("visit", "run")
        for number in range(40)
    ]
    for stored in (0, 13, 50, 80):
        dice.shuffle(records)
        before = MemoryStore({record.id: record for record in records[:stored]})
        after = MemoryStore({record.id: record for record in records})
        both = WithUnsaved(before, records[stored:])
        for kind in ("visit", "run", "fix"):
            for since in (None, 0, 50, 99):
                assert list(both.scan(kind, since)) == list(after.scan(kind, since))
                assert both.latest(kind, since_at=since) == after.latest(kind, since_at=since)
            assert both.latest(kind, "k1") == after.latest(kind, "k1")


def test_what_fails_again_and_again_is_tried_at_once_and_then_ever_later() -> None:
    """After 5, 10, 20 ... 600 s; an hour without a fault and it is tried at once again."""
    faults, now, waits = RuleFaults(), 1000, []
    for _ in range(11):
        waits.append(faults.failed("run", "r1", now)[1])
        assert faults.rests("run", "r1", now) == (waits[-1] > 0)
        now += waits[-1]
        assert not faults.rests("run", "r1", now)
        faults.worked("run")  # of another run
    assert waits == [0, 5, 10, 20, 40, 80, 160, 320, 600, 600, LONGEST_WAIT_S]
    assert not faults.rests("run", "r2", now)
    assert faults.failed("run", "r1", now + FORGIVEN_AFTER_S) == (1, 0)


def test_a_rule_that_fails_on_many_things_in_a_row_rests_as_a_whole() -> None:
    """One thing that it works on in between, and only the others rest."""
    faults = RuleFaults()
    for number in range(MANY):
        faults.failed("incident", f"t01/{number}", 1000)
    assert faults.rests("incident", "t02/1", 1001)
    assert not faults.rests("fix", "t02", 1001)
    faults.worked("incident")
    assert not faults.rests("incident", "t02/1", 1001)


def test_a_clock_that_is_set_back_keeps_no_rule_at_rest() -> None:
    """What failed in the future that was says nothing."""
    faults = RuleFaults()
    for _ in range(10):
        faults.failed("run", "r1", 9000)
    assert faults.rests("run", "r1", 9001) and not faults.rests("run", "r1", 8000)


def test_faults_on_ever_new_things_fill_no_memory() -> None:
    """Presses have names of their own."""
    faults = RuleFaults()
    for number in range(3 * MOST_KEPT):
        faults.failed("incident", f"t01/{number}", 1000 + number)
    assert len(faults) <= MOST_KEPT


def test_runs_that_changed_are_told_in_their_order() -> None:
    """One day always gives one record, whatever order a set of this process has."""
    changed, runs = ChangedRuns(), [f"run-{number}" for number in range(12)]
    for run_id in (*runs, runs[3]):
        changed.note(run_id)
    assert [changed.take() for _ in runs] == runs and changed.take() is None
