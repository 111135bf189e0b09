"""A scenario that is written down is the same when it is read."""

from dataclasses import replace

import pytest

from sim.scenario.scenario import Happening, ScenarioError, load, names, parse
from sim.scenario.schema import HAPPENINGS, Key
from sim.scenario.writing import as_text, time_of


def value_for(key: Key) -> object:
    """Some value that this key takes, not its default."""
    if key.words:
        return key.words[-1]
    if key.kind is bool:
        return not key.default
    return "r05" if key.kind is str else key.kind(max(key.low, min(key.high, 7)))


@pytest.mark.parametrize("name", names())
def test_a_scenario_is_the_same_after_it_was_written(name: str) -> None:
    """Everything in it, and its text is what a person would write: no default, no empty section."""
    scenario = load(name)
    text = as_text(scenario)
    assert parse(text, scenario.name, "written") == scenario
    assert "gps_error_m = 3.0" not in text and "\n\n\n" not in text


@pytest.mark.parametrize("kind", sorted(HAPPENINGS))
def test_every_kind_of_event_is_the_same_after_it_was_written(kind: str) -> None:
    """With all its keys, at a fraction of a second."""
    values = {name: value_for(key) for name, key in HAPPENINGS[kind].items()}
    scenario = replace(load("blocked_lane"), happenings=(Happening(kind, 6 * 3600 + 1.125, values),))
    assert parse(as_text(scenario), scenario.name, "written") == scenario


def test_an_event_of_a_later_day_is_the_same_after_it_was_written() -> None:
    """By the number of its day, and refused where the scenario has fewer."""
    cut = Happening("link_cut", 3 * 86_400 + 6 * 3600 + 0.25, {"device": "r05", "for_min": 2.0})
    scenario = replace(load("rolled_out"), happenings=(cut,))
    text = as_text(scenario)
    assert 'day = 4\nat = "06:00:00.250"' in text
    assert parse(text, scenario.name, "written") == scenario
    with pytest.raises(ScenarioError, match="would never happen"):
        parse(text.replace("days = 7", "days = 3"), scenario.name, "written")


def test_what_a_person_typed_survives() -> None:
    """Quotes, backslashes and Chinese in `about`."""
    scenario = replace(load("blocked_lane"), about='车道 "堵塞" \\ then free')
    assert parse(as_text(scenario), scenario.name, "written").about == scenario.about


def test_a_time_has_a_fraction_only_where_it_needs_one() -> None:
    """To the thousandth, carried over where it rounds up."""
    assert [time_of(s) for s in (0, 61.5, 3599.9996)] == ["00:00:00", "00:01:01.500", "01:00:00"]
