"""An onlooker on the real MQTT: the `watch-<area>` account, which may read everything and say nothing."""

import queue
import time
from collections.abc import Iterator

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from firmware import wire


class Watch:
    """Everything published in the area, in the order the broker gives it, with the real time it came."""

    def __init__(self, area: str, host: str, port: int, password: str) -> None:
        self._messages: queue.SimpleQueue[tuple[float, str, bytes, bool]] = queue.SimpleQueue()
        self._filter = f"{wire.ROOT}/{area}/#"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"watch-{area}")
        self._client.username_pw_set(f"watch-{area}", password)
        self._client.reconnect_delay_set(1, 2)
        self._client.on_connect = lambda client, *_: client.subscribe(self._filter, 1)
        self._client.on_message = self._heard
        self._address = (host, port)

    def start(self) -> None:
        """Connect in a thread of its own."""
        self._client.connect(*self._address, keepalive=wire.KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def drain(self) -> Iterator[tuple[float, str, bytes, bool]]:
        """What came since the last call: (real monotonic time, topic, payload, retained)."""
        while not self._messages.empty():
            yield self._messages.get()

    def _heard(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self._messages.put((time.monotonic(), message.topic, bytes(message.payload), message.retain))
