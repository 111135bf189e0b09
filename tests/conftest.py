"""What holds for every test: none skips for want of what is installed where CI is set, and the mark `real` is true.

A test without that mark is one of `make quick`: it starts no process and is over in a moment. That it starts none is
heard from Python itself, whoever starts it, for the test and for each fixture it has. `make quick` does not even open a
file whose tests all have the mark, and tries a fifth of the examples of each property; `make test` tries all of them.
"""

import gc
import os
import platform
import re
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

INSTALLED = re.compile(r"postgresql|chromium|mosquitto", re.IGNORECASE)
INSTALLED_ON_X86_64 = re.compile(r"micropython", re.IGNORECASE)
STARTS = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
WORKS_S = 5.0  # of the processor, for a test that should need a tenth of it: some machines are slow
ALL_REAL = re.compile(r"^pytestmark = \[?(pytest\.mark\.\w+, )*pytest\.mark\.real\b", re.MULTILINE)
FEWER = 5  # times as few examples of each property where nothing but the quick tests is asked for
YOUNG_OBJECTS = 20_000  # how many may be made before Python looks which of them are still needed
BEGAN = pytest.StashKey[float]()
TOLD = pytest.StashKey[bool]()

_started: list[str] = []  # by the test that runs now
_starting_fixtures: dict[tuple[str, str], str] = {}  # (where it is, its name): what it started


def _hear(event: str, given: tuple[Any, ...]) -> None:
    if event in STARTS:
        _started.append(str(given[0] if given else event))


sys.addaudithook(_hear)
# A shell that runs this in the background ignores Ctrl-C, and every program that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_quick(config: pytest.Config) -> bool:
    """Whether this is `make quick`."""
    return "not real" in config.option.markexpr


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether a file has nothing for `make quick`: what it would import (a browser's driver) costs that a second."""
    if not _is_quick(config) or collection_path.suffix != ".py":
        return None
    return True if ALL_REAL.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Fewer examples for `make quick`; a state machine has its settings on its class, a property on its function."""
    if not _is_quick(config):
        return
    for owner, name in {
        id(owner): (owner, name)
        for item in items
        for owner, name in (
            (getattr(item, "cls", None), "settings"),
            # A private name, since what is decorated with settings cannot be decorated again.
            (getattr(item, "function", None), "_hypothesis_internal_use_settings"),
        )
    }.values():
        usual = getattr(owner, name, None)
        if isinstance(usual, settings):
            setattr(owner, name, settings(usual, max_examples=max(1, usual.max_examples // FEWER)))


def pytest_collection_finish() -> None:
    """What was loaded stays: nobody need look through it again and again, which was an eighth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)


def _must_run(reason: str) -> bool:
    """Whether a test may not skip for this reason: data of ../shared and rights to mount cannot be installed."""
    if not os.environ.get("CI"):
        return False
    found = INSTALLED.search(reason) or (platform.machine() == "x86_64" and INSTALLED_ON_X86_64.search(reason))
    return bool(found)


def _not_quick(item: pytest.Item) -> str | None:
    """Why a test cannot be without the mark `real`; None if it can."""
    if item.get_closest_marker("real") or item.stash.get(TOLD, False):
        return None
    behind = [
        what
        for (where, name), what in _starting_fixtures.items()
        if name in getattr(item, "fixturenames", ()) and item.nodeid.startswith(where)
    ]
    if _started or behind:
        return f"it starts a process ({(_started + behind)[0]})"
    worked_s = time.process_time() - item.stash[BEGAN]
    is_slow = _is_quick(item.config) and worked_s > WORKS_S  # elsewhere a slow hour must not fail a good test
    return f"it works for {worked_s:.1f} s" if is_slow else None


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Remember a fixture that starts a process: a test that gets it ready-made needs the mark as well."""
    before, known = len(_started), len(_starting_fixtures)
    try:
        return (yield)
    finally:
        # What a fixture asked for and that one started is that one's: another parameter may not ask for it.
        if len(_started) > before and len(_starting_fixtures) == known:
            _starting_fixtures[fixturedef.baseid, fixturedef.argname] = _started[before]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test begins: nothing is started yet."""
    _started.clear()
    item.stash[BEGAN] = time.process_time()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip that hides something, and a process without the mark, into a failure that says why.

    What a worker's last test ends may be the fixture of some other test: that is not looked at.
    """
    report = yield
    if report.skipped and call.excinfo is not None and _must_run(reason := str(call.excinfo.value)):
        report.outcome = "failed"
        report.longrepr = f"skipped where CI is set, which hides failures: {reason}"
    elif report.when != "teardown" and report.passed and (why := _not_quick(item)) is not None:
        report.outcome = "failed"
        item.stash[TOLD] = True  # once is enough
        report.longrepr = f"{item.nodeid} is part of make quick, but {why}: give it the mark `real`"
    return report
