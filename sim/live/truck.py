"""One truck of a live run: a child process, a real pseudo-terminal as its receiver, its cab's itinerary file."""

import json
import os
import queue
import tty
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.live.clock import SpedClock
from sim.live.processes.child import Child
from sim.live.witnesses.lights import BUTTON, LightWitness
from sim.world.evidence import LIGHT_WORDS

Shows = Callable[[Mapping[str, Any] | None], None]
Lights = Callable[[str, float], None]  # pattern, simulated time
MOST_EDGES = 200  # no light has more in the time a witness looks back


class LiveTruck:
    """Its folder (outbox, itinerary, configuration) outlives its power."""

    is_hardware = False

    def __init__(
        self, folder: Path, area: str, truck_id: str, host: str, port: int, password: str, clock: SpedClock,
        shows: Shows, lights: Lights,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._shows = shows
        self._lights = lights
        self.pressed = False
        self._begin()
        self._child: Child | None = None
        self._cab_changed_ns = 0
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        folder.mkdir(parents=True, exist_ok=True)
        self._cab = folder / "itinerary.json"
        secret = folder / "mqtt"
        secret.write_text(password, encoding="utf-8")
        secret.chmod(0o600)
        self._config = folder / "truck.toml"
        text: dict[str, dict[str, Any]] = {
            "truck": {"id": truck_id, "area": area, "itinerary_file": str(self._cab)},
            "mqtt": {"host": host, "port": port, "password_file": str(secret)},
            "gps": {"port": os.ttyname(self._slave)},
            "button": {"pin": 17, "light_pin": 27, "gps_light_pin": 22},
            "outbox": {"path": str(folder / "outbox.db")},
        }
        self._config.write_text(as_toml(text), encoding="utf-8")

    def _begin(self) -> None:
        """Nothing is known of the light, as of a truck that has just got its power."""
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._witness = LightWitness(BUTTON)
        self.edges: dict[str, deque[tuple[float, int]]] = {
            name: deque(maxlen=MOST_EDGES) for name in ("light", "receiver")
        }
        self.receiver_word = ""

    @property
    def outbox_path(self) -> Path:
        """Where its outbox lies."""
        return self._folder / "outbox.db"

    @property
    def child(self) -> Child | None:
        """Its process, while it has power."""
        return self._child

    def serial(self, data: bytes) -> None:
        """The GPS receiver says this; a line that nobody reads overflows, as a real one does."""
        try:
            os.write(self._master, data)
        except BlockingIOError:
            return

    def press(self, hold_s: float, chatters: bool = False) -> None:
        """A finger holds the button for so many simulated seconds; the child times it, for that is milliseconds."""
        if self._child is not None:
            self._child.say(f"{'chatter' if chatters else 'press'} {hold_s}")

    def contact(self, down: bool, chatters: bool = False) -> None:
        """The button's contact closes and stays so, or opens."""
        if down == self.pressed:
            return
        self.pressed = down
        if self._child is not None:
            self._child.say("up" if not down else "down chatter" if chatters else "down")

    @property
    def shown(self) -> str:
        """What the light shows, as its two witnesses read it: off fast slow steady flashes, or `dead`."""
        return self._witness.shown if self._child is not None else "dead"

    def power(self, on: bool) -> None:
        """Plug in, or pull out without warning."""
        if on and self._child is None:
            self._begin()
            arguments = [str(self._config), self._clock.to_text()]
            self._child = Child("sim.live.processes.truck_child", arguments, self._lines.put)
            if self.pressed:  # a contact that is stuck is so without power too
                self._child.say("down")
        elif not on and self._child is not None:
            self._child.kill()
            self._child = None
            self._lights("dead", self._clock.now())

    def look(self) -> None:
        """See the light and the screen in the cab; called many times a second."""
        while not self._lines.empty():
            line = json.loads(self._lines.get())
            if "lit" in line:
                self.edges[line["light"]].append((line["at_s"], int(line["lit"])))
            elif line.get("light") == "receiver":
                self.receiver_word = line["pattern"]
            elif "pattern" in line:
                self._witness.reported(LIGHT_WORDS.get(line["pattern"], line["pattern"]), line["at_s"])
            elif "seen_s" in line:
                seen = self._witness.look(self.edges["light"], line["seen_s"])
                if seen is not None:
                    self._lights(seen[0], self._clock.at(seen[1]))
        try:
            changed_ns = self._cab.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed_ns != self._cab_changed_ns:
            self._cab_changed_ns = changed_ns
            self._shows(json.loads(self._cab.read_text(encoding="utf-8")))

    def stop(self) -> None:
        """End it in order and let go of the terminal."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        for handle in (self._master, self._slave):
            os.close(handle)


def as_toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Sections of texts, numbers and flags as TOML."""
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"
