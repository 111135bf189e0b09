"""The states of a visit 到站 (one call of a run at a room), as a table.

Theory of operation. A visit begins `pending` when its run is opened. Its lamp is called, and it is `due`; the truck
arrives, and it is `at_stop`; the truck leaves, and it is `served`. What cannot be served is skipped for a reason, and
a new visit with visit_number + 1 is owed in its place; what nobody can serve any more is cancelled.

- A truck may arrive without having been called (a short run, a late call): pending -- arrive --> at_stop.
- What was taken for its stay may turn out to be a red light at the gate: at_stop -- drive_on --> what it was before.
- A press withdrawn within seconds takes its own skip back: skipped -- restore --> what the visit was before.
- A dispatcher who knows better than a receiver in a street canyon serves a visit by hand; also one that was skipped,
  as long as nobody owes another in its place: its run was long over, and it turns out that it was served.
- Of two rooms so near that positions mix them up the wrong one may be served: when its bins come back as full as they
  left, and the other's emptied, it is owed again: served -- take_back --> what it was before.
- `cancelled` is final; a visit that is neither that, nor served, nor skipped, is owed by its run.

Rule 1: whatever changes the state of a visit lives in this file. `_fire` is the only way through the table, and only
the deeds of `Visit` call it; everybody else asks a visit for a deed and keeps what it gives back. A deed that the
table does not have raises VisitError and changes nothing: a visit is never changed in place.
docs/states.md is drawn from the table (see diagrams.py).
"""

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from broker.rules.collecting.collected import Collected
from firmware import wire

BEGINS = "pending"
TRANSITIONS: dict[tuple[str, str], str] = {
    ("pending", "call"): "due",
    ("pending", "arrive"): "at_stop",
    ("due", "arrive"): "at_stop",
    ("at_stop", "leave"): "served",
    ("at_stop", "drive_on"): "pending",
    ("at_stop", "drive_on_due"): "due",
    ("pending", "skip"): "skipped",
    ("due", "skip"): "skipped",
    ("at_stop", "skip"): "skipped",
    ("pending", "cancel"): "cancelled",
    ("due", "cancel"): "cancelled",
    ("at_stop", "cancel"): "cancelled",
    ("skipped", "restore"): "pending",
    ("skipped", "restore_due"): "due",
    ("skipped", "restore_at_stop"): "at_stop",
    ("pending", "serve"): "served",
    ("due", "serve"): "served",
    ("skipped", "serve"): "served",
    ("served", "take_back"): "pending",
    ("served", "take_back_due"): "due",
}
OWED = ("pending", "due", "at_stop")
CONTAMINANTS = (*wire.WASTES, "other")  # what does not belong there

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
    state: str = BEGINS
    reason: str | None = None
    not_before_at: int | None = None
    window_at: int | None = None  # it is booked for then or later, whatever becomes of what is in the way
    promised_at: int | None = None
    due_at: int | None = None
    arrived_at: int | None = None
    left_at: int | None = None
    bins_before: int | None = None
    bins_after: int | None = None
    grams_before: int | None = None
    grams_after: int | None = None
    tare_grams: int | None = None  # of one emptied bin, as measured when they came back
    sensor_quality: int | None = None  # the worst that bins and grams rest on
    call_id: str | None = None
    passed_at: int | None = None
    kept_lit: bool | None = None  # skipped after its call: whether the lamp stays lit until the truck is back
    inferred: bool = False  # nobody saw the stay: it lay in a gap of positions
    arrived_exactly: bool = False  # the moment was seen: the stay teaches, also if the bridge was away meanwhile
    original: bool = True  # as planned; False for a visit that makes up for a skipped one
    by_hand: bool = False  # served by a person's word: `left_at` is when the truck passed by, None where not known
    by_appointment: bool = False  # the truck comes for what was announced and weighs it: kilograms count, bins do not
    skipped_here_at: int | None = None  # for one skipped where the truck stood: not in the same stay
    undone: bool = False  # made for a press that was taken back: it was never meant to be
    contamination: int | None = None  # how much the crew found in it that does not belong there
    contaminant: str | None = None  # and what that was

    @property
    def key(self) -> VisitKey:
        """(run_id, room_id, visit_number)."""
        return (self.run_id, self.room, self.visit_number)

    @property
    def owed(self) -> bool:
        """Whether the run cannot close before this visit is settled."""
        return self.state in OWED

    # --- deeds that go through the table ------------------------------------------------------------------

    def called(self, now: int, promised_at: int, call_id: str) -> "Visit":
        """Its lamp is lit, for a truck promised at that time."""
        return self._fire("call", due_at=now, promised_at=promised_at, call_id=call_id)

    def arrived(self, at: int, bins: int | None, grams: int | None, *, inferred: bool, exactly: bool) -> "Visit":
        """The truck stands there, and this is what waited; a stop passed by before is no question any more."""
        return self._fire(
            "arrive", arrived_at=at, passed_at=None, bins_before=bins, grams_before=grams, inferred=inferred,
            arrived_exactly=exactly,
        )  # fmt: skip

    def left(self, at: int, arrived_at: int | None = None) -> "Visit":
        """The truck went on: served; `arrived_at` if it is known better by now when the stay began."""
        return self._fire("leave", left_at=at, arrived_at=self.arrived_at if arrived_at is None else arrived_at)

    def drove_on(self) -> "Visit":
        """The truck went on, and had only stood in the traffic: it owes the visit as before."""
        step = "drive_on_due" if self.call_id else "drive_on"
        return self._fire(
            step, arrived_at=None, bins_before=None, grams_before=None, inferred=False, arrived_exactly=False
        )

    def taken_back(self) -> "Visit":
        """It was another room's stay: the truck passed this one by when it left, and owes it as before."""
        step = "take_back_due" if self.call_id else "take_back"
        return self._fire(
            step, passed_at=self.left_at, arrived_at=None, left_at=None, inferred=False, arrived_exactly=False,
            bins_before=None, bins_after=None, grams_before=None, grams_after=None, tare_grams=None,
            sensor_quality=None,
        )  # fmt: skip

    def served_by_hand(self, left_at: int | None) -> "Visit":
        """A person says that it was served; `left_at` where that is known."""
        return self._fire("leave" if self.state == "at_stop" else "serve", left_at=left_at, by_hand=True)

    def skipped(self, reason: str | None) -> "Visit":
        """It cannot be served now; somebody owes a new visit in its place."""
        return self._fire("skip", reason=reason)

    def cancelled(self, reason: str, *, undone: bool = False) -> "Visit":
        """It will not be served; `undone`: it was made for a press that was taken back."""
        return self._fire("cancel", reason=reason, undone=undone or self.undone)

    def restored(self) -> "Visit":
        """Its skip is taken back: it is again what it was."""
        if self.arrived_at is not None and self.left_at is None:
            return self._fire("restore_at_stop", reason=None)
        return self._fire("restore_due" if self.call_id else "restore", reason=None)

    def _fire(self, step: str, **changes: Any) -> "Visit":
        """This visit after `step` of the table, with `changes`; raises VisitError for a step it does not have."""
        to = TRANSITIONS.get((self.state, step))
        if to is None:
            raise VisitError(f"visit {'/'.join(map(str, self.key))} is {self.state}: it cannot {step} now")
        return replace(self, state=to, **changes)

    # --- what becomes known of it in the state it is in ---------------------------------------------------

    def passed(self, at: int) -> "Visit":
        """The truck went by without a stop; after a restart it may be seen once more, and the first time holds."""
        return replace(self, passed_at=at if self.passed_at is None else self.passed_at)

    def stayed(self, arrived_at: int, left_at: int) -> "Visit":
        """When the truck was there, as is known by now of one that was served; seen stays seen."""
        if self.state != "served":
            raise VisitError(f"visit {'/'.join(map(str, self.key))} is {self.state}: nothing is asked about its stay")
        inferred = self.inferred or self.arrived_at is None
        return replace(self, arrived_at=arrived_at, left_at=left_at, inferred=inferred)

    def collected(self, amounts: Collected) -> "Visit":
        """What waited there and what was left behind, as far as the sensors told."""
        return replace(
            self,
            bins_before=amounts.bins_before,
            bins_after=amounts.bins_after,
            grams_before=amounts.grams_before,
            grams_after=amounts.grams_after,
            tare_grams=amounts.tare_grams,
            sensor_quality=amounts.quality,
        )

    @property
    def amounts(self) -> Collected:
        """What is known of it; `collected` is its inverse."""
        grams = self.grams_before, self.grams_after, self.tare_grams
        return Collected(self.bins_before, self.bins_after, *grams, self.sensor_quality)

    def noted(self, grade: int | None, contaminant: str | None) -> "Visit":
        """The crew says how much is in it that does not belong there, None for nothing; raises VisitError where they
        have not been yet."""
        if self.arrived_at is None and self.left_at is None and self.state != "served":
            raise VisitError(f"visit {'/'.join(map(str, self.key))} is {self.state}: nobody has looked into its bins")
        return replace(self, contamination=grade, contaminant=None if grade is None else contaminant)

    def lamp_kept(self, lit: bool) -> "Visit":
        """Skipped after its call: whether its lamp stays lit until the truck is back."""
        return replace(self, kept_lit=lit)

    def freed(self) -> "Visit":
        """The obstacle is gone: it may be made at any time, or from its window on."""
        return replace(self, not_before_at=self.window_at)

    def open_from(self, at: int) -> "Visit":
        """The obstacle will be gone by then, says who clears it."""
        return replace(self, not_before_at=max(at, self.window_at or at))

    def on_route(self, route: str) -> "Visit":
        """The same visit where the plan calls its route otherwise by now."""
        return replace(self, route=route)

    def body(self) -> dict[str, Any]:
        """This visit as the body of a record; `from_body` is its inverse."""
        return dict(zip(_NAMES, _values(self), strict=True))

    @staticmethod
    def from_body(body: dict[str, Any]) -> "Visit":
        """The visit a stored record describes; unknown fields of a newer release are ignored."""
        return Visit(**{k: v for k, v in body.items() if k in Visit.__dataclass_fields__})


_NAMES = tuple(Visit.__dataclass_fields__)
_values = attrgetter(*_NAMES)


def record_key(key: VisitKey) -> str:
    """The text under which a visit is stored and named in the API."""
    return f"{key[0]}/{key[1]}/{key[2]}"


if set(TRANSITIONS.values()) | {frm for frm, _ in TRANSITIONS} != set(wire.VISIT_STATES):
    raise AssertionError("the visit table and the wire must name the same states")
