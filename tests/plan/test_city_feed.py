"""A city's plan is read in seconds and little memory; what is larger than any area is refused before it is read."""

import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from broker.plan.gtfs.feed import GtfsError, read_gtfs
from tests.support.plan.city_feed import ROOMS, RUNS, write_city

SLOWEST_MACHINE = 4  # times slower than the one that the limits are for


@pytest.mark.real
def test_a_citys_feed_is_read_in_five_seconds(tmp_path: Path) -> None:
    """184 runs with shapes out and back, 3,924 rooms, as a stranger's tools write them."""
    folder = write_city(tmp_path / "city")
    before = time.process_time()
    plan = read_gtfs(folder)
    assert time.process_time() - before < 5 * SLOWEST_MACHINE
    assert (len(plan.runs), len(plan.rooms)) == (RUNS, ROOMS)
    way_out, way_back = plan.route_of(plan.runs["trip0"]).line, plan.route_of(plan.runs["trip1"]).line
    assert way_out[0][0] < way_out[-1][0] and way_back[0][0] > way_back[-1][0]


@pytest.mark.real
def test_a_citys_feed_takes_less_than_a_hundred_megabytes(tmp_path: Path) -> None:
    """All of a process that reads it, at its peak."""
    folder = write_city(tmp_path / "city")
    code = f"""
from broker.plan.gtfs.feed import read_gtfs
read_gtfs({str(folder)!r})
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) * 1024 < 100_000_000


TIMES = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
HUGE = {  # which file, how it begins, and what comes so often after it
    "a million lines": ("stop_times", TIMES, "t,6:0:0,6:1:0,r,1\n", 1_000_000, "makes more than 250000 lines"),
    "lines that end with CR": ("stop_times", TIMES, "t,,,,\r", 1_000_000, "makes more than 250000 lines"),
    "blank lines": ("shapes", "", "\n", 20_000_000, "makes more than 250000 lines"),
    "cells": ("stops", "stop_id", ",", 20_000_000, "or 5000000 cells"),
    "a cell": ("stops", "stop_id,stop_name\nr01,", "x", 30_000_000, "is not CSV: field larger than field limit"),
    "bytes": ("stops", "", "x", 40_000_000, "is 40000000 bytes long"),
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city without shapes; a test leaves it as it is."""
    return write_city(tmp_path_factory.mktemp("feeds") / "city", shapes=False)


@pytest.mark.parametrize("what", HUGE)
@pytest.mark.parametrize("packed", [True, False])
def test_more_than_any_area_has_is_refused_at_once(city: Path, tmp_path: Path, what: str, packed: bool) -> None:
    """By count, before anything is taken apart; a .zip is not unpacked to its end."""
    name, begin, part, times, reason = HUGE[what]
    path = Path(shutil.copytree(city, tmp_path / "city"))
    (path / f"{name}.txt").write_text(begin + part * times, newline="")
    if packed:
        with zipfile.ZipFile(tmp_path / "city.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for file in path.iterdir():
                archive.write(file, file.name)
        path = tmp_path / "city.zip"
    before = time.process_time()
    with pytest.raises(GtfsError) as refused:
        read_gtfs(path)
    assert time.process_time() - before < 2 * SLOWEST_MACHINE
    assert any(finding.file == f"{name}.txt" and reason in finding.reason for finding in refused.value.findings)


def test_a_zip_of_very_many_files_is_refused_at_once(tmp_path: Path) -> None:
    """Its list alone would take long to read."""
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        for number in range(9_000):
            archive.writestr(f"{number:0200}.txt", "")
    with pytest.raises(GtfsError, match="holds far more files than a feed has"):
        read_gtfs(tmp_path / "feed.zip")
