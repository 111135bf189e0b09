"""The wire: what is packed comes back, and nothing a peer sends can raise anything but WireError."""

import importlib.util
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import wire

FIX: dict[str, Any] = {
    "boot": 1, "seq": 2, "fix_at": 1795374261, "sent_at": 1795374262, "lat": 31.19, "lon": 121.44, "speed_mps": 4.5,
    "bearing_deg": 90.0, "hdop": 0.9, "sats": 9, "mode": 3, "late": False, "driven_m": 1250, "receiver_at": None,
}
FIX_TOPIC = "zp/v1/xh/truck/t07/fix"
EXAMPLES: dict[str, dict[str, Any]] = {
    FIX_TOPIC: FIX,
    "zp/v1/xh/truck/t07/life": {"life": "ready", "boot": 12, "fw": "1.0.0"},
    "zp/v1/xh/room/r01/life": {
        "life": "ready", "boot": 12, "answers": "c1", "done": False, "said": "calibrate: no load cell for unit_wet",
    },
    "zp/v1/xh/truck/t07/incident/t07-1-9": {
        "boot": 1, "seq": 9, "incident_id": "t07-1-9", "reason": "lane_blocked", "pressed_at": 1795374261,
        "lat": None, "lon": None, "fix_at": None, "withdrawn": False,
    },
    "zp/v1/xh/truck/t07/incident_ack/t07-1-9": {
        "incident_id": "t07-1-9", "stage": "seen", "decision": None, "at": 1795374261,
    },
    "zp/v1/xh/truck/t07/itinerary": {
        "itinerary_id": "i1", "version": 3, "run_id": "north.20261123", "issued_at": 1795374261,
        "visits": [{
            "room": "r01", "name": "桂林一村", "sequence": 1, "visit_number": 2, "state": "pending", "eta_at": None,
            "bins": [{"waste": "residential_wet", "count": 4, "grams": None}],
        }],
    },
    "zp/v1/xh/truck/t07/ack": {"acks": [{"boot": 12, "upto": 345, "also": [[350, 362]]}]},
    "zp/v1/xh/room/r01/bins": {
        "boot": 1, "seq": 2, "at": None, "late": False,
        "bins": [{"waste": "hazardous", "count": None, "grams": -12, "quality": 4}],
    },
    "zp/v1/xh/room/r01/lamp": {
        "boot": 1, "seq": 2, "at": 5, "lamps": [{"waste": "any", "lamp": "no_data", "lit": True, "call_id": None}],
    },
    "zp/v1/xh/room/r01/keeper": {"boot": 1, "seq": 2, "at": 5, "event": "bins_out"},
    "zp/v1/xh/room/r01/arrival/unit_wet": {
        "call_id": None, "waste": "unit_wet", "state": "none", "truck": None, "run_id": None, "visit_number": None,
        "eta_at": None, "early_at": None, "late_at": None, "sent_at": 5,
    },
    "zp/v1/xh/room/r01/command": {"command": "calibrate", "id": "c1", "grams": 20000},
    "zp/v1/xh/bridge/life": {"life": "ready", "at": 5, "fw": "1.0.0"},
    "zp/v1/xh/bridge/clock": {"at": 1795374261},
}

json_values = st.recursive(
    # NaN is no JSON: it equals nothing, and in a field of the wire it is refused (below).
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("topic", EXAMPLES)
def test_every_kind_survives_the_way_and_back(topic: str) -> None:
    """What is packed for a topic is what is unpacked from it."""
    assert wire.unpack(topic, wire.pack(topic, EXAMPLES[topic])).body == EXAMPLES[topic]


@pytest.mark.parametrize("topic", EXAMPLES)
def test_every_missing_field_is_named(topic: str) -> None:
    """Leaving out a field is refused with topic and field in the text (only `fw` and an answer may be missing)."""
    for field in EXAMPLES[topic]:
        body = {name: value for name, value in EXAMPLES[topic].items() if name != field}
        optional = ("fw", "answers", "done", "said", "driven_m", "receiver_at")
        if field in optional or (topic.endswith("command") and field == "grams"):
            wire.pack(topic, body)
            continue
        with pytest.raises(wire.WireError) as refused:
            wire.pack(topic, body)
        assert refused.value.topic == topic
        assert refused.value.field == field


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
@settings(max_examples=300, deadline=None)
def test_one_wrong_value_is_refused_or_valid_never_worse(topic: str, data: st.DataObject) -> None:
    """Any JSON value in any field either passes and comes back unchanged, or raises WireError naming a field."""
    body = dict(EXAMPLES[topic])
    field = data.draw(st.sampled_from(sorted(body)))
    body[field] = data.draw(json_values)
    try:
        payload = json.dumps(body).encode()
        found = wire.unpack(topic, payload).body
    except wire.WireError as refused:
        assert topic in str(refused)
        assert refused.field
        return
    assert found == body


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused_quietly(payload: bytes) -> None:
    """No payload raises anything but WireError."""
    for topic in EXAMPLES:
        try:
            wire.unpack(topic, payload)
        except wire.WireError:
            continue


CLOCK = "zp/v1/xh/bridge/clock"


def test_a_heartbeat_as_the_bridge_writes_it_is_read_without_json() -> None:
    """So a board need not take apart what comes all day long."""
    assert wire.heartbeat_at(wire.pack(CLOCK, {"at": 1_795_374_261})) == 1_795_374_261


@given(
    st.from_regex(rb'\{ ?"at":[-0-9 .]{1,12}\}', fullmatch=True) | st.binary(min_size=17, max_size=17)
    | st.integers(min_value=0, max_value=10**10).map(lambda at: json.dumps({"at": at}, separators=(",", ":")).encode())
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_a_heartbeat_read_so_is_what_the_wire_reads(payload: bytes) -> None:
    """Whatever the wire refuses is left to it."""
    at = wire.heartbeat_at(payload)
    if at is not None:
        assert wire.unpack(CLOCK, payload).body == {"at": at}


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_topic_is_parsed_or_refused(topic: str) -> None:
    """No topic raises anything but WireError; one that parses is built again from its parts."""
    for name in (topic, "zp/v1/" + topic, "zp/v1/xh/truck/" + topic, "zp/v1/xh/room/r01/arrival/" + topic):
        try:
            address = wire.parse_topic(name)
        except wire.WireError:
            continue
        assert wire.topic(address.channel, address.area, address.device, address.item, address.family) == name


def test_the_first_topic_of_all_may_be_an_empty_one() -> None:
    """Before any other is remembered it is refused like any that is none."""
    spec = importlib.util.spec_from_file_location("wire_of_its_own", wire.__file__)
    assert spec is not None and spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    with pytest.raises(fresh.WireError):
        fresh.parse_topic("")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "must be an object"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b'{"boot":' + b"9" * 5_000 + b"}", "not JSON"),
        (b"x" * 1_000_000, "longer than"),
        (json.dumps({**FIX, "lat": float("nan")}).encode(), "must be between -90 and 90"),
        (json.dumps({**FIX, "lat": 91}).encode(), "must be between -90 and 90"),
        (json.dumps({**FIX, "lon": float("inf")}).encode(), "must be between -180 and 180"),
        (json.dumps({**FIX, "seq": 10**30}).encode(), "must be between"),
        (json.dumps({**FIX, "seq": True}).encode(), "must be an integer"),
        (json.dumps({**FIX, "seq": 1.5}).encode(), "must be an integer"),
        (json.dumps({**FIX, "device": "t08"}).encode(), "must equal the topic's t07"),
        (json.dumps({**FIX, "late": 0}).encode(), "must be true or false"),
    ],
)
def test_each_kind_of_rubbish_has_its_reason(payload: bytes, reason: str) -> None:
    """Bad JSON, wrong types, NaN, huge integers, 1 MB, a foreign device: each refused with what is wrong."""
    with pytest.raises(wire.WireError, match=reason):
        wire.unpack(FIX_TOPIC, payload)


def test_unknown_keys_are_ignored() -> None:
    """A newer peer may say more; the receiver keeps what it knows."""
    payload = json.dumps({**FIX, "altitude_m": 5, "note": "x"}).encode()
    assert wire.unpack(FIX_TOPIC, payload).body == FIX


def test_an_item_must_be_its_topics() -> None:
    """The incident of the payload is the incident of the topic."""
    topic = "zp/v1/xh/truck/t07/incident/other"
    with pytest.raises(wire.WireError, match="must equal the topic's other"):
        wire.pack(topic, EXAMPLES["zp/v1/xh/truck/t07/incident/t07-1-9"])


def test_a_cleared_topic_has_no_body() -> None:
    """An empty payload clears a retained topic; elsewhere it is not JSON."""
    assert wire.unpack("zp/v1/xh/truck/t07/incident_ack/i", b"").body is None
    with pytest.raises(wire.WireError):
        wire.unpack(FIX_TOPIC, b"")


def test_devices_hear_their_own_topics_only() -> None:
    """A truck's and a room's filters name the device; the bridge's name every device channel."""
    assert all("/t07/" in name or "/bridge/" in name for name in wire.subscriptions("truck", "xh", "t07"))
    assert all("/r01/" in name or "/bridge/" in name for name in wire.subscriptions("room", "xh", "r01"))
    assert "zp/v1/xh/truck/+/incident/+" in wire.subscriptions("bridge", "xh")
