"""Arrivals of buses beside what anybody can do in an afternoon, and beside a learned model: how good, and how far off.

    python3 -m bench eta -- [CITY ...] [--order-only] [--no-model] [--day DAY]   (default: capmetro)
    .venv/bin/python ../shared/bench/eta_bench.py capmetro bench.day.eta:Zhanpai        the product in the scorer itself

CITY is a name that `../shared/bench/eta_data.py` loads, or a file `.json`, `.json.gz` of {"trips", "patterns", "gap_s"}
in its form. Strict order of time: before each trip only trips that had ended are known. Beside it the scorer's own
order, the folds: each day with all other days known. All call by one rule. Stays are measured in `eta_sim`, a bus has
none. `python3 -m bench eta -- CITY` does the same.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.support.arrival.bus_table import MODEL, OURS, PLAIN, TUNED_ON, lines, verdicts
from tests.support.arrival.buses import Zhanpai
from tests.support.arrival.city import City, CityAbsentError, load_city
from tests.support.arrival.in_order import Marks, score_folds, score_in_order
from tests.support.arrival.learned import INSTALL, Learned, library
from tests.support.arrival.plain_ways import Timetable

__all__ = ["Zhanpai"]  # what the scorer asks of this module


def table(city: City, score: Callable[..., Marks], title: str, ways: Mapping[str, Callable[..., Any]]) -> bool:
    """Print one table with its goals; whether they are met."""
    print(f"{city.name}, {title}, {'with' if city.has_timetable() else 'without'} the timetable", flush=True)
    found = {}
    for name, make in ways.items():
        if make is Timetable and not city.has_timetable():
            continue
        found[name] = score(make, city)
        print("\n".join(lines(name, found[name], city.days())), flush=True)
    said = verdicts(found, city.name)
    print("\n".join(said), flush=True)
    return not any(line.startswith("  MISSED") for line in said)


def main() -> int:
    """Print the tables; 1 where a goal in strict order is missed, 4 where a city's data is absent."""
    top = argparse.ArgumentParser(prog="python3 -m bench eta", description=__doc__.partition("\n")[0])
    top.add_argument("cities", nargs="*", default=[TUNED_ON], metavar="CITY")
    top.add_argument("--order-only", action="store_true", help="without the folds")
    top.add_argument("--no-model", action="store_true", help="without the learned model, which takes most of the time")
    top.add_argument("--day", help="buses of this day only")
    args = top.parse_args()
    ways: dict[str, Callable[..., Any]] = {OURS: Zhanpai, **PLAIN}
    if not args.no_model:
        if library() is None:
            print(f"no learned model, so no ceiling is shown: {INSTALL}", file=sys.stderr)
        else:
            ways[MODEL] = Learned
    code = 0
    for name in args.cities:
        try:
            city = load_city(name)
        except CityAbsentError as absent:
            print(f"SKIPPED: {absent}", file=sys.stderr)
            code = code or 4
            continue
        if args.day:
            city = replace(city, trips=[trip for trip in city.trips if str(trip["day"]) == args.day])
        for one in (city, city.without_timetable()) if city.has_timetable() else (city,):
            if not table(one, score_in_order, "in strict order of time", ways):
                code = 1
            if not args.order_only and len(one.days()) > 1:
                plain = {way: make for way, make in ways.items() if way != MODEL}
                table(one, score_folds, "each day with all others known", plain)
    return code


if __name__ == "__main__":
    sys.exit(main())
