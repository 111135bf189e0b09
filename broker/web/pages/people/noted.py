"""What the access log has of a deed, in the reader's language; the log itself is for programs and has one form."""

import re
from datetime import datetime

from broker.web.pages.rendering import WORDS

_FROM = re.compile(r"from (?P<address>\S+)")
_WRONG = re.compile(r"(?P<count>\d+), the last from (?P<address>\S*)")
_SHIFT = re.compile(r"(?P<number>s\d+) (?P<account>\S+) (?P<duty>\w+) (?P<start>[^ /]+)/(?P<end>[^ /]+)")


def in_words(what: str, lang: str) -> str:
    """What was noted of a deed; an id stays as it is, and so does what no word is known of."""
    for key, form in (("from", _FROM), ("wrong", _WRONG)):
        if found := form.fullmatch(what):
            return WORDS.say(lang, "noted", key, **found.groupdict())
    if found := _SHIFT.fullmatch(what):
        duty = WORDS.groups(lang)["duty"].get(found["duty"], found["duty"])
        return " · ".join([found["number"], found["account"], duty, f"{_time(found['start'])} – {_time(found['end'])}"])
    about, *fields = what.split(" ")
    return " · ".join([about, *(_field(field, lang) for field in fields)])


def _field(field: str, lang: str) -> str:
    noted, (name, given, value) = WORDS.groups(lang)["noted"], field.partition("=")
    if not given or name not in ("roles", "scope"):
        return noted.get(field, field)
    roles = WORDS.groups(lang)["role"] if name == "roles" else {"-": noted["everywhere"]}
    return WORDS.say(lang, "noted", name, words=", ".join(roles.get(one, one) for one in value.split(",")))


def _time(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"
    except ValueError:
        return text
