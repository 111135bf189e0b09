"""The record as a TinyDB: what stock TinyDB answers, it answers too, and an index answers what it can."""

import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tinydb import Query, TinyDB, where
from tinydb.operations import delete, increment
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from broker.store import Conflict, Corrupt, Refused, Unavailable
from broker.store.pushdown import where_of
from broker.store.sqlite.store import SQLiteStore
from broker.store.sqlite.tables import RecordDB, SQLiteStorage
from tests.support.record.samples import NOON, ZONE, bins, visit

Doc = dict[str, object]


def document(number: int, **changed: object) -> Doc:
    """A record as TinyDB has it."""
    return {"id": f"r{number % 3:02d}:1:{number}", "kind": ("bins", "visit")[number % 2], "key": f"r{number % 3:02d}",
            "at": NOON + number // 4, "received_at": NOON, "area": "xh", "body": {"n": number}, **changed}  # fmt: skip


@pytest.fixture
def filled(tmp_path) -> RecordDB:
    """Forty records."""
    db = RecordDB(tmp_path / "record.sqlite")
    db.insert_multiple([document(number) for number in range(40)])
    return db


def test_a_stranger_opens_the_record_of_a_bridge_in_three_lines(tmp_path):
    """What a bridge stores can be asked by another process's TinyDB, while it runs."""
    store = SQLiteStore(tmp_path, "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([bins(1), bins(2, NOON + 9), visit(1, "due")])
    db = RecordDB(tmp_path / "record.sqlite")
    assert [found["id"] for found in db.search((where("kind") == "bins") & (where("at") >= NOON + 1))] == ["r01:1:2"]
    stock = TinyDB(tmp_path / "record.sqlite", storage=SQLiteStorage, access_mode="r")
    assert len(stock.table("records")) == 3 and stock.table("records").get(doc_id=3)["kind"] == "visit"
    assert stock.table("records").search(where("body").seq == 2)[0].doc_id == 2
    with pytest.raises(Refused, match="read only"):
        stock.table("records").insert(document(9))
    store.close()


def _insert(path: str) -> None:
    RecordDB(path).insert(document(99))


@pytest.mark.real
def test_nothing_stale_is_answered(filled, tmp_path):
    """Another process writes: the same query, asked before, answers anew."""
    query = where("id") == "r00:1:99"
    assert filled.search(query) == [] and filled.count(query) == 0 and len(filled) == 40
    other = multiprocessing.get_context("spawn").Process(target=_insert, args=(str(tmp_path / "record.sqlite"),))
    other.start()
    other.join(30)
    assert [found.doc_id for found in filled.search(query)] == [41] and filled.contains(query) and len(filled) == 41


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (where("id") == "r00:1:3", "sqlite_autoindex_record_1 (id=?)"),
        (where("id").one_of(["a", "b"]), "sqlite_autoindex_record_1 (id=?)"),
        (where("kind") == "bins", "record_time (kind=?)"),
        ((where("at") >= NOON) & (where("kind") == "bins"), "record_time (kind=? AND at>?)"),
        ((where("kind") == "bins") & (where("at") >= NOON) & (where("at") < NOON + 5) & (where("body").n == 3),
         "record_time (kind=? AND at>? AND at<?)"),
        ((where("kind") == "bins") & ((where("at") == NOON) | (where("at") == NOON + 1)), "record_time (kind=?"),
    ],
)  # fmt: skip
def test_an_index_answers_comparisons_on_the_columns(filled, query, index):
    """The plan of the database names the index, for TinyDB's search and for the store's."""
    found = where_of(query)
    assert found is not None
    for order in ("ORDER BY +row", "ORDER BY at, id"):
        asked = f"EXPLAIN QUERY PLAN SELECT * FROM record WHERE {found.sql} {order}"
        plan = [row[3].decode() for row in filled.storage.database.rows_of(asked, found.values)]
        assert f"SEARCH record USING INDEX {index}" in plan[0] and not any("SCAN record" in step for step in plan)


def hash_of(query):
    """What TinyDB keeps of a query to compare it by."""
    return query._hash  # there is no public name for it, and broker/store/pushdown.py reads it


def test_tinydb_says_what_a_query_compares_as_we_read_it():
    """This fails when TinyDB changes the private hash of a query: see broker/store/pushdown.py."""
    a, b = where("kind") == "x", where("at") >= 5
    assert hash_of(a) == ("==", ("kind",), "x") and hash_of(b) == (">=", ("at",), 5)
    assert hash_of(a & b) == ("and", frozenset({hash_of(a), hash_of(b)}))
    assert hash_of(a | b) == ("or", frozenset({hash_of(a), hash_of(b)}))
    assert hash_of(where("kind").one_of(["x", "y"])) == ("one_of", ("kind",), ("x", "y"))
    mapped = where("at").map(int).__eq__(5)
    assert hash_of(mapped) is None and hash_of(a & mapped) is None


@pytest.mark.parametrize(
    ("query", "sql"),
    [
        (where("at") < 5.5, "at < ?"),
        ((where("kind") == "x") & (where("kind") == "x"), "kind = ?"),
        ((where("kind") == "x") & (where("body").n == 3), "kind = ?"),
        ((where("kind") == "x") | (where("body").n == 3), None),
        (~(where("kind") == "x"), None),
        (where("kind") != "x", None),
        (where("body").kind == "x", None),
        (where("kind") == 5, None),
        (where("at") == 2**70, None),
        (where("at") < float("nan"), None),
        (where("at").map(int) == 5, None),
        (where("id") == "\ud800", "0 = 1"),
        (where("id") < "\ud800", None),
        (where("kind").one_of([]), None),
        (where("kind").one_of(["x", 5]), None),
        (where("area") == "xh", None),
        (Query().noop(), None),
        (lambda found: True, None),
    ],
)  # fmt: skip
def test_only_what_a_database_surely_answers_alike_is_handed_to_it(query, sql):
    """A superset, or nothing."""
    found = where_of(query)
    assert (found and found.sql) == sql


_value = st.sampled_from([NOON, NOON + 3, NOON + 3.5, NOON + 5, True, "bins", "visit", "r01", "r01:1:7", 2**70, "\x00"])
_column = st.sampled_from(["id", "kind", "key", "at", "area", "n"])


def _compared(column: str, sign: str, value: object):
    field = where("body").n if column == "n" else where(column)
    return getattr(field, sign)(value)


_comparison = st.builds(_compared, _column, st.sampled_from(["__eq__", "__ne__", "__lt__", "__ge__"]), _value)
_query = st.recursive(
    _comparison | st.builds(lambda column, values: where(column).one_of(values), _column, st.lists(_value, max_size=3)),
    lambda inner: st.builds(lambda a, b: a & b, inner, inner) | st.builds(lambda a, b: a | b, inner, inner)
    | st.builds(lambda a: ~a, inner),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(query=_query)
def test_any_query_is_answered_as_stock_tinydb_does(filled, query):
    """The same documents in the same order, or the same TypeError, by search, get, count and contains."""
    stock = TinyDB(storage=MemoryStorage)
    stock.insert_multiple([document(number) for number in range(40)])

    def asked(db):
        try:
            return [[(one.doc_id, one) for one in db.search(query)], db.get(query), db.count(query), db.contains(query)]
        except TypeError:
            return "TypeError"

    theirs, ours = asked(stock), asked(filled)
    # An index may pass a document over that cannot be compared: an answer where there was an error.
    assert ours == theirs or theirs == "TypeError"


def _worked_on(db: TinyDB) -> list[object]:
    """All of TinyDB's own calls on a table of one's own, and what each gives."""
    table = db.table("others", persist_empty=False)
    said = [
        table.insert({"a": 1}), table.insert_multiple([{"a": 2}, Document({"a": 9}, 7), {"a": 3}]),
        table.update({"b": 5}, where("a") > 1), table.update(increment("a"), doc_ids=[1, 99]), table.all(),
        table.update_multiple([({"c": 1}, where("a") == 3), (delete("b"), where("a") == 9)]),
        table.upsert({"a": 50}, where("a") == 50), table.upsert(Document({"z": 1}, 2)), table.remove(where("a") == 4),
        table.remove(doc_ids=[7, 77]), [(one.doc_id, one) for one in table], len(table), sorted(db.tables()),
        table.get(doc_id=2), table.get(doc_ids=[2, 1, 2]), table.get(doc_id=99), table.contains(doc_id=1),
        table.insert({"a": 5}),
    ]  # fmt: skip
    for refused in (lambda: table.insert(Document({}, 2)), lambda: table.insert([1]), table.get, table.remove,
                    lambda: table.upsert({})):  # fmt: skip
        with pytest.raises((ValueError, RuntimeError)):
            refused()
    return said


def _records_worked_on(db: TinyDB) -> list[object]:
    """The same of the records, and of the tables as a whole."""
    said: list[object] = []
    n = where("body").n
    records = db.table("records")
    records.insert_multiple([document(number) for number in range(9)])
    said += [
        records.update({"area": "yh"}, where("key") == "r01"), records.remove((where("kind") == "bins") & (n == 6)),
        records.update({"body": {"n": 70}}, doc_ids=[2]), records.upsert(document(50), where("id") == "none"),
        records.update_multiple([
            ({"received_at": 5}, where("key") == "r01"),
            (lambda one: one["body"].update(x=1), where("received_at") == 5), ({"area": "zz"}, where("body").x == 1),
            ({"key": "r09"}, where("area") == "zz"), ({"at": 6}, n == 70),
        ]),
        [(one.doc_id, one) for one in records], records.count(n == 70), records.all() == list(records), len(records),
    ]  # fmt: skip
    records.truncate()
    said += [len(records), records.insert(document(1)), sorted(db.tables())]
    db.drop_table("others")
    said += [sorted(db.tables()), len(db.table("others")), len(records)]
    db.drop_tables()
    said += [sorted(db.tables()), len(db.table("records"))]
    return said


@pytest.mark.parametrize("kind", [RecordDB, TinyDB])
def test_every_call_of_tinydb_does_what_stock_tinydb_does(tmp_path, kind):
    """Insert, update, upsert, remove, truncate, several tables, doc_id, len, iteration: equal, also after reopening."""
    db, stock = kind(tmp_path / "x.sqlite", storage=SQLiteStorage), TinyDB(storage=MemoryStorage)
    assert json.dumps(_worked_on(db)) == json.dumps(_worked_on(stock))
    if kind is RecordDB:
        assert json.dumps(_records_worked_on(db)) == json.dumps(_records_worked_on(stock))
    db.drop_tables()
    db.table("others").insert({"a": {"deep": [1, None, "中"]}})
    db.close()
    again = kind(tmp_path / "x.sqlite", storage=SQLiteStorage)
    assert again.table("others").all() == [{"a": {"deep": [1, None, "中"]}}]
    again.close()


def test_stock_tinydb_beside_a_bridge_costs_no_record(tmp_path):
    """What the bridge stores between the two halves of a stranger's change stays; other tables are the stranger's."""
    store = SQLiteStore(tmp_path, "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([bins(1), bins(2)])
    stock = TinyDB(tmp_path / "record.sqlite", storage=SQLiteStorage)
    notes, records = stock.table("notes"), stock.table("records")
    notes.insert({"a": 1})
    late = iter([bins(3), bins(4)])

    def while_changed(found):
        store.append([next(late)])
        found["area"] = "xh"

    notes.update(while_changed)
    assert notes.all() == [{"a": 1, "area": "xh"}]
    for change in (
        lambda: records.update(while_changed, doc_ids=[1]), lambda: records.insert(document(9)), records.truncate,
        lambda: records.remove(where("kind") == "bins"), stock.drop_tables, lambda: stock.drop_table("records"),
    ):  # fmt: skip
        with pytest.raises(Refused, match="by RecordDB only, use that"):
            change()
    assert list(store.scan("bins")) == [bins(1), bins(2), bins(3), bins(4)]
    stock.drop_table("notes")
    assert stock.tables() == {"records"} and len(notes) == 0
    stock.close()
    store.close()


def test_the_table_of_records_takes_records_only_and_each_id_once(filled):
    """What is none, or has an id that is taken, is refused with all that came with it."""
    for wrong, error in (
        ({"a": 1}, Refused), (document(50, kind="No!"), Refused), (document(50, at=1.5), Refused),
        (document(3), Conflict),
    ):  # fmt: skip
        with pytest.raises(error):
            filled.insert_multiple([document(60), wrong])
    with pytest.raises(Conflict):
        filled.update({"id": "same"})
    assert len(filled) == 40 and filled.get(doc_id=41) is None


def test_nobody_writes_where_somebody_must_be_alone(tmp_path):
    """While a record is opened or repaired a stranger's insert is refused; reading is not."""
    store = SQLiteStore(tmp_path, "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([bins(1)])
    store.close()
    from broker.store.sqlite.files import Lock

    alone = Lock(tmp_path / "record.lock", must_be_alone=True)
    db = RecordDB(tmp_path / "record.sqlite")
    assert len(db) == 1
    with pytest.raises(Unavailable, match="in use by process"):
        db.insert(document(1))
    alone.release()
    assert db.insert(document(2)) == 2
    db.close()


def test_a_record_is_neither_changed_nor_removed_beside_a_bridge(tmp_path):
    """Its amendments stay known and no row's number is used again; what is new may be inserted, and later all is."""
    store = SQLiteStore(tmp_path, "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([bins(1), bins(2)])
    store.amend("r01:1:1", {"late": True}, "seen", "ann", NOON)
    beside = RecordDB(tmp_path / "record.sqlite")
    for db in (beside, store.db):
        for change in (
            lambda db=db: db.remove(where("kind") == "amendment"), lambda db=db: db.update({"area": "yh"}), db.truncate,
            lambda db=db: db.remove(doc_ids=[2]), lambda db=db: db.update_multiple([({"at": 5}, where("at") > 5)]),
            lambda db=db: db.upsert(document(5), where("id") == "r01:1:1"), db.drop_tables,
        ):  # fmt: skip
            with pytest.raises(Refused, match="stop the bridge, or use `amend`"):
                change()
    assert beside.upsert(document(5), where("id") == "none") == [4] and beside.remove(where("id") == "none") == []
    assert store.get("r01:1:1").body["late"] and len(list(store.scan("bins"))) == 2 and store.last_row() == 4
    store.append([bins(3)])
    store.close()
    assert beside.remove(where("kind") == "amendment") == [3] and beside.update({"area": "yh"}, doc_ids=[1]) == [1]
    beside.close()


def test_a_document_that_is_not_what_was_written_is_refused(tmp_path):
    """Also one that is no record."""
    db = RecordDB(tmp_path / "x.sqlite")
    db.table("others").insert({"a": "wxyz"})
    db.close()
    path: Path = tmp_path / "x.sqlite"
    path.write_bytes(path.read_bytes().replace(b"wxyz", b"wxyy"))
    with pytest.raises(Corrupt, match="table others is not what was written"):
        RecordDB(path).table("others").all()


def test_the_lines_of_the_readme_read_the_record(tmp_path, monkeypatch, capsys):
    """As they stand there, in a folder with the records of a bridge."""
    page = (Path(__file__).parents[2] / "README.md").read_text()
    (lines,) = [block for block in page.split("```") if "RecordDB(" in block]
    store = SQLiteStore(tmp_path / "data" / "records", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([bins(1), bins(1, room="r02")])
    monkeypatch.chdir(tmp_path)
    exec(lines, {})
    store.close()
    assert "r01:1:1" in (said := capsys.readouterr().out) and "r02:1:1" not in said
