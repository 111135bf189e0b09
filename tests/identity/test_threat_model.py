"""Each threat of docs/threat-model.md names tests that there are."""

import re

from tests.support.processes import REPO

PAGE = REPO / "docs" / "threat-model.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[str]:
    """The rows of the tables of threats."""
    threats = PAGE.read_text().split("## On the wire")[1].split("## What is not stopped")[0]
    heads = ("| they try |", "| it happens |", "| --- |")
    return [line for line in threats.splitlines() if line.startswith("| ") and not line.startswith(heads)]


def test_each_threat_has_a_test_and_each_test_is_there() -> None:
    """A threat without one is not stopped, and stands at the end of the page."""
    without = [row[:80] for row in rows() if not TEST.search(row)]
    assert len(rows()) >= 30 and without == []
    named = TEST.findall(PAGE.read_text())
    gone = [f"{file}::{name}" for file, name in named if f"def {name}(" not in (REPO / file).read_text()]
    assert gone == []
    left = PAGE.read_text().split("## What is not stopped")[1]
    assert len(re.findall(r"(?m)^- ", left)) >= 5
