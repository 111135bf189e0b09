"""The intake's quick way, column by column, lets through exactly what the slow way does, and what it keeps is small."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.store import Receipt, Record, Refused
from broker.store.intake import Intake
from broker.store.seen import Seen
from broker.store.tinydb_store import TinyDBStore

NOON = 1795320000
TAILS = ("1", "2", "17", "1,2", "9" * 30, "0", "01",
         "+1", "-1", " 1", "1_0", "１", "999999999", "1000000000", "", "x", "1.0")


def report(record_id: str, at: object = NOON, received_at: object = NOON, key: str = "r01") -> Record:
    """A bin report; its times may be anything."""
    return Record(record_id, "bins", key, at, received_at, "xh", {"count": 1})  # type: ignore[arg-type]


def outcome(intake: Intake, records: list[Record]) -> object:
    """What admitting says: (whether it counts, number) of each, or the text of the refusal."""
    try:
        batch = intake.admit(records)
    except Refused as why:
        return str(why)
    return [(ranges is not None, number) for ranges, number in zip(batch.ranges, batch.numbers, strict=True)]


odd_records = st.builds(
    report,
    st.builds("{}:{}".format, st.sampled_from(["r01:1", "r02:3", "r01:01", "visit:a/1"]), st.sampled_from(TAILS)),
    st.sampled_from([NOON, 0, -1, 4102444800, 4102444801, True, 1.5, None, [1]]),
    st.sampled_from([NOON, -1, False, 4102444801]),
    st.sampled_from(["r01", "\n", "x" * 301]),
)


@given(st.lists(st.one_of(st.just(report("r01:1:5")), odd_records), min_size=1, max_size=4))
@settings(deadline=None, max_examples=300)
def test_a_device_that_was_met_is_judged_as_one_that_was_not(records: list[Record]) -> None:
    """Each record by itself to an intake that knows its device, all together to one that knows nobody."""
    met = Intake(Seen())
    for head, key in (("r01:1", "r01"), ("r02:3", "r01"), ("r01:1", "\n")):
        outcome(met, [report(f"{head}:1", key=key)])
    assert outcome(met, records) == outcome(Intake(Seen()), records)


anything = st.text(st.characters(exclude_categories=()), max_size=9)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=4), plain, max_size=4), min_size=1, max_size=4))
@settings(deadline=None, max_examples=200)
def test_the_quick_way_writes_what_the_slow_way_writes(bodies: list[dict[str, object]]) -> None:
    """The same lines, byte for byte, one for each record; a text that is no UTF-8 is mended by both."""
    records = [report(f"r01:1:{n}")._replace(body=body) for n, body in enumerate(bodies, 2)]
    met = Intake(Seen())
    met.admit([report("r01:1:1")])
    assert met._known(tuple(zip(*records, strict=True))) is not None
    quick, slow = met.admit(records), Intake(Seen()).admit(records)
    assert quick.lines == slow.lines
    assert quick.each_line() == slow.each_line()
    assert len(quick.each_line()) == len(records)


@pytest.mark.parametrize("body", [[1], "x", None, 5])
def test_a_body_that_is_no_object_is_refused_the_quick_way_too(body: object) -> None:
    """From a device that was met as from a stranger."""
    intake = Intake(Seen())
    intake.admit([report("r01:1:1")])
    with pytest.raises(Refused, match="object"):
        intake.admit([report("r01:1:2")._replace(body=body)])  # type: ignore[arg-type]


def test_a_text_where_a_number_belongs_is_refused_the_quick_way_too() -> None:
    """Nothing that only looks like a time is taken."""
    intake = Intake(Seen())
    intake.admit([report("r01:1:1")])
    with pytest.raises(Refused, match="POSIX"):
        intake.admit([report("r01:1:2"), report("r01:1:3", at="1795320000")])


def test_a_stored_record_takes_little_memory(tmp_path: Path) -> None:
    """Two numbers for each record of the open day; the document is on the disk."""
    store = TinyDBStore(tmp_path, "xh", "Asia/Shanghai", lambda: NOON, min_free_bytes=0)
    body = {"boot": 1, "late": False, "bins": [{"waste": "unit_wet", "count": 3, "grams": 9000, "quality": 0}]}

    def some(first: int) -> list[Record]:
        numbers = range(first, first + 100)
        return [Record(f"r01:1:{n}", "bins", "r01", NOON, NOON, "xh", {**body, "seq": n}) for n in numbers]

    store.append(some(1))
    tracemalloc.start()
    try:
        for first in range(101, 3101, 100):
            assert store.append(some(first)) == Receipt(100, 0)
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        store.close()
    assert used / 3000 < 60


def test_an_id_is_found_whenever_it_is_asked_for(tmp_path: Path) -> None:
    """The index is made at the first question and follows what comes after it, over a restart."""
    store = TinyDBStore(tmp_path, "xh", "Asia/Shanghai", lambda: NOON, min_free_bytes=0)
    for n in range(1, 5):
        store.append([report(f"r01:1:{n}"), Record(f"visit:a:{n}", "visit", "a", NOON, NOON, "xh", {"n": n})])
        for earlier in range(1, n + 1):
            assert store.get(f"r01:1:{earlier}") == report(f"r01:1:{earlier}")
            assert store.get(f"visit:a:{earlier}").body == {"n": earlier}  # type: ignore[union-attr]
        assert store.get(f"r01:1:{n + 1}") is None
    assert store.append([report("r01:1:2"), Record("visit:a:3", "visit", "a", NOON, NOON, "xh", {})]) == Receipt(0, 2)
    store.close()
    store = TinyDBStore(tmp_path, "xh", "Asia/Shanghai", lambda: NOON, min_free_bytes=0)
    assert store.append([report("r01:1:2"), Record("visit:a:3", "visit", "a", NOON, NOON, "xh", {})]) == Receipt(0, 2)
    assert store.get("visit:a:4").body == {"n": 4}  # type: ignore[union-attr]
    store.close()
