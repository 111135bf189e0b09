"""How those who are asked about incidents answer: asked, seen, how soon, promises kept and broken, told in vain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from broker.rules.statistics.facts import Fact, incidents, moment, text, whole
from broker.rules.statistics.periods import local_day

SPAN = ("0000", "9999")  # all days


@dataclass(frozen=True, slots=True)
class Answers:
    """One addressee's answers; `party` is the estate or the firm. `median_seen_s` is from being asked to being seen,
    None where nobody has seen any."""

    addressee: str
    party: str
    asked: int
    seen: int
    median_seen_s: int | None
    promises: int
    kept: int
    broken: int
    refused: int
    nobody: int
    in_vain: int


def answers(
    facts: Iterable[Fact], timezone: str, from_day: str = SPAN[0], to_day: str = SPAN[1]
) -> list[Answers]:
    """The answers to presses of these days by addressee, who broke most promises first; records of before there were
    any answers have none."""
    zone = ZoneInfo(timezone)
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for fact, pressed_at in incidents(facts):
        if from_day <= local_day(pressed_at, zone) <= to_day:
            kept = fact.body.get("answers")
            for row in kept if isinstance(kept, list) else ():
                if isinstance(row, dict):
                    rows.setdefault((text(row, "addressee"), text(row, "party")), []).append(row)
    found = [_answers(addressee, party, of) for (addressee, party), of in rows.items()]
    return sorted(found, key=lambda one: (-one.broken, -one.nobody, one.addressee, one.party))


def _answers(addressee: str, party: str, rows: Sequence[Mapping[str, Any]]) -> Answers:
    waits = []
    for row in rows:
        asked_at, seen_at = moment(row, "asked_at"), moment(row, "seen_at")
        if asked_at is not None and seen_at is not None:
            waits.append(max(0, seen_at - asked_at))
    promises, kept, broken = (sum(whole(row, name) or 0 for row in rows) for name in ("promises", "kept", "broken"))
    refused = sum(row.get("state") == "refused" for row in rows)
    nobody = sum(moment(row, "unanswered_at") is not None for row in rows)
    in_vain = sum(row.get("in_vain") is True for row in rows)
    middle_s = round(median(waits)) if waits else None
    return Answers(
        addressee, party, len(rows), len(waits), middle_s, promises, kept, broken, refused, nobody, in_vain
    )  # fmt: skip
