"""What is on record and counted from it: calls, figures, corrections; and whether the bridge does its work."""

from typing import Any

from broker.web.api.described import Row

At = int | None
Scalar = str | int | float | bool | None
StatsRow = dict[str, Scalar]
"""A row of figures: its dimensions, then its counts; which ones stands in the table's name."""


class CallRecord(Row):
    """A call: made when and for when, shown when, met by the truck when, ended how, what of its promise was off."""

    call_id: str
    run_id: str
    room: str
    truck: str
    waste: str
    visit_number: int
    called_at: At
    eta_at: At
    label: str | None
    kind: str | None
    route: str
    estate: str
    lit_at: At
    held_at: At
    arrived_at: At
    lead_s: int | None
    ended_at: At
    how: str | None
    off: list[list[Any]] | None = None
    rests_on: Any = None


class Amended(Row):
    """A record after its correction, and what the corrected fields were."""

    record: str
    was: dict[str, Any]
    body: dict[str, Any]


class AmendmentRow(Row):
    """A correction: of which record, by whom, when and why, and the fields as they are since."""

    id: str
    record: str
    kind: str
    at: int
    who: str
    reason: str
    patch: dict[str, Any]


class ClosedAccount(Row):
    """A device that sent too much: over which limit, how much was refused, until when it is shut out."""

    family: str
    device: str
    limit: str
    count: int
    closed_s: int
    opens_in_s: int


class Health(Row):
    """Whether the bridge does its work, and every reason why not, in two languages."""

    ok: bool
    trouble: str | None
    link: dict[str, Any]
    plan: dict[str, Any]
    ages: dict[str, float | None]
    fw: str
    at: int
    outside: list[dict[str, Any]]
    city: dict[str, Any] | None = None
    store: dict[str, Any] | None = None
    reasons: list[dict[str, Any]]
