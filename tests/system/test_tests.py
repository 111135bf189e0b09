"""The tests keep a house of their own: nothing from the benchmarks or from each other, private names for a reason."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
FILES = sorted(TESTS.rglob("*.py"))
DOCUMENTED = {"_exit", "_getframe", "_replace", "_asdict", "_fields", "_fields_"}  # by os, sys, namedtuple, ctypes
OWN = ("self", "cls")
NEAR = re.compile(r"^\s*(?:from|import)\b.*(?:\bbench\b|\.test_)", re.MULTILINE)
SETTERS = {"getattr", "setattr", "delattr"}


@cache
def sources() -> dict[str, str]:
    """Each file of the tests and what stands in it."""
    return {str(path.relative_to(TESTS)): path.read_text() for path in FILES}


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules a file imports, also inside its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def last_name(called: ast.expr) -> str:
    """What a function is called, without the way to it."""
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def private_lines(tree: ast.AST) -> Iterator[int]:
    """The lines that reach for a name of somebody else that begins with `_`."""
    for node in ast.walk(tree):
        names: list[str] = []
        at = getattr(node, "lineno", 0)
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id in OWN):
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.Call) and last_name(node.func) in SETTERS:
            said = [given.value for given in node.args[:2] if isinstance(given, ast.Constant)]
            names = [text.rpartition(".")[2] for text in said if isinstance(text, str)]
        if any(name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED for name in names):
            yield at


def unexplained(source: str) -> list[int]:
    """Those of them that have no comment, neither on the line nor on the one above."""
    lines = ["", *source.splitlines()]
    told = {at for at, line in enumerate(lines) if "#" in line} | {
        at + 1 for at, line in enumerate(lines) if line.lstrip().startswith("#")
    }
    return [at for at in private_lines(ast.parse(source)) if at not in told]


def test_nothing_is_imported_from_the_benchmarks_or_from_another_test() -> None:
    """What tests share stands in tests/support, and the benchmarks take it from there."""
    near = {path: source for path, source in sources().items() if NEAR.search(source)}  # the others need not be read
    near.pop("system/test_benches.py")  # which is about the page that they write
    found = [(path, name) for path, source in near.items() for name in imported(ast.parse(source))]
    assert [(path, name) for path, name in found if name.split(".")[0] == "bench" or ".test_" in name] == []


def test_private_names_are_reached_only_where_a_comment_says_why() -> None:
    """A test proves what is promised; where it must look behind that, it says so."""
    assert [f"{path}:{at}" for path, source in sources().items() for at in unexplained(source)] == []


@pytest.mark.parametrize(
    "line", ["link._close()", "from sim.live import _told", "patch.setattr(link, '_wait', 1)", "setattr(a.b, '_c', 0)",
             "patch.setattr('broker.mqtt.link._wait', 1)"],
)  # fmt: skip
def test_a_private_name_without_a_reason_is_found(line: str) -> None:
    """However it is reached; a comment on the line or above it is the reason."""
    assert unexplained(line) == [1]
    assert unexplained(f"{line}  # nothing else shows it") == unexplained(f"# nothing else shows it\n{line}") == []
