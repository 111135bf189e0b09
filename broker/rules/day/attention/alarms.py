"""Each alarm as it stands, by what it is about, and since when the condition of some was not found any more."""


from broker.rules.kept import Kept
from broker.rules.states.alarm import Alarm


class Alarms(Kept[str, Alarm]):
    """The alarms by what they are about (`About.id`); those that are over stay for a day, for the count of versions.

    Written by: effects/alarms, dispatch/alarms, day, ingest/restored.
    """

    def __init__(self) -> None:
        super().__init__()
        self._away: dict[str, int] = {}

    def by_id(self, alarm_id: str) -> Alarm | None:
        """The alarm of this name in an address."""
        return next((one for one in self._kept.values() if one.id == alarm_id), None)

    def place(self, alarm: Alarm) -> None:
        """It stands like this now."""
        self._kept[alarm.about] = alarm

    def away_since(self, about: str, now: int) -> int:
        """Since when its condition is not found: since now, the first time this is asked."""
        return self._away.setdefault(about, now)

    def found(self, about: str) -> None:
        """Its condition is there (again)."""
        self._away.pop(about, None)

    def forget(self, before_at: int) -> None:
        """What was over before a moment is known no more; the record keeps it."""
        for about in [one.about for one in self._kept.values() if one.over and one.changed_at < before_at]:
            del self._kept[about]
            self._away.pop(about, None)
