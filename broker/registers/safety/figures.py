"""What the safety register is kept for: promised against accepted, progress, what is overdue, what is next. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Literal

from broker.registers.figures import Share
from broker.registers.safety.models import FINISHED, STATUSES, Programme, SafetyRegister, Site

DueKind = Literal["milestone", "defect", "programme"]


@dataclass(frozen=True, slots=True)
class Progress:
    """The mean of the sites' latest progress; an accepted site counts 1; sites without a statement count apart."""

    total: Fraction
    sites: int
    not_stated: int

    def text(self) -> str:
        """`42.5 %`, or a dash."""
        scaled = self.total * 1000
        return Share(scaled.numerator, scaled.denominator * self.sites * 1000, self.not_stated).text()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"total": float(self.total), "sites": self.sites, "not_stated": self.not_stated, "text": self.text()}


@dataclass(frozen=True, slots=True)
class Due:
    """Something with a day: `days` late (positive) or still to go."""

    kind: DueKind
    site: str | None
    programme: str
    id: str
    text: str
    due_on: date
    days: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": self.kind, "site": self.site, "programme": self.programme, "id": self.id, "text": self.text,
            "due_on": self.due_on.isoformat(), "days_late": self.days,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one programme (or estate) stands; `target` is None for an estate, which promises nothing by itself."""

    id: str
    title: str
    target: int | None
    named: int
    accepted: int
    by_status: dict[str, int]
    progress: Progress
    open_defects: int

    def share(self) -> Share:
        """Accepted of promised, or of the sites named where there is no target."""
        return Share(self.accepted, self.target if self.target is not None else self.named)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "id": self.id, "title": self.title, "target": self.target, "named": self.named,
            "not_named": None if self.target is None else max(0, self.target - self.named),
            "accepted": self.share().as_json(), "by_status": self.by_status, "progress": self.progress.as_json(),
            "open_defects": self.open_defects,
        }


def latest_progress(site: Site) -> Fraction | None:
    """The last observed ratio, 1 once accepted, None where nothing was observed."""
    if site.acceptance is not None:
        return Fraction(1)
    seen = max(site.progress, key=lambda item: item.on, default=None)
    return None if seen is None else Fraction(str(seen.measure))


def progress_of(sites: Iterable[Site]) -> Progress:
    """The mean progress of these sites."""
    seen = [latest_progress(site) for site in sites]
    stated = [value for value in seen if value is not None]
    return Progress(sum(stated, Fraction(0)), len(stated), len(seen) - len(stated))


def standing(name: str, title: str, target: int | None, sites: Sequence[Site]) -> Standing:
    """The standing of a group of sites; cancelled ones count in `by_status` only."""
    alive = [site for site in sites if site.status != "cancelled"]
    return Standing(
        name, title, target, len(alive), sum(site.acceptance is not None for site in alive),
        {status: count for status in STATUSES if (count := sum(site.status == status for site in sites))},
        progress_of(alive), sum(defect.fixed_on is None for site in alive for defect in site.defects),
    )


def by_programme(register: SafetyRegister) -> list[Standing]:
    """Every programme's standing, in order of id."""
    return [
        standing(item.id, item.title, item.target_count, [site for site in register.sites if site.programme == item.id])
        for item in sorted(register.programmes, key=lambda item: item.id)
    ]


def by_estate(register: SafetyRegister) -> list[Standing]:
    """The standing of every estate that has a site, in order of id."""
    return [
        standing(item.id, item.name, None, sites)
        for item in sorted(register.estates, key=lambda item: item.id)
        if (sites := [site for site in register.sites if site.estate == item.id])
    ]


def dues(register: SafetyRegister, today: date) -> list[Due]:
    """Everything with a day that is not done: overdue first, then what comes next."""
    found = []
    for site in register.sites:
        if site.status == "cancelled":
            continue
        found += [
            Due("defect", site.id, site.programme, item.id, item.description, item.due_on, (today - item.due_on).days)
            for item in site.defects if item.fixed_on is None and item.due_on is not None
        ]
        if site.status in FINISHED:
            continue
        found += [
            Due("milestone", site.id, site.programme, item.id, item.title, item.due_on, (today - item.due_on).days)
            for item in site.milestones if item.status != "met" and item.due_on is not None
        ]
    found += [_programme_due(item, today) for item in _unfinished(register)]
    return sorted(found, key=lambda item: (item.due_on, item.site or "", item.id))


def _unfinished(register: SafetyRegister) -> list[Programme]:
    accepted = {item.id: item.accepted for item in by_programme(register)}
    return [item for item in register.programmes if item.due_on is not None and accepted[item.id] < item.target_count]


def _programme_due(item: Programme, today: date) -> Due:
    assert item.due_on is not None
    return Due("programme", None, item.id, item.id, item.title, item.due_on, (today - item.due_on).days)


def report(register: SafetyRegister, today: date) -> dict[str, Any]:
    """Everything computed about the works, as plain JSON."""
    found = dues(register, today)
    target = sum(item.target_count for item in register.programmes)
    whole = standing("all", "all", target, register.sites)
    return {
        "total": whole.as_json(),
        "programmes": [item.as_json() for item in by_programme(register)],
        "estates": [item.as_json() for item in by_estate(register)],
        "overdue": [item.as_json() for item in found if item.days > 0],
        "next_due": [item.as_json() for item in found if item.days <= 0],
    }
