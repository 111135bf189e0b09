"""A small sound feed of which tests spoil single lines, and what is said of it then."""

from pathlib import Path

import pytest

from broker.plan.gtfs.feed import GtfsError, read_gtfs

# A small sound feed: two rooms of one estate, one run on Mondays. Tests change single lines of it.
SMALL = {
    "agency.txt": ["agency_id,agency_name,agency_timezone", "xh,Test,Asia/Shanghai"],
    "estates.txt": ["estate_id,estate_name", "e01,First"],
    "stops.txt": [
        "stop_id,stop_name,stop_lat,stop_lon,estate_id",
        "r01,North,31.19,121.44,e01",
        "r02,South,31.18,121.44,e01",
    ],
    "routes.txt": ["route_id,route_long_name,waste_kind", "wet,Wet,residential_wet"],
    "trips.txt": ["route_id,service_id,trip_id,truck_id", "wet,daily,wet-1,t01"],
    "stop_times.txt": [
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence",
        "wet-1,06:00:00,06:04:00,r01,1",
        "wet-1,06:10:00,06:14:00,r02,2",
    ],
    "calendar.txt": [
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
        "daily,1,1,1,1,1,1,1,20260101,20991231",
    ],
}


def feed(folder: Path, **changes: list[str] | None) -> Path:
    """Write SMALL with some files replaced (`stops=[...]`) or left out (`stops=None`)."""
    for name, lines in {**SMALL, **{f"{key}.txt": lines for key, lines in changes.items()}}.items():
        if lines is not None:
            (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def refusals(path: Path) -> list[str]:
    """What read_gtfs says about a feed it refuses."""
    with pytest.raises(GtfsError) as refused:
        read_gtfs(path)
    return [str(finding) for finding in refused.value.findings]


def changed(name: str, line: int, old: str, new: str) -> dict[str, list[str] | None]:
    """SMALL's file `name` with one text replaced on one line (1 is the header)."""
    lines = list(SMALL[f"{name}.txt"])
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    return {name: lines}
