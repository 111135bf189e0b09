"""Each fault of the panel is something real in a live run, there while its switch is on, and mended afterwards."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import REPO, need_mosquitto, wait_until

pytestmark = pytest.mark.real

SCENARIO = """
[scenario]
about = "one truck that never comes far, two rooms, and faults"
from = "06:00"
to = "08:00"
[area]
runs = ["wet-north-1"]
first_visits = 2
bins_each = 3
leave = { wet-north-1 = "07:50" }
[world]
refill = false
[live]
speed = 10
[[expect]]
kind = "records_stored_once"
"""
UP_S, SLOW_S = 90.0, 60.0


class Bench:
    """A live run, its panel by HTTP, and its operations screen."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        need_mosquitto()
        (folder / "faults.toml").write_text(SCENARIO, encoding="utf-8")
        self.child = subprocess.Popen(
            [sys.executable, "-m", "sim", str(folder / "faults.toml"), "--live", "--http-port", "0", *arguments],
            cwd=REPO, env={**os.environ, "TMPDIR": str(folder), "COLUMNS": "200"}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.said = ""
        deadline = time.monotonic() + UP_S
        assert self.child.stdout is not None
        while "hardware panel: " not in self.said:
            assert time.monotonic() < deadline, self.said
            line = self.child.stdout.readline()
            assert line, self.said
            self.said += line
        self.panel = re.findall(r"hardware panel: (http://\S+)/", self.said)[0]
        self.screen = re.findall(r"status page: (http://\S+)", self.said)[0]

    def post(self, path: str, **body: Any) -> int:
        """The status of a deed."""
        data = json.dumps({"page": "test", **body}).encode()
        request = urllib.request.Request(self.panel + path, data, {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=70) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as why:
            return why.code

    def switch(self, fault: str, whom: str, on: bool) -> None:
        """Begin or end a fault."""
        assert self.post("/switch", fault=fault, whom=whom, on=on) == 200

    def now(self) -> Any:
        """What the page shows now."""
        with urllib.request.urlopen(f"{self.panel}/frames?page=look", timeout=20) as frames:
            return json.loads(frames.readline().removeprefix(b"data: "))["now"]

    def picture(self) -> Any:
        """What the screen shows; nothing where it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.screen}/api/v1/picture", timeout=3) as answer:
                return json.load(answer)
        except OSError:
            return {}

    def truck(self) -> Any:
        """The truck on the screen."""
        return next(iter(self.picture().get("trucks", ())), {})

    def words(self) -> list[str]:
        """What the screen says is not well."""
        return [row["word"] for row in self.picture().get("health", ())]

    def grams(self) -> int:
        """What the bridge knows of a room's weight."""
        (room,) = [room for room in self.picture().get("rooms", ()) if room["room"] == "r01"] or [{"bins": {}}]
        return int((room["bins"].get("unit_wet") or {"grams": 0})["grams"] or 0)

    def stop(self, number: int) -> str:
        """End it; the rest of what it said."""
        self.child.send_signal(number)
        return self.child.communicate(timeout=60)[0]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One run for all faults; each is mended before the next begins."""
    bench = Bench(tmp_path_factory.mktemp("faults"))
    wait_until(lambda: bench.truck().get("lat") and bench.grams(), "truck and cells are known to the bridge", SLOW_S)
    yield bench
    bench.stop(signal.SIGTERM)


def receiver(bench: Bench) -> str:
    """The truck's own word for its receiver."""
    return str(bench.now()["trucks"][0]["receiver"])


def age_s(bench: Bench) -> float:
    """How old the truck's newest position is on the screen."""
    return bench.picture()["at"] - float(bench.truck()["fix_at"])


CUT_FOR_S = 150  # a standing truck says where it is each minute
CASES: dict[str, tuple[str, str, Callable[[Bench], bool], Callable[[Bench], bool]]] = {
    "no sky": ("gps_gap", "t01", lambda b: receiver(b) == "no_fix", lambda b: receiver(b) == "fix"),
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
        "broker_freeze", "office", lambda b: "broker_silent" in b.words(), lambda b: b.words() == [],
    ),
    "a killed broker": ("broker_kill", "office", lambda b: "link_lost" in b.words(), lambda b: b.words() == []),
    "a frozen bridge": (
        "bridge_freeze", "office", lambda b: b.picture() == {}, lambda b: b.truck().get("life") == "ready",
    ),
    "a killed bridge": (
        "bridge_kill", "office", lambda b: b.picture() == {}, lambda b: b.truck().get("life") == "ready",
    ),
    "a bridge's wrong clock": (
        "clock_jump", "office", lambda b: b.picture().get("at", 0) - b.now()["at"] > 3000,
        lambda b: abs(b.picture().get("at", 0) - b.now()["at"]) < 600,
    ),
    "a load cell that wandered": ("cell_drift", "r01", lambda b: b.grams() > 193_000, lambda b: b.grams() < 192_000),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_real_and_so_is_its_end(bench: Bench, name: str) -> None:
    """By what the bridge, the truck or a pin says of it."""
    fault, whom, is_there, is_mended = CASES[name]
    bench.switch(fault, whom, True)
    wait_until(lambda: is_there(bench), f"{name} is seen", SLOW_S)
    bench.switch(fault, whom, False)
    wait_until(lambda: is_mended(bench), f"{name} is mended", SLOW_S)


def test_ctrl_c_keeps_the_demos_folder_and_says_where(tmp_path: Path) -> None:
    """With the records, and with what was done as a scenario file; nothing runs on."""
    demo = Bench(tmp_path, "--demo")
    assert demo.post("/finger", device="r01", button="bins_out", down=True) == 200
    assert demo.post("/finger", device="r01", button="bins_out", down=False) == 200
    said = demo.stop(signal.SIGINT)
    assert demo.child.returncode == 130, said
    folder = Path(re.findall(r"kept: (\S+)", said)[0])
    assert folder.parent == tmp_path and (folder / "records").is_dir()
    assert 'kind = "keeper_press"' in (folder / "played.toml").read_text(encoding="utf-8")
    assert "Traceback" not in said
