"""The devices of a cell as real MQTT clients, a connection for each, in one loop."""

import asyncio
import heapq
import time
from collections.abc import Callable, Iterable, Mapping

from broker.mqtt import packets
from firmware import wire
from tests.support.cell.devices import NEVER, Device, Said, Truck

CONNECTS_AT_ONCE = 40
WAKE_S = 0.05
ROUND_S = 5.0  # in which each is looked at: a ping, what was not acknowledged
LEFT = "the broker ended the connection of"


class Client(asyncio.Protocol):
    """One device's connection: it says what the device has to say, and tells the device what came."""

    def __init__(
        self, device: Device, password: str, clock: Callable[[], float], wake: "Callable[[Client, float], None]"
    ) -> None:
        self.device = device
        self.up = asyncio.get_running_loop().create_future()
        self.is_busy = False  # as fast as acks come: the next record when none waits for its ack
        self._wake, self._wakes_at = wake, NEVER
        self._silent_since = 0.0
        self._password = password
        self._clock = clock
        self._reader = packets.PacketReader()
        self._number = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who it is."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = self.device.name
        hello = packets.connect(name, name, self._password, wire.KEEPALIVE_S, clean=True, will=self.device.will())
        self._write(hello)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over; whoever waits is told."""
        self._transport = None
        if not self.up.done():
            self.up.set_exception(ConnectionError(f"{LEFT} {self.device.name}: {exc}"))

    @property
    def connected(self) -> bool:
        """Whether the broker has it."""
        return self._transport is not None

    def data_received(self, data: bytes) -> None:
        """What the broker sent."""
        messages, replies = self._reader.feed(data)
        now = self._clock()
        numbers = [number for _, _, number in messages if number]
        if numbers:
            self._write(packets.pubacks(numbers))
        for topic, payload, _ in messages:
            if "/bridge/" not in topic:
                self.say(self.device.hear(topic, payload, now))
                self.wake_later()
        for reply in replies:
            if reply.kind == packets.CONNACK:
                packets.must_be_in(reply)
                self._write(packets.subscribe(1, [(name, 1) for name in self.device.filters()]))
            elif reply.kind == packets.SUBACK:
                self.say([self.device.life()])
                self.up.set_result(None)
        if self.is_busy and not self.device.open:
            self.say([self.device.busy(now)])

    def wake_later(self) -> None:
        """Have it speak when its time has come, if that is not arranged."""
        at = self.device.next_at()
        if at < NEVER and at != self._wakes_at:
            self._wakes_at = at
            self._wake(self, at)

    def say(self, said: Iterable[Said]) -> None:
        """Publish this now."""
        for topic, payload, retained in said:
            self._number = self._number % 65535 + 1
            self._write(packets.publish(topic, payload, self._number, retained))

    def ping(self, now: float) -> None:
        """Keep the connection where it was silent."""
        if now - self._silent_since >= wire.KEEPALIVE_S - 1:
            self._write(packets.PINGREQ)

    def close(self) -> None:
        """Leave in order."""
        if self._transport is not None:
            self._transport.write(packets.DISCONNECT)
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._silent_since = time.monotonic()
            self._transport.write(data)


class Clients:
    """All devices of a cell."""

    def __init__(self, devices: Iterable[Device], passwords: Mapping[str, str], clock: Callable[[], float]) -> None:
        self.clock = clock
        self._passwords = passwords
        self._devices = list(devices)
        self.all: list[Client] = []
        self._at_pace = True  # they speak by their own clocks
        self._wakes: list[tuple[float, int, Client]] = []  # when, and whose; those that were put off are there twice
        self._count = 0  # so that two of one moment are told apart
        self._waking: asyncio.Task[None] | None = None

    async def connect(self, port: int, told: Callable[[int], None] = lambda _: None) -> None:
        """Connect them some at a time; raises ConnectionError where one is not let in."""
        loop = asyncio.get_running_loop()
        self._waking = asyncio.create_task(self._wake())
        for begin in range(0, len(self._devices), CONNECTS_AT_ONCE):
            some = [
                Client(one, self._passwords[one.name], self.clock, self._wake_later)
                for one in self._devices[begin : begin + CONNECTS_AT_ONCE]
            ]
            for client in some:
                await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
            await asyncio.wait_for(asyncio.gather(*(client.up for client in some)), 60)
            self.all += some
            for client in some:
                client.say(client.device.first(self.clock()))
                client.wake_later()
            told(len(self.all))

    def _wake_later(self, client: Client, at: float) -> None:
        self._count += 1
        heapq.heappush(self._wakes, (at, self._count, client))

    def must_be_awake(self) -> None:
        """Raises what ended the loop in which devices speak by themselves."""
        if self._waking is not None and self._waking.done():
            self._waking.result()

    async def _wake(self) -> None:
        """Let each device speak when its time has come, send again, ping."""
        looked_at = 0.0
        while True:
            await asyncio.sleep(WAKE_S)
            now = self.clock()
            while self._at_pace and self._wakes and self._wakes[0][0] <= now:
                client = heapq.heappop(self._wakes)[2]
                client.say(client.device.due(now))
                client.wake_later()
            looked_at += len(self.all) * WAKE_S / ROUND_S
            for client in self.all[int(looked_at - len(self.all) * WAKE_S / ROUND_S) : int(looked_at)]:
                client.ping(time.monotonic())
                client.say(client.device.again(now))
            looked_at = 0.0 if looked_at >= len(self.all) else looked_at

    def trucks(self) -> list[tuple[Client, Truck]]:
        """The trucks with their connections."""
        return [(one, one.device) for one in self.all if isinstance(one.device, Truck)]

    def as_fast_as_acks_come(self, on: bool) -> None:
        """Each says the next thing as soon as the last one is acknowledged, or goes back to its own pace."""
        self._at_pace = not on
        for client in self.all:
            client.is_busy = on
            if on and not client.device.open:
                client.say([client.device.busy(self.clock())])

    async def settled(self, within_s: float) -> int:
        """Wait until everything said is acknowledged; how many records are not."""
        until = time.monotonic() + within_s
        while (left := sum(len(one.device.open) for one in self.all)) and time.monotonic() < until:
            await asyncio.sleep(WAKE_S)
        return left

    async def close(self) -> None:
        """Leave."""
        if self._waking is not None:
            self._waking.cancel()
        for client in self.all:
            client.close()
        await asyncio.sleep(0.2)
