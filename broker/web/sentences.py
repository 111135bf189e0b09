"""What is refused, in the reader's language: the code says why in English, `words/` has each such sentence in both.

A sentence is found by the English one that fits it, with its gaps; what fills a gap is put into the other sentence. A
gap whose name begins with `why` holds a sentence itself. A test holds each text with which something of ours is refused
against the file.
"""

import re
from functools import cache
from pathlib import Path
from re import Pattern
from string import Formatter

from broker.words import Words, filled

WORDS = Words(Path(__file__).parent / "words")
OWN = "en"  # the language in which the code speaks
ONE_WORD = ("truck", "device", "row", "booking")  # gaps that an id fills: no part of a sentence does
LONGEST = 1000  # of what is looked for: values of a request may stand in it


def sentence(text: str, language: str) -> str | None:
    """The same in this language; None where there is no such sentence in it: no reader gets half of another one."""
    if language == OWN:
        return text
    if len(text) > LONGEST:
        return None
    for key, fits in _patterns():
        found = fits.fullmatch(text)
        if found is None:
            continue
        values = {name: _put_in(name, value, language) for name, value in found.groupdict().items()}
        if None not in values.values():
            return filled(WORDS.groups(language)["said"][key], values)
    return None


def kind_of(status: int | None, language: str) -> str:
    """Which kind of refusal an HTTP status is; without one, or of a rare one, only that it was not done."""
    kinds = WORDS.groups(language)["kind"]
    return kinds.get(str(status)) or kinds["other"]


def _put_in(name: str, value: str, language: str) -> str | None:
    """What fills a gap: a sentence, or names of which some are words of the trade."""
    if name.startswith("why"):
        return sentence(value, language)
    if name == "allowed":  # as values are listed by pydantic
        value = value.replace("' or '", "', '")
    names = WORDS.groups(language)["name"]
    if name == "places":  # each a kind with its name
        kinds = [part.partition(" ") for part in value.split(", ")]
        return ", ".join(f"{names.get(kind, kind)}{space}{own}" for kind, space, own in kinds)
    return ", ".join(names.get(part, part) for part in value.split(", "))


@cache
def _patterns() -> list[tuple[str, Pattern[str]]]:
    """The English sentences by key, those with most letters of their own first: they say most."""
    said = WORDS.groups(OWN)["said"]
    return [(key, _pattern(said[key])) for key in sorted(said, key=lambda key: -len(re.sub(r"{\w+}", "", said[key])))]


def _pattern(text: str) -> Pattern[str]:
    parts = ((re.escape(plain), _gap(gap) if gap else "") for plain, gap, _, _ in Formatter().parse(text))
    return re.compile("".join(plain + gap for plain, gap in parts), re.DOTALL)


def _gap(name: str) -> str:
    return rf"(?P<{name}>\S+?)" if name in ONE_WORD else f"(?P<{name}>.+?)"
