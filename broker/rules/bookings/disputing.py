"""What a property says afterwards, and what it is answered."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from broker.rules.bookings.asked import Asked
from broker.rules.bookings.book import Changes
from broker.rules.states.booking import BookingError

DISPUTE_DAYS = 2  # working days


def dispute(ask: Asked) -> Changes:
    book, ground, deed, who, now = ask
    booking = book[deed.booking]
    if booking.state not in ("completed", "failed") or booking.ended_at is None:
        raise BookingError(f"booking {booking.booking_id} is {booking.state}: only what is over can be disputed")
    if booking.disputed_at is not None:
        raise BookingError("it is disputed already", stale=True)
    if now >= dispute_until_at(ground.plan.timezone, booking.ended_at):
        raise BookingError(f"it could be disputed for {DISPUTE_DAYS} working days; they are over")
    if not deed.note:
        raise BookingError("say what is not as the record has it")
    return [booking.disputed(deed.note, who, now)]


def answer(ask: Asked) -> Changes:
    book, _, deed, who, now = ask
    booking = book[deed.booking]
    if booking.disputed_at is None or booking.answered_at is not None:
        raise BookingError("nobody disputes it, or it is answered", stale=True)
    if not deed.note:
        raise BookingError("say what the answer is")
    return [booking.answered(deed.note, who, now)]


def dispute_until_at(timezone: str, ended_at: int) -> int:
    """The end of the second working day after the day on which it ended; Monday to Friday, feast days are not known."""
    zone = ZoneInfo(timezone)
    day, left = datetime.fromtimestamp(ended_at, zone).date(), DISPUTE_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    return int(end.timestamp())
