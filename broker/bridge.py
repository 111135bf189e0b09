"""The bridge between devices and decisions: every record is durable before it is acted upon in public.

    receive(topic, payload, now)   one MQTT message; decides, but nothing leaves yet
    act(action, now)               one person's action; decided, stored and published when it returns
    tick(now)                      once a second: time passes for the decisions
    flush(now)                     commit what came, then publish what was decided, then acknowledge

One object, no thread, no socket, no clock: the shell (`__main__`) and the simulator drive it alike. If the store
cannot take a batch (disk full), nothing of it is published or acknowledged; it is kept and tried again, and the
devices keep their records meanwhile.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from broker import __version__
from broker.acks import DeviceAcks
from broker.restoring import restore
from broker.rules.actions import Act
from broker.rules.arrivals import tell_rooms, tell_truck
from broker.rules.dispatch import FUTURE_S, Dispatch
from broker.rules.effects import Effect, Notice, Publish, Store
from broker.rules.plan import Plan
from broker.rules.records import close_topics, tell_incident
from broker.rules.shift import DispatchSettings
from broker.store import Record, Refused, StoreError
from broker.store import Store as RecordStore
from firmware import wire

log = logging.getLogger("zhanpai.bridge")

ACK_EVERY_S = 0.2
RETRY_S = 1.0
LOG_REFUSAL_EVERY_S = 60
MOST_ADDRESSES = 10_000
MOST_FAULTS_LOGGED = 100
SAME_TIME_S = 120  # how far a device's idea of a past moment may move while its clock settles
_TIMES = ("fix_at", "pressed_at", "at")  # null until the device knows the time; a resend may know it by then
_RESENT_DIFFERS_IN = ("late", "sent_at", *_TIMES)

Sender = Callable[[str, bytes, bool], None]  # topic, payload, retained


class Bridge:
    """The bridge of one area; `send` must not block and may drop: everything retained is sent again on `link_up`."""

    def __init__(
        self, plan: Plan, store: RecordStore, send: Sender, settings: DispatchSettings | None = None
    ) -> None:
        self.area = plan.area_id
        self.store = store
        self.counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()  # by device
        self.notices: list[tuple[int, Notice]] = []
        self.trouble: str | None = None  # why the last commit failed, while it does
        self._send = send
        self._plan = plan
        self._settings = settings or DispatchSettings()
        self._acks: dict[tuple[str, str], DeviceAcks] = {}
        self._ack_due: dict[tuple[str, str], float] = {}  # (family, device) -> not before
        self._ack_sent: dict[tuple[str, str], float] = {}
        self._ack_topics: dict[tuple[str, str], str] = {}
        self._addresses: dict[str, wire.Address] = {}
        self._refusal_logged: dict[str, float] = {}
        self._records: list[Record] = []
        self._publishes: list[Publish] = []
        self._urgent = False
        self._retry_at = 0.0
        self._ticked_at = 0
        self._clock_at = 0.0
        self.dispatch: Dispatch

    def start(self, now: float) -> None:
        """Rebuild the day from the store, decide what time brought meanwhile, and tell everybody where we are."""
        self.dispatch = Dispatch(restore(self.store, self._plan, self._settings, int(now)))
        self.tick(now)
        self.flush(now)
        self.link_up(now)

    def link_up(self, now: float) -> None:
        """The broker is (again) there: everything retained is sent anew, because it may have forgotten."""
        shift = self.dispatch.shift
        self._publish(Publish(wire.topic("life", self.area, family="bridge"), self._life(now)))
        self._heartbeat(now)
        effects: list[Effect] = []
        effects += tell_rooms(shift, set(shift.plan.rooms), int(now), all_of_them=True)
        for truck in {run.truck for run in shift.runs.values()}:
            run = shift.run_of(truck) or shift.last_run_of(truck)
            if run is not None:
                shift.itineraries.pop(truck, None)
                effects += tell_truck(shift, run, int(now), changed=False)
        for incident in shift.incidents.values():
            effects += tell_incident(shift, incident) if incident.open else close_topics(shift, incident)
        for effect in effects:
            if isinstance(effect, Publish):
                self._publish(effect)
        for device in self._acks:
            self._ack_due[device] = now

    def stop(self, now: float) -> None:
        """Commit what is left and say good-bye."""
        self._retry_at = 0.0
        self.flush(now)
        self._publish(
            Publish(wire.topic("life", self.area, family="bridge"), {**self._life(now), "life": "disconnected"})
        )

    # --- what comes in --------------------------------------------------------------------------------------

    def receive(self, topic: str, payload: bytes, now: float) -> None:
        """Take one message of a device; a bad one is refused, counted and logged, and never stops anything."""
        self.counts["received"] += 1
        try:
            message = wire.unpack(topic, payload, self._address_of(topic), orjson.loads)
        except wire.WireError as why:
            self._refuse(topic, str(why), now)
            return
        address, body = message.address, message.body
        if body is None:
            return
        if "seq" in body:
            device = (address.family, address.device)
            known = self._acks.setdefault(device, DeviceAcks())
            urgent = address.channel == "incident"
            wait = 0.0 if urgent else max(now, self._ack_sent.get(device, 0.0) + ACK_EVERY_S)
            self._ack_due[device] = min(wait, self._ack_due.get(device, wait))
            if not known.add(body["boot"], body["seq"]) and not self._is_another(address, body):
                self.counts["duplicates"] += 1
                return
            if urgent and self._is_long_over(address, body):
                self.counts["duplicates"] += 1
                for channel in ("incident_ack", "incident"):
                    name = wire.topic(channel, self.area, address.device, address.item)
                    self._publishes.append(Publish(name, None))
                return
            self._records.append(self._record_of(address, body, int(now)))
            self._urgent = self._urgent or urgent
        self._take(self._decided(lambda: self.dispatch.on_message(message, int(now)), topic), int(now))

    def act(self, act: Act, now: float) -> None:
        """Carry out a person's action; raises ActionError, or StoreError when it could not be kept."""
        self._take(self.dispatch.act(act, int(now)), int(now))
        self._retry_at = 0.0
        self.flush(now)
        if self._records:
            raise StoreError(f"decided but not stored yet ({self.trouble}); it is tried again every second")

    def tick(self, now: float) -> None:
        """Let time pass: at most once a second, and the heartbeat every ten."""
        # While nothing can be stored nothing new is said, so nobody may believe that what they hold is current:
        # without a heartbeat the lamps say "no data" after 90 s.
        if now - self._clock_at >= wire.HEARTBEAT_S and self.trouble is None:
            self._heartbeat(now)
        if int(now) == self._ticked_at:
            return
        self._ticked_at = int(now)
        self._take(self._decided(lambda: self.dispatch.on_tick(int(now)), "tick"), int(now))

    # --- what goes out --------------------------------------------------------------------------------------

    def flush(self, now: float) -> bool:
        """Commit, publish, acknowledge, in this order; False while the store does not take the batch."""
        if self._records:
            if now < self._retry_at:
                return False
            try:
                self._commit_or_refuse()
            except StoreError as why:
                self._retry_at = now + RETRY_S
                if self.trouble is None:
                    log.error("records cannot be stored: %s; nothing is acknowledged until they can", why)
                self.trouble = str(why)
                self._publishes = list({publish.topic: publish for publish in self._publishes}.values())
                self.counts["failed_commits"] += 1
                return False
            if self.trouble is not None:
                log.warning("records can be stored again")
                self.trouble = None
        for publish in self._publishes:
            self._publish(publish)
        self._publishes.clear()
        for device, due in list(self._ack_due.items()):
            if now >= due:
                # By far the most frequent message: its topic is made once, its body is ours and needs no check.
                topic = self._ack_topics.get(device)
                if topic is None:
                    topic = self._ack_topics[device] = wire.topic("ack", self.area, device[1], family=device[0])
                self._send(topic, orjson.dumps(self._acks[device].body()), True)
                self.counts["published"] += 1
                self._ack_sent[device] = now
                del self._ack_due[device]
        return True

    def _commit_or_refuse(self) -> None:
        """Commit the batch; a record that no store could ever keep is counted and left out, never retried for ever."""
        try:
            self._commit()
        except Refused:
            waiting, urgent = self._records, self._urgent
            while waiting:
                self._records, self._urgent = waiting[:1], urgent
                try:
                    self._commit()
                except Refused as why:
                    self.counts["unstorable"] += 1
                    log.error("record %.80s cannot be kept and is left out: %s", waiting[0].id, why)
                except StoreError:
                    self._records, self._urgent = waiting, urgent
                    raise
                waiting = waiting[1:]
            self._records, self._urgent = [], False

    def _commit(self) -> None:
        receipt = self.store.append(self._records, urgent=self._urgent)
        if receipt.duplicates:
            # An id that is stored already: a resend from before our restart, or, if the body differs, another
            # record of a device whose boot counter went back. That one is kept under a name of its own.
            others = [self._renamed(record) for record in self._records if self._differs_from_stored(record)]
            if others:
                self.store.append(others, urgent=self._urgent)
                self.counts["renamed"] += len(others)
        self.counts["stored"] += receipt.stored
        self.counts["duplicates"] += receipt.duplicates
        self._records.clear()
        self._urgent = False

    def _publish(self, publish: Publish) -> None:
        address = wire.parse_topic(publish.topic)
        try:
            payload = b"" if publish.body is None else wire.pack(publish.topic, dict(publish.body))
        except wire.WireError as why:
            self.counts["unsayable"] += 1
            log.error("not published, because every receiver would refuse it: %s", why)
            return
        self._send(publish.topic, payload, wire.is_retained(address))
        self.counts["published"] += 1

    def _heartbeat(self, now: float) -> None:
        self._clock_at = now
        self._publish(Publish(wire.topic("clock", self.area, family="bridge"), {"at": int(now)}))

    def _life(self, now: float) -> dict[str, Any]:
        return {"life": "ready", "at": int(now), "fw": __version__}

    @property
    def unstored(self) -> int:
        """Records decided on but not durable yet."""
        return len(self._records)

    def _address_of(self, topic: str) -> wire.Address:
        """The address of a device's topic of this area; each is parsed once. Raises WireError."""
        address = self._addresses.get(topic)
        if address is None:
            address = wire.parse_topic(topic)
            if address.area != self.area or wire.sent_by(address) != "device":
                raise wire.WireError(topic, "topic", "is not for this bridge")
            if len(self._addresses) >= MOST_ADDRESSES:
                self._addresses.clear()  # every incident has a topic of its own
            self._addresses[topic] = address
        return address

    # --- helpers of the above -------------------------------------------------------------------------------

    def _decided(self, decide: Callable[[], list[Effect]], what: str) -> list[Effect]:
        """What the rules say; a fault in them is ours, is counted and logged, and stops nothing: the record is kept."""
        try:
            return decide()
        except Exception:
            self.counts["rule_faults"] += 1
            if self.counts["rule_faults"] <= MOST_FAULTS_LOGGED:
                log.exception("a rule failed on %s; please report this with the lines below", what)
            return []

    def _take(self, effects: list[Effect], now: int) -> None:
        for effect in effects:
            if isinstance(effect, Store):
                self._records.append(
                    Record(effect.id, effect.kind, effect.key, effect.at, now, self.area, effect.body)
                )
                self._urgent = self._urgent or effect.urgent
            elif isinstance(effect, Publish):
                self._publishes.append(effect)
            else:
                self.notices.append((now, effect))
                del self.notices[:-100]
                log.log(logging.WARNING if effect.level != "info" else logging.INFO, "%s", effect.text)

    def _record_of(self, address: wire.Address, body: Mapping[str, Any], now: int) -> Record:
        at = next((body[name] for name in ("fix_at", "pressed_at", "at") if body.get(name) is not None), now)
        if at > now + FUTURE_S:
            at = now  # a clock that runs ahead must not make this the newest record for ever
        key = f"{address.device}/{body['incident_id']}" if address.channel == "incident" else address.device
        record_id = f"{address.device}:{body['boot']}:{body['seq']}"
        return Record(record_id, address.channel, key, at, now, self.area, {**body, "device": address.device})

    def _is_another(self, address: wire.Address, body: Mapping[str, Any]) -> bool:
        """Whether a known (boot, seq) comes with other content: a boot counter that went back (a new SD card)."""
        record_id = f"{address.device}:{body['boot']}:{body['seq']}"
        waiting = next((record for record in self._records if record.id == record_id), None)
        if waiting is not None:
            return _another(waiting.body, {**body, "device": address.device})
        try:
            stored = self.store.get(record_id)
        except StoreError:
            return True  # it cannot be told now; the commit sorts it out
        return stored is not None and _another(stored.body, {**body, "device": address.device})

    def _is_long_over(self, address: wire.Address, body: Mapping[str, Any]) -> bool:
        """Whether this is a resend of a press that was stored and closed so long ago that nobody here knows it."""
        if (address.device, body["incident_id"]) in self.dispatch.shift.incidents:
            return False
        try:
            stored = self.store.get(f"{address.device}:{body['boot']}:{body['seq']}")
        except StoreError:
            return False
        return stored is not None and not _another(stored.body, {**body, "device": address.device})

    def _differs_from_stored(self, record: Record) -> bool:
        stored = self.store.get(record.id)
        return stored is not None and _another(stored.body, record.body)

    def _renamed(self, record: Record) -> Record:
        digest = blake2b(repr(sorted(record.body.items())).encode(), digest_size=6).hexdigest()
        log.warning("%s was stored with other content: its boot counter went back; kept as %s", record.id, digest)
        return Record(
            f"{record.id}:{digest}", record.kind, record.key, record.at, record.received_at, record.area, record.body
        )

    def _refuse(self, topic: str, why: str, now: float) -> None:
        parts = topic.split("/")
        device = "/".join(parts[3:5])[:80] if len(parts) > 4 else "unknown"
        if device not in self.refused and len(self.refused) >= 10_000:
            device = "others"  # made-up names must not fill the memory
        self.counts["refused"] += 1
        self.refused[device] += 1
        if now - self._refusal_logged.get(device, float("-inf")) >= LOG_REFUSAL_EVERY_S:
            self._refusal_logged[device] = now
            log.warning("refused (%d so far from %s): %s", self.refused[device], device, why)


def _another(stored: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether two records of one number are two records: other content, or times that both knew and lie apart."""
    if _essence(stored) != _essence(body):
        return True
    for name in _TIMES:
        one, other = stored.get(name), body.get(name)
        if one is not None and other is not None and abs(one - other) > SAME_TIME_S:
            return True
    return False


def _essence(body: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A record's content without what a resend may change."""
    return sorted((name, value) for name, value in body.items() if name not in _RESENT_DIFFERS_IN)
