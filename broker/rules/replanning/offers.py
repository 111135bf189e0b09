"""Re-planning: where a blocked stop comes again, and who takes over the stops of a truck that broke down.

Only the stops that have lost their place move; every other stop keeps its truck and its order, because its keeper
was promised a time. See insertion.py for the cost and the hard rules. What finds no place is returned as
`unplaced` with a reason for each truck; it is never dropped. An `Offer` happens only when a person agrees.

All of it is worked out in `Steps`, each of them short: whoever has more to do goes on with that between two of them.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from broker.rules.replanning.insertion import PROMISE_COST_S, OpenTour, Place, limits
from broker.rules.replanning.tours import Schedule, Stop, Tour, Ways, schedule
from broker.rules.states.visit import VisitKey

__all__ = ["Change", "Deal", "Offer", "Schedule", "Stop", "Tour", "Unplaced", "Ways", "breakdown", "insert",
           "kept", "schedule", "whole"]  # fmt: skip

_ROUNDS = 3  # how often every moved stop is tried elsewhere once all have a place
_NO_OTHER_S = 1 << 40  # regret of a stop that has only one tour left

Result = TypeVar("Result")
Steps = Generator[None, None, Result]


def whole(steps: Steps[Result]) -> Result:
    """What steps come to, all of them made at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Result = end.value
            return found


@dataclass(frozen=True, slots=True)
class Change:
    """One owed stop before and after; a time or truck is None where there is none. `broken`: tell its keeper anew."""

    key: VisitKey
    from_truck: str | None
    to_truck: str | None
    before_at: int | None
    after_at: int | None
    broken: bool


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A stop that fits nowhere, and why not."""

    stop: Stop
    reason: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer: the tours as they would be, every stop's time before and after, and the cost in seconds.

    `detour_s` is driving and waiting more than without the change (of a broken truck's own way nothing is counted),
    `cost_s` = `detour_s` + 300 s for each of `broken`, the promises that change.
    """

    name: str
    tours: tuple[Tour, ...]
    changes: tuple[Change, ...]
    detour_s: int
    broken: int
    cost_s: int
    unplaced: tuple[Unplaced, ...] = ()


@dataclass(frozen=True, slots=True)
class Deal:
    """What an offer says of who drives where: each truck's stops in order, and why the others have no truck."""

    name: str
    orders: Mapping[str, Sequence[VisitKey]]
    unplaced: Mapping[VisitKey, str]


def insert(tour: Tour, stop: Stop, ways: Ways) -> Offer:
    """Put one further stop where it costs least; the others keep their order."""
    ways = ways.remembered()
    placed, unplaced = whole(_place_all([OpenTour(tour, limits(tour, ways), ways)], [stop]))
    return _offer("insert", [tour], placed, [], unplaced, ways)


def breakdown(
    broken: Tour, others: Sequence[Tour], ways: Ways, extra: Tour | None = None
) -> Steps[tuple[Offer, ...]]:
    """The offers for all stops of a truck that cannot go on, the best first; two equal ones count as one.

    `others` takes them over on the other trucks' tours; `extra_truck` gives them all to the contractor's truck
    `extra` (a tour without stops) in their old order; `shared` uses both. Fewest unplaced stops, then least cost.
    """
    ways = ways.remembered()
    lost = _lost(broken, ways)
    stranded = [replace(broken, stops=())]
    yield
    open_others = []
    for tour in others:
        open_others.append(OpenTour(tour, limits(tour, ways), ways))
        yield
    placed, unplaced = yield from _place_all(open_others, lost)
    offers = [_offer("others", [broken, *others], placed, stranded, unplaced, ways)]
    if extra is not None:
        open_extra = OpenTour(extra, limits(extra, ways), ways)
        before = [broken, *others, extra]
        full, unplaced = yield from _in_old_order(open_extra, lost)
        offers.append(_offer("extra_truck", before, [*open_others, full], stranded, unplaced, ways))
        yield
        placed, unplaced = yield from _place_all([*open_others, open_extra], lost)
        offers.append(_offer("shared", before, placed, stranded, unplaced, ways))
    yield
    different = {_who_goes_where(offer): offer for offer in reversed(offers)}
    return tuple(sorted(different.values(), key=lambda offer: (len(offer.unplaced), offer.cost_s, offer.name)))


def kept(
    deal: Deal, broken: Tour, others: Sequence[Tour], ways: Ways, extra: Tour, *, asks_anew: bool = False
) -> Steps[Offer | None]:
    """A deal that was offered, with the times of now; None if it is about other stops by now or breaks a hard rule.

    Nothing is searched for: it takes as long as driving each tour once in thought. `asks_anew`: what had no place is
    tried once more where it would be, so that the reason is of now; None if it has one by now.
    """
    ways = ways.remembered()
    lost = {stop.key: stop for stop in _lost(broken, ways)}
    tours = [*others, extra] if deal.name != "others" else [*others]
    placed = []
    for tour in tours:
        yield
        own = {stop.key: stop for stop in tour.stops}
        order = [key for key in deal.orders.get(tour.truck, ()) if key in own or key in lost]
        if [key for key in order if key in own] != list(own):
            return None  # it owes something else, or in another order
        limit = limits(tour, ways)
        stops = tuple(own[key] if key in own else lost.pop(key) for key in order)
        with_them = OpenTour(replace(tour, stops=stops), limit, ways)
        if len(stops) > len(own) and not with_them.may_be_driven():
            return None
        placed.append(with_them)
    if lost.keys() - deal.unplaced.keys():
        return None
    unplaced = [Unplaced(lost[key], reason) for key, reason in deal.unplaced.items() if key in lost]
    if asks_anew:
        asked = placed[-1:] if deal.name == "extra_truck" else placed
        for number, entry in enumerate(unplaced):
            places = []
            for one in asked:
                yield
                places.append(one.best_place(entry.stop))
            if any(isinstance(place, Place) for place in places):
                return None
            unplaced[number] = Unplaced(entry.stop, _why_not(places))
    return _offer(deal.name, [broken, *tours], placed, [replace(broken, stops=())], unplaced, ways)


def _lost(broken: Tour, ways: Ways) -> list[Stop]:
    """The stops that have lost their place, each with the time that was told or would have been."""
    return [
        replace(stop, before_at=at if stop.before_at is None else stop.before_at, frozen=False)
        for stop, at in zip(broken.stops, schedule(broken, ways).arrive_at, strict=True)
    ]


def _who_goes_where(offer: Offer) -> frozenset[tuple[str, tuple[VisitKey, ...]]]:
    return frozenset((tour.truck, tuple(stop.key for stop in tour.stops)) for tour in offer.tours if tour.stops)


def _place_all(tours: Sequence[OpenTour], lost: Sequence[Stop]) -> Steps[tuple[list[OpenTour], list[Unplaced]]]:
    """Put each stop somewhere: always the one next that would lose most by having to take its second choice."""
    tours = list(tours)
    waiting = {stop.key: stop for stop in lost}
    places: dict[VisitKey, list[Place | str]] = {key: [] for key in waiting}
    for key, stop in waiting.items():
        for tour in tours:
            places[key].append(tour.best_place(stop))
            yield
    unplaced = []
    while waiting:
        nowhere = [key for key in waiting if not any(isinstance(place, Place) for place in places[key])]
        unplaced += [Unplaced(waiting.pop(key), _why_not(places[key])) for key in nowhere]
        if not waiting:
            break
        key = max(waiting, key=lambda key: _regret(places[key]))
        chosen = _cheapest(places[key])
        place = places[key][chosen]
        assert isinstance(place, Place)
        tours[chosen] = tours[chosen].with_stop(waiting.pop(key), place.position)
        yield
        for other, stop in waiting.items():
            places[other][chosen] = tours[chosen].best_place(stop)
            yield
    stuck = {entry.stop.key for entry in unplaced}
    return (yield from _improved(tours, [stop for stop in lost if stop.key not in stuck])), unplaced


def _why_not(places: Sequence[Place | str]) -> str:
    return "; ".join(why for why in places if isinstance(why, str)) or "there is no other truck"


def _cheapest(places: Sequence[Place | str]) -> int:
    return min((place.cost_s, index) for index, place in enumerate(places) if isinstance(place, Place))[1]


def _regret(places: Sequence[Place | str]) -> tuple[int, int]:
    costs = sorted(place.cost_s for place in places if isinstance(place, Place))
    return (costs[1] - costs[0] if len(costs) > 1 else _NO_OTHER_S, -costs[0])


def _improved(tours: list[OpenTour], moved: Sequence[Stop]) -> Steps[list[OpenTour]]:
    """Take each moved stop out once more and put it where it is cheapest now, while that gains anything."""
    for _ in range(_ROUNDS):
        gained = False
        for stop in moved:
            home = next(i for i, tour in enumerate(tours) if any(other.key == stop.key for other in tour.tour.stops))
            left = tours[home].without(stop.key)
            trial = [*tours[:home], left, *tours[home + 1 :]]
            places = []
            for tour in trial:
                yield
                places.append(tour.best_place(stop))
            chosen = _cheapest(places)
            place = places[chosen]
            if isinstance(place, Place) and place.cost_s < tours[home].cost_s - left.cost_s:
                trial[chosen] = trial[chosen].with_stop(stop, place.position)
                tours, gained = trial, True
        if not gained:
            break
    return tours


def _in_old_order(tour: OpenTour, lost: Sequence[Stop]) -> Steps[tuple[OpenTour, list[Unplaced]]]:
    unplaced = []
    for stop in lost:
        yield
        place = tour.best_place(stop)
        if isinstance(place, Place):
            at_end = tour.cost_at(stop, len(tour.tour.stops))
            tour = tour.with_stop(stop, (at_end if isinstance(at_end, Place) else place).position)
        else:
            unplaced.append(Unplaced(stop, place))
    return tour, unplaced


def _offer(
    name: str,
    before: Sequence[Tour],
    placed: Sequence[OpenTour],
    stranded: Sequence[Tour],
    unplaced: Sequence[Unplaced],
    ways: Ways,
) -> Offer:
    """Write down what the placed tours mean against the tours before."""
    told: dict[VisitKey, tuple[str, int]] = {}
    busy_s = 0
    left_behind = {tour.truck for tour in stranded}
    for tour in before:
        plan = schedule(tour, ways)
        busy_s += plan.drive_s + plan.wait_s if tour.truck not in left_behind else 0
        for stop, at in zip(tour.stops, plan.arrive_at, strict=True):
            told[stop.key] = (tour.truck, at if stop.before_at is None else stop.before_at)
    changes = _changes(told, placed, unplaced)
    detour_s = sum(tour.plan.drive_s + tour.plan.wait_s for tour in placed) - busy_s
    broken = sum(change.broken for change in changes)
    tours = (*stranded, *(tour.tour for tour in placed))
    return Offer(name, tours, changes, detour_s, broken, detour_s + PROMISE_COST_S * broken, tuple(unplaced))


def _changes(
    told: Mapping[VisitKey, tuple[str, int]], placed: Sequence[OpenTour], unplaced: Sequence[Unplaced]
) -> tuple[Change, ...]:
    changes = []
    for tour in placed:
        for stop, at in zip(tour.tour.stops, tour.plan.arrive_at, strict=True):
            truck, before_at = told.get(stop.key, (None, stop.before_at))
            changes.append(Change(stop.key, truck, tour.tour.truck, before_at, at, tour.breaks(stop, at)))
    for entry in unplaced:
        truck, before_at = told.get(entry.stop.key, (None, entry.stop.before_at))
        changes.append(Change(entry.stop.key, truck, None, before_at, None, True))
    return tuple(changes)
