"""What a part of the day holds by key: read by all as any mapping, changed by the part's own deeds only."""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Generic, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class Kept(Mapping[K, V], Generic[K, V]):
    """A mapping over `_kept`, as quick as a dict: many ask each second, and a Mapping of itself is slow to answer."""

    def __init__(self) -> None:
        self._kept: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        return self._kept[key]

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[K]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, /, default: V | D) -> V | D: ...
    def get(self, key: K, /, default: V | D | None = None) -> V | D | None:
        """What is held by a key, or the default."""
        return self._kept.get(key, default)

    def items(self) -> ItemsView[K, V]:
        """All, with their keys."""
        return self._kept.items()

    def values(self) -> ValuesView[V]:
        """All."""
        return self._kept.values()
