"""MQTT packets, byte by byte as the standard has them."""

from firmware.binroom import packets


def case_connect():
    raw = packets.connect("r01", "r01", "pw", 20, "t", b"w")
    assert raw[0] == 0x10 and raw[1] == len(raw) - 2
    assert raw[2:12] == b"\x00\x04MQTT\x04\xee\x00\x14"
    assert raw[12:] == b"\x00\x03r01\x00\x01t\x00\x01w\x00\x03r01\x00\x02pw"
    assert packets.connect("r01", None, None, 20, "t", b"w")[9] == 0x2E
    assert packets.connect("r01", "u", None, 20, "t", b"w")[9] == 0xAE


def case_publish_lengths():
    assert packets.publish(1, "t", b"x", True) == b"\x33\x06\x00\x01t\x00\x01x"
    assert packets.publish(258, "t", b"x", False, True) == b"\x3a\x06\x00\x01t\x01\x02x"
    assert packets.publish(1, "t", bytes(122), True)[1:2] == b"\x7f"
    assert packets.publish(1, "t", bytes(123), True)[1:3] == b"\x80\x01"
    assert packets.publish(1, "t", bytes(20000), True)[1:4] == b"\xa5\x9c\x01"


def case_subscribe_and_puback():
    assert packets.subscribe(2, ["a/+", "b"]) == b"\x82\x0c\x00\x02\x00\x03a/+\x01\x00\x01b\x01"
    assert packets.puback(513) == b"\x40\x02\x02\x01"
    assert packets.packet_id_of(b"\x02\x01") == 513
    try:
        packets.packet_id_of(b"\x02")
    except packets.PacketError:
        return
    raise AssertionError("a short acknowledgement was taken")


def case_text_is_utf8():
    name = "\u7bb1\u623f"
    assert packets.publish(1, name, b"", False)[2:4] == b"\x00\x06"
