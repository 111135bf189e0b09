"""What came from the broker and waits for the bridge's loop: a lane for each device, one more for its presses.

    put(event)     the link's thread: what is over a device's allowance is refused at once, and never waits
    get(timeout)   the loop: connections that came or went first, then presses, then everybody else in turn

A device that says much waits for itself only. Within a device's lane the order is kept.
"""

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from broker.config import LimitsConfig
from broker.mqtt.allowance import Allowance
from broker.mqtt.link import Arrived, Event

CHUNK = 100  # messages of one device before it is another's turn
PRESSES_AT_ONCE = 16
WAITING_S = 10  # of a device's pace: what may wait of it
MOST_WAITING = 50_000  # of all; above it the link's thread stops reading, and the broker keeps what it has
MOST_DEVICES = 20_000  # beside the plan's own
TOPICS_OF_ONE = 4  # of a device that has its own, presses apart
MOST_TO_CLEAR = 100_000
PRESSES = ("incident", "keeper")
RETAINED = (["incident"], ["bins"], ["lamp"], ["life"])  # what a device leaves at the broker

Message = tuple[str, bytes, int]
Device = tuple[str, str]  # family, id


class _Lane:
    """What waits of one device."""

    __slots__ = ("allowance", "device", "echoes", "presses", "usual")

    def __init__(self, device: Device, limits: LimitsConfig) -> None:
        self.device = device
        self.allowance = Allowance(limits)
        self.usual: deque[tuple[Message, int]] = deque()
        self.presses: deque[tuple[Message, int]] = deque()
        self.echoes = 0  # of our own clearing of its topics


class Inbox:
    """The queue between the link's thread and the loop; `now` is the clock that the devices live by."""

    def __init__(self, limits: LimitsConfig, now: Callable[[], float], devices: int = 0) -> None:
        """Of an area with so many devices, for which there is room beside MOST_DEVICES others."""
        self.refused: Counter[Device] = Counter()
        self.over: Counter[str] = Counter()  # what never came to the bridge, by limit
        self._limits = limits
        self._now = now
        self._most_of_one = limits.messages_per_s * WAITING_S
        self._most_lanes, self._most_topics = MOST_DEVICES + devices, MOST_DEVICES + TOPICS_OF_ONE * devices
        self._lanes: dict[Device, _Lane] = {}
        self._by_topic: dict[str, tuple[_Lane, bool]] = {}
        self._control: deque[Event] = deque()
        self._pressing: deque[_Lane] = deque()
        self._speaking: deque[_Lane] = deque()
        self._waiting = 0
        self._to_clear: dict[str, _Lane] = {}
        self._flooding: dict[Device, str] = {}
        self._changed = threading.Condition()
        self._closed = False

    # --- the link's thread ----------------------------------------------------------------------------------

    def put(self, event: Event) -> list[int]:
        """Take what happened; the numbers of messages that are refused, for which nobody need wait."""
        if not isinstance(event, Arrived):
            with self._changed:
                self._control.append(event)
                self._changed.notify()
            return []
        now = self._now()
        with self._changed:
            while self._waiting > MOST_WAITING and not self._closed:
                self._changed.wait(1.0)
            refused = [one[2] for one in event.messages if not self._take(one, event.connection, now) and one[2]]
            self._changed.notify()
        return refused

    def _take(self, message: Message, connection: int, now: float) -> bool:
        topic, payload, _ = message
        lane, press = self._by_topic.get(topic) or self._place(topic)
        if not payload and lane.echoes > 0:
            lane.echoes -= 1
            return False
        waits = lane.presses if press else lane.usual
        is_taken = lane.allowance.admits(len(topic) + len(payload), now, press=press)
        if is_taken and len(waits) >= self._most_of_one:  # the loop is behind: no fault of the device's, it sends again
            is_taken, lane.allowance.why = False, lane.allowance.why or "messages_per_s"
        if not is_taken:
            self.over[lane.allowance.why] += 1
            self._refuse(lane, topic, payload and press)
            return False
        if not waits:
            (self._pressing if press else self._speaking).append(lane)
        waits.append((message, connection))
        self._waiting += 1
        return True

    def _place(self, topic: str) -> tuple[_Lane, bool]:
        parts = topic.split("/", 6)
        device = (parts[3][:16], parts[4][:64]) if len(parts) > 5 else ("", "")
        if device not in self._lanes and len(self._lanes) >= self._most_lanes:
            device = ("", "")
        lane = self._lanes.get(device)
        if lane is None:
            lane = self._lanes[device] = _Lane(device, self._limits)
        found = lane, len(parts) > 5 and parts[5] in PRESSES
        if len(parts) == 6 and len(self._by_topic) < self._most_topics:  # a press has a topic of its own each time
            self._by_topic[topic] = found
        return found

    def _refuse(self, lane: _Lane, topic: str, clear: object) -> None:
        self.refused[lane.device] += 1
        if clear and len(self._to_clear) < MOST_TO_CLEAR:
            self._to_clear[topic] = lane
        if lane.allowance.flooding:
            self._flooding[lane.device] = lane.allowance.why

    # --- the bridge's loop ----------------------------------------------------------------------------------

    def get(self, *, timeout: float) -> Event:
        """What is to be done next; raises queue.Empty when nothing came within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                if self._control:
                    return self._control.popleft()
                for lanes, most in ((self._pressing, PRESSES_AT_ONCE), (self._speaking, CHUNK)):
                    if lanes:
                        return self._next(lanes, most)
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not self._changed.wait(left_s):
                    raise queue.Empty

    def get_nowait(self) -> Event:
        """As `get`, of what is there."""
        return self.get(timeout=0.0)

    def _next(self, lanes: deque[_Lane], most: int) -> Event:
        """A chunk of the first lane, or one press of each; all of one connection."""
        messages: list[Message] = []
        connection = 0
        while lanes and len(messages) < most:
            lane = lanes[0]
            waits = lane.presses if lanes is self._pressing else lane.usual
            if messages and waits[0][1] != connection:
                break
            lanes.popleft()
            for _ in range(1 if lanes is self._pressing else most):
                if not waits or (messages and waits[0][1] != connection):
                    break
                message, connection = waits.popleft()
                messages.append(message)
            if waits:
                lanes.append(lane)
            if lanes is self._speaking:
                break
        self._waiting -= len(messages)
        self._changed.notify_all()
        return Arrived(messages, connection)

    def close(self) -> None:
        """Nobody takes anything any more: nobody waits to put it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def refuse(self, topic: str, why: str, size: int) -> None:
        """The bridge would not have it: its retained topic is to be cleared, and it counts as the device's."""
        with self._changed:
            lane, _ = self._by_topic.get(topic) or self._place(topic)
            lane.allowance.refuse(why, size, self._now())
            self._refuse(lane, topic, size > 0 and topic.split("/", 6)[5:6] in RETAINED)

    def take_to_clear(self, most: int, keep: Callable[[str], bool]) -> list[str]:
        """Topics whose retained message nobody shall find; those that `keep` wants stay."""
        with self._changed:
            topics = [self._to_clear.popitem() for _ in range(min(most, len(self._to_clear)))]
            cleared = [(topic, lane) for topic, lane in topics if not keep(topic)]
            for _, lane in cleared:
                lane.echoes += 1
        return [topic for topic, _ in cleared]

    def limit_of(self, device: Device) -> str:
        """Over which limit a device went last."""
        lane = self._lanes.get(device)
        return lane.allowance.why if lane is not None else ""

    def refused_at(self, device: Device) -> float:
        """When something of a device was refused last; 0 for never."""
        lane = self._lanes.get(device)
        return lane.allowance.refused_at if lane is not None else 0.0

    def take_flooding(self) -> dict[Device, str]:
        """Who floods since this was asked last, and over which limit."""
        with self._changed:
            flooding, self._flooding = self._flooding, {}
            for device in flooding:
                self._lanes[device].allowance.flooding = False
        return flooding

    def forgive(self, device: Device) -> None:
        """What a device did before counts no more: a person lets it begin anew."""
        with self._changed:
            self._flooding.pop(device, None)
            if device in self._lanes:
                self._lanes[device].allowance = Allowance(self._limits)

    def forget_waiting(self, device: Device) -> dict[int, list[int]]:
        """Drop what waits of a device that was thrown out, presses apart; its numbers by connection, to be settled."""
        dropped: dict[int, list[int]] = {}
        with self._changed:
            lane = self._lanes.get(device)
            if lane is not None:
                for (_, _, number), connection in lane.usual:
                    if number:
                        dropped.setdefault(connection, []).append(number)
                self._waiting -= len(lane.usual)
                lane.usual.clear()
                if lane in self._speaking:
                    self._speaking.remove(lane)
                self._changed.notify_all()
        return dropped
