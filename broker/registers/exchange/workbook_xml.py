"""A workbook's parts made plain before they are read: what openpyxl would drop in silence is put right or refused.

It reads rows and cells in the order in which they stand, and loses those that come after a later one; it believes what
a sheet says of its own size; and of merged cells it reads the first only.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise

from broker.registers.errors import Invalid, Problem

STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_DIMENSION = re.compile(rb"<(\w+:)?dimension\b[^>]*?(/>|>\s*</(\w+:)?dimension\s*>)")
_ROW = re.compile(rb"<(?P<end>/?)(?:\w+:)?row(?P<head>\s[^<>]*|/?)>")
_CELL = re.compile(rb"<(?P<end>/?)(?:\w+:)?c(?P<head>\s[^<>]*|/?)>")
_NUMBER = re.compile(rb"""\br\s*=\s*["']\s*(\d+)""")
_COLUMN = re.compile(rb"""\br\s*=\s*["']\s*\$?([A-Za-z]{1,3})""")
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\b[^>]*\bref\s*=\s*["']([A-Z]+)(\d+):([A-Z]+)(\d+)""")


def made_plain(content: bytes) -> tuple[bytes, dict[str, list[tuple[int, int, int, int]]]]:
    """The workbook with its rows and cells in order, and per sheet's part its merged (column, row, column, row)."""
    out = io.BytesIO()
    merged: dict[str, list[tuple[int, int, int, int]]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for name in dict.fromkeys(source.namelist()):
            part = source.read(name)
            if b"sheetData" in part:
                if STRICT in part[: part.index(b"sheetData")]:
                    raise Invalid([Problem("", "strict_xlsx")])
                part = _in_order(_DIMENSION.sub(b"", part, count=1), _ROW, _row_number)
                merged[name] = [(_column(a), int(b), _column(c), int(d)) for a, b, c, d in _MERGED.findall(part)]
            target.writestr(name, part)
    return out.getvalue(), merged


def _row_number(head: bytes) -> int | None:
    found = _NUMBER.search(head)
    return int(found[1]) if found else None


def _column_number(head: bytes) -> int | None:
    found = _COLUMN.search(head)
    return _column(found[1]) if found else None


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _elements(part: bytes, tag: re.Pattern[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(begin, end, attributes) of each element of a kind; looked at once from the front, however it is written."""
    begin, head = -1, b""
    for found in tag.finditer(part):
        if begin >= 0 and found["end"]:
            yield begin, found.end(), head
            begin = -1
        elif begin < 0 and found["head"].endswith(b"/"):
            yield found.start(), found.end(), found["head"]
        elif begin < 0 and not found["end"]:
            begin, head = found.start(), found["head"]


def _in_order(part: bytes, tag: re.Pattern[bytes], number_of: Callable[[bytes], int | None]) -> bytes:
    """The part with its rows (and in each its cells) in the order of their numbers; two of one number are refused."""
    found: list[tuple[int, bytes]] = []
    last, ascending, changed, first, end = 0, True, False, 0, 0
    for begin, end, head in _elements(part, tag):
        first = first if found else begin
        number = number_of(head) or last + 1
        ascending, last = ascending and number > last, number
        text = part[begin:end]
        plain = _in_order(text, _CELL, _column_number) if tag is _ROW else text
        changed = changed or plain is not text
        found.append((number, plain if number_of(head) or tag is _CELL else _with_number(plain, number)))
    if ascending and not changed:
        return part
    found.sort(key=lambda entry: entry[0])
    twice = next((one for (one, _), (other, _) in pairwise(found) if one == other), None)
    if twice is not None:
        what = f"row {twice}" if tag is _ROW else f"a cell of column {twice}"
        raise Invalid([Problem("", "not_xlsx", {"message": f"{what} is there twice"})])
    return part[:first] + b"".join(text for _, text in found) + part[end:]


def _with_number(row: bytes, number: int) -> bytes:
    """A row that had its number from its place among the others, with its number."""
    return re.sub(rb"^<((?:\w+:)?row)", rb'<\1 r="%d"' % number, row, count=1)
