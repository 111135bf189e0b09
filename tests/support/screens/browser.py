"""A page of Debian's Chromium for tests of what people see."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
CHROMIUM_ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
expect.set_options(timeout=20_000)  # a page shares its core with other tests


@contextlib.contextmanager
def chromium_page() -> Iterator[Page]:
    """A headless page of the office's size; skips the test where there is no Chromium."""
    found = CHROMIUM or shutil.which("chromium")
    if found is None:
        pytest.skip("Chromium is not installed: run apt-get install chromium (make test does where it may)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        yield browser.new_page(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
        browser.close()
