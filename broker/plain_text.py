"""What a name or a note may hold: nothing that is invisible, ends a line, or turns the direction of writing.

Such characters make one name look like another on a screen, and a line of a list like two. The patterns are read by
Python's `re`, by pydantic and by JSON Schema alike.
"""

import re
import unicodedata

_HIDDEN = (
    r"\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
)
ONE_LINE = rf"^[^\x00-\x1f{_HIDDEN}]+$"
MANY_LINES = rf"^[^\x00-\x09\x0b-\x1f{_HIDDEN}]+$"

_FOUND = re.compile(rf"[\x00-\x1f{_HIDDEN}]")


def hidden_character(text: str) -> str | None:
    """What a text of one line may not hold, by number and name; None if there is nothing of that."""
    found = _FOUND.search(text)
    if found is None:
        return None
    name = unicodedata.name(found[0], "a control character")
    return f"U+{ord(found[0]):04X} ({name.lower()})"
