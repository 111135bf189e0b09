"""The files of pages out of memory, and the modules that a page names in its head."""

import os
from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from broker.web.door.files import Files
from broker.web.pages.modules import modules_of, page_of
from broker.web.pages.rendering import STATIC
from broker.web.pages.screens import SCREENS

LONG = "export const word = 'truck';\n" * 200


def client_of(folder: Path, host: str = "street.test") -> TestClient:
    """Files of a folder, known by one name; whatever goes on is answered with "further"."""
    return TestClient(Files(PlainTextResponse("further"), folder, {"street.test"}), f"http://{host}:8080")


def test_a_file_comes_packed_once_and_as_it_is_now(tmp_path: Path) -> None:
    """The same bytes packed and not; who has it is told so; what is changed on the disk is read anew, what is gone is
    the application's to answer for."""
    page = tmp_path / "page.js"
    page.write_text(LONG)
    client = client_of(tmp_path)
    packed = client.get("/static/page.js")
    plain = client.get("/static/page.js", headers={"Accept-Encoding": "identity"})
    assert packed.text == plain.text == LONG and packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(LONG) / 10
    assert packed.headers["content-type"].startswith("text/javascript")
    assert packed.headers["x-content-type-options"] == "nosniff" and packed.headers["cache-control"] == "no-cache"
    has = {"If-None-Match": packed.headers["etag"]}
    again = client.get("/static/page.js", headers=has)
    assert (again.status_code, again.content) == (304, b"")
    page.write_text("changed")
    os.utime(page, ns=(1, 1))
    assert client.get("/static/page.js", headers=has).text == "changed"
    page.unlink()
    assert client.get("/static/page.js").text == "further"


def test_what_is_asked_for_in_another_way_goes_on(tmp_path: Path) -> None:
    """By another name, in parts, by another method, and what is no file of pages."""
    (tmp_path / "page.js").write_text(LONG)
    (tmp_path / "secret.txt").write_text("no")
    client = client_of(tmp_path)
    assert client.get("/static/page.js", headers={"Range": "bytes=0-3"}).text == "further"
    assert client.head("/static/page.js").headers["content-length"] == str(len("further"))
    for path in ("/static/secret.txt", "/static/../page.js", "/page.js", "/"):
        assert client.get(path).text == "further"
    assert client_of(tmp_path, "elsewhere.test").get("/static/page.js").text == "further"


def test_a_page_names_every_module_that_it_comes_to_and_each_is_there() -> None:
    """Once, and what is loaded later is not among them."""
    for folder in {*SCREENS.values(), "room"}:
        found = modules_of(f"{folder}/page.js")
        assert len(found) == len(set(found)) and all((STATIC / name).is_file() for name in found)
        assert all(f'<link rel="modulepreload" href="/static/{name}">' in page_of(folder) for name in found)
    room = modules_of("room/page.js")
    assert {"room/line/places.js", "frame/words.js", "playback/film.js"} <= set(room)
    assert "map/map.js" not in room and "map/map.js" in modules_of("map/page.js")
