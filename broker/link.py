"""The bridge's connection to the MQTT broker: paho with a persistent session, turned into a queue of plain events.

A message is acknowledged to the broker (PUBACK) only after the bridge committed it, so what the broker holds for us
is handed over to our next life if we die before that. The devices' own outboxes do not rely on it.
"""

import logging
import queue
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from broker import __version__
from broker.config import MqttConfig
from broker.embedded import unsafe_because
from firmware import wire

log = logging.getLogger("zhanpai.link")

VERSION_TOPIC = "$SYS/broker/version"
MAX_WAITING = 200_000  # events; above it the network thread waits, and the broker keeps what it has


@dataclass(frozen=True, slots=True)
class Up:
    """Connected and subscribed."""


@dataclass(frozen=True, slots=True)
class Down:
    """The connection ended; paho tries again by itself."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message; give `mid` back to `settle` when it is durable."""

    topic: str
    payload: bytes
    mid: int


Event = Up | Down | Arrived


class BridgeLink:
    """One connection as `bridge-<area>`; `events` is what happened, in order."""

    def __init__(self, config: MqttConfig, area: str, at: int) -> None:
        self.events: queue.Queue[Event] = queue.Queue(MAX_WAITING)
        self.up = False
        self.broker_version = ""
        self._area = area
        self._host, self._port = config.host, config.port
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"bridge-{area}",
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )
        client.username_pw_set(config.user or f"bridge-{area}", config.password())
        if config.ca_file is not None:
            client.tls_set(str(config.ca_file), _text(config.cert_file), _text(config.key_file), ssl.CERT_REQUIRED)
        client.max_inflight_messages_set(1000)
        client.reconnect_delay_set(1, 30)
        will = wire.topic("life", area, family="bridge")
        client.will_set(will, wire.pack(will, {"life": "lost", "at": at, "fw": __version__}), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client

    def start(self) -> None:
        """Begin connecting in the background; an absent broker is retried for ever."""
        self._client.connect_async(self._host, self._port, wire.KEEPALIVE_S)
        self._client.loop_start()

    def send(self, topic: str, payload: bytes, retained: bool) -> None:
        """Publish at QoS 1; while the connection is down it is dropped, and sent anew by `Bridge.link_up`."""
        if self.up:
            self._client.publish(topic, payload, qos=1, retain=retained)

    def settle(self, mid: int) -> None:
        """Tell the broker that this message is ours now."""
        self._client.ack(mid, 1)

    def stop(self) -> None:
        """Send what waits, leave in order, and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: mqtt.Client, _userdata: Any, _flags: mqtt.ConnectFlags, code: ReasonCode, _p: Properties | None
    ) -> None:
        if code.is_failure:
            log.error(
                "the broker at %s:%d refuses us (%s): check [mqtt] user and password_file", self._host, self._port, code
            )
            return
        client.subscribe([(topic, 1) for topic in wire.subscriptions("bridge", self._area)])
        client.subscribe(VERSION_TOPIC, 0)
        self.up = True
        log.info("connected to the broker at %s:%d", self._host, self._port)
        self.events.put(Up())

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: Any, _f: mqtt.DisconnectFlags, code: ReasonCode, _p: Properties | None
    ) -> None:
        if self.up:
            log.warning("the broker at %s:%d is away (%s); trying again", self._host, self._port, code)
        self.up = False
        self.events.put(Down())

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == VERSION_TOPIC:
            self.broker_version = bytes(message.payload[:100]).decode(errors="replace")
            for reason in unsafe_because(self.broker_version):
                log.warning("this broker is not safe for the street: %s", reason)
            return
        if message.qos == 0:  # no acknowledgement to give back
            self.events.put(Arrived(message.topic, bytes(message.payload), 0))
            return
        self.events.put(Arrived(message.topic, bytes(message.payload), message.mid))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
