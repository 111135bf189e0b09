"""HTTP: what a registrar changes in a register: fields, the whole, an import, a restore, an outside edit."""

from enum import Enum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from pydantic import BaseModel, ConfigDict

from broker.registers.exchange.files import preview_file
from broker.registers.folder import Registers
from broker.registers.kept.differences import in_words
from broker.registers.kept.patches import Edit, apply_edits
from broker.web.api.described import told
from broker.web.api.described.registers import ImportRow, RegisterRow
from broker.web.api.registers.answers import shown
from broker.web.door.visitors import visitor_of


class Edits(BaseModel):
    """Changes on top of the version with etag `expect`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expect: str
    why: str
    edits: list[Edit]


class Whole(BaseModel):
    """A whole new document on top of the version with etag `expect`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expect: str
    why: str
    document: dict[str, Any]


class Restore(BaseModel):
    """Bring a kept version back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expect: str
    why: str
    version: int


class OutsideDecision(BaseModel):
    """What to do about a file that other hands edited."""

    model_config = ConfigDict(extra="forbid", strict=True)

    action: Literal["accept", "discard"]
    why: str
    seen: str | None = None


def change_routes(router: APIRouter, registers: Registers, which: str) -> None:
    """The routes of one register that write."""
    register = registers.named(which)
    base = f"/api/v1/{which}"
    tags: list[str | Enum] = [which]

    @router.patch(base, tags=tags, summary="Set fields, add and remove records", **told(RegisterRow))
    def patch(request: Request, body: Edits) -> dict[str, Any]:
        visitor = visitor_of(request)
        document = apply_edits(register.read().document, body.edits)
        return shown(which, register.save(document, body.expect, visitor.who, body.why), visitor)

    @router.put(base, tags=tags, summary="Replace the whole document", **told(RegisterRow))
    def put(request: Request, body: Whole) -> dict[str, Any]:
        visitor = visitor_of(request)
        return shown(which, register.save(body.document, body.expect, visitor.who, body.why), visitor)

    @router.post(
        f"{base}/import", tags=tags, summary="Preview an import, or do it with apply=true", **told(ImportRow)
    )
    def import_(
        request: Request, file: Annotated[UploadFile, File()], apply: Annotated[bool, Form()] = False,
        table: Annotated[str | None, Form()] = None, expect: Annotated[str, Form()] = "",
        why: Annotated[str, Form()] = "", lang: Annotated[Literal["en", "zh"], Form()] = "en",
    ) -> dict[str, Any]:
        visitor = visitor_of(request)
        snapshot = register.read()
        found = preview_file(register.kind, snapshot.document, file.file.read(), table)
        answer: dict[str, Any] = {
            "applied": False, "rows": found.rows, "encodings": found.encodings, "etag": snapshot.etag,
            "changes": [change.as_json() for change in found.changes],
            "in_words": [in_words(change, lang) for change in found.changes],
            "problems": [problem.as_json() for problem in found.problems],
        }
        if apply and not found.problems:
            saved = register.save(found.document, expect or snapshot.etag, visitor.who, why, "import")
            answer |= {"applied": True, "etag": saved.etag, "version": saved.version}
        return answer

    @router.post(f"{base}/restore", tags=tags, summary="Bring a kept version back as a new one", **told(RegisterRow))
    def restore(request: Request, body: Restore) -> dict[str, Any]:
        visitor = visitor_of(request)
        return shown(which, register.restore(body.version, body.expect, visitor.who, body.why), visitor)

    @router.post(f"{base}/outside-edit", tags=tags, summary="Accept or discard an outside edit", **told(RegisterRow))
    def outside_edit(request: Request, body: OutsideDecision) -> dict[str, Any]:
        visitor = visitor_of(request)
        if body.action == "accept":
            return shown(which, register.accept_edit(visitor.who, body.why, body.seen), visitor)
        aside = register.discard_edit(visitor.who, body.why)
        registers.access.note(visitor.who, visitor.all_roles(), "discard edit", f"{aside}: {body.why}")
        return shown(which, register.read(), visitor)
