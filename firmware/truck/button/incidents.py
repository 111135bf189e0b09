"""The incidents a truck has open and what its light says about them; pure.

One incident goes through these stages, and the light shows:

    pressed   fast     pressed here, not known to be stored anywhere else
    stored    slow     the bridge has it on disk
    seen      steady   a person has seen it
    decided   double   decided: read the screen
    closed    (off)    over; the incident is forgotten

Stages come from the bridge (`incident_ack`), and its `ack` of our report proves `stored` too. An escalation or a
withdrawal is news the bridge has not got yet (`unheard`): the light goes back to `pressed` until the ack of that very
report.
A stage never goes back otherwise. Several incidents: the light shows the least advanced, so that an unheard press
is never hidden. A withdrawn incident goes dark once its withdrawal is stored.

The bridge clears the retained `incident_ack` of a closed incident. A truck that was off the air then learns it by
silence: no `incident_ack` within 60 s of a new connection on which the bridge is heard means closed.
"""

from collections.abc import Iterable
from dataclasses import replace

from firmware.truck.events import Body, OpenIncident

ORDER = ("pressed", "stored", "seen", "decided", "closed")
PATTERN = {"pressed": "fast", "stored": "slow", "seen": "steady", "decided": "double"}
CLOSED_BY_SILENCE_S = 60.0


class Incidents:
    """The open incidents by id, newest last."""

    def __init__(self) -> None:
        self._open: dict[str, OpenIncident] = {}
        self._heard_of: set[str] = set()  # by an `incident_ack` since the last connection ended
        self._unconfirmed: set[str] = set()  # to be heard of on this connection, or it is over
        self._link_up_s: float | None = None

    def restore(self, incidents: Iterable[OpenIncident]) -> None:
        """What was open before the program began."""
        for incident in incidents:
            self._open[incident.incident_id] = incident

    def get(self, incident_id: str) -> OpenIncident | None:
        """The open incident of this id, or None."""
        return self._open.get(incident_id)

    def told(self, incident: OpenIncident, boot: int, seq: int) -> None:
        """The truck has just kept report (boot, seq) about this incident: raised, escalated or withdrawn."""
        self._open[incident.incident_id] = replace(incident, unheard=(boot, seq))

    def settled(self, acks: Iterable[Body]) -> list[OpenIncident]:
        """The bridge's ack of reports; returns the incidents that changed by it."""
        acks = tuple(acks)
        heard = [
            incident
            for incident in self._open.values()
            if incident.unheard is not None and any(_covers(ack, *incident.unheard) for ack in acks)
        ]
        return self._advance_all([replace(incident, unheard=None) for incident in heard], "stored")

    def staged(self, incident_id: str, stage: str, decision: str | None) -> OpenIncident | None:
        """The bridge's `incident_ack` (cleared = closed); returns the incident if it changed.

        An incident the truck has forgotten (its disk was lost) is taken up again: the bridge says it is open.
        """
        self._heard_of.add(incident_id)
        self._unconfirmed.discard(incident_id)
        incident = self._open.get(incident_id)
        if incident is None:
            if stage == "closed":
                return None
            incident = OpenIncident(incident_id, "lane_blocked")
        # It proves that the bridge has the press, not that it has heard of the escalation or withdrawal since.
        if incident.unheard is not None and incident_id.endswith("-{}-{}".format(*incident.unheard)):
            incident = replace(incident, unheard=None)
        return self._advance(incident, stage, decision)

    def link_up(self, now_s: float) -> None:
        """A new connection: everything the bridge still has open is heard of again, some of it maybe already."""
        self._link_up_s = now_s
        stored = {key for key, incident in self._open.items() if incident.unheard is None}
        self._unconfirmed = stored - self._heard_of

    def link_down(self) -> None:
        """The connection is gone: silence means nothing now."""
        self._link_up_s = None
        self._heard_of.clear()
        self._unconfirmed.clear()

    def closed_by_silence(self, now_s: float, bridge_heard: bool) -> list[OpenIncident]:
        """The incidents that were closed while the truck was off the air, found once the silence has lasted."""
        if not self._unconfirmed or self._link_up_s is None or not bridge_heard:
            return []
        if now_s < self._link_up_s + CLOSED_BY_SILENCE_S:
            return []
        gone = [self._open[incident_id] for incident_id in sorted(self._unconfirmed) if incident_id in self._open]
        self._unconfirmed.clear()
        return self._advance_all(gone, "closed")

    @property
    def pattern(self) -> str:
        """What the button's light shows: one of off fast slow steady double."""
        if not self._open:
            return "off"
        return PATTERN[min(map(self._shown, self._open.values()), key=ORDER.index)]

    def _shown(self, incident: OpenIncident) -> str:
        # Without unheard news its report has left the outbox, which only the bridge's ack can do.
        return "pressed" if incident.unheard is not None else incident.stage or "stored"

    def _advance_all(self, incidents: list[OpenIncident], stage: str) -> list[OpenIncident]:
        changed = [self._advance(incident, stage, None) for incident in incidents]
        return [incident for incident in changed if incident is not None]

    def _advance(self, incident: OpenIncident, stage: str, decision: str | None) -> OpenIncident | None:
        """Remembers the incident with the further of its stage and `stage`; returns it if anything is different."""
        if incident.withdrawn and incident.unheard is None:
            stage = "closed"
        if incident.stage is not None and ORDER.index(stage) < ORDER.index(incident.stage):
            stage = incident.stage
        moved = replace(incident, stage=stage, decision=decision if decision is not None else incident.decision)
        if stage == "closed":
            self._open.pop(incident.incident_id, None)
            self._unconfirmed.discard(incident.incident_id)
            return moved
        before = self._open.get(incident.incident_id)
        self._open[incident.incident_id] = moved
        return None if moved == before else moved


def _covers(ack: Body, boot: int, seq: int) -> bool:
    if ack["boot"] != boot:
        return False
    return bool(seq <= ack["upto"] or any(first <= seq <= last for first, last in ack["also"]))
