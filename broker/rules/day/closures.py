"""Roads that a person has closed for a time: a room that cannot be reached, or the street between two rooms."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from broker.rules.kept import Kept


@dataclass(frozen=True, slots=True)
class Closure:
    """One closed road: the way to `room`, or where there is an `other_room` the street between the two."""

    closure_id: str
    room: str
    other_room: str | None
    from_at: int
    until_at: int
    who: str
    reason: str | None = None

    def covers(self, at: int) -> bool:
        """Whether nobody gets through at this time."""
        return self.from_at <= at < self.until_at

    def between(self, one: str, other: str) -> bool:
        """Whether it is the street between these two."""
        return self.other_room is not None and {one, other} == {self.room, self.other_room}

    def ended(self, now: int) -> "Closure":
        """The road is open again."""
        return replace(self, until_at=max(self.from_at, min(self.until_at, now)))

    def body(self) -> dict[str, Any]:
        """This closure as the body of a record; `from_body` is its inverse."""
        return asdict(self)

    @staticmethod
    def from_body(body: Mapping[str, Any]) -> "Closure":
        """The closure that a stored record describes; unknown fields of a newer release are ignored."""
        return Closure(**{name: body[name] for name in Closure.__dataclass_fields__ if name in body})


class Closures(Kept[str, Closure]):
    """The closed roads by id, the past ones too until they are forgotten.

    Written by: dispatch/visits/closed_roads, day, ingest/restored.
    """

    def __init__(self) -> None:
        super().__init__()

    def keep(self, closure: Closure) -> None:
        """Make `closure` the state of its id."""
        self._kept[closure.closure_id] = closure

    def forget(self, before_at: int) -> None:
        """Know nothing of those that ended before then."""
        self._kept = {key: one for key, one in self._kept.items() if one.until_at >= before_at}
