"""The operator's page names each word that a bridge says of itself, and the commands and paths that are there."""

import re
from pathlib import Path

from broker.__main__ import parser

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operator.md").read_text()


def test_each_word_of_the_health_is_explained() -> None:
    """Where the doctor sends its reader."""
    said = {word for path in (ROOT / "broker" / "web").rglob("*.py") for word in
            re.findall(r'_row\("(\w+)", _(?:SEVERE|WARNING)', path.read_text())}  # fmt: skip
    _, _, chapter = PAGE.partition("## When something is wrong")
    table, _, _ = chapter.partition("\n## ")
    assert len(said) > 10
    assert {word for word in said if f"`{word}`" not in table} == set()


def test_what_is_typed_on_the_office_s_machine_is_a_command() -> None:
    """Each `zhanpai COMMAND` of the page is one of the server's, and each unit and path is in the package."""
    typed = set(re.findall(r"(?:sudo )zhanpai ([a-z][\w-]*)", PAGE))
    known = set(re.findall(r"[\w-]+", parser().format_help()))
    assert {"backup", "restore", "doctor", "people"} <= typed
    assert typed - known - {"COMMAND"} == set()
    units = {path.name for path in (ROOT / "packaging" / "office" / "units").iterdir()}
    named = set(re.findall(r"zhanpai-\w+\.(?:service|timer)", PAGE))
    assert named and named <= units
