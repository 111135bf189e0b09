"""scripts/setup says which Pythons hold, as pyproject.toml does."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.real  # a shell, a stand-in for Python
REPO = Path(__file__).resolve().parents[2]


def set_up(folder: Path, version: str) -> tuple[int, str]:
    """(exit code, what was said) of scripts/setup with a Python of that version, which can make no environment."""
    python = folder / "python"
    python.write_text(f"#!/bin/sh\ncase $* in *version_info*) echo {version} ;; *) exit 1 ;; esac\n")
    python.chmod(0o755)
    (folder / "scripts").mkdir(exist_ok=True)
    (folder / "scripts/setup").write_text((REPO / "scripts/setup").read_text())
    # No apt-get and no sudo there: nothing is installed on this machine.
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    for name in ("bash", "dirname", "uname", "sha256sum", "cut", "cat", "id", "grep"):
        found = next(Path(place) / name for place in os.defpath.split(":") if (Path(place) / name).exists())
        (tools / name).unlink(missing_ok=True)
        (tools / name).symlink_to(found)
    done = subprocess.run(
        [str(tools / "bash"), "scripts/setup"], cwd=folder, capture_output=True, text=True, timeout=30, check=False,
        env={"PATH": str(tools), "PYTHON": str(python)},
    )  # fmt: skip
    return done.returncode, done.stderr


def test_the_pythons_that_hold_are_said_and_checked(tmp_path: Path) -> None:
    """An older one is refused with its version, a newer one goes on with a word."""
    (tmp_path / "requirements").mkdir()
    for name in ("dev.txt", "typings.txt"):
        (tmp_path / "requirements" / name).write_text("")
    for old in ("2.7", "3.9", "3.10"):
        code, said = set_up(tmp_path, old)
        assert (code, f"3.13 is needed, {old} is here" in said, "making .venv" in said) == (1, True, False)
    classifiers = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["classifiers"]
    held = [text.rsplit(" :: ", 1)[1] for text in classifiers]
    assert held == ["3.11", "3.12", "3.13"]
    for version in (*held, "3.14"):
        code, said = set_up(tmp_path, version)
        assert f"making .venv from requirements/dev.txt with Python {version}" in said
        assert ("newer than those we tried" in said) == (version not in held)
        assert "this Python has no venv" in said and "as root: apt-get install python3-venv" in said and code == 1


def test_this_very_python_is_one_that_holds() -> None:
    """The tests decide on a Python that is said to hold."""
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in (REPO / "pyproject.toml").read_text()
