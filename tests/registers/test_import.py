"""CSV and XLSX in and out: round trips, previews, and a clear refusal by row of everything that is wrong."""

import io
import json
import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from broker.registers.elections.demo import demo_elections
from broker.registers.errors import Invalid
from broker.registers.exchange.files import TABLES, export_file, preview_file
from broker.registers.exchange.oc4ids import export_package, import_package
from broker.registers.exchange.sheets import FORMULA_START, read_sheets, write_csv, write_xlsx
from broker.registers.folder import ELECTIONS, SAFETY
from broker.registers.kept.canonical import canonical_bytes
from broker.registers.privacy import redacted
from broker.registers.safety.demo import demo_works
from broker.registers.validation import checked

SHARED = Path(os.environ.get("ZP_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def elections():
    return checked(ELECTIONS, demo_elections()).model_dump(mode="json")


def safety():
    return checked(SAFETY, demo_works()).model_dump(mode="json")


def empty(kind):
    return kind.model().model_dump(mode="json")


def told(found):
    return [problem.sentence("en") for problem in found.problems]


@pytest.mark.parametrize("lang", ["zh", "en", "code"])
@pytest.mark.parametrize(("kind", "document"), [(ELECTIONS, elections()), (SAFETY, safety())])
@pytest.mark.real  # seconds of work
def test_a_workbook_brings_the_whole_register_back(kind, document, lang):
    """XLSX out and in again, into an empty register, in either language: every field of every table is there."""
    found = preview_file(kind, empty(kind), export_file(kind.name, document, "xlsx", None, lang))
    assert told(found) == []
    if kind is SAFETY:  # the bounds are no table
        found.document["bounds"] = document["bounds"]
    assert canonical_bytes(found.document) == canonical_bytes(document)


@pytest.mark.parametrize(("kind", "document"), [(ELECTIONS, elections()), (SAFETY, safety())])
@pytest.mark.real  # seconds of work
def test_each_table_as_csv_changes_nothing_when_imported_again(kind, document):
    """A CSV that was exported and not touched previews as no change at all."""
    for table in TABLES[kind.name]:
        for lang in ("zh", "en", "code"):
            content = export_file(kind.name, document, "csv", table.name, lang)
            found = preview_file(kind, document, content, table.name)
            assert (told(found), found.changes) == ([], ()), (table.name, lang)


def test_a_json_export_is_taken_back_whole():
    """JSON out and in again is the same register."""
    document = elections()
    found = preview_file(ELECTIONS, document, export_file("elections", document, "json", None, "en"))
    assert (found.problems, found.changes) == ((), ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_chinese_csv_is_read_in_every_usual_encoding(encoding):
    """What the office's spreadsheets write is recognised, and the preview says what was recognised."""
    text = "编号,名称\r\na01,香樟（北）居民区\r\na17,新居民区\r\n"
    found = preview_file(ELECTIONS, elections(), text.encode(encoding), "areas")
    assert told(found) == []
    assert sorted(change.path for change in found.changes) == ["areas/a01/name", "areas/a17"]
    assert found.encodings == ({"utf-8-sig": "utf-8"}.get(encoding, encoding),)


def test_a_table_is_recognised_by_its_columns():
    """Without a table's name the columns decide."""
    text = "组织,届别,编号,姓名,职务,学历\npb-a01,换届后,m01,王小明,书记,本科\n"
    found = preview_file(ELECTIONS, elections(), text.encode())
    assert told(found) == []
    assert "bodies/pb-a01/after/members/m01/name" in [change.path for change in found.changes]


def test_a_blank_cell_is_not_stated_and_a_missing_column_is_left_alone():
    """Blank clears the field; fields without a column stay as they were."""
    text = "body,phase,id,education\npb-a01,after,m01,\n"
    found = preview_file(ELECTIONS, elections(), text.encode(), "members")
    assert [(change.path, change.new) for change in found.changes] == [
        ("bodies/pb-a01/after/members/m01/education", None)]


def test_every_wrong_row_is_reported_with_its_number():
    """Row by row: bad date, bad code, bad number, double row, unknown body; and nothing changes."""
    text = (
        "body,phase,id,post,birth_date,age_years\n"
        "pb-a01,after,m01,书记,2021-02-30,\n"
        "pb-a01,after,m02,emperor,,\n"
        "pb-a01,after,m03,deputy_secretary,,forty\n"
        "pb-a02,after,m01,secretary,,41\n"
        "pb-a02,after,m01,secretary,,42\n"
        "pb-zz,after,m01,secretary,,42\n"
        "pb-a03,during,m01,secretary,,42\n"
        ",after,m01,secretary,,42\n"
    )
    document = elections()
    found = preview_file(ELECTIONS, document, text.encode(), "members")
    assert [problem.row for problem in found.problems] == [2, 3, 4, 6, 7, 8, 9]
    assert found.changes == ()
    assert document == elections()
    assert all(problem.sentence("zh") for problem in found.problems)


def test_a_broken_rule_points_to_the_row_that_broke_it():
    """Rules between fields are reported at the row of the file, not only at the path."""
    text = "id,eligible,present\npb-a01,100,90\npb-a02,100,101\n"
    found = preview_file(ELECTIONS, elections(), text.encode(), "bodies")
    rows = {problem.row for problem in found.problems}
    assert 3 in rows
    assert any("larger than" in line and "pb-a02" in line for line in told(found))


BAD_FILES = {
    "empty": b"", "blank lines": b"\n\n\n", "no known column": b"foo,bar\n1,2\n",
    "double column": b"id,id,name\na,b,c\n", "formula": b"id,name\na01,=1+1\n",
    "formula at": b"id,name\na01,@SUM(A1)\n",
    "formula plus": b"id,name\na01,+cmd|' /C calc'!A0\n", "broken quotes": b'id,name\na01,"x\ny,z\n',
    "not text": b"id,name\na01,\xff\xfe\xfa\n", "zip but no workbook": b"PK\x03\x04rubbish",
    "half json": b'{"format": "zhanpai-elections/1", ', "json list": b"[1, 2]", "wrong json": b'{"format": "other"}',
    "too long a cell": b"id,name\na01," + b"x" * 5000 + b"\n", "nul": b"id,name\na01,a\x00b\n",
    "identity number as id": "id,name\n310104198002031234,某某\n".encode(),
    "too big": b"id,name\n" + b"a01,x\n" * 800_000,
    "too many rows": b"id,name\n" + b"".join(b"n%d,x\n" % n for n in range(20_005)),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_in_a_sentence(name):
    """Whatever is wrong with a file, the answer is a sentence in both languages, and nothing changes."""
    document = elections()
    found = preview_file(ELECTIONS, document, BAD_FILES[name], None if "json" in name else "areas")
    assert found.problems
    assert found.changes == ()
    assert all(len(problem.sentence(lang)) > 5 for problem in found.problems for lang in ("en", "zh"))


def test_formulas_and_wrong_sheets_of_a_workbook_are_refused():
    """A formula cell is refused by sheet and row; a sheet nobody knows is named."""
    book = Workbook()
    sheet = book.active
    sheet.title = "居民区"
    sheet.append(["编号", "名称"])
    sheet.append(["a01", "=HYPERLINK(\"http://x\")"])
    out = io.BytesIO()
    book.save(out)
    found = preview_file(ELECTIONS, elections(), out.getvalue())
    assert (found.problems[0].code, found.problems[0].sheet, found.problems[0].row) == ("formula", "居民区", 2)
    sheet["B2"] = "正常"
    sheet.title = "不知道"
    out = io.BytesIO()
    book.save(out)
    assert preview_file(ELECTIONS, elections(), out.getvalue()).problems[0].code in ("unknown_sheet", "which_table")


def test_a_broken_cell_of_a_workbook_is_refused():
    """What is left of a broken formula is no value."""
    book = Workbook()
    book.active.title = "areas"
    book.active.append(["id", "name"])
    book.active.append(["a01", "#REF!"])
    book.active["B2"].data_type = "e"
    out = io.BytesIO()
    book.save(out)
    assert preview_file(ELECTIONS, elections(), out.getvalue()).problems[0].code == "formula"


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    """A workbook that unpacks to more than 40 MB is refused by its directory."""
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"0" * 60_000_000)
    with pytest.raises(Invalid) as caught:
        read_sheets(out.getvalue())
    assert caught.value.problems[0].code == "too_big"


def test_excel_dates_and_numbers_are_read_as_they_are_meant():
    """Cells typed as date or number by the spreadsheet become days and whole numbers."""
    book = Workbook()
    sheet = book.active
    sheet.title = "members"
    sheet.append(["body", "phase", "id", "post", "since", "consecutive_terms"])
    sheet.append(["pb-a01", "after", "m01", "secretary", date(2015, 4, 1), 3.0])
    out = io.BytesIO()
    book.save(out)
    found = preview_file(ELECTIONS, elections(), out.getvalue())
    assert told(found) == []
    assert {change.path.rsplit("/", 1)[1]: change.new for change in found.changes} == {
        "since": "2015-04-01", "consecutive_terms": 3}


CELL = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20).map(str.strip).filter(bool)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_back_and_is_never_a_formula(rows):
    """Any text survives CSV and XLSX; no cell of the file starts like a formula, none is one in the workbook."""
    csv_bytes = write_csv(["a", "b"], rows)
    for line in csv_bytes.decode("utf-8-sig").split("\r\n")[1:-1]:
        assert not line.lstrip('"').startswith(("=", "@"))
    wanted = [tuple(cell.strip(" \u3000") or None for cell in row) for row in rows]
    wanted = [row for row in wanted if any(row)]
    wanted = [tuple(_unquoted(cell) for cell in row) for row in wanted]
    assert [cells for _, cells in read_sheets(csv_bytes)[0].rows] == wanted
    book = load_workbook(io.BytesIO(write_xlsx([("s", ["a", "b"], rows)])))
    assert all(cell.data_type != "f" for row in book.active.iter_rows() for cell in row)


def test_a_heading_is_no_formula_either():
    """Estates and routes stand there by the names that somebody gave them."""
    heading, rows = '=HYPERLINK("http://x")', [["1"]]
    assert not write_csv([heading], rows).decode("utf-8-sig").lstrip('"').startswith("=")
    book = load_workbook(io.BytesIO(write_xlsx([("s", [heading], rows)])))
    assert [(cell.data_type, cell.value) for cell in book.active[1]] == [("s", heading)]


def _unquoted(cell):
    """A text that itself starts with an apostrophe before a formula sign loses it: the mark is not doubled."""
    if cell and cell[0] == "'" and cell[1:].startswith(FORMULA_START):
        return cell[1:]
    return cell


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_bytes_break_the_import(content):
    """Random bytes give problems or a preview, never an exception."""
    preview_file(ELECTIONS, empty(ELECTIONS), content)


@given(st.text("idname,编号名称\n\"';=a01\t\r", max_size=120))
@settings(max_examples=60, deadline=None)
def test_no_table_breaks_the_import(text):
    """Nearly right tables give problems or a preview, never an exception."""
    preview_file(ELECTIONS, empty(ELECTIONS), text.encode(), "areas")


def test_an_export_without_the_right_holds_no_name_and_no_birth_date():
    """The redacted register has neither in any format, and its figures are the same."""
    from broker.registers.elections.figures import compute

    document = elections()
    safe = redacted(document)
    births = [m["birth_date"] for b in document["bodies"] for p in ("before", "after") if b[p] for m in b[p]["members"]]
    for form, table in (("json", None), ("csv", "members")):
        text = export_file("elections", safe, form, table, "en").decode("utf-8-sig")
        assert "示例书记" not in text
        assert not any(birth in text for birth in births)
    before, after = checked(ELECTIONS, document), checked(ELECTIONS, safe)
    assert [(c.before, c.after) for c in compute(before.bodies)] == [(c.before, c.after) for c in compute(after.bodies)]


# -- OC4IDS --------------------------------------------------------------------------------------------------------


def oc4ids(name):
    path = SHARED / "data" / "oc4ids" / name
    if not path.exists():
        pytest.skip(f"{path} is absent: the OC4IDS standard cannot be checked here")
    return json.loads(path.read_text(encoding="utf-8"))


def package_of(document):
    from zoneinfo import ZoneInfo

    return export_package(
        checked(SAFETY, document), uri="urn:zhanpai:safety", publisher="站牌", changed_at=1_622_505_600, prefix="zp",
        zone=ZoneInfo("Asia/Shanghai"),
    )


def test_the_oc4ids_export_validates_against_its_schema():
    """The package and each of its projects obey the standard's own schemas."""
    from jsonschema import Draft4Validator, FormatChecker

    project, package = oc4ids("project-schema.json"), oc4ids("project-package-schema.json")
    written = json.loads(json.dumps(package_of(safety())))
    package["properties"]["projects"]["items"] = {}
    errors = [error.message for error in Draft4Validator(package, format_checker=FormatChecker()).iter_errors(written)]
    validator = Draft4Validator(project, format_checker=FormatChecker())
    for item in written["projects"]:
        errors += [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(item)]
    assert errors == []
    assert len(written["projects"]) == 63


def test_the_oc4ids_export_comes_back_as_the_same_sites():
    """Export and import again: every site is as it was, but for what OC4IDS has no place for."""
    document = safety()
    package = json.loads(json.dumps(package_of(document)))
    bare = {**document, "sites": []}
    result, remarks = import_package(package, bare, programme=None, estate=None, prefix="zp")
    back = checked(SAFETY, result).model_dump(mode="json")
    for site in document["sites"]:
        site["inspections"], site["defects"] = [], []
    assert back["sites"] == canonical(document)["sites"]
    assert remarks == []


def canonical(document):
    return json.loads(canonical_bytes(document))


def test_the_real_oc4ids_example_imports():
    """The standard's own example becomes a site with milestone, progress and acceptance; the rest is remarked on."""
    document = safety()
    result, remarks = import_package(oc4ids("example.json"), document, programme="rescue", estate="e01", prefix="zp")
    register = checked(SAFETY, result)
    site = next(item for item in register.sites if item.title.startswith("M75"))
    assert (site.status, len(site.milestones), [seen.measure for seen in site.progress]) == (
        "maintenance", 1, [0.5, 0.75, 1.0])
    assert site.acceptance.accepted_on == date(2018, 12, 10)
    assert site.place is None
    assert any("outside the subdistrict" in remark for remark in remarks)


@pytest.mark.parametrize("package", [
    None, [], {}, {"projects": {}}, {"projects": [1]}, {"projects": [{"id": "x"}]},
    {"projects": [{"id": "x", "milestones": [{"id": "m", "status": "done"}]}]},
    {"projects": [{"id": "x", "metrics": 5}]},
    {"projects": [{"id": "x", "locations": [{"geometry": {"type": "Point"}}]}]},
    {"projects": [{"id": "x", "completion": {"endDate": "yesterday"}}]},
])
def test_a_wrong_oc4ids_package_is_refused_with_the_project(package):
    """Whatever is wrong, the error names the project, and nothing changes."""
    with pytest.raises(Invalid):
        import_package(package, safety(), programme=None, estate="e01", prefix="zp")
