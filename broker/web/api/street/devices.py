"""HTTP: the devices as a technician looks at them, and one of them with its last raw messages."""

import threading
import time
from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from broker.bridge import Bridge
from broker.store import Store, StoreError
from broker.web.api.street.actions import Id
from broker.web.asked import looked_up
from broker.web.desk import Desk
from broker.web.view.calibrations import calibrations
from broker.web.view.devices import Beside, beside, devices

MOST_LISTED = 200  # nobody reads further: who looks for one types a part of its name
ASKED_EVERY_S = 1.0  # the bridge's loop, however many look


class Finding(BaseModel):
    """What a person is asked to look at about a device; `word` has the sentence."""

    topic: str
    word: str
    level: str
    values: dict[str, Any]
    since: int


class Answer(BaseModel):
    """What the device said of the command with this id."""

    id: str
    done: bool
    said: str


class Closed(BaseModel):
    """Flood control closed its account at the broker."""

    limit: str
    opens_in_s: int


class DeviceRow(BaseModel):
    """One device. `gaps`: holes in the numbers that came; `clock_s`: by how much its clock is ahead of the bridge's;
    `calibrated`: when each cell was told of a known mass last; `rank`: 5 the worst, 1 well, 0 never heard."""

    family: Literal["truck", "room"]
    device: str
    name: str | None
    life: str
    fw: str | None
    boot: int | None
    heard_at: int | None
    gaps: int
    refused: int
    clock_s: int | None
    calibrated: dict[str, int]
    wastes: list[str]
    findings: list[Finding]
    answer: Answer | None
    closed: Closed | None
    rank: int


class Devices(BaseModel):
    """The devices that are looked for as they were at `at`, the worst first; of very many `left_out` are not listed.

    `ranks`: how many of all there are of each rank.
    """

    at: int
    timezone: str
    ranks: dict[int, int]
    left_out: int
    rows: list[DeviceRow]


class Message(BaseModel):
    """One raw message, from the device or (`ours`) to it."""

    at: float
    channel: str
    ours: bool
    text: str
    refused: str | None


class Gap(BaseModel):
    """Numbers of a boot that did not come."""

    boot: int
    first: int
    last: int


class OneDevice(BaseModel):
    """One device with its last messages, the newest first, and its gaps."""

    at: int
    timezone: str
    row: DeviceRow
    messages: list[Message]
    missing: list[Gap]


class _Asked:
    """What was asked of the loop last, for all who look within a second."""

    def __init__(self, desk: Desk, store: Store) -> None:
        self._desk, self._store, self._turn = desk, store, threading.Lock()
        self._found: tuple[float, Beside] = float("-inf"), Beside()

    def rows(self) -> list[dict[str, Any]]:
        """All devices; an HTTP error says why they cannot be shown."""
        with self._turn:
            if time.monotonic() - self._found[0] >= ASKED_EVERY_S:
                self._found = time.monotonic(), looked_up(self._desk, beside)
            try:
                calibrated = calibrations(self._store)
            except StoreError:
                calibrated = {}  # the rest is known all the same
            closed = self._desk.accounts.closed() if self._desk.accounts is not None else []
            return devices(self._desk.picture, self._found[1], closed, calibrated)


def device_router(desk: Desk, store: Store) -> APIRouter:
    """`/api/v1/devices`."""
    router, asked = APIRouter(tags=["devices"]), _Asked(desk, store)

    @router.get("/api/v1/devices", summary="Every device, the worst first: life, release, gaps, refusals, clock")
    def all_of_them(
        find: Annotated[str, Query(max_length=100, description="a part of an id or a name")] = "",
    ) -> Devices:
        rows = asked.rows()
        wanted = [row for row in rows if find.lower() in f"{row['device']} {row['name'] or ''}".lower()]
        return Devices(
            at=desk.picture["at"], timezone=desk.picture["area"]["timezone"],
            ranks=Counter(row["rank"] for row in rows),
            left_out=max(0, len(wanted) - MOST_LISTED),
            rows=[DeviceRow.model_validate(row) for row in wanted[:MOST_LISTED]],
        )  # fmt: skip

    @router.get("/api/v1/devices/{family}/{device}", summary="One device with its last raw messages")
    def one(family: Literal["truck", "room"], device: Id) -> OneDevice:
        row = next((row for row in asked.rows() if (row["family"], row["device"]) == (family, device)), None)
        if row is None:
            raise HTTPException(404, f"no {family} {device!r} was ever heard here")

        def question(bridge: Bridge, _now: int) -> tuple[Any, Any]:
            return bridge.last_words.of((family, device)), bridge.gaps((family, device))

        words, gaps = looked_up(desk, question)
        return OneDevice(
            at=desk.picture["at"], timezone=desk.picture["area"]["timezone"], row=DeviceRow.model_validate(row),
            messages=[
                Message(at=word.at, channel=word.channel, ours=word.ours, text=word.text, refused=word.refused)
                for word in reversed(words)
            ],
            missing=[Gap(boot=boot, first=first, last=last) for boot, first, last in gaps],
        )  # fmt: skip

    return router
