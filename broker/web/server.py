"""The screen's HTTP server: uvicorn in a thread of the bridge's process."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn

from broker.config import BrokerConfig, CityConfig, ConfigError
from broker.people.access_log import open_access_log
from broker.people.errors import PeopleError
from broker.people.people import FIRST_LINK_S, People
from broker.people.rosters import Rosters
from broker.people.sessions import Sessions
from broker.plan.model import Plan
from broker.registers.folder import open_registers
from broker.reports.casebook import CaseBook
from broker.store import Store
from broker.web.api.app import build_app
from broker.web.api.bookings import booking_router
from broker.web.api.cases import case_router
from broker.web.api.figures.record import record_router
from broker.web.api.map.routers import map_router
from broker.web.api.people.routers import people_routers
from broker.web.api.realtime import realtime_router
from broker.web.api.registers.routers import router as register_router
from broker.web.api.street.asked import asked_router
from broker.web.api.street.devices import device_router
from broker.web.api.street.keepers import keeper_router
from broker.web.desk import Desk
from broker.web.door.connection_limits import LimitedProtocol
from broker.web.door.gate import Gate
from broker.web.pages.bookings import booking_pages
from broker.web.pages.learned import learned_pages
from broker.web.pages.signs import sign_pages
from broker.web.stream.frames import Frames
from broker.web.stream.recording import Recording
from broker.web.view.health import of_stream

log = logging.getLogger("zhanpai.web")

START_TIMEOUT_S = 10.0
LOOK_S = 1.0
SAY_EVERY_S = 60.0  # of the same fault in the log
MOST_AT_ONCE = 100  # connections accepted before the first of them can be counted and closed


def check_people(config: BrokerConfig | CityConfig) -> None:
    """Look at the files of people; raises ConfigError with the one that is no good."""
    try:
        people = People(config.people.folder)
        people.kept()
        Sessions(people).visitor("")
        Rosters(people, (), ()).shifts()
    except PeopleError as why:
        raise ConfigError(f"[people] folder: {why}") from why


def bound_socket(config: BrokerConfig | CityConfig) -> socket.socket:
    """A socket at the screen's address, not listening yet; raises ConfigError where there can be none."""
    host, port = config.web.host, config.web.port
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as why:
        made.close()
        raise ConfigError(f"[web] port: {host}:{port} cannot be used ({why.strerror}); set another port") from why
    return made


class WebServer:
    """Serves screen and API of one desk on the configured address."""

    def __init__(
        self, config: BrokerConfig, desk: Desk, store: Store, plan: Plan, now: Callable[[], float] = time.time,
        book: CaseBook | None = None,
    ) -> None:  # fmt: skip
        host = config.web.host
        if config.web.enabled and config.web.is_open_without_tls:
            log.warning("%s", config.web.clear_note)
        self._socket = bound_socket(config)
        self.port = int(self._socket.getsockname()[1])
        people = People(config.people.folder)
        self.gate = Gate(people, Sessions(people), one_click=config.people.one_click)
        self._say_who_there_is()
        # The registers go by the area's clock: what is overdue on their pages is so on the day that the screen shows.
        access = open_access_log(config.registers.folder, timezone=plan.timezone, now=now)
        registers = open_registers(config.registers.folder, access=access, timezone=plan.timezone, now=now)
        further = [record_router(store, plan), register_router(registers), *people_routers(self.gate, plan, now)]
        further.append(realtime_router(desk, plan))
        rosters = Rosters(people, plan.rooms, plan.trucks())
        further += [device_router(desk, store), keeper_router(desk, plan, rosters.rooms_of)]
        further.append(sign_pages(desk, self.gate, plan, now))
        further += [make(desk, store, plan) for make in (asked_router, booking_router, booking_pages, learned_pages)]
        further.append(map_router(desk, store, plan, config.web.basemap, config.web.basemap_licence))
        cases = config.cases
        further.append(case_router(book or CaseBook(store, plan, cases.times, cases.within_days), plan, now))
        self._desk = desk
        self._frames = Frames()
        self._recording = Recording(config.playback.folder, config.playback.days)
        app = build_app(
            desk, store, further, self.gate, (host, *config.web.hosts), self._frames, config.playback.folder
        )
        cert_file, key_file = config.web.tls() or (None, None)
        proxies = list(config.web.trusted_proxies)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, http=LimitedProtocol, log_level="warning", lifespan="off", timeout_graceful_shutdown=1,
                server_header=False, backlog=MOST_AT_ONCE, ssl_certfile=cert_file, ssl_keyfile=key_file,
                proxy_headers=bool(proxies), forwarded_allow_ips=proxies,
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)
        self._over = threading.Event()
        self._stream = threading.Thread(target=self._show, name="stream", daemon=True)

    def start(self) -> None:
        """Start serving; returns when requests are answered."""
        self._stream.start()
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """End serving; open event streams are closed."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._over.set()
        self._desk.wake()
        self._thread.join(5)
        self._stream.join(5)
        self._socket.close()

    def first_link(self) -> str | None:
        """The key of a link for the first account; None where there is one, or the files of people are no good."""
        try:
            return self.gate.people.link(None, FIRST_LINK_S) if self.gate.people.nobody() else None
        except (PeopleError, OSError):
            return None  # (said already)

    def _say_who_there_is(self) -> None:
        """What is wrong with the people keeps nobody's lamp dark: it is said, and nobody is let in."""
        try:
            self.gate.open_to_shell()
            if self.gate.people.nobody():
                log.warning(
                    "nobody has an account yet: the screen is shown on this machine only, and nobody can do anything; "
                    "`python3 -m broker people link` prints the link for the first one"
                )
        except PeopleError as why:
            log.error("nobody is let in: %s", why)
        except OSError as why:
            log.error("[people] folder: commands of this machine are not let in (%s)", why)

    def _show(self) -> None:
        """Make each new picture a part of the stream; aside, because the bridge's loop must not wait for it."""
        number, said_at = -1, float("-inf")
        while not self._over.is_set():
            newest = self._desk.wait(number, LOOK_S, self._over)
            if newest == number or not self._desk.picture:
                continue
            number, picture = newest, self._desk.picture
            try:
                self._stream_one(picture)
                self._desk.not_streamed = None
            except Exception as why:  # (one odd picture must not end the stream of all that come after it)
                self._desk.not_streamed = repr(why)
                if time.monotonic() - said_at >= SAY_EVERY_S:
                    said_at = time.monotonic()
                    log.exception("a picture could not be streamed; the next one is tried")
        self._recording.close()

    def _stream_one(self, picture: dict[str, Any]) -> None:
        picture = {**picture, "health": [*picture["health"], *of_stream(self._desk)]}
        change = self._frames.show(picture)
        self._recording.keep(change, self._frames.parts, picture["at"])
        self._desk.not_kept = self._recording.trouble
