"""The bridge in virtual time: the very `broker.bridge` over a real store, ticked and flushed as its program does."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from broker.bridge import Bridge
from broker.config.rules import CasesConfig
from broker.ingest.delivery.acks import ACK_EVERY_S
from broker.ingest.delivery.newest_records import newest_received
from broker.ingest.steady_clock import SteadyClock
from broker.plan.model import Plan
from broker.reports.casebook import CaseBook
from broker.rules.bookings.asked import BookingDeed
from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import ALARM_DEEDS, Act, ActionError
from broker.rules.states.case import Case, CaseError
from broker.rules.states.incident import Incident
from broker.store import Store, StoreError
from broker.web.view.picture import Picture, alarms, attention, snapshot
from firmware import wire
from sim.judging.sentence import Term, said
from sim.virtual.broker import VirtualBroker, Will
from sim.virtual.link import VirtualLink
from sim.world.devices import asked_in
from sim.world.evidence import Evidence, Heard
from sim.world.spoken import Spoken
from sim.world.timeline import Timeline

TICK_S = 1.0
CHANNELS_HEARD = ("fix", "bins", "incident")
WHO, STATION, ENFORCEMENT = "dispatcher", "station", "enforcement"


class VirtualBridge:
    """One bridge process; the store's files outlive it."""

    def __init__(
        self,
        timeline: Timeline,
        broker: VirtualBroker,
        plan: Plan,
        opened: Callable[[], Store],
        evidence: Evidence,
        dice: random.Random,
    ) -> None:
        self._timeline = timeline
        self._broker = broker
        self._plan = plan
        self._opened = opened
        self._evidence = evidence
        self._dice = dice
        self._bridge: Bridge | None = None
        self._store: Store | None = None
        self._link: VirtualLink | None = None
        self._flush_asked = False
        self._frozen = False
        self._booked = 0
        self._shown: dict[tuple[str, str], tuple[Incident, dict[str, Any]]] = {}
        self.wrong_by_s = 0.0  # of the world's clock
        self._clock: SteadyClock

    # --- what the world does --------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether there is a process, frozen or not."""
        return self._bridge is not None

    def start(self) -> None:
        """A new process: it opens the store, rebuilds the day and connects."""
        self._store = self._opened()
        self._clock = SteadyClock(lambda: self._timeline.now + self.wrong_by_s, lambda: self._timeline.now)
        self._clock.begins(newest_received(self._store))
        self._bridge = bridge = Bridge(self._plan, self._store, self._send,
                                       world_time=self._clock.heard, knows_time=self._clock.is_known)  # fmt: skip
        area = self._plan.area_id
        bridge.start(self._now())
        topic = wire.topic("life", area, family="bridge")
        will = Will(topic, wire.pack(topic, {"life": "lost", "at": int(self._now())}))
        self._link = VirtualLink(
            self._timeline, self._broker, f"bridge-{area}", self._dice, will=will,
            filters=wire.subscriptions("bridge", area), receive=self._receive, up=self._up, down=self._down,
            clean=False,
        )  # fmt: skip
        self._timeline.after(TICK_S, partial(self._tick, bridge))

    def stop(self) -> None:
        """An orderly end."""
        if self._bridge is not None:
            self._bridge.stop(self._now())
        self.kill()

    def kill(self) -> None:
        """kill -9: what was not committed is gone; the file lock goes with the process."""
        self._frozen = False
        self._bridge = None
        if self._link is not None:
            self._link.die()
            self._link = None
        if self._store is not None:
            self._store.close()
            self._store = None

    def freeze(self, frozen: bool) -> None:
        """The process stands still, or goes on; what comes meanwhile waits in its connection."""
        self._frozen = frozen

    @property
    def at_work(self) -> Bridge | None:
        """The bridge itself, for a screen over it; None while there is no process."""
        return self._bridge

    @property
    def connected(self) -> bool:
        """Whether it believes to be connected, and runs."""
        return self._link is not None and self._link.connected and not self._frozen

    @property
    def is_shown(self) -> bool:
        """Whether there is a screen to look at."""
        return self._bridge is not None and not self._frozen

    def picture(self, now: float) -> Picture | None:
        """What the screen shows; None while there is none."""
        return snapshot(self._bridge, now) if self._bridge is not None and self.is_shown else None

    # --- what the dispatcher does ---------------------------------------------------------------------

    def open_incidents(self) -> Sequence[Mapping[str, Any]]:
        """The incidents the screen shows as open."""
        if self._bridge is None:
            return []
        opened = [incident for incident in self._bridge.dispatch.day.incidents.values() if incident.open]
        if not opened:
            return []
        shown = self._shown  # somebody looks each second, and it is seldom another than before
        self._shown = {one.key: self._shown_as(one, shown.get(one.key)) for one in opened}
        return [body for _, body in self._shown.values()]

    @staticmethod
    def _shown_as(
        incident: Incident, before: tuple[Incident, dict[str, Any]] | None
    ) -> tuple[Incident, dict[str, Any]]:
        return before if before is not None and before[0] is incident else (incident, incident.body())

    def acknowledge(self, truck: str, incident_id: str) -> bool:
        """I have seen it."""
        return self._act(Act("acknowledge", WHO, (truck, incident_id)))

    def decide(self, truck: str, incident_id: str, decision: str, other: str | None) -> bool:
        """This is what is to be done; `other` names the truck that takes over, where one does."""
        return self._act(Act("decide", WHO, (truck, incident_id), decision=decision, truck=other))

    def questions(self) -> Sequence[tuple[str, str, int]]:
        """The visits of which the screen asks whether they were made."""
        if self._bridge is None or not self._bridge.dispatch.day.attention.of(Topic.PASSED):
            return []
        return asked_in(attention(self._bridge))

    def answer(self, visit: tuple[str, str, int], served: bool, reason: str = "other") -> bool:
        """It was served after all, or it is to be skipped."""
        if served:
            return self._act(Act("serve", WHO, visit=visit))
        return self._act(Act("skip", WHO, visit=visit, reason=reason))

    def answer_for(self, truck: str, incident_id: str, addressee: str, says: str, until_at: int | None) -> bool:
        """Who is asked about an incident says so."""
        act = Act("answer", addressee, (truck, incident_id), addressee=addressee, answer=says, until_at=until_at)
        return self._act(act)

    def answer_alarm(self, word: str, part: str, deed: str, shelf_s: int) -> bool:
        """See, shelve (for so long), unshelve, out-of-service or back each alarm of a word whose subject has a part."""
        if self._bridge is None:
            return False
        action, shelf = ALARM_DEEDS[deed], shelf_s if deed == "shelve" else None
        meant = [row["alarm_id"] for row in alarms(self._bridge) if row["word"] == word and part in row["about"]]
        return bool(meant) and all(self._act(Act(action, WHO, alarm=one, shelf_s=shelf)) for one in meant)

    def say_full(self, truck: str) -> bool:
        """Its crew says that it takes no more."""
        run = self._bridge.dispatch.day.run_of(truck) if self._bridge is not None else None
        return run is not None and self._act(Act("full", WHO, run_id=run.run_id))

    def close_road(self, room: str, other_room: str | None, until_at: int) -> bool:
        """Nobody gets to a room, or from it to another, until then."""
        return self._act(Act("close_road", WHO, room=room, other_room=other_room, until_at=until_at))

    def resolve(self, truck: str, incident_id: str) -> bool:
        """It is over."""
        return self._act(Act("resolve", WHO, (truck, incident_id)))

    def book(self, pile: str, truck: str, from_at: int, litres: int) -> str | None:
        """A property holds a window of a truck and books it; the booking's id, None where it was refused."""
        self._booked += 1
        name = f"b{int(self._timeline.now)}.{self._booked}"  # of no other day's either
        hold = BookingDeed("hold", name, pile=pile, truck=truck, from_at=from_at, litres=litres)
        held = self._act(Act("booking", WHO, booking=hold))
        return name if held and self._act(Act("booking", WHO, booking=BookingDeed("book", name))) else None

    def accept(self, booking: str) -> bool:
        """The crew of the truck says yes."""
        return self._act(Act("booking", WHO, booking=BookingDeed("accept", booking)))

    def say_of_booking(self, booking: str, deed: str, reason: str | None, text: str | None) -> bool:
        """The crew declines it or says that it came in vain, for a `reason`; the property disputes, and is answered."""
        return self._act(Act("booking", WHO, booking=BookingDeed(deed, booking, reason=reason, note=text)))

    def loaded(self, booking: str, litres: int) -> bool:
        """The crew says what it loaded."""
        return self._act(Act("booking", WHO, booking=BookingDeed("loaded", booking, litres=litres)))

    def say_of_case(self, kind: str, room: str, deed: str, text: str | None) -> bool:
        """The newest case of a kind at a room is opened, handed over, taken back or closed; enforcement answers it."""
        if self._store is None or self._frozen:
            return False
        usual, now = CasesConfig(), int(self._now())
        book = CaseBook(self._store, self._plan, usual.times, usual.within_days)
        try:
            if deed == "open":
                grounds = [one for one in book.suggestions(now) if (one.kind, one.room) == (kind, room)]
                if not grounds:
                    raise CaseError(f"nothing suggests a case of {kind} at {room}")
                book.open(grounds[0], text, WHO, now)
            else:
                known = [one for one in book.cases() if (one.kind, one.room) == (kind, room)]
                if not known:
                    raise CaseError(f"there is no case of {kind} at {room}")
                book.change(known[0].case_id, None, partial(_CASE_DEEDS[deed], text=text, now=now), now)
        except (CaseError, StoreError) as why:
            self._evidence.notes.append(said("notes", "refused", did=Term("acts", deed), why=why))
            return False
        return True

    # --- what others do ---------------------------------------------------------------------------------

    def weigh(self, truck: str, run_id: str, waste: str, grams: int) -> bool:
        """The transfer station says what a truck brought of a run."""
        return self._act(Act("weigh", STATION, truck=truck, run_id=run_id, waste=waste, grams=grams))

    def see_alarms(self, before_at: float) -> None:
        """Somebody sees those that were announced before that."""
        alarms = self._bridge.dispatch.day.alarms.values() if self._bridge is not None else ()
        unseen = [one for one in alarms if one.state in ("unseen_active", "gone_unseen")]
        for alarm in unseen:
            if alarm.announced_at is not None and alarm.announced_at <= before_at:
                self._act(Act("see_alarm", WHO, alarm=alarm.id))

    # --- what the process does ------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock.now()

    def _act(self, act: Act) -> bool:
        if self._bridge is None or self._frozen:
            return False
        try:
            self._bridge.act(act, self._now())
        except (ActionError, StoreError) as why:
            self._evidence.notes.append(said("notes", "refused", did=Term("acts", act.action), why=why))
            return False
        return True

    def _send(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._link is not None:
            self._link.publish(topic, payload, retained)

    def _up(self) -> None:
        if self._bridge is not None:
            self._bridge.link_up(self._now())

    def _down(self) -> None:
        if self._bridge is not None:
            self._bridge.link_down(self._now())

    def _receive(self, topic: str, payload: bytes) -> None:
        bridge = self._bridge
        if bridge is None:
            return
        device, channel = topic.split("/", 6)[4:6]
        if channel in CHANNELS_HEARD and payload:
            self._evidence.heard.append(Heard(self._timeline.now, "bridge", channel, device, Spoken(payload)))
        bridge.receive(topic, payload, self._now())
        if not self._flush_asked:
            self._flush_asked = True
            self._timeline.after(0.0 if channel == "incident" else ACK_EVERY_S, partial(self._flush, bridge))

    def _flush(self, bridge: Bridge) -> None:
        self._flush_asked = False
        if bridge is self._bridge and not self._frozen:
            bridge.flush(self._now())

    def _tick(self, bridge: Bridge) -> None:
        if bridge is not self._bridge:
            return
        if not self._frozen:
            now = self._now()
            bridge.tick(now)
            bridge.flush(now)
        self._timeline.after(TICK_S, partial(self._tick, bridge))


def _hand_over(case: Case, text: str | None, now: int) -> Case:  # noqa: ARG001 - what is to be done is in its evidence
    return case.handed_over(WHO, now)


def _take_back(case: Case, text: str | None, now: int) -> Case:  # noqa: ARG001 - it needs no word
    return case.taken_back(now)


def _answer(case: Case, text: str | None, now: int) -> Case:
    return case.answered(text or "", ENFORCEMENT, now)


def _close(case: Case, text: str | None, now: int) -> Case:
    return case.closed(text, WHO, now)


_CASE_DEEDS = {"hand-over": _hand_over, "take-back": _take_back, "answer": _answer, "close": _close}
