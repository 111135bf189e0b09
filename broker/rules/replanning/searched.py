"""What offers were searched in: while nothing of it is otherwise, a search would find the same, at other minutes."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from broker.rules.replanning.tours import Tour, Ways, schedule


@dataclass(frozen=True, slots=True)
class Searched:
    """Who owed what then, and what else decides; and when each truck would have been where, reckoned at `at`."""

    owed: Hashable
    arrive_at: tuple[tuple[int, ...], ...]
    at: int

    def is_still(self, now: "Searched", within_s: int) -> bool:
        """Whether the same is owed, and each truck keeps its times, or stands and so comes that much later."""
        passed_s = now.at - self.at
        return self.owed == now.owed and all(
            any(all(abs(b - a - later_s) <= within_s for a, b in zip(before, after, strict=True))
                for later_s in (0, passed_s))
            for before, after in zip(self.arrive_at, now.arrive_at, strict=True)
        )  # fmt: skip


def searched(
    broken: Tour, others: Sequence[Tour], ways: Ways, extra: Tour, also: Hashable, at: int
) -> Searched:
    """The ground of one search. What a keeper was told is none of it: a deal that breaks it is another deal."""
    ways = ways.remembered()
    driven = (*others, replace(extra, stops=broken.stops))
    return Searched(
        (also, tuple(map(_owed, (broken, *others, extra)))),
        tuple(schedule(tour, ways).arrive_at for tour in driven), at,
    )  # fmt: skip


def _owed(tour: Tour) -> Hashable:
    stops = tuple((stop.key, stop.bins, stop.open_at, stop.close_at, stop.frozen) for stop in tour.stops)
    return tour.truck, tour.run_id, stops, tour.wastes, tour.free_bins(), tour.shift_end_at, tour.end
