"""The panel of one live run: its loop calls `work` between its looks; pages and judges work aside."""

import copy
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from broker.store import StoreError
from sim.judging.so_far import Expectation, at_the_end, so_far
from sim.judging.verdict import Verdict
from sim.panel.frames import Frames
from sim.panel.hands import Hands
from sim.panel.pace import Pace
from sim.panel.parts import PanelClock, PanelPlant
from sim.panel.server import PanelServer
from sim.panel.view import edges_since, now_shown, scene_shown
from sim.scenario.director import Director
from sim.scenario.scenario import Demand, Scenario
from sim.scenario.scenes.scene import Scene
from sim.scenario.writing import as_text
from sim.world.evidence import Evidence

log = logging.getLogger("zhanpai.panel")

EDGES_EVERY_S = 0.1
STATE_EVERY_S = 0.25
JUDGE_EVERY_S = 2.0
JUDGES_SHARE = 20  # judging takes at most one part in so many of a core
LAST_LOOK_S = 1.0  # for pages that are open to hear the end


class Panel:
    """Call `start` when the world stands, `work` many times a second, `end` with the verdicts, and always `close`."""

    def __init__(
        self, scenario: Scenario, scene: Scene, director: Director, plant: PanelPlant, clock: PanelClock,
        evidence: Evidence, *, fastest: int, screen: str, demands: Sequence[Demand],
    ) -> None:  # fmt: skip
        self.hands = Hands(
            scenario, float(scene.day_start_at), director, plant, clock, evidence,
            Pace(clock.speed, fastest, plant.run_at),
        )  # fmt: skip
        self._scenario = scenario
        self._scene = scene
        self._screen = screen
        self._director = director
        self._plant = plant
        self._clock = clock
        self._evidence = evidence
        self._demands = demands
        self._expectations: list[Expectation] = []
        self._frames = Frames()
        self._server = PanelServer(self.hands, self._frames)
        self._judge = threading.Thread(target=self._judge_on, name="expectations", daemon=True)
        self._over = threading.Event()
        self._edges_s = self._state_s = float("-inf")

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._server.port}/"

    def start(self) -> None:
        """Open the page."""
        self._server.scene = scene_shown(
            self._scenario, self._scene, self._director, self._plant, self.hands, self._screen
        )  # fmt: skip
        self._server.start()
        self._judge.start()

    def work(self) -> None:
        """Do what was asked, and show how everything stands."""
        real_s = time.monotonic()
        self.hands.work()
        self.hands.pace.look(real_s)
        if real_s - self._edges_s >= EDGES_EVERY_S:
            edges = edges_since(self._director, self._plant, self._edges_s)
            self._edges_s = real_s
            is_due = real_s - self._state_s >= STATE_EVERY_S
            self._state_s = real_s if is_due else self._state_s
            self._show(real_s, edges, is_due=is_due)

    def end(self, verdicts: Sequence[Verdict], *, judged: bool) -> None:
        """The run is over: pages that are open hear it; without `judged` the machine was too slow for what failed."""
        self._over.set()
        self._expectations = at_the_end(verdicts, self._demands, judged=judged)
        self._show(time.monotonic(), {}, is_due=True)
        if self._frames.listeners:
            time.sleep(LAST_LOOK_S)

    def write_down(self, path: Path) -> None:
        """Write what was done as a scenario file, if something was and a scenario has words for all of it."""
        if self.hands.deeds and not self.hands.unknown():
            path.write_text(as_text(self.hands.played()), encoding="utf-8")

    def close(self) -> None:
        """Nothing is served any more; a second call does nothing."""
        self._over.set()
        self._frames.close()
        self._server.stop()

    def _show(self, real_s: float, edges: dict[str, Any], *, is_due: bool) -> None:
        frame: dict[str, Any] = {"real_s": real_s, "edges": edges}
        if is_due:
            frame["now"] = now_shown(
                self._director, self._plant, self._clock, self.hands, self._expectations, over=self._over.is_set()
            )
        if is_due or edges:
            self._frames.show(frame, whole=is_due)

    def _judge_on(self) -> None:
        """Judge again and again what there is to judge by now, in a thread of its own."""
        pause_s = 0.0
        while not self._over.wait(pause_s):
            began_s = time.monotonic()
            try:
                self.hands.look_at_screen()
                evidence = self._plant.stored_so_far(_copied(self._evidence))
                expectations = so_far(evidence, self._demands, self._clock.now())
            except (StoreError, OSError) as why:  # the bridge is down, or just begins
                log.info("nothing can be judged now: %s", why)
            else:
                if not self._over.is_set():
                    self._expectations = expectations
            pause_s = max(JUDGE_EVERY_S, JUDGES_SHARE * (time.monotonic() - began_s))


def _copied(evidence: Evidence) -> Evidence:
    """The evidence so far; what grows is copied, for the run goes on."""
    return Evidence(*(copy.copy(getattr(evidence, each.name)) for each in fields(evidence)))
