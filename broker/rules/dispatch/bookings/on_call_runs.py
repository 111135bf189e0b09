"""The run of a truck on call: made for its accepted bookings an hour before the first of them, in their order.

What becomes of a visit that its truck was told of (a blocked lane, a closed road) gives it another place in the run:
the round follows, so that whoever looks for a window reckons with what will be driven.
A round that has ended its run and gets another booking the same day gets another run.
"""

from collections.abc import Sequence
from hashlib import blake2b

from broker.plan.model import ON_CALL, RENOVATION
from broker.rules.bookings.book import Round
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.visits.moved_visits import set_visits
from broker.rules.effects.effect import Effect
from broker.rules.effects.records import put, put_booking, run_record
from broker.rules.states.booking import COMING, Booking
from broker.rules.states.visit import Visit, VisitKey
from firmware import wire


def of_round(day: Day, round_id: str, now: int) -> list[Effect]:
    """What a round's run owes otherwise by now: it is opened when its time comes, and has a visit for each booking."""
    round_ = day.bookings.rounds.get(round_id)
    if round_ is None:
        return []
    coming = [one for one in day.bookings.in_round(round_) if one.state in COMING]
    run = run_of_round(day, round_)
    effects: list[Effect] = []
    if run is None:
        if not coming or now < _opens_at(day, coming[0]) or all(_is_told(day, one) for one in coming):
            return []
        run = _open(day, round_, coming[0])
    order = [visit.key for visit in day.visits.of(run.order) if visit.owed]  # as it was told
    for number, booking in enumerate(coming):
        if not _is_told(day, booking):
            visit = _visit(day, run, booking)
            effects += put(day, visit, now)
            effects.append(put_booking(day, booking.made_for(visit.key, now), now))
            later = {one.visit for one in coming[number + 1 :]}
            order.insert(next((at for at, key in enumerate(order) if key in later), len(order)), visit.key)
    if effects:
        run.reorder(order)
        set_visits(day, run, now)
        effects.append(run_record(day, run, now))
    return [*effects, *_as_told(day, round_, order, now)]


def _as_told(day: Day, round_: Round, order: Sequence[VisitKey], now: int) -> list[Effect]:
    """The round in the order in which its truck drives; who has no visit yet keeps the place."""
    places = {key: place for place, key in enumerate(order)}
    named = {one.booking_id: one.visit for one in day.bookings.in_round(round_) if one.visit in places}
    told = iter(sorted(named, key=lambda name: places[named[name]]))
    driven = tuple(next(told) if name in named else name for name in round_.order)
    return [] if driven == round_.order else [put_booking(day, round_.driving(driven), now)]


def run_of_round(day: Day, round_: Round) -> Run | None:
    """The run that a round's truck is on for it; None where there is none yet, or it is over."""
    own = (run for run in day.runs.values() if run.trip_id == _trip(round_) and run.state != "finished")
    return next(own, None)


def _is_told(day: Day, booking: Booking) -> bool:
    """Whether a run of today has a visit for it."""
    return booking.visit is not None and booking.visit in day.visits


def _opens_at(day: Day, first: Booking) -> int:
    return (first.arrive_at or first.from_at) - day.settings.open_before_s


def _trip(round_: Round) -> str:
    name = round_.round_id
    return name if len(name) <= wire.MAX_ID_BYTES - 4 else f"call-{blake2b(name.encode(), digest_size=16).hexdigest()}"


def _open(day: Day, round_: Round, first: Booking) -> Run:
    trip = _trip(round_)
    number = next(n for n in range(1, 1000) if f"{trip}.{n}" not in day.runs.recorded)
    run_id, start_at = f"{trip}.{number}", first.arrive_at or first.from_at
    run = Run(
        run_id=run_id,
        trip_id=trip,
        route_id=ON_CALL.route_id,
        truck=round_.truck,
        waste=RENOVATION,
        planned_start_at=start_at,
        planned_end_at=max(round_.until_at, start_at),
        order=(),
        tracker=day.new_tracker(run_id, ON_CALL, round_.truck, [], start_at),
        shift_end_at=round_.until_at,
    )
    day.runs.keep(run)
    day.changed_runs.note(run_id)
    return run


def _visit(day: Day, run: Run, booking: Booking) -> Visit:
    """The visit that is made for a booking; another one of this pile is visit 2 of the run."""
    taken = [key[2] for key in day.visits if key[:2] == (run.run_id, booking.pile)]
    sequences = [day.visits[key].sequence for key in run.order]
    return Visit(
        run_id=run.run_id,
        room=booking.pile,
        waste=RENOVATION,
        route=ON_CALL.route_id,
        truck=run.truck,
        estate=booking.estate,
        sequence=max(sequences, default=0) + 1,
        visit_number=max(taken, default=0) + 1,
        planned_at=booking.arrive_at,
        not_before_at=booking.from_at,
        window_at=booking.from_at,
        by_appointment=True,
    )
