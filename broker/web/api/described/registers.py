"""The registers: a register as it stands, its log and versions, what an import would change, the reports."""

from typing import Any

from pydantic import ConfigDict, Field

from broker.web.api.described import Row


class ChangeRow(Row):
    """A field that changed."""

    path: str
    old: Any
    new: Any


class ProblemRow(Row):
    """What is wrong with a document, where, in two languages."""

    path: str
    code: str
    line: int | None
    row: int | None
    sheet: str | None
    message: str
    message_zh: str


class OutsideRow(Row):
    """What other hands did to the register's file."""

    etag: str
    problems: list[ProblemRow]
    changes: list[ChangeRow]


class RegisterRow(Row):
    """A register as it stands, as far as the visitor may see it."""

    version: int
    etag: str
    changed_at: int
    warnings: list[str]
    document: dict[str, Any] = Field(description="as schemas/elections.schema.json and schemas/safety.schema.json say")
    outside_edit: OutsideRow | None


class LogRow(Row):
    """A change of a register: who, when, why, and each field."""

    n: int
    at: int
    who: str
    why: str
    action: str
    version: int
    etag: str
    changes: list[ChangeRow]
    in_words: list[str]


class VersionsRow(Row):
    """The versions that are kept, and the days of which there is a copy."""

    versions: list[int]
    days: list[str]


class ImportRow(Row):
    """What an import changes, or changed where it was `applied`."""

    applied: bool
    rows: int
    encodings: Any
    etag: str
    changes: list[ChangeRow]
    in_words: list[str]
    problems: list[ProblemRow]
    version: int | None = None


class ElectionsReport(Row):
    """Shares, ages and counts before and after, with numerator, denominator and what is not stated."""

    bodies: int
    figures: list[dict[str, Any]]
    longest_serving: dict[str, Any] | None
    largest_attendance: dict[str, Any] | None
    turnout: dict[str, Any] | None
    voters_registered: dict[str, Any] | None
    households_visited: dict[str, Any] | None
    overdue_steps: list[dict[str, Any]]
    next_steps: list[dict[str, Any]]
    skipped_steps: list[dict[str, Any]]


class SafetyReport(Row):
    """Progress of the works, of each programme and estate, and what is overdue or next."""

    total: dict[str, Any]
    programmes: list[dict[str, Any]]
    estates: list[dict[str, Any]]
    overdue: list[dict[str, Any]]
    next_due: list[dict[str, Any]]


class Oc4idsPackage(Row):
    """The works as an OC4IDS 0.9 project package."""

    model_config = ConfigDict(extra="allow")
    uri: str
    publishedDate: str  # noqa: N815  (the standard's word)
    version: str
    projects: list[dict[str, Any]]
