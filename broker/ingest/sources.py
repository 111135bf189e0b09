"""What is known of each topic that a device writes to, and the record that its message becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.ingest.quick_reader import Quick, quick
from broker.rules.tracking.types import FUTURE_S
from broker.store import Record
from firmware import wire

MOST_SOURCES = 20_000  # beside those of the plan's own devices: every incident has a topic of its own
TOPICS_OF_ONE = 4  # life, fix; life, bins, lamp, keeper
DeviceKey = tuple[str, str]  # family, device
_WHEN = {"fix": ("fix_at",), "incident": ("fix_at", "pressed_at")}  # of other channels `at`


@dataclass(frozen=True, slots=True)
class Source:
    """One topic that a device writes to; looked up once per message instead of worked out."""

    address: wire.Address
    device: DeviceKey
    quick: Quick
    times: tuple[str, ...]  # the fields that say when it happened, the best first


class Sources:
    """The topics of one area that were heard so far."""

    def __init__(self, area: str, devices: int = 0) -> None:
        """Of an area with so many devices: all of theirs are kept at once."""
        self.area = area
        self._most = MOST_SOURCES + TOPICS_OF_ONE * devices
        self._known: dict[str, Source] = {}

    def of(self, topic: str) -> Source:
        """Who writes to this topic, if a device of this area does; raises WireError."""
        found = self._known.get(topic)
        if found is not None:
            return found
        address = wire.parse_topic(topic)
        if address.area != self.area or wire.sent_by(address) != "device":
            raise wire.WireError(topic, "topic", "is not for this bridge")
        if len(self._known) >= self._most:
            self._known.clear()
        times = _WHEN.get(address.channel, ("at",))
        found = self._known[topic] = Source(address, (address.family, address.device), quick(address), times)
        return found


def id_of(address: wire.Address, body: Mapping[str, Any]) -> str:
    """The business id of a device's message, by which a resend is recognised."""
    return f"{address.device}:{body['boot']}:{body['seq']}"


def record_of(source: Source, body: dict[str, Any], now: int) -> Record:
    """The record of a device's message; `body` becomes part of it and gets the device's name."""
    at: int | None = None
    for name in source.times:
        at = body[name]
        if at is not None:
            break
    if at is None or at > now + FUTURE_S:
        at = now  # a clock that runs ahead must not make this the newest record for ever
    area, _, device, channel, _ = address = source.address
    body["device"] = device
    key = f"{device}/{body['incident_id']}" if channel == "incident" else device
    # Not by Record(...), which takes twice as long to call, and this is done for each message.
    return tuple.__new__(Record, (id_of(address, body), channel, key, at, now, area, body))
