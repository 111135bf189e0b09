"""What a room of the server says, in both languages: `en.json` and `zh.json` in one folder, group by group.

A text may have gaps to fill, as `str.format` writes them. A whole number knows its noun in English:
`{visits:visit|visits}` is "1 visit" or "2 visits". Both files have the same keys and gaps, which a test holds.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from re import Pattern
from string import Formatter

LANGUAGES = ("zh", "en")
OWN = "en"  # the language in which the code speaks


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


class Sentences:
    """Texts that the code says in English, found again by the pattern of their English one and said in another
    language. A gap whose name begins with `why` holds a sentence itself; one of `one_word` has no blanks in it."""

    def __init__(
        self, words: Words, name: Callable[[str, str, str], str] = lambda _, value, __: value,
        one_word: tuple[str, ...] = (), longest: int = 1000,
    ) -> None:  # fmt: skip
        """`name(gap, value, language)` says what fills any other gap; nothing longer than `longest` is looked for."""
        self._words, self._name, self._one_word, self._longest = words, name, one_word, longest
        self._patterns: list[tuple[str, Pattern[str]]] | None = None

    def sentence(self, text: str, language: str) -> str | None:
        """The same in this language; None where there is no such sentence in it: no reader gets half of another one."""
        if language == OWN:
            return text
        if len(text) > self._longest:
            return None
        for key, fits in self._sorted():
            found = fits.fullmatch(text)
            if found is None:
                continue
            values = {name: self._put_in(name, value, language) for name, value in found.groupdict().items()}
            if None not in values.values():
                return filled(self._words.groups(language)["said"][key], values)
        return None

    def _put_in(self, name: str, value: str, language: str) -> str | None:
        return self.sentence(value, language) if name.startswith("why") else self._name(name, value, language)

    def _sorted(self) -> list[tuple[str, Pattern[str]]]:
        """The English sentences by key, those with most letters of their own first: they say most."""
        if self._patterns is None:
            said = self._words.groups(OWN)["said"]
            keys = sorted(said, key=lambda key: -len(re.sub(r"{\w+}", "", said[key])))
            self._patterns = [(key, self._pattern(said[key])) for key in keys]
        return self._patterns

    def _pattern(self, text: str) -> Pattern[str]:
        parts = ((re.escape(plain), self._gap(gap) if gap else "") for plain, gap, _, _ in Formatter().parse(text))
        return re.compile("".join(plain + gap for plain, gap in parts), re.DOTALL)

    def _gap(self, name: str) -> str:
        return rf"(?P<{name}>\S+?)" if name in self._one_word else f"(?P<{name}>.+?)"


class _Number(int):
    """A whole number that knows its noun."""

    def __format__(self, nouns: str) -> str:
        one, several, many = nouns.partition("|")
        return f"{int(self)} {one if self == 1 else many}" if several else int.__format__(self, nouns)
