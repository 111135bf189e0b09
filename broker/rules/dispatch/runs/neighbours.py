"""Which of two rooms so near that positions mix them up was served: what their own units say of their bins decides.

A stay may have been taken for one at the room next door, or for one at both. Minutes after the truck has left the bins
come back, emptied where its crew was and as full as they left where it was not:

    on record                          bins here           bins there   then
    here served, there passed by       all full            emptied      the stay was there, here is owed again
    here served, there passed by       back full           all full     here is owed again; the stay was there if so a
                                                                        person says
    here served, there passed by       emptied             emptied      both were served from one place
    both served from one place         not back before     emptied      there was served since the truck came: nobody
                                       it left, or later                knows which was first
    both served, one after the other   back full           emptied      here is owed again, if one was too short for its
                                                                        bins, as a jam is: two whole stays are two
                                                                        visits, of which one left its bins full

"All full" are bins that came back as they were, or never left; of one served by a person's word nobody knows when, and
it counts as passed by. Without evidence nothing changes: a unit that was silent, that weighs nothing, whose bins are
outside yet; nor what a person said of a room itself, nor a run whose truck is on its next one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from broker.plan.geometry import distance_m
from broker.rules.collecting.collected import CameBack, Collected
from broker.rules.collecting.moves import SETTLES_S
from broker.rules.day.bins import SEEN_AGAIN_S, came_back_to, collected_at
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.runs.run_progress import finish_if_settled
from broker.rules.dispatch.visits.full_trucks import full_by_count
from broker.rules.dispatch.visits.moved_visits import set_visits
from broker.rules.effects.effect import Effect
from broker.rules.effects.records import call_record, put, run_record
from broker.rules.settings import LIGHTEST_BIN_GRAMS
from broker.rules.states.visit import Visit
from broker.rules.tracking.stays import SAME_PLACE_M

ONE_AFTER_THE_OTHER_S = 900  # between two such stays
WHOLE_STAY = 0.8  # of what its bins take


def settle_neighbours(day: Day, room: str, rows: Sequence[Mapping[str, Any]], now: int) -> list[Effect]:
    """What a room's new report tells of the stays there and next door."""
    visits = [visit for row in rows for visit in day.visits.at(room, row["waste"])]
    return [effect for visit in visits for effect in _settle(day, visit, now)] if visits else []


def _settle(day: Day, visit: Visit, now: int) -> list[Effect]:
    run = day.runs.get(visit.run_id)
    if run is None or not (_may_be_another(visit, now) or _may_have_been(visit)):
        return []
    for other in _next_door(day, run, visit):
        for here, there in ((visit, other), (other, visit)):
            if not _may_be_another(here, now):
                continue
            effects = _as_their_bins_say(day, run, here, there, now)
            if effects:
                return effects
    return []


def _may_be_another(visit: Visit, now: int) -> bool:
    """Whether what is on record as a stay here may have been one next door."""
    is_own = visit.original and not visit.by_hand and not visit.by_appointment
    known = is_own and visit.state == "served" and visit.arrived_at is not None and visit.left_at is not None
    return known and now <= (visit.left_at or 0) + SEEN_AGAIN_S


def _may_have_been(visit: Visit) -> bool:
    """Whether a stay next door may have been one here: the truck passed by, and nobody knows when it was here."""
    if not visit.original or visit.by_appointment or visit.passed_at is None or visit.arrived_at is not None:
        return False
    return visit.state in ("pending", "due") or (visit.state == "served" and visit.by_hand)


def _next_door(day: Day, run: Run, visit: Visit) -> Iterator[Visit]:
    """The run's visits just before and after this one, at rooms so near that one place serves both."""
    order = [key for key in run.order if day.visits[key].original]
    place = order.index(visit.key) if visit.key in order else len(order)
    room = day.plan.places[visit.room]
    for key in (*order[max(0, place - 1) : place], *order[place + 1 : place + 2]):
        there = day.plan.places[key[1]]
        if distance_m(room.lat, room.lon, there.lat, there.lon) <= SAME_PLACE_M:
            yield day.visits[key]


def _as_their_bins_say(day: Day, run: Run, here: Visit, there: Visit, now: int) -> list[Effect]:
    """See the table above; empty where there is no evidence."""
    assert here.arrived_at is not None and here.left_at is not None
    found = came_back_to(day, here)
    is_full = _all_full(found) and not _is_left_alone(day, run)
    came_back_full = is_full and found.full > 0
    if _may_have_been(there):
        found_there = came_back_to(day, _if_served(there, here.arrived_at, here.left_at))
        there_too = _emptied(found_there) and (is_full or _emptied(found))
        there_too = there_too or (there.by_hand and came_back_full and _all_full(found_there))
        not_here = is_full and (there_too or (came_back_full and _all_full(found_there)))
        effects = _owed_again(day, run, here, now) if not_here else []
        return effects + _served_too(day, run, there, here.arrived_at, here.left_at, now) if there_too else effects
    if there.state != "served" or there.arrived_at is None or there.left_at is None:
        return []
    if there.inferred and here.arrived_at < there.arrived_at and abs(here.left_at - there.left_at) <= SETTLES_S:
        found_there = came_back_to(day, there.stayed(here.arrived_at, here.left_at))
        if _emptied(found) and _emptied(found_there) and not _was_first(found, found_there, here.left_at):
            return _served_too(day, run, there, here.arrived_at, here.left_at, now)
    apart_s = max(here.arrived_at, there.arrived_at) - min(here.left_at, there.left_at)
    if apart_s > ONE_AFTER_THE_OTHER_S or not came_back_full or not _emptied(came_back_to(day, there)):
        return []
    if _took_its_time(day, here) and _took_its_time(day, there):
        return []
    return _owed_again(day, run, here, now)


def _took_its_time(day: Day, visit: Visit) -> bool:
    """Whether a stay was as long as the bins that waited there take."""
    expected_s = day.history.expected_stay_s(visit.room, visit.waste, visit.bins_before)
    stood_s = (visit.left_at or 0) - (visit.arrived_at or 0)
    return expected_s is not None and stood_s >= WHOLE_STAY * expected_s


def _if_served(visit: Visit, arrived_at: int, left_at: int) -> Visit:
    """A visit as it would be with this stay."""
    if visit.state == "served":
        return visit.stayed(arrived_at, left_at)
    return visit.arrived(arrived_at, None, None, inferred=True, exactly=False).left(left_at)


def _emptied(found: CameBack) -> bool:
    """Whether bins were emptied and are back, by their weight."""
    amounts = found.amounts
    return not amounts.out and amounts.bins != 0 and _grams(amounts) >= LIGHTEST_BIN_GRAMS


def _was_first(found: CameBack, found_there: CameBack, left_at: int) -> bool:
    """Whether the crew was done here before it began next door: the bins were back before the truck went on."""
    done_at, there_done_at = found.first_at, found_there.first_at
    return done_at is not None and done_at <= left_at and (there_done_at is None or done_at <= there_done_at)


def _all_full(found: CameBack) -> bool:
    """Whether bins waited, all of them are in the room, and nothing was taken out of them."""
    amounts = found.amounts
    waited = bool(amounts.bins_before) and amounts.grams_before is not None and amounts.grams_after is not None
    stayed = amounts.bins == 0 and _grams(amounts) < LIGHTEST_BIN_GRAMS
    return waited and stayed and not amounts.out and not found.brought


def _grams(found: Collected) -> int:
    known = found.grams_before is not None and found.grams_after is not None
    return (found.grams_before or 0) - (found.grams_after or 0) if known else 0


def _is_left_alone(day: Day, run: Run) -> bool:
    """Whether the run is over and its truck on its next one: it cannot owe anything any more."""
    following = day.run_of(run.truck)
    return run.state == "finished" and following is not None and following.state == "running"


def _owed_again(day: Day, run: Run, visit: Visit, now: int) -> list[Effect]:
    """It was not served: a person is asked about it, and its run goes on."""
    owed = visit.taken_back()
    effects = put(day, owed, now)
    if owed.call_id is not None:
        effects.append(call_record(day, owed, now))
    if run.state == "finished":
        run.goes_on()
        effects.append(run_record(day, run, now))
    run.tracker.leave_behind(day.track_visit(owed, day.plan.route(run.route_id)))
    set_visits(day, run, now)
    return effects


def _served_too(day: Day, run: Run, visit: Visit, arrived_at: int, left_at: int, now: int) -> list[Effect]:
    """The stay was of this one, or of it as well; it is known too late to teach anything of its arrival."""
    known = _if_served(visit, arrived_at, left_at)
    known = known.collected(collected_at(day, known))
    effects = put(day, known, now)
    if known.call_id is not None:
        effects.append(call_record(day, known, now, ended="served"))
    set_visits(day, run, now)
    return [*effects, *full_by_count(day, run, now), *finish_if_settled(day, run, now)]
