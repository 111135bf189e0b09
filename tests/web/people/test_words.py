"""What people read stands in JSON files, room by room, complete in both languages; code and templates hold none."""

import ast
import json
import re
from pathlib import Path
from string import Formatter

import pytest

from broker.words import LANGUAGES, Words, filled

REPO = Path(__file__).parents[3]
BROKER = REPO / "broker"
ROOMS = sorted({path.parent for path in BROKER.rglob("zh.json")})
CHINESE = re.compile("[\u3400-\u9fff]")
# Chinese by nature, no words of ours: the made-up places and people, weekdays as Tainan's feed has them, the titles of
# columns and days as offices type them, and the one name of the product.
CHINESE_DATA = {
    "__init__.py", "demo_estates.py", "plan/demo_area.py", "plan/tainan/conversion.py", "plan/tainan/rows.py",
    "rules/states/diagrams.py",
    "registers/elections/demo.py", "registers/safety/demo.py", "registers/exchange/preview.py",
}  # fmt: skip


def texts(folder: Path, language: str) -> dict[str, str]:
    """All texts of a room by group and key; the screen's have no groups."""
    found = json.loads((folder / f"{language}.json").read_bytes())
    flat: dict[str, str] = {}
    for name, value in found.items():
        flat |= {f"{name}.{key}": text for key, text in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def gaps(text: str) -> set[str]:
    """The values that a text puts in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def strings_of(source: str) -> list[str]:
    """The texts in a module's code, without what explains it."""
    tree = ast.parse(source)
    explained = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in explained]
    return [node.value for node in found if isinstance(node.value, str)]


def test_the_rooms_that_speak_are_these() -> None:
    """A new room's files are found and held to the same; one that is lost is missed."""
    assert [str(room.relative_to(BROKER)) for room in ROOMS] == [
        "feeds/home_assistant/words",
        "feeds/outside/words",
        "feeds/realtime/words",
        "registers/words",
        "reports/taught/words",
        "reports/weighbridge/said",
        "reports/words",
        "upkeep/doctor/words",
        "web/pages/words",
        "web/static",
        "web/static/asked",
        "web/static/cab",
        "web/static/city",
        "web/static/devices",
        "web/static/figures",
        "web/static/guidance",
        "web/static/keeper",
        "web/static/map",
        "web/static/playback",
        "web/static/property",
        "web/static/room",
        "web/static/scores",
        "web/words",
    ]  # fmt: skip
    assert sorted({path.parent for path in BROKER.rglob("en.json")}) == ROOMS


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(BROKER)))
def test_both_languages_of_a_room_say_the_same(room: Path) -> None:
    """The same keys in the same order, none empty, the same values put in: no fact is hidden from half the readers."""
    zh, en = (texts(room, language) for language in LANGUAGES)
    assert list(zh) == list(en)
    assert [key for key in zh if not zh[key].strip() or not en[key].strip()] == []
    assert [key for key in zh if gaps(zh[key]) != gaps(en[key])] == []


def test_no_code_and_no_template_holds_chinese_words() -> None:
    """Only files of words do, and the few whose data are Chinese."""
    modules = {path.relative_to(BROKER).as_posix(): path.read_text() for path in BROKER.rglob("*.py")}
    holding = {name for name, source in modules.items() if any(map(CHINESE.search, strings_of(source)))}
    assert holding == CHINESE_DATA
    assert not [path for path in (BROKER / "web/pages/templates").rglob("*.*") if CHINESE.search(path.read_text())]


def test_every_word_of_the_pages_is_used_and_there() -> None:
    """What a template asks for is in the file, and nothing in the file is left over."""
    templates = "".join(path.read_text() for path in (BROKER / "web/pages/templates").rglob("*.html"))
    asked = set(re.findall(r"\bt\('(\w+)'(?:\)|, \w+=)", templates)) | {"language_tag"}
    assert asked == set(Words(BROKER / "web/pages/words").groups("zh")["text"])


def test_a_number_knows_its_noun() -> None:
    """One visit, two visits; a word that has no number is as it is."""
    assert filled("{n:visit|visits} of {who}", {"n": 1, "who": "t01"}) == "1 visit of t01"
    assert filled("{n:visit|visits}, {n}", {"n": 2}) == "2 visits, 2"


def test_what_is_not_there_is_an_error() -> None:
    """A page shows no key in place of a word."""
    words = Words(BROKER / "reports/words")
    with pytest.raises(KeyError):
        words.say("zh", "text", "no_such_key")
    with pytest.raises(KeyError):
        words.say("zh", "text", "title", area="xh")


def test_no_text_is_written_twice_under_one_name() -> None:
    """JSON takes the last of two and says nothing: the first would be gone from the pages."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        twice.extend(name for name, _ in pairs if [one for one, _ in pairs].count(name) > 1)
        return dict(pairs)

    twice: list[str] = []
    for room in ROOMS:
        for language in LANGUAGES:
            json.loads((room / f"{language}.json").read_bytes(), object_pairs_hook=once)
    assert twice == []
