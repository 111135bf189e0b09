"""When a truck that is on another run yet comes to the first room of its next one.

    the last arrival of the run it is on + the stay there + the way to the first room of the next

It is what nobody can be faster than; a run never begins before its timetable either. While nothing is known of the run
it is on there is only the timetable.
"""

from collections.abc import Mapping, Sequence

from broker.rules.arrival.prediction import Eta, leg_length_m
from broker.rules.learning.history import History
from broker.rules.tracking.types import StopKey, TrackVisit


def free_at(
    owed: Sequence[TrackVisit], etas: Mapping[StopKey, Eta], first: TrackVisit, route_id: str,
    bins: Mapping[tuple[str, str], int], history: History,
) -> Eta | None:
    """The arrival at `first` of a truck that owes these visits before it, expected as `etas` say; None = unknown."""
    last = etas.get(owed[-1].key) if owed else None
    if last is None:
        return None
    room, waste = owed[-1].key[0], owed[-1].waste
    stay_s = history.dwell_s(room, waste, bins.get((room, waste)), last.eta_at)
    length_m = leg_length_m(owed[-1], first, history.streets.detour_factor)
    drive_s, _ = history.leg_s(route_id, room, first.key[0], length_m, last.eta_at + round(stay_s))
    if room == first.key[0]:
        drive_s = 0.0
    on_s = round(stay_s + drive_s)
    return Eta(first.key, last.eta_at + on_s, last.early_at + on_s, last.late_at + on_s, last.label)
