"""What every store promises, run on TinyDB and on PostgreSQL alike."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.store import Conflict, Receipt, Record, Refused, Store, Unavailable, where
from broker.store.postgres import PostgresStore
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
def fresh(request, tmp_path, clock) -> Iterator[Callable[[], Callable[[], Store]]]:
    """Gives for a store of its own what opens it, also again; the one before is closed."""
    address = request.getfixturevalue("database") if request.param == "postgresql" else ""
    opened: list[Store] = []

    def close() -> None:
        while opened:
            opened.pop().close()

    def another() -> Callable[[], Store]:
        area = f"area{next(_areas)}"

        def open_it() -> Store:
            close()
            opened.append(
                PostgresStore(address, area, ZONE, clock) if address
                else SQLiteStore(tmp_path / area, area, ZONE, clock, min_free_bytes=0, export_in_background=False)
            )  # fmt: skip
            return opened[-1]

        return open_it

    yield another
    close()


@pytest.fixture
def reopen(fresh) -> Callable[[], Store]:
    """Opens the store under test, again after closing it."""
    return fresh()


@pytest.fixture
def store(reopen) -> Store:
    """The store under test, open."""
    return reopen()


_NUMBERS = st.integers(1, 12)
_FACT = st.builds(
    lambda number, room, later: bins(number, NOON + 40_000 * (number % 4) + later, f"r0{room}"), _NUMBERS,
    st.integers(1, 3), st.integers(0, 1),
) | st.builds(lambda number: visit(number, "due", NOON + number // 3, f"run1/r0{number % 3}/1"), _NUMBERS)  # fmt: skip
_STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(_FACT, max_size=6)),
    st.tuples(st.just("amend"), _FACT),
    st.tuples(st.sampled_from(["reopen", "a day passes"]), st.none()),
)


def newest(records) -> dict[str, Record]:
    """The last of each key by time and id."""
    return {record.key: record for record in sorted(records, key=lambda record: (record.at, record.id))}


def appended(known: dict[str, Record], batch: list[Record]) -> Receipt:
    """Take a batch into a dictionary as a store does: of an id that is known the first one stays."""
    before = len(known)
    for record in batch:
        known.setdefault(record.id, record)
    return Receipt(len(known) - before, len(batch) - (len(known) - before))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(steps=st.lists(_STEP, max_size=12), limit=st.integers(1, 5))
def test_a_store_is_what_a_dictionary_is_whatever_happens(fresh, clock, steps, limit):
    """Batches with resends, gaps and late records, amendments, restarts, days that pass: all answers are the same."""
    clock.at, reopen = NOON, fresh()
    store, stored, read = reopen(), dict[str, Record](), dict[str, Record]()
    for what, given_ in steps:
        if what == "append":
            assert store.append(given_) == appended(stored, given_)
            read = {**stored, **read}
        elif what == "amend" and given_.id in stored:
            read[given_.id] = store.amend(given_.id, {"late": len(read)}, "why", "ann", NOON)
            assert read[given_.id].body == {**stored[given_.id].body, "late": len(read)}
        elif what == "reopen":
            store = reopen()
        elif what == "a day passes":
            clock.at += 86_400
    for kind in ("bins", "visit"):
        wanted = sorted((one for one in read.values() if one.kind == kind), key=lambda one: (one.at, one.id))
        assert list(store.scan(kind)) == wanted
        assert list(store.scan(kind, amended=False)) == [stored[one.id] for one in wanted]
        pages: list[Record] = []
        while page := list(store.scan(kind, after=pages[-1].id if pages else None, limit=limit)):
            pages += page
        assert pages == wanted
        span = [one for one in wanted if NOON + 1 <= one.at < NOON + 80_000]
        assert list(store.scan(kind, NOON + 1, NOON + 80_000)) == span
        assert store.latest(kind) == newest(wanted) and store.latest(kind, "nobody") == {}
        late = [one for one in wanted if one.at >= NOON + 40_000]
        assert store.latest(kind, since_at=NOON + 40_000) == newest(late)
        assert all(store.latest(kind, one.key) == {one.key: newest(wanted)[one.key]} for one in wanted)
    assert all(store.get(one.id) == one for one in read.values()) and store.get("r01:1:99") is None
    amendments = list(store.scan("amendment"))
    assert store.kinds() == sorted({one.kind for one in [*read.values(), *amendments]})
    assert store.health()["records"] == len(stored) + len(amendments)


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


@pytest.mark.parametrize("text", ["r77:1:1", "a\x00", "a\ud800"])
def test_store_has_nothing_under_a_text_that_nobody_stored(store, text):
    """Also of a NUL or half a character there is no such record, and no page is begun somewhere else."""
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


def test_store_says_how_it_is_and_is_unusable_after_closing(store):
    """Health has the numbers the screen shows; a closed store refuses, closing again does nothing."""
    store.append([bins(1)])
    health = store.health()
    assert health["records"] == 1 and health["last_commit_s"] == 0 and health["warnings"] == []
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
