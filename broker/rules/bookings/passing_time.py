"""What time alone does to a booking: a hold that runs out, a request nobody answers, a truck that never came."""

from broker.rules.bookings.asked import ANSWER_S, left
from broker.rules.bookings.book import Bookings, Changes
from broker.rules.bookings.fetching import ended_in_vain
from broker.rules.states.booking import NOBODY, Booking

LATE_S = 3600  # a truck may come so long after its round's end
WEIGHED_WITHIN_S = 86_400  # what was not weighed by then never is


def wake_at(book: Bookings, booking: Booking) -> int | None:
    """When time alone changes a booking next; None where it does not."""
    if booking.state == "held":
        return booking.held_until_at
    if booking.state == "requested":  # never longer than its window
        asked_at = booking.requested_at or booking.made_at
        return min(booking.until_at, max(booking.from_at, asked_at + ANSWER_S))
    if booking.state in ("accepted", "en_route", "at_site"):
        round_ = book.rounds.get(booking.round_id)
        return (round_.until_at if round_ is not None else booking.until_at) + LATE_S
    if booking.state == "loaded":
        return (booking.loaded_at or booking.changed_at) + WEIGHED_WITHIN_S
    return None


def time_passes(book: Bookings, booking: Booking, now: int) -> Changes:
    """What is otherwise of a booking by now."""
    due_at = wake_at(book, booking)
    if due_at is None or now < due_at:
        return []
    if booking.state == "loaded":
        return [booking.completed(None, now)]
    if booking.state in ("accepted", "en_route", "at_site"):
        return ended_in_vain(book, booking, NOBODY, "not_reached", now)
    reason = "hold_ran_out" if booking.state == "held" else "nobody_answered"
    return [booking.expired(reason, now), *left(book, booking)]
