"""The district's side of a simulated city: PostgreSQL, each cell's way to it, which can be cut, and the city's page."""

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from broker.city.cursor import NAME as CURSOR
from broker.city.database import CityDatabase
from broker.city.push import Push
from broker.city.takeover import Gap, fetch, missing
from broker.config import BrokerConfig, read_config
from broker.mqtt.own_broker.child import free_port
from broker.people.people import People
from broker.people.roles import EVERYWHERE
from broker.rules.statistics.cube import MEASURES
from broker.store import Record, Store, StoreError
from broker.store.opening import open_store, reading_store
from broker.store.transfer import records_of
from sim.city.cell import HOST, Cell, Sections
from sim.city.postgres import Postgres, password_file
from sim.city.truth import added, in_gap, miscounted, served_in, sums_of, wrong_in
from sim.live.bridge import StartError
from sim.live.clock import SpedClock
from sim.live.processes.child import Child
from sim.live.relay import Door
from sim.live.truck import as_toml
from sim.world.evidence import TrueVisit

PUSH_S = 1
LOOK_S = 2.0
ANSWER_S = 10.0
READY_S = 60.0
SUPERVISOR = "演示督导 / demo supervisor"
CITY_NAME = "演示区 / Demo District"
COUNTED_WITHIN_S = 75.0  # the city counts a day again once a minute


class Office:
    """`start` it before the cells, `serve` once they are up; always `close`."""

    def __init__(self, folder: Path, cells: int) -> None:
        folder.chmod(0o711)  # the server is another user, and reads nothing but its own folder
        self.key, password = password_file(folder)
        self.postgres = Postgres(folder / "postgres", password)
        self._doors = {number: Door(HOST, self.postgres.port) for number in range(1, cells + 1)}
        self._database = CityDatabase(self.postgres.address, password, time.time)
        self._rows: Mapping[str, Any] = {}
        self._looked_s = 0.0
        self._server: Child | None = None
        self._port = free_port()
        self._token, self._config = self._set_up(folder / "city")
        self.figures: dict[str, int] = {}
        self._gaps: list[tuple[Cell, list[Gap]]] = []  # what a standby has not seen in time
        self._asked_of: list[tuple[Cell, set[str], int]] = []  # visits of which the crew is asked
        self._old: list[tuple[Cell, Path]] = []  # a disk that was taken out of a dead machine

    def way(self, number: int) -> Sections:
        """The sections of its bridge's configuration by which a cell reaches the city."""
        url = Postgres.address_by(self._doors[number].port)
        return {"city": {"url": url, "password_file": str(self.key), "push_s": PUSH_S}}

    def start(self) -> None:
        """PostgreSQL; raises NoPostgresError."""
        self.postgres.start()

    def _set_up(self, folder: Path) -> tuple[str, Path]:
        """The city's own folder: who may look, and its configuration."""
        people = People(folder / "people")
        people.add("supervisor", SUPERVISOR, ("supervisor",), EVERYWHERE)
        token = people.add_token("the city's judge", ("supervisor",))
        sections: dict[str, dict[str, Any]] = {
            "city": {"url": self.postgres.address, "password_file": str(self.key), "name": CITY_NAME},
            "web": {"host": HOST, "port": self._port},
            "people": {"folder": str(folder / "people"), "one_click": True},
            "log": {"level": "warning"},
        }
        path = folder / "city.toml"
        path.write_text(as_toml(sections), encoding="utf-8")
        return token, path

    def serve(self) -> None:
        """The city's page, `python3 -m broker city`; raises StartError."""
        self._server = Child("broker", ["city", "--config", str(self._config)], lambda _: None)
        deadline = time.monotonic() + READY_S
        while not self._answers():
            if (ended := self._server.ended()) is not None or time.monotonic() > deadline:
                raise StartError(f"the city's page did not come up: {ended or list(self._server.errors)[-3:]}")
            time.sleep(0.1)

    def told(self) -> Iterator[str]:
        """What a person should know of it."""
        yield f"the city: http://{HOST}:{self._port}/city   PostgreSQL: {self.postgres.address} (password: {self.key})"

    def look(self) -> None:
        """See how the cells stand with the city, now and then; raises StartError where its page ended by itself."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s = time.monotonic()
        if self._server is not None and (ended := self._server.ended()) is not None:
            raise StartError(f"the city's page {ended}")
        try:
            self._rows = {row["area"]: row for row in self._asked("")["cells"]}
        except OSError:
            self._rows = {}

    def state(self, cell: Cell, stored: int) -> str:
        """How far the city is behind a cell."""
        row = self._rows.get(cell.area)
        if row is None:
            return "away"
        silent = ", silent" if row["silent"] else ""
        return f"{row['records']} of {max(stored, row['records'])}{silent}"

    def database_bytes(self, cell: Cell) -> int:
        """What the records of all cells take in PostgreSQL, its indexes too; raises StoreError."""
        return int(self._database.records(cell.area, cell.plan.timezone).health()["bytes"])

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
            self._gaps.append((cell, found.gaps))
            yield f"{cell.area}: {gone} records were acknowledged by the dead machine and not pushed, {ranges} ranges"
            store = config.store.model_copy(update={"url": str(old / "records")})
            self._push(config.model_copy(update={"store": store}), cell)
            receipt = fetch(config, cell.plan, now.now, whole=True)
            rest = missing(config, cell.plan, now.now).gaps
            yield f"{cell.area}: the old disk delivered {receipt.stored} records; {len(rest)} ranges are still missing"
        self._old.clear()

    def settle(self, cells: Sequence[Cell], within_s: float) -> Iterator[str]:
        """Correct a visit, push a cell twice, end all bridges; what the city then has not, or has otherwise."""
        self._correct(cells[0])
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not all(self._has_all(cell) for cell in cells):
            time.sleep(0.5)
        for cell in cells:
            if cell.bridge.child is not None:
                cell.bridge.child.ask_to_stop()
        for cell in cells:
            config = read_config(cell.bridge.config)
            cell.bridge.stop()
            if cell is cells[0]:
                (Path(config.store.url) / CURSOR).unlink(missing_ok=True)  # all of it is pushed once more
            self._push(config, cell)
            yield from self._differences(cell)
        yield from self._sums(cells)

    def _push(self, config: BrokerConfig, cell: Cell) -> None:
        way = config.city.model_copy(update={"url": self.postgres.address})  # also where its own way is cut
        Push(config.model_copy(update={"city": way}), cell.plan, time.time).push_all()

    def unexplained(self, until_at: float) -> Iterator[str]:
        """What a standby's record has otherwise than it was, or has by a person's word, and no gap explains."""
        for cell, gaps in self._gaps:
            wrong, served = _wrong(cell, until_at)
            for key, visit in wrong.items():
                if not in_gap(visit, gaps, key in cell.told or key not in served):
                    mine = [gap for gap in gaps if gap.device in (visit.truck, visit.room)]
                    spans = [(gap.device, gap.after_at, gap.before_at) for gap in mine]
                    yield (f"{cell.area}: {key} ({visit.truck}, {visit.arrived_at:.0f} to {visit.left_at or 0:.0f}) is "
                           f"{'otherwise' if key in served else 'not'} on record, and in no gap: {spans}")  # fmt: skip

    def ask_crews(self, until_at: float) -> Iterator[str]:
        """Somebody asks the crews about what lies in a gap, and about nothing else; how much that is."""
        for cell, gaps in self._gaps:
            wrong, served = _wrong(cell, until_at)
            keys = {key for key, visit in wrong.items() if in_gap(visit, gaps, key in cell.told or key not in served)}
            by_word = len(cell.told | keys - served)
            yield (f"{cell.area}: {len(keys)} visits lay in a gap of their devices, {by_word} of them are known by a "
                   "driver's word alone; all others are on record as they were made")  # fmt: skip
            self._asked_of.append((cell, keys, int(until_at)))
            cell.ask_about(keys - served)

    def correct_gaps(self) -> Iterator[str]:
        """Of the visits in the gap of a standby somebody corrects the bins by the crew's word."""
        for cell, keys, at in self._asked_of:
            if wrong := miscounted(cell.evidence, cell.stored(), keys):
                plan = cell.plan
                store = open_store(cell.bridge.records, plan.area_id, plan.timezone, time.time, make=False)
                try:
                    for name, bins in wrong.items():
                        change = {"bins_before": bins, "bins_after": 0}
                        store.amend(name, change, "the crew's word", "a person", at)
                finally:
                    store.close()
                yield f"{cell.area}: {len(wrong)} visits in its gap have their bins by the crew's word"

    def _correct(self, cell: Cell) -> None:
        """One bin more was emptied at a visit, somebody says; a bridge is at work beside it."""
        where, plan = read_config(cell.bridge.config).store.url, cell.plan
        store = open_store(where, plan.area_id, plan.timezone, time.time, make=False)
        try:
            visits: list[Record] = [
                one for one in store.scan("visit") if one.body["state"] == "served" and one.body["bins_before"]
            ]
            for visit in visits[:1]:
                more = {"bins_before": visit.body["bins_before"] + 1}
                store.amend(visit.id, more, "counted again", "the city's judge", visit.at)
        finally:
            store.close()

    def _sums(self, cells: Sequence[Cell]) -> Iterator[str]:
        """Where the city's figures are not the sum of the cells'."""
        day = cells[0].day
        parts = []
        for cell in cells:
            with reading_store(cell.bridge.records, cell.area, cell.plan.timezone, time.time) as store:
                parts.append(sums_of(store, day, cell.plan.timezone))
        wanted, wrong = added(parts), ["not counted yet"]
        deadline = time.monotonic() + COUNTED_WITHIN_S
        while wrong and time.monotonic() < deadline:
            rows = self._asked(f"/stats?from_day={day}&to_day={day}")
            wrong = [
                f"{name}: {row[name]} in the city, {wanted.get(name, 0)} in the cells"
                for row in rows for name in MEASURES if row[name] is not None and row[name] != wanted.get(name, 0)
            ] if len(rows) == 1 else [f"{len(rows)} rows for one day"]  # fmt: skip
            if wrong:
                time.sleep(1.0)
        self.figures = {name: wanted[name] for name in ("visits", "served", "bins", "incidents")}
        yield from wrong

    def close(self) -> None:
        """End whatever still runs."""
        if self._server is not None:
            self._server.stop()
        self._database.close()
        for door in self._doors.values():
            door.close()
        self.postgres.stop()

    def _asked(self, path: str) -> Any:
        request = urllib.request.Request(
            f"http://{HOST}:{self._port}/api/v1/city{path}", headers={"Authorization": f"Bearer {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310
            return json.load(answer)

    def _answers(self) -> bool:
        try:
            self._asked("")
        except OSError:
            return False
        return True

    def _has_all(self, cell: Cell) -> bool:
        self._looked_s = 0.0
        self.look()
        row = self._rows.get(cell.area)
        return row is not None and row["records"] >= cell.count()

    def _differences(self, cell: Cell) -> Iterator[str]:
        there = _by_id(self._database.records(cell.area, cell.plan.timezone))
        with reading_store(cell.bridge.records, cell.area, cell.plan.timezone, time.time) as store:
            here = _by_id(store)
        for what, names in (
            ("are not with the city", here.keys() - there.keys()),
            ("are with the city and not in the cell", there.keys() - here.keys()),
            ("have another content there", {name for name in here.keys() & there.keys() if here[name] != there[name]}),
        ):
            if names:
                yield f"{cell.area}: {len(names)} records {what}, such as {min(names)}"


def _wrong(cell: Cell, until_at: float) -> tuple[dict[str, TrueVisit], set[str]]:
    """The visits that are not on record as they were, or by a person's word alone; and all that are on record."""
    stored = cell.stored()
    wrong = wrong_in(cell.evidence, stored, until_at)
    by_word = {visit.key: visit for visit in cell.evidence.visits if visit.key in cell.told}
    return {**wrong, **by_word}, served_in(stored)


def _by_id(store: Store) -> dict[str, Any]:
    return {record.id: record for record in records_of(store)}
