"""The pages under /registers: overview, elections, safety works, log, forms; in both languages, printable.

Plain HTML and forms, no script: what a page shows is computed on the server from the register at that moment.
"""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from broker.people.roles import Visitor
from broker.registers.elections import figures as election_figures
from broker.registers.elections import report as election_report
from broker.registers.elections.models import STEPS
from broker.registers.errors import NotFound, RegisterError
from broker.registers.figures import LISTED
from broker.registers.folder import Registers
from broker.registers.kept.differences import in_words
from broker.registers.privacy import redacted
from broker.registers.safety import figures as safety_figures
from broker.web.door.visitors import visitor_of
from broker.web.pages.frame import PageRoute, base_context, page, refusal
from broker.web.pages.registers.forms import form_routes

STATIC = Path(__file__).parents[2] / "static"
STATIC_FILES = {"registers.css": "text/css"}
LOG_SHOWN = 50


def page_router(registers: Registers) -> APIRouter:
    """All pages."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/registers/static/{name}")
    def static(name: str) -> Response:
        if name not in STATIC_FILES:
            raise NotFound(f"no file {name!r} here")
        return FileResponse(STATIC / name, media_type=STATIC_FILES[name])

    @router.get("/registers")
    def overview(request: Request) -> HTMLResponse:
        context = _context(request, registers, visitor_of(request))
        return page(request, "overview.html", context, **_overview(registers, context["lang"]))

    _elections(router, registers)
    _safety(router, registers)
    form_routes(router, registers)

    @router.get("/registers/{which}/log")
    def log(request: Request, which: str, before: Annotated[int | None, Query(ge=1)] = None) -> HTMLResponse:
        context = _context(request, registers, visitor_of(request))
        register = registers.named(which)
        lang = context["lang"]
        older = [entry for entry in register.log() if before is None or entry.n < before]
        shown = older[-LOG_SHOWN:]
        entries = [
            {"entry": entry, "words": [in_words(change, lang) for change in entry.changes[:LISTED]],
             "more": max(0, len(entry.changes) - LISTED)}
            for entry in reversed(shown)
        ]
        kept = set(register.kept.numbers())
        return page(
            request, "log.html", context, which=which, entries=entries, kept=kept, snapshot=register.read(),
            newest=before is None, next_before=shown[0].n if len(older) > len(shown) else None,
        )  # fmt: skip

    return router


def _context(request: Request, registers: Registers, visitor: Visitor) -> dict[str, Any]:
    """What every page with data shows: the visitor's language and rights, and the day it was computed for."""
    shared = {"zone": registers.timezone, "today": registers.today().isoformat()}
    return base_context(request, visitor) | shared


def _overview(registers: Registers, lang: str) -> dict[str, Any]:
    """The few numbers of the first page; None, and why, where a register cannot be read."""
    found: dict[str, Any] = {"elections": None, "safety": None, "elections_told": "", "safety_told": ""}
    today = registers.today()
    try:
        bodies = election_figures.chosen(registers.elections.read().value)
        steps = election_report.open_steps(bodies, today)
        found["elections"] = {"bodies": len(bodies), "overdue": sum(step.days > 0 for step in steps)}
    except RegisterError as error:  # one register that cannot be read must not hide the other
        found["elections_told"] = " ".join(refusal(error, lang))
    try:
        found["safety"] = safety_figures.report(registers.safety.read().value, today)
    except RegisterError as error:
        found["safety_told"] = " ".join(refusal(error, lang))
    return found


def _elections(router: APIRouter, registers: Registers) -> None:
    @router.get("/registers/elections")
    def elections(
        request: Request, kind: str = "party_branch", level: str = "first", area: str = "",
    ) -> HTMLResponse:
        context = _context(request, registers, visitor_of(request))
        snapshot = registers.elections.read()
        bodies = election_figures.chosen(snapshot.value, kind or None, level or None, area or None)
        figures = election_figures.compute(bodies)
        return page(
            request, "elections.html", context, which="elections", snapshot=snapshot, bodies=bodies, figures=figures,
            chosen={"kind": kind, "level": level, "area": area}, areas=snapshot.value.areas,
            longest=election_report.longest_serving(bodies), attended=election_report.largest_attendance(bodies),
            counted=[
                ("voters_registered", election_report.counted(bodies, "voters_registered")),
                ("households_visited", election_report.counted(bodies, "households_visited")),
            ],
            turnout=election_report.turnout(bodies), steps=election_report.open_steps(bodies, registers.today()),
            skipped=election_report.skipped_steps(bodies), listed=LISTED,
            names={item.id: item.name for item in bodies}, area_names={a.id: a.name for a in snapshot.value.areas},
        )

    @router.get("/registers/elections/bodies/{body_id}")
    def body(request: Request, body_id: str) -> HTMLResponse:
        visitor = visitor_of(request)
        context = _context(request, registers, visitor)
        snapshot = registers.elections.read()
        document = snapshot.document if visitor.sees_names else redacted(snapshot.document)
        found = next((item for item in document["bodies"] if item["id"] == body_id), None)
        if found is None:
            raise NotFound(f"no body {body_id!r}")
        registers.access.note(visitor.who, visitor.all_roles(), "read", f"elections body {body_id}")
        value = next(item for item in snapshot.value.bodies if item.id == body_id)
        years = {
            phase: {seat.member.id: seat.years() for seat in election_figures.seats([value], phase)}
            for phase in ("before", "after")
        }
        return page(
            request, "body.html", context, which="elections", snapshot=snapshot, body=found, years=years, steps=STEPS,
            figures=election_figures.compute([value]),
            areas={item.id: item.name for item in snapshot.value.areas},
            area_people=next(item for item in document["areas"] if item["id"] == found["area"]),
            below=[item for item in snapshot.value.bodies if item.parent == body_id],
        )


def _safety(router: APIRouter, registers: Registers) -> None:
    @router.get("/registers/safety")
    def safety(request: Request, programme: str = "") -> HTMLResponse:
        context = _context(request, registers, visitor_of(request))
        snapshot = registers.safety.read()
        value = snapshot.value
        sites = [item for item in value.sites if programme in ("", item.programme)]
        groups = [
            (estate, [site for site in sites if site.estate == estate.id])
            for estate in sorted(value.estates, key=lambda estate: estate.id)
        ]
        return page(
            request, "safety.html", context, which="safety", snapshot=snapshot, chosen=programme,
            programmes=safety_figures.by_programme(value), dues=safety_figures.dues(value, registers.today()),
            groups=[group for group in groups if group[1]], latest=safety_figures.latest_progress, listed=LISTED,
            titles={item.id: item.title for item in value.programmes},
            site_titles={item.id: item.title for item in value.sites},
        )

    @router.get("/registers/safety/sites/{site_id}")
    def site(request: Request, site_id: str) -> HTMLResponse:
        context = _context(request, registers, visitor_of(request))
        snapshot = registers.safety.read()
        found = next((item for item in snapshot.document["sites"] if item["id"] == site_id), None)
        if found is None:
            raise NotFound(f"no site {site_id!r}")
        value = snapshot.value
        return page(
            request, "site.html", context, which="safety", snapshot=snapshot, site=found,
            estates={item.id: item.name for item in value.estates},
            programmes={item.id: item.title for item in value.programmes},
            contractors={item.id: item.name for item in value.contractors},
        )

    @router.get("/registers/")
    def with_slash() -> RedirectResponse:
        return RedirectResponse("/registers")
