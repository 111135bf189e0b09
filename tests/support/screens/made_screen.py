"""The operations room over a picture made by hand: its own files, no bridge."""

import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, Route, expect

from broker.people.roles import Visitor
from broker.web.api.app import STATIC
from broker.web.door.rights import deeds_of, pages_of
from broker.web.pages.ways import ways_of
from broker.web.stream.changes import parts_of

HOME = "http://screen.test/"
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}


def clock(at: int) -> str:
    """The area's time of day, as the screen writes it."""
    return f"{dt.datetime.fromtimestamp(at, ZoneInfo('Asia/Shanghai')):%H:%M:%S}"


class Screen:
    """The screen's own files and a picture that the test changes; what is clicked ends up in `posted`."""

    def __init__(self, page: Page, picture: dict[str, Any]) -> None:
        self.page = page
        self.picture = picture
        self.posted: list[tuple[str, Any]] = []
        self.answer = (200, "{}")
        plan = {"lines": [], "places": [], "estates": [], "ground": False, "basemap": None}
        self.figures: dict[str, Any] = {"api/v1/plan/map": plan}  # what is answered to other paths: nothing
        page.route(f"{HOME}**", self._answer)

    def open(self, language: str = "zh", width: int = 1280) -> None:
        """Load the screen in a language at a width, with its first picture."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.goto(HOME)
        self.page.evaluate(f"document.cookie = 'zhanpai_lang={language}; Path=/'")  # as somebody chose it before
        self.page.reload()
        self.drawn()

    def drawn(self) -> None:
        """Wait until the picture as it is now is on the screen."""
        expect(self.page.locator("#clock")).to_have_text(clock(self.picture["at"]))

    def later(self, seconds: int) -> None:
        """Time passes; a new picture is drawn."""
        self.picture["at"] += seconds
        self.drawn()

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(HOME).split("?")[0]
        if route.request.method == "POST":
            self.posted.append((path, json.loads(route.request.post_data or "null")))
            route.fulfill(status=self.answer[0], body=self.answer[1], content_type="application/json")
        elif path == "healthz":  # asked while the veil is up, by a page that the test before left so
            route.fulfill(body='{"reasons": []}', content_type="application/json")
        elif path == "api/v1/people/me":
            wang = Visitor("wang", "Wang", frozenset({"dispatcher"}))
            me = {"account": "wang", "name": "Wang", "kind": "account", "roles": ["dispatcher"], "one_click": []}
            may = {"deeds": deeds_of(wang), "pages": pages_of(wang), "ways": ways_of(wang), "landing": "/"}
            route.fulfill(body=json.dumps({**me, **may}), content_type="application/json")
        elif path == "api/v1/events":
            told = {"at": self.picture["at"], "parts": parts_of(self.picture)}
            body = f"retry: 100\nevent: snapshot\ndata: {json.dumps(told)}\n\n"
            route.fulfill(body=body, content_type="text/event-stream")
        elif path.startswith("api/"):
            route.fulfill(body=json.dumps(self.figures.get(path, [])), content_type="application/json")
        else:
            file = STATIC / (path.removeprefix("static/") or "room/index.html")
            route.fulfill(body=file.read_bytes(), content_type=TYPES.get(file.suffix, "text/html"))
