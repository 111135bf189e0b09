"""Which ids are stored already, for ids that count: `<device>:<boot>:<seq>` needs a few ranges, not one entry each."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

MOST_NUMBER = 999_999_999  # nine digits
_COUNTED = re.compile(r"([^:\x00-\x1f\x7f]{1,100}:(?:0|[1-9][0-9]{0,11})):(0|[1-9][0-9]{0,8})", re.ASCII)


def counted(record_id: str) -> tuple[str, int] | None:
    """(`<device>:<boot>`, seq) of an id that counts, or None for any other id."""
    found = _COUNTED.fullmatch(record_id)
    return None if found is None else (found[1], int(found[2]))


class Ranges:
    """A set of whole numbers as sorted, disjoint [first, last] ranges; numbers usually arrive counting up."""

    __slots__ = ("_firsts", "_lasts", "most")

    def __init__(self, pairs: list[list[int]] | None = None) -> None:
        self._firsts = [first for first, _ in pairs or []]
        self._lasts = [last for _, last in pairs or []]
        self.most = self._lasts[-1] if self._lasts else -1  # the highest number, -1 while there is none

    def __contains__(self, number: int) -> bool:
        return number <= self.most and self.has_all(number, number)

    def has_all(self, first: int, last: int) -> bool:
        """Whether each number from first to last is here."""
        position = bisect_right(self._firsts, first) - 1
        return position >= 0 and last <= self._lasts[position]

    def add(self, number: int) -> None:
        """Take in one number; again changes nothing."""
        firsts, lasts = self._firsts, self._lasts
        if number > self.most:
            if lasts and number == self.most + 1:
                lasts[-1] = number
            else:
                firsts.append(number)
                lasts.append(number)
            self.most = number
            return
        position = bisect_right(firsts, number) - 1
        if position >= 0 and number <= lasts[position]:
            return
        joins_left = position >= 0 and lasts[position] == number - 1
        joins_right = firsts[position + 1] == number + 1
        if joins_left and joins_right:
            lasts[position] = lasts[position + 1]
            del firsts[position + 1], lasts[position + 1]
        elif joins_left:
            lasts[position] = number
        elif joins_right:
            firsts[position + 1] = number
        else:
            firsts.insert(position + 1, number)
            lasts.insert(position + 1, number)

    def add_all(self, numbers: list[int]) -> None:
        """Take in many; a row that counts up beyond the highest costs as much as its first and last."""
        first, last = numbers[0], numbers[-1]
        if first > self.most and last - first == len(numbers) - 1 and numbers == list(range(first, last + 1)):
            self.add(first)
            self._lasts[-1] = self.most = last
            return
        for number in numbers:
            self.add(number)

    def pairs(self) -> list[list[int]]:
        """The ranges as JSON keeps them."""
        return [[first, last] for first, last in zip(self._firsts, self._lasts, strict=True)]


def add_each(ranges: Sequence[Ranges | None], numbers: Sequence[int]) -> None:
    """Take each number into the ranges beside it, where there are any."""
    for these, number in zip(ranges, numbers, strict=True):
        if these is None:
            continue
        if 0 < number == these.most + 1:  # what `add` would do, without the call
            these._lasts[-1] = these.most = number
        else:
            these.add(number)


def joined(pairs: Iterable[list[int]]) -> list[list[int]]:
    """These [first, last] ranges in order, those that touch as one."""
    found: list[list[int]] = []
    for first, last in sorted(pairs):
        if found and first <= found[-1][1] + 1:
            found[-1][1] = max(found[-1][1], last)
        else:
            found.append([first, last])
    return found


class Seen:
    """The counting ids of a whole store; grows with devices, boots and gaps, not with records."""

    def __init__(self, saved: Mapping[str, list[list[int]]] | None = None) -> None:
        self.heads = {head: Ranges(pairs) for head, pairs in (saved or {}).items()}

    @classmethod
    def union(cls, parts: "Iterable[Seen]") -> "Seen":
        """What is in any of these."""
        pairs: dict[str, list[list[int]]] = {}
        for part in parts:
            for head, ranges in list(part.heads.items()):  # a thread that takes records in may add a device
                pairs.setdefault(head, []).extend(ranges.pairs())
        return cls({head: joined(found) for head, found in pairs.items()})

    def copy(self) -> "Seen":
        """The same, and not touched by what is taken in later."""
        return Seen.union([self])

    def find(self, record_id: str) -> tuple[Ranges | None, int]:
        """The ranges an id counts in (made if need be) and its number; (None, 0) for an id that does not count."""
        found = counted(record_id)
        if found is None:
            return None, 0
        ranges = self.heads.get(found[0])
        if ranges is None:
            ranges = self.heads.setdefault(found[0], Ranges())
        return ranges, found[1]

    def holds(self, head: str, number: int) -> bool:
        """Whether this number of a `<device>:<boot>` is stored."""
        return head in self.heads and number in self.heads[head]

    def has_all(self, head: str, first: int, last: int) -> bool:
        """Whether each number from first to last of a `<device>:<boot>` is stored."""
        return head in self.heads and self.heads[head].has_all(first, last)

    def take(self, head: str, numbers: list[int]) -> None:
        """These numbers of a `<device>:<boot>` that counts are stored now."""
        ranges = self.heads.get(head)
        if ranges is None:
            ranges = self.heads.setdefault(head, Ranges())
        ranges.add_all(numbers)

    def saved(self) -> dict[str, list[list[int]]]:
        """All of it as plain JSON, for the carry-over file of a sealed day."""
        return {head: ranges.pairs() for head, ranges in sorted(self.heads.items()) if ranges.most >= 0}
