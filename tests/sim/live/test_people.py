"""The made-up people of a live run: what they are called, on which page."""

import re
from pathlib import Path

import pytest

from broker.people.people import People
from broker.plan.demo_area import demo_plan
from broker.reports.words import in_language
from broker.words import LANGUAGES
from sim.live.people import move_in


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_is_called_by_a_name_in_the_readers_language(tmp_path: Path, language: str) -> None:
    """As a screen shows it; a truck is called by its id in both."""
    move_in(tmp_path, demo_plan())
    accounts = People(tmp_path).kept().accounts
    names = {one: in_language(held.name, language) for one, held in accounts.items() if "crew" not in held.roles}
    assert {role for held in accounts.values() for role in held.roles} >= {"dispatcher", "viewer", "crew", "property"}
    for name in names.values():
        assert bool(re.search("[\u4e00-\u9fff]", name)) is (language == "zh"), name
        assert bool(re.search("[A-Za-z]", name)) is (language == "en"), name
