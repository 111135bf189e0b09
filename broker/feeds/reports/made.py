"""What is known of a report that is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Made:
    """One report that is there, with what is told of it outside."""

    kind: str
    name: str
    from_day: str
    to_day: str
    revision: int
    made_at: int
    digest: str
    figures: Mapping[str, object]
    chain: Sequence[Mapping[str, object]]
