"""What a room of the server says, in both languages: `en.json` and `zh.json` in one folder, group by group.

A text may have gaps to fill, as `str.format` writes them. A whole number knows its noun in English:
`{visits:visit|visits}` is "1 visit" or "2 visits". Both files have the same keys and gaps, which a test holds.
"""

import json
from collections.abc import Mapping
from pathlib import Path

LANGUAGES = ("zh", "en")


class Words:
    """The words of one folder, read when it is made."""

    def __init__(self, folder: Path) -> None:
        self._groups: dict[str, dict[str, dict[str, str]]] = {
            language: json.loads((folder / f"{language}.json").read_bytes()) for language in LANGUAGES
        }

    def groups(self, language: str) -> Mapping[str, Mapping[str, str]]:
        """All groups of a language by name; the order is that of the file."""
        return self._groups[language]

    def say(self, language: str, group: str, key: str, **values: object) -> str:
        """One text with its gaps filled; raises KeyError for what there is none."""
        return filled(self._groups[language][group][key], values)


def filled(text: str, values: Mapping[str, object]) -> str:
    """A text with its gaps filled."""
    return text.format_map({name: _Number(value) if type(value) is int else value for name, value in values.items()})


class _Number(int):
    """A whole number that knows its noun."""

    def __format__(self, nouns: str) -> str:
        one, several, many = nouns.partition("|")
        return f"{int(self)} {one if self == 1 else many}" if several else int.__format__(self, nouns)
