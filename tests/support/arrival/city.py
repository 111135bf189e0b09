"""A city's buses in the scorer's form (`../shared/bench/eta_data.py`): trips and the stops of each pattern.

A city is a name that the scorer's `load` knows, or a file `.json` or `.json.gz` of {"trips", "patterns", "gap_s"}.
"""

import gzip
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.arrival.buses import REPORT_GAP_S, passages

Bus = Mapping[str, Any]
Patterns = Mapping[str, Sequence[Mapping[str, Any]]]
SHARED = Path(os.environ.get("ZP_SHARED", Path(__file__).resolve().parents[4] / "shared"))


class CityAbsentError(Exception):
    """There are no such buses here."""


@dataclass(frozen=True, slots=True)
class City:
    """All trips there are, and the stops of their patterns in running order."""

    name: str
    trips: Sequence[Bus]
    patterns: Patterns
    gap_s: float = REPORT_GAP_S  # between reports further apart nothing is known of the stops passed

    def days(self) -> list[Any]:
        """The days that buses ran, in order."""
        return sorted({trip["day"] for trip in self.trips}, key=str)

    def has_timetable(self) -> bool:
        """Whether any trip has planned times."""
        return any(trip["sched"] for trip in self.trips)

    def without_timetable(self) -> "City":
        """The same buses where nobody planned anything."""
        return replace(self, trips=[{**trip, "sched": None} for trip in self.trips])

    def arrivals(self, trip: Bus) -> dict[int, float]:
        """When the bus truly passed each stop of which that is known."""
        stops_m = [float(stop["d"]) for stop in self.patterns[trip["pattern"]]]
        passed = passages(trip["t"], trip["d"], stops_m, self.gap_s)
        return {index: at for index, at in enumerate(passed) if at is not None}


def load_city(name: str) -> City:
    """The buses of a city by its name or its file; CityAbsentError says what is missing."""
    if name.endswith((".json", ".json.gz")):
        return _from_file(Path(name))
    scorer = SHARED / "bench"
    if not (scorer / "eta_data.py").exists():
        raise CityAbsentError(f"{scorer}/eta_data.py is not there; set ZP_SHARED to the folder of bench/ and data/")
    sys.path.insert(0, str(scorer))
    import eta_bench  # type: ignore[import-not-found]
    import eta_data  # type: ignore[import-not-found]

    try:
        trips, patterns = eta_data.load(name)
    except (KeyError, FileNotFoundError) as error:
        raise CityAbsentError(f"{scorer}/eta_data.py has no {name}, or its data is absent: {error!r}") from error
    return City(name, trips, patterns, float(getattr(eta_bench, "GAP", {}).get(name, REPORT_GAP_S)))


def _from_file(path: Path) -> City:
    if not path.exists():
        raise CityAbsentError(f"{path} is not there")
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        found = json.load(file)
    trips = [
        {**trip, "sched": {int(stop): at for stop, at in trip["sched"].items()} if trip.get("sched") else None}
        for trip in found["trips"]
    ]
    return City(path.name.partition(".")[0], trips, found["patterns"], float(found.get("gap_s", REPORT_GAP_S)))
