"""MQTT 3.1.1 packets as bytes, both ways: only what a bin-room unit needs (QoS 1, clean session, a will)."""

REFUSALS = {
    1: "the broker does not speak MQTT 3.1.1",
    2: "the broker refuses this client id",
    3: "the broker is not available",
    4: "the broker refuses user name or password",
    5: "the broker does not allow this user",
}


class PacketError(ValueError):
    """Bytes from the broker that are not MQTT 3.1.1; the connection cannot be used any more."""


def _text(value):
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(2, "big") + raw


def _packet(head, body):
    left = len(body)
    size = bytearray()
    while True:
        digit = left & 127
        left >>= 7
        size.append(digit | 128 if left else digit)
        if not left:
            return bytes([head]) + bytes(size) + body


def connect(client_id, user, password, keepalive_s, will_topic, will_payload):
    """CONNECT with a clean session and a retained QoS 1 will; `user` None connects without credentials."""
    flags = 0x02 | 0x04 | 0x08 | 0x20
    tail = _text(client_id) + _text(will_topic) + _text(will_payload)
    if user is not None:
        flags |= 0x80
        tail += _text(user)
        if password is not None:
            flags |= 0x40
            tail += _text(password)
    return _packet(0x10, _text("MQTT") + bytes([4, flags]) + keepalive_s.to_bytes(2, "big") + tail)


def subscribe(packet_id, filters):
    """SUBSCRIBE to all filters with QoS 1."""
    body = packet_id.to_bytes(2, "big")
    for name in filters:
        body += _text(name) + b"\x01"
    return _packet(0x82, body)


def publish(packet_id, topic, payload, retained, is_again=False):
    """PUBLISH with QoS 1; `is_again` marks a resend on the same connection."""
    head = 0x32 | (1 if retained else 0) | (8 if is_again else 0)
    return _packet(head, _text(topic) + packet_id.to_bytes(2, "big") + payload)


def puback(packet_id):
    """PUBACK of a received message."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def packet_id_of(body):
    """The packet id a PUBACK or SUBACK carries; raises PacketError."""
    if len(body) < 2:
        raise PacketError("an acknowledgement without a packet id")
    return body[0] << 8 | body[1]
