"""The deeds that people do on bookings, by name."""

from collections.abc import Callable, Mapping

from broker.rules.bookings import asking, disputing, fetching
from broker.rules.bookings.asked import Asked
from broker.rules.bookings.book import Changes
from broker.rules.states.booking import BookingError

DEEDS: Mapping[str, Callable[[Asked], Changes]] = {
    "hold": asking.hold, "book": asking.request, "usual": asking.book_usual, "change": asking.change,
    "cancel": asking.cancel, "accept": fetching.accept, "decline": fetching.decline, "loaded": fetching.load,
    "fail": fetching.fail, "dispute": disputing.dispute, "answer": disputing.answer,
}  # fmt: skip
NEW = ("hold", "usual")


def carry_out(ask: Asked) -> Changes:
    """What is otherwise after a deed; raises BookingError, and nothing is otherwise then."""
    book, deed = ask.book, ask.deed
    make = DEEDS.get(deed.deed)
    if make is None:
        raise BookingError(f"no such deed {deed.deed!r}; there are {' '.join(DEEDS)}")
    known = book.get(deed.booking)
    if deed.deed in NEW:
        if known is not None:
            raise BookingError(f"there is a booking {deed.booking} already")
    elif known is None:
        raise BookingError(f"no such booking {deed.booking[:40]!r}", missing=True)
    elif deed.version is not None and deed.version != known.version:
        text = f"somebody changed this booking meanwhile (version {known.version}, {known.state}): look again"
        raise BookingError(text, stale=True)
    return make(ask)
