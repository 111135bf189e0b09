"""Import and export of whole registers as files, the same for command line, API and pages."""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from typing import Any

from broker.registers.errors import Invalid, NotFound, Problem
from broker.registers.exchange.preview import Preview, preview
from broker.registers.exchange.sheets import read_sheets, write_csv, write_xlsx
from broker.registers.exchange.tables import ELECTION_TABLES, SAFETY_TABLES, Table
from broker.registers.validation import Kind, checked_text

TABLES: Mapping[str, Sequence[Table]] = {"elections": ELECTION_TABLES, "safety": SAFETY_TABLES}
MEDIA = {
    "csv": "text/csv; charset=utf-8", "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def table_of(register: str, name: str) -> Table:
    """The table of this name in either language; NotFound names those that exist."""
    for table in TABLES[register]:
        if name in table.titles():
            return table
    raise NotFound(f"no table {name!r}; there are {', '.join(table.name for table in TABLES[register])}")


def preview_file(kind: Kind[Any], document: Mapping[str, Any], content: bytes, table: str | None = None) -> Preview:
    """What importing this CSV, XLSX or JSON file would change; problems instead of an exception."""
    from broker.registers.kept.differences import difference

    content = content.removeprefix(BOM_UTF8) if content.removeprefix(BOM_UTF8).lstrip()[:1] == b"{" else content
    try:
        if content.lstrip()[:1] == b"{":
            value, _ = checked_text(kind, content, document)
            new = value.model_dump(mode="json")
            return Preview(new, tuple(difference(document, new)), (), 0, ("utf-8",))
        return preview(kind, TABLES[kind.name], document, read_sheets(content), table)
    except Invalid as error:
        return Preview(dict(document), (), error.problems, 0, ())


def export_file(register: str, document: Mapping[str, Any], form: str, table: str | None, lang: str) -> bytes:
    """The register (already redacted, if need be) as `csv` (one table), `xlsx` (all or one) or `json`."""
    if form == "json":
        return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
    tables = [item.as_shown(document) for item in ([table_of(register, table)] if table else TABLES[register])]
    if form == "xlsx":
        return write_xlsx(
            (item.title(lang), item.header(lang), item.rows(document)) for item in tables
        )
    if form != "csv":
        raise Invalid([Problem("format", "not_one_of", {"expected": "csv, xlsx, json"})])
    if len(tables) != 1:
        names = ", ".join(item.name for item in tables)
        raise Invalid([Problem("table", "rule", {"message": f"a CSV file holds one table: name one of {names}"})])
    return write_csv(tables[0].header(lang), tables[0].rows(document))
