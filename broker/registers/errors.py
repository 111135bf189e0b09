"""Everything the registers raise, and `Problem`: one wrong thing, where it is, and why, in two languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.registers.words import WORDS, problem_text

SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for a refusal: `path` names the field (`bodies/b03/after/members/m2/birth_date`)."""

    path: str
    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None
    row: int | None = None
    sheet: str | None = None

    def text(self, lang: str = "en") -> str:
        """One sentence for a person, without the place."""
        return problem_text(self.code, self.values, lang)

    def place(self, lang: str = "en") -> str:
        """Where it is: sheet, row, line and field, as far as known."""
        parts = []
        if self.sheet:
            parts.append(WORDS.say(lang, "place", "sheet", sheet=self.sheet))
        if self.row is not None:
            parts.append(WORDS.say(lang, "place", "row", row=self.row))
        if self.line is not None:
            parts.append(WORDS.say(lang, "place", "line", line=self.line))
        if self.path:
            parts.append(self.path)
        return WORDS.say(lang, "place", "separator").join(parts)

    def sentence(self, lang: str = "en") -> str:
        """Place and reason together."""
        place = self.place(lang)
        return f"{place}: {self.text(lang)}" if place else self.text(lang)

    def as_json(self) -> dict[str, Any]:
        """The problem as plain JSON for the API."""
        return {
            "path": self.path, "code": self.code, "line": self.line, "row": self.row, "sheet": self.sheet,
            "message": self.text("en"), "message_zh": self.text("zh"),
        }


class RegisterError(Exception):
    """Base of everything a register raises; the text says what to do next."""


class Invalid(RegisterError, ValueError):  # noqa: N818 - the name says what is so
    """What was given breaks the register's rules; nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.told())

    def told(self, lang: str = "en") -> str:
        """All problems, one a line, the first 20 of them."""
        lines = [problem.sentence(lang) for problem in self.problems[:SHOWN_PROBLEMS]]
        more = len(self.problems) - SHOWN_PROBLEMS
        if more > 0:
            lines.append(WORDS.say(lang, "place", "more", count=more))
        return "\n".join(lines)


class Damaged(RegisterError, ValueError):  # noqa: N818 - the name says what is so
    """A stored file is not what was written; it was left where it is, and nothing was changed."""


class EditedOutside(RegisterError, ValueError):  # noqa: N818 - the name says what is so
    """The file was edited by other hands; accept or discard that edit before changing anything."""


class NoRegister(RegisterError, LookupError):  # noqa: N818 - the name says what is so
    """There is no register yet; `init`, `demo` or `import` makes one."""


class NotFound(RegisterError, LookupError):  # noqa: N818 - the name says what is so
    """No such version, body, site or path."""


class Busy(RegisterError, TimeoutError):  # noqa: N818 - the name says what is so
    """Another process is writing this register; try again in a moment."""


class Conflict(RegisterError, ValueError):  # noqa: N818 - the name says what is so
    """Somebody saved in between; `theirs` is what is stored now, `mine` what was refused."""

    def __init__(
        self, current_etag: str, current_version: int, current: Mapping[str, Any], mine: Mapping[str, Any],
        their_changes: Sequence[Any], my_changes: Sequence[Any],
    ) -> None:
        self.current_etag, self.current_version, self.theirs, self.mine = current_etag, current_version, current, mine
        self.their_changes, self.my_changes = tuple(their_changes), tuple(my_changes)
        super().__init__(
            f"the register was changed meanwhile (version {current_version}): "
            "nothing was saved; look at both versions, then save again on top of the new one"
        )
