"""A device's connection in virtual time: connects, subscribes, loses it, and tries again after 1, 2, 4 ... 30 s."""

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from sim.virtual.broker import Lost, Receive, Will
from sim.world.timeline import Timeline

RETRY_MAX_S = 30.0


class Line(Protocol):
    """One client's connection, in virtual time or real."""

    open: bool

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand a QoS 1 message to the network; False if the connection is already known to be gone."""
        ...

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe; retained messages of these filters follow."""
        ...


class Network(Protocol):
    """What a device's link connects through."""

    def connect(
        self, client_id: str, *, receive: Receive, lost: Lost, clean: bool = True, will: Will | None = None
    ) -> Line | None:
        """A connection, or None where there is none to be had now."""
        ...

    def die(self, client_id: str) -> None:
        """The client's machine lost power."""
        ...


class VirtualLink:
    """One client of a broker, for as long as its device has power."""

    def __init__(
        self, timeline: Timeline, broker: Network, client_id: str, dice: random.Random, *,
        will: Will, filters: Sequence[str], receive: Callable[[str, bytes], None], up: Callable[[], None],
        down: Callable[[], None], clean: bool = True,
    ) -> None:
        self._timeline = timeline
        self._broker = broker
        self._client_id = client_id
        self._dice = dice
        self._will = will
        self._filters = list(filters)
        self._receive = receive
        self._up = up
        self._down = down
        self._clean = clean
        self._tries = 0
        self._alive = True
        self._connection: Line | None = None
        timeline.after(dice.uniform(0.1, 1.0), self._connect)

    @property
    def connected(self) -> bool:
        """Whether the device believes to be connected."""
        return self._connection is not None and self._connection.open

    def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Hand a message over; without a connection it is dropped (the outbox has it)."""
        if self._connection is not None:
            self._connection.publish(topic, payload, retain)

    def die(self) -> None:
        """Power is gone: no good-bye, no more tries."""
        self._alive = False
        if self._connection is not None and self._connection.open:
            self._broker.die(self._client_id)
        self._connection = None

    def _connect(self) -> None:
        if not self._alive:
            return
        connection = self._broker.connect(
            self._client_id, receive=self._arrived, lost=self._lost, clean=self._clean, will=self._will
        )
        if connection is None:
            self._again()
            return
        self._tries = 0
        self._connection = connection
        connection.subscribe(self._filters)
        self._up()

    def _arrived(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG002 - the wire never asks
        if self._alive:
            self._receive(topic, payload)

    def _lost(self) -> None:
        if not self._alive:
            return
        self._connection = None
        self._down()
        self._again()

    def _again(self) -> None:
        wait_s = min(2.0**self._tries, RETRY_MAX_S) * self._dice.uniform(0.8, 1.2)
        self._tries += 1
        self._timeline.after(wait_s, self._connect)
