"""A weighbridge's file as lines of named cells: CSV in the encodings and with the separators that offices use, or XLSX.

A title above the head, blank lines, a line of sums below are as usual as the head itself: the head is the first line
of which two columns are known, one of them a weight. What column is what is said by its words, or by `columns`.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from broker.registers.exchange.csv_text import decode
from broker.registers.exchange.sheets import MAX_BYTES, MAX_ROWS, read_sheets
from broker.reports.weighbridge.cells import WORDS, plain, unit_of

HEAD_WITHIN = 20  # lines
_COLUMNS = {word: name for name, words in WORDS["columns"].items() for word in words}
WEIGHTS = ("net", "gross", "tare")


class Unclear(ValueError):  # noqa: N818  (the name says what is so)
    """A head was found, and what its columns are is not clear."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number in the file, and its cells by what they are."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bridge:
    """What the file has: which column is what by its head, the units its head names, and its lines."""

    heads: Mapping[str, str]
    units: Mapping[str, str]
    lines: Sequence[Line]
    encoding: str
    decimal_comma: bool


def read(content: bytes, columns: Mapping[str, str]) -> Bridge:
    """The lines of a file; `columns` says which head is what where its words do not. Raises ValueError."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"the file has {len(content)} bytes; at most {MAX_BYTES} are read: give it in parts")
    if content[:4] == b"PK\x03\x04":
        sheet = read_sheets(content)[0]
        texts = [(number, [cell or "" for cell in cells]) for number, cells in sheet.rows]
        return _found([(1, list(sheet.header)), *texts], columns, "xlsx", decimal_comma=False)
    text, encoding = decode(content)
    found: Bridge | ValueError = ValueError("there is nothing in it")
    for separator in (",", ";", "\t", "|"):
        rows = _rows(text, separator)
        try:
            one = _found(rows, columns, encoding, decimal_comma=separator == ";")
        except Unclear:
            raise
        except ValueError as why:
            found = why if isinstance(found, ValueError) else found
            continue
        if isinstance(found, ValueError) or len(one.heads) > len(found.heads):
            found = one
    if isinstance(found, ValueError):
        raise found
    return found


def _rows(text: str, separator: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows, before = [], 0
    for cells in reader:
        rows.append((before + 1, [cell.strip("\ufeff\u3000\u00a0 \t'") for cell in cells]))
        before = reader.line_num
    return rows


def _found(
    rows: Iterable[tuple[int, Sequence[str]]], columns: Mapping[str, str], encoding: str, *, decimal_comma: bool
) -> Bridge:
    filled = [(number, cells) for number, cells in rows if any(cells)]
    if len(filled) > MAX_ROWS:
        raise ValueError(f"the file has more than {MAX_ROWS} lines: give it in parts")
    given = {plain(head): name for name, head in columns.items()}
    for place, (_, cells) in enumerate(filled[:HEAD_WITHIN]):
        names, units = _named(cells, given)
        known = [name for name in names if name]
        if len(known) > 1 and any(name in WEIGHTS for name in known):
            missing = [head for name, head in columns.items() if name not in known]
            if missing:
                raise Unclear(f"there is no column {missing[0]!r}; there are {', '.join(filter(None, cells))}")
            double = next((name for name in known if known.count(name) > 1), None)
            if double:
                both = " and ".join(cell for cell, name in zip(cells, names, strict=True) if name == double)
                raise Unclear(f"{both} are both {double}: say which one with --column {double}=HEAD")
            heads = {name: cell for cell, name in zip(cells, names, strict=True) if name}
            lines = [
                Line(number, {name: cell for name, cell in zip(names, row, strict=False) if name and cell})
                for number, row in filled[place + 1 :]
            ]
            return Bridge(heads, units, lines, encoding, decimal_comma)
    told = ", ".join(filter(None, filled[0][1])) if filled else "nothing"
    raise ValueError(f"no head was found that names a truck and a weight; the first line has {told[:200]}")


def _named(cells: Sequence[str], given: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """What each column is, empty where nobody knows, and the unit that a head has behind its word."""
    names, units = [], {}
    for cell in cells:
        word, unit = plain(cell), None
        name = given.get(word)
        if name is None:
            for opened in ("(", "[", "/"):
                before, _, after = word.partition(opened)
                if after and unit_of(after) is not None:
                    word, unit = before.strip(), unit_of(after)
                    break
            name = _COLUMNS.get(word)
            if name in given.values():
                name = None  # another column was said to be that
        else:
            unit = next((unit_of(after) for after in word.replace("[", "(").split("(")[1:] if unit_of(after)), None)
        names.append(name or "")
        if name and unit:
            units[name] = unit
    return names, units
