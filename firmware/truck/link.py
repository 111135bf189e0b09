"""The connection to the broker, by paho: events out, messages in; it remembers nothing.

A thread of its own connects, subscribes, and runs one paho client until that connection ends; then it waits
(1, 2, 4 ... 60 s, with jitter) and begins again with a fresh client, because an old one would send its own queue a
second time. The outbox is the queue: what is handed over while there is no connection is dropped here and comes
again from there. Callbacks only put into a queue.
"""

import logging
import random
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from firmware import wire
from firmware.truck.events import Publish
from firmware.truck.outbox.courier import UNDER_WAY_MAX

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
GOODBYE_S = 2.0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are there; `password` and `cert_file` are asked anew for each connection."""

    host: str
    port: int
    username: str
    password: Callable[[], str | None] = lambda: None
    ca_file: Path | None = None
    cert_file: Callable[[], Path | None] = lambda: None
    key_file: Path | None = None


class OneAtATime(ssl.SSLSocket):
    """Never read and written at once: paho writes from whichever thread publishes, and OpenSSL ends what is so used.

    Neither waits: paho's sockets do not block.
    """

    _using = threading.Lock()

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As every socket's."""
        with self._using:
            return super().recv(buflen, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        """As every socket's."""
        with self._using:
            return super().send(data, flags)


class Link:
    """Tells `on_up()`, `on_down()` and `on_message(topic, payload)` from its own thread."""

    def __init__(
        self,
        broker: Broker,
        filters: list[str],
        will: Publish,
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        on_message: Callable[[str, bytes], None],
        *,
        keepalive_s: int = wire.KEEPALIVE_S,
        back_off_scale: float = 1.0,
    ) -> None:
        """`filters` are subscribed anew each time; `back_off_scale` shortens the waits on an accelerated clock."""
        self._broker = broker
        self._filters = filters
        self._will = will
        self._on_up, self._on_down, self._on_message = on_up, on_down, on_message
        self._keepalive_s = keepalive_s
        self._back_off_scale = back_off_scale
        self._client: mqtt.Client | None = None
        self._was_up = False
        self._failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        """Begins to connect."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the link's thread still runs."""
        return self._thread.is_alive()

    def publish(self, message: Publish) -> None:
        """Hands a message over with QoS 1; never blocks and never raises."""
        client = self._client
        if client is not None and client.is_connected():
            client.publish(message.topic, message.payload, qos=1, retain=message.retain)

    def stop(self, goodbye: list[Publish]) -> None:
        """Sends the last messages, waits at most 2 s for the broker to take them, and disconnects."""
        self._stop.set()
        client = self._client
        if client is not None and client.is_connected():
            sent = [client.publish(m.topic, m.payload, qos=1, retain=m.retain) for m in goodbye]
            for info in sent:
                try:
                    info.wait_for_publish(GOODBYE_S / max(1, len(sent)))
                except (RuntimeError, ValueError):
                    pass  # the connection went while saying goodbye: the will says it for us
            client.disconnect()
        self._thread.join(GOODBYE_S)

    def _run(self) -> None:
        complained = ""
        while not self._stop.is_set():
            self._was_up = False
            trouble = self._one_connection()
            self._client = None
            if self._was_up:
                self._on_down()
            if self._failures == 0:
                complained = ""
            if trouble and trouble != complained and not self._stop.is_set():
                complained = trouble
                log.warning("no connection to %s:%d: %s", self._broker.host, self._broker.port, trouble)
            pause_s = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)] * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
            self._failures += 1
            self._stop.wait(pause_s * self._back_off_scale)

    def _one_connection(self) -> str:
        """One client's life; returns what ended it."""
        reasons: list[str] = []
        try:
            client = self._fresh_client(reasons)
            client.connect(self._broker.host, self._broker.port, self._keepalive_s)
            self._client = client
            client.loop_forever(retry_first_connection=False)
        except (OSError, ValueError) as error:  # ValueError: a password file or certificate that cannot be read
            return f"{error}; check address, network and certificates"
        except Exception as error:  # noqa: BLE001 (whatever a broker sends, it must not end the link for ever)
            return f"the broker sent what is not MQTT ({type(error).__name__}: {error}); check the address"
        return reasons[-1] if reasons else "the connection ended"

    def _fresh_client(self, reasons: list[str]) -> mqtt.Client:
        broker = self._broker
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.username,
            clean_session=True,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(UNDER_WAY_MAX)
        client.username_pw_set(broker.username, broker.password())
        if broker.ca_file is not None:
            context = ssl.create_default_context(cafile=str(broker.ca_file))
            context.sslsocket_class = OneAtATime
            cert_file = broker.cert_file()
            if cert_file is not None:
                context.load_cert_chain(cert_file, broker.key_file, password="")
            client.tls_set_context(context)
        client.will_set(self._will.topic, self._will.payload, qos=1, retain=self._will.retain)

        def connected(client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                reasons.append(f"the broker refused us: {reason}; check id and password file")
                client.disconnect()
            else:
                # Up before the subscription is acknowledged: retained messages may come before that, and whoever
                # listens must know by then that they belong to this connection. What it sends comes after SUBSCRIBE.
                client.subscribe([(name, 1) for name in self._filters])
                self._was_up = True
                self._on_up()

        def subscribed(client: mqtt.Client, _data: Any, _mid: int, results: Any, _properties: Any) -> None:
            if any(result.is_failure for result in results):
                reasons.append("the broker refused a subscription; check its access rules for this truck")
                client.disconnect()
            else:
                self._failures = 0

        def disconnected(_client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                reasons.append(f"disconnected: {reason}")

        def received(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
            self._on_message(message.topic, bytes(message.payload))

        client.on_connect = connected
        client.on_subscribe = subscribed
        client.on_disconnect = disconnected
        client.on_message = received
        return client
