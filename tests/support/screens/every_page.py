"""Every page that people are led to, the widths at which it is looked at, and a street on which it shows something.

`python3 -m tests.support.screens.every_page FOLDER [PATH ...]` takes a picture of each at each width, in Chinese by day
and in English at night, and puts several on a sheet: what nobody would hang on a wall is seen there first.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, expect

from broker.people.roles import Role, Scope
from broker.web.languages import LANG_COOKIE
from broker.web.pages.screens import SCREENS
from broker.web.pages.ways import WAYS
from tests.support.bridge.whole_web import WholeWeb
from tests.support.screens.browser import chromium_page
from tests.support.screens.routed_page import HOME, routed

WIDTHS = (3840, 1920, 1280, 390)
AREA: tuple[Role, ...] = ("dispatcher", "supervisor", "technician", "registrar", "weigher", "enforcement")
BOUND: dict[str, tuple[Role, Scope]] = {
    "/cab": ("crew", Scope(trucks=("t01",))), "/keeper": ("keeper", Scope(estates=("e01",))),
    "/property": ("property", Scope(estates=("e01",))), "/asked": ("contractor", Scope(contractors=("qingyun",))),
}  # fmt: skip
BESIDE = (
    "/report/2026-11-23", "/registers/elections", "/registers/safety", "/registers/safety/log",
    "/registers/safety/import", "/sign-in", "/sign/NOTHING", "/devices/truck/t01", "/learned/wet-north",
    "/people/accounts/wang",
)  # fmt: skip
PAGES = sorted({*WAYS, *(path for path in SCREENS if "{" not in path), *BESIDE})
SIZES = {3840: 2160, 1920: 1080, 1280: 800, 390: 844}
SIGHTS = (("zh", "light"), ("en", "dark"))
SHEET_PX, GAP_PX = 1920, 12
A_ROW = {3840: 2, 1920: 2, 1280: 2, 390: 5}


def street_of(folder: Path) -> WholeWeb:
    """A morning with two rooms served and a press, and people for each page of it: `area`, and each bound role."""
    made = WholeWeb(folder, served=2)
    made.morning.store.now = lambda: made.morning.now  # type: ignore[method-assign]
    made.house.account("area", *AREA)
    for role, scope in BOUND.values():
        made.house.account(role, role, scope=scope)
    return made


def taken(page: Page, street: WholeWeb, path: str, language: str, scheme: str) -> dict[int, bytes]:
    """A picture of a page at each width."""
    client = street.house.person(street.app, BOUND[path][0] if path in BOUND else "area")
    routed(page, client)
    client.cookies.set(LANG_COOKIE, language)
    page.context.add_cookies([{"name": LANG_COOKIE, "value": language, "url": HOME}])
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{HOME}{path}?language={language}", wait_until="load")
    expect(page.locator("main")).to_be_visible()
    page.wait_for_function("() => !document.querySelector('main:empty')")
    if path in ("/", "/map"):
        expect(page.locator(".map-part[data-ready]")).to_be_visible()
    found = {}
    for width, height in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(900)  # charts and labels take their places
        found[width] = page.screenshot()
    page.goto("about:blank")
    return found


def sheets(folder: Path, width: int, files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Pages of several pictures each, as (name, HTML)."""
    across = A_ROW[width]
    rows = 2 if width == 390 else 3
    wide = (SHEET_PX - GAP_PX * (across + 1)) // across
    left, number = iter(files), 0
    while some := list(islice(left, across * rows)):
        number += 1
        pictures = "".join(
            f'<figure style="margin:0"><img src="file://{one}" style="width:{wide}px;display:block">'
            f"<figcaption>{one.stem}</figcaption></figure>" for one in some
        )
        grid = f"display:grid;gap:{GAP_PX}px;grid-template-columns:repeat({across},{wide}px)"
        style = f"margin:0;padding:{GAP_PX}px;font:14px sans-serif;background:#777;{grid}"
        yield f"sheet-{width}-{number:02}.png", f'<body style="{style}">{pictures}'


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.support.screens.every_page", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("paths", nargs="*", default=PAGES, help="of pages (default: all)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    files: dict[int, list[Path]] = {width: [] for width in SIZES}
    with TemporaryDirectory() as folder, chromium_page() as page:
        street = street_of(Path(folder))
        for path in options.paths:
            for language, scheme in SIGHTS:
                for width, picture in taken(page, street, path, language, scheme).items():
                    name = f"{path.strip('/').replace('/', '_') or 'room'}-{language}-{width}.png"
                    file = options.folder.resolve() / name
                    file.write_bytes(picture)
                    files[width].append(file)
            print(path, flush=True)
        street.morning.close()
        page.unroute_all()
        for width, of_width in files.items():
            for name, html in sheets(options.folder, width, of_width):
                page.set_viewport_size({"width": SHEET_PX, "height": 600})
                made = options.folder.resolve() / f"{name}.html"
                made.write_text(html, encoding="utf-8")
                page.goto(f"file://{made}")
                page.screenshot(path=options.folder / name, full_page=True)
                made.unlink()


if __name__ == "__main__":
    main()
