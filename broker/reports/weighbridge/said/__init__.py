"""What is said of a weighbridge's file, in the reader's language: `en.json` as the code says it, `zh.json`."""

from pathlib import Path

from broker.reports.words import waste_word
from broker.words import Sentences, Words

WORDS = Words(Path(__file__).parent)


def _named(gap: str, value: str, language: str) -> str:
    return waste_word(language, value) if gap == "waste" else value


_sentences = Sentences(WORDS, _named, one_word=("line", "count", "day", "name", "kilograms"), longest=2000)


def said(text: str, language: str) -> str:
    """The same in this language; what is none of these sentences stays as it is."""
    whole = _sentences.sentence(text, language)
    return text if whole is None else whole
