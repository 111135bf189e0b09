"""Presses that no rule could work on: each stays on the screen as its device said it, until a person decides.

A rule may fail on a press, on its upgrade or on its withdrawal. Then nothing is re-planned, but nothing is hidden: the
incident is open, as bad as the worst that was said of it, and marked `unworked`. What came of a press is on record as
`workflow`, what the device said as `incident`; so a restart finds the same.
"""

from collections.abc import Mapping
from typing import Any

from broker.rules.day.day import Day
from broker.rules.day.incidents import IncidentKey
from broker.rules.effects.attention import ask_about_unworked
from broker.rules.states.incident import Incident


def show_as_said(day: Day, truck: str, body: Mapping[str, Any], heard_at: int) -> None:
    """Have a press on the screen as this message leaves it."""
    known = day.incidents.get((truck, body["incident_id"]))
    shown = as_said(known, truck, body, heard_at)
    if shown is not None and shown is not known:
        day.incidents.place(shown)
        ask_about_unworked(day, shown)


def mark_unworked(day: Day, key: IncidentKey) -> None:
    """Nothing of what was decided on this press counts: a person must look."""
    known = day.incidents.get(key)
    if known is not None and known.open:
        day.incidents.place(known.left_unworked())
        ask_about_unworked(day, day.incidents[key])


def as_said(known: Incident | None, truck: str, body: Mapping[str, Any], heard_at: int) -> Incident | None:
    """The incident after a message that nobody worked on; `known` itself where the message says nothing new."""
    if known is not None and known.changed_at > heard_at:
        return known  # whoever changed it since had this message
    if known is None or (not known.open and known.is_pressed_anew(body)):
        pressed = Incident.pressed(truck, body, heard_at, known.version + 1 if known else 1)
        # Taken back before the press itself was heard: it is over when it comes.
        return pressed.withdrawn(heard_at) if body["withdrawn"] else pressed.left_unworked()
    if not known.open:
        return known
    if body["withdrawn"]:
        return known.left_unworked(taken_back=True)
    if body["reason"] == "breakdown" and known.reason != "breakdown":
        return known.said_worse(body["reason"]).left_unworked()
    return known
