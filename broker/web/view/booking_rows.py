"""What is shown of bookings, and done about them: it is of the running day, so the bridge's loop is asked."""

import secrets
from dataclasses import asdict
from typing import Any

from fastapi import HTTPException, Request

from broker.bridge import Bridge
from broker.people.roles import Reach
from broker.plan.model import Pile, Plan
from broker.reports.booking_evidence import evidence
from broker.rules.bookings.asked import BookingDeed
from broker.rules.bookings.asking import usual_of
from broker.rules.bookings.disputing import dispute_until_at
from broker.rules.bookings.places import windows
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.bookings.booking_handling import ground_of
from broker.rules.states.booking import COMING, Booking, BookingError
from broker.store import Store, StoreError
from broker.web.asked import carried_out, looked_up
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of, within

Row = dict[str, Any]
DISPUTABLE = ("completed", "failed")


def bookings_of(bridge: Bridge, reach: Reach) -> list[Row]:
    """The bookings within a visitor's reach, those that are not over first, then by window."""
    known = bridge.dispatch.day.bookings.values()
    mine = [one for one in known if reach.holds(estate=one.estate, truck=one.truck)]
    return [booking_row(bridge, one) for one in sorted(mine, key=lambda one: (one.over, one.from_at, one.booking_id))]


def booking_row(bridge: Bridge, booking: Booking) -> Row:
    """A booking with what the day knows around it."""
    day = bridge.dispatch.day
    names, round_ = day.plan.names(), day.bookings.rounds.get(booking.round_id)
    run = day.runs.get(booking.visit[0]) if booking.visit is not None else None
    eta = run.etas.get(booking.visit) if run is not None and booking.visit is not None else None
    disputable = booking.state in DISPUTABLE and booking.ended_at is not None and booking.disputed_at is None
    until_at = dispute_until_at(day.plan.timezone, booking.ended_at) if disputable and booking.ended_at else None
    return {
        **booking.body(),
        "declined_by": list(booking.declined_by),
        "visit": list(booking.visit) if booking.visit is not None else None,
        "pile_name": names.get(booking.pile, booking.pile),
        "estate_name": names.get(booking.estate, booking.estate),
        "run_version": round_.version if round_ is not None else None,
        "eta_at": eta.eta_at if eta is not None and booking.state in COMING else None,
        "dispute_until_at": until_at,
    }


def piles_of(bridge: Bridge, reach: Reach) -> list[Row]:
    """The piles of a visitor's estates, with what lies there as far as it was booked, and which is the usual one."""
    day = bridge.dispatch.day
    rows = []
    for pile in sorted(day.plan.piles.values(), key=lambda pile: (pile.estate_id, pile.pile_id)):
        if reach.holds(estate=pile.estate_id):
            usual, litres = usual_of(day.bookings, day.plan, pile.estate_id)
            rows.append(_pile(bridge, pile) | {"usual": usual == pile.pile_id, "usual_litres": litres})
    return rows


def _pile(bridge: Bridge, pile: Pile) -> Row:
    day = bridge.dispatch.day
    return {
        **asdict(pile), "estate_name": day.plan.names()[pile.estate_id],
        "filled_litres": day.bookings.filled_litres(pile.pile_id),
    }  # fmt: skip


def windows_of(bridge: Bridge, pile: str, litres: int | None, now: int) -> list[Row]:
    """The windows that can be had for a pile; raises BookingError where there can be none."""
    day = bridge.dispatch.day
    ground = ground_of(day, now)
    amount = litres if litres is not None else usual_of(day.bookings, day.plan, ground.pile(pile).estate_id)[1]
    return [asdict(one) | {"on_the_way": one.on_the_way} for one in windows(day.bookings, ground, pile, amount, now)]


def estate_of(bridge: Bridge, pile: str) -> str:
    """Whose pile it is; raises BookingError."""
    return ground_of(bridge.dispatch.day, 0).pile(pile).estate_id


def one_booking(bridge: Bridge, booking_id: str) -> Row:
    """A booking by its id; raises BookingError."""
    booking = bridge.dispatch.day.bookings.get(booking_id)
    if booking is None:
        raise BookingError(f"no such booking {booking_id[:40]!r}", missing=True)
    return booking_row(bridge, booking)


def on_record(request: Request, desk: Desk, store: Store, plan: Plan, booking_id: str) -> tuple[Row, Row]:
    """A booking within the visitor's reach, and what the record says of it."""
    row, now = looked_up(desk, lambda bridge, now: (one_booking(bridge, booking_id), now))
    within(request, estate=row["estate"], truck=row["truck"])
    place = plan.places.get(row["pile"])
    try:
        return row, evidence(store, row, (place.lat, place.lon) if place is not None else None, now)
    except StoreError as why:
        raise HTTPException(503, str(why)) from why


def done(request: Request, desk: Desk, deed: BookingDeed, **when: Any) -> Row:
    """Carry a deed out; the booking after it."""
    carried_out(desk, Act("booking", visitor_of(request).who, booking=deed, **when))
    return looked_up(desk, lambda bridge, _: one_booking(bridge, deed.booking))


def new_id() -> str:
    """The id of a new booking: nobody guesses another's."""
    return f"b{secrets.token_hex(6)}"
