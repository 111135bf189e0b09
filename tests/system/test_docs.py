"""The documents keep up with the house: every decision is listed, every link and every path leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packaging").rglob("*.md")])
ROOMS = "firmware|broker|sim|tests|bench|tools|docs|scripts|packaging|requirements|schemas"
MADE = {"sim/ports/"}  # at run time
NAMED = re.compile(rf"`((?:{ROOMS})/[\w./-]*[\w/])`")
ROW = re.compile(r"^\| \[(\d{4})\]\(([\w-]+\.md)\) \| (.+) \| (.+) \|$", re.M)


def links(page: Path) -> Iterator[str]:
    """The links and pictures of a page that lead into the project."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            yield target.split("#")[0]


def test_every_decision_is_listed_with_its_title_and_a_status() -> None:
    """The index has one line for each page, with the heading the page has."""
    rows = ROW.findall((DECISIONS / "README.md").read_text())
    listed = {name: (number, title, status) for number, name, title, status in rows}
    pages = {page.name: page.read_text().split("\n")[0] for page in DECISIONS.glob("0*.md")}
    assert len(pages) > 20
    assert pages == {name: f"# {number} {title}" for name, (number, title, _) in listed.items()}
    known = r"holds|holds in part|replaced by \d{4}"
    assert [name for name, (*_, status) in listed.items() if not re.fullmatch(known, status)] == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_and_paths_of_a_page_are_there(page: Path) -> None:
    """A link leads to a file, and a path in code letters is one of this tree."""
    gone = [target for target in links(page) if target and not (page.parent / target).exists()]
    gone += [path for path in NAMED.findall(page.read_text()) if path not in MADE and not (ROOT / path).exists()]
    assert gone == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_figures_are_asked_for_as_the_command_takes_it(page: Path) -> None:
    """`stats` needs a first day; a command without it only says how it is used."""
    asked = re.findall(r"python3 -m broker stats ([^`\n]*)", page.read_text())
    assert [arguments for arguments in asked if "--from " not in arguments] == []
