"""Files as spreadsheets and WPS write them are read rightly, or refused with what to do; nothing is lost in silence."""

import codecs
import io
import re
import zipfile

import pytest
from openpyxl import Workbook

from broker.registers.errors import Invalid
from broker.registers.exchange.files import export_file, preview_file
from broker.registers.exchange.sheets import read_sheets
from broker.registers.folder import SAFETY
from broker.registers.safety.demo import demo_works
from broker.registers.validation import checked

HEADER = ["id", "programme", "estate", "title", "status"]
ROWS = [HEADER, ["ebike-91", "ebike", "e01", "东门充电棚", "preparation"],
        ["ebike-92", "ebike", "e02", "西门充电棚", "preparation"]]  # fmt: skip
CSV = "\n".join(",".join(row) for row in ROWS) + "\n"


def read(content):
    """The rows of the only table, header first, without their numbers."""
    (sheet,) = read_sheets(content)
    return [list(sheet.header), *(list(cells) for _, cells in sheet.rows)]


def told(content):
    with pytest.raises(Invalid) as refused:
        read_sheets(content)
    return [problem.sentence("en") for problem in refused.value.problems]


def workbook(change, *, rows=ROWS, merged=(), formats=()):
    """A workbook of `rows` whose sheet's XML went through `change`."""
    book = Workbook()
    sheet = book.active
    sheet.title = "sites"
    for row in rows:
        sheet.append(row)
    for area in merged:
        sheet.merge_cells(area)
    for cell, number_format in formats:
        sheet[cell].number_format = number_format
    raw, out = io.BytesIO(), io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(out, "w") as target:
        for item in source.infolist():
            part = source.read(item)
            target.writestr(item, change(part) if item.filename.startswith("xl/worksheets/") else part)
    return out.getvalue()


def rows_of(part):
    return re.findall(rb"<row\b.*?</row>", part)


def with_rows(part, rows):
    old = rows_of(part)
    return part[: part.index(old[0])] + b"".join(rows) + part[part.index(old[-1]) + len(old[-1]):]


def upside_down(part):
    return with_rows(part, rows_of(part)[::-1])


def mixed(part):
    first, second, third = rows_of(part)
    return with_rows(part, [second, third, first])


def cells_backwards(part):
    return with_rows(part, [row[: row.index(b"<c")] + b"".join(re.findall(rb"<c\b.*?</c>", row)[::-1]) + b"</row>"
                            for row in rows_of(part)])  # fmt: skip


def spaced_out(part):
    """Row 9 before row 3, as a sheet that was sorted is written by some programs."""
    first, second, third = rows_of(part)
    far = re.sub(rb'r="([A-Z]*)3"', rb'r="\g<1>9"', third)
    near = re.sub(rb'r="([A-Z]*)2"', rb'r="\g<1>3"', second)
    return with_rows(part, [first, far, near])


@pytest.mark.parametrize("change", [upside_down, mixed, cells_backwards, spaced_out, lambda part: part])
def test_the_order_in_the_file_is_not_the_order_in_the_table(change):
    """Rows and cells have numbers, and those count: none is lost for coming after a later one."""
    assert read(workbook(change)) == ROWS
    found = preview_file(SAFETY, checked(SAFETY, demo_works()).model_dump(mode="json"), workbook(change))
    assert not found.problems
    assert {change.path.split("/")[1] for change in found.changes} == {"ebike-91", "ebike-92"}


def test_a_row_or_a_cell_that_is_there_twice_is_refused():
    """Which one counts would be a guess."""
    twice = workbook(lambda part: with_rows(part, [*rows_of(part), rows_of(part)[-1]]))
    assert told(twice) == ["not a readable XLSX workbook: row 3 is there twice"]
    cell = workbook(lambda part: re.sub(rb"(<c r=\"B2\".*?</c>)", rb"\1\1", part))
    assert told(cell) == ["not a readable XLSX workbook: a cell of column 2 is there twice"]


def test_merged_cells_among_the_rows_are_refused():
    """All but the first are blank in the file, and a blank cell would say "not stated". The header's may be merged."""
    rows = [HEADER, ROWS[1], ["ebike-92", None, "e02", "西门充电棚", "preparation"]]
    assert told(workbook(lambda part: part, rows=rows, merged=["B2:B3"])) == [
        "sheet sites, row 2: merged cells under “programme”: unmerge them and write the value into each row"
    ]
    assert read(workbook(lambda part: part, merged=["G1:H1"])) == ROWS


def test_days_of_chinese_formats_and_what_arithmetic_left_are_as_shown():
    """Formats 27 to 58 are days in China; a spreadsheet shows fifteen digits of a number."""
    rows = [["site", "on", "measure"], ["ebike-1", 46000, 0.1 + 0.2], ["ebike-2", 46001.0, 1e-7]]
    content = workbook(lambda part: part, rows=rows, formats=[("B2", "m/d/yy"), ("B3", "m/d/yy")])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for item in source.infolist():
            part = source.read(item)
            if item.filename == "xl/styles.xml":
                part = re.sub(rb'<numFmts.*?</numFmts>', b"", part)
                part = re.sub(rb'numFmtId="(16\d|14|30)"', b'numFmtId="31"', part)
            target.writestr(item, part)
    assert read(out.getvalue())[1:] == [["ebike-1", "2025-12-09", "0.3"], ["ebike-2", "2025-12-10", "0.0000001"]]


def test_what_xml_cannot_hold_comes_back_as_it_was():
    """WPS writes a line end as _x000D_."""
    rows = [HEADER, ["ebike-91", "ebike", "e01", "东门_x000D_\n充电棚", "preparation"]]
    assert read(workbook(lambda part: part, rows=rows))[1][3] == "东门\n充电棚"


@pytest.mark.parametrize(
    "content",
    [
        ("sep=;\r\n" + CSV.replace(",", ";")).encode(),
        ("sep=,\n" + CSV).encode("utf-8-sig"),
        ('"SEP=\t"\r\n' + CSV.replace(",", "\t")).encode("utf-16"),
        CSV.replace(",", "\t").encode("utf-16"),
        CSV.replace(",", "\t").encode("utf-16-le"),
        CSV.encode("utf-16-be"),
        CSV.encode("utf-32"),
        CSV.encode("gb18030"),
        b"\x84\x31\x95\x33" + CSV.encode("gb18030"),
        CSV.replace(",", "\u00a0,").encode(),
        "\n".join(", ".join(f'"{cell}"' for cell in row) for row in ROWS).encode(),
        ("\n,,,,\n" + CSV).encode(),
    ],
    ids=["sep=;", "mark, sep=,", "sep=tab, UTF-16", "UTF-16", "UTF-16 LE, no mark", "UTF-16 BE, no mark", "UTF-32",
         "GB 18030", "GB 18030 with a mark", "hard spaces", "spaces before quotes", "blank rows above"],
)  # fmt: skip
def test_a_csv_of_any_spreadsheet_is_read(content):
    """Whatever its encoding, its separator and how it says that."""
    assert read(content) == ROWS


def test_the_rows_of_a_file_that_says_its_separator_keep_their_numbers():
    """A finding names the line that a person sees in the file."""
    (sheet,) = read_sheets(("sep=;\n" + CSV.replace(",", ";")).encode())
    assert [number for number, _ in sheet.rows] == [3, 4]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (CSV.encode()[:-14], "neither UTF-8, UTF-16 with a mark, nor GB18030"),
        (CSV.encode().replace(b"preparation", b"prep\xffaration"), "neither UTF-8"),
        ("id,programme,estate,title,status\nebike-93,ebike,e01,東門許功蓋,preparation\n".encode("big5"),
         "neither UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "this is an old Excel file (.xls), or one with a password"),
        (b"\r\n<html><table><tr><td>id</td></tr></table>", "this is a web page or an XML file"),
        (b"%PDF-1.4\n", "this is a PDF"),
        (b"PK\x05\x06" + bytes(18), "this is a .zip that is no workbook"),
    ],
)  # fmt: skip
def test_what_would_be_rubbish_is_refused_with_what_to_do(content, reason):
    """Half a character is no reason to read a whole file as another encoding."""
    assert reason in told(content)[0]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_long_numbers_and_odd_texts_go_out_and_in_without_a_change(form):
    """Fifteen digits are what a spreadsheet keeps, and _x0041_ is no A."""
    document = demo_works()
    site = document["sites"][0]
    site["place"] = {"lat": 31.190000000000083, "lon": 121.43712345678901}
    site["title"] = "charging _x0041_ shed"
    document = checked(SAFETY, document).model_dump(mode="json")
    found = [preview_file(SAFETY, document, content, None if form == "xlsx" else table)
             for table, content in exported(document, form)]  # fmt: skip
    assert [[problem.sentence("en") for problem in one.problems] for one in found] == [[]] * len(found)
    assert [one.changes for one in found] == [()] * len(found)


def exported(document, form):
    """(table, file) of what an export writes: the tables of sites one by one as CSV, or all in a workbook."""
    if form == "xlsx":
        return [(None, export_file("safety", document, "xlsx", None, "code"))]
    return [(name, export_file("safety", document, "csv", name, "code")) for name in ("sites", "milestones")]


def test_a_register_as_json_may_begin_with_a_mark():
    """As the editor of Windows writes it."""
    document = checked(SAFETY, demo_works()).model_dump(mode="json")
    content = export_file("safety", document, "json", None, "code")
    assert preview_file(SAFETY, document, codecs.BOM_UTF8 + content).problems == ()
