"""The page of a folder of modules, with every module that it comes to named in its head: a browser then asks for all of
them at once, not for each after the one that imports it."""

import re
from functools import cache
from pathlib import Path, PurePosixPath

from broker.web.pages.rendering import STATIC

_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*?(?:\bfrom )?"([^"]+\.js)"', re.MULTILINE)
_SCRIPT = re.compile(r'<script type="module" src="/static/([^"]+)"')
SEARCHED = 40_000  # bytes of a module: a longer one is somebody else's, whole in one file


@cache
def page_of(folder: str) -> str:
    """The HTML of a folder of `static`."""
    html = (STATIC / folder / "index.html").read_text(encoding="utf-8")
    script = _SCRIPT.search(html)
    if script is None:
        return html
    links = "".join(f'<link rel="modulepreload" href="/static/{name}">\n' for name in modules_of(script[1]))
    return html[: script.start()] + links + html[script.start() :]


def modules_of(first: str) -> list[str]:
    """What a module imports, and what that imports, each once, by their paths below `static`."""
    found: dict[str, None] = {}
    waiting = [PurePosixPath(first)]
    while waiting:
        name = waiting.pop(0)
        source = STATIC / name
        if source.stat().st_size > SEARCHED:
            continue
        for told in _IMPORT.findall(source.read_text(encoding="utf-8")):
            path = _path(name, told)
            if str(path) not in found:
                found[str(path)] = None
                waiting.append(path)
    return list(found)


def _path(importer: PurePosixPath, told: str) -> PurePosixPath:
    if told.startswith("/static/"):
        return PurePosixPath(told.removeprefix("/static/"))
    return PurePosixPath((Path("/") / importer.parent / told).resolve().relative_to("/").as_posix())
