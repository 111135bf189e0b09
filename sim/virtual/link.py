"""A device's connection in virtual time: connects, subscribes, loses it, and tries again after 1, 2, 4 ... 30 s."""

import random
from collections.abc import Callable, Sequence

from sim.virtual.broker import Connection, VirtualBroker, Will
from sim.world.timeline import Timeline

RETRY_MAX_S = 30.0


class VirtualLink:
    """One client of the virtual broker, for as long as its device has power."""

    def __init__(
        self, timeline: Timeline, broker: VirtualBroker, client_id: str, dice: random.Random, *,
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
        self._connection: Connection | None = None
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
