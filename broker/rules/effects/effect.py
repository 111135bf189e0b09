"""What a decision may ask of its shell: store this, publish that. Nothing else leaves `broker/rules`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep a record (see broker.store.Record); `urgent` asks for its own commit at once (incidents)."""

    id: str
    kind: str
    key: str
    at: int
    body: Mapping[str, Any]
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish `body` after everything stored before it is durable; None clears a retained topic."""

    topic: str
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Tell people something that needs no record: `level` is info, warning or severe (GTFS severity)."""

    level: str
    text: str


Effect = Keep | Publish | Notice
