"""The words of the day report, `en.json` and `zh.json`, and the part of a plan's name that a language wants."""

from pathlib import Path

from broker.words import LANGUAGES, Words

WORDS = Words(Path(__file__).parent)


def word(language: str, key: str, **values: object) -> str:
    """One text in a language, with its values put in; raises KeyError for what there is none."""
    return WORDS.say(language, "text", key, **values)


def waste_word(language: str, waste: str) -> str:
    """The word for a waste kind; one that nobody knows is itself."""
    return WORDS.groups(language)["waste"].get(waste, waste)


def in_language(name: str, language: str) -> str:
    """The part of a plan's name "中文 / English" that is for this language; all of a name that has no parts."""
    parts = name.split(" / ")
    return parts[min(len(parts) - 1, LANGUAGES.index(language))]
