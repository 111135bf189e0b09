"""When a truck that is on another run yet comes to the first room of its next one.

    the last arrival of the run it is on + the stay there, or till now + the straight way to the first room of the next

It is what nobody can be faster than; a run never begins before its timetable either. While nothing is known of the run
it is on there is only the timetable.
"""

from collections.abc import Mapping, Sequence

from broker.plan.geometry import distance_m
from broker.rules.arrival.prediction import Eta
from broker.rules.learning.history import History
from broker.rules.tracking.types import StopKey, TrackVisit


def free_at(
    owed: Sequence[TrackVisit], etas: Mapping[StopKey, Eta], first: TrackVisit, route_id: str,
    bins: Mapping[tuple[str, str], int], history: History, now: int,
) -> Eta | None:
    """The arrival at `first` of a truck that owes these visits before it, expected as `etas` say; None = unknown."""
    last = etas.get(owed[-1].key) if owed else None
    if last is None:
        return None
    before, waste = owed[-1], owed[-1].waste
    room = before.key[0]
    stay_s = history.dwell_s(room, waste, bins.get((room, waste)), last.eta_at)
    leave_at = max(now, last.eta_at + round(stay_s))
    drive_s = 0.0
    if room != first.key[0]:  # how far along their lines the two lie says nothing: those are two lines
        length_m = history.streets.detour_factor * distance_m(before.lat, before.lon, first.lat, first.lon)
        drive_s, _ = history.leg_s(route_id, room, first.key[0], length_m, leave_at)
    on_s = leave_at + round(drive_s) - last.eta_at
    return Eta(first.key, last.eta_at + on_s, last.early_at + on_s, last.late_at + on_s, last.label)
