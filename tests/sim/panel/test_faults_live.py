"""Each fault of the panel is something real in a live run, there while its switch is on, and mended afterwards."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import processes_in, wait_until
from tests.support.sim.live_run import SLOW_S, LiveRun, two_rooms

pytestmark = pytest.mark.real

SCENARIO = two_rooms("one truck that never comes far, and faults", "08:00", {"wet-north-1": "07:50"})


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRun]:
    """One run for all faults; each is mended before the next begins."""
    with LiveRun(tmp_path_factory.mktemp("faults"), SCENARIO) as bench:
        wait_until(lambda: bench.truck().get("lat") and grams(bench), "truck and cells are known to the bridge", SLOW_S)
        yield bench


def words(bench: LiveRun) -> list[str]:
    """What the screen says is not well; a word of ours where it does not answer."""
    return [row["word"] for row in bench.picture().get("health", [{"word": "no screen"}])]


def grams(bench: LiveRun) -> int:
    """What the bridge knows of a room's weight."""
    return bench.in_room("r01", "unit_wet", "grams") or 0


def receiver(bench: LiveRun) -> str:
    """The truck's own word for its receiver."""
    return str(bench.now()["trucks"][0]["receiver"])


def age_s(bench: LiveRun) -> float:
    """How old the truck's newest position is on the screen."""
    return bench.picture()["at"] - float(bench.truck()["fix_at"])


def is_near(bench: LiveRun) -> bool:
    """Whether the screen's time is the world's."""
    return abs(bench.picture()["at"] - bench.now()["at"]) < 600


CUT_FOR_S = 150  # a standing truck says where it is each minute
CASES: dict[str, tuple[str, str, Callable[[LiveRun], bool], Callable[[LiveRun], bool]]] = {
    "no sky": ("gps_gap", "t01", lambda b: receiver(b) == "no_fix", lambda b: receiver(b) == "fix"),
    "a button that is stuck": (
        "button_stuck", "t01", lambda b: ("breakdown", "raised") in b.incidents(),
        lambda b: not b.now()["trucks"][0]["pressed"],
    ),
    "a truck without power": (
        "power_cut", "t01", lambda b: receiver(b) == "dead", lambda b: receiver(b) == "fix",
    ),
    "a room without power": (
        "power_cut", "r01", lambda b: b.now()["rooms"][0]["lamps"][0]["shown"] == "dead",
        lambda b: b.now()["rooms"][0]["lamps"][0]["shown"] == "off",
    ),
    "a truck's cut link": (
        "link_cut", "t01", lambda b: age_s(b) > CUT_FOR_S, lambda b: age_s(b) < CUT_FOR_S,
    ),
    "a frozen broker": (
        "broker_freeze", "office", lambda b: "broker_silent" in words(b), lambda b: words(b) == [],
    ),
    "a killed broker": ("broker_kill", "office", lambda b: "link_lost" in words(b), lambda b: words(b) == []),
    "a frozen bridge": (
        "bridge_freeze", "office", lambda b: b.picture() == {}, lambda b: b.truck().get("life") == "ready",
    ),
    "a killed bridge": (
        "bridge_kill", "office", lambda b: b.picture() == {}, lambda b: b.truck().get("life") == "ready",
    ),
    "a bridge's wrong clock": (
        "clock_jump", "office", lambda b: "clock_jumped" in words(b) and is_near(b),
        lambda b: "clock_jumped" not in words(b) and is_near(b),
    ),
    "a full disk": (
        "disk_full", "office", lambda b: "store_trouble" in words(b), lambda b: "store_trouble" not in words(b),
    ),
    "a load cell that wandered": ("cell_drift", "r01", lambda b: grams(b) > 193_000, lambda b: grams(b) < 192_000),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_real_and_so_is_its_end(bench: LiveRun, name: str) -> None:
    """By what the bridge, the truck or a pin says of it."""
    fault, whom, is_there, is_mended = CASES[name]
    bench.switch(fault, whom, True)
    wait_until(lambda: is_there(bench), f"{name} is seen", SLOW_S)
    bench.switch(fault, whom, False)
    wait_until(lambda: is_mended(bench), f"{name} is mended", SLOW_S)


@pytest.mark.parametrize(("ends", "code"), [
    ("Ctrl-C", 130), (r"bridge_child", 1), (r"-m start\b|start\.py", 1), (r"mosquitto\.conf", 1),
])  # fmt: skip
def test_a_demo_that_ends_before_its_time_keeps_its_folder_and_says_where(tmp_path: Path, ends: str, code: int) -> None:
    """By Ctrl-C or a killed process of its own, which it names: with the records, and what was done as a scenario."""
    whole = () if ends == "Ctrl-C" else ("--seconds", "600")  # a demo of a length has no week before it to be made
    demo = LiveRun(tmp_path, SCENARIO, "--demo", *whole)
    assert demo.post("/finger", device="r01", button="bins_out", down=True) == 200
    assert demo.post("/finger", device="r01", button="bins_out", down=False) == 200
    if ends != "Ctrl-C":
        killed = next(number for number, line in processes_in(tmp_path).items() if re.search(ends, line))
        os.kill(killed, signal.SIGKILL)
        said = demo.child.communicate(timeout=60)[0]
        assert re.search(r"the live run failed: .+ ended \(by SIGKILL\)", said), said
    else:
        said = demo.stop(signal.SIGINT)
    assert demo.child.returncode == code, said
    folder = Path(re.findall(r"kept: (\S+)", said)[0])
    assert folder.parent == tmp_path and (folder / "records").is_dir()
    assert 'kind = "keeper_press"' in (folder / "played.toml").read_text(encoding="utf-8")
    assert "Traceback" not in said
