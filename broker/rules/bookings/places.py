"""Where a booking has a place: which windows a truck can keep, and what each costs it, from the re-planner.

A truck on call drives one round each day, between its hours; a booking is a stop of it that has its window. Litres are
what is loaded, so the truck's cubic metres are its capacity. What is shown of a window is the driving it costs; waiting
costs nobody anything, the truck waits where it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from broker.plan.calendar import DAY_S, day_start_at, local_date
from broker.plan.model import RENOVATION, Pile, Plan, Vehicle
from broker.rules.bookings.book import Bookings, Round
from broker.rules.replanning.insertion import OpenTour, Place, TooLate, limits
from broker.rules.replanning.tours import Stop, Tour, Ways, schedule
from broker.rules.settings import BookingSettings
from broker.rules.states.booking import Booking, BookingError

SETUP_S = 300  # at a pile, before anything is loaded
PER_M3_S = 240
ON_THE_WAY_S = 120  # a detour of less is none


@dataclass(frozen=True, slots=True)
class Ground:
    """What the places rest on: the plan, the numbers, how long the drives take; `@<truck>` is where a truck is."""

    plan: Plan
    settings: BookingSettings
    travel_s: Callable[[str, str], int]

    @property
    def ways(self) -> Ways:
        """Drives and stays; a stay is as long as what is loaded. What was promised is the window, not a time in it."""
        return Ways(self.travel_s, lambda stop: SETUP_S + PER_M3_S * stop.bins // 1000, self.settings.window_s)

    def pile(self, pile_id: str) -> Pile:
        """A pile of the plan; raises BookingError."""
        pile = self.plan.piles.get(pile_id)
        if pile is None:
            raise BookingError(f"the plan knows no pile {pile_id[:40]!r}", missing=True)
        return pile


@dataclass(frozen=True, slots=True)
class Window:
    """A window as it is offered: which truck would come when, what that costs it, and of which version that is said."""

    truck: str
    round_id: str
    run_version: int
    from_at: int
    until_at: int
    arrive_at: int
    detour_s: int

    @property
    def on_the_way(self) -> bool:
        """Whether the truck comes by there anyway."""
        return self.detour_s < ON_THE_WAY_S


@dataclass(frozen=True, slots=True)
class Placed:
    """A place that was found: the round as it would be, and when the truck would be there."""

    round: Round
    arrive_at: int
    detour_s: int


def rounds_of(book: Bookings, ground: Ground, vehicle: Vehicle, now: int) -> list[Round]:
    """A truck's rounds of the days for which windows are shown, those that nobody has booked yet too."""
    today = local_date(ground.plan, now)
    begin_s, end_s = vehicle.on_call_from_day_s or 0, vehicle.on_call_until_day_s or DAY_S
    rounds = []
    for days in range(-1, ground.settings.days_ahead):
        day = today + timedelta(days=days)
        start_at = day_start_at(ground.plan, day)
        round_id = f"call-{vehicle.truck_id}.{day:%Y%m%d}"
        if start_at + end_s > now:
            new = Round(round_id, vehicle.truck_id, start_at + begin_s, start_at + end_s)
            rounds.append(book.rounds.get(round_id, new))
    return rounds


def round_at(book: Bookings, ground: Ground, truck: str, at: int, now: int) -> Round:
    """The round in which a truck drives at a moment; raises BookingError where it is not on call then."""
    vehicle = next((one for one in ground.plan.trucks_on_call() if one.truck_id == truck), None)
    if vehicle is None:
        raise BookingError(f"{truck[:40]!r} is no truck on call for renovation waste (vehicles.txt)")
    for one in rounds_of(book, ground, vehicle, now):
        if one.from_at <= at < one.until_at:
            return one
    raise BookingError(f"{truck} is not on call then, or it is more than {ground.settings.days_ahead} days ahead")


def windows(book: Bookings, ground: Ground, pile_id: str, litres: int, now: int) -> list[Window]:
    """The windows that can be had for a pile, by time; of several trucks the one that drives least for it."""
    check_fill(book, ground, pile_id, litres)
    found: dict[int, Window] = {}
    for vehicle in ground.plan.trucks_on_call():
        for round_ in rounds_of(book, ground, vehicle, now):
            for from_at in range(round_.from_at, round_.until_at, ground.settings.window_s):
                until_at = min(from_at + ground.settings.window_s, round_.until_at)
                if until_at <= now or _is_taken(book, pile_id, from_at, until_at, None):
                    continue
                placed = find_place(book, ground, round_, stop_for("new", pile_id, from_at, until_at, litres), now)
                if isinstance(placed, str):
                    continue
                window = Window(vehicle.truck_id, round_.round_id, round_.version, from_at, until_at, placed.arrive_at,
                                placed.detour_s)  # fmt: skip
                best = found.get(from_at)
                if best is None or (window.detour_s, window.truck) < (best.detour_s, best.truck):
                    found[from_at] = window
    return [found[from_at] for from_at in sorted(found)]


def check_window(book: Bookings, pile: str, from_at: int, until_at: int, but: str | None) -> None:
    """Raise BookingError where a pile is booked in that window already: one truck fetches all that lies there."""
    taken = _is_taken(book, pile, from_at, until_at, but)
    if taken:
        raise BookingError(f"this pile is booked for that window already ({taken.booking_id}): change that booking")


def _is_taken(book: Bookings, pile: str, from_at: int, until_at: int, but: str | None) -> Booking | None:
    others = (one for one in book.at_pile(pile) if one.booking_id != but)
    return next((one for one in others if one.from_at < until_at and from_at < one.until_at), None)


def check_fill(book: Bookings, ground: Ground, pile_id: str, litres: int, but: str | None = None) -> None:
    """Raise BookingError where a pile has no room for so much beside what is booked there."""
    free = ground.pile(pile_id).capacity_litres - book.filled_litres(pile_id, but)
    if litres > free:
        raise BookingError(f"the pile has room for {cubic_metres(max(0, free))} m³ more, not for "
                           f"{cubic_metres(litres)} m³: what lies there must be fetched first")  # fmt: skip


def cubic_metres(litres: int) -> str:
    """Litres as a person writes them."""
    return f"{litres / 1000:.2f}".rstrip("0").rstrip(".")


def stop_for(booking_id: str, pile: str, from_at: int, until_at: int, litres: int, *, frozen: bool = False) -> Stop:
    """A booking as a stop of a tour."""
    return Stop((booking_id, pile, 1), pile, RENOVATION, litres, open_at=from_at, close_at=until_at, frozen=frozen)


def tour_of_round(book: Bookings, ground: Ground, round_: Round, now: int, but: str | None = None) -> Tour:
    """What a truck still has to fetch in a round, without one of its bookings."""
    stops = tuple(
        stop_for(one.booking_id, one.pile, one.from_at, one.until_at, one.litres,
                 frozen=one.state in ("en_route", "at_site"))
        for one in book.in_round(round_) if one.booking_id != but
    )  # fmt: skip
    vehicle = ground.plan.vehicles[round_.truck]
    loaded = sum(one.litres if one.measured_litres is None else one.measured_litres
                 for one in book.loaded_on(round_.truck))  # fmt: skip
    return Tour(
        round_.truck, round_.round_id, f"@{round_.truck}", max(now, round_.from_at), stops, frozenset({RENOVATION}),
        loaded if _is_under_way(round_, now) else 0, vehicle.capacity_litres, round_.until_at,
    )  # fmt: skip


def _is_under_way(round_: Round, now: int) -> bool:
    return round_.from_at <= now < round_.until_at


def find_place(
    book: Bookings, ground: Ground, round_: Round, stop: Stop, now: int, but: str | None = None
) -> Placed | str:
    """The place of a stop in a round that keeps every window and costs least driving, then time; or why there is none.

    The re-planner says which places there are; it counts a wait as dear as a drive, and a truck on call waits anyway.
    """
    tour, ways = tour_of_round(book, ground, round_, now, but), ground.ways
    free = tour.free_bins()
    if free is not None and stop.bins > free:
        return f"{round_.truck} has room for {cubic_metres(max(0, free))} m³ more that day"
    open_tour = OpenTour(tour, limits(tour, ways), ways)
    found = [open_tour.cost_at(stop, position) for position in range(open_tour.first_place, len(tour.stops) + 1)]
    places = [place for place in found if isinstance(place, Place)]
    if not places:
        late = [place for place in found if isinstance(place, TooLate)]
        return min(late, key=lambda place: place.over_s).reason if late else f"{round_.truck} has no place for it"
    driven = {place.position: schedule(tour.with_stop(stop, place.position), ways) for place in places}
    best = min(places, key=lambda place: (driven[place.position].drive_s, place.cost_s, place.position)).position
    order = [one.key[0] for one in tour.stops]
    order.insert(best, stop.key[0])
    detour_s = max(0, driven[best].drive_s - open_tour.plan.drive_s)
    return Placed(round_.driving(order), driven[best].arrive_at[best], detour_s)


def still_fits(book: Bookings, ground: Ground, round_: Round, booking: Booking, now: int) -> bool:
    """Whether the truck can drive its round with this booking where it has its place, and keep every other's window."""
    if round_.truck not in {one.truck_id for one in ground.plan.trucks_on_call()}:
        return False
    others, ways = tour_of_round(book, ground, round_, now, booking.booking_id), ground.ways
    whole = tour_of_round(book, ground, round_, now)
    return OpenTour(whole, limits(others, ways), ways).may_be_driven()
