"""What tests of pages begin with: one browser for a module, and a screen of its own for each test."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.screens.browser import chromium_page
from tests.support.screens.made_screen import Screen


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of Debian's Chromium, headless."""
    with chromium_page() as made:
        yield made


@pytest.fixture(scope="module")
def morning_picture(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A truck under way whose lane is blocked, as the bridge shows it."""
    morning = Morning(tmp_path_factory.mktemp("records"))
    morning.serve(0)
    morning.press("lane_blocked")
    morning.step(2)
    picture = snapshot(morning.bridge, morning.now)
    morning.close()
    return picture


@pytest.fixture
def screen(page: Page, morning_picture: dict[str, Any]) -> Iterator[Screen]:
    """The operations room over a picture, perhaps of the module's own, which each test may change."""
    yield Screen(page, copy.deepcopy(morning_picture))
    page.unroute_all()
