"""An incident 报警: what is the matter (condition) and, apart from it, what people have done (workflow).

condition  active -- clear --> cleared
workflow   raised -- acknowledge --> acknowledged -- decide --> in_progress -- resolve --> resolved -- close --> closed
           any of these but closed -- withdraw --> withdrawn
           acknowledged -- expire --> raised     (an acknowledgement without action runs out)

The driver's light follows `stage`: stored -> seen (acknowledged) -> decided (in_progress) -> closed. Deciding
without acknowledging first counts as both. A changed decision is another `decide`.
No acknowledgement after REPEAT_S: the alarm repeats, and the second person is told.
"""

from dataclasses import dataclass, replace
from typing import Any

REPEAT_S = 60
ACK_EXPIRES_S = 600

TRANSITIONS: dict[tuple[str, str], str] = {
    ("raised", "acknowledge"): "acknowledged",
    ("raised", "decide"): "in_progress",
    ("acknowledged", "decide"): "in_progress",
    ("in_progress", "decide"): "in_progress",
    ("acknowledged", "expire"): "raised",
    ("raised", "resolve"): "resolved",
    ("acknowledged", "resolve"): "resolved",
    ("in_progress", "resolve"): "resolved",
    ("resolved", "close"): "closed",
    ("raised", "withdraw"): "withdrawn",
    ("acknowledged", "withdraw"): "withdrawn",
    ("in_progress", "withdraw"): "withdrawn",
    ("resolved", "withdraw"): "withdrawn",
}
STAGES = {
    "raised": "stored",
    "acknowledged": "seen",
    "in_progress": "decided",
    "resolved": "decided",
    "closed": "closed",
    "withdrawn": "closed",
}
FINAL = ("closed", "withdrawn")


class IncidentError(ValueError):
    """An incident was asked for a step its workflow does not have, or with a version that is not the newest."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One press and all that came of it; `version` counts changes so that two clicks cannot both win."""

    truck: str
    incident_id: str
    reason: str
    raised_at: int
    pressed_at: int | None
    lat: float | None
    lon: float | None
    version: int = 1
    condition: str = "active"
    workflow: str = "raised"
    decision: str | None = None
    who: str | None = None
    run_id: str | None = None
    room: str | None = None
    visit_number: int | None = None
    estate: str | None = None
    estate_told_at: int | None = None
    estate_ack_at: int | None = None
    acknowledged_at: int | None = None
    decided_at: int | None = None
    cleared_at: int | None = None
    closed_at: int | None = None
    repeats: int = 0
    repeated_at: int | None = None
    changed_at: int = 0
    stands_since: int = 0  # the version since which nothing was changed but the count of its repeats

    @property
    def key(self) -> tuple[str, str]:
        """(truck, incident_id): two trucks may use the same word."""
        return (self.truck, self.incident_id)

    @property
    def open(self) -> bool:
        """Whether its retained topics still stand."""
        return self.workflow not in FINAL

    @property
    def stage(self) -> str:
        """What the driver's light shows (the wire's ack stages)."""
        return STAGES[self.workflow]

    def after(self, step: str, now: int, **changes: Any) -> "Incident":
        """This incident after a workflow step; raises IncidentError for a step it does not have."""
        to = TRANSITIONS.get((self.workflow, step))
        if to is None:
            raise IncidentError(f"incident {self.incident_id} is {self.workflow}: it cannot be {step}d now")
        return self.changed(now, workflow=to, **changes)

    def changed(self, now: int, **changes: Any) -> "Incident":
        """This incident with other fields changed, as a new version."""
        return replace(self, version=self.version + 1, changed_at=now, stands_since=self.version + 1, **changes)

    def repeated(self, now: int) -> "Incident":
        """This incident told once more: a new version to be kept, and yet what everybody has on the screen."""
        again = self.changed(now, repeats=self.repeats + 1, repeated_at=now)
        return replace(again, stands_since=self.stands_since)

    def is_seen(self, version: int) -> bool:
        """Whether who looked at this version has seen what the incident is now."""
        return self.stands_since <= version <= self.version

    def wake_at(self) -> int | None:
        """When time alone changes this incident next (repeat, or an acknowledgement that runs out)."""
        if self.workflow == "raised":
            return (self.repeated_at or self.changed_at) + REPEAT_S
        if self.workflow == "acknowledged":
            return (self.acknowledged_at or self.changed_at) + ACK_EXPIRES_S
        return None

    def body(self) -> dict[str, Any]:
        """This incident as the body of a `workflow` record; `from_body` is its inverse."""
        named = {name: getattr(self, name) for name in Incident.__dataclass_fields__}
        return {**named, "stage": self.stage}

    @staticmethod
    def from_body(body: dict[str, Any]) -> "Incident":
        """The incident a stored record describes; unknown fields of a newer release are ignored."""
        fields = {"stands_since": body.get("version", 1), **body}
        return Incident(**{k: v for k, v in fields.items() if k in Incident.__dataclass_fields__})
