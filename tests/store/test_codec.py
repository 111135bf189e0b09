"""What no backend takes in, said at the door and alike for all of them."""

import pytest

from bench.store_faults import NOON
from broker.store import Record, Refused, codec


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
        (thing({}, "seen"), "kind must be a word"),
        (thing({}, "manifest"), "kind must be a word"),
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
        assert codec.decode(record.kind, codec.encode(record)) == record
