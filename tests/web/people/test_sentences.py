"""Refusals in the reader's language: each text with which something of ours is refused has its sentence in both."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from broker.web.sentences import LONGEST, WORDS, sentence
from tests.support.bridge.whole_web import WholeWeb

BROKER = Path(__file__).parents[3] / "broker"
REFUSALS = {
    "HTTPException", "Refusal", "ActionError", "ReplanError", "AnswerError", "Impossible", "Missing", "NotAllowed",
    "Changed", "Unknown", "TooSoon", "Damaged", "NotFound", "Busy", "EditedOutside", "NoRegister",
}  # fmt: skip
# Not told over the web: what the commands say of files, of registers' content and of the record itself.
ROOMS = (
    "web", "people", "rules/dispatch", "rules/states/answer.py", "registers/kept/register.py", "registers/folder.py",
)  # fmt: skip
CHINESE = re.compile("[\u3400-\u9fff]")
A_SENTENCE = "no such visit"  # where a text quotes another reason


def told(call: ast.Call, function: ast.AST) -> Iterator[ast.expr]:
    """The texts that a refusal is made with: literally, or by the name that was given them before."""
    for given in [*call.args, *(one.value for one in call.keywords)]:
        if isinstance(given, ast.Name):
            found = (one for one in ast.walk(function) if isinstance(one, ast.Assign))
            yield from (one.value for one in found if given.id in [ast.unparse(to) for to in one.targets])
        else:
            yield given


def sample(text: ast.expr) -> str | None:
    """What such a text may come to; None where it is no text of ours."""
    if isinstance(text, ast.Constant):
        return text.value if isinstance(text.value, str) and " " in text.value else None
    if not isinstance(text, ast.JoinedStr):
        return None
    parts = []
    for part in text.values:
        if isinstance(part, ast.FormattedValue):
            source = ast.unparse(part.value)
            quotes = re.search(r"\b(why|against|_mend|msg|said|first)\b", source)
            parts.append(A_SENTENCE if quotes else "x1")
        elif isinstance(part, ast.Constant):
            parts.append(str(part.value))
    return "".join(parts)


def refusals() -> Iterator[tuple[str, str]]:
    """(where, what is said) of each refusal in the code."""
    for room in ROOMS:
        for path in sorted((BROKER / room).rglob("*.py")) if (BROKER / room).is_dir() else [BROKER / room]:
            tree = ast.parse(path.read_text())
            functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            for function in functions:
                for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
                    if isinstance(call.func, ast.Name) and call.func.id in REFUSALS:
                        for text in told(call, function):
                            if (said := sample(text)) and " " in said and said.strip() != A_SENTENCE:
                                yield f"{path.relative_to(BROKER)}:{call.lineno}", said


def test_each_refusal_in_the_code_has_its_sentence_in_chinese() -> None:
    """A new one is written into broker/web/words, in both files, as the code says it."""
    found = list(refusals())
    assert len(found) > 80
    assert [one for one in found if sentence(one[1], "zh") is None] == []


def test_each_sentence_comes_back_with_what_fills_its_gaps() -> None:
    """In Chinese, and no English sentence is taken for another one."""
    for key, text in WORDS.groups("en")["said"].items():
        gaps = re.findall(r"{(\w+)}", text)
        values = {gap: A_SENTENCE if "why" in gap else f"q{number}" for number, gap in enumerate(gaps)}
        chinese = WORDS.groups("zh")["said"][key]
        reason = sentence(A_SENTENCE, "zh")
        due = chinese.format(**{gap: reason if "why" in gap else value for gap, value in values.items()})
        assert sentence(text.format(**values), "zh") == due, key
        assert sentence(text.format(**values), "en") == text.format(**values)


@pytest.mark.parametrize("text", ["something nobody ever said", "", "x: y", "x" * (LONGEST + 1), "a {b} c"])
def test_what_has_no_sentence_is_not_told_by_half(text: str) -> None:
    """Neither in English, nor with an English reason in a Chinese sentence."""
    assert sentence(text, "zh") is None


def test_words_of_the_trade_are_put_in_by_their_names() -> None:
    """Kinds of waste, roles; an id stays as it is."""
    text = "t02 does not load renovation (vehicles.txt); renovation may be given to: no other truck now"
    said = sentence(text, "zh")
    assert said is not None and "t02" in said and "renovation" not in said and "other truck" not in said


@pytest.fixture(scope="module")
def dispatcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A dispatcher's machine."""
    web = WholeWeb(tmp_path_factory.mktemp("street"))
    yield web.house.machine(web.app, "dispatcher")
    web.morning.close()


ASKED = (
    ("POST", "/api/v1/incidents/x/acknowledge", {}, 404), ("POST", "/api/v1/weighings", {"truck": "t01"}, 422),
    ("POST", "/api/v1/weighings", {"truck": "t01", "waste": "gold", "grams": -1}, 422),
    ("POST", "/api/v1/amendments", {}, 403), ("GET", "/api/v1/nothing", None, 404),
    ("POST", "/api/v1/people/shifts", {"account": "wang", "duty": "king", "start": "x", "end": "2026-11-30"}, 422),
    ("PUT", "/api/v1/picture", {}, 405), ("GET", "/api/v1/picture?at=1", None, 404),
    ("DELETE", "/api/v1/people/shifts/s9", None, 404), ("GET", "/api/v1/stats?from_day=x&to_day=2026-11-23", None, 422),
    ("GET", "/api/v1/stats?from_day=2026-11-23&to_day=2020-11-23", None, 422),
    ("GET", "/api/v1/people/on-duty?duty=keeper&room=nowhere", None, 404),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status"), ASKED)
def test_a_refusal_is_in_one_language(
    dispatcher: TestClient, method: str, path: str, body: dict[str, str] | None, status: int
) -> None:
    """Title, reason and every value's own; a program that asks for no language is answered in English."""
    answers = {
        name: dispatcher.request(method, path, json=body, headers=said)
        for name, said in (("zh", {"Accept-Language": "zh-CN"}), ("en", {"Accept-Language": "en"}), ("none", {}))
    }
    assert {answer.status_code for answer in answers.values()} == {status}
    assert answers["none"].json() == answers["en"].json() and answers["zh"].headers["Content-Language"] == "zh"
    for language, answer in answers.items():
        told = answer.json()
        for text in (told["title"], told["detail"], *(row["msg"] for row in told.get("errors", []))):
            assert bool(CHINESE.search(text)) is (language == "zh"), text
        if language == "zh":
            assert re.search(r"[a-z]+ (is|are|be|the|should|no|of) ", told["detail"]) is None
