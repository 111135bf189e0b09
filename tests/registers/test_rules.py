"""Whatever is typed, the register is either valid and kept or refused with a field; words exist for everything."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from broker.registers.elections.demo import demo_elections
from broker.registers.elections.figures import DEFINITIONS
from broker.registers.elections.models import Member
from broker.registers.errors import Damaged, Invalid
from broker.registers.exchange.tables import ELECTION_TABLES, SAFETY_TABLES
from broker.registers.fields import Plain
from broker.registers.folder import ELECTIONS, SAFETY
from broker.registers.kept.canonical import canonical_bytes, etag_of
from broker.registers.kept.changelog import log_line, read_log
from broker.registers.kept.differences import Change, difference, in_words, masked
from broker.registers.kept.patches import Edit, apply_edits
from broker.registers.lined_json import LinedJson
from broker.registers.safety.demo import demo_works
from broker.registers.schemas import schema_files
from broker.registers.validation import checked, checked_text
from broker.registers.words import CODES, WORDS, code_of, value_word

ROOT = Path(__file__).resolve().parents[2]

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-10**12, 10**12), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)


def small():
    """One area, one body with both terms: enough for every rule, and quick."""
    document = demo_elections()
    document["areas"], document["bodies"] = document["areas"][:1], [
        body for body in document["bodies"] if body["area"] == "a01"][:3]
    return checked(ELECTIONS, document).model_dump(mode="json")


def works():
    document = demo_works()
    document["sites"] = document["sites"][:2]
    return checked(SAFETY, document).model_dump(mode="json")


def paths(value, path=()):
    """Every place in a document."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


SMALL, WORKS = small(), works()
PLACES = {"elections": [p for p in paths(SMALL) if p], "safety": [p for p in paths(WORKS) if p]}


@pytest.mark.parametrize(("kind", "document"), [(ELECTIONS, SMALL), (SAFETY, WORKS)])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_value_anywhere_is_kept_or_refused(kind, document, data):
    """Any JSON put at any place gives a valid register or Invalid with texts in both languages; never anything else."""
    changed = json.loads(json.dumps(document))
    place = data.draw(st.sampled_from(PLACES[kind.name]))
    here = changed
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = data.draw(st.one_of(JSON, st.just(float("inf")), st.just(float("nan"))))
    try:
        value = checked(kind, changed)
    except Invalid as error:
        assert error.problems
        assert all(problem.sentence(lang) for problem in error.problems for lang in ("en", "zh"))
        return
    again = value.model_dump(mode="json")
    assert canonical_bytes(checked(kind, again).model_dump(mode="json")) == canonical_bytes(again)
    for change in difference(document, again):
        assert in_words(change, "en")
        assert in_words(change, "zh")


@given(JSON)
@settings(max_examples=80, deadline=None)
def test_the_reader_that_knows_lines_reads_what_json_reads(value):
    """On any document it gives the same value as the standard library."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    assert LinedJson(text).value == value


@given(st.text('{}[]:,"\\ntrue01.e-a \n', max_size=60))
@settings(max_examples=100, deadline=None)
def test_the_reader_that_knows_lines_is_at_least_as_strict_as_json(text):
    """What it takes, the standard library takes as well, with the same value."""
    try:
        value = LinedJson(text).value
    except Invalid as error:
        assert 1 <= error.problems[0].line <= text.count("\n") + 1
        return
    assert json.loads(text) == value


@pytest.mark.parametrize(("text", "line"), [
    ('{"a": 1,\n "a": 2}', 2), ('{"a": NaN}', 1), ("[1,\n2,\n", 3), ("{}\n{}", 2), ("[" * 50, 1), ('{"a": 01}', 1),
    ('["\n"]', 1), ("", 1), ('{"a" 1}', 1), ('["\\ud800"]', 1), ("[" + "1" * 50 + "]", 1),
])
def test_what_json_lets_pass_is_refused_with_its_line(text, line):
    """Double keys, NaN, endless nesting, half characters and the usual slips are named by line."""
    with pytest.raises(Invalid) as caught:
        LinedJson(text)
    assert caught.value.problems[0].line == line


def test_the_line_of_each_field_is_its_line_in_the_file():
    """In a canonical file the reported line is the one on which the field stands."""
    text = canonical_bytes(SMALL).decode()
    lined, lines = LinedJson(text), text.splitlines()
    for path in PLACES["elections"][::7]:
        if isinstance(path[-1], str):
            assert f'"{path[-1]}"' in lines[lined.line_of(path) - 1]


@pytest.mark.parametrize(("content", "code"), [
    (b"\xff\xfe{}", "encoding"), ("{名}".encode("gb18030"), "encoding"), (b"[]", "wrong_type"),
    (b"{}" * 5_000_000, "too_big"), (b'{"format":"zhanpai-elections/2"}', "not_one_of"),
    (b'{"bodies": [{}]}', "required"), (b'\xef\xbb\xbf{"x":1}', "unknown_field"),
])
def test_a_foreign_file_is_refused_with_the_reason(content, code):
    """Wrong encodings, sizes, formats and fields of a file made elsewhere."""
    with pytest.raises(Invalid) as caught:
        checked_text(ELECTIONS, content)
    assert code in [problem.code for problem in caught.value.problems]


def test_the_file_is_sorted_one_field_a_line_and_stable():
    """The order in which things were typed does not show in the file."""
    shuffled = {key: SMALL[key] for key in reversed(SMALL)}
    shuffled["bodies"] = list(reversed(SMALL["bodies"]))
    assert canonical_bytes(shuffled) == canonical_bytes(SMALL)
    assert etag_of(canonical_bytes(shuffled)) == etag_of(canonical_bytes(SMALL))
    for line in canonical_bytes(SMALL).decode().splitlines():
        assert line.count('": ') <= 1 or '": "' in line


def test_masked_changes_hold_no_personal_fact():
    """In a logged change a whole new member shows everything but name, birth date and note."""
    body = SMALL["bodies"][0]
    text = json.dumps([masked(body, "bodies/pb-a01")], ensure_ascii=False)
    for member in body["after"]["members"]:
        assert member["birth_date"] not in text
    assert "示例书记" not in text
    assert "bachelor" in text


@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), min_size=1, max_size=5), st.data())
@settings(max_examples=60, deadline=None)
def test_a_log_is_read_back_and_any_flipped_bit_is_noticed(changes, data):
    """Entries come back as written; one flipped bit anywhere is Damaged or a cut-off last line, never other words."""
    content, last = b"", None
    for number, (old, new) in enumerate(changes, start=1):
        content += log_line(last, number, "w", "y", "set", number, None, "e" * 32, [Change("a/b", old, new)])
        last = read_log(content, "x")[0][-1]
    entries, good = read_log(content, "x")
    assert [(entry.changes[0].old, entry.changes[0].new) for entry in entries] == changes
    assert good == len(content)
    broken = bytearray(content)
    place = data.draw(st.integers(0, len(broken) - 1))
    broken[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found, _ = read_log(bytes(broken), "x")
    except Damaged:
        return
    assert found == entries[: len(found)]
    assert len(found) < len(entries)


def test_edits_name_what_they_cannot_find():
    """A path that leads nowhere, a list that is none, a field that is the program's own."""
    for op, path in (
        ("set", "bodies/none/name"), ("set", "none/x"), ("add", "bodies/pb-a01/name"), ("remove", "areas/none"),
        ("remove", "bodies/pb-a01/nothing"), ("set", "format"), ("set", ""), ("set", "format/x/y"),
    ):
        with pytest.raises(Invalid):
            apply_edits(SMALL, [Edit(op=op, path=path, value=1)])


def test_the_schemas_are_committed_as_they_are():
    """schemas/*.json are what the models say now (write them with `python3 -m broker elections schema`)."""
    for name, content in schema_files().items():
        assert (ROOT / "schemas" / name).read_bytes() == content, f"schemas/{name} has drifted"


@pytest.mark.parametrize(("name", "document"), [("elections", SMALL), ("safety", WORKS)])
def test_the_files_obey_their_schemas(name, document):
    """A register's file validates against the committed JSON Schema, and an unknown field does not."""
    validator = Draft202012Validator(json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []
    assert list(validator.iter_errors({**document, "colour": "red"}))


def test_every_field_and_code_has_a_word_in_both_languages():
    """No model field, code, column or problem is without its Chinese and English words."""
    fields = {name for model in Plain.__subclasses__() for name in model.model_fields}
    assert fields - set(WORDS.groups("en")["field"]) == set()
    for column in (column for table in (*ELECTION_TABLES, *SAFETY_TABLES) for column in table.columns):
        if column.kind == "code":
            assert column.field() in CODES
    for field in ("post", "education", "sex", "origin", "occupation", "age_band"):
        codes = set(Member.model_json_schema()["properties"][field].get("enum") or next(
            part["enum"] for part in Member.model_json_schema()["properties"][field]["anyOf"] if "enum" in part))
        assert codes == set(CODES[field])
    for field, known in CODES.items():
        for code in known:
            assert {code_of(field, value_word(field, code, lang)) for lang in ("en", "zh")} == {code}
    words = WORDS.groups("en")
    assert {table.name for table in (*ELECTION_TABLES, *SAFETY_TABLES)} == set(words["table"])
    assert {definition.id for definition in DEFINITIONS} == set(words["figure"])


def test_every_problem_code_in_use_has_a_text():
    """Each code named in the sources is in the table of texts."""
    used = set()
    for path in (ROOT / "broker" / "registers").rglob("*.py"):
        used |= set(re.findall(r'(?:Problem\([^\n"]*(?:f?"[^"]*")?, |CellError\()"([a-z_0-9]+)"', path.read_text()))
    assert len(used) > 30
    assert used - set(WORDS.groups("en")["problem"]) == set()


def test_members_data_has_no_way_to_the_devices():
    """The registers import neither wire, MQTT, bridge nor store, and none of those imports the registers.

    How a spreadsheet is read is nobody's data: a weighbridge's file is read alike.
    """
    forbidden = re.compile(r"^\s*(?:from|import) (paho|firmware|broker\.(?:mqtt|bridge|ingest|rules|store|web))", re.M)
    for path in (ROOT / "broker" / "registers").rglob("*.py"):
        assert not forbidden.search(path.read_text()), path.name
    inward = re.compile(r"^\s*(?:from|import) broker\.registers(?!\.exchange\.(?:sheets|csv_text) )", re.M)
    folders = ("ingest", "mqtt", "people", "plan", "reports", "rules", "store")
    loose = [*(ROOT / "broker").glob("*.py"), *(ROOT / "firmware").rglob("*.py")]
    for path in [*loose, *(path for folder in folders for path in (ROOT / "broker" / folder).rglob("*.py"))]:
        assert not inward.search(path.read_text()), path.name
