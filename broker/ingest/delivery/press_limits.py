"""How many presses one truck may have: open at once, and within a day. A press above that is refused, and named."""

from dataclasses import dataclass

from broker.rules.day.day import Day

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class PressLimits:
    """The two numbers of [limits]."""

    open_incidents: int = 100
    incidents_per_day: int = 300

    def refuse(self, day: Day, truck: str, now: int) -> str | None:
        """The limit that one more press of this truck would go over."""
        lately = opened = 0
        for incident in day.incidents.of_truck(truck):
            opened += incident.open
            lately += incident.raised_at > now - DAY_S
        if opened >= self.open_incidents:
            return "open_incidents"
        return "incidents_per_day" if lately >= self.incidents_per_day else None
