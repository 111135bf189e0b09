"""The district's side of a simulated city: PostgreSQL, each cell's way to it, which can be cut, and the city's page."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from broker.city.push import Push
from broker.city.takeover import fetch, missing
from broker.config import read_config
from broker.store import Store, StoreError
from broker.store.city import Cell as CellRow
from broker.store.city import CityDatabase
from broker.store.opening import reading_store
from broker.store.transfer import records_of
from sim.city.cell import HOST, Cell, Sections
from sim.city.postgres import Postgres, password_file
from sim.live.clock import SpedClock
from sim.live.relay import Door

PUSH_S = 1
LOOK_S = 2.0


class Office:
    """`start` it before the cells, `serve` once they are up; always `close`."""

    def __init__(self, folder: Path, cells: int) -> None:
        folder.chmod(0o711)  # the server is another user, and reads nothing but its own folder
        self.key, password = password_file(folder)
        self._password = password
        self.postgres = Postgres(folder / "postgres", password)
        self._doors = {number: Door(HOST, self.postgres.port) for number in range(1, cells + 1)}
        self._database: CityDatabase | None = None
        self._rows: Mapping[str, CellRow] = {}
        self._looked_s = 0.0
        self._old: list[tuple[Cell, Path]] = []  # a disk that was taken out of a dead machine

    def way(self, number: int) -> Sections:
        """The sections of its bridge's configuration by which a cell reaches the city."""
        url = Postgres.address_by(self._doors[number].port)
        return {"city": {"url": url, "password_file": str(self.key), "push_s": PUSH_S}}

    def start(self) -> None:
        """PostgreSQL; raises NoPostgresError."""
        self.postgres.start()

    def serve(self, clock: SpedClock) -> None:
        """The city's page."""
        self._database = CityDatabase(self.postgres.address, self._password, clock.now)

    def told(self) -> Iterator[str]:
        """What a person should know of it."""
        yield f"PostgreSQL: {self.postgres.address} (its password: {self.key})"

    def look(self) -> None:
        """See how the cells stand with the city, now and then; raises StartError where something ended by itself."""
        if self._database is None or time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s = time.monotonic()
        try:
            self._rows = {row.area: row for row in self._database.cells()}
        except StoreError:
            self._rows = {}

    def state(self, cell: Cell, stored: int) -> str:
        """How far the city is behind a cell."""
        row = self._rows.get(cell.area)
        if row is None:
            return "away"
        silent_s = row.now - row.heard_at
        silent = f", silent for {silent_s} s" if silent_s > PUSH_S + 5 else ""
        return f"{row.records} of {max(stored, row.records)}{silent}"

    def cut(self, number: int, cut: bool) -> None:
        """Nothing passes between a cell and the city, or it does again."""
        (self._doors[number].shut if cut else self._doors[number].open)()

    def take_over(self, cell: Cell, old: Path, now: SpedClock) -> Iterator[str]:
        """A standby takes what the city has of its cell, before it starts."""
        self._old.append((cell, old))
        try:
            receipt = fetch(read_config(cell.bridge.config), cell.plan, now.now)
            yield f"{cell.area}: its standby took {receipt.stored} records from the city"
        except StoreError as why:  # its devices do not wait for the city
            yield f"{cell.area}: its standby begins with nothing, for the city is away: {why}"

    def deliver(self, now: SpedClock) -> Iterator[str]:
        """The old disks are read: what was on them goes to the city, and from there to the standby."""
        for cell, old in self._old:
            config = read_config(cell.bridge.config)
            found = missing(config, cell.plan, now.now)
            gone = sum(gap.last - gap.first + 1 for gap in found.gaps)
            ranges = len(found.gaps)
            yield f"{cell.area}: {gone} records were acknowledged by the dead machine and not pushed, {ranges} ranges"
            store = config.store.model_copy(update={"url": str(old / "records")})
            push = Push(config.model_copy(update={"store": store}), cell.plan, now.now)
            push.push_all()
            receipt = fetch(config, cell.plan, now.now, whole=True)
            rest = missing(config, cell.plan, now.now).gaps
            yield f"{cell.area}: the old disk delivered {receipt.stored} records; {len(rest)} ranges are still missing"
        self._old.clear()

    def settle(self, cells: Sequence[Cell], within_s: float) -> list[str]:
        """Wait until the city has what the cells have; then end their bridges and say what it has not, or otherwise."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not all(self._has_all(cell) for cell in cells):
            time.sleep(0.5)
        for cell in cells:
            if cell.bridge.child is not None:
                cell.bridge.child.ask_to_stop()
        faults = []
        for cell in cells:
            config = read_config(cell.bridge.config)
            cell.bridge.stop()
            Push(config, cell.plan, time.time).push_all()  # what it said last
            faults += self._differences(cell)
        return faults

    def close(self) -> None:
        """End whatever still runs."""
        if self._database is not None:
            self._database.close()
        for door in self._doors.values():
            door.close()
        self.postgres.stop()

    def _has_all(self, cell: Cell) -> bool:
        self._looked_s = 0.0
        self.look()
        row = self._rows.get(cell.area)
        return row is not None and row.records >= cell.count()

    def _differences(self, cell: Cell) -> list[str]:
        assert self._database is not None
        there = _by_id(self._database.records(cell.area, cell.plan.timezone))
        with reading_store(cell.bridge.records, cell.area, cell.plan.timezone, time.time) as store:
            here = _by_id(store)
        faults = []
        for what, names in (
            ("are not with the city", here.keys() - there.keys()),
            ("are with the city and not in the cell", there.keys() - here.keys()),
            ("have another content there", {name for name in here.keys() & there.keys() if here[name] != there[name]}),
        ):
            if names:
                faults.append(f"{cell.area}: {len(names)} records {what}, such as {min(names)}")
        return faults


def _by_id(store: Store) -> dict[str, Any]:
    return {record.id: record for record in records_of(store)}
