"""What is done about a device that says more than it may: its topics are cleared, its account closed, a person told."""

import logging
import time
from typing import Any

from broker.bridge import Bridge
from broker.mqtt.inbox import Device, Inbox
from broker.mqtt.link import BridgeLink
from broker.mqtt.own_broker.guard import Guard
from broker.rules.day.attention.about_devices import FloodsElsewhere, OverLimit, ShutOut
from broker.rules.day.attention.asked import Topic

log = logging.getLogger("zhanpai.floods")

CLEARED_AT_ONCE = 200
LOOK_S = 0.5
ASK_AFTER_S = (0, 1, 2, 4, 8, 16)  # after a flood; each answer may be cut by what is cleared after it
SHOWN_S = 3600  # after the last refusal
MOST_SHOWN = 50


class FloodControl:
    """Between the inbox, the guard of our own broker (None where it is another's) and the bridge's list for people."""

    def __init__(self, inbox: Inbox, guard: Guard | None, bridge: Bridge, link: BridgeLink) -> None:
        self._inbox = inbox
        self._guard = guard
        self._bridge = bridge
        self._link = link
        self._looked_at = 0.0
        self._losses = 0
        self._ask_at: list[float] = []  # when the presses at the broker are to be asked for, the next one last
        self._elsewhere: set[Device] = set()  # who floods a broker that nobody can be thrown out of
        self._known: dict[Device, int] = {}  # how many refusals of each were told

    def look(self, now: int) -> None:
        """Once in each turn of the loop: a bounded piece of what is to be done."""
        for topic in self._inbox.take_to_clear(CLEARED_AT_ONCE, self._is_open):
            self._link.send(topic, b"", True)
        if time.monotonic() - self._looked_at < LOOK_S:
            return
        self._looked_at = time.monotonic()
        flooding = self._inbox.take_flooding()
        if self._guard is not None:
            for device, limit in flooding.items():
                self._guard.close(device[1], limit)
        else:
            self._elsewhere.update(flooding)
        self._ask_for_presses(flooded=bool(flooding))
        self._bridge.counts["over_limit"] = self._inbox.refused.total()
        self._bridge.measured.over_limits(self._inbox.over)
        for device, count in list(self._inbox.refused.items()):
            if count != self._known.get(device):
                self._known[device] = count
                self._name(device, self._inbox.limit_of(device), count, now)
        self._name_shut_out(now)
        self._forget(now)

    # --- for a person, from any thread ----------------------------------------------------------------------

    def closed(self) -> list[dict[str, Any]]:
        """Whose account is closed: device, family, limit, count, closed_s, opens_in_s."""
        if self._guard is None:
            return []
        return [
            {"family": family, "device": name, "limit": limit, "count": self._inbox.refused[family, name],
             "closed_s": self._guard.closed_since_s(name), "opens_in_s": self._guard.closed_for_s(name)}
            for (family, name), limit in sorted(self._guard.closed().items())
        ]  # fmt: skip

    def open(self, device: str, who: str) -> bool:
        """Let a device in again at once; False where its account is not closed."""
        closed = self._guard.closed() if self._guard is not None else {}
        known = next((one for one in closed if one[1] == device), None)
        if self._guard is None or known is None:
            return False
        self._inbox.forgive(known)
        log.warning("%s has the account of %s opened", who, device)
        return self._guard.open(device)

    # --- the loop -------------------------------------------------------------------------------------------

    def _ask_for_presses(self, *, flooded: bool) -> None:
        """A flood may have cost the broker others' presses: it still holds them, and is asked for them a few times."""
        losses = self._guard.losses if self._guard is not None else 0
        if (flooded or losses != self._losses) and not self._ask_at:
            self._ask_at = [self._looked_at + after_s for after_s in reversed(ASK_AFTER_S)]
        self._losses = losses
        if self._ask_at and self._looked_at >= self._ask_at[-1]:
            self._ask_at.pop()
            self._link.ask_for_presses()

    def _is_open(self, topic: str) -> bool:
        """Whether this is the topic of a press that is open: it stays."""
        parts = topic.split("/")
        if len(parts) != 7 or parts[5] != "incident":
            return False
        known = self._bridge.dispatch.day.incidents.get((parts[4], parts[6]))
        return known is not None and known.open

    def _name(self, device: Device, limit: str, count: int, now: int) -> None:
        attention, subject = self._bridge.dispatch.day.attention, "/".join(device)
        shut_out_s = self._guard.closed_for_s(device[1]) if self._guard is not None else 0
        if subject not in attention.of(Topic.LIMIT) and len(attention.of(Topic.LIMIT)) >= MOST_SHOWN:
            return
        if shut_out_s:
            attention.ask(subject, ShutOut(device[1], limit, count, -(-shut_out_s // 60)), now)
        elif device in self._elsewhere:
            attention.ask(subject, FloodsElsewhere(device[1], limit, count), now)
        else:
            attention.ask(subject, OverLimit(device[1], limit, count), now)

    def _name_shut_out(self, now: int) -> None:
        if self._guard is None:
            return
        for device, limit in self._guard.closed().items():
            for connection, numbers in self._inbox.forget_waiting(device).items():
                self._link.settle(connection, numbers)  # else the broker waits for them, and in the end sends nothing
            self._name(device, limit, self._inbox.refused[device], now)

    def _forget(self, now: int) -> None:
        """What a device did an hour ago needs nobody any more; who is let in again is not shut out."""
        attention = self._bridge.dispatch.day.attention
        for subject, asked in list(attention.of(Topic.LIMIT).items()):
            family, _, name = str(subject).partition("/")
            if isinstance(asked.values, ShutOut) and self._guard is not None and not self._guard.closed_for_s(name):
                attention.ask(subject, OverLimit(name, asked.values.limit, asked.values.count), now)
            elif now - self._inbox.refused_at((family, name)) > SHOWN_S and not isinstance(asked.values, ShutOut):
                attention.answered(Topic.LIMIT, subject)
                self._elsewhere.discard((family, name))
