"""A GTFS feed as files: a folder or a .zip of UTF-8 CSV tables, and where in them something is wrong.

Reading never stops at the first fault: every fault becomes a `Finding`, and whoever reads on works with what
is left, so that a person sees all of them at once.
"""

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MAX_TABLE_BYTES = 64_000_000  # one table unpacked; a subdistrict needs less than a megabyte
_SHOWN = 20
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
    """A feed was refused; `findings` holds every reason, in order of file and line."""

    def __init__(self, source: str, findings: Iterable[Finding]):
        self.findings = sorted(set(findings))
        shown = [f"  {finding}" for finding in self.findings[:_SHOWN]]
        if len(self.findings) > _SHOWN:
            shown.append(f"  and {len(self.findings) - _SHOWN} more")
        count = f"{len(self.findings)} problem{'s' if len(self.findings) != 1 else ''}"
        super().__init__("\n".join([f"{source} was not taken over: {count}, correct the feed and try again", *shown]))


@dataclass(slots=True)
class Table:
    """One file's rows as (line, cells by column); `sound` is False when rows are known to be missing from it."""

    name: str
    columns: tuple[str, ...] = ()
    rows: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    present: bool = False
    sound: bool = True
    _seen: dict[str, frozenset[str]] = field(default_factory=dict)

    def names(self, column: str, value: str) -> bool:
        """Whether any row has this value in this column."""
        if column not in self._seen:
            self._seen[column] = frozenset(cells.get(column, "") for _, cells in self.rows)
        return value in self._seen[column]


def read_tables(source: Path, names: Iterable[str], findings: list[Finding]) -> dict[str, Table]:
    """The named tables of a folder or .zip, trimmed; faults go to `findings`, an absent file is an empty table."""
    tables = {name: Table(name) for name in names}
    for name, raw in _raw_files(source, tables, findings).items():
        tables[name] = _table(name, raw, findings)
    return tables


def _raw_files(source: Path, names: Iterable[str], findings: list[Finding]) -> dict[str, bytes]:
    try:
        if source.is_dir():
            return {name: (source / name).read_bytes() for name in names if (source / name).is_file()}
        with zipfile.ZipFile(source) as archive:
            return _zipped_files(archive, names, findings)
    except FileNotFoundError:
        findings.append(Finding(str(source), 0, "there is no such folder or .zip file"))
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        findings.append(Finding(str(source), 0, f"is not a .zip that can be read: {error}"))
    except OSError as error:
        findings.append(Finding(str(source), 0, f"cannot be read: {error.strerror or error}"))
    return {}


def _zipped_files(archive: zipfile.ZipFile, names: Iterable[str], findings: list[Finding]) -> dict[str, bytes]:
    raw = {}
    members = {info.filename: info for info in archive.infolist()}
    for name in names:
        info = members.get(name)
        if info is None:
            inside = sorted(member for member in members if member.endswith(f"/{name}"))
            if inside:
                findings.append(Finding(name, 0, f"lies in a folder of the .zip ({inside[0]}); put it at the top"))
        elif info.file_size > MAX_TABLE_BYTES:
            findings.append(Finding(name, 0, f"is {info.file_size} bytes long, more than {MAX_TABLE_BYTES}"))
        else:
            raw[name] = archive.read(info)
    return raw


def _table(name: str, raw: bytes, findings: list[Finding]) -> Table:
    table = Table(name, present=True)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        findings.append(Finding(name, line, "is not UTF-8; save the file as UTF-8 (with or without a BOM)"))
        table.sound = False
        return table
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if not table.columns:
                if any(cell.strip() for cell in cells):
                    _header(table, [cell.strip() for cell in cells], line, findings)
            elif any(cell.strip() for cell in cells):
                _row(table, cells, line, findings)
            line = reader.line_num + 1
    except csv.Error as error:
        findings.append(Finding(name, line, f"is not CSV from here on: {error}"))
        table.sound = False
    if not table.columns:
        findings.append(Finding(name, 1, "has no header line"))
        table.sound = False
    return table


def _header(table: Table, columns: Sequence[str], line: int, findings: list[Finding]) -> None:
    table.columns = tuple(columns)
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        findings.append(Finding(table.name, line, f"has the column {column or '(no name)'} more than once"))
        table.sound = False


def _row(table: Table, cells: Sequence[str], line: int, findings: list[Finding]) -> None:
    if len(cells) != len(table.columns):
        reason = f"has {len(cells)} cells, the header has {len(table.columns)}"
        findings.append(Finding(table.name, line, reason))
        table.sound = False
    else:
        table.rows.append((line, {c: cell.strip() for c, cell in zip(table.columns, cells, strict=True)}))


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
