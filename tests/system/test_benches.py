"""The benches keep up with their page: each is listed, each goal is one number, and nothing that missed is left out."""

import re
from pathlib import Path

from bench import goals
from bench.catalogue import CATALOGUE, HERE, commands
from bench.page import PAGE, page
from bench.results import ABSENT, CUT_OFF, Result

FILES = sorted(path for path in HERE.rglob("*.py") if path.name != "goals.py")
MET = goals.line(True, "records lost 0", "at most 0")
MISSED = goals.line(False, "ack p99 812 ms", "at most 500 ms")


def ran(name: str, code: int, output: str = "", *, is_quiet: bool = True) -> Result:
    """A run of a bench."""
    return Result(name, f"python3 -m bench {name}", "abc", "2026-11-23", 12.0, code, False, "before", "after", is_quiet,
                  0.5, output)  # fmt: skip


def rows(text: str, name: str) -> list[str]:
    """A bench's rows of the page's tables."""
    return [line for line in text.splitlines() if line.startswith(f"| {name} |")]


def test_every_bench_there_is_stands_in_the_catalogue() -> None:
    """A file that nobody lists would never be on the page."""
    assert set(commands()) == set(CATALOGUE)
    assert {key.partition("/")[0] for key in goals.GOALS} < set(CATALOGUE)


def test_each_goal_asks_one_thing_of_one_bench() -> None:
    """A goal is at most or at least, not both; some file of the benches holds a figure against it."""
    text = "".join(path.read_text() for path in FILES)
    asked = set(re.findall(r'"(\w+/\w+)"', text))
    parts = tuple(re.findall(r'f"(\w+/\w*)\{', text))  # the rest of the name is worked out
    for key, goal in goals.GOALS.items():
        assert (goal.most is None) != (goal.least is None), key
        assert key in asked or key.startswith(parts), key


def test_a_goals_number_stands_nowhere_else() -> None:
    """No bench prints a bound of its own beside a figure."""
    own = re.compile(r"goal[^\n]{0,4}[<>]=|\(goal |GOAL_\w+ = \d", re.IGNORECASE)
    assert [f"{path.name}: {line}" for path in FILES for line in path.read_text().splitlines()
            if own.search(line)] == []  # fmt: skip


def test_what_missed_failed_or_was_not_run_stands_on_the_page() -> None:
    """Beside what is met, each with its word."""
    found = [
        ran("cell", 1, f"{MET}\n{MISSED}\n"), ran("growth", 1, "Traceback"), ran("kill", 0), ran("eta", ABSENT),
        ran("flood", CUT_OFF), ran("rough", 1, is_quiet=False), ran("store", 0, f"{MET}\n", is_quiet=False),
    ]  # fmt: skip
    text = page({one.name: one for one in found}, ["a machine"])
    for name in CATALOGUE:
        assert len(rows(text, name)) >= 2, f"{name} stands among the goals and among the runs"
    assert rows(text, "cell")[:3] == [
        "| cell | at most 0 | records lost 0 | met |", "| cell | at most 500 ms | ack p99 812 ms | **MISSED** |",
        "| cell | at most 0 | records without an ack | **not measured** |",
    ]  # fmt: skip
    assert any("**FAILED: exit code 1**" in row for row in rows(text, "growth"))
    assert rows(text, "kill")[0].endswith("| met |")
    assert "**not run: its data is absent**" in rows(text, "eta")[0]
    assert "**FAILED: not done in time**" in rows(text, "flood")[0]
    assert "not quiet" in rows(text, "rough")[0]
    assert rows(text, "store")[0].endswith("| met, not quiet |")
    assert rows(text, "search")[0].endswith("| **not run** |")
    for key, goal in goals.GOALS.items():
        assert any(goal.about in row for row in rows(text, key.partition("/")[0])), f"{key} is left out"


def test_a_bench_that_ends_badly_is_never_only_met() -> None:
    """All figures were as asked, and then it failed."""
    text = page({"sim": ran("sim", 1, f"{MET}\n"), "cell": ran("cell", 1, f"{MET}\n")}, ["a machine"])
    for name in ("sim", "cell"):
        assert any("**FAILED" in row for row in rows(text, name))


def test_the_page_that_is_kept_has_every_bench() -> None:
    """It was written by the command, of a catalogue that may have grown since."""
    text = Path(PAGE).read_text()
    assert [name for name in CATALOGUE if not rows(text, name)] == []


def test_of_each_bench_something_is_asked() -> None:
    """A number, or what is true when it ends well: a bench without a goal could not miss one."""
    numbered = {key.partition("/")[0] for key in goals.GOALS}
    assert [name for name, one in CATALOGUE.items() if not one.ends_well and name not in numbered] == []
