"""Cases of re-planning drawn from seeds, and what an offer costs: driving, waiting and broken promises."""

import itertools
import random
from collections.abc import Iterable
from dataclasses import replace

from broker.rules.replanning.insertion import PROMISE_COST_S
from broker.rules.replanning.offers import Stop, Tour, Ways, schedule
from broker.rules.settings import CallSettings

SLIP_S = CallSettings().slip_s
CALL_AT_S = CallSettings().call_at_s
WASTE = "residential_wet"
# What broke down, the other trucks, one that could help, and the streets, under a name.
Case = tuple[str, Tour, list[Tour], Tour, Ways]


def streets(where: dict[str, tuple[int, int]]) -> Ways:
    """Streets at right angles, a unit of the map per second; a minute and 25 s per bin at a stop."""
    return Ways(
        lambda a, b: abs(where[a][0] - where[b][0]) + abs(where[a][1] - where[b][1]),
        lambda stop: 60 + 25 * stop.bins,
        SLIP_S,
    )


def random_case(seed: int, trucks: int = 3, stops: int = 40) -> Case:
    """Stops in a square, dealt to the trucks in strips, each strip in a good order; a truck has a quarter of an hour's
    way across its own."""
    rnd, side = random.Random(seed), round(900 * (trucks / 3) ** 0.5)
    where = {f"p{i}": (rnd.randrange(side), rnd.randrange(side)) for i in range(stops)}
    where |= {"station": (0, side // 2)}
    where |= {f"at{k}": (rnd.randrange(side), rnd.randrange(side)) for k in range(trucks)}
    ways, each = streets(where), -(-stops // trucks)
    in_strips = sorted((name for name in where if name[0] == "p"), key=where.__getitem__)
    tours = []
    for k in range(trucks):
        names = shortened([f"at{k}", *in_strips[k * each : k * each + each], "station"], ways)[1:-1]
        dealt = tuple(Stop((f"r{k}", name, 1), name, WASTE, bins=rnd.randrange(4, 12)) for name in names)
        tours.append(Tour(f"t{k}", f"r{k}", f"at{k}", 0, dealt, capacity_bins=190, end="station"))
    extra = Tour("extra", "extra", "station", 1200, (), capacity_bins=190, end="station")
    return f"random {seed}", tours[0], [lit(tour, ways) for tour in tours[1:]], extra, ways


def lit(tour: Tour, ways: Ways) -> Tour:
    """The tour with its lamps: those whose truck comes within the time of a call."""
    times = schedule(tour, ways).arrive_at
    stops = zip(tour.stops, times, strict=True)
    return replace(tour, stops=tuple(replace(stop, frozen=at <= CALL_AT_S) for stop, at in stops))


def shortened(way: list[str], ways: Ways) -> list[str]:
    """The way with pieces of it turned round while that makes it shorter; its ends stay."""

    def length_s(places: list[str]) -> int:
        return sum(ways.travel_s(a, b) for a, b in itertools.pairwise(places))

    better = True
    while better:
        better = False
        for i, j in itertools.combinations(range(1, len(way)), 2):
            turned = way[:i] + way[i:j][::-1] + way[j:]
            if length_s(turned) < length_s(way):
                way, better = turned, True
    return way


def broken(tours: Iterable[Tour], told_at: dict[str, int], ways: Ways) -> int:
    """How many stops these tours reach more than five minutes from when their keepers were told."""
    return sum(
        abs(at - told_at[stop.place]) > SLIP_S
        for tour in tours
        for stop, at in zip(tour.stops, schedule(tour, ways).arrive_at, strict=True)
    )


def told(tours: Iterable[Tour], ways: Ways) -> dict[str, int]:
    """When the keepers of these tours' stops were told that the truck comes."""
    return {
        stop.place: at
        for tour in tours
        for stop, at in zip(tour.stops, schedule(tour, ways).arrive_at, strict=True)
    }


def cost_s(tours: Iterable[Tour], told_at: dict[str, int], ways: Ways) -> int:
    """Driving and waiting in all tours that still drive, and 300 s for each promise that they break."""
    driven = [tour for tour in tours if tour.stops]
    busy_s = sum(plan.drive_s + plan.wait_s for plan in (schedule(tour, ways) for tour in driven))
    return busy_s + PROMISE_COST_S * broken(driven, told_at, ways)
