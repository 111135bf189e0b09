"""One play of a scenario for practice, in virtual time: you are at the screen, or its own dispatcher, as it happened.

A click belongs to a whole second and is done after all that the second holds; so the same seed and the same clicks are
the same morning, whether somebody clicked them or a file did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter

from broker.bridge import Bridge
from broker.rules.dispatch.actions import Act
from sim.practice.hands import Hands
from sim.practice.score import Score, score_of
from sim.practice.stored_day import StoredDay
from sim.scenario.director import Director
from sim.scenario.scenario import Scenario, ScenarioError
from sim.scenario.scenes.choice import scene_of
from sim.scenario.schema import SENSORS
from sim.virtual.devices import VirtualPlant
from sim.virtual.run import PARKED_SAYS_EVERY, SETTLE_S
from sim.world.evidence import Evidence
from sim.world.timeline import Timeline

HANDS = ("on_screen", "on_screen_visit", "on_screen_alarm")  # what the scenario's own dispatcher does by name
ENDS_SCREEN = ("bridge_down", "clock_jump")  # what a screen over this bridge does not live through
NAME = "演练 {zh} / Practice: {en}"  # of the area, wherever the screen says it


@dataclass(frozen=True, slots=True)
class Click:
    """What a person did at the screen, and in which second."""

    at: int
    act: Act


CLICKS = TypeAdapter(list[Click])


class Morning:
    """The world, its devices and its bridge; `practised`: nobody is at the screen but who clicks."""

    def __init__(self, day: Scenario | StoredDay, folder: Path, *, practised: bool) -> None:
        """Raises ScenarioError for one that cannot be practised, DataAbsentError as any play."""
        scenario = day.scenario if isinstance(day, StoredDay) else day
        unfit = sorted({one.kind for one in scenario.happenings} & {*ENDS_SCREEN})
        if unfit or scenario.days != 1:
            raise ScenarioError(f"{scenario.name}: cannot be practised ({' '.join(unfit) or 'more than one day'})")
        played = _without_dispatcher(scenario) if practised else scenario
        scene = day.scene if isinstance(day, StoredDay) else scene_of(played)
        zh, _, en = scene.plan.name.partition(" / ")
        self.plan = replace(scene.plan, name=NAME.format(zh=zh, en=en or zh)) if practised else scene.plan
        scene = replace(scene, plan=self.plan)
        self.start_at, self.end_at = scene.day_start_at + played.from_s, scene.day_start_at + played.until_s
        self.clicks: list[Click] = []
        self._timeline = Timeline(float(self.start_at))
        evidence = Evidence(self._timeline.start_at, float(self.end_at), float(scene.day_start_at))
        director = Director(played, scene, self._timeline, evidence, PARKED_SAYS_EVERY)
        self._plant = VirtualPlant(
            self._timeline, self.plan, director.truck_ids, folder, evidence, played.seed, director.lamp_shown,
            director.itinerary_shown, SENSORS[played.world["sensors"]], played.world["unit_slow_clock"],
        )  # fmt: skip
        director.begin(self._plant)
        if isinstance(day, StoredDay):
            Hands(day, director.stage, as_it_was=not practised)
        self._plant.start()

    def __enter__(self) -> "Morning":
        return self

    def __exit__(self, _kind: type[BaseException] | None, _why: BaseException | None, _: TracebackType | None) -> None:
        self._plant.close()

    @property
    def now(self) -> float:
        """The second that is played."""
        return self._timeline.now

    @property
    def bridge(self) -> Bridge:
        """The bridge that the screen shows."""
        bridge = self._plant.dispatcher.at_work
        assert bridge is not None, "a scenario that ends the bridge is not practised"
        return bridge

    def step(self) -> None:
        """Play the next second."""
        self._timeline.run_until(self.now + 1)

    def do(self, act: Act) -> None:
        """Somebody clicks in this second; raises what the bridge raises, and then nothing was clicked."""
        self.bridge.act(act, self.now)
        self.clicks.append(Click(int(self.now), act))

    def play(self, until_at: float, clicks: Sequence[Click] = ()) -> None:
        """Play up to a second, and click what is to be clicked on the way."""
        waiting = [click for click in clicks if click.at > self.now]
        while self.now < until_at:
            self.step()
            while waiting and waiting[0].at <= self.now:
                self.do(waiting.pop(0).act)

    @property
    def first_press_at(self) -> int | None:
        """When a driver pressed for the first time; None where nobody did."""
        known = self.bridge.store.scan("workflow", self.start_at, int(self.now) + 1)
        return min((int(record.body["raised_at"]) for record in known), default=None)

    def score(self) -> Score:
        """What came of it, some minutes after the last hour."""
        self.play(self.end_at + SETTLE_S)
        return score_of(self.bridge.store, self.start_at, int(self.now), self.plan.timezone)


def played_by_itself(scenario: Scenario | StoredDay, folder: Path) -> tuple[Score, int | None]:
    """What came of it when the scenario's own dispatcher was at the screen, and when it was first needed there.

    Up to the first press it is the same morning for whoever practises.
    """
    with Morning(scenario, folder, practised=False) as morning:
        return morning.score(), morning.first_press_at


def _without_dispatcher(scenario: Scenario) -> Scenario:
    idle = {name: -1.0 if name.endswith("_after_s") else value for name, value in scenario.dispatcher.items()}
    left = tuple(one for one in scenario.happenings if one.kind not in HANDS)
    return replace(scenario, dispatcher=idle, happenings=left)
