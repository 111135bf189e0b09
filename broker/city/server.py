"""The city's own server: its page and API behind the same door as a cell's, with accounts in a folder of its own."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from broker.city.api import Cells, city_router, health_router
from broker.city.database import CityDatabase
from broker.city.figures import CityFigures
from broker.city.platform import Platform
from broker.config import CityConfig
from broker.people.administration import Administration
from broker.people.errors import PeopleError
from broker.people.people import People
from broker.people.sessions import Sessions
from broker.web.api.app import empty_app
from broker.web.api.people.accounts import account_router
from broker.web.api.people.me import people_router
from broker.web.door.connection_limits import LimitedProtocol
from broker.web.door.gate import Gate
from broker.web.door.visitors import visitor_of
from broker.web.pages.people.accounts import account_pages
from broker.web.pages.people.sign_in import sign_in_router
from broker.web.pages.screens import answer_of
from broker.web.pages.ways import landing_of
from broker.web.security import guarded
from broker.web.server import MOST_AT_ONCE, bound_socket

log = logging.getLogger("zhanpai.city")


def build_city(
    config: CityConfig, cells: Cells, gate: Gate, now: Callable[[], float], figures: CityFigures | None = None,
    outside: Callable[[], list[dict[str, Any]]] = list,
) -> FastAPI:  # fmt: skip
    """The ASGI application of a city, behind `gate`; `outside` says how its platform is told."""
    app = empty_app()
    app.state.of_city = True
    _pages(app)
    house = Administration(gate.people, (), ())
    for router in (
        city_router(config, cells, figures or CityFigures(cells.database, now), now), health_router(cells, outside),
        people_router(gate), sign_in_router(gate), account_router(gate, house),
        account_pages(gate, house, {}, config.city.timezone),
    ):  # fmt: skip
        app.include_router(router)
    return guarded(app, gate, (config.web.host, *config.web.hosts))


def _pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def begin(request: Request) -> RedirectResponse:
        return RedirectResponse(landing_of(visitor_of(request), of_city=True), 303)

    @app.get("/city", include_in_schema=False)
    def city() -> HTMLResponse:
        return answer_of("city")


def serve(
    config: CityConfig, *, stop: threading.Event | None = None, ready: Callable[[int], None] | None = None
) -> None:
    """Serve the city until `stop` is set; `ready` gets the port. Raises ConfigError.

    The database may be away, now or later: the page says so, and shows the cells again when it is back.
    """
    stop = stop or threading.Event()
    password = config.city.password()
    if config.web.is_open_without_tls:
        log.warning("%s", config.web.clear_note)
    socket = bound_socket(config)
    people = People(config.people.folder)
    gate = Gate(people, Sessions(people), one_click=config.people.one_click)
    _say_who_there_is(gate)
    cells = Cells(CityDatabase(config.city.url, password, time.time))
    platform = Platform(config.outside, cells.database, cells.read)
    cert_file, key_file = config.web.tls() or (None, None)
    proxies = list(config.web.trusted_proxies)
    server = uvicorn.Server(
        uvicorn.Config(
            build_city(config, cells, gate, time.time, outside=platform.state), http=LimitedProtocol,
            log_level="warning", lifespan="off", timeout_graceful_shutdown=1, server_header=False,
            backlog=MOST_AT_ONCE, ssl_certfile=cert_file, ssl_keyfile=key_file, proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies,
        )
    )  # fmt: skip
    thread = threading.Thread(target=server.run, args=([socket],), name="web", daemon=True)
    thread.start()
    platform.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        port = int(socket.getsockname()[1])
        log.info("the city's page at %s", config.web.model_copy(update={"port": port}).page("/"))
        if ready is not None:
            ready(port)
        stop.wait()
    finally:
        platform.stop()
        server.should_exit = server.force_exit = True
        thread.join(5)
        socket.close()
        cells.database.close()


def _say_who_there_is(gate: Gate) -> None:
    try:
        gate.open_to_shell()
        if gate.people.nobody():
            log.warning(
                "nobody has an account of the city yet: its page is shown on this machine only; "
                "`python3 -m broker people link --config city.toml` prints the link for the first one"
            )
    except (PeopleError, OSError) as why:
        log.error("nobody is let in: %s", why)
