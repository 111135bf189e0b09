"""The mark `real` cannot be forgotten: whatever starts a process without it fails, and says so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
MARK = "pytest.mark.long"
CASES = """
import asyncio, os, socket, subprocess, sys, threading
import pytest

NOTHING = [sys.executable, "-S", "-c", ""]

@pytest.fixture(scope="module")
def child():
    return subprocess.run(NOTHING, check=True)

def test_quick_on_its_own_socket():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close()).start()
        assert socket.create_connection(server.getsockname()).recv(1) == b""

def test_forgotten_first_with_the_fixture(child): pass
def test_forgotten_second_with_the_fixture(child): pass
def test_quick_after_it(): pass
def test_forgotten_fork():
    if (number := os.fork()) == 0:
        os._exit(0)
    os.waitpid(number, 0)
def test_forgotten_in_a_thread():
    thread = threading.Thread(target=lambda: subprocess.run(NOTHING))
    thread.start(); thread.join()
def test_forgotten_and_swallowed():
    try:
        subprocess.Popen(["/no/such/program"])
    except OSError:
        pass
def test_forgotten_shell(): os.system("true")
def test_forgotten_in_a_loop():
    asyncio.run(asyncio.create_subprocess_exec(*NOTHING))
@pytest.mark.real
def test_marked(child): os.system("true")

@pytest.fixture(scope="session")
def stopped_at_the_end():
    yield
    subprocess.run(NOTHING, check=True)

@pytest.mark.real
def test_marked_with_an_end(stopped_at_the_end): pass
def test_quick_last(): pass
"""


def test_a_forgotten_mark_is_a_failure_with_a_sentence(tmp_path: Path) -> None:
    """However the process is started, and by whichever test the fixture was made; what is marked or quick passes."""
    (tmp_path / "test_cases.py").write_text(CASES)
    argv = [sys.executable, "-m", "pytest", "-rA", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    argv += ["-p", "tests.conftest", str(tmp_path)]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    ends = re.findall(r"^(PASSED|FAILED|ERROR) \S+::test_(\w+)", told, re.M)
    fine = {"quick_on_its_own_socket", "quick_after_it", "quick_last", "marked", "marked_with_an_end"}
    assert {name for end, name in ends if end == "PASSED"} == fine
    forgotten = {name for name in re.findall(r"def test_(\w+)", CASES) if name.startswith("forgotten")}
    assert {name for end, name in ends if end != "PASSED"} == forgotten
    assert told.count("give it the mark `real`") >= len(forgotten)


def test_what_is_long_is_left_to_make_bench_and_has_a_shorter_sister_beside_it() -> None:
    """By what make would run, and by what the bench names."""
    for target in ("test", "quick-tests"):
        told = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
        assert re.search(r'-m pytest .*-m "(?:[^"]+ and )?not long"', told), target
    bench = (ROOT / "bench" / "catalogue.py").read_text()
    assert '"long_tests": [sys.executable, "-m", "pytest", "-m", "long"' in bench
    here = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    marked = {path: text.count(f"@{MARK}\n") for path, text in here.items() if f"@{MARK}\n" in text}
    assert marked
    assert [path.name for path, count in marked.items() if here[path].count("\ndef test_") <= count] == []
