"""One message to people outside: the same fact has the same id, whenever and however often it is sent."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

# What a receiver may ask for; `call.made` is of kind `call`.
KINDS = ("call", "late", "alarm", "finding", "answer", "totals", "report", "case")
MOST_BYTES = 20_000  # of a body; Standard Webhooks advises receivers to expect no more


@dataclass(frozen=True, slots=True)
class Message:
    """What happened at `at` (POSIX seconds); `data` is plain JSON with a `text` in both languages."""

    id: str
    type: str
    at: int
    data: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What a receiver asks for to have it."""
        return self.type.partition(".")[0]

    def is_for(
        self, kinds: Collection[str], contractor: str | None, places: Collection[str] | None = None
    ) -> bool:  # fmt: skip
        """Whether somebody who asks for these kinds is to have it; a contractor has what is asked of it, no more, and
        who asks for rooms and estates (`places`) what is about one of them. An alarm about an answer says nothing to
        who is told of answers: one cause rings once."""
        said_already = self.kind == "finding" and self.data.get("topic") == "answer" and "answer" in kinds
        is_there = places is None or not self.places.isdisjoint(places)
        is_asked = contractor in (None, self.data.get("contractor"))
        return self.kind in kinds and not said_already and is_there and is_asked

    @property
    def places(self) -> frozenset[str]:
        """The rooms and estates that it is about, each as `room/ID` or `estate/ID`."""
        told = {f"{kind}/{self.data[kind]}" for kind in ("room", "estate") if self.data.get(kind)}
        about = str(self.data.get("about", "")).split("/")  # of an alarm: silent/room/r01, door/RUN/r01/1, sensor/r01
        return frozenset(told | {f"{kind}/{part}" for part in about for kind in ("room", "estate")})

    def body(self) -> bytes:
        """The bytes that are sent, the same ones each time."""
        moment = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = {"type": self.type, "timestamp": moment, "data": self.data}
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def message_id(*parts: object) -> str:
    """The id of what these parts name; without a full stop, which the signature has between its own parts."""
    name = "\0".join(map(str, parts))
    return f"msg_{blake2b(name.encode(), digest_size=16).hexdigest()}"
