"""What is taught of a drive is what was driven, whatever its receiver and the traffic are like."""

from collections.abc import Sequence

import pytest

from tests.support.teaching.drives import KINDS
from tests.support.teaching.score import WAYS, Score, scored

pytestmark = pytest.mark.real  # tenths of a second each

SEEDS = range(3)


def usually(values: Sequence[float]) -> float:
    """What nineteen of twenty are at most."""
    return sorted(map(abs, values))[int(0.95 * len(values))]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["plain", "silences"])
def test_a_drive_teaches_its_stops_stays_and_way(kind: str, way: str) -> None:
    """In three drives of a kind none is missed or invented and each is within 30 m; the bench drives twenty of each."""
    score: Score = scored(KINDS[kind], SEEDS, WAYS[way])
    assert score.perfect, score.faults
    assert score.visits > score.stops > 30  # those that are served twice are one
    assert usually(score.times_s) <= 10.0 and usually(score.stays_s) <= 15.0
    assert usually(score.line_m) < 12.0
