"""A skip is loud, and a failure where all that it needs can be installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
CASES = """
import pytest

@pytest.fixture
def database():
    pytest.skip("PostgreSQL half of the store contract NOT RUN: no server")

def test_with_database(database):
    pass

def test_with_mosquitto():
    pytest.skip("no mosquitto on this machine")

def test_with_data():
    pytest.skip("the recorded day is absent (set ZP_SHARED)")
"""


@pytest.mark.parametrize(("ci", "said"), [("", "3 skipped"), ("true", "1 failed, 1 skipped, 1 error")])
def test_a_skip_hides_no_failure(tmp_path, ci, said):
    """Where CI is set PostgreSQL and Mosquitto must be there; recorded data may be absent; each reason is printed."""
    (tmp_path / "test_cases.py").write_text(CASES)
    argv = [sys.executable, "-m", "pytest", "-v", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path]
    argv += ["-p", "tests.conftest", tmp_path]
    env = {**os.environ, "CI": ci, "COLUMNS": "200", "PYTEST_ADDOPTS": ""}
    run = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert said in run.stdout and "the recorded day is absent (set ZP_SHARED)" in run.stdout
    assert ("skipped where CI is set, which hides failures: no mosquitto" in run.stdout) == bool(ci)
    assert run.returncode == bool(ci)
