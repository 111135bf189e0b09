"""A tester's bench without processes: the world of a scenario on devices that only note what is done to them."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sim.panel.hands import Hands
from sim.panel.pace import Pace
from sim.scenario.director import Director
from sim.scenario.scenario import parse
from sim.scenario.scenes.choice import scene_of
from sim.scenario.scenes.scene import Recording
from sim.world.evidence import Evidence
from sim.world.timeline import Timeline

SCENARIO = """
[scenario]
about = "two trucks, their rooms"
from = "06:00"
to = "07:00"
seed = 3
[area]
runs = ["wet-north-1", "dry-west-1"]
first_visits = 2
leave = { dry-west-1 = "06:10" }
[world]
refill = false
[[expect]]
kind = "records_stored_once"
"""


class NotedTruck:
    """A truck's computer."""

    is_hardware = False

    def __init__(self, noted: list[str], name: str) -> None:
        self.receiver_word, self.pressed, self.shown = "fix", False, "off"
        self.edges: dict[str, deque[tuple[float, int]]] = {"light": deque(), "receiver": deque()}
        self._noted, self._name = noted, name

    def serial(self, data: bytes) -> None:
        """The receiver speaks."""

    def press(self, hold_s: float, chatters: bool = False) -> None:
        """A driver's finger."""

    def contact(self, down: bool, chatters: bool = False) -> None:
        """A tester's finger."""
        self.pressed = down
        self._noted.append(f"{self._name} {'down' if down else 'up'}{' chatters' if chatters else ''}")


class NotedRoom:
    """A room's unit."""

    is_hardware = False

    def __init__(self, noted: list[str], name: str) -> None:
        self.powered, self.has_cells, self.shown = True, name == "r01", ["off"] * 4
        self.bins: dict[str, tuple[int, int]] = {}
        self._noted, self._name = noted, name

    def set_bins(self, waste: str, count: int, grams: int) -> None:
        """The sensors see this."""
        self.bins[waste] = count, grams

    def press(self, event: str) -> None:
        """A keeper's finger."""

    def contact(self, event: str, down: bool) -> None:
        """A tester's finger."""
        self._noted.append(f"{self._name} {event} {'down' if down else 'up'}")

    def edges(self, index: int) -> list[tuple[float, int]]:
        """No lamp ever changes."""
        return []


class Bench:
    """Devices, clock, director and hands of one scenario; `noted` is what was done to the devices, in order."""

    def __init__(self, text: str = SCENARIO, recording: Recording | None = None) -> None:
        self.noted: list[str] = []
        self.scenario = parse(text, "bench", "bench.toml")
        self.scene = replace(scene_of(self.scenario), recording=recording)
        self.timeline = Timeline(float(self.scene.day_start_at + self.scenario.from_s))
        end_at = float(self.scene.day_start_at + self.scenario.to_s)
        self.evidence = Evidence(self.timeline.now, end_at, float(self.scene.day_start_at))
        self.director = Director(self.scenario, self.scene, self.timeline, self.evidence)
        self.trucks = {name: NotedTruck(self.noted, name) for name in self.director.truck_ids}
        self.rooms = {name: NotedRoom(self.noted, name) for name in self.scene.plan.rooms}
        self.speed = 10
        self.director.begin(self)  # type: ignore[arg-type]
        self.hands = Hands(
            self.scenario, float(self.scene.day_start_at), self.director, self, self, self.evidence,  # type: ignore[arg-type]
            Pace(10, 60, self.run_at),
        )  # fmt: skip

    # --- as a plant ---------------------------------------------------------------------------------------

    def truck(self, name: str) -> NotedTruck:
        """By id."""
        return self.trucks[name]

    def room(self, name: str) -> NotedRoom:
        """By id."""
        return self.rooms[name]

    def power(self, device: str, on: bool) -> None:
        """Plug in or pull out."""
        self.noted.append(f"{device} power {'on' if on else 'off'}")
        if device in self.trucks:
            self.trucks[device].shown = "off" if on else "dead"
        else:
            self.rooms[device].powered = on

    def link(self, device: str, up: bool) -> None:
        """Cut or mend."""
        self.noted.append(f"{device} link {'up' if up else 'down'}")

    def slow(self, device: str, delay_s: float) -> None:
        """Slow or quick."""
        self.noted.append(f"{device} slow {delay_s:g}")

    def broker(self, up: bool, how: str) -> None:
        """Stop or start."""
        self.noted.append(f"broker {how} {'up' if up else 'down'}")

    def bridge(self, up: bool, how: str) -> None:
        """Stop or start."""
        self.noted.append(f"bridge {how} {'up' if up else 'down'}")

    def bridge_clock(self, wrong_by_s: float) -> None:
        """Set wrong or right."""
        self.noted.append(f"bridge clock {wrong_by_s:+g}")

    def disk(self, full: bool) -> None:
        """Fill or free."""
        self.noted.append(f"disk {'full' if full else 'free'}")

    def run_at(self, speed: int) -> None:
        """Run so fast."""
        self.speed = speed
        self.noted.append(f"x{speed}")

    def stored_so_far(self, evidence: Evidence) -> Evidence:
        """Nothing is stored."""
        return evidence

    @property
    def asked_by_hand(self) -> Sequence[Any]:
        """No hardware is here."""
        return ()

    def done_on_screen(self) -> Sequence[Mapping[str, Any]]:
        """Nobody is there."""
        return []

    def collect(self, evidence: Evidence) -> None:
        """Nothing is kept."""

    # --- as a clock ---------------------------------------------------------------------------------------

    def now(self) -> float:
        """The world's time."""
        return self.timeline.now

    def pass_s(self, seconds: float) -> None:
        """Time passes in the world."""
        self.timeline.run_until(self.timeline.now + seconds)
