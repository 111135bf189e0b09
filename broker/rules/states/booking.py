"""A booking 预约 of a truck for renovation waste, from the hold of a window to the weigh-in, as a table.

Theory of operation. It begins as a *hold*: a window of a truck that nobody else can have until `held_until_at`. Whoever
holds it says what is to be fetched, and it is `requested`; a person of the truck says yes, and it is `accepted`. From
then on it follows the truck: the stop before was left (`en_route`), the truck is there (`at_site`), the waste is on it
(`loaded`), the transfer station has weighed it (`completed`).

- A truck that says no passes it on to the next one: requested or accepted -- pass_on --> requested. Only when there is
  no other it is `declined`.
- A change of what was asked is asked anew: accepted -- change --> requested.
- It can be cancelled until the truck has left the stop before, and no later.
- A crew that knows better than its receiver loads without having been seen there.
- A visit that is skipped and made later puts its booking off: en_route or at_site -- put_off --> accepted.
- Each exit (declined, expired, cancelled, failed) says `by` whom and for what `reason`; what time does is by NOBODY.
- `completed` may be disputed for two working days; that is said of it, and changes no state.

Rule 1: whatever changes the state of a booking lives in this file. `_fire` is the only way through the table, and only
the deeds of `Booking` call it; everybody else asks a booking for a deed and keeps what it gives back. A deed that the
table does not have raises BookingError and changes nothing: each deed makes a new `version`.
docs/states.md is drawn from the table (see diagrams.py).
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

BEGINS = "held"
TRANSITIONS: dict[tuple[str, str], str] = {
    ("held", "request"): "requested",
    ("held", "expire"): "expired",
    ("held", "cancel"): "cancelled",
    ("requested", "accept"): "accepted",
    ("requested", "change"): "requested",
    ("requested", "pass_on"): "requested",
    ("requested", "decline"): "declined",
    ("requested", "expire"): "expired",
    ("requested", "cancel"): "cancelled",
    ("accepted", "change"): "requested",
    ("accepted", "pass_on"): "requested",
    ("accepted", "decline"): "declined",
    ("accepted", "cancel"): "cancelled",
    ("accepted", "depart"): "en_route",
    ("accepted", "arrive"): "at_site",
    ("accepted", "load"): "loaded",
    ("accepted", "fail"): "failed",
    ("en_route", "arrive"): "at_site",
    ("en_route", "load"): "loaded",
    ("en_route", "put_off"): "accepted",
    ("en_route", "fail"): "failed",
    ("at_site", "drive_on"): "en_route",
    ("at_site", "load"): "loaded",
    ("at_site", "put_off"): "accepted",
    ("at_site", "fail"): "failed",
    ("loaded", "complete"): "completed",
}
WAITING = ("held", "requested")  # it has a place, and no truck has said yes to it
COMING = ("accepted", "en_route", "at_site")  # a truck owes it
PLACED = (*WAITING, *COMING)  # nobody else can have its place
EXITS = ("declined", "expired", "cancelled", "failed")
NOBODY = "time"  # by whom it ended, where nobody did anything

VisitKey = tuple[str, str, int]


class BookingError(ValueError):
    """What is asked of a booking cannot be; the text says why. `missing`: no such booking; `stale`: look again."""

    def __init__(self, text: str, *, missing: bool = False, stale: bool = False) -> None:
        super().__init__(text)
        self.missing, self.stale = missing, stale


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in a truck's round: the window in which it comes, when it would, and what that costs it in driving."""

    truck: str
    round_id: str
    from_at: int
    until_at: int
    arrive_at: int
    detour_s: int


@dataclass(frozen=True, slots=True)
class Booking:
    """One booking of one truck at one pile; times are POSIX seconds, amounts litres and grams, None = not known."""

    booking_id: str
    pile: str
    estate: str
    truck: str
    round_id: str  # the truck's round of that day, of which it is a stop
    from_at: int  # the window in which the truck comes
    until_at: int
    litres: int  # as estimated
    made_by: str
    made_at: int
    held_until_at: int
    version: int = 1
    state: str = BEGINS
    arrive_at: int | None = None  # as reckoned when it got its place
    detour_s: int | None = None  # what it costs the truck in driving, as it was shown
    bags: int | None = None
    note: str = ""
    declined_by: tuple[str, ...] = ()  # trucks that said no
    requested_at: int | None = None
    accepted_at: int | None = None
    accepted_by: str | None = None
    visit: VisitKey | None = None  # the visit of the truck's run that is made for it
    en_route_at: int | None = None
    at_site_at: int | None = None
    loaded_at: int | None = None
    loaded_by: str | None = None  # None: nobody said it, the truck left
    measured_litres: int | None = None
    overfilled: bool = False  # more was there than had been announced
    completed_at: int | None = None
    grams: int | None = None  # its share of what the transfer station weighed
    ended_at: int | None = None
    by: str | None = None
    reason: str | None = None
    disputed_at: int | None = None
    disputed_by: str | None = None
    dispute: str | None = None
    answered_at: int | None = None
    answered_by: str | None = None
    answer: str | None = None
    changed_at: int = 0

    @property
    def placed(self) -> bool:
        """Whether it has its place in a truck's round."""
        return self.state in PLACED

    @property
    def over(self) -> bool:
        """Whether nothing is owed for it any more."""
        return self.state in EXITS or self.state == "completed"

    @staticmethod
    def hold(
        booking_id: str, pile: str, estate: str, seat: Seat, litres: int, who: str, now: int, held_until_at: int
    ) -> "Booking":
        """A window that is held for whoever asked for it."""
        return Booking(
            booking_id, pile, estate, seat.truck, seat.round_id, seat.from_at, seat.until_at, litres, who, now,
            held_until_at, arrive_at=seat.arrive_at, detour_s=seat.detour_s, changed_at=now,
        )  # fmt: skip

    # --- deeds that go through the table ------------------------------------------------------------------

    def requested(self, litres: int, bags: int | None, note: str, now: int) -> "Booking":
        """Whoever held the window says what is to be fetched there."""
        return self._fire("request", now, litres=litres, bags=bags, note=note, requested_at=now)

    def accepted(self, who: str, now: int) -> "Booking":
        """A person of the truck says yes."""
        return self._fire("accept", now, accepted_by=who, accepted_at=now)

    def asked_otherwise(self, seat: Seat, litres: int, bags: int | None, note: str, now: int) -> "Booking":
        """What is asked is another thing now, or at another time: a truck is to say yes to that."""
        return self._fire("change", now, **_moved(seat), litres=litres, bags=bags, note=note)

    def passed_on(self, seat: Seat, now: int) -> "Booking":
        """Its truck said no: another one is asked."""
        return self._fire("pass_on", now, **_moved(seat), declined_by=(*self.declined_by, self.truck))

    def declined(self, by: str, reason: str, now: int) -> "Booking":
        """Its truck said no, and there is no other."""
        declined_by = (*self.declined_by, self.truck)
        return self._fire("decline", now, ended_at=now, by=by, reason=reason, declined_by=declined_by)

    def expired(self, reason: str, now: int) -> "Booking":
        """Its time ran out."""
        return self._fire("expire", now, ended_at=now, by=NOBODY, reason=reason)

    def cancelled(self, by: str, reason: str, now: int) -> "Booking":
        """It is not wanted any more, said in time."""
        return self._fire("cancel", now, ended_at=now, by=by, reason=reason)

    def departed(self, at: int, now: int) -> "Booking":
        """Its truck left the stop before."""
        return self._fire("depart", now, en_route_at=at)

    def arrived(self, at: int, now: int) -> "Booking":
        """Its truck is there."""
        return self._fire("arrive", now, en_route_at=self.en_route_at or at, at_site_at=at)

    def drove_on(self, now: int) -> "Booking":
        """Its truck had only stood in the traffic."""
        return self._fire("drive_on", now, at_site_at=None)

    def put_off(self, now: int) -> "Booking":
        """Its truck could not come there, and comes again."""
        return self._fire("put_off", now, en_route_at=None, at_site_at=None)

    def loaded(self, at: int, who: str | None, litres: int | None, now: int, *, overfilled: bool) -> "Booking":
        """It is on the truck; so much was measured, if anything was."""
        return self._fire("load", now, loaded_at=at, loaded_by=who, measured_litres=litres, overfilled=overfilled)

    def failed(self, by: str, reason: str, now: int) -> "Booking":
        """The truck came for nothing, or not at all."""
        return self._fire("fail", now, ended_at=now, by=by, reason=reason)

    def completed(self, grams: int | None, now: int) -> "Booking":
        """Its waste is at the transfer station and weighed; without grams it never was."""
        return self._fire("complete", now, grams=grams, completed_at=now, ended_at=now)

    def _fire(self, step: str, now: int, **changes: Any) -> "Booking":
        """This booking after `step` of the table; raises BookingError for a step it does not have."""
        to = TRANSITIONS.get((self.state, step))
        if to is None:
            raise BookingError(f"booking {self.booking_id} is {self.state}: it cannot {step.replace('_', ' ')} now")
        return self._changed(now, state=to, **changes)

    def _changed(self, now: int, **changes: Any) -> "Booking":
        """This booking with other fields changed, as a new version."""
        return replace(self, version=self.version + 1, changed_at=now, **changes)

    # --- what becomes known of it in the state it is in ---------------------------------------------------

    def made_for(self, visit: VisitKey, now: int) -> "Booking":
        """This visit of a run is made for it."""
        return self._changed(now, visit=visit)

    def taken_over(self, truck: str, round_id: str, visit: VisitKey, now: int) -> "Booking":
        """Another truck comes in place of its own: this is its visit there."""
        return self._changed(now, truck=truck, round_id=round_id, visit=visit)

    def measured(self, litres: int, who: str, now: int, *, overfilled: bool) -> "Booking":
        """The crew measures, or corrects, what is loaded already."""
        return self._changed(now, measured_litres=litres, loaded_by=who, overfilled=overfilled)

    def disputed(self, text: str, who: str, now: int) -> "Booking":
        """The property says that it is not as the record has it."""
        return self._changed(now, dispute=text, disputed_by=who, disputed_at=now)

    def answered(self, text: str, who: str, now: int) -> "Booking":
        """The dispatcher answers a dispute."""
        return self._changed(now, answer=text, answered_by=who, answered_at=now)

    def body(self) -> dict[str, Any]:
        """This booking as the body of a record; `from_body` is its inverse."""
        return {name: getattr(self, name) for name in Booking.__dataclass_fields__}

    @staticmethod
    def from_body(body: dict[str, Any]) -> "Booking":
        """The booking a stored record describes; unknown fields of a newer release are ignored."""
        fields = {k: v for k, v in body.items() if k in Booking.__dataclass_fields__}
        visit = fields.get("visit")
        fields["visit"] = (str(visit[0]), str(visit[1]), int(visit[2])) if visit else None
        fields["declined_by"] = tuple(fields.get("declined_by") or ())
        return Booking(**fields)


def _moved(seat: Seat) -> dict[str, Any]:
    """The fields of a booking that has another place, to which nobody has said yes."""
    return {**asdict(seat), "accepted_at": None, "accepted_by": None, "visit": None}
