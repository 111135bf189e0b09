"""When a lamp is called, when it is held, and what a room is told (DESIGN section 5, "The lamp").

A visit by appointment has no call. A call latches. It is made when the median prediction comes within `call_at_s` on
two consecutive updates at least `confirm_gap_s` apart, from data that is fresh; afterwards no prediction ends it, a
slip only changes its pattern:

    due  -- eta later than promised by more than slip_s, or the truck held --> held
    held -- moving again and within recover_s of the promise               --> due

The two limits differ so that a prediction wavering about one of them cannot make the lamp waver.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from broker.rules.arrival.prediction import FRESH_LABELS, Eta
from broker.rules.settings import CallSettings
from broker.rules.states.visit import Visit
from firmware import wire


@dataclass(slots=True)
class Watch:
    """What one visit's call remembers between updates."""

    below_since: int | None = None  # the first of the consecutive updates within call_at_s
    held: bool = False
    label: str | None = None  # of the prediction that made the call
    kind: str | None = None  # what the truck did then, one of CALL_KINDS
    rests_on: Mapping[str, Any] | None = None  # what that prediction was made of
    lit_at: int | None = None  # when the room's unit first said that the lamp is on for it
    held_at: int | None = None  # when the truck was first held after it

    def remembers(self, call: Mapping[str, Any]) -> None:
        """It is as a record of the call says, as far as it does."""
        for name in ("label", "kind", "rests_on", "lit_at", "held_at"):
            if call.get(name) is not None:
                setattr(self, name, call[name])

    def is_made_of(self, kind: str, rests_on: Mapping[str, Any]) -> None:
        """The call is made of this; what was of one before is over."""
        self.kind, self.rests_on, self.lit_at, self.held_at = kind, rests_on, None, None

    def lamp_is_on(self, at: int) -> bool:
        """The unit says so; the first time counts: whether this is it."""
        is_first = self.lit_at is None
        self.lit_at = at if is_first else self.lit_at
        return is_first


def call_now(watch: Watch, visit: Visit, eta: Eta, settings: CallSettings, now: int) -> bool:
    """Whether this update makes the call; remembers the update, and what it was made of, in `watch`."""
    if visit.by_appointment:
        return False  # nobody rolls out what a truck comes for when it was announced
    if visit.state != "pending" or eta.label not in FRESH_LABELS:
        watch.below_since = None
        return False
    if visit.not_before_at is not None and now < visit.not_before_at - settings.call_at_s:
        watch.below_since = None
        return False
    if eta.eta_at - now > settings.call_at_s:
        watch.below_since = None
        return False
    if watch.below_since is None:
        watch.below_since = now
        return False
    if now - watch.below_since < settings.confirm_gap_s:
        return False
    watch.label = eta.label
    return True


def call_kind(visit: Visit, label: str, *, has_called_at_a_room: bool) -> str:
    """Which of CALL_KINDS a call is that is made now."""
    if not visit.original:
        return "second"
    if label == "timetable":
        return "not_begun"
    return "live" if has_called_at_a_room else "first_leg"


def nothing_heard(watch: Watch) -> None:
    """No position younger than 90 s: the updates within call_at_s are not consecutive any more."""
    watch.below_since = None


def held_now(watch: Watch, visit: Visit, eta: Eta, settings: CallSettings, now: int) -> bool:
    """Whether a called visit's lamp shows `held` after this update; remembers it in `watch`."""
    if visit.state != "due" or visit.promised_at is None:
        watch.held = False
        return False
    slip_s = eta.eta_at - visit.promised_at
    if eta.label == "held" or slip_s > settings.slip_s:
        watch.held = True
        watch.held_at = now if watch.held_at is None else watch.held_at
    elif watch.held and eta.label in FRESH_LABELS and slip_s <= settings.recover_s:
        watch.held = False
    return watch.held


def call_id_of(visit: Visit) -> str:
    """The one call of a visit: the same name after a restart, so that it cannot be made twice."""
    name = f"{visit.run_id}.{visit.room}.{visit.visit_number}"
    return name if len(name) <= wire.MAX_ID_BYTES else blake2b(name.encode(), digest_size=16).hexdigest()


def arrival_body(
    waste: str, state: str, visit: Visit | None, eta: Eta | None, settings: CallSettings, now: int
) -> dict[str, Any]:
    """The retained `arrival` message of a room and waste kind for its most relevant visit.

    `scheduled` without `eta_at` says: a truck is expected soon and nobody knows where it is; the lamp then
    shows "no data", because dark must never mean "I do not know".
    """
    body: dict[str, Any] = {
        "call_id": None,
        "waste": waste,
        "state": state,
        "truck": None,
        "run_id": None,
        "visit_number": None,
        "eta_at": None,
        "early_at": None,
        "late_at": None,
        "sent_at": now,
    }
    if visit is None or state == "none":
        return body
    body.update(
        call_id=visit.call_id, truck=visit.truck, run_id=visit.run_id, visit_number=visit.visit_number
    )
    told = eta_to_tell(state, eta, settings, now)
    if told is not None:
        body.update(eta_at=told.eta_at, early_at=told.early_at, late_at=told.late_at)
    return body


def eta_to_tell(state: str, eta: Eta | None, settings: CallSettings, now: int) -> Eta | None:
    """What of a prediction a room is told; None where it is told no time."""
    if eta is None or state not in ("scheduled", "due", "held", "at_stop"):
        return None
    unknown = state == "scheduled" and eta.label == "stale" and eta.eta_at - now <= settings.unknown_within_s
    return None if unknown else eta
