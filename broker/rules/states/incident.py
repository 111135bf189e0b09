"""An incident 报警: what is the matter (condition) and, apart from it, what people have done (workflow).

Theory of operation. A press raises an incident. A person acknowledges it, decides what is to be done, and it is in
progress; once that is done it is resolved, and closed when nothing is owed for it any more. The driver may withdraw
it at any time before it is closed. Whether the lane is still blocked or the truck still stands is another question:
the condition, `active` until somebody who can see it says that it is cleared.

- Deciding without acknowledging first counts as both; a changed decision is another `decide`.
- An acknowledgement without action runs out after ACK_EXPIRES_S: acknowledged -- expire --> raised.
- No acknowledgement after REPEAT_S: the alarm repeats, each minute while its chain is told, then each REPEAT_LATER_S:
  each repeat is a record, and whoever can be told was told.
- The driver's light follows `stage`: stored -> seen (acknowledged) -> decided (in_progress) -> closed. It shows the
  furthest answer: where an addressee (answer.py) has seen it and the dispatcher has not, it is seen.
- The dispatcher's own answer follows from these deeds; those of the others are kept with `answering`.

Rule 1: whatever changes workflow or condition of an incident lives in this file. `_fire` is the only way through the
table, and only the deeds of `Incident` call it; everybody else asks an incident for a deed and keeps what it gives
back. A deed that the table does not have raises IncidentError and changes nothing: an incident is never changed in
place, and each deed that people must see makes it a new `version`.
docs/states.md is drawn from the tables (see diagrams.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from broker.rules.states.answer import ACK_EXPIRES_S, CONTRACTOR, DISPATCHER, ESTATE, Answer, AnswerError, of_before

REPEAT_S = 60
REPEATS_OFTEN_S = 600  # since it was told
REPEAT_LATER_S = 600
SAME_TIME_S = 120  # how far a device's idea of a past moment may move while its clock settles

BEGINS = "raised"
TRANSITIONS: dict[tuple[str, str], str] = {
    ("raised", "acknowledge"): "acknowledged",
    ("raised", "decide"): "in_progress",
    ("acknowledged", "decide"): "in_progress",
    ("in_progress", "decide"): "in_progress",
    ("acknowledged", "expire"): "raised",
    ("raised", "resolve"): "resolved",
    ("acknowledged", "resolve"): "resolved",
    ("in_progress", "resolve"): "resolved",
    ("resolved", "close"): "closed",
    ("raised", "withdraw"): "withdrawn",
    ("acknowledged", "withdraw"): "withdrawn",
    ("in_progress", "withdraw"): "withdrawn",
    ("resolved", "withdraw"): "withdrawn",
}
CONDITION_BEGINS = "active"
CONDITIONS: dict[tuple[str, str], str] = {("active", "clear"): "cleared"}
STAGES = {
    "raised": "stored",
    "acknowledged": "seen",
    "in_progress": "decided",
    "resolved": "decided",
    "closed": "closed",
    "withdrawn": "closed",
}
FINAL = ("closed", "withdrawn")


class IncidentError(ValueError):
    """An incident was asked for a step its workflow does not have, or with a version that is not the newest."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One press and all that came of it; `version` counts changes so that two clicks cannot both win."""

    truck: str
    incident_id: str
    reason: str
    raised_at: int
    pressed_at: int | None
    lat: float | None
    lon: float | None
    version: int = 1
    condition: str = CONDITION_BEGINS
    workflow: str = BEGINS
    decision: str | None = None
    who: str | None = None
    run_id: str | None = None
    room: str | None = None
    visit_number: int | None = None
    estate: str | None = None
    answers: tuple[Answer, ...] = ()
    acknowledged_at: int | None = None
    decided_at: int | None = None
    cleared_at: int | None = None
    closed_at: int | None = None
    repeats: int = 0
    repeated_at: int | None = None
    changed_at: int = 0
    unworked: bool = False  # a rule failed on it: it stands as the device said it, nothing was re-planned for it
    taken_back: bool = False  # what a rule failed on is that the driver took it back
    stands_since: int = 0  # the version since which nothing was changed but the count of its repeats

    @property
    def key(self) -> tuple[str, str]:
        """(truck, incident_id): two trucks may use the same word."""
        return (self.truck, self.incident_id)

    def is_pressed_anew(self, body: Mapping[str, Any]) -> bool:
        """Whether its id comes with another press: the truck's boot counter went back (a new SD card)."""
        one, other = self.pressed_at, body["pressed_at"]
        return one is not None and other is not None and abs(other - one) > SAME_TIME_S and not body["withdrawn"]

    @property
    def open(self) -> bool:
        """Whether its retained topics still stand."""
        return self.workflow not in FINAL

    @property
    def stage(self) -> str:
        """What the driver's light shows (the wire's ack stages)."""
        stage = STAGES[self.workflow]
        return STAGES["acknowledged"] if stage == "stored" and any(map(_is_seen, self.answers)) else stage

    def answer(self, name: str) -> Answer | None:
        """The row of an addressee, by its id."""
        return next((row for row in self.answers if row.id == name), None)

    @property
    def told_in_vain(self) -> tuple[Answer, ...]:
        """Who was told, and had nothing to do with its end."""
        return tuple(row for row in self.answers if row.in_vain)

    @staticmethod
    def pressed(truck: str, body: Mapping[str, Any], now: int, version: int = 1) -> "Incident":
        """The incident that a truck's message raises; `version` is more than 1 where its id was used before."""
        return Incident(
            truck=truck,
            incident_id=body["incident_id"],
            reason=body["reason"],
            raised_at=now,
            pressed_at=body["pressed_at"],
            lat=body["lat"],
            lon=body["lon"],
            version=version,
            changed_at=now,
            stands_since=version,
            answers=(Answer.asked(DISPATCHER, "", now),),
        )

    # --- deeds that go through the tables -----------------------------------------------------------------

    def acknowledged(self, who: str, now: int) -> "Incident":
        """A person has seen it."""
        answers = self._dispatchers(lambda row: row.seen(who, now))
        return self._fire("acknowledge", now, who=who, acknowledged_at=now, answers=answers)

    def decided(self, decision: str, who: str, now: int) -> "Incident":
        """A person says what is to be done, and has seen it by that."""
        seen_at = now if self.acknowledged_at is None else self.acknowledged_at
        return self._fire(
            "decide", now, decision=decision, who=who, decided_at=now, acknowledged_at=seen_at, unworked=False,
            answers=self._dispatchers(lambda row: row.finished(who, now)),
        )  # fmt: skip

    def expired(self, now: int) -> "Incident":
        """Seen, and nothing came of it: it is open again."""
        return self._fire("expire", now, repeated_at=now, answers=self._dispatchers(lambda row: row.expired(now)))

    def resolved(self, now: int, who: str | None = None) -> "Incident":
        """What was to be done is done; `who` says so, where a person does."""
        if who is None:
            return self._fire("resolve", now, unworked=False)
        answers = self._dispatchers(lambda row: row.finished(who, now))
        return self._fire("resolve", now, who=who, unworked=False, answers=answers)

    def closed(self, now: int, cleared_at: int | None = None) -> "Incident":
        """Nothing is owed for it any more."""
        cleared_at = self.cleared_at if cleared_at is None else cleared_at
        answers = tuple(row.ended(now, came_true=True) for row in self.answers)
        return self._fire(
            "close", now, condition=self._clear(), cleared_at=cleared_at, closed_at=now, answers=answers
        )  # fmt: skip

    def withdrawn(self, now: int) -> "Incident":
        """The driver takes it back."""
        answers = tuple(row.ended(now, came_true=False) for row in self.answers)
        return self._fire("withdraw", now, condition=self._clear(), closed_at=now, answers=answers)

    def cleared(self, who: str, now: int) -> "Incident":
        """Somebody who can see it says that the obstacle is gone: nobody need be asked to clear it any more."""
        asked = [row.addressee not in (DISPATCHER, CONTRACTOR) for row in self.answers]
        rows = zip(self.answers, asked, strict=True)
        answers = tuple(row.ended(now, came_true=True) if is_asked else row for row, is_asked in rows)
        return self._changed(now, condition=self._clear(), cleared_at=now, who=who, answers=answers)

    def _fire(self, step: str, now: int, **changes: Any) -> "Incident":
        """This incident after a workflow step; raises IncidentError for a step it does not have."""
        to = TRANSITIONS.get((self.workflow, step))
        if to is None:
            raise IncidentError(f"incident {self.incident_id} is {self.workflow}: it cannot be {step}d now")
        return self._changed(now, workflow=to, **changes)

    def _dispatchers(self, deed: Callable[[Answer], Answer]) -> tuple[Answer, ...]:
        """The answers after a deed on the dispatcher's; one that has said as much by now stays as it is."""

        def after(row: Answer) -> Answer:
            try:
                return deed(row) if row.addressee == DISPATCHER else row
            except AnswerError:
                return row

        return tuple(map(after, self.answers))

    def _clear(self) -> str:
        return CONDITIONS.get((self.condition, "clear"), self.condition)

    def _changed(self, now: int, **changes: Any) -> "Incident":
        """This incident with other fields changed, as a new version."""
        return replace(self, version=self.version + 1, changed_at=now, stands_since=self.version + 1, **changes)

    # --- what becomes known of it in the state it is in ---------------------------------------------------

    def bound_to(self, run_id: str, room: str, visit_number: int, estate: str) -> "Incident":
        """It is about this visit, and its estate's lane."""
        return replace(self, run_id=run_id, room=room, visit_number=visit_number, estate=estate, unworked=False)

    def on_run(self, run_id: str) -> "Incident":
        """It is about a whole run."""
        return replace(self, run_id=run_id, unworked=False)

    def worsened(self, reason: str) -> "Incident":
        """The driver kept holding: it is about more than a visit."""
        return replace(self, reason=reason, room=None, visit_number=None, estate=None)

    def said_worse(self, reason: str) -> "Incident":
        """The driver kept holding, and what was done about its visit still stands."""
        return replace(self, reason=reason)

    def left_unworked(self, *, taken_back: bool = False) -> "Incident":
        """A rule failed on what the driver said last: a person must look."""
        return replace(self, unworked=True, taken_back=self.taken_back or taken_back)

    def renewed(self, now: int) -> "Incident":
        """A new version, because what it is about has changed."""
        return self._changed(now)

    def answering(self, answers: Sequence[Answer], now: int) -> "Incident":
        """Addressees were told, or said something: a new version to be kept, and yet what the dispatcher has seen."""
        said = any(row.version > 1 and row not in self.answers for row in answers)
        kept = replace(self, version=self.version + 1, answers=tuple(answers))
        return replace(kept, changed_at=now) if said else kept

    def repeated(self, now: int) -> "Incident":
        """This incident told once more: a new version to be kept, and yet what everybody has on the screen."""
        again = self._changed(now, repeats=self.repeats + 1, repeated_at=now)
        return replace(again, stands_since=self.stands_since)

    def not_after(self, now: int) -> "Incident":
        """The same without times of a clock that was ahead: by them its alarm would not repeat for as long."""
        return replace(
            self,
            changed_at=min(self.changed_at, now),
            repeated_at=None if self.repeated_at is None else min(self.repeated_at, now),
            acknowledged_at=None if self.acknowledged_at is None else min(self.acknowledged_at, now),
            answers=tuple(row.not_after(now) for row in self.answers),
        )

    def is_seen(self, version: int) -> bool:
        """Whether who looked at this version has seen what the incident is now."""
        return self.stands_since <= version <= self.version

    def wake_at(self) -> int | None:
        """When time alone changes this incident next (repeat, or an acknowledgement that runs out)."""
        if self.workflow == "raised":
            told_at = next((row.told_at for row in self.answers if row.addressee == DISPATCHER), self.changed_at)
            last_at = self.repeated_at or told_at
            return last_at + (REPEAT_S if last_at - told_at < REPEATS_OFTEN_S else REPEAT_LATER_S)
        if self.workflow == "acknowledged":
            return (self.acknowledged_at or self.changed_at) + ACK_EXPIRES_S
        return None

    def body(self) -> dict[str, Any]:
        """This incident as the body of a `workflow` record; `from_body` is its inverse."""
        named = {name: getattr(self, name) for name in Incident.__dataclass_fields__}
        estate = self.answer(ESTATE)
        of_estate = {"estate_told_at": estate and estate.asked_at, "estate_ack_at": estate and estate.seen_at}
        return {**named, **of_estate, "answers": [row.body() for row in self.answers], "stage": self.stage}

    @staticmethod
    def from_body(body: dict[str, Any]) -> "Incident":
        """The incident a stored record describes; unknown fields of a newer release are ignored."""
        answers = map(Answer.from_body, body["answers"]) if "answers" in body else of_before(body)
        fields = {"stands_since": body.get("version", 1), **body, "answers": tuple(answers)}
        return Incident(**{k: v for k, v in fields.items() if k in Incident.__dataclass_fields__})


def _is_seen(row: Answer) -> bool:
    """Whether a person has this before them now."""
    return row.addressee != DISPATCHER and row.state not in ("told", "refused") and row.seen_at is not None
