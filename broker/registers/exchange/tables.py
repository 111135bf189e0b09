"""Which columns the registers' tables have, and how a table's row is found in, or put into, a document.

A table's `path` is a path into the document whose parts in braces are key columns: a row of
`bodies/{body}/{phase}/members/{id}` is one member of one term of one body.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from broker.registers.errors import Invalid, Problem
from broker.registers.exchange.sheets import BLANKS
from broker.registers.kept.canonical import item_key
from broker.registers.privacy import LEFT_OUT
from broker.registers.words import WORDS, field_word
from broker.words import LANGUAGES

# What a spreadsheet makes of an id such as 3-1, as a CSV or a workbook says it; words for the month too.
SPREADSHEET_DAY = re.compile(
    r"\d{4}-\d{2}-\d{2}(T.*)?|\d{1,4}[/\x80-\uffff]\d{1,2}([/\x80-\uffff](\d{1,4}[\x80-\uffff]?)?)?"
    r"|(\d{1,2}-)?[A-Z][a-z]{2}(-\d{1,2})?", re.ASCII,
)
# What it takes for a number, and what it then shows of one that is long: rounded, or with zeros from the 16th digit.
NUMERAL = re.compile(r"\d+(\.\d+)?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
ROUNDED = re.compile(r"\d\.\d*E[+-]\d+|\d{15}0+", re.ASCII)

CellKind = Literal["text", "day", "whole", "number", "code"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a dotted name is a field of a nested record (`place.lat`); `personal` is not for everybody."""

    name: str
    kind: CellKind = "text"
    personal: bool = False

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

    def as_shown(self, document: Mapping[str, Any]) -> "Table":
        """The table without the columns that this copy leaves out: blank, they would say "not stated"."""
        left_out = frozenset(document.get(LEFT_OUT, ()))
        shown = tuple(column for column in self.columns if not (column.personal and column.field() in left_out))
        return replace(self, columns=shown)

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

    def found_keys(self, document: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, str]:
        """The keys as the register has them, also where a spreadsheet made numbers of them; or Invalid, if unclear."""
        found = dict(keys)
        here: Any = document
        for part in self.path.split("/"):
            if isinstance(here, list):
                name = part[1:-1]
                item = _item_of(here, keys[name])
                if item is None:  # as most rows' keys stand in the register to the letter
                    found[name] = _known_key(here, keys[name], name)
                    item = _item_of(here, found[name])
                here = item
            elif isinstance(here, Mapping):
                here = here.get(keys[part[1:-1]] if part.startswith("{") else part)
        return found

    def put(
        self, document: dict[str, Any], keys: Mapping[str, str], cells: Mapping[str, Any], *, from_sheet: bool = False,
    ) -> str:
        """Set the cells of one row, making its record if it is new; returns its path. Changes `document`.

        A cell `from_sheet` that differs only as spreadsheets write a text anew (`same_number`) changes nothing.
        """
        here: Any = document
        done: list[str] = []
        parts = self.path.split("/")
        for index, part in enumerate(parts):
            name = keys[part[1:-1]] if part.startswith("{") else part
            following = parts[index + 1] if index + 1 < len(parts) else None
            here = _step(here, name, following, "/".join([*done, name]), part)
            done.append(name)
        for name, value in cells.items():
            _set(here, name, value, keep_alike=from_sheet)
        for group in {name.split(".")[0] for name in cells if "." in name}:
            if group in NULLABLE_GROUPS and all(value is None for value in here[group].values()):
                here[group] = None
        return "/".join(done)


def _item_of(items: list[Any], key: str) -> Any:
    return next((item for item in items if item_key(item) == key), None)


def _known_key(items: list[Any], key: str, name: str) -> str:
    known = [str(item_key(item)) for item in items]
    alike = [other for other in known if same_number(other, key) or _rounds_to(other, key)]
    if len(alike) > 1:
        raise Invalid([Problem(key, "zeros_lost", {"field": name, "cell": key, "known": ", ".join(alike)})])
    close = [other for other in alike if same_number(other, key)]
    if not close and name != "on" and SPREADSHEET_DAY.fullmatch(key):
        raise Invalid([Problem(key, "key_day", {"field": name, "cell": key})])
    if not close and ROUNDED.fullmatch(key):
        raise Invalid([Problem(key, "key_rounded", {"field": name, "cell": key})])
    return close[0] if close else key


def same_number(one: str, other: str) -> bool:
    """Whether two texts are one number to a spreadsheet, which drops leading zeros and makes 100000 of 1e5."""
    return bool(NUMERAL.fullmatch(one) and NUMERAL.fullmatch(other)) and Decimal(one) == Decimal(other)


def _rounds_to(known: str, shown: str) -> bool:
    """Whether a spreadsheet's CSV may show a number like this: 1.23E+08 stands for 123456e3 too."""
    if not ROUNDED.fullmatch(shown) or "E" not in shown or not NUMERAL.fullmatch(known):
        return False
    places = len(shown.split("E")[0].partition(".")[2])
    return Decimal(f"{Decimal(known):.{places}E}") == Decimal(shown)


def _same_text(old: Any, new: Any) -> bool:
    """Whether a cell says what is there already, as far as a spreadsheet keeps it: `same_number`, blanks, 15 digits."""
    if isinstance(old, float) and isinstance(new, float):
        return f"{old:.15g}" == f"{new:.15g}"
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    return old.strip(BLANKS) == new or same_number(old, new)


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


def _set(record: dict[str, Any], name: str, value: Any, *, keep_alike: bool) -> None:
    *groups, field = name.split(".")
    for group in groups:
        if record.get(group) is None:
            record[group] = {}
        record = record[group]
    if not (keep_alike and _same_text(record.get(field), value)):
        record[field] = value


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from a line such as `area kind:code starts_on:day name!`; `!` marks what is personal."""
    found = []
    for word in text.split():
        name, _, kind = word.removesuffix("!").partition(":")
        found.append(Column(name, kind or "text", word.endswith("!")))  # type: ignore[arg-type]
    return tuple(found)


ELECTION_TABLES: tuple[Table, ...] = (
    Table("areas", "areas/{id}", _columns("name first_responsible! liaison_cadre!")),
    Table("bodies", "bodies/{id}", _columns(
        "area kind:code level:code parent name first_responsible! liaison_cadre! plan.summary ballot.eligible:whole "
        "ballot.present:whole ballot.valid_votes:whole")),
    Table("terms", "bodies/{body}/{phase}", _columns("starts_on:day ends_on:day")),
    Table("members", "bodies/{body}/{phase}/members/{id}", _columns(
        "name! post:code birth_date:day! age_years:whole age_band:code education:code sex:code since:day "
        "consecutive_terms:whole origin:code occupation:code note!")),
    Table("steps", "bodies/{body}/steps/{step}", _columns("planned_on:day done_on:day note")),
    Table("tallies", "bodies/{body}/tallies/{on}", _columns("voters_registered:whole households_visited:whole")),
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
