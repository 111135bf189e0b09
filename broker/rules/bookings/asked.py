"""What the deeds on bookings share: what is asked, and a place for it found in one step.

A deed is `(what is booked, the ground, what is asked, who, now) -> what is otherwise`: what it rests on is looked at
and changed in it, so that two can never have one place. One that cannot be done raises BookingError.
"""

from dataclasses import dataclass
from typing import NamedTuple

from broker.rules.bookings.book import Bookings, Round
from broker.rules.bookings.places import Ground, check_fill, check_window, find_place, stop_for
from broker.rules.states.booking import Booking, BookingError, Seat

MOST_LITRES = 50_000
ANSWER_S = 900  # a request has so long at least for its answer; one that is on its way for longer counts no more


@dataclass(frozen=True, slots=True)
class BookingDeed:
    """One deed on a booking; `version` and `run_version`, where given, must be the newest ones of booking and round."""

    deed: str
    booking: str
    version: int | None = None
    run_version: int | None = None
    pile: str | None = None
    estate: str | None = None
    truck: str | None = None
    from_at: int | None = None
    litres: int | None = None
    bags: int | None = None
    note: str | None = None
    reason: str | None = None
    acted_at: int | None = None  # when it was done, of what came later


class Asked(NamedTuple):
    """A deed with all that it rests on."""

    book: Bookings
    ground: Ground
    deed: BookingDeed
    who: str
    now: int


class InRound(NamedTuple):
    """A window of a round."""

    round: Round
    from_at: int
    until_at: int


def check_version(round_: Round, deed: BookingDeed) -> None:
    if deed.run_version is not None and deed.run_version != round_.version:
        text = f"the truck's round is another one meanwhile (version {round_.version}): look again, then decide"
        raise BookingError(text, stale=True)


def seated(
    book: Bookings, ground: Ground, booking_id: str, pile: str, window: InRound, litres: int, now: int
) -> tuple[Round, Seat]:
    """A place for a booking: the round as it would be; raises BookingError where it has none."""
    round_, from_at, until_at = window
    check_fill(book, ground, pile, litres, booking_id)
    check_window(book, pile, from_at, until_at, booking_id)
    stop = stop_for(booking_id, pile, from_at, until_at, litres)
    placed = find_place(book, ground, round_, stop, now, booking_id)
    if isinstance(placed, str):
        raise BookingError(f"this window cannot be had: {placed}", stale=True)
    seat = Seat(round_.truck, round_.round_id, from_at, until_at, placed.arrive_at, placed.detour_s)
    return placed.round, seat


def left(book: Bookings, booking: Booking) -> list[Round]:
    """Its round without it, as far as there is one yet."""
    round_ = book.rounds.get(booking.round_id)
    if round_ is None or booking.booking_id not in round_.order:
        return []
    return [round_.driving([one for one in round_.order if one != booking.booking_id])]
