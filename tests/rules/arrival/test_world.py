"""The whole of tracking, history and prediction in a small noisy world (at length: `python3 -m bench eta_sim`)."""

from random import Random

import pytest

from tests.support.arrival.runs import run_world
from tests.support.arrival.scores import Scores
from tests.support.arrival.world import fixes, make_route, make_trip

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def scores() -> Scores:
    """Three days learnt, two days scored."""
    return run_world(seed=4, learn_days=3, score_days=2)


def test_lamps_come_on_in_time(scores: Scores) -> None:
    """Most lamps come on 13.5 to 19.5 minutes before the truck, hardly any under 10, none never."""
    assert scores.ours.share(13.5, 19.5) >= 0.70
    assert scores.ours.share(0, 10) <= 0.02
    assert None not in scores.ours.leads


def test_better_than_the_simple_ways(scores: Scores) -> None:
    """More lamps in time than by timetable and delay, and far more than by constant speed."""
    assert scores.ours.share(13.5, 19.5) > scores.plan.share(13.5, 19.5) + 0.05
    assert scores.ours.share(13.5, 19.5) > scores.speed.share(13.5, 19.5) + 0.2


def test_an_oracle_that_knows_the_means_and_the_bins_is_better_still(scores: Scores) -> None:
    """Nearer than ours and far nearer than the timetable; where it is not, either of the two is measured wrongly."""
    assert scores.oracle.mae_min() < scores.ours.mae_min() < scores.plan.mae_min()
    for legs_or_stays in ("legs", "stays"):
        ours, oracle = (
            sum(abs(expected - true) for expected, true in getattr(one, legs_or_stays))
            for one in (scores.ours, scores.oracle)
        )
        assert 0 < oracle < 1.1 * ours


def test_a_second_visit_is_predicted_called_and_scored_by_itself() -> None:
    """Its room's first call came to nothing where it had been made already; what is never called is a miss."""
    scores = run_world(seed=4, learn_days=0, score_days=1, skips=1.0)
    second = scores.ours.kinds["second visit"]
    assert 0 < len(second.leads) <= 4
    assert len(second.errors) > 50
    assert sum(len(kind.leads) for kind in scores.ours.kinds.values()) + scores.ours.leads.count(None) == 80
    assert 0 < scores.ours.never_true <= 4
    assert scores.ours.unpredicted == 0


def test_nearly_every_arrival_is_seen(scores: Scores) -> None:
    """Silences may hide a stay, but hardly ever; the arrival's time is right within half a minute in most cases."""
    assert scores.arrivals_seen >= 0.96 * scores.arrivals
    errors = sorted(abs(error) for error in scores.arrival_errors_s)
    assert errors[int(0.85 * len(errors))] <= 30


def test_standing_trucks_are_shown(scores: Scores) -> None:
    """Every blocked lane is shown within three minutes unless the truck was silent."""
    assert scores.held.missed == 0
    assert all(shown_s <= 180 for shown_s in scores.held.shown_after_s)


def test_four_of_five_arrivals_come_within_their_band(scores: Scores) -> None:
    """Of trucks on their way and of such that have not begun, though hardly anything is learnt yet."""
    inside = {label: [0, 0] for label in ("live", "timetable")}
    for (_, label), band in scores.bands.items():
        if label in inside:
            inside[label][0] += band.inside
            inside[label][1] += band.count
    assert all(0.7 <= share / count <= 0.9 for share, count in inside.values()), inside


def test_the_world_is_the_same_for_the_same_seed() -> None:
    """The same seed gives the same trip and the same fixes."""
    answers = []
    for _ in range(2):
        random = Random(9)
        trip = make_trip(make_route(1, random), 3, random)
        answers.append((trip.arrived_at, list(fixes(trip, random))[:50]))
    assert answers[0] == answers[1]
