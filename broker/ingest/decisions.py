"""The rules as the bridge asks them: a decision is whole or it is not, and a fault in a rule hides nothing.

If a rule fails in a decision, nothing of the decision is kept or told, and the day is rebuilt from its records, so that
memory says what they say. What a device said is on record already; an open press stays on the screen as it was said
(incidents/unworked.py), its light says `stored` once it is. A severe notice tells which rule failed on what; the
rule rests a while before it is tried on the same thing again (rule_faults.py), everything else goes on.

If the day cannot be rebuilt either, memory holds half of a decision: nothing is decided upon that, neither by rules
nor by people, until it can. What devices say meanwhile is on record, presses are shown, their lights say `stored`,
alarms that nobody answers repeat, the rest is taken in later.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from broker.ingest.delivery.unsaved import Records, WithUnsaved
from broker.ingest.restored.day import restore, restore_beside
from broker.ingest.rule_faults import RuleFaults
from broker.plan.model import Plan
from broker.rules.day.attention.about_area import RuleFailed, RuleFailedBefore
from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.dispatch import Dispatch
from broker.rules.dispatch.incidents.unworked import mark_unworked
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.messages import Telling, all_to_tell
from broker.rules.effects.records import tell_incident
from broker.rules.settings import DispatchSettings
from broker.rules.states.incident import REPEAT_S
from broker.store import Record
from firmware import wire

log = logging.getLogger("zhanpai.bridge")

MOST_LOGGED = 100
MOST_SHOWN = 20
NOT_ON_RECORD = ("life", "keeper", "incident")  # what a rebuilt day may not know of by itself
OTHERS = "…"
TICK = "what is due"  # the rule that asks all others what there is to decide
NOT_DONE = "a rule failed on this and nothing was changed; the fault is on the screen's list and in the log"
NOT_NOW = "a rule failed and the day cannot be rebuilt from its records yet: nothing can be decided until it is"
MOST_WAITING = 10_000


class Decisions:
    """One day's decisions over a record; `unsaved` are the records decided on and not stored yet.

    It counts `rule_faults` in `counts`.
    """

    def __init__(
        self,
        store: Records,
        plan: Plan,
        settings: DispatchSettings,
        unsaved: Callable[[], Sequence[Record]],
        counts: Counter[str],
        now: int,
    ) -> None:
        self.dispatch = Dispatch(restore(store, plan, settings, now))
        self._counts = counts
        self._store = store
        self._unsaved = unsaved
        self._faults = RuleFaults()
        self._to_rebuild = False  # a rule failed, and the day could not be rebuilt yet
        self._rebuilt = False  # the day was, and not everything is predicted again
        self._to_tell = False  # and now it is, but nobody was told
        self._waiting: deque[wire.Message] = deque(maxlen=MOST_WAITING)  # said while nothing could be decided on it
        self._untold: dict[tuple[str, str], Telling] = {}  # by rule and by what it is about
        self._lights_untold = False  # nor that presses are stored, which is true without any rule
        self._reminded: dict[tuple[str, str], int] = {}  # of alarms, while nothing can be decided

    @property
    def stands_still(self) -> bool:
        """Whether nothing can be decided now, so that nobody may believe that what they hold is current."""
        return self._to_rebuild

    def on_message(self, message: wire.Message, now: int) -> list[Effect]:
        """What the rules say to a message; one whose rule failed on the like lately is taken in, and no more."""
        if self._to_rebuild or (self._faults and self._faults.rests(*_named(message), now)):
            return self._set_aside(message, now)
        learned = self.dispatch.day.history.learned
        try:
            effects = self.dispatch.on_message(message, now)
        except Exception:  # noqa: BLE001  (whatever it is, it is ours: said, logged and counted)
            effects = self._after_a_fault(*_named(message), learned, now)
            if self._to_rebuild or message.address.channel in NOT_ON_RECORD:
                effects += [effect for effect in self._set_aside(message, now) if effect not in effects]
        else:
            if self._faults:
                self._faults.worked(message.address.channel)
        return effects

    def on_tick(self, now: int) -> Iterator[list[Effect]]:
        """What the rules say to the passing of time, one decision after the other."""
        if self._to_rebuild and not self._faults.rests("rebuild", "", now):
            self.rebuild(now)
        if self._to_rebuild:
            yield self._reminders(now)
            return
        if self.dispatch.day.attention.of(Topic.FAULT):
            self._forgive(now)
        if self._waiting:
            yield from self._offer_again(now)
        rebuilt, self._rebuilt = self._rebuilt, False
        if not self._faults.rests(TICK, "", now):
            yield from self._of_tick(now)
        if rebuilt and self._rebuilt:
            return  # once more: what was predicted is gone again
        self._to_tell = self._to_tell or rebuilt

    def _of_tick(self, now: int) -> Iterator[list[Effect]]:
        """Each decision of one second; what asks which are due is a rule too, and may fail like one."""
        learned = self.dispatch.day.history.learned
        try:
            for rule, about, make in self.dispatch.on_tick(now):
                yield self._made(rule, about, make, now)
        except Exception:  # noqa: BLE001  (as above)
            yield self._after_a_fault(TICK, "", learned, now)
            return
        if self._faults:
            self._faults.worked(TICK)

    def next_step(self, now: int) -> list[Effect] | None:
        """What comes of one short step more of what takes long; None when there is nothing of the kind."""
        decision = None if self._to_rebuild else self.dispatch.next_step(now)
        if decision is not None and self._faults and self._faults.rests(decision.rule, decision.about, now):
            self.dispatch.leave_steps()  # it would be asked for the next one for ever
            return None
        return None if decision is None else self._made(*decision, now)

    def _forgive(self, now: int) -> None:
        """What did not fail for an hour is not severe any more; it stays on the list, to be reported."""
        self._faults.forgive(now)
        attention = self.dispatch.day.attention
        for subject, asked in list(attention.of(Topic.FAULT).items()):
            was = asked.values
            if not isinstance(was, RuleFailed) or (was.rule, was.about) in self._faults:
                continue
            if subject != OTHERS or not self._faults:
                attention.ask(subject, RuleFailedBefore(was.rule, was.about, was.count), asked.since)

    def _offer_again(self, now: int) -> Iterator[list[Effect]]:
        """What keepers said while its rule rested, once it does not."""
        for _ in range(len(self._waiting)):
            message = self._waiting.popleft()
            if self._faults.rests(*_named(message), now):
                self._waiting.append(message)
            else:
                yield self.on_message(message, now)

    def act(self, act: Act, now: int) -> tuple[list[Effect], ActionError | None]:
        """What comes of a person's action, and why it cannot be done, if it cannot."""
        if self._to_rebuild:
            return [], ActionError(NOT_NOW)
        day = self.dispatch.day
        number, learned = day.clock.number, day.history.learned
        pressed = day.incidents.get(act.incident or ("", ""))
        unworked = act.action == "decide" and pressed is not None and pressed.unworked
        try:
            return self.dispatch.act(act, now), None
        except ActionError as why:
            # It may have been begun when it turned out that it cannot be done: then a number was taken, or what a rule
            # failed on was made up for.
            if day.clock.number > number + 1 or (unworked and not why.stale):
                self.rebuild(now, learned_too=day.history.learned != learned)
            return [], why
        except Exception:  # noqa: BLE001  (as above)
            return self._after_a_fault("action", act.action, learned, now), ActionError(NOT_DONE)

    def tell_all(self) -> None:
        """Everything a broker should hold of ours is to be told anew."""
        self._untold = all_to_tell(self.dispatch.day)
        self._lights_untold = True

    def tell(self, now: int) -> list[Effect]:
        """What of that is not told yet, each by a decision of its own: what fails is told later, the others now."""
        effects: list[Effect] = []
        if self._to_rebuild:
            return self._stored()
        for (rule, about), make in list(self._untold.items()):
            if self._to_rebuild:
                break  # memory may say what no record does: everything is told once the day is rebuilt
            if self._faults and self._faults.rests(rule, about, now):
                continue
            faults = self._counts["rule_faults"]
            effects += self._made(rule, about, partial(make, self.dispatch.day, now), now)
            if self._counts["rule_faults"] == faults:
                self._untold.pop((rule, about))
        if self._to_rebuild:
            return effects + self._stored()
        self._lights_untold = False
        return effects

    def take_to_tell(self) -> bool:
        """Whether the day was begun again since this was asked last, and everybody is to be told anew."""
        to_tell, self._to_tell = self._to_tell, False
        return to_tell

    def rebuild(self, now: int, *, learned_too: bool = True) -> bool:
        """Have the day as its records give it, those that are not stored yet included; whether that could be done."""
        records = WithUnsaved(self._store, self._unsaved())
        try:
            day = restore_beside(records, self.dispatch.day, now, learned_too=learned_too)
        except Exception as why:  # noqa: BLE001  (the record cannot be read, or our own code failed: later, then)
            log.error("the day cannot be rebuilt from its records: %r", why)
            self._faults.failed("rebuild", "", now)
            self._to_rebuild = True
            return False
        self.dispatch.begin_again(day)
        self._to_rebuild, self._rebuilt = False, True
        self._reminded.clear()
        return True

    def _made(self, rule: str, about: str, make: Callable[[], list[Effect]], now: int) -> list[Effect]:
        """The effects of one decision, all of them; after a fault, what is to be said of that."""
        if self._to_rebuild or (self._faults and self._faults.rests(rule, about, now)):
            return []
        learned = self.dispatch.day.history.learned
        try:
            effects = make()
        except Exception:  # noqa: BLE001  (as above)
            return self._after_a_fault(rule, about, learned, now)
        if self._faults:
            self._faults.worked(rule)
        return effects

    def _after_a_fault(self, rule: str, about: str, learned: int, now: int) -> list[Effect]:
        """A rule failed: say it, and have the day again as its records give it."""
        self._counts["rule_faults"] += 1
        if self._counts["rule_faults"] <= MOST_LOGGED:
            log.exception("a rule failed (%s %s); please report this with the lines below", rule, about)
        count, wait_s = self._faults.failed(rule, about, now)
        self.rebuild(now, learned_too=self.dispatch.day.history.learned != learned)
        day, subject = self.dispatch.day, f"{rule} {about}".strip()
        asked = day.attention.of(Topic.FAULT)
        if subject not in asked and len(asked) >= MOST_SHOWN:
            past = next((one for one, entry in asked.items() if isinstance(entry.values, RuleFailedBefore)), None)
            if past is not None:
                day.attention.answered(Topic.FAULT, past)
        if subject not in asked and len(asked) >= MOST_SHOWN:
            subject, rule, about = OTHERS, OTHERS, OTHERS
        since = asked[subject].since if subject in asked else now
        day.attention.ask(subject, RuleFailed(rule, about, count, wait_s), since)
        return [Notice("severe", f"a rule failed ({subject}), {count} times; see the log"), *self._lights()]

    def _lights(self, incident_id: str | None = None) -> list[Effect]:
        """What the lights of presses say that no rule could work on: `stored`, once they are."""
        day = self.dispatch.day
        wanted = [one for one in day.incidents.values() if incident_id in (None, one.incident_id)]
        unworked = [incident for incident in wanted if incident.open and incident.unworked]
        if self._to_rebuild:  # whatever more was done about one may be half of a decision
            unworked = [incident for incident in unworked if incident.stage == "stored"]
        try:
            return [effect for incident in unworked for effect in tell_incident(day, incident)]
        except Exception as why:  # noqa: BLE001  (they are told with everything else, after the next tick)
            log.error("lights cannot be told: %r", why)
            return []

    def _stored(self) -> list[Effect]:
        """What is true of every open press while memory may hold half of a decision, once, if it is to be told."""
        if not self._lights_untold:
            return []
        self._lights_untold, day = False, self.dispatch.day
        try:
            opened = [incident for incident in day.incidents.values() if incident.open]
            return [effect for incident in opened for effect in tell_incident(day, incident, stored_only=True)]
        except Exception as why:  # noqa: BLE001  (they are told with everything else, once the day is rebuilt)
            log.error("lights cannot be told: %r", why)
            return []

    def _reminders(self, now: int) -> list[Effect]:
        """Alarms repeat though nothing can be decided; their records follow once the day is rebuilt."""
        effects: list[Effect] = []
        for key, incident in self.dispatch.day.incidents.items():
            wake_at = incident.wake_at()
            if not incident.open or wake_at is None or now < max(wake_at, self._reminded.get(key, 0) + REPEAT_S):
                continue
            self._reminded[key] = now
            waited_s = now - incident.raised_at
            text = f"{incident.truck}: {incident.reason} is open for {waited_s} s, and nothing can be decided on it"
            effects.append(Notice("severe", text))
        return effects

    def _set_aside(self, message: wire.Message, now: int) -> list[Effect]:
        """Take a message in without any rule for it; of a press its light is told, a keeper's waits for its rule."""
        channel = message.address.channel
        if channel == "keeper" and message.body is not None:
            said_at = now if message.body["at"] is None else message.body["at"]
            message = wire.Message(message.address, {**message.body, "at": said_at})
        if channel == "keeper" or (self._to_rebuild and channel not in ("incident", "fix")):
            self._waiting.append(message)
            return []
        try:
            effects = self.dispatch.set_aside(message, now)
            if channel != "incident":
                return effects
            if self._to_rebuild:  # a rule may have come half the way with it
                mark_unworked(self.dispatch.day, (message.address.device, message.address.item))
            return effects + self._lights(message.address.item)
        except Exception as why:  # noqa: BLE001  (it is on record, and the day will be rebuilt)
            log.error("%s cannot be taken in: %r", message.address, why)
            self._to_rebuild = self._to_rebuild or message.address.channel == "incident"
            return []


def _named(message: wire.Message) -> tuple[str, str]:
    """(which rule is asked, what about) of a message."""
    address = message.address
    if address.channel == "incident":
        return address.channel, f"{address.device}/{address.item}"
    return address.channel, address.device
