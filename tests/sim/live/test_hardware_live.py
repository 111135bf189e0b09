"""A scenario drives hardware: a truck's program and a MicroPython unit that the run has not started."""

import re
import time
from pathlib import Path

import pytest

from sim.live.room import LiveRoom
from tests.support.sim.hardware import HOST, on_the_bench, two_free_ports
from tests.support.sim.live_run import LiveRun, two_rooms

pytestmark = pytest.mark.real

PRESSES = """
[[event]]
at = "06:00:05"
kind = "press"
truck = "t01"
hold_s = 2.0
[[event]]
at = "06:00:05"
kind = "keeper_press"
room = "r01"
button = "lane_clear"
[[expect]]
kind = "press_stored_once"
truck = "t01"
reason = "lane_blocked"
[[expect]]
kind = "light_stages"
truck = "t01"
stages = ["slow"]
[[expect]]
kind = "records_stored_once"
"""
SCENARIO = two_rooms(
    "one truck and one room on the bench, another room beside them", "06:00:45", {"wet-north-1": "06:00:40"},
    bins_each=1, live="load_cells = 0", rest=PRESSES,
)  # fmt: skip
WASTES = ("residential_wet", "residential_dry", "unit_wet", "hazardous")


def keeper_presses(room: LiveRoom) -> None:
    """A finger on the real button, for as long as fingers stay."""
    room.contact("lane_clear", True)
    time.sleep(0.4)
    room.contact("lane_clear", False)


def test_hardware_is_waited_for_told_what_to_do_and_judged_by_what_it_says(tmp_path: Path) -> None:
    """The press and the keeper's press are asked of a person; they count when the devices say them."""
    port = two_free_ports()
    with on_the_bench(tmp_path, tmp_path / "keys", port, WASTES) as (truck, room, receiver):
        run = LiveRun(
            tmp_path, SCENARIO, "--truck", f"t01={HOST}:{receiver}", "--room", "r01=desk", "--bench", f"{HOST}:{port}",
            "--keys", str(tmp_path / "keys"),
        )
        assert f"t01 is hardware: its receiver is this run, at {HOST}:{receiver}; broker {HOST}:{port}" in run.said
        assert "[[expect]] light_stages is not judged" in run.said
        assert [each["word"] for each in run.now()["by_hand"]][:2] == ["hand_plug", "hand_plug"]
        assert run.post("/finger", device="t01", button="alarm", down=True) == 409
        hands = {
            r"BY HAND +t01: hold the button for 2 s": lambda: truck.press(2.0),
            r"BY HAND +r01: press .*lane clear": lambda: keeper_presses(room),
        }
        assert run.child.stdout is not None
        for line in run.child.stdout:
            run.said += line
            for asked in [asked for asked in hands if re.search(asked, line)]:
                hands.pop(asked)()
        assert run.child.wait(60) == 0, run.said
    assert hands == {}
    assert re.search(r"held.*press_stored_once", run.said), run.said
    assert "light_stages" not in run.said.split("expectation")[-1]
    assert "| truck | hold until the light blinks fast |" in run.said
    assert "| room | known mass on the load cell |" in run.said
