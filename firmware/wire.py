"""The wire: every topic and payload of DESIGN section 4, packed, unpacked and checked in one place.

This file runs unchanged on CPython (truck, bridge, simulator) and on MicroPython (bin-room board), so it
uses nothing but `json` and small functions. Three calls matter:

    topic("fix", "xh", "t07")                      -> "zp/v1/xh/truck/t07/fix"
    pack(topic, body)                              -> bytes, or WireError
    unpack(topic, payload)                         -> Message(address, body), or WireError

`unpack` keeps the keys it knows and drops the others; a wrong type, a value out of bounds, a payload that
names another device than its topic, bad JSON or an oversized payload raise `WireError`, whose text names
topic and field. Nothing else is ever raised on account of what a peer sent.
"""

import json
from collections import namedtuple

VERSION = "v1"
ROOT = "zp/v1"
KEEPALIVE_S = 20
HEARTBEAT_S = 10  # the bridge's clock message
NO_DATA_S = 90  # older than this is no knowledge: lamps show it, calls do not trust it
MAX_PAYLOAD_BYTES = 65536  # an itinerary of 400 visits fits; anything longer is refused unread
MAX_TOPIC_BYTES = 256
MAX_ID = 64
LATEST_AT = 4102444800  # 2100-01-01: a later time is a broken clock
MAX_COUNT = 100000
MAX_GRAMS = 100000000
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
DECISIONS = ("return_later", "extra_truck", "wait", "cancel_visit")
KEEPER_EVENTS = ("bins_out", "lane_clear")

Address = namedtuple("Address", ("area", "family", "device", "channel", "item"))
Message = namedtuple("Message", ("address", "body"))


class WireError(ValueError):
    """A topic or payload that is not of this protocol; `topic`, `field` and `reason` say where and why."""

    def __init__(self, topic: str, field: str, reason: str):
        super().__init__("%s: %s: %s" % (topic[:MAX_TOPIC_BYTES], field, reason))
        self.topic = topic[:MAX_TOPIC_BYTES]
        self.field = field
        self.reason = reason


# --- checks: each takes a value and returns None, or the reason why it is refused -----------------------


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RuntimeError, MemoryError):  # an integer of 5,000 digits has no repr on CPython
        text = "a value too long to show"
    return text if len(text) <= 40 else text[:37] + "..."


def _integer(low, high):
    def check(value):
        if isinstance(value, bool) or not isinstance(value, int):
            return "must be an integer, got " + _shown(value)
        if value < low or value > high:
            return "must be between %d and %d, got %s" % (low, high, _shown(value))
        return None

    return check


def _number(low, high):
    def check(value):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return "must be a number, got " + _shown(value)
        # NaN compares false with everything, so the test asks for "inside", never for "outside".
        if not (value >= low and value <= high):
            return "must be between %d and %d, got %s" % (low, high, _shown(value))
        return None

    return check


def _text(high):
    def check(value):
        if not isinstance(value, str):
            return "must be a text, got " + _shown(value)
        if len(value) > high:
            return "must have at most %d characters, got %d" % (high, len(value))
        try:
            value.encode()
        except ValueError:  # half a surrogate pair, which no file and no database can keep
            return "must be valid Unicode"
        return None

    return check


def _boolean(value):
    return None if isinstance(value, bool) else "must be true or false, got " + _shown(value)


def _word(words):
    def check(value):
        if isinstance(value, str) and value in words:
            return None
        return "must be one of %s, got %s" % (" ".join(words), _shown(value))

    return check


def is_id(value: object) -> bool:
    """Whether `value` may name an area, device, run, incident or call: 1-64 of a-z A-Z 0-9 . _ - and no dot first."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID or value.startswith("."):
        return False
    try:
        raw = value.encode()
    except ValueError:  # half a surrogate pair
        return False
    for c in raw:  # bytes, for MicroPython keeps each character it ever took out of a text
        if c not in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-":
            return False
    return True


def _id(value):
    if is_id(value):
        return None
    return "must be an id (1-64 of a-z A-Z 0-9 . _ -, no dot first), got " + _shown(value)


def _ranges(value):
    if not isinstance(value, list) or len(value) > 1000:
        return "must be a list of at most 1000 [first, last] pairs"
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2 or _seq(pair[0]) or _seq(pair[1]) or pair[0] > pair[1]:
            return "must hold [first, last] pairs of seq, got " + _shown(pair)
    return None


_seq = _integer(0, 2147483647)


# --- the shapes -----------------------------------------------------------------------------------------
# A shape is a tuple of (name, check, flags): "?" may be missing, "0" may be null. A check that is itself a
# tuple is a list of objects of that shape. Shapes are written as one text, `name=check` or `name?0=check`, and made
# at their first use: a board's heap has no room for those that its device never speaks of.

_SHAPES = """
life: life=words:life boot=seq fw?=text:64;
fix: boot=seq seq=seq fix_at0=time sent_at0=time lat0=float:-90:90 lon0=float:-180:180 speed_mps0=float:0:200
    bearing_deg0=float:0:360 hdop0=float:0:100 sats0=int:0:200 mode=int:0:3 late=bool;
incident: boot=seq seq=seq incident_id=id reason=words:reason pressed_at0=time lat0=float:-90:90
    lon0=float:-180:180 fix_at0=time withdrawn=bool;
incident_ack: incident_id=id stage=words:stage decision0=words:decision at=time;
itinerary: itinerary_id=id version=seq run_id0=id issued_at=time visits=[visit];
visit: room=id name=text:200 sequence=int:0:10000 visit_number=int:1:1000 state=words:visit eta_at0=time
    bins=[planned];
planned: waste=words:waste count0=count grams0=grams;
ack: acks=[acks];
acks: boot=seq upto=seq also=ranges;
bins: boot=seq seq=seq at0=time late=bool bins=[bin];
bin: waste=words:waste count0=count grams0=grams quality=int:0:4;
lamp: boot=seq seq=seq at0=time lamps=[lamps];
lamps: waste=words:lamps lamp=words:lamp lit=bool call_id0=id;
keeper: boot=seq seq=seq at0=time event=words:keeper;
arrival: call_id0=id waste=words:waste state=words:arrival truck0=id run_id0=id visit_number0=int:1:1000
    eta_at0=time early_at0=time late_at0=time sent_at=time;
command: command=text:64 id=id;
bridge_life: life=words:life at=time fw?=text:64;
clock: at=time;
"""
_made = {}  # what was made of these texts already, by name


def _words(name):
    if name == "waste":
        return WASTES
    if name == "lamps":
        return WASTES + ("any",)
    if name == "lamp":
        return LAMP_STATES
    if name == "arrival":
        return ARRIVAL_STATES
    if name == "life":
        return LIFE_STATES
    if name == "keeper":
        return KEEPER_EVENTS
    if name == "visit":
        return VISIT_STATES
    if name == "reason":
        return INCIDENT_REASONS
    return ACK_STAGES if name == "stage" else DECISIONS


def _check(text):
    if text.startswith("["):
        return _shape(text[1:-1])
    made = _made.get(text)
    if made is None:
        parts = text.split(":")
        if parts[0] == "words":
            made = _word(_words(parts[1]))
        elif parts[0] == "text":
            made = _text(int(parts[1]))
        elif parts[0] == "float":
            made = _number(int(parts[1]), int(parts[2]))
        else:
            made = _integer(int(parts[1]), int(parts[2]))
        _made[text] = made
    return made


def _shape(name):
    shape = _made.get("=" + name)
    if shape is None:
        fields = []
        start = _SHAPES.index("\n" + name + ":")
        for field in _SHAPES[start : _SHAPES.index(";", start)].split()[1:]:
            title, check = field.split("=")
            bare = title.rstrip("?0")
            fields.append((bare, _NAMED.get(check) or _check(check), title[len(bare) :]))
        shape = _made["=" + name] = tuple(fields)
    return shape


_NAMED = {
    "id": _id,
    "bool": _boolean,
    "ranges": _ranges,
    "seq": _seq,
    "time": _integer(0, LATEST_AT),
    "count": _integer(0, MAX_COUNT),
    "grams": _integer(-MAX_GRAMS, MAX_GRAMS),
}

# (family, channel): (sender, retained, item, shape). `item` names what a topic's last level must equal in
# the payload, where the topic has one more level than family/device/channel.
_KINDS = {
    ("truck", "life"): ("device", True, None, "life"),
    ("room", "life"): ("device", True, None, "life"),
    ("truck", "fix"): ("device", False, None, "fix"),
    ("truck", "incident"): ("device", True, "incident_id", "incident"),
    ("truck", "incident_ack"): ("bridge", True, "incident_id", "incident_ack"),
    ("truck", "itinerary"): ("bridge", True, None, "itinerary"),
    ("truck", "ack"): ("bridge", True, None, "ack"),
    ("room", "ack"): ("bridge", True, None, "ack"),
    ("room", "bins"): ("device", True, None, "bins"),
    ("room", "lamp"): ("device", True, None, "lamp"),
    ("room", "keeper"): ("device", False, None, "keeper"),
    ("room", "arrival"): ("bridge", True, "waste", "arrival"),
    ("truck", "command"): ("bridge", False, None, "command"),
    ("room", "command"): ("bridge", False, None, "command"),
    ("bridge", "life"): ("bridge", True, None, "bridge_life"),
    ("bridge", "clock"): ("bridge", False, None, "clock"),
}


def keep_only(family: str) -> None:
    """Forget the shapes of the other kind of device: a board's heap is small, and it never speaks of them."""
    for kind in list(_KINDS):
        if kind[0] not in (family, "bridge"):
            del _KINDS[kind]


def sent_by(address) -> str:
    """`"device"` or `"bridge"`: who may publish at this address."""
    return _KINDS[(address.family, address.channel)][0]


def is_retained(address) -> bool:
    """Whether messages at this address are published retained."""
    return _KINDS[(address.family, address.channel)][1]


def topic(channel: str, area: str, device: str = "", item: str = "", family: str = "") -> str:
    """The topic of a channel; `family` (`truck`, `room`, `bridge`) is needed only where several have the channel.

    Raises WireError if no such topic exists or an id is not one.
    """
    if not family:
        families = [f for f in ("truck", "room", "bridge") if (f, channel) in _KINDS]
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
    kind = _KINDS.get((family, rest[0])) if rest else None
    if kind is None:
        raise WireError(name, "topic", "no such channel")
    if len(rest) != (2 if kind[2] else 1):
        raise WireError(name, "topic", "has too many or too few levels for " + rest[0])
    item = rest[1] if kind[2] else ""
    for what, value in (("area", area), ("device", device), ("item", item)):
        if value or what == "area" or (what == "device" and family != "bridge") or (what == "item" and kind[2]):
            reason = _id(value)
            if reason:
                raise WireError(name, what, reason)
    return Address(area, family, device, rest[0], item)


def _checked(name, shape, body, where, keep_unknown):
    if not isinstance(body, dict):
        raise WireError(name, where or "payload", "must be an object, got " + _shown(body))
    out = dict(body) if keep_unknown else {}
    for field, check, flags in shape:
        path = where + "." + field if where else field
        if field not in body:
            if "?" in flags:
                continue
            raise WireError(name, path, "is missing")
        value = body[field]
        if value is None:
            if "0" not in flags:
                raise WireError(name, path, "must not be null")
        elif isinstance(check, tuple):
            if not isinstance(value, list):
                raise WireError(name, path, "must be a list, got " + _shown(value))
            if len(value) > 1000:
                raise WireError(name, path, "must have at most 1000 entries, got %d" % len(value))
            value = [_checked(name, check, v, "%s[%d]" % (path, i), False) for i, v in enumerate(value)]
        else:
            reason = check(value)
            if reason:
                raise WireError(name, path, reason)
        out[field] = value
    return out


def _checked_body(name, address, body):
    _, _, item_field, shape = _KINDS[(address.family, address.channel)]
    # A command carries its own parameters: unknown keys are kept.
    out = _checked(name, _shape(shape), body, "", address.channel == "command")
    if item_field and out[item_field] != address.item:
        raise WireError(name, item_field, "must equal the topic's %s, got %s" % (address.item, _shown(out[item_field])))
    if "device" in body and body["device"] != address.device:
        raise WireError(name, "device", "must equal the topic's %s, got %s" % (address.device, _shown(body["device"])))
    return out


def pack(name: str, body) -> bytes:
    """The payload of `body` for this topic; raises WireError if a receiver would refuse it."""
    payload = json.dumps(_checked_body(name, parse_topic(name), body), separators=(",", ":")).encode()
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
    except (ValueError, RuntimeError, MemoryError):  # bad UTF-8 or JSON, 5,000-digit integers, nesting too deep
        raise WireError(name, "payload", "is not JSON in UTF-8: " + _shown(bytes(payload[:24])))
    return Message(address, _checked_body(name, address, body))


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
    for (kind_family, channel), (sender, _, item, _) in _KINDS.items():
        if sender == "device":
            wanted.append(base + kind_family + "/+/" + channel + ("/+" if item else ""))
    return sorted(wanted)
