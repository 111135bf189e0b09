"""Who is on duty: asked of the people, whom the rules do not know."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody is told about: a step of a chain (a duty or a role), and the place it is for."""

    step: str
    room: str | None = None
    estate: str | None = None
    truck: str | None = None
    contractor: str | None = None


Names = Callable[[Post, int], tuple[str, ...]]


def _nobody(post: Post, at: int) -> tuple[str, ...]:
    """As long as no people are known."""
    del post, at
    return ()


class Duty:
    """The accounts that are told, by post and moment.

    Written by: bridge.
    """

    def __init__(self) -> None:
        self._names: Names = _nobody

    def is_kept_by(self, names: Names) -> None:
        """From now on these are asked; it must answer at once and never fail."""
        self._names = names

    def of(self, post: Post, at: int) -> tuple[str, ...]:
        """Who is told then."""
        return self._names(post, at)
