"""HTTP: a photo 照片 of a pile, beside its booking: who fetches it sees what lies there before they set out.

It is a record as everything else that people say: backed up, exported and kept with it. A held window may lapse and
leave nothing behind, so only what is booked has one. Beside each stands a short note of it: what is counted, and when
it was, is read without the pictures.
"""

import base64
import binascii
import hashlib
import threading
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from broker.reports.booking_evidence import PHOTO, PHOTO_NOTE, PHOTO_TAKEN_IN
from broker.store import Record, Store, StoreError
from broker.web.api.street.actions import Id
from broker.web.asked import looked_up
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of, within
from broker.web.view.booking_rows import one_booking

MOST_BYTES = 400_000  # what a page makes of a telephone's picture is half of that
MOST_PHOTOS = 5  # of one booking
MOST_A_DAY = 50  # of one estate: holds cost nothing, and the disk is the presses' too
DAY_S = 86_400
_BEGINS, _ENDS = b"\xff\xd8\xff", b"\xff\xd9"


class Photo(BaseModel):
    """A JPEG in base64."""

    model_config = ConfigDict(strict=True, extra="forbid")
    jpeg: Annotated[str, Field(min_length=1, max_length=MOST_BYTES * 4 // 3 + 4)]


class PhotoKept(BaseModel):
    """Of which booking there is a photo, since when."""

    booking_id: str
    photo_at: int


def photo_routes(router: APIRouter, desk: Desk, store: Store, area: str) -> None:
    """`/api/v1/bookings/{booking}/photo`."""
    keeping = threading.Lock()

    @router.post("/api/v1/bookings/{booking}/photo", summary="Show what lies there; the newest photo is shown")
    def keep(request: Request, booking: Id, photo: Photo) -> PhotoKept:
        row = looked_up(desk, lambda bridge, _: one_booking(bridge, booking))
        within(request, estate=row["estate"])
        if row["state"] not in PHOTO_TAKEN_IN:
            raise HTTPException(409, "a photo is for a booking that is made and whose truck has not set out yet")
        jpeg, at = _jpeg(photo.jpeg), int(store.now())
        with keeping:
            try:
                of_a_day = [one for one in store.scan(PHOTO_NOTE, at - DAY_S) if one.body["estate"] == row["estate"]]
                if len(of_a_day) >= MOST_A_DAY:
                    said = "there are as many photos of this estate as are kept in a day; try tomorrow"
                    raise HTTPException(429, said)
                before = store.latest(PHOTO_NOTE, booking).get(booking)
                number = 1 if before is None else before.body["number"] + 1
                if number > MOST_PHOTOS:
                    raise HTTPException(409, "there are as many photos of this booking as are kept")
                name = f"{booking}:{number:03}-{hashlib.sha256(jpeg).hexdigest()[:12]}"
                who = visitor_of(request).who
                note = {"booking_id": booking, "number": number, "who": who, "estate": row["estate"]}
                store.append([
                    Record(f"{kind}:{name}", kind, booking, at, at, area, body)
                    for kind, body in ((PHOTO, {**note, "jpeg": photo.jpeg}), (PHOTO_NOTE, note))
                ])  # fmt: skip
            except StoreError as why:
                raise HTTPException(507, str(why)) from why
        return PhotoKept(booking_id=booking, photo_at=at)

    @router.get(
        "/api/v1/bookings/{booking}/photo", summary="The photo of what lies there",
        response_class=Response, responses={200: {"content": {"image/jpeg": {}}}},
    )  # fmt: skip
    def show(request: Request, booking: Id) -> Response:
        row: dict[str, Any] = looked_up(desk, lambda bridge, _: one_booking(bridge, booking))
        within(request, estate=row["estate"], truck=row["truck"])
        try:
            kept = store.latest(PHOTO, booking).get(booking)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        if kept is None:
            raise HTTPException(404, "there is no photo of this booking")
        return Response(base64.b64decode(kept.body["jpeg"]), media_type="image/jpeg")


def _jpeg(text: str) -> bytes:
    """The picture itself; raises HTTPException for what is none."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as why:
        raise HTTPException(422, "this is no photo: send a JPEG of at most 400 kB, in base64") from why
    if len(found) > MOST_BYTES or not (found.startswith(_BEGINS) and found.endswith(_ENDS)):
        raise HTTPException(422, "this is no photo: send a JPEG of at most 400 kB, in base64")
    return found
