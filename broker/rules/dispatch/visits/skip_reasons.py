"""What each reason of a skip means for the visit that makes up for it: when it may be, and who makes it.

| reason | the second visit | who |
| --- | --- | --- |
| lane_blocked | not before the lane can be clear (`lane_clear_s`), or somebody says it is | the same truck |
| no_access | at the earliest after `lane_clear_s`: somebody brings a key | the same truck |
| unsafe | at the earliest after `lane_clear_s`: somebody makes it safe | the same truck |
| not_out | at the earliest after `call_at_s`: its keeper has a call of its own first | the same truck |
| contamination | at the earliest after an hour: somebody sorts it | the same truck |
| full_truck | after the transfer station, as all that the run owes | the same truck, emptied |
| breakdown | where it costs least; a press makes a dispatcher choose who comes | the same truck, or another |
| other | where it costs least | the same truck |

`lane_blocked` and `full_truck` are not to be before that; of the others the place in the list is chosen by it, and a
truck that stands at the door earlier makes them. Where no place is left before the shift's end it comes last, and a
person is told.
"""

from broker.rules.day.day import Day
from broker.rules.settings import DispatchSettings
from broker.rules.states.answer import CONTRACTOR
from broker.rules.states.incident import Incident

SORTING_S = 3600


def earliest_at(reason: str, settings: DispatchSettings, now: int) -> int | None:
    """When the visit that makes up for one skipped now is worth coming for; None: at any time."""
    after_s = {
        "lane_blocked": settings.lane_clear_s,
        "no_access": settings.lane_clear_s,
        "unsafe": settings.lane_clear_s,
        "not_out": settings.calls.call_at_s,
        "contamination": SORTING_S,
    }.get(reason)
    return None if after_s is None else now + after_s


def free_from(day: Day, incident: Incident, run_id: str) -> int | None:
    """Before when nobody need try a visit of this run again: the lane is free and the truck is there, as promised last
    by those who see to it."""
    moments = [row.until_at for row in incident.answers if row.run_id == run_id and row.until_at is not None]
    if incident.room is not None and incident.condition == "active":
        clearing = [row for row in incident.answers if row.addressee != CONTRACTOR and row.until_at is not None]
        newest = max(clearing, key=lambda row: row.since_at, default=None)
        thought_at = incident.raised_at + day.settings.lane_clear_s
        moments.append(thought_at if newest is None or newest.until_at is None else newest.until_at)
    return max(moments, default=None)
