"""When trucks come by the plan: of each room and kind the moments of a day, worked out once for the day."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

from broker.plan.calendar import day_start_at, local_date, service_runs
from broker.plan.model import Plan

AHEAD_DAYS = 7  # further ahead a person looks at the plan itself
Times = Mapping[tuple[str, str], tuple[int, ...]]


class Timetable:
    """The plan's; of runs that are opened already the picture knows more."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._of_day = lru_cache(maxsize=AHEAD_DAYS + 2)(self._times)

    def of_today(self, now: int) -> Times:
        """By (room, kind): all moments of the day that it is now."""
        return self._of_day(local_date(self._plan, now))

    def next_at(self, room: str, waste: str, after_at: int) -> int | None:
        """The first moment after that; None where there is none for a week."""
        today = local_date(self._plan, after_at)
        for days in range(AHEAD_DAYS + 1):
            times = self._of_day(today + timedelta(days=days)).get((room, waste), ())
            found = next((at for at in times if at > after_at), None)
            if found is not None:
                return found
        return None

    def _times(self, day: date) -> Times:
        start_at, found = day_start_at(self._plan, day), dict[tuple[str, str], list[int]]()
        for run in service_runs(self._plan, day):
            waste = self._plan.routes[run.route_id].waste
            for visit in run.visits:
                if not visit.by_appointment:
                    found.setdefault((visit.room_id, waste), []).append(start_at + visit.arrive_day_s)
        return {key: tuple(sorted(times)) for key, times in found.items()}
