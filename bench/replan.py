"""Re-planning against better-informed rivals: how much driving keeping every promise costs, and how long it takes.

    .venv/bin/python -m bench.replan     own random streets; and the instances of ../shared/data/vrp, if there
    (with the package pyvrp installed, also against a solver that may move every stop of every truck)

A case is the middle of a shift: three trucks with 40 stops, the first breaks down, an extra one may come.
"""

import itertools
import os
import random
import statistics
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from broker.rules.replanning.insertion import PROMISE_COST_S
from broker.rules.replanning.offers import Stop, Tour, Ways, breakdown, schedule, whole
from broker.rules.settings import CallSettings

SHARED = Path(os.environ.get("ZP_SHARED", Path(__file__).parents[2] / "shared"))
INSTANCES = SHARED / "data" / "vrp" / "CVRP"
CASES = 12
SLIP_S = CallSettings().slip_s
SOLVER_S = 1.0
WASTE = "residential_wet"
Case = tuple[str, Tour, list[Tour], Tour, Ways]


def streets(where: dict[str, tuple[int, int]]) -> Ways:
    """Streets at right angles, a unit of the map per second; a minute and 25 s per bin at a stop."""
    return Ways(
        lambda a, b: abs(where[a][0] - where[b][0]) + abs(where[a][1] - where[b][1]),
        lambda stop: 60 + 25 * stop.bins,
        SLIP_S,
    )


def random_case(seed: int) -> Case:
    """40 stops in a square of 15 minutes, dealt to three trucks in strips, each strip in a good order."""
    rnd = random.Random(seed)
    where = {f"p{i}": (rnd.randrange(900), rnd.randrange(900)) for i in range(40)}
    where |= {"station": (0, 450)} | {f"at{k}": (rnd.randrange(900), rnd.randrange(900)) for k in range(3)}
    ways = streets(where)
    in_strips = sorted((name for name in where if name[0] == "p"), key=where.__getitem__)
    tours = []
    for k in range(3):
        names = shortened([f"at{k}", *in_strips[k * 14 : k * 14 + 14], "station"], ways)[1:-1]
        stops = tuple(Stop((f"r{k}", name, 1), name, WASTE, bins=rnd.randrange(4, 12)) for name in names)
        tours.append(Tour(f"t{k}", f"r{k}", f"at{k}", 0, stops, capacity_bins=190, end="station"))
    extra = Tour("extra", "extra", "station", 1200, (), capacity_bins=190, end="station")
    return f"random {seed}", tours[0], tours[1:], extra, ways


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


def instance_case(path: Path) -> Case:
    """Three neighbouring routes of an instance's best-known solution, a third driven, half as much room again."""
    where, demand, capacity = _instance(path)
    routes = [
        [int(word) for word in line.split(":")[1].split()]
        for line in path.with_suffix(".sol").read_text().splitlines()
        if line.startswith("Route")
    ]
    first = max(routes, key=len)
    middle = [sum(where[n + 1][axis] for n in first) / len(first) for axis in (0, 1)]
    near = sorted(routes, key=lambda r: abs(sum(where[n + 1][0] for n in r) / len(r) - middle[0])
                  + abs(sum(where[n + 1][1] for n in r) / len(r) - middle[1]))[:3]  # fmt: skip
    ways = streets({str(n): xy for n, xy in where.items()})
    tours = []
    for k, route in enumerate(near):
        names = [str(n + 1) for n in route]
        done = max(1, len(names) // 3)
        stops = tuple(Stop((f"r{k}", name, 1), name, WASTE, bins=demand[int(name)]) for name in names[done:])
        loaded = sum(demand[int(name)] for name in names[:done])
        tours.append(Tour(f"t{k}", f"r{k}", names[done - 1], 0, stops, loaded_bins=loaded,
                          capacity_bins=capacity * 3 // 2, end="1"))  # fmt: skip
    extra = Tour("extra", "extra", "1", 1200, (), capacity_bins=capacity, end="1")
    # The instances' demands are not bins of 25 s each; at every stop the truck takes four minutes.
    return path.stem, tours[0], tours[1:], extra, replace(ways, dwell_s=lambda _: 240)


def _instance(path: Path) -> tuple[dict[int, tuple[int, int]], dict[int, int], int]:
    where: dict[int, tuple[int, int]] = {}
    demand: dict[int, int] = {}
    capacity, section = 0, ""
    for line in path.read_text().splitlines():
        words = line.replace(":", " ").split()
        if words and words[0].isdigit() and section == "NODE_COORD_SECTION":
            where[int(words[0])] = (int(float(words[1])), int(float(words[2])))
        elif words and words[0].isdigit() and section == "DEMAND_SECTION":
            demand[int(words[0])] = int(words[1])
        elif words:
            section = words[0]
            capacity = int(words[1]) if section == "CAPACITY" else capacity
    return where, demand, capacity


def disturbed(before: list[Tour], after: Iterable[Tour]) -> int:
    """How many stops of trucks that did not break down have another truck or another order."""
    moved = 0
    orders = {tour.truck: [stop.place for stop in tour.stops] for tour in after}
    for tour in before:
        kept = [stop.place for stop in tour.stops]
        order = [place for place in orders.get(tour.truck, []) if place in kept]
        longest = _longest_common(kept, order)
        moved += len(kept) - longest
    return moved


def _longest_common(a: list[str], b: list[str]) -> int:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def drive_s(tours: Iterable[Tour], ways: Ways) -> int:
    """Driving in all tours that still drive."""
    return sum(schedule(tour, ways).drive_s for tour in tours if tour.stops)


def broken(tours: Iterable[Tour], told_at: dict[str, int], ways: Ways) -> int:
    """How many stops these tours reach more than five minutes from when their keepers were told."""
    return sum(
        abs(at - told_at[stop.place]) > SLIP_S
        for tour in tours
        for stop, at in zip(tour.stops, schedule(tour, ways).arrive_at, strict=True)
    )


def solved(case: Case, pyvrp: Any) -> list[Tour] | None:
    """The tours of a solver that may move everything, for least driving; None where it finds nothing allowed."""
    _, lost, others, extra, ways = case
    model = pyvrp.Model()
    trucks = [*others, extra]
    stops = [stop for tour in (lost, *others) for stop in tour.stops]
    ends = {tour.start for tour in trucks} | {str(extra.end)}
    nodes = {name: model.add_location(0, 0) for name in sorted(ends | {stop.place for stop in stops})}
    depots = {name: model.add_depot(nodes[name]) for name in sorted(ends)}
    for stop in stops:
        model.add_client(nodes[stop.place], delivery=[stop.bins])
    for tour in trucks:
        model.add_vehicle_type(1, capacity=[(tour.capacity_bins or 0) - tour.loaded_bins],
                               start_depot=depots[tour.start], end_depot=depots[str(extra.end)])  # fmt: skip
    for a, one in nodes.items():
        for b, other in nodes.items():
            if one is not other:
                model.add_edge(one, other, distance=ways.travel_s(a, b))
    best = model.solve(stop=pyvrp.stop.MaxRuntime(SOLVER_S), seed=1, display=False).best
    if not best.is_feasible():
        return None
    tours = []
    for route in best.routes():
        visits = [activity.idx for activity in route if activity.is_client()]
        tours.append(replace(trucks[route.vehicle_type()], stops=tuple(stops[index] for index in visits)))
    return tours


def main() -> None:
    """Print the table."""
    cases = [random_case(seed) for seed in range(CASES)]
    if INSTANCES.is_dir():
        cases += [instance_case(path) for path in sorted(INSTANCES.glob("*.vrp"))[:CASES]]
    else:
        print(f"SKIPPED: {INSTANCES} is absent (set ZP_SHARED); only random cases follow")
    try:
        import pyvrp
        import pyvrp.stop
    except ImportError:
        pyvrp = None
        print("SKIPPED: pyvrp is not installed; no comparison with a solver that may move every stop")
    print(f"{'case':14}{'stops':>6}{'ms':>6}  {'best option':12}{'broken':>7}{'unplaced':>9}"
          f"{'| driving':>12}{'cost':>8}{'broken':>8}{'moved':>7}  (of the solver)")  # fmt: skip
    times, driving, costs, moved = [], [], [], []
    for case in cases:
        name, lost, others, extra, ways = case
        started = time.process_time()
        offers = whole(breakdown(lost, others, ways, extra))
        times.append((time.process_time() - started) * 1000)
        best = offers[0]
        assert disturbed(others, best.tours) == 0
        line = f"{name:14}{sum(len(t.stops) for t in (lost, *others)):6}{times[-1]:6.0f}  {best.name:12}"
        line += f"{best.broken:7}{len(best.unplaced):9}"
        rival = solved(case, pyvrp) if pyvrp and not best.unplaced else None
        if rival is not None:
            told_at = {stop.place: at for tour in (lost, *others)
                       for stop, at in zip(tour.stops, schedule(tour, ways).arrive_at, strict=True)}  # fmt: skip
            rival_broken = broken(rival, told_at, ways)
            driving.append(drive_s(best.tours, ways) / drive_s(rival, ways))
            costs.append((drive_s(best.tours, ways) + PROMISE_COST_S * best.broken)
                         / (drive_s(rival, ways) + PROMISE_COST_S * rival_broken))  # fmt: skip
            moved.append(disturbed(others, rival))
            line += f"{driving[-1]:11.2f}x{costs[-1]:7.2f}x{rival_broken:8}{moved[-1]:7}"
        print(line)
    print(f"all options: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms of computing")
    if driving:
        print(f"against a solver that may move every stop: driving {statistics.mean(driving):.3f}x, "
              f"driving + 300 s per broken promise {statistics.mean(costs):.3f}x on average; "
              f"stops of other trucks moved: 0 against {statistics.mean(moved):.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
