"""The words of the registers, `en.json` and `zh.json`: fields, codes, tables, figures, reasons for a refusal."""

from collections.abc import Mapping
from pathlib import Path

from broker.words import LANGUAGES, Words

WORDS = Words(Path(__file__).parent)

# The codes of each field in the order they are offered; by field, because one code can mean two things
# (`result` is a step and a field).
CODES: Mapping[str, tuple[str, ...]] = {
    group.removeprefix("code."): tuple(texts)
    for group, texts in WORDS.groups("en").items()
    if group.startswith("code.")
}


def field_word(field: str, lang: str) -> str:
    """The word for a field; an id or unknown field is itself."""
    groups = WORDS.groups(lang)
    return groups["field"].get(field) or groups["code.step"].get(field) or field


def value_word(field: str, code: str, lang: str) -> str:
    """The word for a code in a field; a value that is no code is itself."""
    return WORDS.groups(lang).get(f"code.{field}", {}).get(code, code)


def code_of(field: str, word: str) -> str | None:
    """The code that a word in either language (or the code itself) stands for, or None."""
    for code in CODES.get(field, ()):
        if word == code or any(word.casefold() == value_word(field, code, lang).casefold() for lang in LANGUAGES):
            return code
    return None


def figure_word(figure: str, lang: str) -> str:
    """What a computed figure is called."""
    return WORDS.say(lang, "figure", figure)


def problem_text(code: str, values: Mapping[str, str], lang: str) -> str:
    """The reason for a refusal; a `field` among the values is said as its word, a code without text as its message."""
    if code not in WORDS.groups(lang)["problem"]:
        return values.get("message", code)
    named = {"name": field_word(values["field"], lang)} if "field" in values else {}
    return WORDS.say(lang, "problem", code, **{"message": "", **named, **values})
