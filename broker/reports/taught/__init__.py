"""What came of a route that was taught, for people: placeholders for names, a summary, a picture."""

from pathlib import Path

from broker.words import LANGUAGES, Words

WORDS = Words(Path(__file__).parent / "words")


def both(group: str, key: str, **values: object) -> str:
    """A text in both languages, as names of a plan are."""
    return " / ".join(WORDS.say(language, group, key, **values) for language in LANGUAGES)
