"""The states of a visit 到站 (one call of a run at a room), as a table.

    pending -- call --> due -- arrived --> at_stop -- left --> served
    pending/due/at_stop -- skip(reason) --> skipped, and a new visit with visit_number + 1 is owed
    pending/due/at_stop -- cancel --> cancelled
    skipped -- restore --> what it was (a press withdrawn within seconds takes its own skip back)

A truck may arrive without having been called (a short run, a late call): pending -- arrived --> at_stop.
`served` and `cancelled` are final; a visit that is neither, nor skipped, is owed by its run.
"""

from dataclasses import dataclass, replace
from typing import Any

from firmware import wire

TRANSITIONS: dict[tuple[str, str], str] = {
    ("pending", "call"): "due",
    ("pending", "arrive"): "at_stop",
    ("due", "arrive"): "at_stop",
    ("at_stop", "leave"): "served",
    ("pending", "skip"): "skipped",
    ("due", "skip"): "skipped",
    ("at_stop", "skip"): "skipped",
    ("pending", "cancel"): "cancelled",
    ("due", "cancel"): "cancelled",
    ("at_stop", "cancel"): "cancelled",
    ("skipped", "restore"): "pending",
    ("skipped", "restore_due"): "due",
    ("skipped", "restore_at_stop"): "at_stop",
    # a dispatcher who knows better than a receiver in a street canyon
    ("pending", "serve"): "served",
    ("due", "serve"): "served",
}
OWED = ("pending", "due", "at_stop")

VisitKey = tuple[str, str, int]  # run_id, room_id, visit_number


class VisitError(ValueError):
    """A visit was asked for a step its state does not have."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of one run; times are POSIX seconds, None = has not happened or is not known."""

    run_id: str
    room: str
    waste: str
    route: str
    truck: str
    estate: str
    sequence: int
    visit_number: int
    planned_at: int | None
    state: str = "pending"
    reason: str | None = None
    not_before_at: int | None = None
    promised_at: int | None = None
    due_at: int | None = None
    arrived_at: int | None = None
    left_at: int | None = None
    bins_before: int | None = None
    bins_after: int | None = None
    grams_before: int | None = None
    grams_after: int | None = None
    call_id: str | None = None
    passed_at: int | None = None
    kept_lit: bool | None = None  # skipped after its call: whether the lamp stays lit until the truck is back
    inferred: bool = False  # nobody saw the stay: it lay in a gap of positions
    original: bool = True  # as planned; False for a visit that makes up for a skipped one
    by_hand: bool = False  # served by a person's word: `left_at` is when the truck passed by, None where not known
    undone: bool = False  # made for a press that was taken back: it was never meant to be

    @property
    def key(self) -> VisitKey:
        """(run_id, room_id, visit_number)."""
        return (self.run_id, self.room, self.visit_number)

    @property
    def owed(self) -> bool:
        """Whether the run cannot close before this visit is settled."""
        return self.state in OWED

    def after(self, step: str, **changes: Any) -> "Visit":
        """This visit after `step` of the table, with `changes`; raises VisitError for a step it does not have."""
        to = TRANSITIONS.get((self.state, step))
        if to is None:
            raise VisitError(f"visit {'/'.join(map(str, self.key))} is {self.state}: it cannot {step} now")
        return replace(self, state=to, **changes)

    def body(self) -> dict[str, Any]:
        """This visit as the body of a record; `from_body` is its inverse."""
        return {name: getattr(self, name) for name in Visit.__dataclass_fields__}

    @staticmethod
    def from_body(body: dict[str, Any]) -> "Visit":
        """The visit a stored record describes; unknown fields of a newer release are ignored."""
        return Visit(**{k: v for k, v in body.items() if k in Visit.__dataclass_fields__})


def record_key(key: VisitKey) -> str:
    """The text under which a visit is stored and named in the API."""
    return f"{key[0]}/{key[1]}/{key[2]}"


if set(TRANSITIONS.values()) | {frm for frm, _ in TRANSITIONS} != set(wire.VISIT_STATES):
    raise AssertionError("the visit table and the wire must name the same states")
