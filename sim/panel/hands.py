"""What a tester does: each deed is an event of a scenario, begun and ended by hand, and written down with its time.

Fingers act at once, from whatever thread; everything else is done by the run's own loop, between two of its looks.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firmware import wire
from firmware.truck.button.gesture import HOLD_S
from sim.panel.faults import APART, FAULTS, hit_by
from sim.panel.pace import Pace
from sim.panel.parts import PanelClock, PanelPlant
from sim.scenario.director import Director
from sim.scenario.happenings import End
from sim.scenario.scenario import Happening, Scenario
from sim.scenario.schema import HAPPENINGS
from sim.world.button import meant_by
from sim.world.evidence import Evidence, Press

SCREEN_LATE_S = 60.0  # an older word of the bridge's is no word about what was just done
PATIENCE_S = 60.0  # a bridge that starts again holds the loop up


class Refused(Exception):  # noqa: N818 (the name says what is so)
    """What cannot be done; `word` is the key of its sentence."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(slots=True)
class Deed:
    """One thing done: an event's kind and values, when it began and when it ended (None: it has not)."""

    kind: str
    values: Mapping[str, Any]
    began_at: float
    ended_at: float | None
    fault: str = ""  # the switch, for what lasts
    whom: str = ""


class Hands:
    """The tester's hands on one live run."""

    def __init__(
        self, scenario: Scenario, day_start_at: float, director: Director, plant: PanelPlant, clock: PanelClock,
        evidence: Evidence, pace: Pace,
    ) -> None:  # fmt: skip
        self.deeds: list[Deed] = []
        self.pace = pace
        self._scenario = scenario
        self._day_start_at = day_start_at
        self._director = director
        self._plant = plant
        self._clock = clock
        self._evidence = evidence
        self._lock = threading.RLock()
        self._looking = threading.Lock()  # at the screen: it takes a while, and no finger waits for it
        self._held: dict[str, tuple[str, float, bool]] = {}  # button: whose page, since when, whether it chatters
        self._ends: dict[tuple[str, str], tuple[Deed, End]] = {}
        self._asked: queue.SimpleQueue[tuple[Callable[[], None], Future[None]]] = queue.SimpleQueue()

    # --- fingers ----------------------------------------------------------------------------------------

    def button(self, truck: str, down: bool, page: str, chatters: bool = False) -> None:
        """A finger comes to a truck's button, or goes; raises Refused."""
        if truck not in self._plant.trucks or truck not in self._director.all_trucks:
            raise Refused("nobody_here")
        device = self._plant.trucks[truck]
        with self._lock:
            if down == (truck in self._held):
                return
            if down:
                if device.is_hardware:
                    raise Refused("real_button")
                if device.shown == "dead":
                    raise Refused("no_power")
                if ("button_stuck", truck) in self._ends:
                    raise Refused("is_stuck")
                self.pace.finger(truck, True, time.monotonic())
                self._held[truck] = (page, self._clock.now(), chatters)
                device.contact(True, chatters)
                return
            device.contact(False)
            _, began_at, chattered = self._held.pop(truck)
            now = self._clock.now()
            self.pace.finger(truck, False, time.monotonic())
            held_s = round(max(0.01, now - began_at), 3)
            self._evidence.presses.append(Press(began_at, truck, held_s, meant_by(held_s)))
            self._note("press", {"truck": truck, "hold_s": held_s, "chatters": chattered}, began_at, now)
        if held_s >= HOLD_S:
            self._asked.put((lambda: self._director.pressed(truck), Future()))

    def keeper(self, room: str, event: str, down: bool, page: str) -> None:
        """A finger comes to a button of the keeper's, or goes; raises Refused."""
        if room not in self._plant.rooms or event not in wire.KEEPER_EVENTS:
            raise Refused("nobody_here")
        where = f"{room}/{event}"
        with self._lock:
            if down == (where in self._held):
                return
            if down and self._plant.rooms[room].is_hardware:
                raise Refused("real_button")
            if down and not self._plant.rooms[room].powered:
                raise Refused("no_power")
            self.pace.finger(where, down, time.monotonic())
            self._plant.rooms[room].contact(event, down)
            if not down:
                del self._held[where]
                return
            now = self._clock.now()
            self._held[where] = (page, now, False)
            if event == "lane_clear":
                self._evidence.lane_clear.append((now, room))
            self._note("keeper_press", {"room": room, "button": event}, now, now)

    def left(self, page: str) -> None:
        """A page is gone: its fingers are off the buttons."""
        with self._lock:
            mine = [where for where, (whose, *_) in self._held.items() if whose == page]
        for where in mine:
            room, _, event = where.partition("/")
            if event:
                self.keeper(room, event, False, page)
            else:
                self.button(room, False, page)

    # --- everything else --------------------------------------------------------------------------------

    def happen(self, kind: str, values: Mapping[str, Any]) -> None:
        """Something happens once: bins move, waste is thrown in; raises Refused or ScenarioError."""

        def act() -> None:
            self._director.happen(kind, values)
            self._note(kind, values, self._clock.now(), self._clock.now())

        self._ask(act)

    def switch(self, fault: str, whom: str, on: bool) -> None:
        """Begin or end a fault; what is so already stays so. Raises Refused or ScenarioError."""
        if fault not in FAULTS or whom not in self.hit[FAULTS[fault].hits]:
            raise Refused("nobody_here")
        self._ask(lambda: self._switch(fault, whom, on))

    @property
    def hit(self) -> dict[str, list[str]]:
        """Whom each sort of fault can hit."""
        rooms = list(self._director.rooms)
        with_cells = [room for room in rooms if self._plant.rooms[room].has_cells]
        return hit_by(list(self._director.all_trucks), list(self._director.trucks), rooms, with_cells)

    @property
    def on(self) -> list[tuple[str, str]]:
        """The faults that are on: (fault, whom)."""
        return list(self._ends)

    def work(self) -> None:
        """Do what was asked; the run's loop calls it."""
        while not self._asked.empty():
            act, answer = self._asked.get()
            try:
                act()
            except Exception as why:  # noqa: BLE001 - whoever asked is told
                answer.set_exception(why)
            else:
                answer.set_result(None)

    def look_at_screen(self) -> None:
        """Write down what people did on the operations screen since the last look; raises StoreError."""
        with self._looking:
            for deed in self._plant.done_on_screen():
                self.screen_deed(deed)

    def screen_deed(self, values: Mapping[str, Any]) -> None:
        """A person did this on the operations screen."""
        now = self._clock.now()
        told_at = float(values["at"])  # by the bridge's clock, which may be wrong
        at = told_at if now - SCREEN_LATE_S <= told_at <= now else now
        if values["action"] == "acknowledge":
            self._evidence.acknowledged.append((at, str(values["truck"])))
        kind = "on_screen_visit" if "run" in values else "on_screen_alarm" if "alarm" in values else "on_screen"
        self._note(kind, {key: value for key, value in values.items() if key != "at"}, at, at)

    def played(self) -> Scenario:
        """The scenario with what was done."""
        with self._lock:
            deeds = list(self.deeds)
        more = tuple(self._happening(deed) for deed in deeds)
        area = dict(self._scenario.area)
        if area["plan"]:  # the file may be saved anywhere
            area["plan"] = str(Path(area["plan"]).resolve())
        return replace(self._scenario, area=area, happenings=(*self._scenario.happenings, *more))

    def unknown(self) -> list[tuple[str, dict[str, str]]]:
        """What was done that a scenario file has no word for: (the key of its sentence, what fills its gaps)."""
        from_at, to_at = (self._day_start_at + s for s in (self._scenario.from_s, self._scenario.until_s))
        found: list[tuple[str, dict[str, str]]] = []
        for deed in list(self.deeds):
            if deed.kind in ("on_screen", "on_screen_visit", "on_screen_alarm"):
                words = HAPPENINGS[deed.kind]
                strange = [value for key, value in deed.values.items() if value not in (words[key].words or (value,))]
                found += [("unknown_on_screen", {"action": str(value)}) for value in strange]
            if not from_at <= deed.began_at <= to_at:
                found.append(("unknown_after_end", {"what": deed.kind}))
        return found

    # --- inside -----------------------------------------------------------------------------------------

    def _ask(self, act: Callable[[], None]) -> None:
        answer: Future[None] = Future()
        self._asked.put((act, answer))
        answer.result(PATIENCE_S)

    def _switch(self, fault: str, whom: str, on: bool) -> None:
        key = (fault, whom)
        if on == (key in self._ends):
            return
        now = self._clock.now()
        if not on:
            deed, end = self._ends.pop(key)
            deed.ended_at = now
            end()
            return
        for one, other in APART:
            if fault in (one, other) and ((one, whom) in self._ends or (other, whom) in self._ends):
                raise Refused("already_down")
        values = FAULTS[fault].values_for(whom)
        if fault in ("power_cut", "button_stuck") and whom in self._plant.trucks:
            self.button(whom, False, "")  # a finger does not hold what is gone, or is down by itself
        end_of = self._director.happen(FAULTS[fault].kind, values)
        if end_of is not None:
            deed = Deed(FAULTS[fault].kind, values, now, None, fault, whom)
            with self._lock:
                self.deeds.append(deed)
            self._ends[key] = deed, end_of

    def _note(self, kind: str, values: Mapping[str, Any], began_at: float, ended_at: float) -> None:
        with self._lock:
            self.deeds.append(Deed(kind, values, began_at, ended_at))

    def _happening(self, deed: Deed) -> Happening:
        values = dict(deed.values)
        if deed.fault:
            until = deed.ended_at if deed.ended_at is not None else self._day_start_at + self._scenario.until_s
            values["for_min"] = max(0.01, round((until - deed.began_at) / 60, 4))
        return Happening(deed.kind, round(deed.began_at - self._day_start_at, 3), values)
