"""The live run: real broker, real processes; it plays, it judges, and it leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from firmware.truck.button.light import level_at
from sim.live.witnesses.lights import BUTTON, LAMP, LightWitness, share_lit
from tests.support.processes import REPO, processes_in
from tests.support.sim.live_run import LiveRun, begun, two_rooms

EXPECTED = """
[[expect]]
kind = "lamp_lit_before_arrival"
[[expect]]
kind = "records_stored_once"
at_least = 10
"""
SCENARIO = two_rooms(
    "one truck, two rooms", "06:07", {"wet-north-1": "06:00:10"}, bins_each=1, world="jitter = 0.0", live="speed = 40",
    rest=EXPECTED,
)  # fmt: skip
END_S, GONE_S = 100.0, 30.0


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveRun]:
    """A small scenario, live, whose files lie in the test's own folder."""
    with LiveRun(tmp_path, SCENARIO) as run:
        yield run


@pytest.mark.real
def test_a_live_run_holds_its_expectations_and_leaves_nothing_behind(live: LiveRun, tmp_path: Path) -> None:
    """Real firmware lights a real pin before the truck comes, nothing is lost, and everything that ran has ended."""
    said = live.said + live.child.communicate(timeout=END_S)[0]
    assert live.child.returncode == 0, said
    assert "status page: http://127.0.0.1:" in said
    assert "FAILED" not in said
    assert processes_in(tmp_path / "zhanpai-live") == {}
    assert [path for path in tmp_path.iterdir() if path.name.startswith("zhanpai-live")] == []


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_live_run_leaves_nothing_behind(number: signal.Signals, live: LiveRun, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end every child, remove every file, and are told as code 130."""
    assert len([c for c in processes_in(tmp_path).values() if "mosquitto" in c]) == 1
    said = live.stop(number)
    assert live.child.returncode == 130, said
    assert [c for c in processes_in(tmp_path).values() if "pytest" not in c] == []
    assert [path for path in tmp_path.iterdir() if path.name.startswith("zhanpai-live")] == []


@pytest.mark.real
def test_kill_9_of_a_live_run_takes_its_children_along(live: LiveRun, tmp_path: Path) -> None:
    """Even without a chance to clean up no process is left."""
    live.child.kill()
    live.child.wait(10)
    deadline = time.monotonic() + GONE_S
    while processes_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_in(tmp_path) == {}


@pytest.mark.real
def test_a_start_that_fails_is_told_in_one_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A port that is taken: the reason, code 1, and no process or file remains."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        child = begun(tmp_path, SCENARIO, http_port=taken.getsockname()[1])
        said, _ = child.communicate(timeout=END_S)
    assert child.returncode == 1, said
    assert "the live run failed" in said
    assert "Traceback" not in said
    assert processes_in(tmp_path) == {}


def test_a_lamp_is_believed_when_report_and_pin_agree_and_the_pin_when_they_do_not() -> None:
    """A unit that reports `off` while its pin is high does not deceive the witness for long."""
    witness = LightWitness(LAMP)
    seen = []
    witness.reported("off", 0.0)
    for step in range(300):
        at_s = step * 0.05
        if step == 60:
            witness.reported("due", at_s)
        if step == 160:
            witness.reported("off", at_s)
        told = witness.look([(-9.0, 0), (3.0, 1)], at_s)
        if told is not None:
            seen.append(told[0])
    assert seen == ["off", "due"]


def test_a_silent_unit_that_flashes_is_seen_to_know_nothing() -> None:
    """While its link is cut no report comes: short flashes on the pin are believed after a moment."""
    witness = LightWitness(LAMP)
    flashes = [(-9.0, 0), *((at / 4 + part, level) for at in range(40) for part, level in ((0.0, 1), (0.02, 0)))]
    witness.reported("off", -8.0)
    told = [witness.look([f for f in flashes if f[0] <= at / 10], at / 10) for at in range(10, 60)]
    assert [one[0] for one in told if one is not None] == ["no_data"]


@pytest.mark.parametrize(
    ("edges", "share"), [([(0.0, 0)], 0.0), ([(0.0, 1)], 1.0), ([(0.0, 1), (1.5, 0)], 0.5), ([(0.0, 0), (1.9, 1)], 0.1)]
)
def test_the_share_of_time_a_pin_is_high(edges: list[tuple[float, int]], share: float) -> None:
    """Between second 1 and second 2 of these changes."""
    assert share_lit(edges, 1.0, 2.0) == pytest.approx(share)


@pytest.mark.parametrize("late_s", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("seed", range(8))
def test_a_busy_machine_shows_no_stage_the_light_is_not_in(late_s: float, seed: int) -> None:
    """However late the program comes to the edges of its light, its stages are read as they were, in their order."""
    stages = [("off", 3.0), ("fast", 2.5), ("slow", 3.2), ("steady", 3.1), ("double", 6.3), ("off", 3.0)]
    dice, witness = Random(seed), LightWitness(BUTTON)
    edges, begins, told, at_s, lit = [(0.0, 0)], [], [], 0.0, 0
    for pattern, lasts_s in stages:
        witness.reported(pattern, at_s)
        begins.append((pattern, at_s))
        next_s, end_s = at_s, at_s + lasts_s
        while at_s < end_s:
            if at_s >= next_s:
                on, stays_s = level_at(pattern, at_s - begins[-1][1] + 1e-9)
                next_s = at_s + stays_s + dice.uniform(0, late_s)
                if on != bool(lit):
                    lit = int(on)
                    edges.append((at_s, lit))
            seen = witness.look(edges, at_s)
            told += [seen] if seen else []
            at_s += 0.02
    assert told == begins


# The run as somebody has it who may install nothing: the one program that is asked for is not there.
WITHOUT_MOSQUITTO = """
import runpy, sys
from broker.mqtt.own_broker import mosquitto
mosquitto.find_mosquitto = lambda: None
sys.argv = ["sim", *sys.argv[1:]]
runpy.run_module("sim", run_name="__main__")
"""


def holds_without_mosquitto(folder: Path, *arguments: str) -> None:
    """It holds, or says that the machine is too slow; the stand-in is told; no process is left."""
    command = [sys.executable, "-c", WITHOUT_MOSQUITTO, *arguments, "--live", "--http-port", "0"]
    environment = {**os.environ, "TMPDIR": str(folder), "COLUMNS": "400", "PYTHONPATH": str(REPO)}
    ran = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=280)
    said = ran.stdout + ran.stderr
    assert "no Mosquitto here: the desk's own broker stands in" in said
    assert ran.returncode == 0 or (ran.returncode == 3 and "too slow a machine to judge" in said), said
    assert "Traceback" not in said and processes_in(folder) == {}


@pytest.mark.real
def test_a_live_run_holds_without_mosquitto_and_says_what_stands_in(tmp_path: Path) -> None:
    """With pip alone: the same truck and rooms on the desk's own broker."""
    (tmp_path / "live.toml").write_text(SCENARIO, encoding="utf-8")
    holds_without_mosquitto(tmp_path, str(tmp_path / "live.toml"))


@pytest.mark.real
@pytest.mark.long
def test_the_demo_holds_without_mosquitto_and_says_what_stands_in(tmp_path: Path) -> None:
    """With pip alone: the whole of `make demo SECONDS=60`."""
    holds_without_mosquitto(tmp_path, "demo_shift", "--demo", "--seconds", "60")
