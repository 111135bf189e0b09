"""CSV and XLSX in and out: rows of text with their numbers, and a clear refusal of what is not a plain table.

Nothing is computed here: a formula is refused on the way in, and on the way out text that a spreadsheet
would take for a formula is marked with an apostrophe (CSV) or written as text (XLSX).
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from broker.registers.errors import Invalid, Problem

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
BLANKS = " \u3000\r\n"  # around a cell they say nothing
NOT_KEPT = 10**15  # from here on a spreadsheet keeps the first fifteen digits of a number only
DIMENSION = re.compile(rb"<(\w+:)?dimension\b[^>]*?(/>|>\s*</(\w+:)?dimension\s*>)")
STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
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
    writer.writerow(header)
    for row in rows:
        writer.writerow(["" if value is None else _harmless(value) for value in row])
    return out.getvalue().encode("utf-8-sig")


def write_xlsx(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]) -> bytes:
    """A workbook of (name, header, rows); every cell is a plain value, never a formula."""
    book = Workbook(write_only=True)
    for name, header, rows in sheets:
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        titles = [WriteOnlyCell(sheet, value=title) for title in header]
        for cell in titles:
            cell.font = Font(bold=True)
        sheet.append(titles)
        for row in rows:
            sheet.append([_xlsx_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _xlsx_cell(sheet: Any, value: Any) -> Any:
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(FORMULA_START)
    return cell


def _harmless(value: Any) -> str:
    text = str(value)
    if isinstance(value, str) and MARKED.match(text) and not PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _decode(content: bytes) -> tuple[str, str]:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        names: tuple[str, ...] = ("utf-16",)
    else:
        names = ("utf-8-sig", "gb18030")
    for name in names:
        try:
            return content.decode(name), "utf-8" if name == "utf-8-sig" else name
        except UnicodeDecodeError as error:
            last = error
    line = content.count(b"\n", 0, last.start) + 1
    raise Invalid([Problem("", "sheet_encoding", {"offset": str(last.start)}, row=line)])


def _read_csv(content: bytes) -> Sheet:
    text, encoding = _decode(content)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = list(_bounded((reader.line_num, row) for row in reader))
    except csv.Error as error:
        raise Invalid([Problem("", "rule", {"message": str(error)}, row=reader.line_num)]) from error
    return _sheet(None, rows, encoding)


def _read_xlsx(content: bytes) -> Iterator[Sheet]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(item.file_size for item in packed.infolist())
        if size > MAX_UNPACKED_BYTES:
            raise Invalid([Problem("", "too_big", {"size": str(size), "limit": str(MAX_UNPACKED_BYTES)})])
        book = load_workbook(io.BytesIO(_without_dimensions(content)), read_only=True)
        found = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what a file says of its own size may be wrong: the cells themselves count
            rows = list(_bounded(_numbered(sheet)))
            if rows:
                found.append(_sheet(sheet.title, rows, "xlsx"))
    except Invalid:
        raise
    except Exception as error:  # openpyxl raises whatever the broken file provokes
        raise Invalid([Problem("", "not_xlsx", {"message": f"{type(error).__name__}: {error}"[:200]})]) from error
    if not found:
        raise Invalid([Problem("", "nothing_found")])
    yield from found


def _without_dimensions(content: bytes) -> bytes:
    """The workbook whose sheets no longer say how large they are: a false word of that stops openpyxl."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for name in dict.fromkeys(source.namelist()):
            part = source.read(name)
            if b"sheetData" in part:
                if STRICT in part[: part.index(b"sheetData")]:
                    raise Invalid([Problem("", "strict_xlsx")])
                part = DIMENSION.sub(b"", part, count=1)
            target.writestr(name, part)
    return out.getvalue()


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
        return f"'{cell.value}" if MARKED.match(cell.value) else cell.value
    if isinstance(cell.value, int | float) and not isinstance(cell.value, bool):
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
    text = str(cell).strip(BLANKS)
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
