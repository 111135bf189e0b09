"""What is refused, in the reader's language: the code says why in English, `words/` has each such sentence in both.

A sentence is found by the English one that fits it, with its gaps; what fills a gap is put into the other sentence. A
gap whose name begins with `why` holds a sentence itself. A test holds each text with which something of ours is refused
against the file.
"""

from pathlib import Path

from broker.words import Sentences, Words

WORDS = Words(Path(__file__).parent / "words")
ONE_WORD = ("truck", "device", "row", "booking")  # gaps that an id fills: no part of a sentence does
LONGEST = 1000  # of what is looked for: values of a request may stand in it


def kind_of(status: int | None, language: str) -> str:
    """Which kind of refusal an HTTP status is; without one, or of a rare one, only that it was not done."""
    kinds = WORDS.groups(language)["kind"]
    return kinds.get(str(status)) or kinds["other"]


def _named(gap: str, value: str, language: str) -> str:
    """What fills a gap: names, of which some are words of the trade."""
    if gap == "allowed":  # as values are listed by pydantic
        value = value.replace("' or '", "', '")
    names = WORDS.groups(language)["name"]
    if gap == "places":  # each a kind with its name
        kinds = [part.partition(" ") for part in value.split(", ")]
        return ", ".join(f"{names.get(kind, kind)}{space}{own}" for kind, space, own in kinds)
    return ", ".join(names.get(part, part) for part in value.split(", "))


sentence = Sentences(WORDS, _named, ONE_WORD, LONGEST).sentence
