"""What is seen of [limits]: how much of one device is taken, and what becomes of one that floods."""

import queue
from pathlib import Path
from typing import Any

from broker.bridge import Bridge
from broker.mqtt.inbox import Inbox
from broker.mqtt.link import Arrived
from broker.mqtt.own_broker.guard import Guard
from broker.settings import press_limits
from tests.support.bridge.morning import Morning
from tests.support.processes import Client, mosquitto, wait_until
from tests.support.settings.day import configured

FIX, PRESS = "zp/v1/xh/truck/t01/fix", "zp/v1/xh/truck/t01/incident/p{}"


def refused(count: int, every_s: float, topic: str = FIX, size: int = 10) -> Any:
    """How many of so many messages of t01 are refused, one each so many seconds."""

    def seen(folder: Path, text: str) -> int:
        clock = [1_000_000.0]
        inbox = Inbox(configured(folder, text).limits, lambda: clock[0])
        for number in range(count):
            clock[0] += every_s
            inbox.put(Arrived([(topic.format(number), bytes(size), number + 1)], 1))
            while True:
                try:
                    inbox.get_nowait()
                except queue.Empty:
                    break
        return inbox.refused[("truck", "t01")]

    return seen


def who_floods(folder: Path, text: str) -> int:
    """How many devices flood, where t01 says 10,000 things at once."""
    inbox = Inbox(configured(folder, text).limits, lambda: 1_000_000.0)
    inbox.put(Arrived([(FIX, b"x", 0)] * 10_000, 1))
    return len(inbox.take_flooding())


def presses_taken(closed: bool) -> Any:
    """How many presses of one truck are taken, of 30; each taken back before the next, or all of them open."""

    def seen(folder: Path, text: str) -> int:
        morning = Morning(folder / "records")
        limits = press_limits(configured(folder, text))
        morning.bridge = Bridge(morning.plan, morning.store, lambda *_: None, press_limits=limits)
        morning.bridge.start(morning.now)
        for number in range(30):
            for withdrawn in (False, True)[: 1 + closed]:
                body = {"incident_id": f"p{number}", "reason": "lane_blocked", "pressed_at": int(morning.now),
                        "lat": None, "lon": None, "fix_at": None, "withdrawn": withdrawn}  # fmt: skip
                morning.say("incident", body, f"p{number}")
                morning.bridge.flush(morning.now)
            morning.now += 60
        return len(morning.bridge.dispatch.day.incidents)

    return seen


def is_shut_out_after_connects(folder: Path, text: str) -> bool:
    """Whether t01 is thrown out of our own broker after it came 20 times."""
    broker = mosquitto(folder / "mosquitto", "t01")
    try:
        for _ in range(20):
            Client(broker.port, "t01").close()
        guard = Guard(broker, configured(folder, text).limits)
        guard.look()
        return guard.closed_for_s("t01") > 0
    finally:
        broker.stop()


def seconds_shut_out(folder: Path, text: str) -> int:
    """For how many seconds one who floods is shut out of our own broker."""
    broker = mosquitto(folder / "mosquitto", "t01")
    guard = Guard(broker, configured(folder, text).limits)
    guard.start()
    try:
        guard.close("t01", "messages_per_s")
        return int(wait_until(lambda: guard.closed_for_s("t01"), "its account is closed"))
    finally:
        guard.stop()
        broker.stop()
