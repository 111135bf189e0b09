"""Scenario files: what is refused and why, and that every word of the language means something."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sim.__main__ import main
from sim.judging.judge import JUDGES
from sim.live.table import table
from sim.scenario.format_page import EXPECTED, MORNING
from sim.scenario.happenings import HAPPENS
from sim.scenario.scenario import Scenario, ScenarioError, load, names, parse
from sim.scenario.schema import DEMANDS, HAPPENINGS
from sim.virtual import run

REPO = Path(__file__).resolve().parents[3]
GOOD = """
[scenario]
about = "something"
from = "06:00"
to = "07:00"
[[event]]
at = "06:10"
kind = "lane_blocked"
room = "r05"
for_min = 3
[[expect]]
kind = "visits_served"
"""


@pytest.mark.parametrize("name", names())
def test_every_scenario_that_comes_along_is_well_formed(name: str) -> None:
    """Each file loads and demands something."""
    scenario = load(name)
    assert scenario.about
    assert scenario.demands


def test_the_scenarios_of_the_design_are_all_there() -> None:
    """The eight named ones, the two on real input, and the demo."""
    wanted = {
        "quiet_morning", "blocked_lane", "breakdown", "gps_gap", "link_lost", "broker_restart", "late_data",
        "power_cut_after_press", "recorded_receiver", "tainan_route", "demo_shift",
    }  # fmt: skip
    assert wanted <= set(names())


def test_every_kind_of_expectation_has_a_judge_and_every_event_happens() -> None:
    """The language's tables and the code that gives them meaning have the same words."""
    assert set(DEMANDS) == set(JUDGES)
    assert set(HAPPENINGS) == set(HAPPENS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[scenario]", "[scenery]", "section [scenery] is unknown"),
        ('about = "something"', 'abuot = "x"', "key abuot is unknown"),
        ('from = "06:00"', 'from = "6 o clock"', "must be HH:MM"),
        ('to = "07:00"', 'to = "05:00"', "to must be later than from"),
        ('to = "07:00"', "to = 7", "to must be str"),
        ('kind = "lane_blocked"', 'kind = "earthquake"', "kind must be one of lane_blocked"),
        ("for_min = 3", "", "for_min is missing"),
        ("for_min = 3", "for_min = -1", "for_min must be between"),
        ("for_min = 3", "for_min = 3\nroof = 1", "key roof is unknown"),
        ('at = "06:10"', 'at = "08:10"', "lies outside from..to"),
        ('kind = "visits_served"', 'kind = "all_well"', "kind must be one of visits_served"),
        ('[[expect]]\nkind = "visits_served"', "", "a scenario that cannot fail"),
        ("[[event]]", "[event]", "write [[event]]"),
        ("[[event]]", "[[event", "is not TOML"),
    ],
)
def test_what_is_wrong_is_refused_with_place_and_remedy(old: str, new: str, said: str) -> None:
    """Unknown words, wrong types, values out of bounds and things that could never happen."""
    parse(GOOD, "good", "good.toml")
    with pytest.raises(ScenarioError) as caught:
        parse(GOOD.replace(old, new), "bad", "bad.toml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("bad.toml")


@pytest.mark.real
def test_a_scenario_that_does_not_exist_ends_with_code_2_and_names_those_that_do() -> None:
    """The command says what there is instead of a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "sim", "no_such_morning"], cwd=REPO, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "quiet_morning" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.real
def test_recorded_data_that_is_absent_is_said_loudly(tmp_path: Path) -> None:
    """Exit code 4 and a line that names the missing file, never a silent success."""
    done = subprocess.run(
        [sys.executable, "-m", "sim", "recorded_receiver"], cwd=REPO, capture_output=True, text=True, timeout=30,
        env={"PATH": "/usr/bin:/bin", "ZP_SHARED": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 4
    assert "SKIPPED" in done.stderr
    assert str(tmp_path) in done.stderr


def test_the_days_of_a_scenario_can_be_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within what a file may say."""
    seen: list[int] = []

    def played(scenario: Scenario, *_: object) -> None:
        seen.append(scenario.days)
        raise ScenarioError("that is enough")

    monkeypatch.setattr(run, "play", played)
    assert [main(["rough_day", "--days", days]) for days in ("10", "32")] == [2, 2]
    assert seen == [10]
    assert "--days must be between 1 and 31" in capsys.readouterr().err
    assert main(["rough_day", "--seed", "-1"]) == 2
    assert "--seed must be between 0 and" in capsys.readouterr().err


@pytest.mark.real
def test_what_a_file_says_is_shown_as_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets too, which a terminal's markup would swallow or stumble over."""
    path = tmp_path / "[b]mine[.toml"
    path.write_text(f"{MORNING}\n{EXPECTED}".replace("One truck", "Lanes [/b] of [red]one truck"), encoding="utf-8")
    assert main([str(path)]) == 0
    assert "[b]mine[  Lanes [/b] of [red]one truck" in capsys.readouterr().out


def test_a_rooms_name_is_shown_in_the_live_table_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """A plan may have brackets in it."""
    place = {"next_room": "r01", "next_room_name": "A / Gate [/2]", "next_eta_at": None}
    truck = {"truck": "t01", "life": "alive", "fix_age_s": None, "label": None, **place}
    picture = {"at": 0, "data": {"oldest_fix_s": None}, "trucks": [truck], "rooms": [], "incidents": []}
    Console(width=120).print(table(picture, "head"))
    assert "r01 Gate [/2]" in capsys.readouterr().out
