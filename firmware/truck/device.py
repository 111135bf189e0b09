"""A whole truck without its hardware: agent, outbox and courier together. The program and the simulator run this.

    device = TruckDevice(Agent("t01", "xh", outbox.boot), outbox)
    outputs = device.start(now_s)            # once, first
    outputs = device.handle(event, now_s)    # every event of `events`
    outputs = device.message(topic, payload, now_s)   # every MQTT message as it came
    device.wake_at_s                         # hand it Wake() then

Outputs, in order: Publish(topic, payload, retain) for MQTT with QoS 1, Light, GpsLight, ShowItinerary, TakeCertificate,
Note.
"""

from collections import Counter

from firmware import wire
from firmware.truck.agent import Agent
from firmware.truck.clock import DISAGREE_S
from firmware.truck.events import (
    Effect,
    Event,
    GpsLight,
    Keep,
    Light,
    LinkDown,
    LinkUp,
    Note,
    PartState,
    Publish,
    Received,
    Say,
    Settle,
    ShowItinerary,
    Stage,
    Started,
    TakeCertificate,
)
from firmware.truck.outbox.courier import Courier
from firmware.truck.outbox.outbox import Outbox

COMPLAIN_EVERY_S = 60.0

Output = Publish | Light | GpsLight | ShowItinerary | TakeCertificate | Note


class TruckDevice:
    """Does what the agent decides against a real outbox; see the top of this file."""

    def __init__(self, agent: Agent, outbox: Outbox) -> None:
        self.agent = agent
        self.outbox = outbox
        self.counts: Counter[str] = Counter()
        self._courier = Courier(agent.truck_id, agent.area, outbox, agent.unix_at)
        self._complained_s: dict[str, float] = {}
        self._dated_by_s: float | None = None
        self._told_fault: str | None = None
        self._clock_topic = wire.topic("clock", agent.area, family="bridge")

    def start(self, now_s: float, button_down: bool = False) -> list[Output]:
        """The first thing to call: takes up what was open when the power went."""
        out: list[Output] = []
        if self.outbox.damaged is not None:
            name = self.outbox.damaged
            kept = f"moved to {name}" if name.exists() else "it is missing"
            text = f"the outbox was damaged: {kept}, a new one is in use; keep that file for the technician"
            out.append(Note("outbox_damaged", text))
        return out + self.handle(Started(self.outbox.open_incidents(), button_down), now_s)

    def handle(self, event: Event, now_s: float) -> list[Output]:
        """What to do about an event at monotonic `now_s`."""
        if isinstance(event, LinkUp):
            self._courier.link_up()
        elif isinstance(event, LinkDown):
            self._courier.link_down()
        effects = self.agent.handle(event, now_s)
        out = self._done(effects, now_s) if effects else []
        self._date_reports()
        self.outbox.flush_if_due(now_s)
        # What its memory alone holds is lost with the power: somebody should know.
        if self.outbox.fault != self._told_fault:
            self._told_fault = self.outbox.fault
            out += self._done(self.agent.handle(PartState("outbox", self._told_fault), now_s), now_s)
        out += self._courier.due(now_s, self.agent.bridge_heard(now_s))
        if self._courier.trouble is not None:
            self._complain("record_unsendable", self._courier.trouble, now_s, out)
            self._courier.trouble = None
        return out

    def _done(self, effects: list[Effect], now_s: float) -> list[Output]:
        out: list[Output] = []
        for effect in effects:
            if isinstance(effect, Keep):
                self.outbox.keep(effect.report, now_s)
            elif isinstance(effect, Settle):
                self.outbox.settle(effect.acks)
                self._courier.settle(effect.acks)
            elif isinstance(effect, Stage):
                self.outbox.stage(effect.incident_id, effect.stage, effect.decision)
            elif isinstance(effect, Say):
                name = wire.topic(effect.channel, self.agent.area, self.agent.truck_id, family="truck")
                out.append(Publish(name, wire.pack(name, dict(effect.body)), True))
            else:
                out.append(effect)
        return out

    def _date_reports(self) -> None:
        """When the time is known, or turns out another, what was kept before gets it: a power cut may come."""
        offset_s, former_s = self.agent.clock.offset_s, self._dated_by_s
        if offset_s is not None and (former_s is None or abs(offset_s - former_s) > DISAGREE_S):
            self._dated_by_s = offset_s
            self.outbox.date(self.agent.unix_at)

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Output]:
        """What to do about an MQTT message; one that is not of this protocol is counted and noted once a minute."""
        at = wire.heartbeat_at(payload) if topic == self._clock_topic else None
        if at is not None:  # as most messages are
            return self.handle(Received("bridge", "clock", "", {"at": at}), now_s)
        try:
            message = wire.unpack(topic, payload)
        except wire.WireError as error:
            out: list[Output] = []
            self._complain("message_refused", f"a message was refused: {error}", now_s, out)
            return out
        address = message.address
        if address.family == "truck" and address.device != self.agent.truck_id:
            self.counts["message_foreign"] += 1
            return []
        return self.handle(Received(address.family, address.channel, address.item, message.body), now_s)

    @property
    def wake_at_s(self) -> float | None:
        """When this device wants Wake(), monotonic seconds; None = not before the next event."""
        agent_s, courier_s, flush_s = self.agent.wake_at_s, self._courier.wake_at_s, self.outbox.flush_at_s
        if courier_s is None and flush_s is None:  # as nearly always
            return agent_s
        return min(at_s for at_s in (agent_s, courier_s, flush_s) if at_s is not None)

    def _complain(self, kind: str, text: str, now_s: float, out: list[Output]) -> None:
        self.counts[kind] += 1
        last_s = self._complained_s.get(kind)
        if last_s is None or now_s - last_s >= COMPLAIN_EVERY_S:
            self._complained_s[kind] = now_s
            out.append(Note(kind, text))
