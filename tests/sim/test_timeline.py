"""A run as a timeline: the pilot's scene, line by line, as a person would tell it."""

import pytest

from sim.report.timeline import timeline
from sim.scenario.scenario import load
from sim.virtual.run import play

STORY = (
    "the lane of r05 is blocked", "the driver of t01 presses", "t01: pressed and stored", "t01: seen by a person",
    "estate: has seen it", "t01: decided: extra truck", "estate promises it until", "t01 arrives at r07",
    "t01: decided: return later", "the lane of r05 is free", "estate: has done it", "t01 arrives at r05", "t01: closed",
)  # fmt: skip


def in_order(lines: list[str], story: tuple[str, ...]) -> list[str]:
    """What of a story is missing from lines, each after the one before."""
    rest = iter(lines)
    return [part for part in story if not any(part in line for line in rest)]


@pytest.mark.real
def test_the_pilots_scene_reads_as_it_was() -> None:
    """Pressed, three answers, on to the next estate without a minute lost, back on the round, nothing missed."""
    outcome = play(load("pilot_scene"))
    assert outcome.held, [verdict for verdict in outcome.verdicts if not verdict.held]
    lines = timeline(outcome.evidence)
    assert in_order(lines, STORY) == []
    assert in_order(lines, STORY[::-1]) != []
    assert any("contractor qingyun: refuses" in line for line in lines)
    assert [line[:8] for line in lines] == sorted(line[:8] for line in lines)
    assert len(timeline(outcome.evidence, "zh")) == len(lines)
    with pytest.raises(ValueError, match="language"):
        timeline(outcome.evidence, "fr")


OTHERS = {
    "crew_skips": ("t01 does not serve r03 (visit 1): no way in", "t01 does not serve r05 (visit 1): bins are not out",
                   "t01 arrives at r05 (visit 2)"),
    "shelved_alarm": ("nothing heard of its unit", "shelved", "is told", "gone before anybody saw it"),
}  # fmt: skip


@pytest.mark.real
@pytest.mark.parametrize("name", OTHERS)
def test_what_is_told_of_the_others_reads_as_it_was(name: str) -> None:
    """A skip with its reason, an alarm on its shelf and off again; in both languages."""
    outcome = play(load(name))
    assert outcome.held, [verdict for verdict in outcome.verdicts if not verdict.held]
    lines = timeline(outcome.evidence)
    assert in_order(lines, OTHERS[name]) == []
    assert len(timeline(outcome.evidence, "zh")) == len(lines)
