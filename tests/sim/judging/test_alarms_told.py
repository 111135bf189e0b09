"""What people were told to look at, held against what they were to be told: in its order, all of it, nothing else."""

import pytest

from sim.judging.judges.alarms import alarms_told
from sim.world.evidence import Evidence, StoredRecord

START = 1_795_557_000


def evidence(*told: tuple[int, str, str]) -> Evidence:
    """A run in which alarms became unseen: after so many seconds, by word, about what; each was seen later."""
    made = Evidence(float(START), float(START + 7200), float(START))
    for number, (after_s, word, about) in enumerate(told):
        body = {"announced_at": START + after_s, "word": word}
        moments = (START + after_s, START + after_s + 9)
        made.stored += [StoredRecord(f"{number}:{at}", "alarm", about, at, body) for at in moments]
    return made


UNIT, TRUCK = (60, "unit_silent", "silent/room/r09"), (300, "truck_silent", "silent/truck/t01")


@pytest.mark.parametrize(
    ("wanted", "faults"),
    [
        (["unit_silent r09", "truck_silent t01"], 0), (["unit_silent", "truck_silent"], 0),
        (["truck_silent t01", "unit_silent r09"], 1), (["unit_silent r09"], 1),
        (["unit_silent r09", "truck_silent t02"], 2),
        (["unit_silent r09", "truck_silent t01", "stranger t77"], 1), ([], 2),
    ],
)  # fmt: skip
def test_what_was_told_is_what_was_to_be_told(wanted: list[str], faults: int) -> None:
    """A wrong order, one too many, one too few, one about another."""
    verdict = alarms_told(evidence(UNIT, TRUCK), {"alarms": wanted, "most_10_min": 10})
    assert (verdict.held, len(verdict.faults)) == (faults == 0, faults)


def test_more_than_can_be_read_is_a_fault() -> None:
    """Two within ten minutes where one is the most; eleven minutes apart they are none."""
    values = {"alarms": ["unit_silent r09", "truck_silent t01"], "most_10_min": 1}
    assert not alarms_told(evidence(UNIT, TRUCK), values).held
    assert alarms_told(evidence(UNIT, (720, *TRUCK[1:])), values).held
