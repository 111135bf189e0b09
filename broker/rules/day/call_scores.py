"""The calls of the last days that are over, as they were scored: by them it is known which rooms' calls drift."""

from broker.rules.statistics.calls import ScoredCall, scored_calls
from broker.rules.statistics.facts import Fact


class CallScores:
    """Each call by id; an end that is told again is the newer one.

    Written by: effects/records, dispatch/alarms, ingest/restored.
    """

    def __init__(self) -> None:
        self._calls: dict[str, ScoredCall] = {}
        self._looked_on = ""

    def take(self, call: Fact, timezone: str) -> None:
        """The record of a call that is over, as far as it says when the truck came."""
        for one in scored_calls([call], timezone):
            if one.lead_s is not None:
                self._calls[one.call_id] = one

    def take_back(self, call_id: str) -> None:
        """It is not over: what was taken for its truck's stay was none."""
        self._calls.pop(call_id, None)

    def between(self, from_day: str, to_day: str) -> list[ScoredCall]:
        """Those of these days; what is older is known no more."""
        for call_id in [call_id for call_id, one in self._calls.items() if one.day < from_day]:
            del self._calls[call_id]
        return [one for one in self._calls.values() if from_day <= one.day <= to_day]

    def looks_on(self, day: str) -> bool:
        """Whether nobody has looked on this day yet; true once for each."""
        before, self._looked_on = self._looked_on, day
        return before != day
