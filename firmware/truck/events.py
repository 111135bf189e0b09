"""What can happen to a truck (events), what it does about it (effects) and the report it keeps; plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firmware.truck.gps.fix import Fix

Body = Mapping[str, Any]

GPS_WORDS = ("no_port", "no_bytes", "no_fix", "fix")
LIGHT_PATTERNS = ("off", "fast", "slow", "steady", "double", "identify")

TOLD_OF_INCIDENT = ("incident_id", "reason", "pressed_at", "lat", "lon", "fix_at", "withdrawn")


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident this truck raised and that nobody has closed.

    `stage` is the bridge's last word on it (None = none yet); `unheard` is (boot, seq) of the latest report about it
    while that is not known to be stored by the bridge.
    """

    incident_id: str
    reason: str
    pressed_at: int | None = None
    lat: float | None = None
    lon: float | None = None
    fix_at: int | None = None
    withdrawn: bool = False
    stage: str | None = None
    decision: str | None = None
    unheard: tuple[int, int] | None = None

    def told(self) -> dict[str, Any]:
        """What is said of it, as the body of its report."""
        return {name: getattr(self, name) for name in TOLD_OF_INCIDENT}


@dataclass(frozen=True, slots=True)
class Report:
    """One thing the truck must not forget until it is acknowledged; its business id is (truck, boot, seq).

    `item` is the incident_id for channel `incident`, else empty. `kept_s` is monotonic seconds of this boot.
    """

    boot: int
    seq: int
    channel: str
    item: str
    body: Body
    kept_s: float


# --- events ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: incidents still open when the power went, and whether the button is down already."""

    incidents: tuple[OpenIncident, ...] = ()
    button_down: bool = False


@dataclass(frozen=True, slots=True)
class FixSeen:
    """The receiver gave a valid fix."""

    fix: Fix


@dataclass(frozen=True, slots=True)
class GpsState:
    """What the receiver is doing: one of GPS_WORDS."""

    word: str


@dataclass(frozen=True, slots=True)
class ButtonDown:
    """A falling edge of the button's contact, bounces included."""


@dataclass(frozen=True, slots=True)
class ButtonUp:
    """A rising edge of the button's contact, bounces included."""


@dataclass(frozen=True, slots=True)
class Wake:
    """The moment the agent asked for has come."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the bridge, as `wire.unpack` gave it: `channel`, `item`, and `body` (None = cleared)."""

    family: str
    channel: str
    item: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Connected, subscription sent: retained messages are on their way."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The connection to the broker is gone."""


@dataclass(frozen=True, slots=True)
class PartState:
    """A part of the truck, one of wire.PARTS, does not work, and why; None = it works (again)."""

    part: str
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of the command `command_id` that the shell was to carry out."""

    command_id: str
    done: bool
    said: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The program was asked to end."""


Event = (
    Started | FixSeen | GpsState | ButtonDown | ButtonUp | Wake | Received | LinkUp | LinkDown | PartState | Done
    | Stopping
)


# --- effects --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keep:
    """Put this report into the outbox (an incident: durable before anything else), then send it."""

    report: Report


@dataclass(frozen=True, slots=True)
class Settle:
    """The bridge has stored these: the `acks` list of the wire's ack message."""

    acks: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """An open incident got a new stage: remember it over power cuts; stage `closed` = forget the incident."""

    incident_id: str
    stage: str
    decision: str | None


@dataclass(frozen=True, slots=True)
class Light:
    """Show this pattern (one of LIGHT_PATTERNS) at the button from now on."""

    pattern: str


@dataclass(frozen=True, slots=True)
class GpsLight:
    """Show this receiver state (one of GPS_WORDS) at the optional second light."""

    word: str


@dataclass(frozen=True, slots=True)
class ShowItinerary:
    """Show this itinerary in the cab; None = there is none."""

    itinerary: Body | None


@dataclass(frozen=True, slots=True)
class TakeCertificate:
    """A newer certificate for this truck came (base64 of its DER): look at it, keep it, and say `Done`."""

    command_id: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Say:
    """Send once, without outbox: `life` is the only such channel."""

    channel: str
    body: Body


@dataclass(frozen=True, slots=True)
class Note:
    """One line for the log; `kind` is also the name of a counter."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Hand this to MQTT with QoS 1 (made by the device from Say and from the outbox)."""

    topic: str
    payload: bytes
    retain: bool


Effect = Keep | Settle | Stage | Light | GpsLight | ShowItinerary | TakeCertificate | Say | Note
