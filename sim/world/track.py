"""Where a truck was second for second, for a week: numbers side by side, not an object for each."""

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

Place = tuple[float, float, float]  # time, latitude, longitude


class Track(Sequence[Place]):
    """Times and places in the order they were noted; like a list of tuples, in an eighth of its memory."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers = array("d")

    def append(self, place: Place) -> None:
        """One more."""
        self._numbers.extend(place)

    def pop(self) -> None:
        """The newest is not."""
        del self._numbers[-3:]

    def __len__(self) -> int:
        return len(self._numbers) // 3

    def __iter__(self) -> Iterator[Place]:
        one = iter(self._numbers)
        return zip(one, one, one, strict=True)

    @overload
    def __getitem__(self, number: int) -> Place: ...
    @overload
    def __getitem__(self, number: slice) -> list[Place]: ...
    def __getitem__(self, number: int | slice) -> Place | list[Place]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        first = 3 * (number + len(self) if number < 0 else number)
        if not 0 <= first < len(self._numbers):
            raise IndexError(number)
        at, lat, lon = self._numbers[first : first + 3]
        return at, lat, lon

    def __repr__(self) -> str:
        return repr(list(self))
