"""What left a room and what came back, reading by reading: by the count, by the weight, and when the time was over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.rules.collecting.readings import Reading
from broker.rules.settings import LIGHTEST_BIN_GRAMS, SCALE_NOISE_GRAMS

SENSORS_S = 10  # a unit speaks of a change so much later than it was
NOTICED_S = 120  # a truck may have stood there so long before its positions said so
SETTLES_S = 60  # a scale rests so long after the last bin moved


class Span(NamedTuple):
    """The times of a visit: when its bins may have begun to leave, when the truck came and went, until when they may
    come back in time. `arrived_at` and `left_at` None: it has not.
    """

    from_at: int
    arrived_at: int | None
    left_at: int | None
    until_at: int

    def is_before_truck(self, at: int) -> bool:
        """Whether no bin can have been emptied by then."""
        return self.arrived_at is None or at < self.arrived_at - NOTICED_S


@dataclass(slots=True)
class Bins:
    """What the count says, reading by reading."""

    first: int | None = None
    level: int = 0
    added: int = 0
    out: int = 0  # outside now
    taken: int = 0  # left until the truck did, less what came back before it came
    fell: int = 0  # all that left until then
    late: int = 0  # left after it had gone
    early: int = 0  # came back before it came
    back: int = 0  # came back since it came
    most: int = 0  # that left at once while it stood there
    back_at: int | None = None  # when the first of those came
    rose_at: int | None = None
    unknown: bool = False

    def see(self, count: int, at: int, span: Span) -> bool:
        """Take in a count; whether it fell."""
        if self.first is None:
            self.first = self.level = count
            return False
        moved, self.level = count - self.level, count
        if moved < 0:
            self.out -= moved
            if span.left_at is None or at <= span.left_at + SENSORS_S:
                self.taken -= moved
                self.fell -= moved
                self.most = max(self.most, 0 if span.is_before_truck(at) else -moved)
            else:
                self.late -= moved
        elif moved > 0:
            returned = min(moved, self.out)
            self.out -= returned
            self.added += moved - returned
            self.rose_at = at
            if span.is_before_truck(at):
                self.taken -= returned
                self.early += returned
            else:
                self.back += returned
                self.back_at = at if self.back_at is None else self.back_at
        return moved < 0

    def are_back(self, at: int, span: Span) -> bool:
        """Whether the truck is gone, what was outside came back, and has come to rest."""
        if span.left_at is None or self.out or self.rose_at is None:
            return False
        return at > max(span.left_at + SENSORS_S, self.rose_at + SETTLES_S)


@dataclass(slots=True)
class Weight:
    """What the weight says, reading by reading."""

    standing: int | None = None  # the settled weight before the first bin left; afterwards, that of the last change
    before: int = 0
    moving: bool = False
    thrown_in: int = 0
    fell: int = 0
    falls: list[int] = field(default_factory=list)  # each of them
    fell_late: int = 0  # with bins that left after the truck had gone
    early: list[int] = field(default_factory=list)  # came back before the truck came
    back: list[int] = field(default_factory=list)

    def see(
        self, grams: int, at: int, span: Span, bins: Bins, *, bins_left: bool, bins_come: bool, counted: bool
    ) -> None:
        """Take in a weight; `bins_left` if this reading's count fell, `bins_come` if it rises in a moment, `counted`
        where there is a count at all.
        """
        if self.standing is None:
            self.standing = grams
        change = grams - self.standing
        if not self.moving and not bins_left and change > -LIGHTEST_BIN_GRAMS:
            self.standing = grams  # filled, or drifting
            return
        if not self.moving:
            self.moving, self.before = True, self.standing
        if abs(change) < SCALE_NOISE_GRAMS:
            return
        self.standing = grams
        if change < 0:
            if span.left_at is None or at <= span.left_at + SENSORS_S or not bins.late:
                self.fell -= change
                self.falls.append(-change)
            else:
                self.fell_late -= change
            return
        came = bins_come or not counted or (bins.rose_at is not None and at - bins.rose_at <= SETTLES_S)
        if change < LIGHTEST_BIN_GRAMS or not came:
            self.thrown_in += change
        elif span.is_before_truck(at):
            self.early.append(change)
        else:
            self.back.append(change)


class Later(NamedTuple):
    """Bins that were believed emptied and came back when the time was over, and each rise of the weight with them."""

    bins: int = 0
    rises: tuple[int, ...] = ()


def later(readings: Sequence[Reading], bins: Bins, standing: int | None) -> Later:
    """What came back until bins leave again; `standing` is the weight at the end of the time."""
    level, came, rises = bins.level, 0, list[int]()
    for one in readings:
        if not one.says or came >= bins.out:
            continue
        moved = 0 if one.bins is None else one.bins - level
        change = 0 if one.grams is None or standing is None else one.grams - standing
        if moved < 0 or change <= -LIGHTEST_BIN_GRAMS:
            break
        level, came = level + moved, came + moved
        standing = one.grams if standing is not None and one.grams is not None else standing
        if change >= LIGHTEST_BIN_GRAMS:
            rises.append(change)
    return Later(came, tuple(rises))


def rises_soon(readings: Sequence[Reading], place: int) -> bool:
    """Whether the count rises in a moment: a ranger sees a bin later than the cell it stands on."""
    here = readings[place]
    for one in readings[place + 1 :]:
        if one.at > here.at + SENSORS_S:
            break
        if one.says and one.bins is not None and here.bins is not None and one.bins > here.bins:
            return True
    return False
