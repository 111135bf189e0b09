"""The pages that change something: one form for any record of any table, import, outside edits, restore."""

import copy
import secrets
import time
from collections import OrderedDict
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse

from broker.registers.errors import Invalid, NotFound, Problem
from broker.registers.exchange.files import TABLES, preview_file, table_of
from broker.registers.exchange.preview import CellError, parse_cell
from broker.registers.exchange.tables import Table
from broker.registers.folder import Registers
from broker.registers.kept.differences import in_words
from broker.registers.kept.patches import Edit, apply_edits, find
from broker.registers.words import CODES
from broker.web.door.visitors import FormFields, visitor_of
from broker.web.pages.frame import base_context, page

PREVIEWS = 8
PREVIEW_S = 900.0
SHOWN_CHANGES = 300
VERSION_DIGITS = 9

def form_routes(router: APIRouter, registers: Registers) -> None:
    """All routes that show or take a form."""
    _record(router, registers)
    _import(router, registers)
    _version(router, registers)


def back_to(which: str, table: Table, keys: dict[str, str]) -> str:
    """The page a record is shown on."""
    if table.name == "bodies" or "body" in keys:
        return f"/registers/elections/bodies/{keys.get('body') or keys['id']}"
    if table.name == "sites" or "site" in keys:
        return f"/registers/safety/sites/{keys.get('site') or keys['id']}"
    return f"/registers/{which}"


def _path(table: Table, keys: dict[str, str]) -> str:
    return "/".join(keys[part[1:-1]] if part.startswith("{") else part for part in table.path.split("/"))


def _record(router: APIRouter, registers: Registers) -> None:
    def form(
        request: Request, which: str, table: Table, keys: dict[str, str], typed: dict[str, Any], etag: str,
        is_new: bool, told: list[str], why: str = "",
    ) -> HTMLResponse:
        context = base_context(request, visitor_of(request))
        return page(
            request, "record.html", context, 422 if told else 200, which=which, table=table, keys=keys, typed=typed,
            etag=etag, is_new=is_new, told=told, why=why, codes=CODES, back=back_to(which, table, {"id": "", **keys}),
        )

    @router.get("/registers/{which}/record")
    def show(request: Request, which: str, table: str) -> HTMLResponse:
        snapshot = registers.named(which).read()
        chosen = table_of(which, table)
        keys = {name: request.query_params.get(name, "") for name in chosen.key_names()}
        row = next(
            (row for row in chosen.rows(snapshot.document) if row[: len(keys)] == list(keys.values())), None,
        )
        names = [column.name for column in chosen.columns]
        typed = dict(zip(names, row[len(keys):] if row else [None] * len(names), strict=True))
        return form(request, which, chosen, keys, typed, snapshot.etag, row is None, [])

    @router.post("/registers/{which}/record")
    def save(request: Request, which: str, data: FormFields) -> Response:
        visitor = visitor_of(request)
        register = registers.named(which)
        table = table_of(which, str(data.get("table", "")))
        keys = {name: str(data.get(f"key.{name}", "")).strip() for name in table.key_names()}
        why, etag, is_new = str(data.get("why", "")), str(data.get("expect", "")), data.get("is_new") == "yes"
        typed = {column.name: str(data.get(f"f.{column.name}", "")).strip() or None for column in table.columns}
        try:
            document = _changed(register.read().document, table, keys, typed, str(data.get("op", "save")), is_new)
            register.save(document, etag, visitor.who, why)
        except Invalid as error:
            context = base_context(request, visitor)
            told = error.told(context["lang"]).splitlines()
            return form(request, which, table, keys, typed, etag, is_new, told, why)
        removed_page = data.get("op") == "remove" and table.name in ("bodies", "sites")
        return RedirectResponse(f"/registers/{which}" if removed_page else back_to(which, table, keys), 303)


def _changed(
    document: dict[str, Any], table: Table, keys: dict[str, str], typed: dict[str, str | None], op: str, is_new: bool,
) -> dict[str, Any]:
    """The document with this record saved or removed; Invalid names the columns that cannot be read."""
    path = _path(table, keys)
    if op == "remove":
        return apply_edits(document, [Edit(op="remove", path=path)])
    if is_new and any(row[: len(keys)] == list(keys.values()) for row in table.rows(document)):
        raise Invalid([Problem(path, "duplicate_id", {"id": list(keys.values())[-1]})])
    if not is_new:
        find(document, path)
    values, problems = {}, []
    for column in table.columns:
        try:
            values[column.name] = parse_cell(column, typed[column.name])
        except CellError as error:
            problems.append(error.problem)
    problems += [Problem(name, "required") for name, value in keys.items() if not value]
    if problems:
        raise Invalid(problems)
    result = copy.deepcopy(document)
    table.put(result, keys, values)
    return result


def _import(router: APIRouter, registers: Registers) -> None:
    waiting: OrderedDict[str, tuple[float, str, bytes, str | None, str]] = OrderedDict()

    @router.get("/registers/{which}/import")
    def ask(request: Request, which: str) -> HTMLResponse:
        registers.named(which)
        context = base_context(request, visitor_of(request))
        return page(request, "import.html", context, which=which, tables=TABLES[which], found=None, key="", etag="",
                    words=[], told=[])

    @router.post("/registers/{which}/import")
    def look(
        request: Request, which: str, _data: FormFields, file: Annotated[UploadFile, File()],
        table: Annotated[str, Form()] = "",
    ) -> HTMLResponse:
        visitor = visitor_of(request)
        register = registers.named(which)
        snapshot, content = register.read(), file.file.read()
        found = preview_file(register.kind, snapshot.document, content, table or None)
        key = secrets.token_urlsafe(16)
        if not found.problems:
            waiting[key] = (time.monotonic(), which, content, table or None, snapshot.etag)
            while len(waiting) > PREVIEWS:
                waiting.popitem(last=False)
        context = base_context(request, visitor)
        lang = context["lang"]
        return page(
            request, "import.html", context, 422 if found.problems else 200, which=which, tables=TABLES[which],
            found=found, key=key, etag=snapshot.etag,
            words=[in_words(change, lang) for change in found.changes[:SHOWN_CHANGES]],
            told=Invalid(found.problems).told(lang).splitlines() if found.problems else [],
        )

    @router.post("/registers/{which}/import/apply")
    def apply(request: Request, which: str, data: FormFields) -> RedirectResponse:
        visitor = visitor_of(request)
        register = registers.named(which)
        since, kept_for, content, table, etag = waiting.pop(str(data.get("key", "")), (0.0, "", b"", None, ""))
        if kept_for != which or time.monotonic() - since > PREVIEW_S:
            raise NotFound("this preview is no longer kept; choose the file again")
        found = preview_file(register.kind, register.read().document, content, table)
        if found.problems:
            raise Invalid(found.problems)
        register.save(found.document, etag, visitor.who, str(data.get("why", "")), "import")
        return RedirectResponse(f"/registers/{which}/log", 303)


def _version(router: APIRouter, registers: Registers) -> None:
    @router.post("/registers/{which}/outside-edit")
    def outside(request: Request, which: str, data: FormFields) -> RedirectResponse:
        visitor = visitor_of(request)
        register = registers.named(which)
        if data.get("op") == "accept":
            register.accept_edit(visitor.who, str(data.get("why", "")), str(data.get("seen", "")))
        else:
            why = str(data.get("why", ""))
            aside = register.discard_edit(visitor.who, why)
            registers.access.note(visitor.who, visitor.all_roles(), "discard edit", f"{aside}: {why}")
        return RedirectResponse(f"/registers/{which}", 303)

    @router.post("/registers/{which}/restore")
    def restore(request: Request, which: str, data: FormFields) -> RedirectResponse:
        visitor = visitor_of(request)
        number = str(data.get("version", ""))
        if not number.isdecimal() or len(number) > VERSION_DIGITS:
            raise NotFound("say which version to restore")
        registers.named(which).restore(
            int(number), str(data.get("expect", "")), visitor.who, str(data.get("why", "")),
        )
        return RedirectResponse(f"/registers/{which}/log", 303)
