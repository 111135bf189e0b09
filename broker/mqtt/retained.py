"""What a broker holds for whoever comes: its retained messages, asked for once by whom a bridge would be."""

import ssl
import time

from broker.config import MqttConfig
from broker.mqtt import packets
from broker.mqtt.connection import Connection, Messages
from firmware import wire

LONGEST_S = 10.0


def retained(config: MqttConfig, area: str, password: str | None, topics: str) -> dict[str, bytes]:
    """The retained messages below a topic filter; raises OSError or PacketError (a ValueError) with the reason.

    A bridge that is at work there may be thrown off for a second; its session stays as it was.
    """
    tls: ssl.SSLContext | None = config.tls()
    connection = Connection(config.host, config.port, lambda: False)
    try:
        if tls is not None:
            connection.secure(tls)
        will = (wire.topic("life", area, family="bridge"), b"")  # it leaves in order: nobody hears that
        name = config.user or f"bridge-{area}"
        hello = packets.connect(f"check-{area}", name, password, wire.KEEPALIVE_S, clean=False, will=will)
        answer, _ = connection.ask(hello, packets.CONNACK)
        packets.must_be_in(answer)
        found: Messages = []
        _, found = connection.ask(packets.subscribe(1, [(topics, 0)]), packets.SUBACK)
        deadline = time.monotonic() + LONGEST_S
        while (data := connection.received()) and time.monotonic() < deadline:
            found += connection.reader.feed(data)[0]
        connection.write(packets.unsubscribe(2, topics) + packets.DISCONNECT)
    finally:
        connection.close()
    return {topic: payload for topic, payload, _ in found if _fits(topic, topics)}


def _fits(topic: str, topics: str) -> bool:
    """Whether it was asked for: what waited for the bridge comes too, and is not ours to take."""
    names, wanted = topic.split("/"), topics.split("/")
    return len(names) == len(wanted) and all(one in ("+", name) for name, one in zip(names, wanted, strict=True))
