"""What every store promises, run on TinyDB and on PostgreSQL alike."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.store import Conflict, Receipt, Record, Refused, Store, Unavailable, where
from broker.store.postgres.store import PostgresStore
from broker.store.sqlite.store import SQLiteStore
from tests.support.record.samples import NOON, ZONE, bins, visit

_areas = itertools.count(1)


class Clock:
    """A clock that tests move."""

    def __init__(self, at: float = NOON) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    """The clock of the store under test."""
    return Clock()


@pytest.fixture(params=["tinydb", pytest.param("postgresql", marks=pytest.mark.real)])
def reopen(request, tmp_path, clock) -> Iterator[Callable[[], Store]]:
    """Opens the store under test; called again it opens the same one again after closing it."""
    opened: list[Store] = []
    area = f"area{next(_areas)}"
    address = request.getfixturevalue("database") if request.param == "postgresql" else ""

    def open_it() -> Store:
        if opened:
            opened[-1].close()
        if address:
            opened.append(PostgresStore(address, area, ZONE, clock))
        else:
            opened.append(
                SQLiteStore(tmp_path / "store", area, ZONE, clock, min_free_bytes=0, export_in_background=False)
            )
        return opened[-1]

    yield open_it
    if opened:
        opened[-1].close()


@pytest.fixture
def store(reopen) -> Store:
    """The store under test, open."""
    return reopen()


def test_store_gives_back_what_was_appended(store):
    """A record comes back equal, an unknown id is None."""
    record = bins(1)
    assert store.append([record]) == Receipt(1, 0)
    assert store.get(record.id) == record
    assert store.get("r01:1:2") is None
    assert store.get("visit:no:such:1") is None


def test_store_takes_an_empty_batch(store):
    """Nothing to store is no error."""
    assert store.append([]) == Receipt(0, 0)


@pytest.mark.parametrize("record", [bins(1), visit(1, "due")], ids=["counting id", "other id"])
def test_store_takes_a_resend_silently(reopen, clock, record):
    """The same id again is a duplicate: in the batch, in the next batch, after a restart and in a later day."""
    store = reopen()
    assert store.append([record, record]) == Receipt(1, 1)
    assert store.append([record]) == Receipt(0, 1)
    store = reopen()
    assert store.append([record]) == Receipt(0, 1)
    clock.at += 86_400
    assert store.append([record, visit(2, "served", NOON + 86_400)]) == Receipt(1, 1)
    store = reopen()
    assert store.append([record]) == Receipt(0, 1)
    assert [found.id for found in store.scan(record.kind)].count(record.id) == 1


def test_store_fills_gaps_of_a_device(reopen, clock):
    """Records that arrive out of order are each stored once, also over a sealed day."""
    store = reopen()
    assert store.append([bins(5), bins(1), bins(3)]) == Receipt(3, 0)
    clock.at += 86_400
    store.append([bins(7)])
    store = reopen()
    assert store.append([bins(n) for n in range(1, 9)]) == Receipt(4, 4)
    assert sorted(r.body["seq"] for r in store.scan("bins")) == list(range(1, 9))


def test_store_scans_in_order_of_time_and_id(store):
    """Scan is ordered by (at, id), half open in time, and blind for other kinds."""
    store.append([bins(3, NOON + 5), bins(2, NOON), visit(9, "due"), bins(1, NOON + 5, room="r02"), bins(4, NOON + 9)])
    assert [r.id for r in store.scan("bins")] == ["r01:1:2", "r01:1:3", "r02:1:1", "r01:1:4"]
    assert [r.id for r in store.scan("bins", NOON + 5, NOON + 9)] == ["r01:1:3", "r02:1:1"]
    assert list(store.scan("keeper")) == []


def test_store_scans_page_by_page(reopen, clock):
    """Following the cursor gives every record once, over days and pages."""
    store = reopen()
    for day in range(3):
        clock.at = NOON + day * 86_400
        store.append([bins(100 * day + n, NOON + 86_400 * day + n // 3) for n in range(1, 21)])
    whole = [r.id for r in store.scan("bins")]
    assert len(whole) == 60
    pages: list[str] = []
    while True:
        page = [r.id for r in store.scan("bins", after=pages[-1] if pages else None, limit=7)]
        if not page:
            break
        pages += page
    assert pages == whole
    with pytest.raises(Conflict, match="cursor"):
        next(store.scan("bins", after="r77:1:1"))


def test_store_knows_the_newest_of_each_key(reopen, clock):
    """Latest goes by (at, id), whatever arrived last, also when the newest is in a sealed day."""
    store = reopen()
    store.append([bins(2, NOON + 60), bins(1, NOON), bins(1, NOON + 1, room="r02")])
    clock.at += 86_400
    store.append([bins(3, NOON + 30)])
    store = reopen()
    assert {key: r.id for key, r in store.latest("bins").items()} == {"r01": "r01:1:2", "r02": "r02:1:1"}
    assert list(store.latest("bins", "r02")) == ["r02"]
    assert list(store.latest("bins", since_at=NOON + 2)) == ["r01"]
    assert store.latest("bins", "r09") == {}


def test_store_answers_a_question_in_tinydb_s_language(store):
    """Any query of TinyDB's: columns, fields of the body, tests of one's own, and what amendments say."""
    store.append([bins(1, count=2), bins(2, NOON + 5, count=7), bins(1, NOON + 1, "r02", 3), visit(1, "served")])
    store.amend(visit(1, "served").id, {"state": "cancelled"}, "seen", "ann", NOON)

    def asked(query) -> list[str]:
        return [record.id for record in store.search(query)]

    body, kind, at = where("body"), where("kind"), where("at")
    assert asked((kind == "bins") & (at >= NOON + 1)) == ["r02:1:1", "r01:1:2"]
    assert asked((where("key") == "r02") | (where("id") == "r01:1:2")) == ["r02:1:1", "r01:1:2"]
    assert asked(kind.one_of(["bins", "keeper"]) & ~(where("key") == "r01")) == ["r02:1:1"]
    assert asked(body.bins.any(where("count") > 2)) == ["r02:1:1", "r01:1:2"]
    assert asked(body.test(lambda found: found.get("seq") == 2)) == ["r01:1:2"]
    assert asked(body.state == "cancelled") == [visit(1, "served").id] and asked(body.state == "served") == []
    assert [r.id for r in store.search(body.state == "served", amended=False)] == [visit(1, "served").id]
    assert asked(where("id") == "\x00") == asked(kind == "\ud800") == asked(at == None) == []  # noqa: E711


def test_store_amends_without_losing_the_original(reopen, clock):
    """An amendment changes what is read, is a record with who and why, and outlives a restart."""
    store = reopen()
    store.append([visit(1, "served")])
    record_id = visit(1, "served").id
    amended = store.amend(record_id, {"bins_before": 6}, "miscounted", "ann", NOON + 9)
    assert amended.body["bins_before"] == 6
    clock.at += 86_400
    store.amend(record_id, {"bins_before": 7}, "again", "bob", NOON + 99, seen=1)
    store = reopen()
    for found in (store.get(record_id), next(store.scan("visit")), store.latest("visit")["run1/r01/1"]):
        assert found is not None and found.body["bins_before"] == 7 and found.body["state"] == "served"
    kept = [r.body for r in store.scan("amendment")]
    assert [(body["who"], body["reason"], body["patch"]) for body in kept] == [
        ("ann", "miscounted", {"bins_before": 6}),
        ("bob", "again", {"bins_before": 7}),
    ]


def test_store_refuses_an_amendment_of_something_else(store):
    """No such record, an outdated view, a missing reason: each is refused and nothing is stored."""
    store.append([visit(1, "served")])
    record_id = visit(1, "served").id
    store.amend(record_id, {"bins_before": 6}, "miscounted", "ann", NOON)
    for broken in ({"record_id": "nobody:1:1"}, {"seen": 0}):
        with pytest.raises(Conflict):
            store.amend(**{"record_id": record_id, "patch": {}, "reason": "x", "who": "y", "at": NOON, **broken})
    with pytest.raises(Refused):
        store.amend(record_id, {}, "", "ann", NOON)
    assert len(list(store.scan("amendment"))) == 1


def test_store_applies_amendments_that_arrive_before_their_record(store):
    """An export is by kind, so amendments come first; the last one of each is what is read, whichever were lost."""
    one = visit(1, "served")
    body = {"record_id": one.id, "record_kind": "visit", "patch": {"a": 5}, "reason": "x", "who": "y"}
    second = Record(f"{one.id}#2", "amendment", one.id, NOON, NOON, "xh", {**body, "number": 2})
    store.append([second])
    store.append([Record(f"{one.id}#3", "thing", "k", NOON, NOON, "xh", {}), one])
    assert store.get(one.id).body["a"] == 5
    # The next number is another record's id.
    assert store.amend(one.id, {"bins_before": 9}, "counted", "ann", NOON).body["bins_before"] == 9
    assert store.get(one.id).body["bins_before"] == 9 and store.get(f"{one.id}#4") is not None


@pytest.mark.parametrize("text", ["a\x00", "a\ud800"])
def test_store_has_nothing_under_a_text_that_nobody_stores(store, text):
    """A NUL or half a character is asked for: there is no such record."""
    store.append([bins(1)])
    assert store.get(text) is None and store.latest("bins", text) == {} and list(store.scan(text)) == []
    with pytest.raises(Conflict, match="names no record"):
        list(store.scan("bins", after=text))
    with pytest.raises(Conflict, match="there is no record"):
        store.amend(text, {}, "why", "ann", NOON)


def test_store_mends_half_a_character(store):
    """Half of a surrogate pair in a body becomes the replacement character: one device cannot stop a batch."""
    broken = Record("a:b", "life", "r01", NOON, NOON, "xh", {"fw": "1\ud800.0", "more": [{"\udfff": "中"}]})
    assert store.append([bins(1), broken]) == Receipt(2, 0)
    found = store.get("a:b")
    assert found is not None and found.body == {"fw": "1\ufffd.0", "more": [{"\ufffd": "中"}]}
    assert store.amend("a:b", {"fw": "\ud800"}, "\ud800", "ann", NOON).body["fw"] == "\ufffd"


@pytest.mark.parametrize(
    "broken",
    [
        Record("", "bins", "r01", NOON, NOON, "xh", {}),
        Record("a", "Bins!", "r01", NOON, NOON, "xh", {}),
        Record("a", "bins", "r\n01", NOON, NOON, "xh", {}),
        Record("a", "bins", "r01", -1, NOON, "xh", {}),
        Record("a", "bins", "r01", True, NOON, "xh", {}),
        Record("a\ud800", "bins", "r01", NOON, NOON, "xh", {}),
        Record("a", "bins", "r01", NOON, NOON, "xh", {"number": 1 << 70}),
    ],
    ids=["no id", "kind", "line break", "negative time", "boolean time", "half a character", "huge number"],
)
def test_store_refuses_what_it_cannot_keep(store, broken):
    """A record no backend can keep refuses its whole batch, and the store goes on."""
    with pytest.raises(Refused):
        store.append([bins(1), broken])
    assert store.get("r01:1:1") is None
    assert store.append([bins(1)]) == Receipt(1, 0)


def test_store_keeps_every_mixture_of_kinds_together(reopen, clock):
    """One batch of five kinds over midnight is one batch, with positions among them."""
    clock.at = NOON + 12 * 3600
    fixes = [
        Record(f"t01:1:{n}", "fix", "t01", NOON + n, NOON, "xh", {"device": "t01", "lat": 31.2}) for n in range(90)
    ]
    batch = [bins(1, NOON), *fixes, visit(1, "due", NOON + 43_201), visit(2, "served", NOON + 43_199)]
    store = reopen()
    assert store.append(batch) == Receipt(93, 0)
    clock.at += 86_400
    store.append([bins(2)])
    store = reopen()
    assert [r.id for r in store.scan("fix", NOON + 5, NOON + 8)] == ["t01:1:5", "t01:1:6", "t01:1:7"]
    assert store.latest("fix")["t01"] == fixes[-1]
    assert store.get("t01:1:44") == fixes[44]
    assert len(list(store.scan("fix"))) == 90
    assert store.append(fixes) == Receipt(0, 90)
    assert store.health()["records"] == 94


def test_store_says_how_it_is(store):
    """Health has the numbers the screen shows."""
    store.append([bins(1)])
    health = store.health()
    assert health["records"] == 1 and health["last_commit_s"] == 0 and health["warnings"] == []


def test_store_is_unusable_after_closing(store):
    """A closed store refuses, closing again does nothing."""
    store.close()
    store.close()
    with pytest.raises(Unavailable):
        store.append([bins(1)])


_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "A", "b\"", ""]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(body=st.dictionaries(st.sampled_from(["a", "b", "state", "中文"]), _plain, max_size=4))
def test_store_keeps_any_body_as_it_is(store, body):
    """Numbers, nulls, NUL characters and nesting come back as they went in, types and order of keys included."""
    number = next(_areas)
    store.append([Record(f"any:{number}", "thing", "k", NOON, NOON, "xh", body)])
    found = store.get(f"any:{number}")
    assert found is not None and repr(dict(found.body)) == repr(body)
