"""Each alarm says what it means and what to do, in both languages; the operator's page says the same."""

import json
import re
from dataclasses import is_dataclass
from pathlib import Path

from broker.rules.day.attention import about_area, about_calls, about_devices, about_presses, about_runs
from broker.rules.day.attention.asked import Asked
from broker.words import LANGUAGES, Words
from firmware import wire

REPO = Path(__file__).parents[4]
WORDS = Words(REPO / "broker" / "web" / "static" / "guidance")
OF_THE_SCREEN = {"picture_failed", "record_damaged"}  # said where no rule can say anything


def alarm_words() -> set[str]:
    """Every word that an alarm or a press may have."""
    asked = {kind.word for kind in Asked.__subclasses__() if is_dataclass(kind)}
    some = (
        about_area.PlanEnded, about_calls.CallsDrift, about_devices.TruckSilent, about_presses.PressUnworked,
        about_runs.Standing,
    )  # fmt: skip
    assert {kind.word for kind in some} <= asked  # their files are read
    return asked | OF_THE_SCREEN | set(wire.INCIDENT_REASONS)


def test_each_alarm_says_what_it_means_and_what_to_do_in_both_languages() -> None:
    """None without, and none of an alarm that there is not."""
    for language in LANGUAGES:
        groups = WORDS.groups(language)
        assert set(groups) == {"means", "do"}
        for said in groups.values():
            assert set(said) == alarm_words()
            assert [word for word, text in said.items() if len(text.strip()) < 8] == []


def test_the_operators_table_is_what_the_screen_says() -> None:
    """Word, meaning and deed, row by row."""
    page = (REPO / "docs" / "operator.md").read_text(encoding="utf-8")
    table = page.split("| word | what it means | what to do |")[1].split("\n\n")[0]
    rows = {word: (means, do) for word, means, do in re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", table, re.M)}
    groups = WORDS.groups("en")
    assert rows == {word: (means, groups["do"][word]) for word, means in groups["means"].items()}


def test_the_screens_sentences_and_its_guidance_know_the_same_words() -> None:
    """What can be shown can be explained."""
    sentences = json.loads((REPO / "broker" / "web" / "static" / "en.json").read_bytes())
    assert alarm_words() - set(sentences) == set()
