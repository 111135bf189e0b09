"""What the gestures of the button mean for the incident at hand; pure.

raise     a new incident `lane_blocked`; within 10 s of the last one it belongs to that and says nothing new
escalate  the incident at hand becomes a `breakdown`
short     within 10 s of raising or escalating: the incident at hand is withdrawn; else nothing
"""

from collections.abc import Callable
from dataclasses import replace

from firmware.truck.events import OpenIncident

AT_HAND_S = 10.0


class Presses:
    """Remembers which incident is at hand."""

    def __init__(self, still_open: Callable[[str], OpenIncident | None]) -> None:
        """`still_open(incident_id)` gives the incident as it is now, or None if it is over."""
        self._still_open = still_open
        self._at_hand: tuple[str, float] | None = None

    def meant(self, gesture: str, at_s: float, fresh: OpenIncident) -> OpenIncident | None:
        """The incident that is to be told because of this gesture (raise escalate short), or None.

        `fresh` is the incident that a raise at this moment would make.
        """
        incident = self._current(at_s)
        if gesture == "short":
            self._at_hand = None
            return None if incident is None else replace(incident, withdrawn=True)
        if gesture == "raise" and incident is None:
            self._at_hand = (fresh.incident_id, at_s)
            return fresh
        if gesture == "escalate" and incident is not None:
            self._at_hand = (incident.incident_id, at_s)
            return None if incident.reason == "breakdown" else replace(incident, reason="breakdown")
        return None

    def _current(self, at_s: float) -> OpenIncident | None:
        if self._at_hand is None or at_s - self._at_hand[1] > AT_HAND_S:
            return None
        return self._still_open(self._at_hand[0])
