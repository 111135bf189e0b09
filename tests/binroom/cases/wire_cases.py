"""The wire on both Pythons: what is taken, what is refused and for which field."""

import json

from firmware import wire

ROOM = "zp/v1/xh/room/r01/"
TRUCK = "zp/v1/xh/truck/t01/"

TAKEN = (
    (ROOM + "life", {"life": "ready", "boot": 3, "fw": "1.0"}),
    (ROOM + "life", {"life": "lost", "boot": 3}),
    (ROOM + "bins", {"boot": 1, "seq": 2, "at": None, "late": False, "bins": []}),
    (ROOM + "bins", {"boot": 1, "seq": 2, "at": 1795374261, "late": True, "bins": [
        {"waste": "residential_wet", "count": None, "grams": -5, "quality": 4},
        {"waste": "renovation", "count": 7, "grams": 100000000, "quality": 0},
    ]}),
    (ROOM + "lamp", {"boot": 1, "seq": 2, "at": 5, "lamps": [
        {"waste": "any", "lamp": "at_stop", "lit": True, "call_id": None},
    ]}),
    (ROOM + "keeper", {"boot": 1, "seq": 2, "at": 5, "event": "lane_clear"}),
    (ROOM + "ack", {"acks": [{"boot": 1, "upto": 0, "also": [[1, 1], [3, 2147483647]]}]}),
    (ROOM + "command", {"command": "calibrate", "id": "k-1", "waste": "hazardous", "grams": 20000}),
    (ROOM + "arrival/unit_wet", {
        "call_id": "c", "waste": "unit_wet", "state": "due", "truck": "t", "run_id": "r", "visit_number": 1,
        "eta_at": 1795374261, "early_at": 1795374200, "late_at": 1795374300, "sent_at": 1795374100,
    }),
    (TRUCK + "incident/t01-1-2", {
        "boot": 1, "seq": 2, "incident_id": "t01-1-2", "reason": "breakdown", "pressed_at": 1, "lat": None, "lon": None,
        "fix_at": None, "withdrawn": False,
    }),
    ("zp/v1/xh/bridge/clock", {"at": 1795374261}),
    ("zp/v1/xh/bridge/life", {"life": "ready", "at": 1795374261, "fw": "x"}),
)

REFUSED = (
    (ROOM + "bins", b"", None),  # a retained topic cleared is no error
    (ROOM + "bins", b"{", "payload"),
    (ROOM + "bins", b"\xff\xfe", "payload"),
    (ROOM + "bins", b"[]", "payload"),
    (ROOM + "bins", b"null", "payload"),
    (ROOM + "bins", b'{"seq":1}', "boot"),
    (ROOM + "bins", b'{"boot":-1,"seq":1,"at":1,"late":false,"bins":[]}', "boot"),
    (ROOM + "bins", b'{"boot":1.5,"seq":1,"at":1,"late":false,"bins":[]}', "boot"),
    (ROOM + "bins", b'{"boot":true,"seq":1,"at":1,"late":false,"bins":[]}', "boot"),
    (ROOM + "bins", b'{"boot":99999999999999999999,"seq":1,"at":1,"late":false,"bins":[]}', "boot"),
    (ROOM + "bins", b'{"boot":1,"seq":1,"at":1,"late":0,"bins":[]}', "late"),
    (ROOM + "bins", b'{"boot":1,"seq":1,"at":1,"late":false,"bins":{}}', "bins"),
    (ROOM + "bins", b'{"boot":1,"seq":1,"at":1,"late":false,"bins":[1]}', "bins[0]"),
    (ROOM + "bins", b'{"boot":1,"seq":1,"at":1,"late":false,"bins":[{"waste":"x"}]}', "bins[0].waste"),
    (ROOM + "bins", b'{"device":"r02","boot":1,"seq":1,"at":1,"late":false,"bins":[]}', "device"),
    (ROOM + "arrival/hazardous", b'{"call_id":null,"waste":"renovation"}', "state"),
    (ROOM + "ack", b'{"acks":[{"boot":1,"upto":1,"also":[[2,1]]}]}', "acks[0].also"),
    (ROOM + "command", b'{"command":"x"}', "id"),
    (ROOM + "command", b'{"command":"x","id":"c","more":NaN}', "payload"),
    (ROOM + "command", b'{"command":"x","id":"c","more":-Infinity}', "payload"),
    (ROOM + "command", b'{"command":"x","id":"c","more":[{"deep":1e999}]}', "payload"),
    (ROOM + "command", b'{"command":"x","id":"c","more":{"deep":[-1e999]}}', "payload"),
    (ROOM + "bins", b'{"boot":1,"seq":1,"at":1,"late":false,"bins":[],"more":NaN}', "payload"),
    (ROOM + "command", b'{"command":"calibrate","id":"k","waste":"hazardous","grams":false}', "grams"),
    (ROOM + "command", b'{"command":"calibrate","id":"k","waste":"hazardous","grams":true}', "grams"),
    (ROOM + "command", b'{"command":"calibrate","id":"k","waste":"hazardous","grams":2e4}', "grams"),
    (ROOM + "command", b'{"command":"calibrate","id":"k","waste":"glass","grams":20000}', "waste"),
    (ROOM + "nothing", b"{}", "topic"),
    ("zp/v2/xh/bridge/clock", b"{}", "topic"),
    ("zp/v1/x y/bridge/clock", b"{}", "area"),
    ("zp/v1/xh/room/.r/bins", b"{}", "device"),
    ("zp/v1/xh/bridge/clock", b'{"at":null}', "at"),
    ("zp/v1/xh/bridge/clock", b'{"at":NaN}', None),
    ("zp/v1/xh/bridge/clock", b'{"at":"5"}', "at"),
    ("zp/v1/xh/bridge/clock", b" " * 70000, "payload"),
)


def case_what_is_packed_is_unpacked():
    for topic, body in TAKEN:
        message = wire.unpack(topic, wire.pack(topic, body))
        assert message.body == body, (topic, message.body)
        assert "/".join((wire.ROOT, message.address.area)) == topic[: len(wire.ROOT) + 3]


def case_unknown_keys_are_dropped_but_kept_in_commands():
    payload = json.dumps({"at": 5, "shoe": 43}).encode()
    assert wire.unpack("zp/v1/xh/bridge/clock", payload).body == {"at": 5}
    payload = json.dumps({"command": "x", "id": "1", "shoe": 43}).encode()
    assert wire.unpack(ROOM + "command", payload).body["shoe"] == 43


def case_what_is_refused_names_topic_and_field():
    for topic, payload, field in REFUSED:
        try:
            wire.unpack(topic, payload)
        except wire.WireError as error:
            # The two Pythons may read `NaN` as a number or refuse it as JSON; both refuse it.
            assert field is None or error.field == field, (topic, payload[:60], error.field)
            assert topic in str(error) or len(topic) > wire.MAX_TOPIC_BYTES
            continue
        assert payload == b"", (topic, payload[:60])


def case_deep_and_long_payloads_never_raise_anything_else():
    long_text = b'"' + b"\\u1234" * 8000
    for payload in (b"[" * 60000, b'{"a":' * 5000, b"9" * 5000, long_text, bytes(65536), b"-", b"1e999"):
        try:
            wire.unpack(ROOM + "bins", payload)
        except wire.WireError:
            continue
        raise AssertionError(payload[:20])


def case_truncated_payloads_never_raise_anything_else():
    for topic, body in TAKEN:
        payload = wire.pack(topic, body)
        for cut in range(1, len(payload)):
            try:
                wire.unpack(topic, payload[:cut])
            except wire.WireError:
                continue
            raise AssertionError((topic, payload[:cut]))


def case_big_times_stay_whole():
    at = 1795374261
    payload = wire.pack("zp/v1/xh/bridge/clock", {"at": at})
    assert payload == b'{"at":1795374261}'
    assert wire.unpack("zp/v1/xh/bridge/clock", payload).body["at"] == at


def case_subscriptions_of_a_room():
    assert wire.subscriptions("room", "xh", "r01") == [
        ROOM + "arrival/+", ROOM + "ack", ROOM + "command", "zp/v1/xh/bridge/#",
    ]


def case_topics():
    assert wire.topic("arrival", "xh", "r01", "hazardous") == ROOM + "arrival/hazardous"
    assert wire.topic("life", "xh", "r01", family="room") == ROOM + "life"
    assert wire.topic("clock", "xh") == "zp/v1/xh/bridge/clock"
    for bad in (("life", "xh", "r01"), ("clock", "x/y"), ("arrival", "xh", "r01", ""), ("nope", "xh")):
        try:
            wire.topic(*bad)
        except wire.WireError:
            continue
        raise AssertionError(bad)
