"""Where and for how long the truck of a drive stood, by its speeds where they can be believed, and by its places.

A speed is believed unless places contradict it: some receivers say metres a second of a truck that stands, some files
have a column of noughts. Where there is none it is that of the way within twenty seconds to either side, the lesser
one. A truck that moves up by some metres within a minute still makes the same halt. What nobody saw of a halt, in a
silence, is reckoned from the way that had to be driven in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import cos, hypot, inf, radians
from statistics import median

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, distance_m
from broker.rules.teaching.positions import SELDOM, Position, metres, usual_gap_s
from broker.rules.tracking.stands import CREEPS_S, STANDS_BELOW_MPS, TOLD_WITHIN_S

BESIDE_S = 20.0
NO_SPEED_STANDS_MPS = 1.0  # by places alone, which stray
DOUBTED_MPS, NEVER_SO_SLOW_MPS = 2.5, 3.0
STARTS_MPS = 1.5
LIES, FEW = 0.2, 5  # of what says that it stands
WOBBLES = 0.025  # of what stands
STIRS_M, STIRS_S = 10.0, 20.0  # who stands again so near and so soon has not moved, or moved up
STRAYS_M, STRAYS_UNSEEN_M = 80.0, 30.0  # so far a place of a truck that stands may be from the middle of the others
WATCHED_S = 10.0  # in a longer gap it may have driven, unless it usually says so seldom that it stands
USUALLY = 0.9
LEAVES_M = 25.0
SOON_OVER_S = 40.0
RECENT = 60  # positions whose middle is where the truck stands
USUAL_MPS = 5.0  # lights and corners included
WORTH_S = 5.0
UNSEEN_LIGHT_S = 20.0
LATE_S = 15.0  # that a truck stands is told at once, and heard so much later at most
HIDDEN_WITHIN_M, HIDDEN_FOR_S = 80.0, 45.0  # a silence that hides a halt, and hardly its place


@dataclass(frozen=True, slots=True)
class Halt:
    """From `since` to `until`; of that, `unseen_s` are reckoned. `first` and `last` are numbers of positions."""

    since: float
    until: float
    lat: float
    lon: float
    spread_m: float  # of its places; 0 where only one was told
    unseen_s: float
    first: int
    last: int

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.until - self.since

    @property
    def surely_s(self) -> float:
        """How long it took at least, if what nobody saw held a red light besides."""
        return self.seconds - min(self.unseen_s, UNSEEN_LIGHT_S)


def halts(positions: Sequence[Position]) -> list[Halt]:
    """All halts of a drive, in order."""
    still, wobbles = _still(positions)
    watched_s = _watched_s(positions)
    runs: list[tuple[int, int]] = []
    for index in (index for index, stands in enumerate(still) if stands):
        if runs and _goes_on(positions, still, runs[-1], index, wobbles, watched_s):
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    found = _shared([_halt(positions, still, first, last) for first, last in runs])
    taken = {index for halt in found for index in range(halt.first, halt.last + 1)}
    found += [hidden for index in range(1, len(positions))
              if not {index, index - 1} & taken and (hidden := _hidden(positions, index)) is not None]
    return sorted((halt for halt in found if halt.seconds >= WORTH_S), key=lambda halt: halt.since)


def _still(positions: Sequence[Position]) -> tuple[list[bool], bool]:
    """Of each position whether the truck stands, and whether its speeds wobble while it does."""
    by_place = _speeds_by_place(positions, max(2 * BESIDE_S, SELDOM * usual_gap_s(positions)))
    said = [(position.speed_mps, *by) for position, by in zip(positions, by_place, strict=True)]
    lies = _lie(positions)
    stays = [speed for speed, *by in said if speed is not None and max(by) < STANDS_BELOW_MPS]
    wobbles = sum(speed > STANDS_BELOW_MPS for speed in stays) > max(FEW, WOBBLES * len(stays))
    return [
        min(by) < NO_SPEED_STANDS_MPS if speed is None or lies
        else speed < STANDS_BELOW_MPS or (wobbles and speed < DOUBTED_MPS and max(by) < STANDS_BELOW_MPS)
        for speed, *by in said
    ], wobbles or lies  # fmt: skip


def _lie(positions: Sequence[Position]) -> bool:
    """Whether the speeds say that the truck stands where its places say that it drives on."""
    slow = [three for three in zip(positions, positions[1:], positions[2:], strict=False)
            if three[1].speed_mps is not None and three[1].speed_mps < STANDS_BELOW_MPS
            and three[2].at - three[0].at < 2 * BESIDE_S]  # fmt: skip
    drives = sum(min(metres(before, here), metres(here, after)) > NEVER_SO_SLOW_MPS * (after.at - before.at) / 2
                 for before, here, after in slow)  # fmt: skip
    return drives > max(FEW, LIES * len(slow))


def _speeds_by_place(positions: Sequence[Position], longest_s: float) -> list[tuple[float, float]]:
    """Metres a second between a position and those at least twenty seconds after and before; not known: infinite."""
    ahead: list[float] = []
    other = 0
    for index, position in enumerate(positions):
        other = max(other, index)
        while other < len(positions) - 1 and positions[other].at - position.at < BESIDE_S:
            other += 1
        gap_s = positions[other].at - position.at
        ahead.append(_mps(position, positions[other]) if BESIDE_S <= gap_s <= longest_s else inf)
    behind = [inf] * len(positions)
    other = 0
    for index, position in enumerate(positions):
        while position.at - positions[other + 1].at >= BESIDE_S if other + 1 < index else False:
            other += 1
        gap_s = position.at - positions[other].at
        if BESIDE_S <= gap_s <= longest_s:
            behind[index] = _mps(positions[other], position)
    return list(zip(ahead, behind, strict=True))


def _mps(before: Position, after: Position) -> float:
    """Metres a second from one to the other; at least a walk where that is too far for one place."""
    way_m = metres(before, after)
    return max(way_m / (after.at - before.at), NO_SPEED_STANDS_MPS if way_m > STRAYS_UNSEEN_M else 0.0)


def _watched_s(positions: Sequence[Position]) -> float:
    """Within what time a truck that stands says so again, and would have said that it drives."""
    gaps = sorted(b.at - a.at for a, b in pairwise(positions)
                  if a.speed_mps is not None and b.speed_mps is not None and max(a.speed_mps, b.speed_mps) == 0.0)
    usual_s = gaps[int(USUALLY * (len(gaps) - 1))] + 2.0 if gaps else 0.0
    return min(TOLD_WITHIN_S, max(WATCHED_S, usual_s))


def _goes_on(positions: Sequence[Position], still: Sequence[bool], run: tuple[int, int], index: int,
             wobbles: bool, watched_s: float) -> bool:  # fmt: skip
    """Whether the truck that stands here has stood since the run's last position, or nearly so."""
    first, last = run
    stood = [positions[i] for i in range(max(first, last - RECENT), last + 1) if still[i]]
    between, gap_s = positions[last + 1 : index + 1], positions[index].at - positions[last].at
    here = _middle(stood)
    away_m = max(distance_m(*here, one.lat, one.lon) for one in between)
    if last == index - 1:
        return away_m < (STRAYS_M if gap_s <= watched_s and not positions[index].lost else STRAYS_UNSEEN_M)
    if wobbles:
        return gap_s <= CREEPS_S and away_m < STRAYS_UNSEEN_M
    if any((one.speed_mps or 0.0) >= STARTS_MPS for one in between):
        return False
    return gap_s <= STIRS_S and away_m < STIRS_M + min(STIRS_M, 2 * _spread_m(stood))


def _middle(places: Sequence[Position]) -> tuple[float, float]:
    """The middle of some places, whatever one or two strays of them say."""
    return median(place.lat for place in places), median(place.lon for place in places)


def _halt(positions: Sequence[Position], still: Sequence[bool], first: int, last: int) -> Halt:
    places = [positions[index] for index in range(first, last + 1) if still[index]]
    since, until, unseen_s = positions[first].at, positions[last].at, 0.0
    if first:
        earlier = positions[first - 1].at + metres(positions[first - 1], positions[first]) / USUAL_MPS
        if since - earlier > LATE_S:
            since, unseen_s = earlier, since - earlier
    if last + 1 < len(positions):
        after = positions[last + 1]
        has_just_left = metres(positions[last], after) < LEAVES_M
        if has_just_left and (after.at - until <= TOLD_WITHIN_S or (after.speed_mps or inf) < DOUBTED_MPS):
            until = after.at  # that it starts is told at once
            places += [after] if len({(place.lat, place.lon) for place in places}) == 1 else []
        else:
            later = max(until, after.at - metres(positions[last], after) / USUAL_MPS)
            until, unseen_s = later, unseen_s + later - until
    told = [Position(0.0, lat, lon) for lat, lon in dict.fromkeys((place.lat, place.lon) for place in places)]
    lat, lon = _middle(told)
    return Halt(since, until, lat, lon, _spread_m(told) if len(told) > 1 else 0.0, unseen_s, first, last)


def _shared(found: Sequence[Halt]) -> list[Halt]:
    """Between two halts on either side of a silence nobody knows which was the longer: both get half of it.

    One that was soon over when the receiver spoke again is taken for a red light, and the other gets all.
    """
    result = list(found)
    for number, (one, other) in enumerate(pairwise(found)):
        if (both_s := one.until - other.since) > 0:
            one, other = result[number], result[number + 1]
            seen_s = other.seconds - other.unseen_s
            first_s = both_s if seen_s < SOON_OVER_S else both_s / 2
            other_s = both_s - first_s
            result[number] = replace(one, until=one.until - other_s, unseen_s=one.unseen_s - other_s)
            result[number + 1] = replace(other, since=other.since + first_s, unseen_s=other.unseen_s - first_s)
    return result


def _spread_m(places: Sequence[Position]) -> float:
    """How far places of one truck that stands are from their middle, usually."""
    lat, lon = _middle(places)
    east = METRES_PER_DEGREE_LON * cos(radians(lat))
    return median(hypot((p.lat - lat) * METRES_PER_DEGREE_LAT, (p.lon - lon) * east) for p in places)


def _hidden(positions: Sequence[Position], index: int) -> Halt | None:
    """A halt within a silence between two places so near to each other that the truck must have stood."""
    before, after = positions[index - 1], positions[index]
    way_m = metres(before, after)
    waited_s = after.at - before.at - way_m / USUAL_MPS
    if way_m > HIDDEN_WITHIN_M or waited_s < HIDDEN_FOR_S:
        return None
    since = before.at + way_m / USUAL_MPS / 2
    lat, lon = (before.lat + after.lat) / 2, (before.lon + after.lon) / 2
    return Halt(since, since + waited_s, lat, lon, way_m / 2, waited_s, index, index - 1)
