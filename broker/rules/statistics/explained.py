"""Why a call came true or did not: what it was promised from, part by part, beside what happened.

The parts are those of the call's own first record, as they were believed then; nothing is predicted again. They add
up: the errors of the parts together are the error of the promise. Where a visit on the way was not made, or nobody
knows when it ended, its stay and the legs around it are one part, `way`; so is what comes before the first room of a
run that had not begun.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from broker.rules.statistics.facts import LAST_AT, Fact, moment, newest, text, whole


@dataclass(frozen=True, slots=True)
class Part:
    """One leg to a room, one stay in it, or one way with several of them: seconds as believed and as they were."""

    kind: str  # leg stay way
    room: str
    expected_s: int
    true_s: int | None
    bins: int | None = None  # of a stay: as believed when the room was called
    bins_true: int | None = None
    known: bool | None = None  # whether a leg or stay was ever seen before the call
    half_hour: float | None = None  # how many times as long as over a day a leg takes at its time of day ...
    today: float | None = None  # ... and as usual on that day; both as believed
    streets_s: tuple[int, ...] = ()  # a leg's seconds by 100 m of street, in order; minus where nobody ever drove

    @property
    def error_s(self) -> int | None:
        """How much longer it took."""
        return None if self.true_s is None else self.true_s - self.expected_s


@dataclass(frozen=True, slots=True)
class Explained:
    """One call; `parts` is None where it was made by a release that kept none, `unmet` are its rooms on the way that
    the truck did not stop at before it, `between` those that it stopped at although nobody expected it."""

    call_id: str
    room: str
    waste: str
    truck: str
    run_id: str
    called_at: int
    eta_at: int | None
    label: str
    fix_at: int | None
    arrived_at: int | None
    how: str
    reason: str
    parts: tuple[Part, ...] | None
    unmet: tuple[str, ...]
    between: tuple[str, ...]
    kind: str = ""  # as in calls.py; empty where its records do not say
    lit_at: int | None = None  # when the room's unit said that the lamp was on
    held_at: int | None = None  # when the truck was first held after the call

    @property
    def lead_s(self) -> int | None:
        """From the call to the truck."""
        return None if self.arrived_at is None else self.arrived_at - self.called_at

    @property
    def error_s(self) -> int | None:
        """How much later than promised."""
        return None if self.arrived_at is None or self.eta_at is None else self.arrived_at - self.eta_at

    @property
    def largest(self) -> Part | None:
        """The part that was furthest from what was believed of it."""
        known = [part for part in self.parts or () if part.error_s]
        return max(known, key=lambda part: abs(part.error_s or 0), default=None)


class _Stop(NamedTuple):
    """One visit on the way: as believed (of a stay that is going on: what is left of it) and as it was."""

    room: str
    eta_at: int
    stay_s: int
    bins: int | None
    visit: Mapping[str, Any]
    learned: "_Learned | None"  # None: calls of before did not keep it


class _Learned(NamedTuple):
    """As `LearnedOf`; calls of before kept no streets."""

    leg_known: bool
    half_hour: float
    today: float
    stay_known: bool
    streets_s: tuple[float, ...] = ()


def explained(facts: Sequence[Fact], call_id: str) -> Explained:
    """The call of this id, from the records of its kind and the visits of its run; raises ValueError for none."""
    calls = sorted((fact for fact in facts if fact.kind == "call" and fact.key == call_id), key=_age)
    known = [(fact, at) for fact in calls if (at := moment(fact.body, "called_at")) is not None]
    if not known:
        raise ValueError(f"no call {call_id!r} on record")
    (first, called_at), (last, _) = known[0], known[-1]
    run_id = text(first.body, "run_id")
    visits = {_key(fact.body): fact.body for fact in newest(facts, "visit") if text(fact.body, "run_id") == run_id}
    own = visits.get(_key(last.body), {})
    basis = first.body.get("rests_on")
    times = {name: [at for fact, _ in known if (at := moment(fact.body, name)) is not None] for name in AFTER_CALL}
    stops = list(_stops(basis, visits))
    arrived_at = moment(own, "arrived_at") if own else moment(last.body, "arrived_at")
    foreseen = {(stop.room, _number(stop.visit)) for stop in stops}
    return Explained(
        call_id, text(first.body, "room"), text(first.body, "waste"), text(first.body, "truck"), run_id, called_at,
        whole(last.body, "eta_at"), text(first.body, "label"),
        whole(basis, "fix_at") if isinstance(basis, Mapping) else None, arrived_at, text(last.body, "how"),
        text(own, "reason"),
        tuple(_parts(stops, called_at, arrived_at, begun=text(first.body, "label") != "timetable")) if stops else None,
        tuple(stop.room for stop in stops[:-1] if arrived_at is not None and not _stopped_by(stop.visit, arrived_at)),
        tuple(
            text(visit, "room")
            for visit in visits.values()
            if (text(visit, "room"), _number(visit)) not in foreseen and visit is not own
            and called_at < (moment(visit, "arrived_at") or 0) < (arrived_at or 0)
        ),
        text(first.body, "kind"), *(min(times[name], default=None) for name in AFTER_CALL),
    )  # fmt: skip


AFTER_CALL = ("lit_at", "held_at")


def parts_of(
    rests_on: Any, visits: Mapping[tuple[str, int], Mapping[str, Any]], called_at: int, arrived_at: int, *, begun: bool
) -> list[Part]:
    """The parts of a call that was met, of what it rested on and its run's visits by room and number; none where that
    was not kept."""
    stops = list(_stops(rests_on, visits))
    return list(_parts(stops, called_at, arrived_at, begun=begun)) if stops else []


def _age(fact: Fact) -> tuple[int, str]:
    return fact.at, fact.id


def _number(body: Mapping[str, Any]) -> int:
    return whole(body, "visit_number") or 1


def _key(body: Mapping[str, Any]) -> tuple[str, int]:
    return text(body, "room"), _number(body)


def _stops(basis: Any, visits: Mapping[tuple[str, int], Mapping[str, Any]]) -> Iterator[_Stop]:
    """What the call rested on; nothing where it is not as the bridge writes it (a record may be somebody else's)."""
    rows = basis.get("visits") if isinstance(basis, Mapping) else None
    learned = basis.get("learned") if isinstance(basis, Mapping) else None
    for index, row in enumerate(rows if isinstance(rows, list) else ()):
        if not (isinstance(row, list) and len(row) == 5 and all(type(one) is int for one in row[1:4])):
            return
        room, number, eta_at, stay_s, bins = row
        visit = visits.get((str(room), number), {"visit_number": number})
        known = learned[index] if isinstance(learned, list) and index < len(learned) else None
        yield _Stop(str(room), eta_at, stay_s, bins if type(bins) is int else None, visit, _learned(known))


def _learned(row: Any) -> _Learned | None:
    if not isinstance(row, list) or [type(one) for one in row[:4]] not in LEARNED_SHAPES:
        return None
    streets_s = row[4] if len(row) == 5 and isinstance(row[4], list) else []
    if not all(type(one) in (int, float) and isfinite(one) for one in streets_s):
        streets_s = []
    return _Learned(row[0], float(row[1]), float(row[2]), row[3], tuple(streets_s))


LEARNED_SHAPES = [[bool, first, second, bool] for first in (int, float) for second in (int, float)]


def _stopped_by(visit: Mapping[str, Any], before_at: int) -> bool:
    arrived_at = moment(visit, "arrived_at")
    return arrived_at is not None and arrived_at <= before_at


def _parts(stops: Sequence[_Stop], called_at: int, arrived_at: int | None, *, begun: bool) -> Iterator[Part]:
    """From the call to the arrival at the last of the stops, without a gap."""
    believed_at = true_at = called_at  # up to where both are told
    kind = "leg" if begun else "way"
    for stop in stops[:-1]:
        came_at, went_at = moment(stop.visit, "arrived_at"), moment(stop.visit, "left_at")
        until_at = LAST_AT if arrived_at is None else arrived_at
        if came_at is None or went_at is None or not true_at <= went_at <= until_at:
            kind = "way"
            continue
        if stop.eta_at > believed_at:
            came_at = max(true_at, min(came_at, went_at))
            yield _drive(kind, stop, stop.eta_at - believed_at, came_at - true_at)
            believed_at, true_at = stop.eta_at, came_at
        leaves_at = max(believed_at, stop.eta_at + stop.stay_s)
        bins = stop.bins, whole(stop.visit, "bins_before")
        known = stop.learned.stay_known if stop.learned is not None else None
        yield Part("stay", stop.room, leaves_at - believed_at, went_at - true_at, *bins, known=known)
        believed_at, true_at, kind = leaves_at, went_at, "leg"
    last = stops[-1]
    yield _drive(kind, last, last.eta_at - believed_at, None if arrived_at is None else arrived_at - true_at)


def _drive(kind: str, stop: _Stop, expected_s: int, true_s: int | None) -> Part:
    """A leg with what was learned of it; of a way with several of them that would say nothing."""
    if kind != "leg" or stop.learned is None:
        return Part(kind, stop.room, expected_s, true_s)
    learned = stop.learned
    streets_s = tuple(_shares(expected_s, learned.streets_s))
    return Part(
        kind, stop.room, expected_s, true_s, known=learned.leg_known, half_hour=learned.half_hour, today=learned.today,
        streets_s=streets_s,
    )  # fmt: skip


def _shares(whole_s: int, streets_s: Sequence[float]) -> Iterator[int]:
    """A leg's seconds, which its own drives make other than its streets, on these; in whole seconds that add up."""
    total_s, up_to_s, given_s = sum(map(abs, streets_s)), 0.0, 0
    if total_s <= 0:
        return
    for street_s in streets_s:
        up_to_s += abs(street_s)
        share_s = round(whole_s * up_to_s / total_s) - given_s
        given_s += share_s
        yield share_s if street_s >= 0 else -share_s
