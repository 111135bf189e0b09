"""The bins of one waste kind as they really are: the waste in each, in grams, those in the room and those outside."""

from dataclasses import dataclass, field

TARE_GRAMS = 12_000
FULL_GRAMS = (35_000, 60_000)  # the waste in a bin that is full, from the lightest to the heaviest
WORTH_GRAMS = 1_000  # a bin with less in it is not rolled out


@dataclass(slots=True)
class Bins:
    """All bins of a kind that belong to a room."""

    inside: list[int]
    outside: list[int] = field(default_factory=list)

    @property
    def seen(self) -> tuple[int, int]:
        """What the sensors can see: how many stand in the room, and what they weigh."""
        return len(self.inside), sum(self.inside) + TARE_GRAMS * len(self.inside)

    @property
    def all(self) -> int:
        """How many there are."""
        return len(self.inside) + len(self.outside)

    @property
    def worth(self) -> int:
        """How many in the room are worth a way."""
        return sum(1 for waste in self.inside if waste >= WORTH_GRAMS)

    def throw_in(self, grams: int) -> bool:
        """Somebody brings waste; False if no bin in the room has space for it."""
        if not self.inside or min(self.inside) + grams > FULL_GRAMS[1]:
            return False
        self.inside[self.inside.index(min(self.inside))] += grams
        return True

    def roll_out(self, left_inside: int = 0) -> bool:
        """One bin leaves the room; False if none is left that is worth it, but `left_inside`."""
        if self.worth <= left_inside:
            return False
        self.inside.remove(heaviest := max(self.inside))
        self.outside.append(heaviest)
        return True

    def roll_in(self) -> bool:
        """One bin comes back as it is; False if none is outside."""
        if not self.outside:
            return False
        self.inside.append(self.outside.pop(0))
        return True

    def move_by_hand(self, number: int) -> int:
        """So many come in (new empty ones where none is outside) or, below 0, go out; how many of them did."""
        moved = 0
        for _ in range(abs(number)):
            if number < 0 and not self.inside:
                break
            if number < 0:
                self.inside.remove(heaviest := max(self.inside))
                self.outside.append(heaviest)
            elif not self.roll_in():
                self.inside.append(0)
            moved += 1
        return moved

    def load_by_hand(self, grams: int) -> int:
        """So much waste comes into the bins in the room or, below 0, is taken out of them; how much of it did."""
        rest = grams if self.inside else 0
        for place, waste in sorted(enumerate(self.inside), key=lambda each: each[1] * (1 if grams > 0 else -1)):
            change = max(rest, -waste) if grams < 0 else min(rest, max(0, FULL_GRAMS[1] - waste))
            self.inside[place] += change
            rest -= change
        return grams - rest if self.inside else 0
    def empty_inside(self) -> tuple[int, int]:
        """A crew empties all where they stand: how many had something in them, and how many grams that was."""
        count, grams = self.worth, sum(self.inside)
        self.inside = [0] * len(self.inside)
        return count, grams

    def empty(self, refused: int = 0) -> tuple[int, int]:
        """A crew empties what stands outside, but so many: how many bins, and how many grams that was."""
        full = sorted(waste for waste in self.outside if waste >= WORTH_GRAMS)
        taken = full[: max(0, len(full) - refused)]
        for waste in taken:
            self.outside[self.outside.index(waste)] = 0
        return len(taken), sum(taken)
