"""The quick way in takes nothing that the wire refuses, and gives the same bodies."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.ingest.quick_reader import quick
from firmware import wire

FIX = "zp/v1/xh/truck/t07/fix"
BINS = "zp/v1/xh/room/r01/bins"
PRESS = "zp/v1/xh/truck/t07/incident/t07-12-1"
GOOD: dict[str, dict[str, Any]] = {
    FIX: {"boot": 1, "seq": 2, "fix_at": 1795374300, "sent_at": None, "lat": 31.2, "lon": 121, "speed_mps": 4.5,
          "bearing_deg": 0, "hdop": 1.1, "sats": 9, "mode": 3, "late": False},
    BINS: {"boot": 1, "seq": 2, "at": 1795374300, "late": False,
           "bins": [{"waste": "unit_wet", "count": 3, "grams": None, "quality": 0}]},
    PRESS: {"boot": 1, "seq": 2, "incident_id": "t07-12-1", "reason": "lane_blocked", "pressed_at": 1795374300,
            "lat": None, "lon": None, "fix_at": None, "withdrawn": False},
    "zp/v1/xh/truck/t07/life": {"life": "ready", "boot": 3, "fw": "1.0.0"},
    "zp/v1/xh/room/r01/life": {"life": "lost", "boot": 3},
    "zp/v1/xh/room/r01/lamp": {"boot": 1, "seq": 2, "at": None, "lamps": [
        {"waste": "any", "lamp": "due", "lit": True, "call_id": "c1"}]},
    "zp/v1/xh/room/r01/keeper": {"boot": 1, "seq": 2, "at": 1, "event": "bins_out"},
}  # fmt: skip
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=70), st.just([]), st.just({}),
    st.sampled_from([-1, 0, 1, 4, 5, 90, 90.0, 90.5, -90, 180, 200, 201, 360, 65535, 100000, 100001, 2147483647,
                     2147483648, 4102444800, 4102444801, 100000000, -100000001, 1e400, -0.0, "t07", "r01", "t07-12-1",
                     "a\n", ".a", "a" * 64, "a" * 65, "unit_wet", "any", "\ud800", "\u7bb1\u623f", 10**30, 5.0]),
)  # fmt: skip


def wire_says(topic: str, payload: bytes) -> dict[str, Any] | None:
    """The body as the wire takes it, None for a refusal."""
    try:
        return dict(wire.unpack(topic, payload).body)
    except wire.WireError:
        return None


def same(topic: str, payload: bytes) -> bool:
    """Whether the quick way took the payload; fails if it took something else than the wire."""
    body = quick(wire.parse_topic(topic))(payload)
    if body is None:
        return False
    expected = wire_says(topic, payload)
    assert body == expected
    assert repr(sorted(body.items())) == repr(sorted(expected.items()))  # 5 and 5.0 are not the same here
    return True


@pytest.mark.parametrize("topic", GOOD)
def test_what_devices_send_goes_the_quick_way(topic: str) -> None:
    assert same(topic, wire.pack(topic, GOOD[topic]))
    assert same(topic, orjson.dumps({"later": [1, {"x": None}], **GOOD[topic], "device": topic.split("/")[4]}))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_changed_message_is_taken_only_as_the_wire_takes_it(topic: str, data: st.DataObject) -> None:
    body = json.loads(json.dumps(GOOD[topic]))
    target = body
    for name in ("bins", "lamps"):
        if name in body and data.draw(st.booleans()):
            target = body[name][0]
    field = data.draw(st.sampled_from([*target, "device", "unknown"]))
    if data.draw(st.integers(0, 9)) == 0:
        target.pop(field, None)
    else:
        target[field] = data.draw(ODD)
    same(topic, json.dumps(body).encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_broken_bytes_are_taken_only_as_the_wire_takes_them(topic: str, data: st.DataObject) -> None:
    payload = bytearray(wire.pack(topic, GOOD[topic]))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    same(topic, bytes(payload))


def test_each_bound_of_the_wire_is_a_bound_here() -> None:
    for topic, field, last in ((FIX, "seq", 2147483647), (FIX, "fix_at", 4102444800), (FIX, "sats", 200),
                               (FIX, "lat", 90), (FIX, "lat", 90.0), (FIX, "mode", 3)):  # fmt: skip
        assert same(topic, orjson.dumps({**GOOD[topic], field: last}))
        assert not same(topic, orjson.dumps({**GOOD[topic], field: last + 1}))


def test_a_number_twice_and_one_missing_is_refused() -> None:
    assert quick(wire.parse_topic(BINS))(b'{"boot":1,"boot":2,"at":1,"late":false,"bins":[]}') is None


def test_another_devices_name_or_incident_is_left_to_the_wire() -> None:
    assert not same(BINS, orjson.dumps({**GOOD[BINS], "device": "r02"}))
    assert not same(PRESS, orjson.dumps({**GOOD[PRESS], "incident_id": "t07-12-2"}))


def test_what_a_bridge_says_has_no_quick_way() -> None:
    assert quick(wire.parse_topic("zp/v1/xh/room/r01/ack"))(b'{"acks":[]}') is None
