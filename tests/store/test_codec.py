"""What no backend takes in, said at the door and alike for all of them."""

from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.store import Record, Refused, codec
from tests.support.record.store_faults import NOON


def nested(levels: int) -> dict:
    """A body of so many levels, objects and lists in turn."""
    body: object = {}
    for level in range(levels - 1):
        body = {"a": body} if level % 2 or level == levels - 2 else [body]
    assert isinstance(body, dict)
    return body


def amendment(**changed) -> Record:
    """An amendment of `visit:k`, some of its fields changed; None leaves one out."""
    body = {"record_id": "visit:k", "record_kind": "visit", "number": 1, "patch": {"a": 1}, "reason": "x", "who": "y"}
    body = {name: value for name, value in {**body, **changed}.items() if value is not None}
    return Record("visit:k#1", "amendment", "visit:k", NOON, NOON, "xh", body)


def thing(body: dict, kind: str = "thing") -> Record:
    """A record with this body."""
    return Record("x", kind, "k", NOON, NOON, "xh", body)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (thing({"a": [{"b": 2**53}]}), "a whole number is beyond"),
        (thing({"a": -(2**53)}), "a whole number is beyond"),
        (thing({"a": 10**5000}), "a whole number is beyond"),
        (thing(nested(201)), "nested deeper than 200 levels"),
        (thing({}, 5), "kind must be a word"),
        (thing([]), "its body must be an object"),
        (amendment(record_id=None), "its record_id must be a text"),
        (amendment(record_kind=None), "its record_kind must be a text"),
        (amendment(reason=None), "its reason must be a text"),
        (amendment(who=5), "its who must be a text"),
        (amendment(patch=[1]), "its patch must be an object"),
        (amendment(patch=None), "its patch must be an object"),
        (amendment(number=None), "its number must be 1 or more"),
        (amendment(number=True), "its number must be 1 or more"),
        (amendment(number=2), "its id <record_id>#<number>"),
        (amendment(record_id="visit:other"), "its key must be its record_id"),
    ],
)
def test_what_no_backend_could_keep_or_read_is_refused(record, said):
    """The text names the record and what is wrong."""
    with pytest.raises(Refused, match=said):
        codec.check(record)


def test_what_every_backend_keeps_is_taken():
    """The greatest numbers, the deepest body, a whole amendment."""
    for record in (thing({"a": 2**53 - 1, "b": [-(2**53) + 1], "c": True}), thing(nested(200)), amendment()):
        codec.check(record)
        (row,) = codec.rows_of([record])
        assert codec.records_of([tuple(part.encode() if isinstance(part, str) else part for part in row)]) == [record]


_text = st.text(st.sampled_from("ab中é \x00\x1f\x7f\ud800\u200b"), max_size=4) | st.just("x" * 301)
_number = st.sampled_from([0, 1, NOON, True, -1, 1.0, codec.MAX_TIME_S + 1, 2**53, 2**53 - 1, 10**30, "1", None])
_body = st.dictionaries(st.sampled_from(["a", "\ud800", 1, None]), _number | _text | st.just(nested(199)), max_size=2)
_record = st.builds(
    Record, id=_text, kind=st.sampled_from(["bins", "Bins", "", 5, "amendment"]), key=_text | _number, at=_number,
    received_at=_number, area=_text, body=_body | st.just([]) | st.builds(MappingProxyType, _body),
)  # fmt: skip
_good = st.builds(
    Record, id=st.sampled_from(["a:1:2", "中"]), kind=st.just("bins"), key=st.just("k"), at=st.just(NOON),
    received_at=st.just(0), area=st.just("xh"), body=_body,
)  # fmt: skip


@pytest.mark.real
@settings(max_examples=300, deadline=None, database=None)
@given(records=st.lists(_record | _good, max_size=3))
def test_a_batch_looked_at_by_columns_is_what_each_record_alone_is(records):
    """The quick look at a whole batch and the slow one at each record take and refuse the same, and write the same."""

    def outcome(how):
        try:
            return how()
        except Refused:
            return "refused"

    def slowly():
        for record in records:
            codec.check(record)
        return [codec.encode_body(record).decode() for record in records]

    assert outcome(lambda: [row[6] for row in codec.rows_of(records)]) == outcome(slowly)
