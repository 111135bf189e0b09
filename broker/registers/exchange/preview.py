"""From the sheets of a file to a changed document: a preview of what would change and every wrong cell by row.

Pure; nothing is stored. A row adds a record or sets the fields of the one with its key; a blank cell means
"not stated"; a column that is not in the file is left alone; nothing is ever removed by an import.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel

from broker.registers.errors import Invalid, Problem
from broker.registers.exchange.sheets import Sheet
from broker.registers.exchange.tables import Column, Table
from broker.registers.kept.canonical import copied
from broker.registers.kept.differences import Change, difference
from broker.registers.privacy import LEFT_OUT
from broker.registers.validation import Kind, checked
from broker.registers.words import CODES, code_of, field_word, value_word

T = TypeVar("T", bound=BaseModel)

ALIASES: Mapping[str, str] = {"姓名": "name", "出生年月日": "birth_date", "小区编号": "estate", "组织编号": "body"}
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
WHOLE = re.compile(r"[-+]?\d{1,9}")
NUMBER = re.compile(r"[-+]?\d{1,9}(\.\d{1,17})?")  # as many digits as a number is told by


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do: the new document and its changes, or the problems that stop it."""

    document: dict[str, Any]
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    rows: int
    encodings: tuple[str, ...]


def preview(
    kind: Kind[T], tables: Sequence[Table], document: Mapping[str, Any], sheets: Sequence[Sheet],
    table: str | None = None,
) -> Preview:
    """Put every row of every sheet into a copy of the document and check the whole."""
    result: dict[str, Any] = copied(dict(document))
    problems: list[Problem] = []
    origins: dict[str, tuple[str | None, int]] = {}
    for sheet in _in_table_order(sheets, tables):
        problems += _take(sheet, tables, table, result, origins)
    if not problems and not any(sheet.rows for sheet in sheets):
        problems = [Problem("", "nothing_found")]
    if not problems:
        try:
            # An age that the stated birth date gives, as an export without names has it, states nothing anew.
            result = kind.complete({**result, LEFT_OUT: ["age_years"]}, document)
            result = checked(kind, result).model_dump(mode="json")
        except Invalid as error:
            problems = [_with_row(problem, origins) for problem in error.problems]
    changes = () if problems else tuple(difference(document, result))
    return Preview(
        result, changes, tuple(problems), sum(len(sheet.rows) for sheet in sheets),
        tuple(sheet.encoding for sheet in sheets),
    )


def _in_table_order(sheets: Sequence[Sheet], tables: Sequence[Table]) -> list[Sheet]:
    """Bodies before their members: sheets are taken in the order of the tables, whatever their order in the file."""
    order = {name: n for n, table in enumerate(tables) for name in table.titles()}
    return sorted(sheets, key=lambda sheet: order.get((sheet.name or "").strip(), len(tables)))


def _take(
    sheet: Sheet, tables: Sequence[Table], wanted: str | None, document: dict[str, Any],
    origins: dict[str, tuple[str | None, int]],
) -> list[Problem]:
    try:
        table = _table_of(sheet, tables, wanted)
        columns = _columns_of(sheet, table)
    except Invalid as error:
        return list(error.problems)
    problems: list[Problem] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in sheet.rows:
        problems += _take_row(sheet, table, columns, number, cells, document, origins, seen)
    return problems


def _take_row(
    sheet: Sheet, table: Table, columns: Sequence[Column], number: int, cells: Sequence[str | None],
    document: dict[str, Any], origins: dict[str, tuple[str | None, int]], seen: dict[tuple[str, ...], int],
) -> list[Problem]:
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    # In a CSV a cell may be missing, which leaves its field alone; a workbook does not tell missing from blank.
    missing = [None] * (len(columns) - len(cells)) if sheet.encoding == "xlsx" else []
    for column, cell in zip(columns, (*cells, *missing), strict=False):
        try:
            values[column.name] = parse_cell(column, cell)
        except CellError as error:
            problems.append(_placed(error.problem, sheet, number))
    if any(cell is not None for cell in cells[len(columns):]):
        problems.append(Problem("", "extra_cell", {}, row=number, sheet=sheet.name))
    unread = {problem.values.get("field") for problem in problems}
    blank = [name for name in table.key_names() if values.get(name) is None and name not in unread]
    problems += [_placed(CellError("cell_blank", Column(name), "").problem, sheet, number) for name in blank]
    if problems:
        return problems
    try:
        keys = table.found_keys(document, {name: str(values.pop(name)) for name in table.key_names()})
    except Invalid as error:
        return [_placed(problem, sheet, number) for problem in error.problems]
    key = tuple(keys.values())
    if key in seen:
        return [Problem("/".join(key), "double_row", {"row": str(seen[key])}, row=number, sheet=sheet.name)]
    seen[key] = number
    try:
        origins[table.put(document, keys, values, from_sheet=True)] = (sheet.name, number)
    except Invalid as error:
        return [_placed(problem, sheet, number) for problem in error.problems]
    return []


class CellError(ValueError):
    """A cell cannot be read; `problem` says what is expected in its column."""

    def __init__(self, code: str, column: Column, cell: str, expected: str = "") -> None:
        self.problem = Problem("", code, {"field": column.field(), "cell": cell[:40], "expected": expected})
        super().__init__(self.problem.text())


def parse_cell(column: Column, cell: str | None) -> Any:
    """The value of a cell; CellError says what is expected."""
    if cell is None:
        return None
    if column.kind == "day":
        return _day(column, cell)
    if column.kind == "code":
        field = column.field()
        code = code_of(field, cell)
        if code is None:
            words = ", ".join(f"{value_word(field, known, 'zh')} ({known})" for known in CODES[field])
            raise CellError("cell_code", column, cell, words)
        return code
    if column.kind == "whole":
        if not WHOLE.fullmatch(cell):
            raise CellError("cell_whole", column, cell)
        return int(cell)
    if column.kind == "number":
        percent = cell.endswith("%") and NUMBER.fullmatch(cell[:-1])
        if not percent and not NUMBER.fullmatch(cell):
            raise CellError("cell_number", column, cell)
        return round(float(cell[:-1]) / 100, 6) if percent else float(cell)
    return cell


def _day(column: Column, cell: str) -> str:
    match = DAY.fullmatch(cell)
    if match is None:
        raise CellError("cell_day", column, cell)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError as error:
        raise CellError("cell_calendar", column, cell) from error


def _table_of(sheet: Sheet, tables: Sequence[Table], wanted: str | None) -> Table:
    name = wanted or (sheet.name or "").strip()
    for table in tables:
        if name in table.titles():
            return table
    fitting = [table for table in tables if _fits(sheet, table)]
    if len(fitting) == 1 and not wanted:
        return fitting[0]
    known = ", ".join(f"{table.name} ({table.title('zh')})" for table in (fitting or tables))
    code = "which_table" if fitting and not wanted else "unknown_sheet"
    raise Invalid([Problem("", code, {"known": known}, sheet=name or None)])


def _fits(sheet: Sheet, table: Table) -> bool:
    names = [_column(title, table) for title in sheet.header]
    found = {column.name for column in names if column is not None}
    return None not in names and set(table.key_names()) <= found and len(found) > len(table.key_names())


def _columns_of(sheet: Sheet, table: Table) -> list[Column]:
    problems: list[Problem] = []
    columns: list[Column] = []
    row = 1
    for title in sheet.header:
        column = _column(title, table)
        if column is None:
            problems.append(Problem("", "unknown_column", {"name": title[:60]}, row=row, sheet=sheet.name))
        elif column in columns:
            problems.append(Problem("", "double_column", {"name": title[:60]}, row=row, sheet=sheet.name))
        else:
            columns.append(column)
    found = {column.name for column in columns}
    problems += [
        Problem("", "missing_column", {"name": name}, row=row, sheet=sheet.name)
        for name in table.key_names() if name not in found
    ]
    if problems:
        raise Invalid(problems)
    return columns


def _column(title: str, table: Table) -> Column | None:
    """The column of a title: its name, or its word in either language."""
    title = title.strip().strip("*").casefold()
    keys = [Column(name, _key_kind(name)) for name in table.key_names()]
    for column in (*keys, *table.columns):
        field = column.field()
        if title in (column.name, field, field_word(field, "en").casefold(), field_word(field, "zh")):
            return column
    alias = ALIASES.get(title)
    return next((column for column in (*keys, *table.columns) if column.name == alias), None)


def _key_kind(name: str) -> Any:
    return {"phase": "code", "step": "code", "on": "day"}.get(name, "text")


def _placed(problem: Problem, sheet: Sheet, number: int) -> Problem:
    return Problem(problem.path, problem.code, problem.values, row=number, sheet=sheet.name)


def _with_row(problem: Problem, origins: Mapping[str, tuple[str | None, int]]) -> Problem:
    path = problem.path
    while path and path not in origins:
        path = path.rpartition("/")[0]
    if not path:
        return problem
    sheet, row = origins[path]
    return Problem(problem.path, problem.code, problem.values, row=row, sheet=sheet)
