"""The bridge as a process: link, store, clock and screen around one `Bridge`, in one loop."""

import gc
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from broker.bridge import Bridge
from broker.city.push import Push
from broker.config import BrokerConfig, ConfigError, MqttConfig
from broker.config.values import is_loopback
from broker.feeds.home_assistant.announcer import Announcer
from broker.feeds.home_assistant.devices import devices
from broker.feeds.outside.receivers import Receivers
from broker.feeds.reports.maker import Maker
from broker.flood_control import FloodControl
from broker.ingest.delivery.newest_records import newest_received
from broker.ingest.steady_clock import SteadyClock, since_boot
from broker.mqtt.certificates import check_certificates
from broker.mqtt.inbox import Inbox
from broker.mqtt.link import Arrived, BridgeLink, Down, Up
from broker.mqtt.own_broker.access_list import AccountError, account_of, readers, reserved
from broker.mqtt.own_broker.accounts import all_accounts
from broker.mqtt.own_broker.caretaker import Caretaker
from broker.mqtt.own_broker.connections import files_allowed, too_few
from broker.mqtt.own_broker.guard import Guard
from broker.mqtt.own_broker.mosquitto import EmbeddedBroker, choose_broker
from broker.mqtt.own_broker.mosquitto_conf import BrokerLimits, Outside
from broker.people.errors import PeopleError
from broker.people.people import People
from broker.people.rosters import Place, Rosters
from broker.plan.model import Plan
from broker.reports.casebook import CaseBook
from broker.rules.day.duty import Names, Post
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.statistics.cube import Cube
from broker.rules.statistics.facts import Fact
from broker.rules.statistics.periods import Period
from broker.settings import configured_plan, dispatch_settings, press_limits
from broker.store import Store
from broker.store.waiting import WaitingStore, open_as_it_can
from broker.web.desk import Desk
from broker.web.view.health import Way, of_picture, of_stream, stuck
from broker.web.view.last_picture import Pictures
from firmware.watchdog import Watchdog

log = logging.getLogger("zhanpai.bridge")

BATCH = 1000  # events decided before a commit
WORK_S = 0.01  # of what takes long, in one turn of the loop
LOOP_S = 0.05  # how long the loop waits for an event before it looks at the clock
ANSWER_S = 4.0  # how long an act waits for what it needs; who asked goes after `Desk.ask`'s 5 s
SNAPSHOT_S = 1.0
KEPT_BYTES = 8 << 20
YOUNG_OBJECTS = 20_000  # before the garbage collector looks through them
Clock = Callable[[], float]
Asked = tuple[Act, "Future[dict[str, Any]]", float]  # who waits for what, and until when


def serve(
    config: BrokerConfig,
    *,
    now: Clock = time.time,
    elapsed: Clock = since_boot,
    stop: threading.Event | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Run the bridge until `stop` is set; `ready` gets the screen's port.

    `now` is the machine's clock, which may jump, and `elapsed` counts seconds whatever that does; both may be sped up.
    """
    stop = stop or threading.Event()
    clock = SteadyClock(now, elapsed)
    now = clock.now
    plan = configured_plan(config)
    embedded, password = embedded_broker(config, plan) if config.embedded.enabled else (None, None)
    try:
        check_certificates(config, now())
    except ConfigError as why:  # the rest works: it is said, and not refused
        if embedded is not None:
            embedded.tell(str(why))
        else:
            log.error("%s", why)
    if embedded is not None:
        embedded.start()
        log.info("embedded broker on %s:%d", embedded.host, embedded.port)
    try:
        store = open_as_it_can(config.store.url, plan.area_id, plan.timezone, now)
        try:
            clock.begins(newest_received(store))
            inbox = Inbox(config.limits, now, len(plan.trucks()) + len(plan.rooms))
            mqtt = config.mqtt if embedded is None else way_to(embedded, config.mqtt)
            link = BridgeLink(mqtt, plan.area_id, int(now()), password, inbox)
            caretaker = Caretaker(embedded, lambda: link.heard_at) if embedded is not None else None
            bridge = Bridge(plan, store, link.send, dispatch_settings(config), press_limits(config), inbox.refuse,
                            in_steps=True, on_duty=on_duty_of(config, plan), stopwatch=time.perf_counter,
                            world_time=clock.heard, knows_time=clock.is_known)  # fmt: skip
            guard = Guard(embedded, config.limits) if embedded is not None and embedded.guarded else None
            floods = FloodControl(inbox, guard, bridge, link)
            house = _announcer(config, plan)
            book = CaseBook(store, plan, config.cases.times, config.cases.within_days)
            reports = _report_maker(config, plan, store, now, book)
            receivers = Receivers(
                config.outside, plan.area_id, plan.timezone, store, lambda: desk.picture, reports.made, book.cases,
                config.calls.slip_s,
            )  # fmt: skip
            push = Push(
                config, plan, now, lambda: desk.picture,
                lambda: [*stuck(desk), *of_stream(desk), *of_picture(desk.picture)], lambda: screen_of(config, web),
            )  # fmt: skip
            desk = Desk(
                accounts=floods if guard is not None else None, outside=receivers.state,
                reports_trouble=lambda: reports.trouble, measured=bridge.measured, city=push.state,
            )  # fmt: skip
            if isinstance(store, WaitingStore):
                bridge.cannot_store(store.why)
            bridge.start(now())
            bridge.link_down(now())  # until the link says that it is up
            desk.show(Pictures(bridge).newest(now()))
            web = _start_web(config, desk, bridge, now, book)
            link.start()
            if caretaker is not None:
                caretaker.start()
            if guard is not None:
                guard.start()
            receivers.start()
            reports.start()
            push.start()
            try:
                if ready is not None:
                    ready(web.port if web else 0)
                # What was loaded stays for ever: walking over all of it would stop the loop for 50 to 150 ms. Of what
                # comes nearly all goes with its commit: it is looked through once in several batches, not within each.
                gc.collect()
                gc.freeze()
                gc.set_threshold(YOUNG_OBJECTS)
                # A batch's memory is kept for the next one: the C library takes the largest piece that was ever given
                # back as the measure of what it may keep, instead of asking the system for the same pages each time.
                bytes(KEPT_BYTES)
                _loop(bridge, link, desk, now, stop, lambda: _way(link, caretaker, clock), floods, house)
            finally:
                if guard is not None:
                    guard.stop()
                receivers.stop()
                reports.stop()
                push.stop()
                bridge.stop(now())
                inbox.close()
                link.stop()
                if caretaker is not None:
                    caretaker.stop()
                if web:
                    web.stop()
        finally:
            store.close()
    finally:
        if embedded:
            embedded.stop()


def _report_maker(config: BrokerConfig, plan: Plan, store: Store, now: Clock, book: CaseBook) -> Maker:
    from broker.web.pages.day_report import period_page

    def page(facts: Sequence[Fact], cube: Cube, period: Period, language: str) -> str:
        return period_page(facts, cube, plan.area_id, period, language, plan.timezone, plan.names())

    return Maker(config.reports.folder, config.reports.back_days, plan.timezone, store, page, now, also=book.gather)


def _announcer(config: BrokerConfig, plan: Plan) -> Announcer:
    house = config.home_assistant
    return Announcer(devices(plan, house.prefix, house.language) if house.enabled else {}, house.file)


def on_duty_of(config: BrokerConfig, plan: Plan) -> Names:
    """Who is told of an incident; where the files of people are no good nobody by name, and everybody on the screen."""
    people = People(config.people.folder)
    rosters = Rosters(people, plan.rooms, plan.trucks())

    def names(post: Post, at: int) -> tuple[str, ...]:
        try:
            return rosters.told_by(post.step, Place(post.room, post.estate, post.truck, post.contractor), at)
        except (PeopleError, OSError) as why:
            log.error("nobody can say who is on duty: %s", why)
            return ()

    return names


def _way(link: BridgeLink, caretaker: Caretaker | None, clock: SteadyClock) -> Way:
    notes = tuple(caretaker.notes()) if caretaker is not None else ()
    return Way(link.silent_s(), link.heartbeat_s(), link.why, notes, clock.wrong_by_s())


def _loop(
    bridge: Bridge, link: BridgeLink, desk: Desk, now: Clock, stop: threading.Event, way: Callable[[], Way] = Way,
    floods: FloodControl | None = None, house: Announcer | None = None,
) -> None:  # fmt: skip
    pictures = Pictures(bridge, way)
    unsettled: list[tuple[int, list[int]]] = []  # (connection, packet numbers)
    asked: list[Asked] = []
    shown_at, more = 0.0, False
    watchdog = Watchdog()  # systemd's, where it starts us
    watchdog.ready()
    while not stop.is_set():
        worked = _take_events(bridge, link, now, unsettled, 0.0 if more else LOOP_S)
        acted = _take_actions(bridge, desk, pictures, now, asked)
        _answer_a_question(bridge, desk, now)
        bridge.tick(now())
        more = _work_on(bridge, now)
        bridge.flush(now())
        # Also while nothing can be stored: an alarm must not wait behind a thousand positions that nobody can keep.
        # A PUBACK says nothing; what is not in an ack is sent again.
        for connection, numbers in unsettled:
            link.settle(connection, numbers)
        unsettled.clear()
        if floods is not None:
            floods.look(int(now()))
        if house is not None:
            house.look(link, time.monotonic())
        link.write_out()
        desk.turned(way().heartbeat_s)
        watchdog.alive(time.monotonic())
        if acted or time.monotonic() - shown_at >= SNAPSHOT_S:
            shown_at = time.monotonic()
            desk.show(pictures.newest(now()))
        if not worked and bridge.unstored:
            time.sleep(LOOP_S)  # the store does not take records: wait, do not spin


def _take_events(
    bridge: Bridge, link: BridgeLink, now: Clock, unsettled: list[tuple[int, list[int]]], wait_s: float
) -> bool:
    """Decide on what the broker brought; waits so long for the first event, stops after a batch."""
    taken = 0
    while taken < BATCH:
        try:
            event = link.events.get(timeout=wait_s) if taken == 0 else link.events.get_nowait()
        except queue.Empty:
            return taken > 0
        taken += 1
        if isinstance(event, Arrived):
            at = now()
            for topic, payload, _ in event.messages:
                bridge.receive(topic, payload, at)
            unsettled.append((event.connection, [number for _, _, number in event.messages if number]))
            taken += len(event.messages)
        elif isinstance(event, Up):
            bridge.link_up(now())
        elif isinstance(event, Down):
            bridge.link_down(now())
    return True


def _work_on(bridge: Bridge, now: Clock) -> bool:
    """Go on with what takes long, for a moment; whether there is more of it."""
    until = time.monotonic() + WORK_S
    while bridge.work(now()):
        if time.monotonic() >= until:
            return True
    return False


def _take_actions(bridge: Bridge, desk: Desk, pictures: Pictures, now: Clock, asked: list[Asked]) -> bool:
    """Carry out what people asked for; whether any of it is answered. What is not yet possible stays in `asked`."""
    try:
        while True:
            act, answer = desk.box.get_nowait()
            if answer.set_running_or_notify_cancel():
                asked.append((act, answer, time.monotonic() + ANSWER_S))
    except queue.Empty:
        pass
    waiting = []
    for act, answer, until in asked:
        try:
            bridge.act(act, now())
            answer.set_result(pictures.newest(now()))
        except Exception as why:  # noqa: BLE001  (handed to the thread that asked)
            if isinstance(why, ActionError) and why.not_yet and time.monotonic() < until:
                waiting.append((act, answer, until))
            else:
                answer.set_exception(why)
    acted = len(waiting) < len(asked)
    asked[:] = waiting
    return acted


def _answer_a_question(bridge: Bridge, desk: Desk, now: Clock) -> None:
    """Answer one question that is not about the picture; one in a turn, for one may take some milliseconds."""
    try:
        question, answer = desk.questions.get_nowait()
    except queue.Empty:
        return
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(question(bridge, int(now())))
    except Exception as why:  # noqa: BLE001  (handed to the thread that asked)
        answer.set_exception(why)


def embedded_broker(config: BrokerConfig, plan: Plan, folder: Path | None = None) -> tuple[EmbeddedBroker, str]:
    """The broker that `[embedded]` asks for, not started yet, and the bridge's password; raises ConfigError.

    With `folder` it is a trial: its files are there, and no password is kept.
    """
    if config.mqtt.ca_file is not None:
        raise ConfigError(
            "[mqtt] ca_file: the bridge meets its embedded broker on this machine without TLS; leave ca_file out. "
            "For devices under TLS set [embedded] cert_file and key_file, or run Mosquitto apart"
        )
    bridge = f"bridge-{plan.area_id}"
    if config.mqtt.user not in (None, bridge):
        raise ConfigError(f"[mqtt] user: the embedded broker knows the bridge as {bridge}; leave user out")
    given = config.embedded.passwords()
    password = config.mqtt.password()
    if password:
        given[bridge] = password
    ours = (bridge, *readers(plan.area_id))
    taken = next((name for name in (*plan.trucks(), *plan.rooms) if name in reserved(plan.area_id)), None)
    if taken is not None:
        raise ConfigError(f"[area] plan: {taken} is an account of the broker's own, no truck or room: rename it there")
    names = [*ours, *plan.trucks(), *plan.rooms]
    accounts, note = all_accounts(given, names, config.embedded.folder, keep=folder is None)
    host, port, outside = config.mqtt.host, config.mqtt.port, None
    if tls := config.embedded.tls():
        outside = Outside(host, port, *tls, config.embedded.ca_file, config.embedded.password_port)
        host, port = "127.0.0.1", 0
    clear = None
    if outside is None and not is_loopback(host):
        clear = (
            f"[mqtt] host: {host} is open to the network without TLS: passwords and positions go in clear, whoever "
            "listens can speak as any device"
        )
        if not config.embedded.open_without_tls:
            raise ConfigError(
                f"{clear}; set [embedded] cert_file and key_file (`python3 tools/flash.py ca` makes them), or host "
                "127.0.0.1; [embedded] open_without_tls = true has it open all the same"
            )
    limits = BrokerLimits(config.limits.broker_memory_mb, config.limits.connections)
    try:
        for account in accounts:
            account_of(f"{account}:{accounts[account]}")
        broker = choose_broker(
            folder or config.embedded.folder, plan.area_id, accounts, rooms=plan.rooms, host=host, port=port,
            limits=limits, outside=outside,
        )  # fmt: skip
    except AccountError as why:
        raise ConfigError(f"[embedded] accounts: {why}") from why
    if note:
        broker.tell(note)
    if clear:
        broker.tell(clear)
    for short in too_few(len(plan.trucks()) + len(plan.rooms), limits.connections, files_allowed()):
        broker.tell(short)
    return broker, accounts[bridge]


def way_to(broker: EmbeddedBroker, mqtt: MqttConfig) -> MqttConfig:
    """How the bridge itself meets its embedded broker."""
    return mqtt.model_copy(update={"host": broker.host, "port": broker.port})


def screen_of(config: BrokerConfig, web: Any) -> str | None:
    """Where the city's people find this cell's screen."""
    if config.city.screen is not None or web is None:
        return config.city.screen
    return config.web.model_copy(update={"port": web.port}).page("/")


def _start_web(config: BrokerConfig, desk: Desk, bridge: Bridge, now: Clock, book: CaseBook) -> Any:
    if not config.web.enabled:
        return None
    from broker.web.server import WebServer

    server = WebServer(config, desk, bridge.store, bridge.dispatch.day.plan, now, book)
    server.start()
    log.info("screen at http://%s:%d", config.web.host, server.port)
    if sys.stdout.isatty() and (key := server.first_link()):  # never into a file that others read
        here = config.web.model_copy(update={"port": server.port})
        print(f"set up the first account, once and within the hour: {here.page(f'/welcome#{key}')}", flush=True)
    return server
