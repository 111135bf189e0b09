"""Where CI is set, what `make test` installs is there: a test that skips for want of it has failed."""

import os
import platform
import re
from collections.abc import Generator

import pytest

INSTALLED = re.compile(r"postgresql|chromium|mosquitto", re.IGNORECASE)
INSTALLED_ON_X86_64 = re.compile(r"micropython", re.IGNORECASE)


def _must_run(reason: str) -> bool:
    """Whether a test may not skip for this reason: data of ../shared and rights to mount cannot be installed."""
    if not os.environ.get("CI"):
        return False
    found = INSTALLED.search(reason) or (platform.machine() == "x86_64" and INSTALLED_ON_X86_64.search(reason))
    return bool(found)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn such a skip into a failure that says why."""
    report = yield
    if report.skipped and call.excinfo is not None and _must_run(reason := str(call.excinfo.value)):
        report.outcome = "failed"
        report.longrepr = f"skipped where CI is set, which hides failures: {reason}"
    return report
