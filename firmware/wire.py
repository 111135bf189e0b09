"""The wire: every topic and payload of DESIGN section 4, packed, unpacked and checked in one place.

What each message holds is the table `MESSAGES`. This file runs unchanged on CPython (truck, bridge, simulator)
and on MicroPython (bin-room board), so it uses little but `json` and small functions. Three calls matter:

    topic("fix", "xh", "t07")                      -> "zp/v1/xh/truck/t07/fix"
    pack(topic, body)                              -> bytes, or WireError
    unpack(topic, payload)                         -> Message(address, body), or WireError

`unpack` keeps the keys it knows and drops the others; a wrong type, a value out of bounds, a payload that
names another device than its topic, bad JSON or an oversized payload raise `WireError`, whose text names
topic and field. Nothing else is ever raised on account of what a peer sent.
"""

import json
import sys
from collections import namedtuple

VERSION = "v1"
ROOT = "zp/v1"
KEEPALIVE_S = 20
HEARTBEAT_S = 10  # the bridge's clock message
NO_DATA_S = 90  # older than this is no knowledge: lamps show it, calls do not trust it
MAX_PAYLOAD_BYTES = 65536  # an itinerary of 400 visits fits; anything longer is refused unread
MAX_TOPIC_BYTES = 256
MAX_ID_BYTES = 64
LATEST_AT = 4102444800  # 2100-01-01: a later time is a broken clock
MAX_COUNT = 100000
MAX_GRAMS = 100000000
MAX_SATS = 200
MAX_NAME = 200  # characters, of a room
MAX_SAID = 200  # characters, of an answer to a command
NO_NUMBER = "holds a number that is infinite or none"
IDENTIFY_S = 30  # how long a device shows a technician which one it is
PORT = 1883  # 8883 with TLS

WASTES = ("residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation")
SKIP_REASONS = (
    "lane_blocked",
    "no_access",
    "not_out",
    "breakdown",
    "full_truck",
    "contamination",
    "unsafe",
    "other",
)
VISIT_STATES = ("pending", "due", "at_stop", "served", "skipped", "cancelled")
ARRIVAL_STATES = ("none", "scheduled", "due", "held", "at_stop", "served", "skipped")
LAMP_STATES = ("off", "due", "held", "at_stop", "no_data")
LIFE_STATES = ("init", "ready", "disconnected", "sleeping", "lost")
INCIDENT_REASONS = ("lane_blocked", "breakdown")
ACK_STAGES = ("stored", "seen", "decided", "closed")
ANSWER_STATES = ("told", "seen", "promised", "done", "refused", "late")
DECISIONS = ("return_later", "extra_truck", "wait", "cancel_visit")
KEEPER_EVENTS = ("bins_out", "lane_clear")
PARTS = ("button", "light", "gps_light", "outbox")  # of a truck, which may not work while the rest does

Address = namedtuple("Address", ("area", "family", "device", "channel", "item"))
Message = namedtuple("Message", ("address", "body"))


class WireError(ValueError):
    """A topic or payload that is not of this protocol; `topic`, `field` and `reason` say where and why."""

    def __init__(self, topic: str, field: str, reason: str):
        super().__init__("%s: %s: %s" % (topic[:MAX_TOPIC_BYTES], field, reason))
        self.topic = topic[:MAX_TOPIC_BYTES]
        self.field = field
        self.reason = reason


# --- the shapes: plain data, from which the checks below are made, and any other reader of the wire ------
# A field is (name, kind). A kind says what a value may be: ("int", low, high), ("float", low, high), ("text", most
# characters), ("word", words), ("id",), ("bool",), ("ranges", most, of what), ("list", most, the fields of each entry),
# ("null", kind) for what may be null as well, ("missing", kind) for what may be left out.

ID_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
OPEN_CHANNELS = ("command",)  # a command carries its own parameters: keys beside the fields are kept, not dropped


def _messages() -> dict[tuple[str, str], tuple[str, bool, str | None, tuple[object, ...]]]:
    """The table of all messages; made in here, for a board would keep the names of its parts for ever."""
    # fmt: off
    seq = ("int", 0, 2147483647)
    at = ("int", 0, LATEST_AT)
    at_or_null = ("null", at)
    an_id = ("id",)
    id_or_null = ("null", an_id)
    yes_or_no = ("bool",)
    boot = ("boot", seq)
    numbered = (boot, ("seq", seq))
    place = (("lat", ("null", ("float", -90, 90))), ("lon", ("null", ("float", -180, 180))))
    waste = ("waste", ("word", WASTES))
    grams = ("int", -MAX_GRAMS, MAX_GRAMS)
    bins = (waste, ("count", ("null", ("int", 0, MAX_COUNT))), ("grams", ("null", grams)))
    fw = ("fw", ("missing", ("text", 64)))
    # After a command: to which, whether it is carried out, and what is to be said of that.
    said = ("said", ("missing", ("text", MAX_SAID)))
    answer = (("answers", ("missing", an_id)), ("done", ("missing", yes_or_no)), said)
    life = (("life", ("word", LIFE_STATES)), boot, fw) + answer
    ack = (("acks", ("list", 1000, (boot, ("upto", seq), ("also", ("ranges", 1000, seq))))),)
    known = (("waste", ("missing", waste[1])), ("grams", ("missing", grams)))  # of `calibrate`
    command = (("command", ("text", 64)), ("id", an_id)) + known
    # (family, channel): (sender, retained, item, fields). `item` names what a topic's last level must equal in the
    # payload, where the topic has one more level than family/device/channel.
    return {
        ("truck", "life"): ("device", True, None, life + (
            ("faults", ("missing", ("list", 10, (("part", ("word", PARTS)),)))),)),
        ("room", "life"): ("device", True, None, life),
        ("truck", "fix"): ("device", False, None, numbered + (
            ("fix_at", at_or_null), ("sent_at", at_or_null)) + place + (
            ("speed_mps", ("null", ("float", 0, 200))), ("bearing_deg", ("null", ("float", 0, 360))),
            ("hdop", ("null", ("float", 0, 100))), ("sats", ("null", ("int", 0, MAX_SATS))), ("mode", ("int", 0, 3)),
            ("late", yes_or_no), ("driven_m", ("missing", ("int", 0, 1000000000))),
            ("receiver_at", ("missing", at_or_null)))),
        ("truck", "incident"): ("device", True, "incident_id", numbered + (
            ("incident_id", an_id), ("reason", ("word", INCIDENT_REASONS)), ("pressed_at", at_or_null)) + place + (
            ("fix_at", at_or_null), ("withdrawn", yes_or_no))),
        ("truck", "incident_ack"): ("bridge", True, "incident_id", (
            ("incident_id", an_id), ("stage", ("word", ACK_STAGES)), ("decision", ("null", ("word", DECISIONS))),
            ("at", at), ("answers", ("missing", ("list", 100, (
                ("from", ("text", MAX_NAME)), ("state", ("word", ANSWER_STATES)), ("until_at", at_or_null))))))),
        ("truck", "itinerary"): ("bridge", True, None, (
            ("itinerary_id", an_id), ("version", seq), ("run_id", id_or_null), ("issued_at", at),
            ("visits", ("list", 1000, (
                ("room", an_id), ("name", ("text", MAX_NAME)), ("sequence", ("int", 0, 10000)),
                ("visit_number", ("int", 1, 1000)), ("state", ("word", VISIT_STATES)), ("eta_at", at_or_null),
                ("bins", ("list", 1000, bins))))))),
        ("truck", "ack"): ("bridge", True, None, ack),
        ("room", "ack"): ("bridge", True, None, ack),
        ("room", "bins"): ("device", True, None, numbered + (
            ("at", at_or_null), ("late", yes_or_no), ("bins", ("list", 1000, bins + (("quality", ("int", 0, 4)),))))),
        ("room", "lamp"): ("device", True, None, numbered + (
            ("at", at_or_null), ("lamps", ("list", 1000, (
                ("waste", ("word", WASTES + ("any",))), ("lamp", ("word", LAMP_STATES)), ("lit", yes_or_no),
                ("call_id", id_or_null)))))),
        ("room", "keeper"): ("device", False, None, numbered + (
            ("at", at_or_null), ("event", ("word", KEEPER_EVENTS)))),
        ("room", "arrival"): ("bridge", True, "waste", (
            ("call_id", id_or_null), waste, ("state", ("word", ARRIVAL_STATES)), ("truck", id_or_null),
            ("run_id", id_or_null), ("visit_number", ("null", ("int", 1, 1000))), ("eta_at", at_or_null),
            ("early_at", at_or_null), ("late_at", at_or_null), ("sent_at", at))),
        ("truck", "command"): ("bridge", False, None, command),
        ("room", "command"): ("bridge", False, None, command),
        ("bridge", "life"): ("bridge", True, None, (("life", ("word", LIFE_STATES)), ("at", at), fw)),
        ("bridge", "clock"): ("bridge", False, None, (("at", at),)),
    }
    # fmt: on


MESSAGES = _messages()
del _messages
# The topics that were parsed last: most come again, and a board, whose heap has room for one, parses slowly.
_MOST_PARSED = 1 if sys.implementation.name == "micropython" else 5000
_parsed_before: dict[str, Address] = {}


# --- checks ---------------------------------------------------------------------------------------------


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RuntimeError, MemoryError):  # an integer of 5,000 digits has no repr on CPython
        text = "a value too long to show"
    return text if len(text) <= 40 else text[:37] + "..."


def is_id(value: object) -> bool:
    """Whether `value` may name an area, device, run, incident or call: 1-64 of a-z A-Z 0-9 . _ - and no dot first."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID_BYTES or value.startswith("."):
        return False
    try:
        raw = value.encode()
    except ValueError:  # half a surrogate pair
        return False
    return not raw.strip(ID_LETTERS)  # bytes, for MicroPython keeps each character it ever took out of a text


def _refusal(kind, value):
    """Why `value` is not of this kind, or None; of every kind but lists and what wraps another."""
    what = kind[0]
    if what == "int" or what == "float":
        if isinstance(value, bool) or not isinstance(value, int if what == "int" else (int, float)):
            return "must be %s, got %s" % ("an integer" if what == "int" else "a number", _shown(value))
        # NaN compares false with everything, so the test asks for "inside", never for "outside".
        if not kind[1] <= value <= kind[2]:
            return "must be between %d and %d, got %s" % (kind[1], kind[2], _shown(value))
    elif what == "word":
        if not isinstance(value, str) or value not in kind[1]:
            return "must be one of %s, got %s" % (" ".join(kind[1]), _shown(value))
    elif what == "id":
        if not is_id(value):
            return "must be an id (1-64 of a-z A-Z 0-9 . _ -, no dot first), got " + _shown(value)
    elif what == "bool":
        if not isinstance(value, bool):
            return "must be true or false, got " + _shown(value)
    elif what == "text":
        if not isinstance(value, str):
            return "must be a text, got " + _shown(value)
        if len(value) > kind[1]:
            return "must have at most %d characters, got %d" % (kind[1], len(value))
        try:
            value.encode()
        except ValueError:  # half a surrogate pair, which no file and no database can keep
            return "must be valid Unicode"
    else:  # "ranges"
        if not isinstance(value, list) or len(value) > kind[1]:
            return "must be a list of at most %d [first, last] pairs" % kind[1]
        for pair in value:
            is_pair = isinstance(pair, list) and len(pair) == 2
            if not is_pair or _refusal(kind[2], pair[0]) or _refusal(kind[2], pair[1]) or pair[0] > pair[1]:
                return "must hold [first, last] pairs of seq, got " + _shown(pair)
    return None


def keep_only(family: str) -> None:
    """Forget the shapes of the other kind of device: a board's heap is small, and it never speaks of them."""
    for kind in list(MESSAGES):
        if kind[0] not in (family, "bridge"):
            del MESSAGES[kind]


def sent_by(address) -> str:
    """`"device"` or `"bridge"`: who may publish at this address."""
    return MESSAGES[(address.family, address.channel)][0]


def is_retained(address) -> bool:
    """Whether messages at this address are published retained."""
    return MESSAGES[(address.family, address.channel)][1]


def topic(channel: str, area: str, device: str = "", item: str = "", family: str = "") -> str:
    """The topic of a channel; `family` (`truck`, `room`, `bridge`) is needed only where several have the channel.

    Raises WireError if no such topic exists or an id is not one.
    """
    if not family:
        families = [f for f in ("truck", "room", "bridge") if (f, channel) in MESSAGES]
        if len(families) != 1:
            raise WireError(channel, "topic", "name the family: one of %s" % " ".join(families or ("none",)))
        family = families[0]
    parts = [ROOT, area, family]
    if device:
        parts.append(device)
    parts.append(channel)
    if item:
        parts.append(item)
    name = "/".join(parts)
    parse_topic(name)
    return name


def parse_topic(name: str):
    """The Address a topic names; raises WireError for a topic that is not of this protocol."""
    address = _parsed_before.get(name)
    if address is None:
        address = _parsed(name)
        if len(_parsed_before) >= _MOST_PARSED:
            _parsed_before.clear()
        _parsed_before[name] = address
    return address


def _parsed(name):
    if len(name) > MAX_TOPIC_BYTES:
        raise WireError(name, "topic", "longer than %d bytes" % MAX_TOPIC_BYTES)
    parts = name.split("/")
    if len(parts) < 5 or parts[0] != "zp" or parts[1] != VERSION:
        raise WireError(name, "topic", "must be zp/%s/<area>/<family>/..." % VERSION)
    area, family = parts[2], parts[3]
    if family == "bridge":
        device, rest = "", parts[4:]
    else:
        device, rest = parts[4], parts[5:]
    kind = MESSAGES.get((family, rest[0])) if rest else None
    if kind is None:
        raise WireError(name, "topic", "no such channel")
    if len(rest) != (2 if kind[2] else 1):
        raise WireError(name, "topic", "has too many or too few levels for " + rest[0])
    item = rest[1] if kind[2] else ""
    for what, value in (("area", area), ("device", device), ("item", item)):
        if value or what == "area" or (what == "device" and family != "bridge") or (what == "item" and kind[2]):
            reason = _refusal(("id",), value)
            if reason:
                raise WireError(name, what, reason)
    return Address(area, family, device, rest[0], item)


def _finite(value):
    if isinstance(value, float):
        return value - value == 0
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return True
    for part in value:
        if not isinstance(part, (int, str)) and not _finite(part):
            return False
    return True


def _path(where, field):
    """How a refusal names a field: `where` is None, or (the same of the list around it, its name, which entry)."""
    if where is None:
        return field or "payload"
    entry = "%s[%d]" % (_path(where[0], where[1]), where[2])
    return entry + "." + field if field else entry


def _checked(name, fields, body, where, keep_unknown):
    if not isinstance(body, dict):
        raise WireError(name, _path(where, ""), "must be an object, got " + _shown(body))
    out = dict(body) if keep_unknown else {}
    for field, kind in fields:
        what = kind[0]
        if field not in body:
            if what == "missing":
                continue
            raise WireError(name, _path(where, field), "is missing")
        value = body[field]
        if what == "missing":
            kind = kind[1]
            what = kind[0]
        if what == "null" and value is not None:
            kind = kind[1]
            what = kind[0]
        if what == "int" and type(value) is int and kind[1] <= value <= kind[2]:
            pass  # as most are
        elif value is None:
            if what != "null":
                raise WireError(name, _path(where, field), "must not be null")
        elif what == "list":
            if not isinstance(value, list):
                raise WireError(name, _path(where, field), "must be a list, got " + _shown(value))
            if len(value) > kind[1]:
                wrong = "must have at most %d entries, got %d" % (kind[1], len(value))
                raise WireError(name, _path(where, field), wrong)
            value = [_checked(name, kind[2], v, (where, field, i), False) for i, v in enumerate(value)]
        else:
            reason = _refusal(kind, value)
            if reason:
                raise WireError(name, _path(where, field), reason)
        out[field] = value
    return out


def _checked_body(name, address, body):
    _, _, item_field, fields = MESSAGES[(address.family, address.channel)]
    out = _checked(name, fields, body, None, address.channel in OPEN_CHANNELS)
    if item_field and out[item_field] != address.item:
        raise WireError(name, item_field, "must equal the topic's %s, got %s" % (address.item, _shown(out[item_field])))
    if "device" in body and body["device"] != address.device:
        raise WireError(name, "device", "must equal the topic's %s, got %s" % (address.device, _shown(body["device"])))
    return out


def pack(name: str, body) -> bytes:
    """The payload of `body` for this topic; raises WireError if a receiver would refuse it."""
    address = parse_topic(name)
    checked = _checked_body(name, address, body)
    if address.channel in OPEN_CHANNELS and not _finite(checked):  # of the others each number has been looked at
        raise WireError(name, "payload", NO_NUMBER)
    payload = json.dumps(checked, separators=(",", ":")).encode()
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise WireError(name, "payload", "longer than %d bytes" % MAX_PAYLOAD_BYTES)
    return payload


def unpack(name: str, payload: bytes, address=None, loads=json.loads):
    """The Message a peer sent; an empty payload of a retained topic has `body` None (cleared). Raises WireError.

    A receiver of many messages may hand in the `address` it parsed before, and a faster `loads` (ValueError for bad
    JSON, text or bytes in).
    """
    if address is None:
        address = parse_topic(name)
    if len(payload) == 0 and is_retained(address):
        return Message(address, None)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise WireError(name, "payload", "longer than %d bytes, got %d" % (MAX_PAYLOAD_BYTES, len(payload)))
    try:
        body = loads(bytes(payload).decode())
        finite = _finite(body)  # NaN and 1e999 are numbers to some readers of JSON, and to no one else
    except (ValueError, RuntimeError, MemoryError):  # bad UTF-8 or JSON, 5,000-digit integers, nesting too deep
        raise WireError(name, "payload", "is not JSON in UTF-8: " + _shown(bytes(payload[:24])))
    body = _checked_body(name, address, body)
    if not finite:
        raise WireError(name, "payload", NO_NUMBER)
    return Message(address, body)


def heartbeat_at(payload: bytes):
    """The time that a heartbeat says which is written as the bridge writes it; None for any other: ask `unpack`.

    It comes all day long, and a board that need not take it apart keeps its heap whole.
    """
    if len(payload) != 17:
        return None
    payload = bytes(payload)
    digits = payload[6:16]
    if payload[:6] != b'{"at":' or payload[16:] != b"}" or not digits.isdigit() or digits[:1] == b"0":
        return None
    at = int(digits)
    return at if at <= LATEST_AT else None


def subscriptions(family: str, area: str, device: str = ""):
    """The topic filters a truck, a room or the bridge of an area subscribes to."""
    base = "%s/%s/" % (ROOT, area)
    if family == "truck":
        own = base + "truck/" + device
        return [own + "/incident_ack/+", own + "/itinerary", own + "/ack", own + "/command", base + "bridge/#"]
    if family == "room":
        own = base + "room/" + device
        return [own + "/arrival/+", own + "/ack", own + "/command", base + "bridge/#"]
    wanted = []
    for (kind_family, channel), (sender, _, item, _) in MESSAGES.items():
        if sender == "device":
            wanted.append(base + kind_family + "/+/" + channel + ("/+" if item else ""))
    return sorted(wanted)
