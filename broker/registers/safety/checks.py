"""The rules between the fields of the register of safety works."""

from collections.abc import Iterator

from broker.registers.elections.checks import duplicates, in_order
from broker.registers.errors import Problem
from broker.registers.fields import Bounds
from broker.registers.safety.models import FINISHED, Milestone, SafetyRegister, Site

PROGRESS_DECIMALS = 3
FINE = 1e-9


def safety_problems(register: SafetyRegister) -> list[Problem]:
    """Every broken rule, with the field's path."""
    found: list[Problem] = []
    for name in ("estates", "contractors", "programmes", "sites"):
        found += duplicates(name, (item.id for item in getattr(register, name)))
    bounds = register.bounds
    if bounds is not None and (bounds.south >= bounds.north or bounds.west >= bounds.east):
        found.append(Problem("bounds", "bounds_reversed"))
    for programme in register.programmes:
        path = f"programmes/{programme.id}"
        found += in_order(f"{path}/due_on", ("starts on", programme.starts_on), ("due on", programme.due_on))
        found += duplicates(f"{path}/sources", (source.id for source in programme.sources))
    known = {
        "programme": {item.id for item in register.programmes}, "estate": {item.id for item in register.estates},
        "contractor": {item.id for item in register.contractors},
    }
    for site in register.sites:
        found += _site(site, known, bounds)
    return found


def _site(site: Site, known: dict[str, set[str]], bounds: Bounds | None) -> Iterator[Problem]:
    path = f"sites/{site.id}"
    for what, names in known.items():
        name = getattr(site, what)
        if name is not None and name not in names:
            yield Problem(f"{path}/{what}", "dangling", {"what": what, "id": name})
    if site.place is not None and bounds is not None:
        lat, lon = site.place.lat, site.place.lon
        if not (bounds.south <= lat <= bounds.north and bounds.west <= lon <= bounds.east):
            yield Problem(f"{path}/place", "out_of_bounds", {"lat": str(lat), "lon": str(lon)})
    for name in ("milestones", "inspections", "defects", "sources"):
        yield from duplicates(f"{path}/{name}", (item.id for item in getattr(site, name)))
    for milestone in site.milestones:
        yield from _milestone(milestone, f"{path}/milestones/{milestone.id}")
    yield from _progress(site, f"{path}/progress")
    if site.acceptance is not None and site.status not in FINISHED:
        yield Problem(f"{path}/status", "accepted_unfinished")
    if site.acceptance is None and site.status in FINISHED:
        yield Problem(f"{path}/acceptance", "finished_unaccepted", {"status": site.status})
    for defect in site.defects:
        where = f"{path}/defects/{defect.id}"
        yield from in_order(f"{where}/due_on", ("found on", defect.found_on), ("due on", defect.due_on))
        yield from in_order(f"{where}/fixed_on", ("found on", defect.found_on), ("fixed on", defect.fixed_on))


def _milestone(milestone: Milestone, path: str) -> Iterator[Problem]:
    if milestone.status in ("met", "partiallyMet") and milestone.met_on is None:
        yield Problem(f"{path}/met_on", "met_without_date", {"status": milestone.status})
    if milestone.status in ("scheduled", "notMet") and milestone.met_on is not None:
        yield Problem(f"{path}/status", "date_without_met")


def _progress(site: Site, path: str) -> Iterator[Problem]:
    yield from duplicates(path, (str(seen.on) for seen in site.progress))
    last = 0.0
    for seen in sorted(site.progress, key=lambda seen: seen.on):
        if abs(round(seen.measure, PROGRESS_DECIMALS) - seen.measure) > FINE:
            yield Problem(f"{path}/{seen.on}/measure", "too_fine")
        if seen.measure < last:
            yield Problem(f"{path}/{seen.on}/measure", "backwards", {"earlier": str(last), "later": str(seen.measure)})
        last = seen.measure
