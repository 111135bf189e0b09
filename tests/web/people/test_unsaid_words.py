"""Every word of the pages of modules is said by some page: what nobody says is not translated, kept and checked."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.real  # tenths of a second each

REPO = Path(__file__).parents[3]
STATIC = REPO / "broker/web/static"
ROOMS = sorted({path.parent for path in STATIC.rglob("zh.json")})
# What the picture has as a word of its own: states, kinds of waste, findings.
SAYING = ("broker/rules/day", "broker/rules/dispatch", "broker/rules/effects", "broker/rules/states", "broker/ingest")
SAYING_FILES = (
    "broker/web/view/health.py", "broker/web/view/picture.py", "broker/web/view/last_picture.py",
    "broker/rules/settings.py", "broker/rules/statistics/drifts.py", "broker/people/roles.py", "firmware/wire.py",
    "broker/plan/calendar.py",
)  # fmt: skip
QUOTED, PREFIX = re.compile(r"[\"']([\w-]+)[\"']"), re.compile(r"`([a-z][\w-]*_)\$\{")
HALVES = re.compile(r"`\$\{\w+\}_\$\{")


def strings(source: str) -> Iterator[str]:
    """The texts in a module's code."""
    found = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    yield from (one for one in found if isinstance(one, str))


def sent() -> set[str]:
    """The words that the server sends for a page to say."""
    files = [path for folder in SAYING for path in (REPO / folder).rglob("*.py")]
    return {word for path in (*files, *(REPO / one for one in SAYING_FILES)) for word in strings(path.read_text())}


def scripts(room: Path) -> str:
    """The modules of the pages that have a room's words: those of `static` itself are everybody's."""
    folders = [STATIC] if room == STATIC else [room, STATIC / "frame"]
    paths = {path for folder in folders for path in folder.rglob("*.js") if "vendored" not in path.parts}
    return "\n".join(path.read_text() for path in sorted(paths))


def unsaid(words: list[str], script: str, server: set[str]) -> list[str]:
    """Those of the words that no module says: by name, by their beginning with what comes behind it, or as sent."""
    quoted, prefixes = set(QUOTED.findall(script)), set(PREFIX.findall(script))
    ends = quoted | server
    made = bool(HALVES.search(script))

    def is_said(word: str) -> bool:
        cuts = [(word[:at], word[at + 1 :]) for at, letter in enumerate(word) if letter == "_"]
        by_prefix = any(word.startswith(prefix) for prefix in prefixes)
        by_halves = made and any(one in quoted and other in ends for one, other in cuts)
        return word in quoted or word in server or by_prefix or by_halves

    return [word for word in words if not is_said(word)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(STATIC)))
def test_every_word_of_a_room_is_said(room: Path) -> None:
    """In both languages the same words stand, by another test."""
    words = list(json.loads((room / "en.json").read_bytes()))
    if room.name != "guidance":  # whose words go by the alarm that they are about
        assert unsaid(words, scripts(room), sent()) == []


def test_a_word_that_nobody_says_is_found() -> None:
    """So that the test above is one."""
    script = 'say("title"); say(`role_${role}`); const word = (group, name) => say(`${group}_${name}`); word("how", x);'
    words = ["title", "role_keeper", "how_served", "at_stop", "people", "how_never", "titles"]
    assert unsaid(words, script, {"served", "at_stop"}) == ["people", "how_never", "titles"]
