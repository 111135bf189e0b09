"""A live verdict never blames the product for the machine: what cannot be judged is said to be so."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from broker.mqtt.own_broker.child import die_with_parent
from sim.judging.outcome import Count, Outcome
from sim.judging.verdict import Verdict
from sim.live import run
from sim.live.bridge import LateError, StartError
from sim.live.witnesses.machine import BEARABLE_S, LOOK_S, Machine
from sim.scenario.scenario import load
from sim.world.evidence import Evidence


def slow(late_s: float) -> Machine:
    """A machine that made a chain wait so long."""
    machine = Machine()
    machine.late_s = late_s
    return machine


@pytest.mark.parametrize(
    ("late_s", "speed", "advice"),
    [
        (0.1, 40, None),
        (0.0, 60, None),
        (0.5, 40, "--speed 10 would do"),
        (2.0, 3, "--speed 2 would do"),
        (9.0, 1, "not even life's own speed"),
    ],
)
def test_the_reason_names_a_speed_at_which_it_could_be_judged(late_s: float, speed: int, advice: str | None) -> None:
    """A speed at which this machine would have been quick enough, or that there is none."""
    said = slow(late_s).too_slow(speed)
    assert (said is None) == (advice is None)
    assert advice is None or advice in str(said)
    fits = int(BEARABLE_S / late_s) if late_s else 60
    assert fits == 0 or slow(late_s).too_slow(fits) is None


def played(monkeypatch: pytest.MonkeyPatch, late_s: float, *, held: bool | str | None) -> tuple[int, str]:
    """The exit code and what is said of a run whose one expectation held or failed; None: a part was not heard in
    time; `ended`: one ended by itself.
    """
    scenario = replace(load("blocked_lane"), demands=())

    def outcome(*given: object, **_: object) -> Outcome:
        machine = given[-1]
        assert isinstance(machine, Machine)
        machine.late_s = late_s
        if held is None:
            raise LateError("not heard within 45 s: t01")
        if held == "ended":
            raise StartError("the bridge ended by itself: it said nothing")
        verdict = Verdict("light_stages", bool(held), "t01", () if held else ("never showed fast",))
        return Outcome(scenario, (verdict,), Evidence(0.0, 60.0, 0.0), Count(), 1, 1.0)

    monkeypatch.setattr(run, "_play", outcome)  # the machine is what is judged here: nothing need be played
    console = Console(record=True, width=200, file=open(os.devnull, "w"))  # noqa: SIM115 (rich keeps what it records)
    code = run.play_live(scenario, console, speed=40, seconds=None, demo=False, http_port=0)
    return code, console.export_text()


@pytest.mark.parametrize(("late_s", "held", "code"), [
    (0.0, True, 0), (9.0, True, 0), (0.0, False, 1), (9.0, False, 3), (0.0, None, 1), (9.0, None, 3),
    (9.0, "ended", 1),
])  # fmt: skip
def test_a_run_is_right_or_says_that_it_cannot_be_judged(
    monkeypatch: pytest.MonkeyPatch, late_s: float, held: bool | str | None, code: int
) -> None:
    """What held has held on any machine; what failed on a slow one is not judged; what ended by itself has failed."""
    found, said = played(monkeypatch, late_s, held=held)
    assert found == code
    assert ("too slow a machine to judge" in said) == (code == 3)
    assert ("FAILED" in said or "failed:" in said) == (code == 1)


def test_limits_grow_with_the_speed() -> None:
    """A quarter of a second of life is ten seconds of the street at x40, and nothing to speak of in it at x1."""
    demands = load("blocked_lane").demands
    limits = [demand.values["within_s"] for demand in demands if "within_s" in demand.values]
    for factor in (1, 40):
        after = [demand.values["within_s"] for demand in run.scaled(demands, factor) if "within_s" in demand.values]
        assert after == [limit + run.REAL_S * factor for limit in limits] and limits


@pytest.fixture
def one_core() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Four processes of ours that all want one and the same core."""
    core = min(os.sched_getaffinity(0))

    def begin() -> None:
        die_with_parent()
        os.sched_setaffinity(0, {core})

    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=begin) for _ in range(4)]
    yield busy
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.real
def test_processes_that_wait_for_a_core_are_seen(one_core: list["subprocess.Popen[bytes]"]) -> None:
    """Each of the four has a quarter of the core and waits for the rest of each second."""
    machine = Machine()
    for _ in range(4):
        time.sleep(LOOK_S * 1.1)
        machine.look()
    assert all(process.poll() is None for process in one_core)
    assert machine.late_s > 2.0  # three quarters of a second each, in the chain of four
    assert machine.too_slow(40) is not None
