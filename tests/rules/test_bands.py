"""The band about a prediction: four of five arrivals come within it, whatever the errors do."""

from random import Random

import pytest

from broker.rules.learning.bands import Bands, BandSettings
from broker.rules.learning.history import History, HistorySettings
from broker.rules.learning.observations import ErrorRecord
from broker.rules.settings import FirstStay, Streets

pytestmark = pytest.mark.real  # tenths of a second each

HORIZON_S = 800
WEEK = 10_000  # predictions, of some two runs a day


def test_the_band_is_what_happened() -> None:
    """With errors of -60..+180 s the band is their p10 and p90; without enough of them a quarter of the horizon."""
    history = History(Streets(), FirstStay())
    assert history.band_s(800) == (-200, 200)
    for index in range(241):
        history.learn_error(ErrorRecord(750, index - 60))
    low_s, high_s = history.band_s(800)
    assert abs(low_s - -36) <= 1
    assert abs(high_s - 156) <= 1
    assert history.band_s(1500) == (-375, 375)


def test_errors_are_forgotten_in_order() -> None:
    """Of many errors only the last ones count."""
    history = History(Streets(), FirstStay(), HistorySettings(bands=BandSettings(memory=500)))
    for index in range(1500):
        history.learn_error(ErrorRecord(750, 0 if index < 1000 else 60))
    assert history.band_s(800) == (60, 60)


def covered(
    bands: Bands, random: Random, sigma_s: float, label: str = "live", count: int = WEEK,
    kept: list[ErrorRecord] | None = None,
) -> float:  # fmt: skip
    """The share of so many arrivals that came within what was said, each learned from at once, and `kept`."""
    inside = 0
    for _ in range(count):
        error_s = round(random.gauss(0, sigma_s))
        early_s, late_s = bands.band_s(HORIZON_S, label)
        inside += early_s <= error_s <= late_s
        record = ErrorRecord(HORIZON_S, error_s, label, early_s <= error_s <= late_s)
        bands.learn(record)
        if kept is not None:
            kept.append(record)
    return inside / count


@pytest.mark.parametrize("seed", range(5))
def test_four_of_five_come_true_in_weeks_that_are_unlike(seed: int) -> None:
    """A week of road works is half as uncertain again as the one before and the one after."""
    bands, random = Bands(BandSettings()), Random(seed)
    weeks = [covered(bands, random, sigma_s) for sigma_s in (60, 90, 60, 60, 90)]
    assert all(0.78 <= share <= 0.82 for share in weeks), weeks


def test_each_label_has_its_own_width() -> None:
    """Who fell silent is less certain than who is heard, and does not spoil the others' bands."""
    bands, random = Bands(BandSettings()), Random(1)
    covered(bands, random, 60)
    before = bands.band_s(HORIZON_S, "live")
    covered(bands, random, 300, "held")
    assert bands.band_s(HORIZON_S, "live") == before
    assert bands.band_s(HORIZON_S, "held")[1] > 3 * before[1]
    assert bands.band_s(HORIZON_S, "off_route")[1] == pytest.approx(2 * before[1], rel=0.3)


def test_a_horizon_that_is_missed_more_often_is_widened_by_itself() -> None:
    """Four of five come true near and far alike, though the near ones get worse and the far ones do not."""
    bands, random, inside = Bands(BandSettings(memory=4000)), Random(3), {100: 0, 3000: 0}
    for number in range(12_000):
        for horizon_s in inside:
            spread_s = 300 if number > 4000 and horizon_s == 100 else 100
            early_s, late_s = bands.band_s(horizon_s, "timetable")
            error_s = round(random.gauss(0, spread_s))
            came_true = early_s <= error_s <= late_s
            inside[horizon_s] += came_true and number >= 5000
            bands.learn(ErrorRecord(horizon_s, error_s, "timetable", came_true))
    shares = {horizon_s: count / 7000 for horizon_s, count in inside.items()}
    assert all(0.77 <= share <= 0.83 for share in shares.values()), shares  # the first of them are too narrow yet


def test_what_was_kept_without_a_band_teaches_how_far_off_and_nothing_else() -> None:
    """Records of before a band was kept with its prediction."""
    bands = Bands(BandSettings())
    for error_s in range(-100, 101):
        bands.learn(ErrorRecord.from_body({"horizon_s": HORIZON_S, "error_s": error_s}))
    assert bands.band_s(HORIZON_S, "live") == pytest.approx((-80, 80))


def test_a_bridge_that_starts_again_goes_on_with_the_same_widths() -> None:
    """It reads the last weeks only; how wide each label was is kept with them."""
    long, short, random = Bands(BandSettings()), Bands(BandSettings()), Random(2)
    covered(long, random, 90, "held", 2 * WEEK)
    kept: list[ErrorRecord] = []
    covered(long, random, 60, kept=kept)
    for record in kept:
        short.learn(record)
    assert short.band_s(HORIZON_S, "held") != pytest.approx(long.band_s(HORIZON_S, "held"), rel=0.1)
    short.go_on_from(long.widths)
    for label in ("live", "held"):
        assert short.band_s(HORIZON_S, label) == long.band_s(HORIZON_S, label)


def test_a_width_of_a_bucket_that_is_not_known_is_left_out() -> None:
    """A release that has more buckets, or names them, kept it: the day is restored all the same."""
    bands = Bands(BandSettings())
    before = bands.widths
    bands.go_on_from({"live near": 1.0, "live 99": 1.0, "live -1": 1.0, "unknown 1": 1.0, "live 2": 0.5})
    assert bands.widths == {**before, "live 2": 0.5}
