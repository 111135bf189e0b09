"""What a property does: hold a window, book it, in one tap the usual pile, change and cancel it."""

from broker.plan.calendar import local_date
from broker.plan.model import Pile, Plan
from broker.rules.bookings.asked import MOST_LITRES, Asked, BookingDeed, InRound, check_version, left, seated
from broker.rules.bookings.book import Bookings, Changes, Round
from broker.rules.bookings.places import Ground, round_at, windows
from broker.rules.states.booking import Booking, BookingError

MOST_HELD = 3  # windows that one estate can hold at once
USUAL_LITRES = 1_000


def hold(ask: Asked) -> Changes:
    """A window is kept for whoever asked, for as long as it takes to fill a form."""
    book, ground, deed, who, now = ask
    pile = ground.pile(deed.pile or "")
    litres = _litres(ground, deed, usual_of(book, ground.plan, pile.estate_id)[1])
    round_ = _round_of(ask, pile.pile_id, litres)
    check_version(round_, deed)
    return [*_held(book, ground, deed.booking, pile, _window(ground, round_, deed.from_at or 0, now), litres, who, now)]


def request(ask: Asked) -> Changes:
    """The window that is held is booked: so much is to be fetched there."""
    book, ground, deed, _, now = ask
    booking = book[deed.booking]
    if booking.state == "held" and now >= booking.held_until_at:
        raise BookingError("the hold of this window has run out: choose a window again", stale=True)
    litres = _litres(ground, deed, booking.litres)
    requested = booking.requested(litres, deed.bags, deed.note or "", now)
    if litres == booking.litres:
        return [requested]
    window = InRound(book.rounds[booking.round_id], booking.from_at, booking.until_at)
    round_, _ = seated(book, ground, booking.booking_id, booking.pile, window, litres, now)
    return [round_, requested]


def book_usual(ask: Asked) -> Changes:
    """The pile that an estate books usually, on the first day on which it can be fetched, in the window that costs a
    truck least: held and booked in one step."""
    book, ground, deed, who, now = ask
    pile_id, litres = usual_of(book, ground.plan, deed.estate or "")
    if pile_id is None:
        raise BookingError(f"the plan has no pile for estate {(deed.estate or '')[:40]!r} (piles.txt)", missing=True)
    found = windows(book, ground, pile_id, litres, now)
    if not found:
        raise BookingError("no truck has a place in any window that can be booked: call the dispatcher")
    first_day = local_date(ground.plan, found[0].from_at)
    soon = [one for one in found if local_date(ground.plan, one.from_at) == first_day]
    best = min(soon, key=lambda one: (not one.on_the_way, one.from_at))
    window = _window(ground, round_at(book, ground, best.truck, best.from_at, now), best.from_at, now)
    round_, held = _held(book, ground, deed.booking, ground.pile(pile_id), window, litres, who, now)
    return [round_, held, held.requested(litres, None, deed.note or "", now)]


def change(ask: Asked) -> Changes:
    """Another window or another amount, in one step: the old place is given up only for the new one."""
    book, ground, deed, _, now = ask
    booking = book[deed.booking]
    if booking.state not in ("requested", "accepted"):
        raise BookingError(f"booking {booking.booking_id} is {booking.state}: it cannot be changed now")
    old = book.rounds[booking.round_id]
    litres = _litres(ground, deed, booking.litres)
    window = InRound(old, booking.from_at, booking.until_at)
    if deed.from_at is not None:
        new = round_at(book, ground, deed.truck or booking.truck, deed.from_at, now)
        check_version(new, deed)
        window = _window(ground, new, deed.from_at, now)
    round_, seat = seated(book, ground, booking.booking_id, booking.pile, window, litres, now)
    bags = booking.bags if deed.bags is None and deed.litres is None else deed.bags
    changed = booking.asked_otherwise(seat, litres, bags, booking.note if deed.note is None else deed.note, now)
    return [*(left(book, booking) if old.round_id != round_.round_id else []), round_, changed]


def cancel(ask: Asked) -> Changes:
    """It is not wanted any more; too late once the truck has left the stop before."""
    book, _, deed, who, now = ask
    booking = book[deed.booking]
    if booking.state in ("en_route", "at_site"):
        raise BookingError("the truck has left the stop before: it is on its way, and it is too late to cancel")
    return [booking.cancelled(who, deed.reason or "not_wanted", now), *left(book, booking)]


def usual_of(book: Bookings, plan: Plan, estate: str) -> tuple[str | None, int]:
    """The pile that an estate booked last, and how much; else its first pile, and a cubic metre."""
    own = {pile.pile_id: pile for pile in plan.piles.values() if pile.estate_id == estate}
    before = [one for one in book.values() if one.pile in own and one.requested_at is not None]
    if before:
        last = max(before, key=lambda one: (one.requested_at or 0, one.booking_id))
        return last.pile, last.litres
    first = min(own, default=None)
    return first, USUAL_LITRES if first is None else min(USUAL_LITRES, own[first].capacity_litres)


def _round_of(ask: Asked, pile: str, litres: int) -> Round:
    """The round of the truck that is named; where none is, of the one that drives least for the window asked for."""
    book, ground, deed, _, now = ask
    from_at = deed.from_at or 0
    if deed.truck is not None:
        return round_at(book, ground, deed.truck, from_at, now)
    found = next((one for one in windows(book, ground, pile, litres, now) if one.from_at == from_at), None)
    if found is None:
        raise BookingError("no truck has a place in this window: ask for the windows and take one of them", stale=True)
    return round_at(book, ground, found.truck, from_at, now)


def _held(
    book: Bookings, ground: Ground, booking_id: str, pile: Pile, window: InRound, litres: int, who: str, now: int
) -> tuple[Round, Booking]:
    held = [one for one in book.open() if one.state == "held" and one.estate == pile.estate_id]
    if len(held) >= MOST_HELD:
        raise BookingError(f"this estate holds {len(held)} windows already: book one of them or let it go")
    round_, seat = seated(book, ground, booking_id, pile.pile_id, window, litres, now)
    until_at = now + ground.settings.hold_s
    return round_, Booking.hold(booking_id, pile.pile_id, pile.estate_id, seat, litres, who, now, until_at)


def _litres(ground: Ground, deed: BookingDeed, usual: int) -> int:
    litres = deed.litres
    if litres is None:
        litres = usual if deed.bags is None else deed.bags * ground.settings.bag_litres
    if not 0 < litres <= MOST_LITRES:
        raise BookingError(f"give the amount in m³ or bags, more than nothing and at most {MOST_LITRES // 1000} m³")
    return litres


def _window(ground: Ground, round_: Round, from_at: int, now: int) -> InRound:
    """The window that begins then; raises BookingError where none does, or it is over."""
    if (from_at - round_.from_at) % ground.settings.window_s:
        raise BookingError("no window begins then: ask for the windows and take one of them")
    until_at = min(from_at + ground.settings.window_s, round_.until_at)
    if until_at <= now:
        raise BookingError("this window is over")
    return InRound(round_, from_at, until_at)
