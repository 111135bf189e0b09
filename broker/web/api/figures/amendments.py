"""HTTP: a correction of a record for the figures; the original stays readable."""

import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from broker.plain_text import ONE_LINE
from broker.reports import corrections
from broker.store import Conflict, Record, Refused, Store, StoreError
from broker.store.amendments import KIND
from broker.store.codec import LONGEST_TEXT
from broker.web.api.described import told
from broker.web.api.described.record import Amended, AmendmentRow
from broker.web.api.paging import Paged
from broker.web.door.visitors import visitor_of
from firmware import wire

LARGEST = wire.LATEST_AT  # no weight or count is larger
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=ONE_LINE)]
Value = Text | Annotated[int, Field(ge=0, le=LARGEST)] | Annotated[float, Field(ge=-LARGEST, le=LARGEST)] | bool | None


class Correction(BaseModel):
    """What is to be corrected in which record, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)
    record: Text = Field(description="its id, or KIND:KEY for the newest of a key")
    patch: dict[str, Value] = Field(
        min_length=1, description="field and new value; a time as Unix seconds or as 2026-11-22T06:00, the area's time"
    )
    reason: Text


def amendment_routes(router: APIRouter, store: Store, timezone: str) -> None:
    """`/api/v1/amendments`."""

    @router.get(
        "/api/v1/amendments", summary="Corrections of records, the newest first", **told(list[AmendmentRow])
    )
    def amendments(paged: Paged, from_at: int | None = None, to_at: int | None = None) -> Response:
        try:
            found = paged.page(store.scan(KIND, from_at, to_at), lambda one: (-one.at, one.id))
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        rows = [_row(one).model_dump() for one in found]
        return Response(orjson.dumps(rows), media_type="application/json", headers=paged.headers)

    @router.post(
        "/api/v1/amendments",
        summary="Correct a record for the figures; the original stays readable",
        description="A corrected field stays as corrected until it is corrected again, whatever the bridge writes.",
        **told(Amended),
    )
    def amend(request: Request, correction: Correction) -> dict[str, Any]:
        try:
            record = corrections.named(store, correction.record)
            amended = corrections.correct(
                store, record, correction.patch, correction.reason, visitor_of(request).who, int(time.time()), timezone
            )
        except Conflict as why:
            raise HTTPException(404, str(why)) from why
        except Refused as why:
            raise HTTPException(422, str(why)) from why
        except StoreError as why:
            raise HTTPException(507, str(why)) from why
        was = {field: record.body[field] for field in correction.patch}
        return {"record": amended.id, "was": was, "body": dict(amended.body)}


def _row(amendment: Record) -> AmendmentRow:
    body = amendment.body
    return AmendmentRow(
        id=amendment.id, record=body["record_id"], kind=body["record_kind"], at=amendment.at, who=body["who"],
        reason=body["reason"], patch=dict(body["patch"]),
    )
