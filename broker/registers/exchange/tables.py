"""Which columns the registers' tables have, and how a table's row is found in, or put into, a document.

A table's `path` is a path into the document whose parts in braces are key columns: a row of
`bodies/{body}/{phase}/members/{id}` is one member of one term of one body.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from broker.registers.errors import Invalid, Problem
from broker.registers.kept.canonical import item_key
from broker.registers.words import WORDS, field_word
from broker.words import LANGUAGES

CellKind = Literal["text", "day", "whole", "number", "code"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a dotted name is a field of a nested record (`place.lat`)."""

    name: str
    kind: CellKind = "text"

    def field(self) -> str:
        """The last part of the name: what words and codes are looked up by."""
        return self.name.rsplit(".", 1)[-1]


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of row of a register."""

    name: str
    path: str
    columns: tuple[Column, ...]

    def title(self, lang: str) -> str:
        """What it is called; `code` gives the plain name."""
        return self.name if lang == "code" else WORDS.say(lang, "table", self.name)

    def titles(self) -> frozenset[str]:
        """All that it is called."""
        return frozenset(self.title(lang) for lang in ("code", *LANGUAGES))

    def key_names(self) -> tuple[str, ...]:
        """The key columns, in order of the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    def header(self, lang: str) -> list[str]:
        """All column titles, keys first; `code` gives the plain names."""
        names = [*self.key_names(), *(column.name for column in self.columns)]
        return names if lang == "code" else [field_word(name.rsplit(".", 1)[-1], lang) for name in names]

    def rows(self, document: Mapping[str, Any]) -> Iterator[list[Any]]:
        """Every row of the document, cells in order of the header."""
        for keys, record in _records(document, self.path.split("/"), []):
            yield [*keys, *(_cell(record, column.name) for column in self.columns)]

    def put(self, document: dict[str, Any], keys: Mapping[str, str], cells: Mapping[str, Any]) -> str:
        """Set the cells of one row, making its record if it is new; returns its path. Changes `document`."""
        here: Any = document
        done: list[str] = []
        parts = self.path.split("/")
        for index, part in enumerate(parts):
            name = keys[part[1:-1]] if part.startswith("{") else part
            following = parts[index + 1] if index + 1 < len(parts) else None
            here = _step(here, name, following, "/".join([*done, name]), part)
            done.append(name)
        for name, value in cells.items():
            _set(here, name, value)
        for group in {name.split(".")[0] for name in cells if "." in name}:
            if group in NULLABLE_GROUPS and all(value is None for value in here[group].values()):
                here[group] = None
        return "/".join(done)


# Nested records that are absent as a whole when all of their cells are blank.
NULLABLE_GROUPS = frozenset({"place", "acceptance"})


def _records(here: Any, parts: list[str], keys: list[str]) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    if here is None:
        return
    if not parts:
        yield keys, here
        return
    part, rest = parts[0], parts[1:]
    if not part.startswith("{"):
        yield from _records(here.get(part), rest, keys)
    elif isinstance(here, list):
        for item in here:
            yield from _records(item, rest, [*keys, str(item_key(item))])
    else:
        # The phase of a body stands beside its other fields; steps are a mapping of their own.
        names = ("before", "after") if part == "{phase}" else tuple(here)
        for name in names:
            yield from _records(here.get(name), rest, [*keys, name])


def _cell(record: Mapping[str, Any], name: str) -> Any:
    here: Any = record
    for part in name.split("."):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here


def _step(here: Any, name: str, following: str | None, path: str, part: str) -> Any:
    """The record or list below `here`, made where the row may make it: the last part, or an empty field."""
    if isinstance(here, list):
        for item in here:
            if item_key(item) == name:
                return item
        if following is not None:
            raise Invalid([Problem(path, "no_such_path", {"part": name})])
        item = {"on" if part == "{on}" else "id": name}
        here.append(item)
        return item
    child = here.get(name)
    if child is None:
        if part.startswith("{") and following is not None:
            raise Invalid([Problem(path, "no_such_path", {"part": name})])
        child = here[name] = [] if following in ("{id}", "{on}") else {}
    return child


def _set(record: dict[str, Any], name: str, value: Any) -> None:
    *groups, field = name.split(".")
    for group in groups:
        if record.get(group) is None:
            record[group] = {}
        record = record[group]
    record[field] = value


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from a line such as `area kind:code starts_on:day`."""
    found = []
    for word in text.split():
        name, _, kind = word.partition(":")
        found.append(Column(name, kind or "text"))  # type: ignore[arg-type]
    return tuple(found)


ELECTION_TABLES: tuple[Table, ...] = (
    Table("areas", "areas/{id}", _columns("name")),
    Table("bodies", "bodies/{id}", _columns(
        "area kind:code level:code parent name plan.summary ballot.eligible:whole ballot.present:whole "
        "ballot.valid_votes:whole")),
    Table("terms", "bodies/{body}/{phase}", _columns("starts_on:day ends_on:day")),
    Table("members", "bodies/{body}/{phase}/members/{id}", _columns(
        "name post:code birth_date:day age_years:whole age_band:code education:code sex:code since:day "
        "consecutive_terms:whole origin:code occupation:code note")),
    Table("steps", "bodies/{body}/steps/{step}", _columns("planned_on:day done_on:day note")),
    Table("risks", "bodies/{body}/plan/risks/{id}", _columns("risk countermeasure level:code")),
)

SAFETY_TABLES: tuple[Table, ...] = (
    Table("estates", "estates/{id}", _columns("name area")),
    Table("contractors", "contractors/{id}", _columns("name")),
    Table("programmes", "programmes/{id}", _columns(
        "kind:code title target_count:whole starts_on:day due_on:day")),
    Table("sites", "sites/{id}", _columns(
        "programme estate title description place.lat:number place.lon:number contractor status:code "
        "acceptance.accepted_on:day acceptance.document acceptance.accepted_by")),
    Table("progress", "sites/{site}/progress/{on}", _columns("measure:number")),
    Table("milestones", "sites/{site}/milestones/{id}", _columns("title due_on:day met_on:day status:code")),
    Table("inspections", "sites/{site}/inspections/{id}", _columns("on:day result:code inspector note")),
    Table("defects", "sites/{site}/defects/{id}", _columns("description found_on:day due_on:day fixed_on:day")),
)
