"""paho's parser as a reader of bytes, to hold ours against: a client at one end of a local socket."""

import re
import select
import socket
import tempfile
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker.mqtt.packets import CONNACK, PINGRESP, PUBACK, SUBACK

Message = tuple[str | None, bytes, int]  # topic (None: not UTF-8), payload, packet id or 0
Answer = tuple[int, int, bytes]  # type, code or id, codes
PIECE_BYTES = 32_768  # as much as a local socket takes at once, so that one thread can be both ends


class Paho:
    """paho's client as the other reader: what it makes of the bytes a broker sends."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.flags: list[tuple[bool, bool]] = []
        self.answers: list[Answer] = []
        self.gave_up = False
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, "x", transport="unix", manual_ack=True, reconnect_on_failure=False
        )
        self._client.on_message = self._on_message
        self._client.on_log = self._on_log
        self._client.on_subscribe = self._on_subscribe
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
            server.bind(folder + "/s")
            server.listen()
            self._client.connect(folder + "/s")
            self._far_end, _ = server.accept()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = None
        self.messages.append((topic, bytes(message.payload), message.mid))
        self.flags.append((message.retain, message.dup))
        assert (message.qos == 0) <= (message.mid == 0)

    def _on_log(self, _client: mqtt.Client, _data: Any, _level: int, text: str) -> None:
        """PUBACKs of what was never sent, and PINGRESPs, are told nowhere else."""
        if found := re.match(r"Received (CONNACK|PUBACK|PINGRESP)\D*(?:\d+, )?(\d*)", text):
            kind = {"CONNACK": CONNACK, "PUBACK": PUBACK, "PINGRESP": PINGRESP}[found[1]]
            self.answers.append((kind, int(found[2] or 0), b""))

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, mid: int, codes: list[Any], _properties: Any) -> None:
        self.answers.append((SUBACK, mid, bytes(code.value for code in codes)))

    def feed(self, data: bytes) -> None:
        """Let it read all of this, or give up."""
        for at in range(0, len(data), PIECE_BYTES):
            if self.gave_up:
                return
            self._far_end.sendall(data[at : at + PIECE_BYTES])
            while not self.gave_up and select.select([self._client.socket()], [], [], 0)[0]:
                self.gave_up = self._client.loop_read() != mqtt.MQTT_ERR_SUCCESS

    def close(self) -> None:
        """Forget both ends."""
        self._far_end.close()
        self._client.disconnect()
        self._client.loop_misc()
