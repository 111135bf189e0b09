"""What judges say: complete in both languages, in words that are used, and about what would have had to happen."""

import copy
import json
import re
from pathlib import Path
from string import Formatter

import pytest

from broker.words import LANGUAGES
from sim.judging.judge import JUDGES
from sim.judging.sentence import WORDS, Sentence, both, not_yet, said, waste_word

REPO = Path(__file__).parents[3]
JUDGING = REPO / "sim" / "judging"
LATIN_WORD = re.compile(r"[A-Za-z]{3,}")


def gaps(text: str) -> set[str]:
    """The values that a text puts in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_a_sentence_is_english_as_text_and_chinese_beside_it() -> None:
    """Also with another sentence, a word of ours or a list of them in its gaps."""
    visit = said("names", "visit", room="r03", waste=waste_word("residential_wet"), n=2)
    fault = said("fault", "call_ids", visit=visit, at="06:10:00", calls=2, ids=["a1", "b2"])
    owed, seen = fault.split("; ")
    assert owed == "r03 wet visit 2 would have had to be called once before the truck came at 06:10:00"
    assert seen == "its room heard 2 calls (a1, b2)"
    assert fault.zh == WORDS.say("zh", "fault", "call_ids", visit=visit.zh, at="06:10:00", calls=2, ids="a1、b2")
    assert both("plain") == {"en": "plain", "zh": "plain"}


def test_both_languages_have_the_same_sentences_with_the_same_gaps() -> None:
    """No fact is hidden from half the readers."""
    zh, en = (WORDS.groups(language) for language in LANGUAGES)
    assert {group: list(words) for group, words in zh.items()} == {group: list(words) for group, words in en.items()}
    wrong = [(group, key) for group in zh for key in zh[group] if gaps(zh[group][key]) != gaps(en[group][key])]
    assert wrong == []


def test_every_sentence_is_said_by_a_judge() -> None:
    """Nothing in the files is left over, and each judge says what it saw."""
    source = "".join(path.read_text() for path in JUDGING.rglob("*.py"))
    assert WORDS.groups("en")["seen"].keys() == JUDGES.keys()
    for group in ("fault", "lacks", "names"):
        for key in WORDS.groups("en")[group]:
            assert f'"{key}"' in source, (group, key)
    plants = "".join(path.read_text() for path in (REPO / "sim" / "virtual").glob("*.py"))
    assert all(f'said("notes", "{key}"' in plants for key in WORDS.groups("en")["notes"])


def test_the_chinese_words_hold_no_english() -> None:
    """But for names of things and units."""
    text = (JUDGING / "words" / "zh.json").read_text(encoding="utf-8")
    values = [value for group in json.loads(text).values() for value in group.values()]
    assert [value for value in values if LATIN_WORD.search(re.sub(r"\{[^}]*\}", "", value))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_fault_says_what_would_have_had_to_happen(language: str) -> None:
    """Not only that something is wrong."""
    owed = {"en": re.compile("would have had to|may be unknown|more$"), "zh": re.compile("本应|可以未知|另有")}
    for group in ("fault", "lacks"):
        for key, text in WORDS.groups(language)[group].items():
            assert key == "hours" or owed[language].search(text), key


def test_a_fault_that_may_come_right_says_so_with_the_same_facts() -> None:
    """Each such sentence belongs to one that a judge says, and asks for no more than that knows."""
    decided = {**WORDS.groups("en")["fault"], **WORDS.groups("en")["lacks"]}
    for key, text in WORDS.groups("en")["not_yet"].items():
        assert key == "undecided" or gaps(text) <= gaps(decided[key]), key


def test_a_copy_of_a_sentence_says_the_same() -> None:
    """A panel hands copies on."""
    one = said("lacks", "unpressed", truck="t01")
    again = copy.deepcopy(one)
    assert isinstance(again, Sentence) and (again, again.zh, again.word) == (one, one.zh, one.word)
    assert not_yet(again) == "the button of t01 was not pressed yet"
