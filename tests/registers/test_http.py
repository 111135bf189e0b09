"""Roles, API and pages: who may see and do what, and that every refusal is a sentence."""

import json
import re
import shutil

import pytest
from fastapi import FastAPI

from broker.registers.elections.demo import demo_elections
from broker.registers.errors import Invalid
from broker.registers.kept.patches import find
from broker.registers.safety.demo import demo_works
from broker.web.api.registers.routers import router
from broker.web.door.gate import COOKIE
from broker.web.pages.people.sign_in import sign_in_router
from broker.web.security import guarded
from tests.support.people import HERE, PASSWORD, House
from tests.support.registers import open_registers

pytestmark = pytest.mark.real  # the whole application, some hundred times

NAME = "示例书记01"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The demo's registers on the disk, made once and copied for each test that writes."""
    folder = tmp_path_factory.mktemp("registers")
    registers = open_registers(folder, now=lambda: 1_622_505_600)
    registers.elections.create(demo_elections(), "demo", "demo")
    registers.safety.create(demo_works(), "demo", "demo")
    return folder


class Office:
    """The registers behind HTTP, with the people of a house."""

    def __init__(self, folder, people):
        self.registers = open_registers(folder, now=lambda: 1_622_505_600)
        self.house = House(people)
        app = FastAPI()
        app.include_router(router(self.registers))
        app.include_router(sign_in_router(self.house.gate))
        self.http = self.house.stranger(guarded(app, self.house.gate))

    def get(self, path, token=None, **headers):
        return self.http.get(path, headers={**_bearer(token), **headers})

    def etag(self, which="elections"):
        return getattr(self.registers, which).read().etag


def _bearer(token):
    return {"Authorization": f"Bearer {token}"} if token else {}


def with_people(built, folder):
    """An office with one account and three tokens over a fresh copy of the demo's registers."""
    shutil.copytree(built, folder / "registers")
    made = Office(folder / "registers", folder / "people")
    made.house.account("王芳", "registrar")
    people = made.house.people
    made.tokens = {
        "registrar": people.add_token("登记台", ("registrar",)), "viewer": people.add_token("李雷", ("viewer",)),
        "trusted": people.add_token("韩梅", ("viewer",), sees_names=True),
    }
    return made


@pytest.fixture
def office(built, tmp_path):
    """An office of its own for a test that changes something."""
    return with_people(built, tmp_path)


@pytest.fixture(scope="module")
def still(built, tmp_path_factory):
    """One office for all tests that must leave it as it is."""
    return with_people(built, tmp_path_factory.mktemp("still"))


@pytest.fixture
def open_desk(built, tmp_path):
    """An office where nobody has an account yet."""
    return Office(built, tmp_path / "people")


def test_a_viewer_reads_without_names_and_a_registrar_with(still):
    """Names and birth dates reach only those with the right; the ages a viewer sees are the same."""
    seen = {who: still.get("/api/v1/elections", token).text for who, token in still.tokens.items()}
    assert NAME in seen["registrar"]
    assert NAME in seen["trusted"]
    assert NAME not in seen["viewer"]
    members = json.loads(seen["viewer"])["document"]["bodies"][0]["after"]["members"]
    assert all(member["birth_date"] is None and member["name"] is None for member in members)
    assert all(member["age_years"] for member in members)
    page = still.get("/registers/elections/bodies/pb-a01", still.tokens["viewer"]).text
    assert NAME not in page
    assert NAME in still.get("/registers/elections/bodies/pb-a01", still.tokens["registrar"]).text


def test_every_look_at_members_and_every_export_is_logged(office):
    """The access log names who, what and when, and no personal fact."""
    for path in ("/api/v1/elections", "/api/v1/elections/export?format=csv&table=members",
                 "/registers/elections/bodies/pb-a01", "/api/v1/safety/oc4ids"):
        assert office.get(path, office.tokens["trusted"]).status_code == 200
    lines = list(office.registers.access.lines())
    assert [(line["who"], line["action"]) for line in lines] == [
        ("韩梅", "read"), ("韩梅", "export"), ("韩梅", "read"), ("韩梅", "export")]
    assert "with names" in lines[1]["what"]
    assert NAME not in json.dumps(lines, ensure_ascii=False)


def test_a_cut_off_line_of_the_access_log_swallows_no_other(office):
    """After half a line the next entry stands on its own."""
    office.get("/api/v1/elections", office.tokens["trusted"])
    path = next(office.registers.access.folder.iterdir())
    path.write_bytes(path.read_bytes() + b'{"at": 16')
    office.get("/api/v1/elections", office.tokens["viewer"])
    assert [line["who"] for line in office.registers.access.lines()] == ["韩梅", "李雷"]


def test_deep_nesting_is_refused(still):
    """A body nested a thousand deep is answered, not a fault of the server."""
    deep = "[" * 900 + "]" * 900
    token = _bearer(still.tokens["registrar"])
    for etag in (still.etag(), "x"):
        body = f'{{"expect": "{etag}", "why": "w", "document": {{"areas": {deep}}}}}'
        kind = {"Content-Type": "application/json"}
        answer = still.http.put("/api/v1/elections", headers={**token, **kind}, content=body.encode())
        assert answer.status_code in (400, 409, 422)


def test_nobody_without_a_token_sees_anything_once_there_is_an_account(still):
    """The API answers 401, a page leads to the sign-in, a wrong token is refused."""
    assert still.get("/api/v1/elections").status_code == 401
    assert still.get("/api/v1/elections", "m1.wrong").status_code == 401
    answer = still.get("/registers/elections")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_without_an_account_this_machine_reads_and_nobody_writes(open_desk):
    """Loopback sees the register without names; a write is refused with a sentence that says whose it is."""
    assert open_desk.get("/api/v1/elections").status_code == 200
    assert NAME not in open_desk.get("/api/v1/elections").text
    assert NAME not in open_desk.get("/api/v1/elections/export?format=csv&table=members").text
    answer = open_desk.http.patch("/api/v1/elections", json={"expect": "x", "why": "y", "edits": []})
    assert answer.status_code == 403
    assert "registrar" in answer.json()["detail"]


def test_a_viewer_cannot_write_by_any_way(still):
    """Every writing address refuses a viewer."""
    token = _bearer(still.tokens["trusted"])
    for method, path, body in (
        ("PATCH", "/api/v1/elections", {"expect": "x", "why": "y", "edits": []}),
        ("PUT", "/api/v1/safety", {"expect": "x", "why": "y", "document": {}}),
        ("POST", "/api/v1/elections/restore", {"expect": "x", "why": "y", "version": 1}),
        ("POST", "/api/v1/safety/outside-edit", {"action": "discard", "why": "y"}),
    ):
        answer = still.http.request(method, path, json=body, headers=token)
        assert answer.status_code == 403, path
        assert "registrar" in answer.json()["detail"]
    for path in ("record", "import", "outside-edit", "restore", "import/apply"):
        answer = still.http.post(f"/registers/elections/{path}", data={"why": "x"}, headers=token)
        assert answer.status_code in (403, 422), path
    assert still.registers.elections.read().version == 1


def test_a_registrar_changes_a_field_and_the_log_says_who_and_why(office):
    """PATCH sets a field; the log tells it in words in both languages."""
    body = {"expect": office.etag(), "why": "会后更正", "edits": [
        {"op": "set", "path": "bodies/pb-a01/ballot/present", "value": 180}]}
    answer = office.http.patch("/api/v1/elections", json=body, headers=_bearer(office.tokens["registrar"]))
    assert answer.status_code == 200
    assert answer.json()["version"] == 2
    log = office.get("/api/v1/elections/log?lang=zh", office.tokens["viewer"]).json()
    assert (log[0]["who"], log[0]["why"]) == ("登记台", "会后更正")
    assert "实到人数" in log[0]["in_words"][0]


def test_the_second_of_two_writers_gets_both_versions(office):
    """A stale etag is answered with 409, their changes and mine; nothing is overwritten."""
    token, etag = _bearer(office.tokens["registrar"]), office.etag()
    for value, status in ((230, 200), (240, 409)):
        body = {"expect": etag, "why": "w", "edits": [
            {"op": "set", "path": "bodies/pb-a01/ballot/eligible", "value": value}]}
        answer = office.http.patch("/api/v1/elections", json=body, headers=token)
        assert answer.status_code == status
    told = answer.json()
    assert [change["new"] for change in told["their_changes"]] == [230]
    assert office.registers.elections.read().document["bodies"][0]["ballot"]["eligible"] == 230


@pytest.mark.parametrize(("path", "value", "code"), [
    ("bodies/pb-a01/ballot/present", 5000, "more_than"), ("bodies/pb-a01/ballot/present", -1, "out_of_range"),
    ("bodies/pb-a01/ballot/present", "many", "wrong_type"), ("bodies/pb-a01/ballot/present", True, "wrong_type"),
    ("bodies/pb-a01/area", "a99", "dangling"), ("bodies/pb-a01/after/starts_on", "2017-01-01", "order"),
    ("bodies/pb-a01/after/starts_on", "2021-02-30", "impossible_date"), ("bodies/pb-a01/kind", "king", "not_one_of"),
    ("bodies/pb-a01/after/members/m01/birth_date", "2015-01-01", "too_young"),
    ("bodies/pb-a01/after/members/m01/since", "2031-01-01", "order"),
    ("bodies/pb-a01/after/members/m01/age_years", 44, "age_stated_twice"),
    ("bodies/pb-a01/after/members/m01/origin", "support", "origin_without_part_time"),
    ("bodies/pb-a01/after/members/m02/post", "secretary", "two_heads"),
    ("bodies/pb-a01/after/members/m01/post", "chair", "post_of_other_kind"),
    ("bodies/pb-a01/steps/vote/done_on", "2021-01-01", "order"), ("bodies/pb-a01/parent", "pb-a02", "parent_of_first"),
    ("bodies/pb-a01-1/parent", None, "parent_missing"), ("bodies/pb-a01-1/parent", "pb-a02", "parent_mismatch"),
    ("bodies/pb-a01/name", "a\u202eb", "hidden_character"), ("bodies/pb-a01/name", "", "bad_text"),
    ("bodies/pb-a01/name", "x" * 201, "bad_text"), ("bodies/pb-a01/colour", "red", "unknown_field"),
    ("bodies/pb-zz/name", "x", "no_such_path"), ("format", 9, "fixed_field"), ("bodies", {}, "wrong_type"),
])
def test_a_wrong_value_is_refused_with_its_field(still, path, value, code):
    """Every rule has an answer 422 that names the field and the reason in two languages; nothing changes."""
    body = {"expect": still.etag(), "why": "w", "edits": [{"op": "set", "path": path, "value": value}]}
    answer = still.http.patch("/api/v1/elections", json=body, headers=_bearer(still.tokens["registrar"]))
    assert answer.status_code == 422
    problems = answer.json()["problems"]
    assert code in [problem["code"] for problem in problems]
    assert all(problem["message"] and problem["message_zh"] for problem in problems)
    assert still.registers.elections.read().version == 1


@pytest.mark.parametrize(("path", "value", "code"), [
    ("sites/rescue-01/progress/2021-04-02/measure", 1.5, "out_of_range"),
    ("sites/rescue-01/progress/2021-04-02/measure", 0.12345, "too_fine"),
    ("sites/rescue-01/estate", "e99", "dangling"), ("sites/rescue-01/programme", "none", "dangling"),
    ("sites/rescue-01/contractor", "c9", "dangling"),
    ("sites/rescue-01/place", {"lat": 121.45, "lon": 31.2}, "out_of_range"),
    ("sites/rescue-01/place", {"lat": 39.9, "lon": 116.4}, "out_of_bounds"),
    ("sites/rescue-01/acceptance", None, "finished_unaccepted"),
    ("sites/rescue-01/status", "implementation", "accepted_unfinished"),
    ("sites/rescue-01/milestones/m1/met_on", None, "met_without_date"),
    ("sites/rescue-01/milestones/m1/status", "scheduled", "date_without_met"),
    ("sites/rescue-05/defects/d1/fixed_on", "2020-01-01", "order"),
    ("programmes/rescue/target_count", 0, "out_of_range"),
    ("programmes/rescue/due_on", "2020-01-01", "order"),
    ("bounds", {"south": 1, "west": 2, "north": 0, "east": 3}, "bounds_reversed"),
])
def test_a_wrong_value_of_the_works_is_refused_with_its_field(still, path, value, code):
    """The same for the register of safety works."""
    if "progress/2021" in path:
        day = still.registers.safety.read().document["sites"]
        site = next(item for item in day if item["id"] == "rescue-01")
        path = path.replace("2021-04-02", site["progress"][0]["on"])
    body = {"expect": still.etag("safety"), "why": "w", "edits": [{"op": "set", "path": path, "value": value}]}
    answer = still.http.patch("/api/v1/safety", json=body, headers=_bearer(still.tokens["registrar"]))
    assert answer.status_code == 422
    assert code in [problem["code"] for problem in answer.json()["problems"]]
    assert still.registers.safety.read().version == 1


def test_records_are_added_and_removed(office):
    """A body comes and goes by PATCH; a second one of the same id is refused."""
    token = _bearer(office.tokens["registrar"])
    record = {"id": "pb-new", "area": "a01", "kind": "party_branch", "level": "first", "name": "新总支"}
    for edits, status in (
        ([{"op": "add", "path": "bodies", "value": record}], 200),
        ([{"op": "add", "path": "bodies", "value": record}], 422),
        ([{"op": "remove", "path": "bodies/pb-new"}], 200),
        ([{"op": "remove", "path": "bodies/pb-new"}], 422),
    ):
        body = {"expect": office.etag(), "why": "w", "edits": edits}
        assert office.http.patch("/api/v1/elections", json=body, headers=token).status_code == status


def test_an_import_over_http_is_a_preview_until_it_is_applied(office):
    """The preview lists the changes and stores nothing; apply stores them; wrong rows stop it."""
    token = _bearer(office.tokens["registrar"])
    good, bad = "编号,名称\na01,改名居民区\n".encode("gb18030"), "编号,名称\n坏编号,x\n".encode()
    for apply, content, version, problems in (("false", good, 1, 0), ("true", bad, 1, 1), ("true", good, 2, 0)):
        data = {"apply": apply, "why": "新名单", "lang": "zh", "table": "areas"}
        files = {"file": ("areas.csv", content)}
        answer = office.http.post("/api/v1/elections/import", headers=token, data=data, files=files).json()
        assert office.registers.elections.read().version == version
        assert bool(answer["problems"]) == bool(problems)
    assert office.registers.elections.log()[-1].action == "import"


def test_a_body_without_length_or_with_too_much_of_it_is_refused(still):
    """More than nine megabytes, or an unknown length, never reach the register."""
    token = _bearer(still.tokens["registrar"])
    answer = still.http.put("/api/v1/elections", headers=token, content=(b"x" for _ in range(3)))
    assert answer.status_code == 411
    answer = still.http.put("/api/v1/elections", headers={**token, "Content-Length": "99000000"}, content=b"{}")
    assert answer.status_code == 413


def test_the_report_has_both_numbers_of_every_share(still):
    """The API's figures carry numerator and denominator, before and after."""
    found = still.get("/api/v1/elections/report?kind=party_branch&level=first", still.tokens["viewer"]).json()
    college = next(item for item in found["figures"] if item["id"] == "members_college")
    assert (college["before"]["numerator"], college["before"]["denominator"]) == (52, 90)
    assert (college["after"]["text"], found["largest_attendance"]["present"]) == ("76.5 %", 301)


def gone(document, path):
    """Whether nothing stands at the path."""
    try:
        return find(document, path) is None
    except Invalid:
        return True


def log_in(office):
    office.http.headers["Origin"] = HERE  # as each browser says with a form
    answer = office.http.post("/sign-in", data={"account": "王芳", "password": PASSWORD, "next": "/registers"})
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def form_of(page):
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_a_form_changes_a_member_after_login(office):
    """Log in, open the record's form, save it; the page then shows the change."""
    log_in(office)
    page = office.get("/registers/elections/record?table=members&body=pb-a01&phase=after&id=m01").text
    assert NAME in page
    data = form_of(page) | {
        "key.body": "pb-a01", "key.phase": "after", "key.id": "m01", "f.name": "新名", "f.post": "secretary",
        "f.education": "master", "f.birth_date": "1985-03-02", "why": "更正", "op": "save",
    }
    answer = office.http.post("/registers/elections/record", data=data)
    assert answer.status_code == 303
    member = office.registers.elections.read().document["bodies"][0]["after"]["members"][0]
    assert (member["name"], member["education"]) == ("新名", "master")
    data["f.birth_date"] = "1985-02-30"
    answer = office.http.post("/registers/elections/record", data=data | {"expect": office.etag()})
    assert answer.status_code == 422
    assert "1985-02-30" in answer.text


@pytest.mark.parametrize(("which", "table", "keys", "fields", "path"), [
    ("elections", "areas", {"id": "a17"}, {"name": "新居民区"}, "areas/a17"),
    ("elections", "bodies", {"id": "pb-a01-9"}, {
        "name": "第九支部", "area": "a01", "kind": "party_branch", "level": "second", "parent": "pb-a01",
        "ballot.present": "12"}, "bodies/pb-a01-9"),
    ("elections", "terms", {"body": "rc-a01", "phase": "after"}, {"starts_on": "2021-07-01"}, "bodies/rc-a01/after"),
    ("elections", "members", {"body": "pb-a01", "phase": "after", "id": "m99"}, {
        "post": "part_time_member", "origin": "support", "age_band": "30_39"}, "bodies/pb-a01/after/members/m99"),
    ("elections", "risks", {"body": "pb-a01", "id": "r9"}, {"risk": "下雨", "level": "low"},
     "bodies/pb-a01/plan/risks/r9"),
    ("safety", "programmes", {"id": "p9"}, {"kind": "other", "title": "其他", "target_count": "3"}, "programmes/p9"),
    ("safety", "sites", {"id": "s9"}, {
        "programme": "rescue", "estate": "e01", "title": "点", "status": "identification", "place.lat": "31.2",
        "place.lon": "121.45"}, "sites/s9"),
    ("safety", "progress", {"site": "rescue-16", "on": "2021-12-01"}, {"measure": "75%"},
     "sites/rescue-16/progress/2021-12-01"),
    ("safety", "milestones", {"site": "rescue-01", "id": "m9"}, {"title": "回访", "status": "scheduled"},
     "sites/rescue-01/milestones/m9"),
    ("safety", "defects", {"site": "rescue-01", "id": "d9"}, {"description": "松动", "found_on": "2021-08-01"},
     "sites/rescue-01/defects/d9"),
])
def test_every_kind_of_record_is_added_edited_and_removed_by_form(office, which, table, keys, fields, path):
    """New, the same again (refused), edited, removed: each kind of record, all with a reason."""
    log_in(office)
    register = getattr(office.registers, which)

    def post(op, is_new, **more):
        query = "&".join(f"{key}={value}" for key, value in list(keys.items())[:-1])
        page = office.get(f"/registers/{which}/record?table={table}&{query}").text
        data = form_of(page) | {f"key.{key}": value for key, value in keys.items()}
        data |= {f"f.{name}": value for name, value in (fields | more).items()}
        data |= {"why": "测试", "op": op, "is_new": is_new, "expect": register.read().etag, "table": table}
        return office.http.post(f"/registers/{which}/record", data=data)

    assert post("save", "yes").status_code == 303
    record = find(register.read().document, path)
    assert post("save", "yes").status_code == 422
    assert post("save", "no").status_code == 303
    assert find(register.read().document, path) == record
    assert post("remove", "no").status_code == 303
    assert gone(register.read().document, path)
    assert [entry.who for entry in register.log()[1:]] == ["王芳", "王芳"]


def test_a_form_that_no_page_of_ours_sent_is_refused(office):
    """A cookie comes with whatever a browser sends: without our origin, or from another site, nothing is changed."""
    log_in(office)
    data = {"table": "members", "key.body": "pb-a01", "key.phase": "after", "key.id": "m01", "why": "x"}
    data["expect"] = office.etag()
    del office.http.headers["Origin"]
    for said in ({}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9"}, {"Sec-Fetch-Site": "same-site"}):
        assert office.http.post("/registers/elections/record", data=data, headers=said).status_code == 403
    assert office.registers.elections.read().version == 1


def test_a_form_that_is_sent_twice_is_saved_once(office):
    """A double click, or a reload: the second is led on like the first, and finds no conflict with itself."""
    log_in(office)
    page = office.get("/registers/elections/record?table=areas&id=a01").text
    data = form_of(page) | {"key.id": "a01", "f.name": "甲居民区", "why": "改名", "op": "save"}
    answers = [office.http.post("/registers/elections/record", data=data) for _ in range(2)]
    assert [(one.status_code, one.headers["Location"]) for one in answers] == [(303, "/registers/elections")] * 2
    assert len(office.registers.elections.log()) == 2
    data["f.name"] = "乙居民区"  # back, and filled in anew: another deed, on a version that is no longer
    assert office.http.post("/registers/elections/record", data=data).status_code == 409


def test_a_stale_form_shows_both_changes(office):
    """Two tabs: the second save shows what the other changed and what this one wanted."""
    log_in(office)
    page = office.get("/registers/elections/record?table=areas&id=a01").text
    for name, status in (("甲居民区", 303), ("乙居民区", 409)):
        data = form_of(page) | {"key.id": "a01", "f.name": name, "why": "改名", "op": "save"}
        answer = office.http.post("/registers/elections/record", data=data)
        assert answer.status_code == status
    assert "甲居民区" in answer.text
    assert "乙居民区" in answer.text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_is_there_in_both_languages(still, lang):
    """All pages answer, speak the language asked for, load nothing from elsewhere, and forbid it."""
    for path in (
        "", "/elections", "/elections/bodies/pb-a01", "/elections/bodies/rc-a01", "/elections/log", "/elections/import",
        "/elections/record?table=risks&body=pb-a01", "/safety", "/safety/sites/rescue-05", "/safety/log",
        "/safety/record?table=sites",
    ):
        mark = "&" if "?" in path else "?"
        answer = still.get(f"/registers{path}{mark}lang={lang}", still.tokens["registrar"])
        assert answer.status_code == 200, path
        assert f'lang="{"zh-CN" if lang == "zh" else "en"}"' in answer.text
        assert "http://" not in answer.text.replace("http://127.0.0.1", "")
        assert "<script" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_typed_text_is_shown_as_text(office):
    """Markup in a name is escaped on every page."""
    body = {"expect": office.etag(), "why": "<b>why</b>", "edits": [
        {"op": "set", "path": "bodies/pb-a01/name", "value": "<script>alert(1)</script>"}]}
    token = _bearer(office.tokens["registrar"])
    assert office.http.patch("/api/v1/elections", json=body, headers=token).status_code == 200
    form = "/elections/record?table=bodies&id=pb-a01"
    for path in ("/elections", "/elections/bodies/pb-a01", "/elections/log", form):
        page = office.get(f"/registers{path}", office.tokens["registrar"]).text
        assert "<script" not in page, path
        assert "<b>why" not in page, path


def test_an_outside_edit_is_shown_and_accepted_on_the_page(office):
    """The page keeps showing the last good version, offers the edit, and takes it with a reason."""
    path = office.registers.elections.path
    path.write_text(path.read_text().replace("香樟居民区党总支", "手改党总支"))
    log_in(office)
    page = office.get("/registers/elections").text
    assert "手改党总支" in page
    seen = re.search(r'name="seen" value="([^"]+)"', page)[1]
    stale = {"why": "手工修改", "op": "accept", "seen": "0" * 32}
    assert office.http.post("/registers/elections/outside-edit", data=stale).status_code == 409
    data = {"seen": seen, "why": "手工修改", "op": "accept"}
    answer = office.http.post("/registers/elections/outside-edit", data=data)
    assert answer.status_code == 303
    assert office.registers.elections.log()[-1].action == "accept_edit"


def test_an_import_on_the_page_goes_through_its_preview(office):
    """Choose a file, see the changes, give a reason: then it is stored."""
    log_in(office)
    files = {"file": ("a.csv", "编号,名称\na01,改名居民区\n".encode())}
    page = office.http.post("/registers/elections/import", data={"table": "areas"}, files=files).text
    assert "改名居民区" in page
    assert office.registers.elections.read().version == 1
    data = form_of(page) | {"why": "新名单"}
    assert office.http.post("/registers/elections/import/apply", data=data).status_code == 303
    assert office.registers.elections.read().document["areas"][0]["name"] == "改名居民区"
    version = office.registers.elections.read().version
    assert office.http.post("/registers/elections/import/apply", data=data).status_code == 303  # a double click
    assert office.registers.elections.read().version == version
    assert office.http.post("/registers/elections/import/apply", data=data | {"deed": "x"}).status_code == 404


def test_one_unreadable_register_does_not_hide_the_other(office):
    """With a broken log the elections are refused in the page's language; the overview still shows the works."""
    office.registers.elections.log_path.write_text("rubbish\n")
    log_in(office)
    answer = office.get("/registers/elections?lang=zh")
    assert answer.status_code == 503
    assert "请从备份恢复" in answer.text
    assert office.get("/api/v1/elections", office.tokens["viewer"]).status_code == 503
    page = office.get("/registers").text
    assert "请从备份恢复" in page
    assert "已验收" in page


def test_a_missing_register_is_said_so(tmp_path):
    """An empty folder gives 404 with what to do, and the overview page still opens."""
    office = Office(tmp_path / "empty", tmp_path / "people")
    answer = office.get("/api/v1/elections")
    assert answer.status_code == 404
    assert "init" in answer.json()["detail"]
    assert office.get("/registers").status_code == 200


@pytest.mark.parametrize("cookie", [b"a.b.\xe9", b"\xb2.\xb2.\xb2", b".."])
def test_a_cookie_of_any_letters_is_a_stranger(still, cookie):
    """A cookie with letters that no signature has is one more forged cookie, not a fault."""
    answer = still.http.get("/registers", headers={"Cookie": f"{COOKIE}=".encode() + cookie})
    assert answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("version", ["²", "9" * 5000, "", "-1"])
def test_a_version_that_is_no_number_is_refused(still, version):
    """The form says which it wants."""
    answer = still.http.post(
        "/registers/elections/restore", data={"version": version}, headers=_bearer(still.tokens["registrar"]),
    )
    assert answer.status_code == 404
