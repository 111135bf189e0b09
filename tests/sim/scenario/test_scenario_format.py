"""The page of the scenario file is drawn from the tables that read it, and each of its examples can be played."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from sim.judging.judge import JUDGES
from sim.scenario.asking import Asking, write_new
from sim.scenario.format_page import kinds, page, whole
from sim.scenario.happenings import HAPPENS
from sim.scenario.scenario import Scenario, ScenarioError, load, parse
from sim.scenario.schema import DEMANDS, HAPPENINGS, SECTIONS
from sim.virtual.run import play

REPO = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 25)
EXAMPLES = {name: kind for group in ("words", "events", "expectations") for name, kind in kinds()[group].items()}
MORNINGS: dict[str, list[str]] = {}  # what happens: the examples in which just that happens
for _name, _kind in EXAMPLES.items():
    if "file" not in _kind:
        MORNINGS.setdefault(whole(_kind["example"]).partition("[[expect]]")[0].strip(), []).append(_name)


def test_the_page_is_what_the_tables_say() -> None:
    """Drawn anew it is the same: .venv/bin/python -m sim.scenario.format_page > docs/scenarios.md"""
    assert (REPO / "docs" / "scenarios.md").read_text(encoding="utf-8") == page()


def test_every_word_of_a_scenario_file_is_explained() -> None:
    """Each section's keys, each event that can happen, each expectation that is judged."""
    assert {name: keys.keys() for name, keys in kinds()["sections"].items()} == {
        name: keys.keys() for name, keys in SECTIONS.items()
    }
    assert kinds()["events"].keys() == HAPPENINGS.keys() == HAPPENS.keys()
    assert kinds()["expectations"].keys() == DEMANDS.keys() == JUDGES.keys()


@pytest.mark.real
@pytest.mark.parametrize("names", MORNINGS.values(), ids=" ".join)
def test_each_example_holds_when_it_is_played(names: list[str]) -> None:
    """In the short morning that the page begins with; what it does on the screen is taken there. Examples in which
    the same happens are judged by one morning.
    """
    each = [parse(whole(EXAMPLES[name]["example"]), name, name) for name in names]
    demands = tuple(demand for one in each for demand in one.demands)
    outcome = play(replace(each[0], demands=demands))
    assert [verdict.kind for verdict in outcome.verdicts] == [demand.kind for demand in demands]
    assert outcome.held, [verdict for verdict in outcome.verdicts if not verdict.held]
    assert outcome.evidence.notes == [] or not names[0].startswith("on_screen")


@pytest.mark.parametrize("name", [name for name, kind in EXAMPLES.items() if "file" in kind])
def test_an_example_of_a_whole_scenario_is_one_of_its_expectations(name: str) -> None:
    """Where a short morning is too short, the page names a scenario that asks for it."""
    asked = [demand.kind for demand in load(EXAMPLES[name]["file"]).demands]
    assert name in asked
    assert parse(whole(EXAMPLES[name]["example"]), name, name).demands[-1].kind == name


def asked(answers: str) -> tuple[Scenario, list[str]]:
    """The scenario that comes of these answers, and what was said meanwhile."""
    given: Iterator[str] = iter(answers.splitlines())
    said: list[str] = []

    def read(question: str) -> str:
        said.append(question)
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    return Asking(read, said.append).scenario("mine", TODAY), said


def test_a_scenario_is_made_of_answers() -> None:
    """What is left empty is as it was offered."""
    place, event = "\n\nwet-north-1\n\n07:30\n5\n", "lane_blocked\n06:10\nr05\n22\n\n"
    made, _ = asked("Mine" + place + event + "second_visit\nr05\n\n\n\n30\n\n\n")
    assert (made.about, made.seed, made.area["runs"]) == ("Mine", 5, ["wet-north-1"])
    assert [(one.kind, one.at_s, one.values["room"]) for one in made.happenings] == [("lane_blocked", 22200, "r05")]
    assert made.demands[0].values == {"room": "r05", "within_min": 240.0}
    assert made.dispatcher["acknowledge_after_s"] == 30


def test_a_wrong_answer_is_asked_again_with_what_is_allowed() -> None:
    """A room that is not there, a word for a number, an event that there is not, a moment that is none."""
    place, event = "nowhere.zip\n\nwet-north-1\n\n\n\n", "fire\ngps_gap\n06:10\nt55\nt01\nlong\n5\n\n"
    made, said = asked("Mine\n" + place + event + "lamp_lead\n\n\n7\n0.5\n\n\n\n")
    text = "\n".join(said)
    assert "there is no such folder or .zip file" in text
    assert "lane_blocked: Something stands in the lane" in text
    assert "truck must be one of t01" in text
    assert "got 't55'" in text
    assert "'long' is no number" in text
    assert "share must be between 0.0 and 1.0, got 7" in text
    assert made.happenings[0].values == {"truck": "t01", "for_min": 5.0}


def test_a_visit_on_the_screen_is_asked_for_by_the_runs_of_the_day() -> None:
    """Another run would be refused when the file is played."""
    event = "on_screen_visit\n06:10\nwet-north-1\nwet-north-1.20261125\nr05\n\nskip\nnot_out\n"
    made, said = asked(f"Mine\n\nwet-north-1\n\n\n\n{event}\n\n\n")
    assert any("run must be one of wet-north-1.20261125" in line for line in said)
    assert made.happenings[0].values["run"] == "wet-north-1.20261125"


def test_no_file_is_written_over_and_none_is_half_written(tmp_path: Path) -> None:
    """Who stops answering has no file."""
    path = tmp_path / "mine.toml"

    def gone(_: str) -> str:
        raise EOFError

    with pytest.raises(EOFError):
        write_new(path, gone, lambda _: None, TODAY)
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(ScenarioError, match="is there already"):
        write_new(path, gone, lambda _: None, TODAY)
    with pytest.raises(ScenarioError, match=r"ends in \.toml"):
        write_new(tmp_path / "mine.txt", gone, lambda _: None, TODAY)
