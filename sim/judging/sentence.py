"""What a judge says, in both languages: the sentences of `words/`, with their gaps filled.

As text a sentence is its English one: a terminal and a log need no more. Screens take `both`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from broker.words import LANGUAGES, Words

WORDS = Words(Path(__file__).parent / "words")
COMMAS = {"en": ", ", "zh": "、"}


class Sentence(str):
    """The English text; `word` names it whatever it says, `zh` is the Chinese one, `gaps` is what fills both."""

    word: str
    zh: str
    gaps: Mapping[str, object]

    def __new__(cls, text: str, word: str, zh: str, gaps: Mapping[str, object]) -> "Sentence":
        """A sentence as it is said."""
        made = super().__new__(cls, text)
        made.word, made.zh, made.gaps = word, zh, gaps
        return made

    def __getnewargs__(self) -> tuple[str, str, str, Mapping[str, object]]:  # type: ignore[override]  # says the same
        """What makes the same one again."""
        return str(self), self.word, self.zh, self.gaps


class Term(NamedTuple):
    """A word of ours in a gap, which each language has its own for; what has none stands as it is."""

    group: str
    key: str


def said(group: str, key: str, **gaps: object) -> Sentence:
    """One sentence; a gap may hold a term, another sentence, or a list of either."""
    texts = {
        language: WORDS.say(language, group, key, **{name: _filling(language, gap) for name, gap in gaps.items()})
        for language in LANGUAGES
    }
    return Sentence(texts["en"], key, texts["zh"], gaps)


def not_yet(fault: str) -> Sentence:
    """A fault while it may still come right: what has not happened yet, or that nothing is decided."""
    if isinstance(fault, Sentence) and fault.word in WORDS.groups("en")["not_yet"]:
        return said("not_yet", fault.word, **fault.gaps)
    return said("not_yet", "undecided", fault=fault)


def both(text: str) -> dict[str, str]:
    """A sentence by language; plain text is the same in each."""
    return {"en": str(text), "zh": text.zh if isinstance(text, Sentence) else str(text)}


def waste_word(waste: str) -> Term:
    """A kind of waste."""
    return Term("wastes", waste)


def shown_word(shown: str) -> Term:
    """What a lamp or a light shows."""
    return Term("shown", shown)


def _filling(language: str, gap: object) -> object:
    if isinstance(gap, Term):
        return WORDS.groups(language)[gap.group].get(gap.key, gap.key)
    if isinstance(gap, list):
        parts = [str(_filling(language, one)) for one in gap]
        return COMMAS[language].join(parts) if parts else WORDS.groups(language)["names"]["none"]
    return both(gap)[language] if isinstance(gap, Sentence) else gap
