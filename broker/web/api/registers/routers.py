"""HTTP: both registers as JSON and files, their reports, their changes, and the pages under /registers."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from broker import NAME
from broker.registers.elections import figures as election_figures
from broker.registers.elections import report as election_report
from broker.registers.elections.models import BodyKind, Level
from broker.registers.exchange.files import MEDIA, export_file, table_of
from broker.registers.exchange.oc4ids import export_package
from broker.registers.folder import Registers
from broker.registers.kept.differences import in_words
from broker.registers.safety import figures as safety_figures
from broker.web.api.described import told
from broker.web.api.described.registers import (
    ElectionsReport,
    LogRow,
    Oc4idsPackage,
    RegisterRow,
    SafetyReport,
    VersionsRow,
)
from broker.web.api.paging import Paged
from broker.web.api.registers.answers import shown, shown_document
from broker.web.api.registers.changes import change_routes
from broker.web.door.visitors import RegisterRoute, visitor_of
from broker.web.pages.registers.pages import page_router

Lang = Literal["en", "zh"]
LOG_ROWS = 100


def router(registers: Registers) -> APIRouter:
    """Everything the registers offer over HTTP."""
    whole = APIRouter(route_class=RegisterRoute)
    for which in ("elections", "safety"):
        _reads(whole, registers, which)
        change_routes(whole, registers, which)
    _reports(whole, registers)
    whole.include_router(page_router(registers))
    return whole


def _reads(whole: APIRouter, registers: Registers, which: str) -> None:
    register = registers.named(which)
    base = f"/api/v1/{which}"
    tags: list[str | Enum] = [which]

    @whole.get(base, tags=tags, summary="The whole register; without names for viewers", **told(RegisterRow))
    def read(request: Request, response: Response) -> dict[str, Any]:
        visitor = visitor_of(request)
        snapshot = register.read()
        registers.access.note(visitor.who, visitor.all_roles(), "read", which)
        response.headers["ETag"] = f'"{snapshot.etag}"'
        return shown(which, snapshot, visitor)

    @whole.get(
        f"{base}/log", tags=tags, summary=f"Who changed what, when and why, the newest first, {LOG_ROWS} of a page",
        **told(list[LogRow]),
    )
    def log(paged: Paged, lang: Lang = "en") -> list[dict[str, Any]]:
        return [
            {**entry.as_json(), "in_words": [in_words(change, lang) for change in entry.changes]}
            for entry in paged.page(register.log(), lambda entry: (-entry.n,), LOG_ROWS)
        ]

    @whole.get(f"{base}/versions", tags=tags, summary="Kept versions and daily copies", **told(VersionsRow))
    def versions() -> dict[str, Any]:
        return {"versions": register.kept.numbers(), "days": register.kept.daily_days()}

    @whole.get(
        f"{base}/export", tags=tags, summary="The register as CSV, XLSX or JSON", response_class=Response,
        responses={200: {"content": {media: {} for media in MEDIA.values()}}},
    )
    def export(
        request: Request, format: Literal["csv", "xlsx", "json"] = "xlsx", table: str | None = None, lang: Lang = "zh",
    ) -> Response:
        visitor = visitor_of(request)
        table = table_of(which, table).name if table else None
        snapshot = register.read()
        content = export_file(which, shown_document(which, snapshot, visitor), format, table, lang)
        names = "with names" if visitor.sees_names else "without names"
        registers.access.note(visitor.who, visitor.all_roles(), "export", f"{which} {table or 'all'} {format} {names}")
        file = f"{which}-{table or 'all'}-v{snapshot.version}.{format}"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return Response(content, media_type=MEDIA[format], headers=headers)


def _reports(whole: APIRouter, registers: Registers) -> None:
    @whole.get(
        "/api/v1/elections/report", tags=["elections"], summary="Shares, ages and counts, before and after",
        **told(ElectionsReport),
    )
    def elections(
        kind: BodyKind | None = None, level: Level | None = None, area: str | None = None,
    ) -> Mapping[str, Any]:
        value = registers.elections.read().value
        return election_report.report(election_figures.chosen(value, kind, level, area), registers.today())

    @whole.get(
        "/api/v1/safety/report", tags=["safety"], summary="Progress by programme and estate, overdue, next due",
        **told(SafetyReport),
    )
    def safety() -> Mapping[str, Any]:
        return safety_figures.report(registers.safety.read().value, registers.today())

    @whole.get(
        "/api/v1/safety/oc4ids", tags=["safety"], summary="The works as an OC4IDS project package",
        **told(Oc4idsPackage),
    )
    def oc4ids(request: Request) -> Mapping[str, Any]:
        visitor = visitor_of(request)
        snapshot = registers.safety.read()
        registers.access.note(visitor.who, visitor.all_roles(), "export", "safety oc4ids")
        uri = str(request.url_for("oc4ids"))
        return export_package(
            snapshot.value, uri=uri, publisher=NAME, changed_at=snapshot.changed_at, prefix="zhanpai",
            zone=registers.timezone,
        )
