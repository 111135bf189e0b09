"""Hears a device's own hello on MQTT: the one proof that it is up, in its network and known to the broker."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from firmware import wire
from tools.flashing.errors import FlashError
from tools.flashing.identity.account import known_as
from tools.flashing.settings import BrokerAccess, read_secret

CONNECT_S = 10.0
RETAINED_S = 0.6  # retained messages come right after the subscription; a broker on the same network is quicker
SAFE_MODE = "safe mode"


@dataclass(frozen=True)
class Hello:
    """One life message; `live` is false for a retained one, which is news of yesterday."""

    life: str
    boot: int
    fw: str
    live: bool


class Listener(AbstractContextManager["Listener"]):
    """A connection that follows the life of some devices; raises FlashError if the broker cannot be reached."""

    def __init__(self, access: BrokerAccess, area: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._area = area
        self._user = access.user or f"technician-{area}"
        self._monotonic = monotonic
        self._news = threading.Condition()
        self._heard: dict[tuple[str, str], list[Hello]] = {}
        self._refused: str | None = None
        self._connected = False
        self._stopped = False
        self._subscribed: set[int | None] = set()
        self._topics: dict[str, tuple[str, str]] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="")
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.connect_timeout = CONNECT_S
        if access.password_file is not None:
            self._client.username_pw_set(self._user, read_secret(access.password_file))
        elif access.user:
            self._client.username_pw_set(access.user)
        if access.certificates:
            self._client.tls_set_context(known_as(access.authority, self._user))
        elif access.tls:
            self._client.tls_set(ca_certs=None if access.ca_file is None else str(access.ca_file))

    def __enter__(self) -> Listener:
        host, port = self._access.host, self._access.port
        try:
            self._client.connect(host, port, keepalive=wire.KEEPALIVE_S)
        except ssl.SSLError as error:
            raise FlashError("certificate", host=host, what=error.reason or str(error)) from error
        except (OSError, ValueError) as error:
            raise FlashError("desk_broker", host=host, port=port, what=str(error)) from error
        self._client.loop_start()
        with self._news:
            self._news.wait_for(lambda: self._connected or self._refused is not None, CONNECT_S)
        if self._connected:
            return self
        self.__exit__()
        if self._refused:
            raise FlashError("broker_refused", host=host, port=port, who=f"user {self._user}", what=self._refused)
        raise FlashError("desk_broker", host=host, port=port, what="it takes the connection but does not answer")

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def follow(self, family: str, device: str) -> None:
        """Once this returns the life of this device is heard."""
        topic = wire.topic("life", self._area, device, family=family)
        with self._news:
            self._topics[topic] = (family, device)
            self._heard.setdefault((family, device), [])
        _, message_id = self._client.subscribe(topic, qos=1)
        with self._news:
            if not self._news.wait_for(lambda: message_id in self._subscribed, CONNECT_S):
                raise FlashError(
                    "desk_broker", host=self._access.host, port=self._access.port, what="it takes no subscription"
                )

    def last_known(self, family: str, device: str, wait_s: float = RETAINED_S) -> Hello | None:
        """What the broker remembers of it, or None; waits `wait_s` at the most."""
        heard = self._heard[(family, device)]
        with self._news:
            self._news.wait_for(lambda: bool(heard), wait_s)
            return heard[-1] if heard else None

    def mark(self, family: str, device: str) -> int:
        """A place in the device's messages; `wait` looks at what came after it."""
        with self._news:
            return len(self._heard[(family, device)])

    def wait(
        self, family: str, device: str, since: int, fits: Callable[[int], bool], fw: str | None, wait_s: float
    ) -> Hello:
        """The first live hello after `since`: `ready`, of a boot that `fits`, of firmware `fw` (None: any).

        Raises FlashError("no_hello") after `wait_s`, or at once if the unit says that it crashed.
        """
        until = self._monotonic() + wait_s
        heard = self._heard[(family, device)]
        with self._news:
            while True:
                for hello in heard[since:]:
                    if hello.live and hello.fw.startswith(SAFE_MODE):
                        raise FlashError("crashes", id=device, what=hello.fw)
                    if hello.live and hello.life == "ready" and fits(hello.boot) and fw in (None, hello.fw):
                        return hello
                if self._stopped:
                    raise FlashError("stopped", doing=f"waiting for the hello of {device}")
                left = until - self._monotonic()
                if left <= 0:
                    raise FlashError("no_hello", id=device, seconds=int(wait_s))
                self._news.wait(left)

    def stop(self) -> None:
        """Ends every `wait` with FlashError("stopped"); from any thread."""
        with self._news:
            self._stopped = True
            self._news.notify_all()

    def _on_connect(self, client: mqtt.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        with self._news:
            self._connected = not reason.is_failure
            self._refused = str(reason) if reason.is_failure else None
            self._news.notify_all()
        for topic in list(self._topics):
            client.subscribe(topic, qos=1)

    def _on_subscribe(self, _: mqtt.Client, __: Any, message_id: int, ___: Any, ____: Any) -> None:
        with self._news:
            self._subscribed.add(message_id)
            self._news.notify_all()

    def _on_message(self, _: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        key = self._topics.get(message.topic)
        try:
            body = wire.unpack(message.topic, bytes(message.payload)).body
        except wire.WireError:
            return  # another's mistake; the bridge counts it
        if key is None or body is None:
            return
        hello = Hello(body["life"], body["boot"], body.get("fw", ""), not message.retain)
        with self._news:
            self._heard[key].append(hello)
            self._news.notify_all()
