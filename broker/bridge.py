"""The bridge between devices and decisions: every record is durable before it is acted upon in public.

    receive(topic, payload, now)   one MQTT message; decides, but nothing leaves yet
    act(action, now)               one person's action; decided, stored and published when it returns
    tick(now)                      once a second: time passes for the decisions
    work(now)                      one short step of what takes long, if the shell has it done in steps
    flush(now)                     commit what came, then publish what was decided, then acknowledge

One object, no thread, no socket, no clock: the shell (`process.py`) and the simulator drive it alike. If the store
cannot take a batch (disk full), nothing of it is published or acknowledged; what must not wait for its device to send
it again is kept and tried again (ingest/delivery/backlog.py), and the devices keep their records meanwhile.

If a rule fails in a decision, what the device said is kept, and nothing of the decision is (ingest/decisions.py).
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from broker import __version__
from broker.ingest.decisions import Decisions
from broker.ingest.delivery.acks import AreaAcks
from broker.ingest.delivery.backlog import keep_some
from broker.ingest.delivery.commits import commit
from broker.ingest.delivery.newest_records import CORRECTED_S
from broker.ingest.delivery.press_limits import PressLimits
from broker.ingest.delivery.refusals import Refusals
from broker.ingest.delivery.resends import Resends
from broker.ingest.last_words import LastWords, Word
from broker.ingest.measured import Measured
from broker.ingest.sources import DeviceKey, Sources, record_of
from broker.ingest.steady_clock import own_time
from broker.plan.model import Plan
from broker.rules.day.duty import Names
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.dispatch import Dispatch
from broker.rules.effects.effect import Effect, Keep, Notice, Publish
from broker.rules.settings import DispatchSettings
from broker.store import Record, Store, StoreError
from firmware import wire

log = logging.getLogger("zhanpai.bridge")

RETRY_S = 1.0

Sender = Callable[[str, bytes, bool], None]  # topic, payload, retained
Refuser = Callable[[str, str, int], None]  # topic, over which limit, bytes


class Bridge:
    """The bridge of one area; `send` must not block and may drop: everything retained is sent again on `link_up`."""

    def __init__(
        self, plan: Plan, store: Store, send: Sender, settings: DispatchSettings | None = None,
        press_limits: PressLimits | None = None, refuse: Refuser | None = None, in_steps: bool = False,
        on_duty: Names | None = None, stopwatch: Callable[[], float] = lambda: 0.0,
        world_time: Callable[[str, float], None] = lambda *_: None, knows_time: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        """`refuse` is told what was not taken, so that its topic is cleared and its device known; `on_duty` knows who
        is told of an incident; by the `stopwatch` commits are measured, and nothing is decided by it. `world_time` is
        told which truck speaks now, and what time its receiver says it is; no device is told the
        time while that is not known by `knows_time`.

        `in_steps`: what takes long waits for `work`; else it is done within the tick that asks for it.
        """
        self.area = plan.area_id
        self.store = store
        self.counts: Counter[str] = Counter()
        self.measured = Measured()
        self.last_words = LastWords(_devices(plan))
        self.notices: list[tuple[int, Notice]] = []
        self.trouble: str | None = None  # why the last commit failed, while it does
        self.link: tuple[bool, int] = (False, 0)  # whether the broker hears us, and since when it is so
        self._send = send
        self._plan = plan
        self._settings = settings or DispatchSettings()
        self._press_limits = press_limits or PressLimits()
        self._refuse = refuse or (lambda *_: None)
        self._in_steps = in_steps
        self._on_duty = on_duty
        self._stopwatch = stopwatch
        self._world_time = world_time
        self._knows_time = knows_time
        self._acks = AreaAcks(plan.area_id)
        self._sources = Sources(plan.area_id, _devices(plan))
        self._refusals = Refusals()
        self._records: list[Record] = []
        self._resends = Resends(store, lambda: self._records)
        self._publishes: list[Publish] = []
        self._urgent = False
        self._to_tell_all = False
        self._set_back = False  # the clock was, and the day is not rebuilt yet
        self._retry_at = 0.0
        self._ticked_at = 0
        self._clock_at = 0.0
        self._decisions: Decisions

    def start(self, now: float) -> None:
        """Rebuild the day from the store, decide what time brought meanwhile, and tell everybody where we are."""
        self._decisions = Decisions(
            self.store, self._plan, self._settings, lambda: self._records, self.counts, int(now)
        )
        if self._on_duty is not None:
            self.dispatch.day.duty.is_kept_by(self._on_duty)
        self.measured.knew(self.dispatch.day.incidents.values())
        self.tick(now)
        self.flush(now)
        self.link_up(now)

    def cannot_store(self, why: str) -> None:
        """The store takes nothing, as it was found at the start; the next commit without alarms ends this."""
        self.trouble = why

    def link_up(self, now: float) -> None:
        """The broker is (again) there: everything retained is sent anew, because it may have forgotten; what was
        decided and is not stored yet, after its commit."""
        self.link = (True, int(now))
        self.dispatch.day.devices.hear(int(now))
        self._publish(Publish(wire.topic("life", self.area, family="bridge"), self._life(now)), now)
        self._to_tell_all = True
        if not self._records:
            self.flush(now)

    def _tell_all(self, now: float) -> None:
        """Have everything retained said anew, and every device told what is stored of its records."""
        self._to_tell_all = False
        if not self._decisions.stands_still:
            self._heartbeat(now)
        self._acks.tell_all()  # whatever the rules say
        self._decisions.tell_all()

    def link_down(self, now: float) -> None:
        """The broker is not there (yet): what is decided reaches nobody until `link_up`."""
        self.link = (False, int(now))
        self.dispatch.day.devices.hear_nothing(int(now))

    def stop(self, now: float) -> None:
        """Commit what is left and say good-bye."""
        self._retry_at = 0.0
        self.flush(now)
        self._publish(
            Publish(wire.topic("life", self.area, family="bridge"), {**self._life(now), "life": "disconnected"}), now
        )

    # --- what comes in --------------------------------------------------------------------------------------

    def receive(self, topic: str, payload: bytes, now: float) -> None:
        """Take one message of a device; a bad one is refused, counted and logged, and never stops anything."""
        self.counts["received"] += 1
        try:
            source = self._sources.of(topic)
        except wire.WireError as why:
            self._refused(topic, "unreadable", str(why), len(payload), now)
            return
        try:
            body = source.quick(payload)
            if body is None:
                body = wire.unpack(topic, payload, source.address, orjson.loads).body
        except wire.WireError as why:
            self.last_words.note(source.device, Word(now, source.address.channel, False, payload, str(why)))
            self._refused(topic, "unreadable", str(why), len(payload), now)
            return
        if body is None:
            return
        address, second = source.address, int(now)
        self.last_words.note(source.device, Word(now, address.channel, False, payload))
        self.measured.came(address.channel)
        if "seq" in body:
            urgent = address.channel == "incident"
            known = self.dispatch.day.incidents.get((address.device, address.item)) if urgent else None
            over = urgent and (known is None or not known.open)
            long_over = over and self._resends.are_long_over(address, body)
            if urgent and known is None and not long_over:
                limit = self._press_limits.refuse(self.dispatch.day, address.device, second)
                if limit is not None:
                    self._refused(topic, limit, f"more presses than [limits] {limit}", len(payload), now)
                    return
            new = self._acks.add(source.device, body["boot"], body["seq"], at_once=urgent)
            if long_over or (not new and not self._resends.are_another(address, body)):
                self.counts["duplicates"] += 1
                if long_over or (known is not None and not known.open):
                    self._clear(address)
                return
            self._records.append(record_of(source, body, second))
            if address.channel == "fix" and not body["late"] and (own_at := own_time(body)) is not None:
                self._world_time(address.device, own_at)
            if urgent:
                self._urgent, self._retry_at = True, 0.0  # an alarm waits for no next try
        effects = self._decisions.on_message(wire.Message(address, body), second)
        if effects:
            self._take(effects, second)

    def _refused(self, topic: str, limit: str, why: str, size: int, now: float) -> None:
        self.counts["refused"] += 1
        self.measured.refuses(limit)
        self._refusals.note(topic, why, now)
        self._refuse(topic, limit, size)

    def _clear(self, address: wire.Address) -> None:
        """A press that is over was sent again: nothing of it is left at the broker."""
        for channel in ("incident_ack", "incident"):
            self._publishes.append(Publish(wire.topic(channel, self.area, address.device, address.item), None))

    def act(self, act: Act, now: float) -> None:
        """Carry out a person's action; raises ActionError, or StoreError when it could not be kept.

        A refusal that is `not_yet` has begun what `work` goes on with: the act is to be tried again after that.
        """
        if act.action == "command" and not self.link[0]:  # which is not retained: nobody would ever hear it
            raise ActionError("no connection to the broker, nothing was sent; send it again when it is back", away=True)
        effects, refusal = self._decisions.act(act, int(now))
        if refusal is not None and not self._in_steps:
            while self.work(now):
                pass
            if refusal.not_yet:
                effects, refusal = self._decisions.act(act, int(now))
        self._take(effects, int(now))
        if refusal is not None:
            raise refusal
        self._retry_at = 0.0
        self.flush(now)
        if self._records:
            raise StoreError(f"decided but not stored yet ({self.trouble}); it is tried again every second")

    def tick(self, now: float) -> None:
        """Let time pass: at most once a second, and the heartbeat every ten."""
        # While nothing can be stored or decided nothing new is said, so nobody may believe that what they hold is
        # current: without a heartbeat the lamps say "no data" after 90 s.
        silent = self.trouble is not None or self._decisions.stands_still
        if not 0 <= now - self._clock_at < wire.HEARTBEAT_S and not silent:
            self._heartbeat(now)
        if int(now) == self._ticked_at:
            return
        self._set_back = self._set_back or int(now) < self._ticked_at - CORRECTED_S
        self._ticked_at = int(now)
        if self._set_back and self.flush(now):
            self._begin_again(now)
        for effects in self._decisions.on_tick(int(now)):
            if effects:
                self._take(effects, int(now))
        while not self._in_steps and self.work(now):
            pass
        self._to_tell_all = self._decisions.take_to_tell() or self._to_tell_all

    def work(self, now: float) -> bool:
        """Make one short step of what takes long (offers for a breakdown); whether there may be more."""
        effects = self._decisions.next_step(int(now))
        if effects:
            self._take(effects, int(now))
        return effects is not None

    def _begin_again(self, now: float) -> None:
        """The clock was ahead: what was decided by it (runs forgotten, others opened) is left behind, the day stands as
        it is on record; what devices said stays known."""
        if self._decisions.rebuild(int(now)):
            log.warning("the clock was set back: the day was rebuilt from its records")
            self._set_back = False

    # --- what goes out --------------------------------------------------------------------------------------

    def flush(self, now: float) -> bool:
        """Commit, publish, acknowledge, in this order; False while the store does not take the batch."""
        if self._records or self.trouble is not None:
            if self._retry_at - RETRY_S <= now < self._retry_at:
                return False
            batch, began_s = list(self._records), self._stopwatch()
            try:
                commit(self.store, self._records, self._urgent, self.counts)
            except StoreError as why:
                self._retry_at = now + RETRY_S
                if self.trouble is None:
                    log.error("records cannot be stored: %s; nothing is acknowledged until they can", why)
                self.trouble = str(why)
                kept = keep_some(self._records, self._acks)
                self.counts["put_off"] += len(self._records) - len(kept)
                self._records = kept
                self._publishes = list({publish.topic: publish for publish in self._publishes}.values())
                self.counts["failed_commits"] += 1
                return False
            urgent, self._urgent = self._urgent, False
            took_s = self._stopwatch() - began_s
            self.measured.committed(batch, took_s, now + took_s, urgent=urgent)
            if self.trouble is not None and not urgent:  # alarms are taken where nothing else is: the next batch tells
                log.warning("records can be stored again")
                self.trouble = None
        if self._to_tell_all:
            self._tell_all(now)
        self._take(self._decisions.tell(int(now)), int(now))
        for publish in self._publishes:
            self._publish(publish, now)
        self._publishes.clear()
        for topic, payload in self._acks.due(now):
            self._send(topic, payload, True)
            self.counts["published"] += 1
            self.measured.went("ack")
        return True

    def _publish(self, publish: Publish, now: float) -> None:
        address = wire.parse_topic(publish.topic)
        try:
            payload = b"" if publish.body is None else wire.pack(publish.topic, dict(publish.body))
        except wire.WireError as why:
            self.counts["unsayable"] += 1
            log.error("not published, because every receiver would refuse it: %s", why)
            return
        self._send(publish.topic, payload, wire.is_retained(address))
        if address.family != "bridge":
            device = address.family, address.device
            self.last_words.note(device, Word(now, address.channel, True, payload))
        self.counts["published"] += 1
        self.measured.went(address.channel)

    def _heartbeat(self, now: float) -> None:
        if not self._knows_time():
            return
        self._clock_at = now
        self._publish(Publish(wire.topic("clock", self.area, family="bridge"), {"at": int(now)}), now)

    def _life(self, now: float) -> dict[str, Any]:
        return {"life": "ready", "at": int(now), "fw": __version__}

    @property
    def refused(self) -> Counter[str]:
        """How often each device was refused."""
        return self._refusals.by_device

    @property
    def dispatch(self) -> Dispatch:
        """The rules, with what they know of the day."""
        return self._decisions.dispatch

    def gaps(self, device: DeviceKey) -> list[tuple[int, int, int]]:
        """Numbers of a device that did not come between those that did, newest first: (boot, first, last)."""
        return self._acks.gaps(device)

    def gap_counts(self) -> dict[DeviceKey, int]:
        """How many such gaps each device has that has any."""
        return self._acks.gap_counts()

    @property
    def unstored(self) -> int:
        """Records decided on but not durable yet."""
        return len(self._records)

    # --- helpers of the above -------------------------------------------------------------------------------

    def _take(self, effects: list[Effect], now: int) -> None:
        for effect in effects:
            if isinstance(effect, Keep):
                self._records.append(Record(effect.id, effect.kind, effect.key, effect.at, now, self.area, effect.body))
                self._urgent = self._urgent or effect.urgent
            elif isinstance(effect, Publish):
                self._publishes.append(effect)
            else:
                self.notices.append((now, effect))
                del self.notices[:-100]
                log.log(logging.WARNING if effect.level != "info" else logging.INFO, "%s", effect.text)


def _devices(plan: Plan) -> int:
    return len(plan.trucks()) + len(plan.rooms)
