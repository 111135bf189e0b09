"""The safety works as an OC4IDS 0.9 project package (one project a site), and such a package as sites. Pure.

Days become date-times at midnight in the area's time zone. On import the date part counts as written.
A location's coordinates are read as GeoJSON has them: longitude first.
"""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import Any, get_args

from broker.registers.errors import Invalid, Problem
from broker.registers.safety.models import MilestoneStatus, SafetyRegister, Site, Status
from broker.registers.words import value_word

VERSION = "0.9"
PROGRAMME_SCHEME = "zhanpai-programme"
ESTATE_SCHEME = "zhanpai-estate"
MAX_PROJECTS = 5_000


def export_package(
    register: SafetyRegister, *, uri: str, publisher: str, changed_at: int, prefix: str, zone: tzinfo,
) -> dict[str, Any]:
    """The whole register as a package; its date is that of the last change, so equal registers give equal packages."""
    return {
        "uri": uri,
        "publishedDate": datetime.fromtimestamp(changed_at, zone).isoformat(),
        "version": VERSION,
        "publisher": {"name": publisher},
        "projects": [_project(register, site, prefix, zone) for site in register.sites],
    }


def _project(register: SafetyRegister, site: Site, prefix: str, zone: tzinfo) -> dict[str, Any]:
    programme = next(item for item in register.programmes if item.id == site.programme)
    estate = next(item for item in register.estates if item.id == site.estate)

    def moment(day: date) -> str:
        return datetime(day.year, day.month, day.day, tzinfo=zone).isoformat()

    project: dict[str, Any] = {
        "id": f"{prefix}-{site.id}", "title": site.title, "status": site.status,
        "type": "rehabilitation" if programme.kind == "fire_repair" else "construction",
        "purpose": value_word("kind", programme.kind, "en"),
        "additionalClassifications": [
            {"scheme": PROGRAMME_SCHEME, "id": programme.id, "description": programme.title},
            {"scheme": ESTATE_SCHEME, "id": estate.id, "description": estate.name},
        ],
    }
    if site.description is not None:
        project["description"] = site.description
    if site.place is not None:
        point = {"type": "Point", "coordinates": [site.place.lon, site.place.lat]}
        project["locations"] = [{"id": "1", "description": estate.name, "geometry": point}]
    if site.contractor is not None:
        name = next(item.name for item in register.contractors if item.id == site.contractor)
        project["parties"] = [{"id": site.contractor, "name": name, "roles": ["supplier"]}]
    if site.milestones:
        project["milestones"] = [
            {
                "id": item.id, "title": item.title, "status": item.status, "type": "delivery",
                **({"dueDate": moment(item.due_on)} if item.due_on else {}),
                **({"dateMet": moment(item.met_on)} if item.met_on else {}),
            }
            for item in site.milestones
        ]
    if site.progress:
        project["metrics"] = [{
            "id": "physicalProgress", "title": "Physical progress",
            "observations": [
                {
                    "id": str(number), "measure": item.measure, "unit": {"name": "ratio"},
                    "period": {"startDate": moment(item.on), "endDate": moment(item.on)},
                }
                for number, item in enumerate(site.progress, start=1)
            ],
        }]
    if site.acceptance is not None:
        project["completion"] = {"endDate": moment(site.acceptance.accepted_on)}
        project["documents"] = [{
            "id": "acceptance", "documentType": "completionCertificate", "title": site.acceptance.document,
            "datePublished": moment(site.acceptance.accepted_on),
            **({"author": site.acceptance.accepted_by} if site.acceptance.accepted_by else {}),
        }]
    return project


def import_package(
    package: Any, document: Mapping[str, Any], *, programme: str | None, estate: str | None, prefix: str,
) -> tuple[dict[str, Any], list[str]]:
    """The register's document with the package's projects as sites, and remarks about what could not be taken.

    `programme` and `estate` are for projects that do not name ones of this register.
    """
    if not isinstance(package, dict) or not isinstance(package.get("projects"), list):
        raise Invalid([Problem("projects", "oc4ids", {"message": "there is no list of projects"})])
    if len(package["projects"]) > MAX_PROJECTS:
        raise Invalid([Problem("projects", "oc4ids", {"message": f"more than {MAX_PROJECTS} projects"})])
    sites = {site["id"]: site for site in document["sites"]}
    remarks: list[str] = []
    for number, project in enumerate(package["projects"]):
        if not isinstance(project, dict) or not isinstance(project.get("id"), str):
            raise Invalid([Problem(f"projects/{number}", "oc4ids", {"message": "a project without an id"})])
        try:
            site = _site(project, document, programme, estate, prefix, remarks)
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            if isinstance(error, Invalid):
                raise
            message = f"this project is not shaped as the standard says ({type(error).__name__}: {error})"
            raise Invalid([Problem(f"projects/{project['id']}", "oc4ids", {"message": message[:300]})]) from error
        sites[site["id"]] = {**sites.get(site["id"], {}), **site}
    return {**document, "sites": list(sites.values())}, remarks


def _site(
    project: Mapping[str, Any], document: Mapping[str, Any], programme: str | None, estate: str | None, prefix: str,
    remarks: list[str],
) -> dict[str, Any]:
    named = {item.get("scheme"): item.get("id") for item in project.get("additionalClassifications", [])}
    name = str(project["id"]).removeprefix(f"{prefix}-").lower()[:40].rstrip("-")
    site: dict[str, Any] = {
        "id": name, "title": str(project.get("title") or project["id"])[:200],
        "programme": named.get(PROGRAMME_SCHEME) or programme, "estate": named.get(ESTATE_SCHEME) or estate,
        "description": project.get("description"),
        "milestones": [_milestone(item) for item in project.get("milestones", [])],
        "progress": _progress(project, name, remarks),
    }
    for field in ("programme", "estate"):
        if site[field] is None:
            message = f"name a {field} for this project"
            raise Invalid([Problem(f"projects/{project['id']}", "oc4ids", {"message": message})])
    site["place"] = _place(project, name, document.get("bounds"), remarks)
    known = {item["id"] for item in document.get("contractors", [])}
    suppliers = [p["id"] for p in project.get("parties", []) if p.get("id") in known]
    site["contractor"] = suppliers[0] if suppliers else None
    site["acceptance"] = _acceptance(project)
    site["status"] = _status(project, site["acceptance"] is not None, name, remarks)
    if site["status"] not in ("completion", "maintenance"):
        site["acceptance"] = None
    return site


def _status(project: Mapping[str, Any], accepted: bool, name: str, remarks: list[str]) -> str:
    status = str(project.get("status", "identification"))
    if status in ("decommissioning", "decommissioned"):
        remarks.append(f"{name}: status {status} taken as maintenance")
        status = "maintenance"
    if status in ("completion", "maintenance") and not accepted:
        remarks.append(f"{name}: status {status} without a completion date taken as implementation")
        status = "implementation"
    if status not in get_args(Status):
        message = f"unknown status {status!r}"
        raise Invalid([Problem(f"projects/{project['id']}/status", "oc4ids", {"message": message})])
    return status


def _milestone(item: Mapping[str, Any]) -> dict[str, Any]:
    status = item.get("status", "scheduled")
    if status not in get_args(MilestoneStatus):
        raise ValueError(f"unknown milestone status {status!r}")
    return {
        "id": str(item["id"]).lower(), "title": str(item.get("title") or item["id"]), "status": status,
        "due_on": _day(item.get("dueDate")), "met_on": _day(item.get("dateMet")),
    }


def _progress(project: Mapping[str, Any], name: str, remarks: list[str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for metric in project.get("metrics", []):
        if metric.get("id") != "physicalProgress":
            remarks.append(f"{name}: metric {metric.get('id')} has no place in the register")
            continue
        for seen in metric.get("observations", []):
            day = _day((seen.get("period") or {}).get("endDate"))
            if day is None or seen.get("measure") is None:
                remarks.append(f"{name}: an observation without day or measure was left out")
                continue
            percent = str((seen.get("unit") or {}).get("name", "")).lower() in ("percent", "%")
            measure = float(seen["measure"]) / (100 if percent else 1)
            found[day] = {"on": day, "measure": round(measure, 3)}
    return list(found.values())


def _place(
    project: Mapping[str, Any], name: str, bounds: Mapping[str, float] | None, remarks: list[str],
) -> dict[str, float] | None:
    for location in project.get("locations", []):
        geometry = location.get("geometry") or {}
        if geometry.get("type") == "Point":
            lon, lat = geometry["coordinates"][:2]
            inside = bounds is None or (
                bounds["south"] <= lat <= bounds["north"] and bounds["west"] <= lon <= bounds["east"]
            )
            if inside and abs(lat) <= 90 and abs(lon) <= 180:
                return {"lat": float(lat), "lon": float(lon)}
            remarks.append(f"{name}: the place {lat}, {lon} lies outside the subdistrict and was left out")
    return None


def _acceptance(project: Mapping[str, Any]) -> dict[str, Any] | None:
    day = _day((project.get("completion") or {}).get("endDate"))
    if day is None:
        return None
    for item in project.get("documents", []):
        if item.get("documentType") == "completionCertificate" or item.get("id") == "acceptance":
            title = str(item.get("title") or item["id"])[:200]
            return {"accepted_on": day, "document": title, "accepted_by": item.get("author")}
    return {"accepted_on": day, "document": str(project["id"])[:200], "accepted_by": None}


def _day(moment: Any) -> str | None:
    if moment is None:
        return None
    return date.fromisoformat(str(moment)[:10]).isoformat()
