"""The quick way in takes nothing that the wire refuses, and gives the same bodies: for every message of the table."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.ingest.quick_reader import quick
from firmware import wire
from tests.support.bridge.morning import Morning
from tests.support.wire.table import all_spoilt, beyond, topic_of

BINS = "zp/v1/xh/room/r01/bins"
NO_QUICK_WAY = {("truck", "ack"), ("room", "ack"), ("truck", "command"), ("room", "command")}
KINDS = sorted(wire.MESSAGES)
QUICK_KINDS = sorted(set(KINDS) - NO_QUICK_WAY)
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=70), st.just([]), st.just({}),
    st.sampled_from([-1, 0, 1, 90.0, 90.5, -0.0, 1e400, 5.0, 10**30, "t07", "r01", "a\n", ".a", "a" * 64, "a" * 65,
                     "unit_wet", "any", "\ud800", "\u7bb1\u623f"]),
)  # fmt: skip


def in_kind(kind: Any) -> st.SearchStrategy[Any]:
    """Values that a kind of the table lets through, its bounds among them."""
    what, *more = kind
    if what in ("null", "missing"):
        return in_kind(more[0]) | st.none() if what == "null" else in_kind(more[0])
    if what == "int":
        return st.integers(*more) | st.sampled_from(more)
    if what == "float":
        return st.floats(*more) | st.integers(*more) | st.sampled_from(more)
    if what == "text":
        return st.text(st.characters(codec="ascii"), max_size=more[0]) | st.just("x" * more[0])
    if what == "word":
        return st.sampled_from(more[0])
    if what == "id":
        return st.from_regex(r"\A[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,63}\Z")
    if what == "bool":
        return st.booleans()
    if what == "ranges":
        return st.lists(st.tuples(st.integers(0, 50), st.integers(50, 2147483647)).map(list), max_size=3)
    assert what == "list"
    return st.lists(in_fields(more[1]), max_size=3)


def in_fields(fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of these fields; what may be missing is so now and then."""
    needed = {name: in_kind(kind) for name, kind in fields if kind[0] != "missing"}
    return st.fixed_dictionaries(
        needed, optional={name: in_kind(kind) for name, kind in fields if kind[0] == "missing"}
    )


@st.composite
def messages(draw: st.DrawFn, kinds: list[tuple[str, str]]) -> tuple[str, dict[str, Any]]:
    """(topic, body) as the wire has them."""
    kind = draw(st.sampled_from(kinds))
    body = draw(in_fields(wire.MESSAGES[kind][3]))
    return topic_of(kind, body), body


def spoil(draw: st.DrawFn, body: dict[str, Any], fields: Any) -> None:
    """Change one value of an object, or of one of those within it."""
    lists = [(name, kind[2]) for name, kind in fields if kind[0] == "list" and body[name]]
    if lists and draw(st.booleans()):
        name, inner = draw(st.sampled_from(lists))
        spoil(draw, draw(st.sampled_from(body[name])), inner)
        return
    name, kind = draw(st.sampled_from([*fields, ("device", ("bool",)), ("unknown", ("bool",))]))
    if draw(st.integers(0, 9)) == 0:
        body.pop(name, None)
    else:
        body[name] = draw(ODD | st.sampled_from(beyond(kind)))


def by_wire(topic: str, payload: bytes) -> dict[str, Any] | str:
    """The body as the wire takes it, or its refusal."""
    try:
        return dict(wire.unpack(topic, payload).body)
    except wire.WireError as why:
        return str(why)


def same(topic: str, payload: bytes) -> bool:
    """Whether the quick way took the payload; fails if it took something else than the wire."""
    body = quick(wire.parse_topic(topic))(payload)
    if body is None:
        return False  # the wire is asked
    expected = by_wire(topic, payload)
    assert body == expected
    assert json.dumps(body, sort_keys=True) == json.dumps(expected, sort_keys=True)  # 5 and 5.0 are not the same here
    return True


@pytest.mark.real
@settings(max_examples=300, deadline=None)
@given(messages(KINDS), st.booleans())
def test_what_the_table_allows_goes_the_quick_way(message: tuple[str, dict[str, Any]], more: bool) -> None:
    """Of a good message both ways give the body that was packed; only acks and commands are left to the wire."""
    topic, body = message
    address = wire.parse_topic(topic)
    payload = orjson.dumps({"later": [1, {"x": None}], **body, "device": address.device} if more else body)
    assert same(topic, payload) == ((address.family, address.channel) not in NO_QUICK_WAY)
    if address.channel not in wire.OPEN_CHANNELS:
        assert by_wire(topic, payload) == body


@pytest.mark.real
@settings(max_examples=600, deadline=None)
@given(messages(KINDS), st.data())
def test_a_changed_message_is_taken_only_as_the_wire_takes_it(
    message: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    """One odd value anywhere, one field less, one more: the same body, or the wire's own refusal."""
    topic, body = message
    address = wire.parse_topic(topic)
    spoil(data.draw, body, wire.MESSAGES[address.family, address.channel][3])
    same(topic, json.dumps(body).encode("utf-8", "surrogatepass"))


@pytest.mark.real
@settings(max_examples=300, deadline=None)
@given(messages(QUICK_KINDS), st.data())
def test_broken_bytes_are_taken_only_as_the_wire_takes_them(
    message: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    """Any bytes changed to any others."""
    topic, body = message
    payload = bytearray(wire.pack(topic, body))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    same(topic, bytes(payload))


@pytest.mark.parametrize("kind", KINDS, ids="/".join)
def test_each_bound_of_the_table_is_a_bound_of_both_ways(kind: tuple[str, str]) -> None:
    """What is just beyond is refused by the wire with the field's name, and not taken by the quick way."""
    for topic, field, body in all_spoilt(kind):
        payload = json.dumps(body).encode()
        named = field if len(payload) <= wire.MAX_PAYLOAD_BYTES else "payload"
        assert str(by_wire(topic, payload)).startswith(f"{topic}: {named}"), body
        assert not same(topic, payload)


def test_a_number_twice_and_one_missing_is_refused() -> None:
    """A key that comes twice stands for no other."""
    assert quick(wire.parse_topic(BINS))(b'{"boot":1,"boot":2,"at":1,"late":false,"bins":[]}') is None


@settings(max_examples=100, deadline=None)
@given(messages(QUICK_KINDS))
def test_another_devices_name_or_item_is_left_to_the_wire(message: tuple[str, dict[str, Any]]) -> None:
    """Who or what the topic names is checked on the quick way too."""
    topic, body = message
    address = wire.parse_topic(topic)
    assert not same(topic, orjson.dumps({**body, "device": "r02"}))
    if address.item:
        assert not same(topic.removesuffix(address.item) + "renovation-x", orjson.dumps(body))


SAID: dict[str, dict[str, Any]] = {
    "zp/v1/xh/truck/t01/fix": {
        "boot": 1, "seq": 2, "fix_at": 1795374300, "sent_at": None, "lat": 31.2, "lon": 121, "speed_mps": 4.5,
        "bearing_deg": 0, "hdop": 1.1, "sats": 9, "mode": 3, "late": True, "driven_m": 1250,
        "receiver_at": 1795374300},
    BINS: {"boot": 1, "seq": 2, "at": 1795374300, "late": True,
           "bins": [{"waste": "unit_wet", "count": 3, "grams": None, "quality": 0}]},
    "zp/v1/xh/truck/t01/incident/t01-1-2": {
        "boot": 1, "seq": 2, "incident_id": "t01-1-2", "reason": "lane_blocked", "pressed_at": 1795374300, "lat": None,
        "lon": None, "fix_at": None, "withdrawn": False},
    "zp/v1/xh/truck/t01/life": {"life": "ready", "boot": 3, "fw": "1.0.0"},
    "zp/v1/xh/room/r01/life": {"life": "lost", "boot": 3},
    "zp/v1/xh/room/r01/lamp": {"boot": 1, "seq": 2, "at": None, "lamps": [
        {"waste": "any", "lamp": "due", "lit": True, "call_id": "c1"}]},
    "zp/v1/xh/room/r01/keeper": {"boot": 1, "seq": 2, "at": 1, "event": "bins_out"},
}  # fmt: skip


def test_the_bridge_is_asked_with_every_message_of_a_device() -> None:
    """The table below this names all that devices send."""
    kinds = [(address.family, address.channel) for address in map(wire.parse_topic, SAID)]
    assert sorted(kinds) == [kind for kind in KINDS if wire.MESSAGES[kind][0] == "device"]


@pytest.mark.parametrize("topic", SAID)
@pytest.mark.parametrize("note", ["note", "\u5907\u6ce8"], ids=["the quick way", "the plain way"])
def test_unknown_keys_are_ignored_and_wrong_types_refused_counted_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, topic: str, note: str
) -> None:
    """By either way the bridge stores what it knows, and says topic, field and reason of what it refuses."""
    day, address = Morning(tmp_path / "records"), wire.parse_topic(topic)
    good = orjson.dumps({**SAID[topic], note: 5, "device": address.device})
    assert (quick(address)(good) is None) != note.isascii()
    day.bridge.receive(topic, good, day.now)
    day.bridge.flush(day.now)
    assert not day.bridge.refused
    if "seq" in SAID[topic]:
        stored = day.store.get(f"{address.device}:1:2")
        assert stored is not None and dict(stored.body) == {**SAID[topic], "device": address.device}
    day.bridge.receive(topic, orjson.dumps({**SAID[topic], note: 5, "boot": "1"}), day.now)
    assert day.bridge.counts["refused"] == 1
    assert day.bridge.refused == {f"{address.family}/{address.device}": 1}
    assert f"{topic}: boot: must be an integer, got '1'" in caplog.text
    day.close()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("place", ["%s", "[%s]", '{"deep":[%s]}'])
def test_what_is_no_number_is_refused_under_whatever_key(number: str, place: str) -> None:
    """By the quick way, by the plain one with either reader of JSON, and so by the bridge."""
    payload = b'{"boot":1,"seq":1,"at":1,"late":false,"bins":[],"more":%s}' % (place % number).encode()
    assert quick(wire.parse_topic(BINS))(payload) is None
    for loads in (json.loads, orjson.loads):
        with pytest.raises(wire.WireError):
            wire.unpack(BINS, payload, None, loads)


def test_nothing_is_said_that_is_no_number() -> None:
    """Also in what a command says besides."""
    for number in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(wire.WireError, match="infinite or none"):
            wire.pack("zp/v1/xh/room/r01/command", {"command": "x", "id": "c", "more": [{"deep": number}]})
