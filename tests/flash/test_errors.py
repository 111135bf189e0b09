"""Every sentence a technician may read: complete, distinct, and with all its facts at hand."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from tools.flashing.board.inventory import OLDEST_VERSION
from tools.flashing.errors import PROBLEMS, FlashError

REPO = Path(__file__).resolve().parents[2]
SOURCES = sorted((REPO / "tools/flashing").rglob("*.py"))
NAMED_IN_DATA = {"wifi_unknown", "wifi_password", "broker_unknown", "certificate", "broker_refused"}


def placeholders(name: str) -> set[str]:
    """The facts that the texts of a problem need."""
    problem = PROBLEMS[name]
    parsed = string.Formatter().parse(problem.sentence + problem.action)
    return {field for _, field, _, _ in parsed if field}


def raised() -> list[tuple[str, str, set[str], bool]]:
    """(file, problem, facts given, whether more may come by **) of every FlashError in the sources."""
    found = []
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "FlashError"
            if called and node.args and isinstance(node.args[0], ast.Constant):
                given = {keyword.arg for keyword in node.keywords if keyword.arg}
                found.append((source.name, node.args[0].value, given, any(k.arg is None for k in node.keywords)))
    return found


def test_exit_codes_are_distinct() -> None:
    """A script can tell every problem from its exit code; only wrong input shares the usual 2."""
    codes = [problem.exit_code for problem in PROBLEMS.values() if problem.exit_code != 2]
    assert len(set(codes)) == len(codes)
    assert all(2 <= code < 126 or name == "stopped" for name, code in ((n, p.exit_code) for n, p in PROBLEMS.items()))


def test_exit_codes_stand_in_their_order_here_and_in_the_technicians_table() -> None:
    """The table of the sources ascends, and docs/technician.md has the same codes, names and order."""
    codes = [(problem.exit_code, name) for name, problem in PROBLEMS.items()]
    assert codes == sorted(codes, key=lambda one: one[0])
    rows = re.findall(r"(?m)^\| (\d+) \| `(\w+)` \|", (REPO / "docs/technician.md").read_text())
    assert [(int(code), name) for code, name in rows] == codes


def test_the_oldest_micropython_is_said_as_it_is_checked() -> None:
    """The technician's page names the version that the tool wants, and nothing else names one."""
    oldest = ".".join(map(str, OLDEST_VERSION[:2]))
    said = {
        path.name: re.findall(r"MicroPython (\d+\.\d+)", path.read_text())
        for path in [*(REPO / "docs").rglob("*.md"), REPO / "README.md", REPO / "packaging/README.md"]
    }
    assert {name: found for name, found in said.items() if found} == {"technician.md": [oldest]}


def test_each_problem_says_what_to_do() -> None:
    """A sentence and a next action, both whole sentences."""
    for name, problem in PROBLEMS.items():
        assert problem.sentence.endswith("."), name
        assert problem.action.endswith("."), name
        assert problem.sentence != problem.action


@pytest.mark.parametrize(("file", "problem", "given", "more"), raised())
def test_each_raise_gives_all_facts(file: str, problem: str, given: set[str], more: bool) -> None:
    """No error fails for want of a fact when a technician needs it most."""
    assert problem in PROBLEMS, file
    assert more or placeholders(problem) <= given, (file, problem)


def test_each_problem_can_happen() -> None:
    """The table holds no sentence that nothing raises."""
    assert set(PROBLEMS) - {problem for _, problem, _, _ in raised()} == NAMED_IN_DATA - {
        problem for _, problem, _, _ in raised()
    }


def test_an_error_carries_its_words() -> None:
    """Sentence, action and exit code come out filled."""
    error = FlashError("busy", port="/dev/ttyUSB0", holder=" (thonny, process 7)")
    assert error.sentence == "/dev/ttyUSB0 is used by another program (thonny, process 7)."
    assert error.exit_code == PROBLEMS["busy"].exit_code
    assert "run again" in error.action
