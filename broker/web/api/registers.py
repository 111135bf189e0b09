"""HTTP: /api/v1/elections and /api/v1/safety, and the pages under /registers."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict

from broker.people.roles import Roles, Visitor
from broker.registers.elections import figures as election_figures
from broker.registers.elections import report as election_report
from broker.registers.elections.models import BodyKind, Level
from broker.registers.exchange.files import MEDIA, export_file, preview_file, table_of
from broker.registers.exchange.oc4ids import export_package
from broker.registers.folder import Registers
from broker.registers.kept.differences import in_words, masked_change
from broker.registers.kept.patches import Edit, apply_edits
from broker.registers.kept.register import Register
from broker.registers.kept.snapshots import Snapshot
from broker.registers.privacy import redacted
from broker.registers.safety import figures as safety_figures
from broker.web.pages.registers import page_router
from broker.web.visitors import RegisterRoute, visitor_of, writer_of

Lang = Literal["en", "zh"]


class Edits(BaseModel):
    """Changes on top of the version with etag `expect`."""

    model_config = ConfigDict(extra="forbid")

    expect: str
    why: str
    edits: list[Edit]


class Whole(BaseModel):
    """A whole new document on top of the version with etag `expect`."""

    model_config = ConfigDict(extra="forbid")

    expect: str
    why: str
    document: dict[str, Any]


class Restore(BaseModel):
    """Bring a kept version back."""

    model_config = ConfigDict(extra="forbid")

    expect: str
    why: str
    version: int


class OutsideDeed(BaseModel):
    """What to do about a file that other hands edited."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["accept", "discard"]
    why: str
    seen: str | None = None


def router(registers: Registers, roles: Roles) -> APIRouter:
    """Everything the registers offer over HTTP."""
    whole = APIRouter(route_class=RegisterRoute)
    for which in ("elections", "safety"):
        _reads(whole, registers, roles, which)
        _writes(whole, registers, roles, which)
    _reports(whole, registers, roles)
    whole.include_router(page_router(registers, roles))
    return whole


def register_of(registers: Registers, which: str) -> Register[Any]:
    """The register of this name."""
    return registers.elections if which == "elections" else registers.safety


def shown_document(which: str, snapshot: Snapshot[Any], visitor: Visitor) -> dict[str, Any]:
    """The document as this visitor may see it."""
    return redacted(snapshot.document) if which == "elections" and not visitor.sees_names else snapshot.document


def shown(which: str, snapshot: Snapshot[Any], visitor: Visitor) -> dict[str, Any]:
    """A snapshot as JSON, as this visitor may see it."""
    outside = snapshot.outside
    return {
        "version": snapshot.version, "etag": snapshot.etag, "changed_at": snapshot.changed_at,
        "warnings": list(snapshot.warnings), "document": shown_document(which, snapshot, visitor),
        "outside_edit": outside and {
            "etag": outside.etag,
            "problems": [problem.as_json() for problem in outside.problems],
            "changes": [masked_change(change).as_json() for change in outside.changes],
        },
    }


def _reads(whole: APIRouter, registers: Registers, roles: Roles, which: str) -> None:
    register = register_of(registers, which)
    base = f"/api/v1/{which}"
    tags: list[str | Enum] = [which]

    @whole.get(base, tags=tags, summary="The whole register; without names for viewers")
    def read(request: Request, response: Response) -> dict[str, Any]:
        visitor = visitor_of(request, roles)
        snapshot = register.read()
        registers.access.note(visitor.name, visitor.role, "read", which)
        response.headers["ETag"] = f'"{snapshot.etag}"'
        return shown(which, snapshot, visitor)

    @whole.get(f"{base}/log", tags=tags, summary="Who changed what, when and why")
    def log(
        request: Request, lang: Lang = "en", limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        visitor_of(request, roles)
        return [
            {**entry.as_json(), "in_words": [in_words(change, lang) for change in entry.changes]}
            for entry in reversed(register.log()[-limit:])
        ]

    @whole.get(f"{base}/versions", tags=tags, summary="Kept versions and daily copies")
    def versions(request: Request) -> dict[str, Any]:
        visitor_of(request, roles)
        return {"versions": register.kept.numbers(), "days": register.kept.daily_days()}

    @whole.get(f"{base}/export", tags=tags, summary="The register as CSV, XLSX or JSON")
    def export(
        request: Request, format: Literal["csv", "xlsx", "json"] = "xlsx", table: str | None = None, lang: Lang = "zh",
    ) -> Response:
        visitor = visitor_of(request, roles)
        table = table_of(which, table).name if table else None
        snapshot = register.read()
        content = export_file(which, shown_document(which, snapshot, visitor), format, table, lang)
        names = "with names" if visitor.sees_names else "without names"
        registers.access.note(visitor.name, visitor.role, "export", f"{which} {table or 'all'} {format} {names}")
        file = f"{which}-{table or 'all'}-v{snapshot.version}.{format}"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return Response(content, media_type=MEDIA[format], headers=headers)


def _writes(whole: APIRouter, registers: Registers, roles: Roles, which: str) -> None:
    register = register_of(registers, which)
    base = f"/api/v1/{which}"
    tags: list[str | Enum] = [which]

    @whole.patch(base, tags=tags, summary="Set fields, add and remove records")
    def patch(request: Request, body: Edits) -> dict[str, Any]:
        visitor = writer_of(request, roles)
        document = apply_edits(register.read().document, body.edits)
        return shown(which, register.save(document, body.expect, visitor.name, body.why), visitor)

    @whole.put(base, tags=tags, summary="Replace the whole document")
    def put(request: Request, body: Whole) -> dict[str, Any]:
        visitor = writer_of(request, roles)
        return shown(which, register.save(body.document, body.expect, visitor.name, body.why), visitor)

    @whole.post(f"{base}/import", tags=tags, summary="Preview an import, or do it with apply=true")
    def import_(
        request: Request, file: Annotated[UploadFile, File()], apply: Annotated[bool, Form()] = False,
        table: Annotated[str | None, Form()] = None, expect: Annotated[str, Form()] = "",
        why: Annotated[str, Form()] = "", lang: Annotated[Lang, Form()] = "en",
    ) -> dict[str, Any]:
        visitor = writer_of(request, roles)
        snapshot = register.read()
        found = preview_file(register.kind, snapshot.document, file.file.read(), table)
        answer: dict[str, Any] = {
            "applied": False, "rows": found.rows, "encodings": found.encodings, "etag": snapshot.etag,
            "changes": [change.as_json() for change in found.changes],
            "in_words": [in_words(change, lang) for change in found.changes],
            "problems": [problem.as_json() for problem in found.problems],
        }
        if apply and not found.problems:
            saved = register.save(found.document, expect or snapshot.etag, visitor.name, why, "import")
            answer |= {"applied": True, "etag": saved.etag, "version": saved.version}
        return answer

    @whole.post(f"{base}/restore", tags=tags, summary="Bring a kept version back as a new one")
    def restore(request: Request, body: Restore) -> dict[str, Any]:
        visitor = writer_of(request, roles)
        return shown(which, register.restore(body.version, body.expect, visitor.name, body.why), visitor)

    @whole.post(f"{base}/outside-edit", tags=tags, summary="Accept or discard an outside edit")
    def outside_edit(request: Request, body: OutsideDeed) -> dict[str, Any]:
        visitor = writer_of(request, roles)
        if body.action == "accept":
            return shown(which, register.accept_edit(visitor.name, body.why, body.seen), visitor)
        aside = register.discard_edit(visitor.name, body.why)
        registers.access.note(visitor.name, visitor.role, "discard edit", f"{aside}: {body.why}")
        return shown(which, register.read(), visitor)


def _reports(whole: APIRouter, registers: Registers, roles: Roles) -> None:
    @whole.get("/api/v1/elections/report", tags=["elections"], summary="Shares, ages and counts, before and after")
    def elections(
        request: Request, kind: BodyKind | None = None, level: Level | None = None, area: str | None = None,
    ) -> Mapping[str, Any]:
        visitor_of(request, roles)
        value = registers.elections.read().value
        return election_report.report(election_figures.chosen(value, kind, level, area), registers.today())

    @whole.get("/api/v1/safety/report", tags=["safety"], summary="Progress by programme and estate, overdue, next due")
    def safety(request: Request) -> Mapping[str, Any]:
        visitor_of(request, roles)
        return safety_figures.report(registers.safety.read().value, registers.today())

    @whole.get("/api/v1/safety/oc4ids", tags=["safety"], summary="The works as an OC4IDS project package")
    def oc4ids(request: Request) -> Mapping[str, Any]:
        visitor = visitor_of(request, roles)
        snapshot = registers.safety.read()
        registers.access.note(visitor.name, visitor.role, "export", "safety oc4ids")
        uri = str(request.url_for("oc4ids"))
        return export_package(
            snapshot.value, uri=uri, publisher="Zhanpai 站牌", changed_at=snapshot.changed_at, prefix="zhanpai",
            zone=registers.timezone,
        )


