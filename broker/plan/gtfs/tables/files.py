"""A GTFS feed as files: a folder or a .zip of UTF-8 CSV tables, and where in them something is wrong.

Reading never stops at the first fault: every fault becomes a `Finding`, and whoever reads on works with what
is left, so that a person sees all of them at once. Only what is too large for any area is not read at all.
"""

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

MAX_TABLE_BYTES = 32_000_000  # one table unpacked; a subdistrict needs less than a megabyte
MAX_LINES = 250_000  # of all tables together; a city's 184 runs and 3,924 rooms have 20,000
MAX_COMMAS = 5_000_000  # of one table: as many lines with twenty columns
MAX_DIRECTORY_BYTES = 2_000_000  # a .zip's own list of what is in it
_PIECE_BYTES = 1_000_000
_SHOWN = 100
_SHOWN_CHARACTERS = 60
_END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
_FIXED_TIME = (2000, 1, 1, 0, 0, 0)  # the same feed gives the same .zip, byte for byte


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that cannot be right; `line` counts from 1 with the header, 0 means the whole file."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}" if self.line else f"{self.file}: {self.reason}"


class GtfsError(ValueError):
    """A feed was refused; `findings` holds every reason, in order of file and line; the text shows the first 100."""

    def __init__(self, source: str, findings: Iterable[Finding]):
        self.findings = sorted(set(findings))
        shown = [f"  {finding}" for finding in self.findings[:_SHOWN]]
        if self.unshown:
            shown.append(f"  and {self.unshown} more")
        count = f"{len(self.findings)} problem{'s' if len(self.findings) != 1 else ''}"
        super().__init__("\n".join([f"{source} was not taken over: {count}, correct the feed and try again", *shown]))

    @property
    def unshown(self) -> int:
        """How many findings the text leaves out."""
        return max(0, len(self.findings) - _SHOWN)


def quoted(value: str) -> str:
    """A cell as a finding shows it: its beginning, with what cannot be printed escaped."""
    return repr(value) if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]!r}…"


@dataclass(slots=True)
class Table:
    """One file's rows as (line, cells in order of the columns); `sound` is False when it could not be read whole."""

    name: str
    columns: tuple[str, ...] = ()
    rows: list[tuple[int, Sequence[str]]] = field(default_factory=list)
    present: bool = False
    sound: bool = True
    index: dict[str, int] = field(default_factory=dict)
    stray: set[str] = field(default_factory=set)  # cells of lines that do not fit the header: they may name anything
    _seen: dict[str, frozenset[str]] = field(default_factory=dict)

    def values(self, column: str) -> Iterator[str]:
        """The cells of one column, line by line; none if there is no such column."""
        at = self.index.get(column)
        return iter(()) if at is None else (cells[at] for _, cells in self.rows)

    def may_name(self, column: str, value: str) -> bool:
        """Whether any row has this value in this column, or could have it for all that can be read."""
        if not self.sound or (self.present and column not in self.index):
            return True
        if column not in self._seen:
            self._seen[column] = frozenset(self.values(column))
        return value in self._seen[column] or value in self.stray


def read_tables(source: Path, names: Iterable[str], findings: list[Finding]) -> dict[str, Table]:
    """The named tables of a folder or .zip, trimmed; faults go to `findings`, an absent file is an empty table."""
    tables = {name: Table(name) for name in names}
    for name, raw in _raw_files(source, tables, findings).items():
        tables[name] = _table(name, raw, findings)
    return tables


class _TooLarge(Exception):  # noqa: N818 - the name says what is so
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def _raw_files(source: Path, names: Iterable[str], findings: list[Finding]) -> dict[str, bytes]:
    try:
        if source.is_dir():
            return _bounded({name: (source / name) for name in names if (source / name).is_file()})
        _check_directory(source)
        with zipfile.ZipFile(source) as archive:
            return _bounded(_members(archive, names, findings))
    except _TooLarge as error:
        findings.append(error.finding)
    except FileNotFoundError:
        findings.append(Finding(str(source), 0, "there is no such folder or .zip file"))
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        findings.append(Finding(str(source), 0, f"is not a .zip that can be read: {error}"))
    except OSError as error:
        findings.append(Finding(str(source), 0, f"cannot be read: {error.strerror or error}"))
    return {}


def _check_directory(source: Path) -> None:
    """Refuse a .zip that lists more than any feed holds, before Python reads all of that list."""
    with source.open("rb") as file:
        file.seek(max(0, source.stat().st_size - _END_OF_DIRECTORY.size - 65_535))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if 0 <= at <= len(tail) - _END_OF_DIRECTORY.size:
        size = _END_OF_DIRECTORY.unpack_from(tail, at)[5]
        if size > MAX_DIRECTORY_BYTES:
            raise _TooLarge(Finding(str(source), 0, "holds far more files than a feed has"))


def _members(
    archive: zipfile.ZipFile, names: Iterable[str], findings: list[Finding]
) -> dict[str, tuple[zipfile.ZipFile, zipfile.ZipInfo]]:
    members = {info.filename: info for info in archive.infolist()}
    found = {}
    for name in names:
        if name in members:
            found[name] = (archive, members[name])
            continue
        inside = sorted(member for member in members if member.endswith(f"/{name}") and not member.startswith("__"))
        if inside:
            findings.append(Finding(name, 0, f"lies in a folder of the .zip ({inside[0]}); put it at the top"))
    return found


def _bounded(files: Mapping[str, Path | tuple[zipfile.ZipFile, zipfile.ZipInfo]]) -> dict[str, bytes]:
    """What the files hold; counted while it is read or unpacked, so that nothing huge is ever held."""
    raw, lines = {}, 0
    for name, place in files.items():
        size = place.stat().st_size if isinstance(place, Path) else place[1].file_size
        if size > MAX_TABLE_BYTES:
            raise _TooLarge(Finding(name, 0, f"is {size} bytes long, more than {MAX_TABLE_BYTES}"))
        with place.open("rb") if isinstance(place, Path) else place[0].open(place[1]) as file:
            raw[name], own_lines = _counted(name, file, MAX_LINES - lines)
        lines += own_lines
    return raw


def _counted(name: str, file: IO[bytes], most: int) -> tuple[bytes, int]:
    pieces, line_feeds, returns, commas, size = [], 0, 0, 0, 0
    while piece := file.read(_PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        line_feeds, returns = line_feeds + piece.count(b"\n"), returns + piece.count(b"\r")
        commas += piece.count(b",")
        if max(line_feeds, returns) > most or commas > MAX_COMMAS or size > MAX_TABLE_BYTES:
            raise _TooLarge(Finding(name, 0, f"makes more than {MAX_LINES} lines or {MAX_COMMAS} cells of the feed, "
                                             "more than any area has: one feed is one area, split it"))  # fmt: skip
    return b"".join(pieces), max(line_feeds, returns)


def _table(name: str, raw: bytes, findings: list[Finding]) -> Table:
    table = Table(name, present=True)
    try:
        text = raw.decode("utf-8-sig").lstrip("\ufeff")  # programs that join files leave a second mark
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        findings.append(Finding(name, line, "is not UTF-8; save the file as UTF-8 (with or without a BOM)"))
        table.sound = False
        return table
    same: dict[str, str] = {}  # ids come again and again: one object for each keeps a city's feed small
    for line, cells in _lines(table, text, findings):
        cells = [same.setdefault(cell, cell) for cell in map(str.strip, cells)]
        if not any(cells):
            continue
        if not table.columns:
            _header(table, cells, line, findings)
        elif len(cells) < len(table.columns) or any(cells[len(table.columns) :]):
            findings.append(Finding(name, line, f"has {len(cells)} cells, the header has {len(table.columns)}"))
            table.stray.update(cells)
        else:
            table.rows.append((line, tuple(cells[: len(table.columns)])))
    if not table.columns and table.sound:
        findings.append(Finding(name, 1, "has no header line; a file that says nothing is better left out"))
        table.sound = False
    return table


def _lines(table: Table, text: str, findings: list[Finding]) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of what is CSV; a line that is none is a finding, and the next one is tried."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            ends = "end of data" in str(error)
            twice = f"{error}; a quote within quotes is written twice"
            reason = "a quote is opened and never closed" if ends else twice
            where = " from here on" if ends else ""
            findings.append(Finding(table.name, line, f"is not CSV{where}: {reason}"))
            table.sound = False
            if not table.columns:
                return
        else:
            yield line, cells


def _header(table: Table, columns: Sequence[str], line: int, findings: list[Finding]) -> None:
    table.columns = tuple(columns)
    for at, column in enumerate(columns):
        table.index.setdefault(column, at)
    twice = sorted({column or "(no name)" for column in columns if columns.count(column) > 1})
    findings += [Finding(table.name, line, f"has the column {column} more than once") for column in twice]
    words = {";": "semicolons", "\t": "tabs", "|": "bars"}
    other = next((words[sign] for sign in words if len(columns) == 1 and sign in columns[0]), None)
    if other is not None:
        findings.append(Finding(table.name, line, f"is separated by {other}; GTFS wants commas"))
        table.sound = False


def write_tables(
    target: Path, tables: Mapping[str, tuple[Sequence[str], Iterable[Sequence[str]]]], obsolete: Iterable[str] = ()
) -> None:
    """Write the tables (columns, rows) as a folder, or as one .zip if the name ends so; raises OSError.

    A file is replaced only when its successor is complete. `obsolete` tables of an older feed in the folder are
    removed, other files are left alone.
    """
    texts = {name: _csv(columns, rows) for name, (columns, rows) in tables.items()}
    if target.suffix.lower() != ".zip":
        target.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            _replace(target / name, text)
        for name in obsolete:
            (target / name).unlink(missing_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), text, zipfile.ZIP_DEFLATED)
    _replace(target, packed.getvalue())


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode()


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)
