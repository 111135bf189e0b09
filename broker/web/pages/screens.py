"""The pages that are modules: one folder of `static` for each (index.html, page.js, words), under a strict policy.

A folder's page draws itself in the browser from the API, in Preact where it is a form or a list, without a build step.
What they share is `static/frame`; how to add one is in CONTRIBUTING.md.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

from broker.web.pages.modules import page_of
from broker.web.pages.rendering import STATIC

# Nothing but our own files and what we are asked to draw; nobody may frame us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = MappingProxyType({"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"})
# Address: folder.
SCREENS: Mapping[str, str] = MappingProxyType({
    "/asked": "asked",
    "/cab": "cab",
    "/devices": "devices",
    "/devices/{family}/{device}": "devices",
    "/figures": "figures",
    "/keeper": "keeper",
    "/map": "map",
    "/property": "property",
    "/scores": "scores",
})  # fmt: skip
# A worker of a page answers for its address without a network, so it comes with the leave to do so.
WORKERS: Mapping[str, str] = MappingProxyType({"/cab/worker.js": "cab"})


def screen_router() -> APIRouter:
    """Each screen under its address."""
    router = APIRouter(include_in_schema=False)
    for path, folder in SCREENS.items():
        router.add_api_route(path, _page_of(folder), methods=["GET"], name=folder)
    for path, folder in WORKERS.items():
        router.add_api_route(path, _worker_of(folder), methods=["GET"], name=f"{folder}-worker")
    return router


def answer_of(folder: str) -> HTMLResponse:
    """The page of a folder."""
    return HTMLResponse(page_of(folder), headers=dict(HEADERS))


def _page_of(folder: str) -> Callable[[], HTMLResponse]:
    return lambda: answer_of(folder)


def _worker_of(folder: str) -> Callable[[], FileResponse]:
    def worker() -> FileResponse:
        headers = {**HEADERS, "Service-Worker-Allowed": f"/{folder}", "Cache-Control": "no-cache"}
        return FileResponse(STATIC / folder / "worker.js", media_type="text/javascript", headers=headers)

    return worker
