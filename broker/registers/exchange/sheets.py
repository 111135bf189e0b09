"""CSV and XLSX in and out: rows of text with their numbers, and a clear refusal of what is not a plain table.

Nothing is computed here: a formula is refused on the way in, and on the way out text that a spreadsheet
would take for a formula is marked with an apostrophe (CSV) or written as text (XLSX). openpyxl is imported where a
workbook is at hand: it is a tenth of a bridge's start, and most days bring no workbook.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from broker.registers.errors import Invalid, Problem
from broker.registers.exchange.csv_text import decode, separated
from broker.registers.exchange.workbook_xml import made_plain

MAX_BYTES = 4_000_000
MAX_UNPACKED_BYTES = 40_000_000
MAX_ROWS = 20_000
MAX_COLUMNS = 60
MAX_CELL = 4_000
MOST_ROWS_OF_A_SHEET = 1_048_576  # what the format knows
FORMULA_START = ("=", "@", "+", "-", "\t", "\r")
MARKED = re.compile(r"'*[=@+\-\t\r]")  # what a spreadsheet would run, and what looks like our mark before it
# A number's format that only gives it leading zeros, with fixed text around: 000, "ebike-"00, \\e00
ZEROS = re.compile(r'((?:"[^"]*"|\\.)*)(0+)((?:"[^"]*"|\\.)*)')
CHINESE_DAYS = frozenset({27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58})  # formats of days that openpyxl lacks
LAST_DAY = 2_958_466  # the day after 9999-12-31, as spreadsheets count
BLANKS = " \u3000\u00a0\u200b\ufeff\r\n"  # around a cell they say nothing
NOT_KEPT = 10**15  # from here on a spreadsheet keeps the first fifteen digits of a number only
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # a character that XML cannot hold, or a line end of WPS
PLAIN_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table as read: its name (None for CSV), its header, its rows with their numbers, its encoding."""

    name: str | None
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str | None, ...]], ...]
    encoding: str


def read_sheets(content: bytes) -> list[Sheet]:
    """The sheets of an XLSX workbook, or the one table of a CSV file; Invalid says what is wrong and where."""
    if len(content) > MAX_BYTES:
        raise Invalid([Problem("", "too_big", {"size": str(len(content)), "limit": str(MAX_BYTES)})])
    if content[:4] == b"PK\x03\x04":
        return list(_read_xlsx(content))
    return [_read_csv(content)]


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A CSV file in UTF-8 with a mark, so that spreadsheets show Chinese."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_harmless(title) for title in header])
    for row in rows:
        writer.writerow(["" if value is None else _harmless(value) for value in row])
    return out.getvalue().encode("utf-8-sig")


def write_xlsx(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]) -> bytes:
    """A workbook of (name, header, rows); every cell is a plain value, never a formula."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    for name, header, rows in sheets:
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        titles = [_xlsx_cell(sheet, title) for title in header]
        for cell in titles:
            cell.font = Font(bold=True)
        sheet.append(titles)
        for row in rows:
            sheet.append([_xlsx_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _xlsx_cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if isinstance(value, str):
        value = re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", value)  # or it would be read as a character by its number
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(FORMULA_START)
    return cell


def _harmless(value: Any) -> str:
    text = format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
    if isinstance(value, str) and MARKED.match(text) and not PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _read_csv(content: bytes) -> Sheet:
    text, encoding = decode(content)
    separator, text, before = separated(text)
    csv.field_size_limit(MAX_BYTES)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    try:
        rows = list(_bounded((reader.line_num + before, row) for row in reader))
    except csv.Error as error:
        raise Invalid([Problem("", "rule", {"message": str(error)}, row=reader.line_num + before)]) from error
    return _sheet(None, rows, encoding)


def _read_xlsx(content: bytes) -> Iterator[Sheet]:
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(item.file_size for item in packed.infolist())
        if size > MAX_UNPACKED_BYTES:
            raise Invalid([Problem("", "too_big", {"size": str(size), "limit": str(MAX_UNPACKED_BYTES)})])
        plain, merged = made_plain(content)
        book = load_workbook(io.BytesIO(plain), read_only=True)
        found = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what a file says of its own size may be wrong: the cells themselves count
            rows = list(_bounded(_numbered(sheet)))
            if rows:
                found.append(_sheet(sheet.title, rows, "xlsx"))
                part = sheet._worksheet_path.lstrip("/")  # openpyxl tells nowhere else which part it is
                _refuse_merged(found[-1], merged.get(part, ()))
    except Invalid:
        raise
    except Exception as error:  # openpyxl raises whatever the broken file provokes
        raise Invalid([Problem("", "not_xlsx", {"message": f"{type(error).__name__}: {error}"[:200]})]) from error
    if not found:
        raise Invalid([Problem("", "nothing_found")])
    yield from found


def _refuse_merged(sheet: Sheet, merged: Iterable[tuple[int, int, int, int]]) -> None:
    """Refuse merged cells among the rows: all but the first are blank in the file, and blank means "not stated"."""
    numbers = [number for number, _ in sheet.rows]
    problems = [
        Problem("", "merged", {"column": sheet.header[left - 1] or str(left)}, row=top, sheet=sheet.name)
        for left, top, _, bottom in merged
        if left <= len(sheet.header) and any(top <= number <= bottom for number in numbers)
    ]
    if problems:
        raise Invalid(problems)


def _numbered(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if number > MOST_ROWS_OF_A_SHEET:
            raise Invalid([Problem("", "too_many_rows", {"limit": str(MAX_ROWS)}, row=number, sheet=sheet.title)])
        yield number, [_typed(cell) for cell in cells]


def _typed(cell: Any) -> Any:
    """The value as a person sees it: text stays text, and a number keeps the zeros that its format gives it."""
    if cell.data_type in ("f", "e"):  # a formula, or what is left of a broken one (#REF!, #DIV/0!)
        return "=", cell.value
    if isinstance(cell.value, str):
        text = ESCAPED.sub(lambda found: chr(int(found[1], 16)), cell.value)
        return f"'{text}" if MARKED.match(text) else text
    if isinstance(cell.value, int | float) and not isinstance(cell.value, bool):
        if cell.style_array.numFmtId in CHINESE_DAYS and 0 < cell.value < LAST_DAY:
            from openpyxl.utils.datetime import from_excel

            return from_excel(cell.value, cell.parent.parent.epoch)
        return _as_formatted(cell.value, cell.number_format or "")
    return cell.value


def _as_formatted(value: float, number_format: str) -> Any:
    form = ZEROS.fullmatch(number_format.split(";")[0])
    if form is None or not 0 <= value < NOT_KEPT or value != int(value):
        return value
    before, zeros, after = (part.replace('"', "").replace("\\", "") for part in form.groups())
    return f"{before}{int(value):0{len(zeros)}}{after}"


def _bounded(rows: Iterable[tuple[int, list[Any]]]) -> Iterator[tuple[int, list[Any]]]:
    """The rows in which something stands; an office's sheet often has a million formatted empty ones below."""
    count = 0
    for number, cells in rows:
        if all(cell is None or cell == "" for cell in cells):
            continue
        count += 1
        if count > MAX_ROWS + 1:
            raise Invalid([Problem("", "too_many_rows", {"limit": str(MAX_ROWS)}, row=number)])
        if any(cell is not None and cell != "" for cell in cells[MAX_COLUMNS:]):
            raise Invalid([Problem("", "too_many_columns", {"limit": str(MAX_COLUMNS)}, row=number)])
        yield number, cells[:MAX_COLUMNS]


def _sheet(name: str | None, rows: list[tuple[int, list[Any]]], encoding: str) -> Sheet:
    problems: list[Problem] = []
    clean: list[tuple[int, tuple[str | None, ...]]] = []
    for number, cells in rows:
        texts = []
        for cell in cells:
            text, code = _text(cell)
            if code:
                said = {"message": "a cell is too long", "cell": str(cell)[:40]}
                problems.append(Problem("", code, said, row=number, sheet=name))
            texts.append(text)
        if any(text is not None for text in texts):
            clean.append((number, tuple(texts)))
    if problems:
        raise Invalid(problems)
    if not clean:
        raise Invalid([Problem("", "no_header", {}, sheet=name)])
    header = tuple(text or "" for text in clean[0][1])
    while header and not header[-1]:
        header = header[:-1]
    return Sheet(name, header, tuple(clean[1:]), encoding)


def _text(cell: Any) -> tuple[str | None, str | None]:
    """The cell as text (None when blank), or the code of what is wrong with it; a tuple marks a formula."""
    if cell is None:
        return None, None
    if isinstance(cell, tuple):
        return None, "formula"
    if isinstance(cell, datetime):
        return (cell.date() if cell.time().isoformat() == "00:00:00" else cell).isoformat(), None
    if isinstance(cell, date):
        return cell.isoformat(), None
    if isinstance(cell, int | float) and abs(cell) >= NOT_KEPT:
        return None, "digits_lost"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell)), None
    if isinstance(cell, float):  # what a spreadsheet shows: 0.3, where its arithmetic left 0.30000000000000004
        return format(Decimal(f"{cell:.15g}"), "f"), None
    text = str(cell).replace("\r\n", "\n").strip(BLANKS)
    if not text:
        return None, None
    if len(text) > MAX_CELL:
        return None, "bad_text"
    if text[0] == "'" and MARKED.match(text):
        return text[1:], None
    if text.startswith(("=", "@", "\t")):
        return None, "formula"
    if text[0] in "+-" and not PLAIN_NUMBER.fullmatch(text) and text[1:2].strip():
        return None, "formula"
    return text, None
