"""One cell of a simulated city: a Mosquitto, a bridge with its data folder, and the devices and the world of its area.

Its machine can be killed; a standby then takes over at the same address with a folder of its own.
"""

import random
import secrets
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from broker.mqtt.own_broker.child import BrokerChild, free_port
from broker.mqtt.own_broker.mosquitto import choose_broker
from broker.plan.calendar import day_start_at
from broker.store import StoreError
from broker.store.opening import reading_store
from sim.city.areas import LEAVES_DAY_S, area_plan, bins_of
from sim.city.sockets import Sockets
from sim.judging.read_back import read_beside_bridge
from sim.live.bridge import LiveBridge
from sim.live.clock import SpedClock
from sim.live.dispatcher import ApiDispatcher
from sim.scenario.director import Director
from sim.scenario.scenario import scenario_of
from sim.scenario.scenes.scene import Scene
from sim.virtual.units import Units
from sim.world.evidence import Evidence, StoredRecord
from sim.world.timeline import Timeline

HOST = "127.0.0.1"
BEGINS_DAY_S = LEAVES_DAY_S - 180  # the trucks are switched on three minutes before the first leaves
LONGEST_S = 20 * 3600  # what a city can be played for
BLOCKS_AFTER_S = 480  # of a cell whose lane is blocked for a while, so that a city has something to look at
BLOCKED_MIN = 12.0
BLOCKED_ROOM = "r04"
ASKS_EVERY_S = 2.0  # of life
OWED = ("pending", "due", "at_stop")
EVERY_BLOCKED = 3  # in one cell of so many

Sections = Mapping[str, Mapping[str, Any]]


def begins_at(date: str) -> float:
    """When a city's clock begins on a day."""
    return float(day_start_at(area_plan(1, 1), _scenario(1, date, 0).date) + BEGINS_DAY_S)


class Cell:
    """Start its `machine`, then its devices; `play` often; always `close`."""

    def __init__(
        self, number: int, trucks: int, folder: Path, clock: SpedClock, date: str, seed: int, more: Sections
    ) -> None:
        """`more` sections of its bridge's configuration: the way to the city."""
        self.number = number
        self.plan = plan = area_plan(number, trucks)
        self.area = area = plan.area_id
        self.day = date
        self._clock, self._folder, self._more = clock, folder, more
        self.passwords = {
            name: secrets.token_urlsafe(18) for name in (*plan.rooms, *plan.trucks(), f"bridge-{area}", f"watch-{area}")
        }
        self.port, self.bridge_port = self.addresses()
        scenario = _scenario(number, date, seed)
        scene = Scene(plan, bins_of(plan), day_start_at(plan, scenario.date))
        self.timeline = Timeline(clock.start_at)
        self.evidence = Evidence(clock.start_at, clock.start_at + LONGEST_S, float(scene.day_start_at))
        self._director = director = Director(scenario, scene, self.timeline, self.evidence)
        self._sockets = Sockets((HOST, self.port), self.passwords)
        self._devices = Units(
            self.timeline, self._sockets, plan, director.truck_ids, folder / "devices", self.evidence,
            random.Random(f"{seed} {area}"), director.lamp_shown, director.itinerary_shown,
        )  # fmt: skip
        self._person: ApiDispatcher | None = None
        self._asked_s = 0.0
        self._asked_about: set[str] = set()
        self.told: set[str] = set()  # the visits of which a person said that they were made
        self.machines = 0
        self._set_up_machine()

    def _set_up_machine(self) -> None:
        """The next machine of this cell: the first one's folder is `1`."""
        self.machines += 1
        self.folder = folder = self._folder / str(self.machines)
        folder.mkdir(parents=True)
        self.broker = self.own_broker(folder / "mosquitto")
        self.http_port = free_port()
        password = self.passwords[f"bridge-{self.area}"]
        self.bridge = LiveBridge(
            folder, self.plan, HOST, self.bridge_port, self.http_port, password, self._clock, lambda: None, self._more
        )

    def addresses(self) -> tuple[int, int]:
        """The ports of this machine at which devices, and the bridge, meet a broker."""
        port = free_port()
        return port, port

    def own_broker(self, folder: Path) -> BrokerChild:
        """The broker of the cell's machine; not started."""
        return choose_broker(folder, self.area, self.passwords, rooms=self.plan.rooms, host=HOST, port=self.port)

    def launch(self) -> None:
        """Start its machine; whoever waits asks whether `bridge.answers`."""
        self.broker.start()
        self.bridge.launch()

    def switch_on(self) -> None:
        """Its devices come to life, and its world with them."""
        self._director.begin(self._devices)  # type: ignore[arg-type]  # of a plant, what the world drives
        self._devices.start()

    def play(self) -> None:
        """Let happen what is due by now."""
        self.timeline.run_until(self._clock.now())
        self._sockets.look()
        self._say_what_was_made()

    def kill(self) -> Path:
        """Its machine dies, broker and bridge at once; the folder that is left on its disk."""
        self.bridge.kill()
        self.broker.kill()
        return self.folder

    def set_up_standby(self) -> None:
        """Another machine at the same address: nothing of the former one's disk is there."""
        self._set_up_machine()

    def somebody_looks(self) -> None:
        """From now on a person at its screen asks the driver about each visit that the screen asks about.

        A standby lacks the last positions that the dead machine had acknowledged: nobody but a person can know.
        """
        self._person = ApiDispatcher(self.bridge.token)
        self._person.open(self.http_port)

    def ask_about(self, keys: Collection[str]) -> None:
        """The same person asks about these visits too, which the screen does not ask about yet."""
        self._asked_about.update(keys)

    def _say_what_was_made(self) -> None:
        if self._person is None or time.monotonic() - self._asked_s < ASKS_EVERY_S:
            return
        self._asked_s = time.monotonic()
        made = {visit.key for visit in self.evidence.visits if visit.left_at is not None}
        asked = self._asked_about | {f"{run}/{room}/{number}" for run, room, number in self._person.questions()}
        for run in self._person.picture.get("runs", ()):
            for visit in run["visits"]:
                name = run["run_id"], visit["room"], visit["visit_number"]
                key = f"{name[0]}/{name[1]}/{name[2]}"
                is_new = visit["state"] in OWED and key in made & asked - self.told
                if is_new and self._person.answer(name, served=True):
                    self.told.add(key)

    @property
    def speed(self) -> int:
        """How many times as fast as life it is played."""
        return self._clock.speed

    @property
    def address(self) -> str:
        """Its screen."""
        return f"http://{HOST}:{self.http_port}"

    @property
    def connected(self) -> tuple[int, int]:
        """How many of its devices believe to be connected, and how many there are."""
        return self._sockets.connected, len(self.plan.rooms) + len(self._director.truck_ids)

    def stored(self) -> list[StoredRecord]:
        """What is in its record by now; raises StoreError."""
        return read_beside_bridge(self.bridge.records, self.plan, self._clock.now())

    def count(self) -> int:
        """How many records it has by now, as far as that can be told."""
        try:
            with reading_store(self.bridge.records, self.area, self.plan.timezone, self._clock.now) as store:
                return int(store.health()["records"])
        except StoreError:
            return 0

    def complaint(self) -> str | None:
        """Why it cannot go on: a process that nobody here has ended; None while all is well."""
        child = self.bridge.child
        if child is None:
            return None
        if not self.broker.running:
            return f"the broker of {self.area} ended ({self.broker.ended()}); it said: {self.broker.said()}"
        ended = child.ended()
        return None if ended is None else f"the bridge of {self.area} {ended}"

    def power_off(self) -> None:
        """Its devices lose their power, all at once."""
        self._sockets.close()
        self._devices.close()

    def close(self) -> None:
        """End whatever still runs; a second call does nothing."""
        self.power_off()
        if self._person is not None:
            self._person.close()
        self.bridge.stop()
        self.broker.stop()


def _scenario(number: int, date: str, seed: int) -> Any:
    blocked = {"kind": "lane_blocked", "room": BLOCKED_ROOM, "at": _clock(BEGINS_DAY_S + BLOCKS_AFTER_S),
               "for_min": BLOCKED_MIN}  # fmt: skip
    return scenario_of(
        {
            "scenario": {"about": "a cell", "date": date, "from": _clock(BEGINS_DAY_S), "to": "24:00", "seed": seed},
            "event": [blocked] if number % EVERY_BLOCKED == 1 else [],
            "expect": [{"kind": "records_stored_once"}],
        },
        f"cell {number}",
        "the city",
    )


def _clock(day_s: int) -> str:
    return f"{day_s // 3600:02d}:{day_s // 60 % 60:02d}:{day_s % 60:02d}"
