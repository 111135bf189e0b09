"""An alarm 告警 on the screen, as ISA-18.2 has it: whether a condition holds, and what a person has done about it.

Theory of operation. What a person should look at (`day/attention/`) is the condition: it begins and ends by itself.
An alarm is what the screen makes of it. It begins `unseen_active`; somebody sees it and it is `seen_active`; the
condition ends and the alarm is over. If the condition ends before anybody saw it, it stays as `gone_unseen` until
somebody does: what came and went at night is not lost.

- What gets worse after it was seen (another word that matters as much or more) is unseen again.
- Somebody may shelve it for a while. The shelf ends by itself: if the condition still holds it is unseen again.
- Somebody may put it out of service, until somebody puts it back: a unit that is being repaired.
- On the shelf and out of service the condition goes on beginning and ending; nobody is told.
- One cause is one alarm: what another alarm stands for (the whole estate is silent) is covered by it, and over.

Rule 1: whatever changes the state of an alarm lives in this file. `_fire` is the only way through the table, and only
the deeds of `Alarm` call it; everybody else asks an alarm for a deed and keeps what it gives back. A deed that the
table does not have raises AlarmError and changes nothing; each deed makes a new `version`, so that of two clicks on an
old screen one is refused.
docs/states.md is drawn from the table (see diagrams.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

BEGINS = "normal"
TRANSITIONS: dict[tuple[str, str], str] = {
    ("normal", "begin"): "unseen_active",
    ("unseen_active", "see"): "seen_active",
    ("unseen_active", "end"): "gone_unseen",
    ("seen_active", "end"): "normal",
    ("seen_active", "worsen"): "unseen_active",
    ("gone_unseen", "begin"): "unseen_active",
    ("gone_unseen", "see"): "normal",
    ("unseen_active", "cover"): "normal",
    ("seen_active", "cover"): "normal",
    ("unseen_active", "shelve"): "shelved",
    ("seen_active", "shelve"): "shelved",
    ("gone_unseen", "shelve"): "shelved",
    ("shelved", "unshelve"): "unseen_active",
    ("shelved", "unshelve_gone"): "normal",
    ("unseen_active", "take_out"): "out_of_service",
    ("seen_active", "take_out"): "out_of_service",
    ("gone_unseen", "take_out"): "out_of_service",
    ("shelved", "take_out"): "out_of_service",
    ("out_of_service", "put_back"): "unseen_active",
    ("out_of_service", "put_back_gone"): "normal",
}
SUPPRESSED = ("shelved", "out_of_service")
LONGEST_SHELF_S = 7 * 86400
LEVELS = ("info", "warning", "severe")
_CANNOT = {
    "see": "is not there to be seen", "shelve": "cannot be shelved", "unshelve": "is on no shelf",
    "take_out": "cannot be put out of service", "put_back": "is not out of service",
}  # fmt: skip


class AlarmError(ValueError):
    """An alarm was asked for a step that its state does not have."""


def alarm_id(about: str) -> str:
    """The name of an alarm in an address: what it is about may hold anything."""
    return blake2b(about.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm, by what it is about; word, level and values are those it began with or got worse to."""

    about: str
    word: str
    level: str
    values: Mapping[str, Any]
    since: int  # when the condition began
    state: str = BEGINS
    active: bool = False  # whether the condition holds, as far as is known
    version: int = 0
    changed_at: int = 0
    announced_at: int | None = None  # when it was unseen last
    said: tuple[str, ...] = field(default=())  # the words it had since it began
    who: str | None = None  # whose deed it was that made it what it is
    seen_at: int | None = None
    until: int | None = None  # the end of its shelf
    why: str | None = None  # it is on the shelf or out of service

    @property
    def id(self) -> str:
        """Its name in an address."""
        return alarm_id(self.about)

    @property
    def topic(self) -> str:
        """What kind of thing it is about."""
        return self.about.partition("/")[0]

    @property
    def suppressed(self) -> bool:
        """Whether a person does not want to be told."""
        return self.state in SUPPRESSED

    @property
    def over(self) -> bool:
        """Whether nothing is left to be shown."""
        return self.state == BEGINS

    # --- what the condition does ----------------------------------------------------------------------------

    def begun(self, word: str, level: str, values: Mapping[str, Any], since: int, now: int) -> "Alarm":
        """The condition holds."""
        if self.suppressed:
            return replace(self, active=True, word=word, level=level, values=values, since=since)
        return self._fire(
            "begin", now, active=True, word=word, level=level, values=values, since=since, said=(word,),
            announced_at=now, who=None, seen_at=None,
        )  # fmt: skip

    def ended(self, now: int) -> "Alarm":
        """The condition does not hold any more."""
        return replace(self, active=False) if self.suppressed else self._fire("end", now, active=False)

    def is_worse(self, word: str, level: str) -> bool:
        """Whether what is said now was not said since it began, and matters as much or more."""
        return word not in self.said and LEVELS.index(level) >= LEVELS.index(self.level)

    def worsened(self, word: str, level: str, values: Mapping[str, Any], now: int) -> "Alarm":
        """It is said in another word, which matters as much or more: whoever saw it has not seen that."""
        changes: dict[str, Any] = {"word": word, "level": level, "values": values, "said": (*self.said, word)}
        if self.suppressed:
            return replace(self, **changes)
        if self.state == "seen_active":
            return self._fire("worsen", now, announced_at=now, who=None, seen_at=None, **changes)
        return replace(self, version=self.version + 1, changed_at=now, **changes)

    def covered(self, now: int) -> "Alarm":
        """Another alarm says it for this one too."""
        return replace(self, active=False) if self.suppressed else self._fire("cover", now, active=False)

    def shelf_over(self, now: int) -> bool:
        """Whether its time on the shelf has ended."""
        return self.state == "shelved" and self.until is not None and now >= self.until

    # --- what people do -------------------------------------------------------------------------------------

    def seen(self, who: str, now: int) -> "Alarm":
        """A person has seen it."""
        return self._fire("see", now, who=who, seen_at=now)

    def shelved(self, who: str, until: int, why: str | None, now: int) -> "Alarm":
        """Nobody is to be told of it until then."""
        if not now < until <= now + LONGEST_SHELF_S:
            days = LONGEST_SHELF_S // 86400
            raise AlarmError(f"a shelf ends within {days} days from now; for longer: out of service")
        return self._fire("shelve", now, who=who, seen_at=now, until=until, why=why)

    def unshelved(self, now: int, who: str | None = None) -> "Alarm":
        """The shelf ends, by its time or (`who`) by a person."""
        return self._returned("unshelve", now, who)

    def taken_out(self, who: str, why: str | None, now: int) -> "Alarm":
        """Nobody is to be told of it until it is put back."""
        return self._fire("take_out", now, who=who, seen_at=now, until=None, why=why)

    def put_back(self, who: str, now: int) -> "Alarm":
        """It counts again."""
        return self._returned("put_back", now, who)

    def kept_again(self, now: int) -> "Alarm":
        """The same, as a record of now: what stands for weeks is found by whoever reads the last weeks."""
        return replace(self, changed_at=now)

    def _returned(self, step: str, now: int, who: str | None) -> "Alarm":
        changes: dict[str, Any] = {"who": who, "until": None, "why": None}
        if not self.active:
            return self._fire(f"{step}_gone", now, **changes)
        return self._fire(step, now, announced_at=now, seen_at=None, said=(self.word,), **changes)

    def _fire(self, step: str, now: int, **changes: Any) -> "Alarm":
        """This alarm after a step; raises AlarmError for one that its state does not have."""
        to = TRANSITIONS.get((self.state, step))
        if to is None:
            what = _CANNOT.get(step.removesuffix("_gone"), f"cannot {step}")
            raise AlarmError(f"the alarm is {self.state.replace('_', ' ')} now: it {what}")
        return replace(self, state=to, version=self.version + 1, changed_at=now, **changes)

    # --- the record -----------------------------------------------------------------------------------------

    def not_after(self, now: int) -> "Alarm":
        """The same without times of a clock that was ahead: by them its shelf would not end for as long."""
        return replace(
            self,
            changed_at=min(self.changed_at, now),
            until=None if self.until is None else min(self.until, now + LONGEST_SHELF_S),
        )

    def body(self) -> dict[str, Any]:
        """This alarm as the body of an `alarm` record; `from_body` is its inverse."""
        named = {name: getattr(self, name) for name in Alarm.__dataclass_fields__}
        return {**named, "values": dict(self.values), "said": list(self.said)}

    @staticmethod
    def from_body(body: dict[str, Any]) -> "Alarm":
        """The alarm a stored record describes; unknown fields of a newer release are ignored."""
        fields = {name: value for name, value in body.items() if name in Alarm.__dataclass_fields__}
        found = Alarm(**{**fields, "said": tuple(body.get("said", ()))})
        whole = all(type(one) is int for one in (found.version, found.since, found.changed_at))
        if found.state not in {*TRANSITIONS.values()} or found.level not in LEVELS or not whole:
            raise ValueError(f"no alarm of ours: {found.state!r}, {found.level!r}")
        return found
