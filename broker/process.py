"""The bridge as a process: link, store, clock and screen around one `Bridge`, in one loop."""

import gc
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from broker.bridge import Bridge
from broker.config import BrokerConfig
from broker.flood_control import FloodControl
from broker.mqtt.amqtt_broker import choose_broker
from broker.mqtt.guard import Guard
from broker.mqtt.inbox import Inbox
from broker.mqtt.link import Arrived, BridgeLink, Down, Up
from broker.mqtt.mosquitto import EmbeddedBroker
from broker.mqtt.mosquitto_conf import BrokerLimits
from broker.plan.model import Plan
from broker.settings import configured_plan, dispatch_settings, press_limits
from broker.store.opening import open_store
from broker.web.desk import Desk
from broker.web.picture import snapshot

log = logging.getLogger("zhanpai.bridge")

BATCH = 1000  # events decided before a commit
LOOP_S = 0.05  # how long the loop waits for an event before it looks at the clock
SNAPSHOT_S = 1.0
Clock = Callable[[], float]


def serve(
    config: BrokerConfig,
    *,
    now: Clock = time.time,
    stop: threading.Event | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Run the bridge until `stop` is set; `now` may be an accelerated clock, `ready` gets the screen's port."""
    stop = stop or threading.Event()
    plan = configured_plan(config)
    embedded = _start_embedded(config, plan)
    try:
        store = open_store(config.store.url, area=plan.area_id, timezone=plan.timezone, now=now)
        try:
            inbox = Inbox(config.limits, now)
            link = BridgeLink(config.mqtt, plan.area_id, int(now()), inbox)
            bridge = Bridge(plan, store, link.send, dispatch_settings(config), press_limits(config), inbox.refuse)
            guard = Guard(embedded, config.limits) if embedded is not None and embedded.guarded else None
            floods = FloodControl(inbox, guard, bridge, lambda topic: link.send(topic, b"", True))
            desk = Desk()
            bridge.start(now())
            bridge.link_down(now())  # until the link says that it is up
            desk.show(snapshot(bridge, now()))
            web = _start_web(config, desk, bridge)
            link.start()
            try:
                if ready is not None:
                    ready(web.port if web else 0)
                # What was loaded stays for ever: walking over all of it would stop the loop for 50 to 150 ms.
                gc.collect()
                gc.freeze()
                if guard is not None:
                    guard.start()
                _loop(bridge, link, desk, now, stop, floods)
            finally:
                if guard is not None:
                    guard.stop()
                bridge.stop(now())
                inbox.close()
                link.stop()
                if web:
                    web.stop()
        finally:
            store.close()
    finally:
        if embedded:
            embedded.stop()


def _loop(
    bridge: Bridge, link: BridgeLink, desk: Desk, now: Clock, stop: threading.Event, floods: FloodControl | None = None
) -> None:
    unsettled: list[tuple[int, list[int]]] = []  # (connection, packet numbers)
    shown_at = 0.0
    while not stop.is_set():
        worked = _take_events(bridge, link, now, unsettled)
        acted = _take_actions(bridge, desk, now)
        bridge.tick(now())
        bridge.flush(now())
        # Also while nothing can be stored: an alarm must not wait behind a thousand positions that nobody can keep.
        # A PUBACK says nothing; what is not in an ack is sent again.
        for connection, numbers in unsettled:
            link.settle(connection, numbers)
        unsettled.clear()
        if floods is not None:
            floods.look(int(now()))
        link.write_out()
        if acted or time.monotonic() - shown_at >= SNAPSHOT_S:
            shown_at = time.monotonic()
            desk.show(snapshot(bridge, now()))
        if not worked and bridge.unstored:
            time.sleep(LOOP_S)  # the store does not take records: wait, do not spin


def _take_events(
    bridge: Bridge, link: BridgeLink, now: Clock, unsettled: list[tuple[int, list[int]]]
) -> bool:
    """Decide on what the broker brought; waits a moment for the first event, stops after a batch."""
    taken = 0
    while taken < BATCH:
        try:
            event = link.events.get(timeout=LOOP_S) if taken == 0 else link.events.get_nowait()
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


def _take_actions(bridge: Bridge, desk: Desk, now: Clock) -> bool:
    acted = False
    while True:
        try:
            act, answer = desk.box.get_nowait()
        except queue.Empty:
            return acted
        if not answer.set_running_or_notify_cancel():
            continue
        acted = True
        try:
            bridge.act(act, now())
            answer.set_result(snapshot(bridge, now()))
        except Exception as why:  # noqa: BLE001  (handed to the thread that asked)
            answer.set_exception(why)


def _start_embedded(config: BrokerConfig, plan: Plan) -> EmbeddedBroker | None:
    if not config.embedded.enabled:
        return None
    accounts, bridge = config.embedded.passwords(), config.mqtt.user or f"bridge-{plan.area_id}"
    accounts.setdefault(bridge, config.mqtt.password() or "")
    broker = choose_broker(
        config.embedded.folder, plan.area_id, accounts, rooms=plan.rooms, host=config.mqtt.host, port=config.mqtt.port,
        bridge=bridge, limits=BrokerLimits(config.limits.broker_memory_mb, config.limits.connections),
    )  # fmt: skip
    broker.start()
    log.info("embedded broker on %s:%d", broker.host, broker.port)
    return broker


def _start_web(config: BrokerConfig, desk: Desk, bridge: Bridge) -> Any:
    if not config.web.enabled:
        return None
    from broker.web.server import WebServer

    server = WebServer(config, desk, bridge.store, bridge.dispatch.day.plan)
    server.start()
    log.info("screen at http://%s:%d", config.web.host, server.port)
    return server
