"""An answer 应答: what one addressee of an incident has said to it, as a table.

Theory of operation. An incident has a row for the dispatcher and for each of those who are asked to do something about
it: the estate, a contractor, the residents' committee, the fire brigade. Each is told, sees it, promises something
until a time, and does it; or refuses. Each row has its own clock.

- Told and not seen: the next in its chain is told, step by step (`due_at`); after the last one nobody answered.
- Seen and nothing said for ACK_EXPIRES_S: told -- as if it had not been seen, from the first of the chain.
- A promise whose time passes is broken, and the row is `late` until it is done, refused or promised anew.
- Who refused may be asked again, and the dispatcher is told again when what was decided came to nothing.
- When its incident is over a row ends in the state it is in: what was told by then and not done was told in vain.

Rule 1: whatever changes the state of an answer lives in this file. `_fire` is the only way through the table, and only
the deeds of `Answer` call it; everybody else asks an answer for a deed and keeps what it gives back. A deed that the
table does not have raises AnswerError and changes nothing: an answer is never changed in place, and each deed makes it
a new `version`, so that of two clicks one wins. That the next in the chain is told changes no version: who looked at
the row before has seen what it is.
docs/states.md is drawn from the table (see diagrams.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

ACK_EXPIRES_S = 600

BEGINS = "told"
TRANSITIONS: dict[tuple[str, str], str] = {
    ("told", "see"): "seen",
    ("told", "promise"): "promised",
    ("seen", "promise"): "promised",
    ("promised", "promise"): "promised",
    ("late", "promise"): "promised",
    ("told", "finish"): "done",
    ("seen", "finish"): "done",
    ("promised", "finish"): "done",
    ("late", "finish"): "done",
    ("told", "refuse"): "refused",
    ("seen", "refuse"): "refused",
    ("promised", "refuse"): "refused",
    ("late", "refuse"): "refused",
    ("promised", "pass"): "late",
    ("seen", "expire"): "told",
    ("done", "tell"): "told",
    ("refused", "tell"): "told",
}
IN_VAIN = ("told", "seen", "promised")  # the state of a row that ended before anything was done

DISPATCHER, ESTATE, CONTRACTOR = "dispatcher", "estate", "contractor"


class AnswerError(ValueError):
    """An answer was asked for a step that its state does not have."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """After how many seconds without anybody's having seen it the next one is told, and then those after that."""

    next_person_s: int
    next_step_s: int

    def offset_s(self, step: int) -> int:
        """How long after the first of a chain this one is told."""
        return self.next_step_s * (step - 1) if step > 1 else self.next_person_s * step


@dataclass(frozen=True, slots=True)
class Told:
    """Who was told: by which step of the chain, when, and the accounts that were on duty for it."""

    at: int
    step: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One addressee's row; `party` is the estate or the firm that it is, `step` how many of its chain were told."""

    addressee: str
    party: str
    asked_at: int
    told_at: int
    since_at: int  # the state's clock
    state: str = BEGINS
    version: int = 1
    step: int = 0
    told: tuple[Told, ...] = ()
    who: str | None = None
    why: str | None = None
    truck: str | None = None  # of a contractor: which one was asked for ...
    run_id: str | None = None  # ... for which run
    seen_at: int | None = None
    until_at: int | None = None
    on_the_way_at: int | None = None
    done_at: int | None = None
    unanswered_at: int | None = None
    ended_at: int | None = None
    promises: int = 0
    kept: int = 0
    broken: int = 0

    @property
    def id(self) -> str:
        """What tells it from the others of its incident: a contractor is one of several."""
        return f"{self.addressee}.{self.party}" if self.addressee == CONTRACTOR else self.addressee

    @property
    def open(self) -> bool:
        """Whether something is still expected of it."""
        return self.ended_at is None and self.state not in ("done", "refused")

    @property
    def in_vain(self) -> bool:
        """Whether it was told, and its incident was over before it did anything."""
        return self.ended_at is not None and self.state in IN_VAIN

    @staticmethod
    def asked(addressee: str, party: str, now: int, truck: str | None = None, run_id: str | None = None) -> "Answer":
        """A row as it begins."""
        return Answer(addressee, party, now, now, now, truck=truck, run_id=run_id)

    # --- deeds that go through the table ------------------------------------------------------------------

    def seen(self, who: str, now: int) -> "Answer":
        """Somebody there has seen it."""
        return self._fire("see", now, who=who, seen_at=self._seen_at(now))

    def promised(self, until_at: int, who: str, now: int) -> "Answer":
        """It will be done by then."""
        more = {"until_at": until_at, "promises": self.promises + 1}
        return self._fire("promise", now, who=who, seen_at=self._seen_at(now), **more)

    def finished(self, who: str | None, now: int) -> "Answer":
        """It is done; a promise is kept by that."""
        kept = self.kept + (self.state == "promised")
        if who is None:  # nobody said it: it is so
            return self._fire("finish", now, done_at=now, kept=kept)
        return self._fire("finish", now, who=who, seen_at=self._seen_at(now), done_at=now, kept=kept)

    def refused(self, who: str, why: str | None, now: int) -> "Answer":
        """It will not be done; a promise is broken by that."""
        broken = self.broken + (self.state == "promised")
        return self._fire("refuse", now, who=who, why=why, seen_at=self._seen_at(now), broken=broken)

    def passed(self, now: int) -> "Answer":
        """The time of a promise is over, and it is not done."""
        return self._fire("pass", now, broken=self.broken + 1)

    def expired(self, now: int) -> "Answer":
        """Seen, and nothing came of it: it is told from the first of the chain again."""
        return self._fire("expire", now, **_AGAIN, told_at=now)

    def told_again(self, now: int, truck: str | None = None, run_id: str | None = None) -> "Answer":
        """It is asked once more."""
        fresh = {"truck": truck, "run_id": run_id, "until_at": None, "on_the_way_at": None, "done_at": None}
        return self._fire("tell", now, **_AGAIN, **fresh, why=None, told_at=now, ended_at=None)

    def _seen_at(self, now: int) -> int:
        """When it was seen first."""
        return now if self.seen_at is None else self.seen_at

    def _fire(self, deed: str, now: int, **changes: Any) -> "Answer":
        """This row after a step of the table; raises AnswerError for a step it does not have."""
        to = TRANSITIONS.get((self.state, deed))
        if to is None or (self.ended_at is not None and deed != "tell"):
            raise AnswerError(f"{self.id} is {'over' if self.ended_at is not None else self.state}: no {deed} now")
        return replace(self, state=to, since_at=now, version=self.version + 1, **changes)

    # --- what becomes known of it in the state it is in ---------------------------------------------------

    def tells(self, step: str, names: tuple[str, ...], now: int) -> "Answer":
        """The next of its chain is told."""
        return replace(self, step=self.step + 1, told=(*self.told, Told(now, step, names)))

    def unanswered(self, now: int) -> "Answer":
        """The last of its chain was told, and nobody answered."""
        return replace(self, unanswered_at=now)

    def on_the_way(self, who: str, now: int) -> "Answer":
        """What was asked for has set out."""
        if not self.open or self.state == "told":
            raise AnswerError(f"{self.id} is {self.state}: it was not promised yet")
        return replace(self, who=who, on_the_way_at=now, version=self.version + 1)

    def ended(self, now: int, *, came_true: bool) -> "Answer":
        """Its incident is over; `came_true`: what was promised for it is so, whoever saw to it."""
        if self.ended_at is not None:
            return self
        row = self.finished(None, now) if came_true and self.state == "promised" else self
        return replace(row, ended_at=now)

    def not_after(self, now: int) -> "Answer":
        """The same without times of a clock that was ahead: by them nobody would be told for as long."""
        return replace(self, told_at=min(self.told_at, now), since_at=min(self.since_at, now))

    def due_at(self, clocks: Clocks, steps: int) -> int | None:
        """When time alone changes it next, in a chain of so many steps."""
        if not self.open:
            return None
        if self.state == "told":
            # A chain of one has as long as one of two.
            offset_s = clocks.offset_s(self.step if self.step < steps else max(steps, 2))
            return None if self.unanswered_at is not None else self.told_at + offset_s
        if self.state == "seen":
            return self.since_at + ACK_EXPIRES_S
        return self.until_at if self.state == "promised" else None

    def body(self) -> dict[str, Any]:
        """This row as a part of its incident's record; `from_body` is its inverse."""
        named = {name: getattr(self, name) for name in Answer.__dataclass_fields__}
        told = [{"at": one.at, "step": one.step, "names": list(one.names)} for one in self.told]
        return {"id": self.id, **named, "told": told, "in_vain": self.in_vain}

    @staticmethod
    def from_body(body: Mapping[str, Any]) -> "Answer":
        """The row that a stored record describes; unknown fields of a newer release are ignored."""
        fields = {name: value for name, value in body.items() if name in Answer.__dataclass_fields__}
        told = tuple(Told(one["at"], one["step"], tuple(one["names"])) for one in body.get("told", ()))
        return Answer(**{**fields, "told": told})


_AGAIN: Mapping[str, Any] = {"step": 0, "unanswered_at": None}  # a chain from its first one


def of_before(body: Mapping[str, Any]) -> Sequence[Answer]:
    """The rows of an incident whose record is of before there were any: what its dispatcher and estate had said."""
    began_at = int(body["raised_at"])
    rows = [Answer.asked(DISPATCHER, "", began_at)]
    who, seen_at = body.get("who") or "", body.get("acknowledged_at")
    if body.get("decided_at") or body["workflow"] in ("in_progress", "resolved"):
        rows = [rows[0].finished(who, body.get("decided_at") or seen_at or began_at)]
    elif seen_at is not None:
        rows = [rows[0].seen(who, seen_at)]
    if body.get("estate") and body.get("estate_told_at"):
        estate = Answer.asked(ESTATE, body["estate"], body["estate_told_at"])
        answered_at = body.get("estate_ack_at")
        rows.append(estate if answered_at is None else estate.seen("", answered_at))
    over_at = body.get("closed_at")
    return rows if over_at is None else [row.ended(over_at, came_true=body["workflow"] == "closed") for row in rows]
