"""The command line: what a registrar without a browser does, and the retention of personal facts."""

import json
from datetime import date

import pytest

from broker.__main__ import main
from broker.registers.folder import ELECTIONS
from broker.registers.privacy import outlived, personal_facts
from broker.registers.validation import checked
from tests.support.registers import open_registers

pytestmark = pytest.mark.real  # a demo register for each


@pytest.fixture
def run(tmp_path, capsys):
    """Run a command on a folder of its own; returns (exit code, standard output, standard error)."""
    def call(*words, folder=tmp_path / "registers"):
        capsys.readouterr()
        code = main([words[0], words[1], "--folder", str(folder), *words[2:]])
        return code, *capsys.readouterr()
    call.folder = tmp_path / "registers"
    return call


SIGNED = ("--who", "王芳", "--why", "测试")


@pytest.fixture
def demo(run):
    """The same with both demo registers made."""
    for which in ("elections", "safety"):
        assert run(which, "demo", "--first-day", "2021-04-10", *SIGNED)[0] == 0
    return run


def test_the_published_table_is_printed(demo):
    """`elections report` prints the pilot's figures with their numbers."""
    code, out, _ = demo("elections", "report", "--kind", "party_branch", "--level", "first", "--lang", "zh")
    assert code == 0
    for text in ("57.8 % (52/90) → 76.5 % (75/98)", "44.87 (718/16) → 43.5 (696/16)", "32 % (13/41)", "301", "11 年"):
        assert text in out
    found = json.loads(demo("elections", "report", "--json")[1])
    assert found["bodies"] == 127
    assert "15/28" in demo("safety", "report", "--lang", "en")[1]
    assert json.loads(demo("safety", "report", "--json")[1])["total"]["accepted"]["denominator"] == 63


def test_a_field_is_set_a_record_added_and_removed(demo):
    """set, add and remove make versions with who and why; the log tells them in words."""
    assert demo("elections", "set", "bodies/pb-a01/ballot/present", "180", *SIGNED)[0] == 0
    assert demo("elections", "set", "bodies/pb-a01/ballot/valid_votes", "null", *SIGNED)[0] == 0
    assert demo("elections", "set", "bodies/pb-a01/name", "新名", *SIGNED)[0] == 0
    record = json.dumps({"id": "r9", "risk": "下雨", "countermeasure": None, "level": "low"})
    assert demo("elections", "add", "bodies/pb-a01/plan/risks", record, *SIGNED)[0] == 0
    assert demo("elections", "remove", "bodies/pb-a01/plan/risks/r9", *SIGNED)[0] == 0
    out = demo("elections", "log", "--lang", "zh")[1]
    assert "171 → 180" in out
    assert "171 → 未填" in out
    assert "王芳" in out
    assert "v" not in demo("elections", "versions")[2]
    assert json.loads(demo("elections", "show", "bodies/pb-a01/ballot")[1])["present"] == 180


def test_a_refusal_is_a_sentence_and_exit_code_one(demo):
    """Wrong values, paths, files and stale etags: exit 1, the reason on standard error, nothing changed."""
    for words in (
        ("elections", "set", "bodies/pb-a01/ballot/present", "9999", *SIGNED),
        ("elections", "set", "bodies/none/name", "x", *SIGNED), ("elections", "show", "nothing"),
        ("elections", "import", "/nonexistent.csv"), ("elections", "restore", "77", *SIGNED),
        ("elections", "restore", "2001-01-01", *SIGNED), ("elections", "accept-edit", *SIGNED),
        ("elections", "discard-edit", *SIGNED), ("elections", "init", *SIGNED),
        ("elections", "add", "areas", "{", *SIGNED),
        ("elections", "set", "bodies/pb-a01/name", "x", *SIGNED, "--expect", "0" * 32),
        ("elections", "export", "x.pdf"), ("elections", "show", "--names", "--who", " "),
        ("elections", "list", "unknown"),
        ("elections", "set", "bodies/pb-a01/name", "x", "--who", " ", "--why", "y"),
    ):
        code, _, err = demo(*words)
        assert (code, bool(err.strip())) == (1, True), words
        assert "Traceback" not in err
    assert open_registers(demo.folder).elections.read().version == 1


def test_a_stale_change_shows_both_sides(demo):
    """Two changes on top of one version: the second is refused and told what the first did and what it wanted."""
    etag = open_registers(demo.folder).elections.read().etag
    assert demo("elections", "set", "bodies/pb-a01/name", "甲", *SIGNED, "--expect", etag)[0] == 0
    code, _, err = demo("elections", "set", "bodies/pb-a01/name", "乙", *SIGNED, "--expect", etag)
    assert code == 1
    assert "香樟居民区党总支 → 甲" in err
    assert "→ 乙" in err


def test_the_folder_comes_from_the_configuration(tmp_path, capsys):
    """Without --folder the [registers] section of the configuration file says where the registers are."""
    config = tmp_path / "broker.toml"
    config.write_text(f'[area]\nplan = "demo"\n[registers]\nfolder = "{tmp_path / "there"}"\n')
    assert main(["--config", str(config), "safety", "demo", *SIGNED]) == 0
    assert (tmp_path / "there" / "safety.json").exists()
    config.write_text("[area]\nplam = 3\n")
    assert main(["--config", str(config), "safety", "report"]) == 1
    assert "broker.toml" in capsys.readouterr().err


def test_export_and_import_by_file(demo, tmp_path):
    """A workbook is exported, changed by nobody, and imports as no change; a CSV change is previewed, then applied."""
    book, sheet = tmp_path / "all.xlsx", tmp_path / "areas.csv"
    assert demo("safety", "export", str(book))[0] == 0
    assert "0 changes" in demo("safety", "import", str(book))[1]
    assert demo("elections", "export", str(sheet), "--table", "areas")[0] == 0
    sheet.write_text(sheet.read_text(encoding="utf-8-sig").replace("香樟居民区", "改名居民区"), encoding="gb18030")
    code, out, _ = demo("elections", "import", str(sheet), "--table", "areas", "--lang", "zh")
    assert code == 0
    assert "香樟居民区 → 改名居民区" in out
    assert open_registers(demo.folder).elections.read().version == 1
    assert demo("elections", "import", str(sheet), "--table", "areas", "--apply", *SIGNED)[0] == 0
    assert open_registers(demo.folder).elections.read().document["areas"][0]["name"] == "改名居民区"
    sheet.write_text("id,name\nBAD,x\n,y\n")
    code, _, err = demo("elections", "import", str(sheet), "--table", "areas", "--apply", *SIGNED)
    assert code == 1
    assert "row 3" in err or "第 3 行" in err


def test_names_are_shown_only_to_who_says_so_and_that_is_logged(demo, tmp_path):
    """Without --names no name leaves the register; with it the access log knows who looked."""
    assert "示例书记" not in demo("elections", "show")[1]
    assert "示例书记" not in demo("elections", "list", "members")[1]
    assert "示例书记" in demo("elections", "show", "--names", "--who", "王芳")[1]
    file = tmp_path / "m.csv"
    demo("elections", "export", str(file), "--table", "members")
    assert "示例书记" not in file.read_text(encoding="utf-8-sig")
    demo("elections", "export", str(file), "--table", "members", "--names", "--who", "王芳")
    assert "示例书记" in file.read_text(encoding="utf-8-sig")
    seen = [(line["who"], line["action"]) for line in open_registers(demo.folder).access.lines()]
    assert seen.count(("王芳", "read")) == 2
    assert ("王芳", "export") in seen


def test_versions_and_days_are_restored(demo):
    """A version by number and a day's copy by date come back as new versions."""
    demo("elections", "set", "bodies/pb-a01/name", "新名", *SIGNED)
    assert demo("elections", "restore", "1", *SIGNED)[0] == 0
    register = open_registers(demo.folder).elections
    assert register.read().document["bodies"][0]["name"] == "香樟居民区党总支"
    register.kept.keep_day("2021-04-10", register.path.read_bytes())
    day = register.kept.daily_days()[0]
    demo("elections", "set", "bodies/pb-a01/name", "再改", *SIGNED)
    assert demo("elections", "restore", day, *SIGNED)[0] == 0
    assert demo("elections", "check")[0] == 0


def test_an_outside_edit_is_told_accepted_or_put_back(demo):
    """`show` warns of the edit and shows the last good version; accept-edit and discard-edit decide."""
    path = demo.folder / "safety.json"
    good = path.read_text()
    path.write_text(good.replace("绿电充电服务", "手改充电服务"))
    code, out, err = demo("safety", "show", "--lang", "zh")
    assert code == 0
    assert "绿电充电服务" in out
    assert "手改充电服务" in err
    assert demo("safety", "check")[0] == 1
    assert demo("safety", "accept-edit", *SIGNED)[0] == 0
    path.write_text("{")
    assert demo("safety", "discard-edit", *SIGNED)[0] == 0
    assert [(line["who"], line["action"]) for line in open_registers(demo.folder).access.lines()] == [
        ("王芳", "discard edit")]
    assert "手改充电服务" in path.read_text()
    assert demo("safety", "check")[0] == 0


def test_a_register_made_elsewhere_is_taken_over(run, demo, tmp_path):
    """init --from takes a valid file, refuses a wrong one, and an empty register can be made as well."""
    other = tmp_path / "other"
    source = demo.folder / "safety.json"
    assert run("safety", "init", "--from", str(source), *SIGNED, folder=other)[0] == 0
    assert run("elections", "init", *SIGNED, folder=other)[0] == 0
    assert open_registers(other).safety.read().document["sites"] == json.loads(source.read_text())["sites"]
    bad = tmp_path / "bad.json"
    bad.write_text('{"format": "zhanpai-safety/1", "sites": 4}')
    code, _, err = run("safety", "init", "--from", str(bad), *SIGNED, folder=tmp_path / "third")
    assert code == 1
    assert "line 1" in err or "第 1 行" in err


def test_oc4ids_by_command(demo, tmp_path):
    """The package is written and read back as no change; a wrong one is refused."""
    file = tmp_path / "works.json"
    assert demo("safety", "export-oc4ids", str(file))[0] == 0
    code, out, _ = demo("safety", "import-oc4ids", str(file))
    assert code == 0
    assert "0 changes" in out
    file.write_text("[]")
    assert demo("safety", "import-oc4ids", str(file))[0] == 1


def test_retention_removes_personal_facts_everywhere_and_keeps_the_figures(demo):
    """After the term of keeping no file of the folder holds a name or birth date of the old term; the table stands."""
    register = open_registers(demo.folder).elections
    before = demo("elections", "report", "--kind", "party_branch", "--level", "first")[1]
    bodies = register.read().document["bodies"]
    old, new = (
        {member["birth_date"] for body in bodies if body[phase] for member in body[phase]["members"]}
        for phase in ("before", "after")
    )
    demo("elections", "set", "bodies/pb-a01/before/members/m02/name", "李四光", *SIGNED)
    register.kept.keep_day("2021-04-10", register.path.read_bytes())
    code, out, _ = demo("elections", "retention", "--years", "3", "--dry-run", *SIGNED)
    assert code == 0
    assert out.startswith("218 entries of people")  # 90 members, and who answers for 16 areas and 48 bodies
    assert demo("elections", "retention", "--years", "3", *SIGNED)[0] == 0
    for path in demo.folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not [name for name in ("李四光", "示例第一责任人", "示例包联干部") if name in text], path
            assert not [fact for fact in old - new if f'"{fact}"' in text], path
    assert demo("elections", "report", "--kind", "party_branch", "--level", "first")[1] == before
    assert demo("elections", "retention", "--years", "3", *SIGNED)[1].startswith("0 entries of people, and 0 ")
    assert demo("elections", "restore", "1", *SIGNED)[0] == 0
    assert demo("elections", "check")[0] == 0


PERSON = {"first_responsible": "王一", "liaison_cadre": "李二"}


def _register(*bodies):
    """One area with persons who answer for it, and bodies of it."""
    common = {"area": "a01", "kind": "party_branch", "level": "first", "name": "甲"}
    return checked(ELECTIONS, {
        "format": "zhanpai-elections/1", "areas": [{"id": "a01", "name": "甲", **PERSON}],
        "bodies": [{"id": f"b{n}", **common, **PERSON, **body} for n, body in enumerate(bodies)],
    }).model_dump(mode="json")  # fmt: skip


def _term(starts_on, ends_on=None):
    member = {"id": "m1", "post": "secretary", "name": "张三"}
    return {"starts_on": starts_on, "ends_on": ends_on, "members": [member]}


OLD = {"after": _term("2015-04-10", "2018-04-10")}
SOON = {"vote": {"planned_on": "2026-12-06"}}
OPEN = {"before": _term("2021-04-10")}


@pytest.mark.parametrize(
    ("bodies", "area_stays", "bodies_stay"),
    [
        ([OLD], False, [False]),
        ([OLD, {"after": _term("2025-04-10")}], True, [False, True]),  # one body of it was elected lately
        ([OLD, OPEN], True, [False, True]),  # an election is to come
        ([{"before": _term("2012-04-10", "2015-04-10")}], False, [False]),  # one that never came to its end
        ([{"before": _term("2012-04-10", "2015-04-10"), "steps": SOON}], True, [True]),
        ([{"steps": {"vote": {"done_on": "2015-04-10"}}}], False, [False]),
        ([{}], True, [True]),  # nothing is dated
        ([], True, []),
    ],
)
def test_who_answers_for_an_area_is_forgotten_with_its_newest_election(bodies, area_stays, bodies_stay):
    """Neither sooner, while anything of the area goes on, nor never; and it is counted."""
    register = _register(*bodies)
    left = outlived(register, 5, date(2026, 11, 29))
    assert [left["areas"][0][field] is not None for field in PERSON] == [area_stays] * 2
    assert [body["first_responsible"] is not None for body in left["bodies"]] == bodies_stay
    lost = 2 * (not area_stays) + 2 * bodies_stay.count(False)
    members = str(register).count("张三") - str(left).count("张三")
    assert personal_facts(register) - personal_facts(left) == lost + members


def test_a_kept_version_forgets_the_term_that_was_open_then():
    """As an old version has it the term goes on for ever: how it ended stands in the newest."""
    then = _register({"after": _term("2015-04-10")})
    now = _register({"before": _term("2015-04-10", "2018-04-10"), "after": _term("2018-04-12", "2021-04-10")})
    for newest in (now, _register({"after": _term("2021-04-10")})):
        assert "张三" not in json.dumps(outlived(then, 5, date(2026, 11, 29), newest), ensure_ascii=False)
    assert "张三" in json.dumps(outlived(then, 5, date(2026, 11, 29)), ensure_ascii=False)
