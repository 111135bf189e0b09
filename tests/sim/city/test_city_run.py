"""A city of real cells: what breaks in it, what it comes to, and that nothing of it is left behind."""

import re
import signal
import subprocess

import pytest

from sim.city.postgres import BINARIES
from tests.support.city.simulated import started
from tests.support.processes import need_mosquitto, processes_in, wait_until

pytestmark = pytest.mark.real
ENDS_WITHIN_S = 240


def need_everything() -> None:
    need_mosquitto()
    if not BINARIES:
        pytest.skip("a city NOT RUN: no PostgreSQL: apt-get install postgresql")


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """What it says up to a line with these words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without saying {words!r}: {said}")


def test_a_cell_that_dies_comes_back_and_the_figures_of_city_cells_and_devices_are_the_same():
    need_everything()
    options = ("--cells", "2", "--trucks", "4", "--speed", "20", "--seconds", "26")
    with started(*options, "--kill-cell", "2", "--cut-cell", "1", "--stop-postgres") as (process, folder):
        said, _ = process.communicate(timeout=ENDS_WITHIN_S)
        assert process.returncode == 0, said
        assert processes_in(folder) == {}
    within = re.search(r"c02: back on a standby after ([\d.]+) s, all its devices with it", said)
    assert within is not None, said
    assert float(within[1]) <= 60
    # How many PostgreSQL missed goes by the moment of the kill; they are named, and none is missing in the end.
    assert re.search(r"c02: \d+ records were acknowledged by the dead machine and not pushed", said), said
    assert "0 ranges are still missing" in said
    # Whatever a person had to say lay in a gap of the devices' numbers; nothing else was corrected.
    assert re.search(r"c02: \d+ visits lay in a gap of their devices, \d+ of them are known by a driver's", said), said
    assert "c01: its way to the city is whole" in said
    assert re.search(r"[1-9]\d* visits made, \d+ bins emptied: all on record", said), said


def test_a_city_that_is_terminated_leaves_no_process():
    need_everything()
    with started("--cells", "1", "--trucks", "1") as (process, folder):
        read_until(process, "Ctrl-C ends everything")
        wait_until(lambda: len(processes_in(folder)) >= 3, "mosquitto, bridge and PostgreSQL")
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=ENDS_WITHIN_S)
        assert process.returncode == 130, said
        assert processes_in(folder) == {}
        assert [one.name for one in folder.iterdir() if one.name.startswith("zhanpai-live-")] == []


@pytest.mark.long
@pytest.mark.timeout(900)
def test_ten_cells_with_forty_trucks_and_all_that_breaks():
    need_everything()
    options = ("--cells", "10", "--trucks", "40", "--speed", "10", "--seconds", "90")
    with started(*options, "--kill-cell", "10", "--cut-cell", "3", "--stop-postgres") as (process, folder):
        said, _ = process.communicate(timeout=3 * ENDS_WITHIN_S)
        assert process.returncode == 0, said
        assert processes_in(folder) == {}
    assert "c10: back on a standby" in said
    assert ": all on record" in said


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_cell_that_is_cut_off_for_an_hour_has_all_of_it_in_the_city_afterwards():
    """An hour of the street at thirty times life's speed; a real hour takes the same options with --speed 1."""
    need_everything()
    options = ("--cells", "2", "--trucks", "8", "--speed", "30", "--seconds", "301")  # of which it is cut for 40 %
    with started(*options, "--cut-cell", "2") as (process, folder):
        said, _ = process.communicate(timeout=301 + ENDS_WITHIN_S)
        assert process.returncode == 0, said
        assert processes_in(folder) == {}
    assert said.index("c02: cut off from the city") < said.index("c02: its way to the city is whole")
    assert ": all on record" in said and ": the sum of the cells" in said
