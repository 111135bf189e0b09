"""Which ids are stored already, for ids that count: `<device>:<boot>:<seq>` needs a few ranges, not one entry each."""

import re
from bisect import bisect_right
from collections.abc import Mapping

_COUNTED = re.compile(r"([^:\x00-\x1f\x7f]{1,100}:(?:0|[1-9][0-9]{0,11})):(0|[1-9][0-9]{0,8})", re.ASCII)


def counted(record_id: str) -> tuple[str, int] | None:
    """(`<device>:<boot>`, seq) of an id that counts, or None for any other id."""
    found = _COUNTED.fullmatch(record_id)
    return None if found is None else (found[1], int(found[2]))


class Ranges:
    """A set of whole numbers as sorted, disjoint [first, last] ranges; numbers usually arrive counting up."""

    __slots__ = ("firsts", "lasts")

    def __init__(self, pairs: list[list[int]] | None = None) -> None:
        self.firsts = [first for first, _ in pairs or []]
        self.lasts = [last for _, last in pairs or []]

    def __contains__(self, number: int) -> bool:
        if not self.lasts or number > self.lasts[-1]:
            return False
        position = bisect_right(self.firsts, number) - 1
        return position >= 0 and number <= self.lasts[position]

    def add(self, number: int) -> None:
        """Take in one number; again changes nothing."""
        if self.lasts and number == self.lasts[-1] + 1:
            self.lasts[-1] = number
            return
        position = bisect_right(self.firsts, number) - 1
        if position >= 0 and number <= self.lasts[position]:
            return
        joins_left = position >= 0 and self.lasts[position] == number - 1
        joins_right = position + 1 < len(self.firsts) and self.firsts[position + 1] == number + 1
        if joins_left and joins_right:
            self.lasts[position] = self.lasts[position + 1]
            del self.firsts[position + 1], self.lasts[position + 1]
        elif joins_left:
            self.lasts[position] = number
        elif joins_right:
            self.firsts[position + 1] = number
        else:
            self.firsts.insert(position + 1, number)
            self.lasts.insert(position + 1, number)

    def pairs(self) -> list[list[int]]:
        """The ranges as JSON keeps them."""
        return [[first, last] for first, last in zip(self.firsts, self.lasts, strict=True)]


class Seen:
    """The counting ids of a whole store; grows with devices, boots and gaps, not with records."""

    def __init__(self, saved: Mapping[str, list[list[int]]] | None = None) -> None:
        self.heads = {head: Ranges(pairs) for head, pairs in (saved or {}).items()}

    def find(self, record_id: str) -> tuple[Ranges | None, int]:
        """The ranges an id counts in (made if need be) and its number; (None, 0) for an id that does not count."""
        found = counted(record_id)
        if found is None:
            return None, 0
        ranges = self.heads.get(found[0])
        if ranges is None:
            ranges = self.heads.setdefault(found[0], Ranges())
        return ranges, found[1]

    def holds(self, record_id: str) -> bool:
        """Whether this id counts and is stored."""
        found = counted(record_id)
        if found is None or found[0] not in self.heads:
            return False
        return found[1] in self.heads[found[0]]

    def add(self, record_id: str) -> None:
        """This id is stored now; nothing happens if it does not count."""
        head, _, tail = record_id.rpartition(":")
        ranges = self.heads.get(head)
        # A known head was matched by the pattern once: then only the tail is to be looked at.
        if ranges is not None and tail.isdigit() and tail.isascii() and tail[0] != "0" and len(tail) <= 9:
            number = int(tail)
        else:
            ranges, number = self.find(record_id)
        if ranges is not None:
            if ranges.lasts and number == ranges.lasts[-1] + 1:
                ranges.lasts[-1] = number
            else:
                ranges.add(number)

    def saved(self) -> dict[str, list[list[int]]]:
        """All of it as plain JSON, for the carry-over file of a sealed day."""
        return {head: ranges.pairs() for head, ranges in sorted(self.heads.items()) if ranges.firsts}
