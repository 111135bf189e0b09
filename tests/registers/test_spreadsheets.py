"""What spreadsheets do to a register's tables changes nothing that nobody changed, and is refused where it could."""

import io
import json
import re
import zipfile
from datetime import date, datetime
from functools import cache

import pytest
from openpyxl import Workbook

from broker.registers.elections.demo import demo_elections
from broker.registers.errors import Invalid
from broker.registers.exchange.files import TABLES, export_file, preview_file
from broker.registers.exchange.sheets import read_sheets, write_csv
from broker.registers.folder import ELECTIONS, SAFETY
from broker.registers.privacy import redacted
from broker.registers.safety.demo import demo_works
from broker.registers.validation import checked
from tests.support.registers import open_registers

SITES = [["id", "programme", "estate", "title", "status"],
         ["ebike-91", "ebike", "e01", "东门充电棚", "preparation"],
         ["ebike-92", "ebike", "e02", "西门充电棚", "preparation"]]  # fmt: skip


@cache
def made(kind, demo):
    return checked(kind, demo()).model_dump_json()


def works():
    return json.loads(made(SAFETY, demo_works))


def roster():
    return json.loads(made(ELECTIONS, demo_elections))


def told(found):
    return [problem.sentence("en") for problem in found.problems]


def changed(found):
    return sorted(change.path for change in found.changes)


def workbook(sheets, formats=(), dimension=None):
    """The bytes of a workbook of {name: rows}; `formats` are (sheet, cell, number format), `dimension` a false one."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    for name, cell, number_format in formats:
        book[name][cell].number_format = number_format
    raw = io.BytesIO()
    book.save(raw)
    if dimension is None:
        return raw.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(out, "w") as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename.startswith("xl/worksheets/"):
                content = re.sub(rb"<dimension[^>]*/>", dimension, content)
            target.writestr(item, content)
    return out.getvalue()


# -- what a workbook says of its own size ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dimension",
    [b"", b'<dimension ref="A1"/>', b'<dimension ref="A1:E2"/>', b'<dimension ref="A1:B99"/>',
     b'<dimension ref="C3:XFD1048576"/>', b"<dimension/>", b"<dimension></dimension>", b'<dimension ref="A1:Z"/>',
     b'<dimension ref="#REF!"/>', b'<dimension ref="Sheet1!A1:E3"/>', b'<dimension rel="A1"/>',
     b'<dimension ref="A1:B99"></dimension>'],
    ids=["none", "one cell", "too short", "too narrow", "far too large", "no ref", "nothing", "no row", "error",
         "other", "other name", "in two parts"],
)  # fmt: skip
@pytest.mark.parametrize("order", [("sites", "milestones"), ("milestones", "sites")])
def test_a_workbooks_cells_count_and_not_its_dimension(dimension, order):
    """Every sheet is read to its last cell, whatever the file says of its size."""
    steps = [["site", "id", "title", "due on"], ["ebike-91", "m1", "选址", "2021-09-15"]]
    rows = {"sites": SITES, "milestones": steps}
    content = workbook({name: rows[name] for name in order}, dimension=dimension)
    found = preview_file(SAFETY, works(), content)
    assert (told(found), changed(found)) == ([], ["sites/ebike-91", "sites/ebike-92"])
    assert len(found.document["sites"]) == 63 + 2


def test_a_workbook_of_the_strict_form_is_named_as_such():
    """Its cells cannot be read: that nothing stands in it would be untrue, and what to do is said."""
    raw, strict = io.BytesIO(workbook({"sites": SITES})), io.BytesIO()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(strict, "w") as target:
        for item in source.infolist():
            usual = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
            content = source.read(item).replace(usual, b"http://purl.oclc.org/ooxml/spreadsheetml/main")
            target.writestr(item, content)
    with pytest.raises(Invalid, match=r"save it as an ordinary Excel workbook \(.xlsx\)"):
        read_sheets(strict.getvalue())


@pytest.mark.parametrize("dimension", [None, b'<dimension ref="A1"/>'])
@pytest.mark.parametrize("rows", [[], SITES[:1], [[None, None], [None]]], ids=["empty", "header only", "blank"])
def test_nothing_found_is_an_error(rows, dimension):
    """A file from which nothing can be taken is not a success without changes."""
    found = preview_file(SAFETY, works(), workbook({"sites": rows}, dimension=dimension))
    assert len(found.problems) == 1
    assert found.problems[0].code in ("nothing_found", "no_header")
    assert preview_file(SAFETY, works(), write_csv(SITES[0], []), "sites").problems[0].code == "nothing_found"


def test_text_that_only_looks_like_a_formula_comes_back():
    """Typed as text by a workbook, marked in a CSV, it is the same text again, apostrophes too."""
    document = works()
    for number, title in enumerate(("=1+1", "'=1+1", "''-x", "-3", "+甲", "@乙", "'丙", "007")):
        document["sites"][number]["title"] = title
    document["sites"][9]["description"] = "one\ntwo\n"
    for form, table in (("xlsx", None), ("csv", "sites")):
        found = preview_file(SAFETY, document, export_file("safety", document, form, table, "en"), table)
        assert (told(found), changed(found)) == ([], []), form


def test_formatted_rows_below_the_last_do_not_count():
    """An office's sheet often goes on empty for thousands of rows; a cell far to the right is told, not dropped."""
    book = Workbook()
    sheet = book.active
    sheet.title = "sites"
    for row in SITES:
        sheet.append(row)
    sheet.cell(30_000, 1).number_format = "000"
    raw = io.BytesIO()
    book.save(raw)
    assert changed(preview_file(SAFETY, works(), raw.getvalue())) == ["sites/ebike-91", "sites/ebike-92"]
    sheet.cell(2, 70).value = "lost?"
    book.save(raw := io.BytesIO())
    assert [problem.code for problem in preview_file(SAFETY, works(), raw.getvalue()).problems] == ["too_many_columns"]
    found = preview_file(ELECTIONS, roster(), b"id,name\na01,New,and more\n", "areas")
    assert [problem.code for problem in found.problems] == ["extra_cell"]


# -- leading zeros ---------------------------------------------------------------------------------------------------


def with_key_007():
    document = works()
    document["sites"][0]["milestones"][0]["id"] = "007"
    return document, f"sites/{document['sites'][0]['id']}/milestones/007/title"


@pytest.mark.parametrize("form", ["csv", "number", "float", "000", '"0"00', "text"])
def test_a_key_that_lost_its_zeros_is_still_the_same_record(form):
    """7 is 007 where the register has that; the cell's format gives the zeros back by itself."""
    document, path = with_key_007()
    site = document["sites"][0]["id"]
    head = ["site", "id", "title"]
    if form == "csv":
        found = preview_file(SAFETY, document, write_csv(head, [[site, "7", "新"]]), "milestones")
    else:
        key = {"number": 7, "float": 7.0, "text": "7"}.get(form, 7)
        formats = [("milestones", "B2", form)] if "0" in form else []
        found = preview_file(SAFETY, document, workbook({"milestones": [head, [site, key, "新"]]}, formats))
    assert (told(found), changed(found)) == ([], [path])


def test_a_format_of_zeros_names_a_new_record():
    """Where the register has nothing like it, what the person saw counts."""
    document, _ = with_key_007()
    head = ["site", "id", "title"]
    content = workbook({"milestones": [head, [document["sites"][0]["id"], 12, "新"]]}, [("milestones", "B2", "0000")])
    assert changed(preview_file(SAFETY, document, content))[0].endswith("/milestones/0012")


def test_a_key_that_could_be_several_is_refused_with_the_reason():
    """007 and 07 have both become 7."""
    document, _ = with_key_007()
    site = document["sites"][0]
    site["milestones"].append({**site["milestones"][1], "id": "07"})
    found = preview_file(SAFETY, document, write_csv(["site", "id", "title"], [[site["id"], "7", "新"]]), "milestones")
    assert [(problem.code, problem.row) for problem in found.problems] == [("zeros_lost", 2)]
    assert "could be 007, 07" in told(found)[0]


def test_zeros_are_found_in_every_key_of_a_path_and_in_other_texts():
    """A body 001 and its member 02 are found by 1 and 2; the area 01 it belongs to is not taken from it."""
    document = {"format": "zhanpai-elections/1", "areas": [{"id": "01", "name": "甲"}], "bodies": [{
        "id": "001", "area": "01", "kind": "party_branch", "level": "first", "name": "甲总支",
        "after": {"starts_on": "2021-04-10", "members": [{"id": "02", "post": "secretary"}]}}]}  # fmt: skip
    document = checked(ELECTIONS, document).model_dump(mode="json")
    members = write_csv(["body", "phase", "id", "education"], [["1", "after", "2", "bachelor"]])
    assert changed(preview_file(ELECTIONS, document, members, "members")) == [
        "bodies/001/after/members/02/education"
    ]
    bodies = write_csv(["id", "area", "name"], [["1", "1", "新名"]])
    assert changed(preview_file(ELECTIONS, document, bodies, "bodies")) == ["bodies/001/name"]
    twice = write_csv(["id", "name"], [["001", "一"], ["1", "二"]])
    assert [problem.code for problem in preview_file(ELECTIONS, document, twice, "bodies").problems] == ["double_row"]


def test_a_key_of_which_a_day_was_made_is_refused():
    """A spreadsheet reads 3-1 as the first of March."""
    content = workbook({"milestones": [["site", "id", "title"], [works()["sites"][0]["id"], date(2026, 3, 1), "新"]]})
    assert [problem.code for problem in preview_file(SAFETY, works(), content).problems] == ["key_day"]


def with_site(*ids):
    """The works, whose first sites have these ids."""
    document = works()
    for site, id_ in zip(document["sites"], ids, strict=False):
        site["id"] = id_
    return checked(SAFETY, document).model_dump(mode="json")


def retitled(document, key, form):
    """What an import finds that gives the site of this key another title, as CSV or as a workbook."""
    rows = [["id", "title"], [key, "新"]]
    if form == "csv":
        return preview_file(SAFETY, document, write_csv(rows[0], rows[1:]), "sites")
    return preview_file(SAFETY, document, workbook({"sites": rows}))


@pytest.mark.parametrize(
    ("known", "cell", "form"),
    [("1e5", 100_000, "xlsx"), ("1e5", 1e5, "xlsx"), ("1e1", 10.0, "xlsx"), ("1e-5", 1e-5, "xlsx"),
     ("1e5", "100000", "csv"), ("1e5", "1.00E+05", "csv"), ("01e2", 100, "xlsx"), ("100000", "1E+05", "csv"),
     ("007", "7.0", "csv")],
)  # fmt: skip
def test_a_key_that_became_a_number_is_still_the_same_record(known, cell, form):
    """A spreadsheet reads 1e5 as a hundred thousand: that is no second record."""
    found = retitled(with_site(known), cell, form)
    assert (told(found), changed(found)) == ([], [f"sites/{known}/title"])


@pytest.mark.parametrize(
    ("known", "cell", "form", "code"),
    [(("20261129000000012345",), 20261129000000012345, "xlsx", "digits_lost"),
     (("2026112900000001",), 2026112900000001, "xlsx", "digits_lost"),
     (("a1",), 1e300, "xlsx", "digits_lost"),
     (("20261129000000012345",), "20261129000000000000", "csv", "key_rounded"),
     (("20261129000000012345",), "2.02611E+19", "csv", "key_rounded"),
     (("123456e3",), "1.23E+08", "csv", "key_rounded"),
     (("123456e3", "123e6"), "1.23E+08", "csv", "zeros_lost"),
     (("1e2", "10e1"), 100, "xlsx", "zeros_lost"),
     *[(("3-1",), day, "csv", "key_day")
       for day in ("2026/3/1", "3月1日", "1-Mar", "Mar-01", "2026年3月1日", "3/1/2026", "2026年3月")],
     (("3-1",), datetime(2026, 3, 1, 12), "xlsx", "key_day")],
)  # fmt: skip
def test_a_key_that_a_spreadsheet_spoiled_is_refused_with_the_reason(known, cell, form, code):
    """Which record was meant cannot be told any more; nothing is made of it."""
    found = retitled(with_site(*known), cell, form)
    assert ([problem.code for problem in found.problems], changed(found)) == ([code], [])


# -- what an export leaves out ----------------------------------------------------------------------------------------


def with_persons():
    document = roster()
    document["bodies"] = [body for body in document["bodies"] if body["area"] in ("a01", "a02")]
    member = document["bodies"][0]["after"]["members"][0]
    member.update(name="王一", note="备注")
    document["bodies"][0]["after"]["members"][1].update(birth_date=None, age_years=44)
    return document


@pytest.mark.parametrize("lang", ["zh", "en", "code"])
@pytest.mark.parametrize("form", ["xlsx", "json"])
def test_an_export_without_names_imported_again_changes_nothing(form, lang):
    """Names, birth dates, notes and who answers stay; ages that follow from a birth date are no statement."""
    document = with_persons()
    content = export_file("elections", redacted(document), form, None, lang)
    assert b"\xe7\x8e\x8b\xe4\xb8\x80" not in content
    found = preview_file(ELECTIONS, document, content)
    assert (told(found), changed(found)) == ([], [])


@pytest.mark.parametrize("table", [table.name for table in TABLES["elections"]])
def test_each_table_without_names_changes_nothing(table):
    """As CSV, with its columns in another order, and with some of its rows only."""
    document = with_persons()
    lines = export_file("elections", redacted(document), "csv", table, "code").decode("utf-8-sig").splitlines()
    import csv

    rows = list(csv.reader(lines))
    for chosen in (rows, [row[::-1] for row in rows], [rows[0], *rows[1::3]]):
        found = preview_file(ELECTIONS, document, write_csv(chosen[0], chosen[1:]), table)
        assert (told(found), changed(found)) == ([], []), table


def test_what_is_typed_into_an_export_without_names_is_taken():
    """A changed field, a corrected age and a new member's name are changes; the rest stays."""
    document = with_persons()
    copy = redacted(document)
    first, second, *_ = copy["bodies"][0]["after"]["members"]
    first["education"] = "doctor"
    second.update(name="新名", age_years=45)
    found = preview_file(ELECTIONS, document, json.dumps(copy).encode())
    base = "bodies/pb-a01/after/members"
    assert (told(found), changed(found)) == ([], [
        f"{base}/{first['id']}/education", f"{base}/{second['id']}/age_years", f"{base}/{second['id']}/name",
    ])  # fmt: skip


def test_a_missing_cell_is_left_alone_and_a_blank_one_is_not_stated():
    """A row of a CSV that ends early says nothing of the columns after it."""
    document = with_persons()
    head = "body,phase,id,education,name"
    short = preview_file(ELECTIONS, document, f"{head}\npb-a01,after,m01,doctor\n".encode(), "members")
    assert changed(short) == ["bodies/pb-a01/after/members/m01/education"]
    blank = preview_file(ELECTIONS, document, f"{head}\npb-a01,after,m01,doctor,\n".encode(), "members")
    assert changed(blank) == ["bodies/pb-a01/after/members/m01/education", "bodies/pb-a01/after/members/m01/name"]


def test_a_copy_without_names_that_is_saved_whole_keeps_them(tmp_path):
    """Through the API's PUT, or put in the place of the file itself, what it leaves out is taken from the register."""
    register = open_registers(tmp_path).elections
    saved = register.create(with_persons(), "w", "y")
    again = register.save(redacted(saved.document), saved.etag, "w", "y")
    assert (again.version, again.document) == (saved.version, saved.document)
    register.path.write_text(json.dumps(redacted(saved.document), ensure_ascii=False))
    outside = register.read().outside
    assert outside is not None and outside.changes == ()
    assert "left_out" not in register.accept_edit("w", "y").document


# -- who answers, and how far registration has come -----------------------------------------------------------------


def test_who_answers_and_the_tallies_go_out_and_in(tmp_path):
    """As XLSX in either language and as CSV; the log says that a person changed, never who."""
    document = roster()
    without = json.loads(json.dumps(document))
    for one in (*without["areas"], *without["bodies"]):
        one.update(first_responsible=None, liaison_cadre=None)
    for body in without["bodies"]:
        body["tallies"] = []
    for lang in ("zh", "en"):
        found = preview_file(ELECTIONS, without, export_file("elections", document, "xlsx", None, lang))
        assert told(found) == []
        assert found.document == document
    register = open_registers(tmp_path).elections
    saved = register.create(without, "w", "y")
    content = "id,第一责任人,包联干部\npb-a01,张三,李四\n".encode("gb18030")
    found = preview_file(ELECTIONS, saved.document, content, "bodies")
    register.save(found.document, saved.etag, "w", "y", "import")
    log = register.log_path.read_text()
    assert "first_responsible" in log and "张三" not in log and "\\u5f20" not in log


def test_an_old_register_without_them_still_opens():
    """They are not stated there, and its bytes need not change to be read."""
    document = roster()
    for one in (*document["areas"], *document["bodies"]):
        del one["first_responsible"], one["liaison_cadre"]
    for body in document["bodies"]:
        del body["tallies"]
    old = checked(ELECTIONS, document)
    assert old.bodies[0].first_responsible is None and old.bodies[0].tallies == []


def test_two_tallies_of_one_day_are_refused():
    """The day tells them apart."""
    document = roster()
    tally = {"on": "2021-03-01", "voters_registered": 1, "households_visited": 1}
    document["bodies"][0]["tallies"] = [tally, tally]
    found = preview_file(ELECTIONS, roster(), json.dumps(document).encode())
    assert [problem.code for problem in found.problems] == ["duplicate_id"]


@pytest.mark.parametrize(
    ("character", "name"),
    [("\u202e", "right-to-left override"), ("\u2067", "right-to-left isolate"), ("\x07", "a control character"),
     ("\x85", "a control character"), ("\u200f", "right-to-left mark")],
)  # fmt: skip
def test_a_name_with_a_character_that_cannot_be_seen_is_refused(character, name):
    """With its row and which one it is, in a CSV; with its field in a JSON file."""
    found = preview_file(ELECTIONS, roster(), f"id,name\na01,Good\na02,Ba{character}d\n".encode(), "areas")
    (sentence,) = told(found)
    assert sentence.startswith("row 3, areas/a02/name: holds U+") and name in sentence
    document = roster()
    document["areas"][1]["name"] = f"Ba{character}d"
    found = preview_file(ELECTIONS, roster(), json.dumps(document).encode())
    assert [(problem.code, problem.path) for problem in found.problems] == [("hidden_character", "areas/a02/name")]
