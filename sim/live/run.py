"""A live run: everything is started, the world is played beside real time, judged, and nothing is left behind."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape

from broker.mqtt.own_broker.child import EmbeddedBrokerError
from broker.words import filled
from sim.demo_week.files import is_before
from sim.judging.judge import judge
from sim.judging.outcome import Count, Outcome
from sim.live.bridge import LateError, StartError
from sim.live.clock import SpedClock
from sim.live.devices import LivePlant
from sim.live.faults.plan import NETWORK, network_plans, told
from sim.live.ground import run_folder, screen_port, terminated_like_interrupted
from sim.live.hardware.bench import Bench
from sim.live.hardware.telling import tell_after, tell_before, tell_by_hand
from sim.live.table import table
from sim.live.week import WeekBeside
from sim.live.witnesses.machine import Machine
from sim.panel.panel import Panel
from sim.report import printed
from sim.scenario.director import Director
from sim.scenario.scenario import Demand, Scenario, ScenarioError, load
from sim.scenario.scenes.choice import scene_of
from sim.search.draws import INVARIANTS
from sim.world.evidence import Evidence
from sim.world.timeline import Timeline

START_UP_S = 7.0  # real seconds until everything is up, when `seconds` is to be kept
SHUT_DOWN_S = 5.0
SETTLE_S = 2.5  # real seconds after its last moment: what is under way arrives
AFTER_FAULTS_S = 35.0  # a device tries to connect again each 30 s at the latest
LOOK_S = 0.02
SHOW_S = 0.5
SLOWEST, FASTEST = 1, 60
REAL_S = 0.25  # what a chain of processes may take in life on any machine: at x40 that is ten seconds of a limit
HELD, FAILED, BAD, TOO_SLOW, INTERRUPTED = 0, 1, 2, 3, 130


def play_live(
    scenario: Scenario, console: Console, *, speed: float | None, seconds: float | None, demo: bool,
    http_port: int | None, ended: Callable[[Outcome], None] = lambda _: None, bench: Bench | None = None,
    faults: int | None = None,
) -> int:
    """Play it; the exit code of `python3 -m sim`. `seconds` is how long it may take in life, all in all.

    `http_port` None is 8080, or any free one where that is taken; `ended` is told of a run that came to its end.
    The devices of `bench` are hardware; `faults` is the seed of what goes wrong with everybody's connection.
    """
    if faults is not None:
        scenario = replace(scenario, demands=(INVARIANTS,))
    if demo and seconds is None and scenario.live["endless"]:
        scenario = replace(load(scenario.live["endless"]), seed=scenario.seed)
    if scenario.world["unit_slow_clock"]:
        raise ScenarioError("[world] unit_slow_clock is for virtual time: a live unit goes by its own machine's clock")
    factor = _speed(scenario, speed, seconds) if bench is None else _by_life(speed, seconds)
    machine = Machine()
    with terminated_like_interrupted():
        try:
            with screen_port(http_port, console) as port:
                # (Hardware has counted its own starts: the week's would be taken for them.)
                has_week = demo and seconds is None and bench is None and is_before(scenario)
                outcome = _play(scenario, console, factor, port, machine, keeps=demo, has_week=has_week, bench=bench,
                                faults=faults)  # fmt: skip
        except KeyboardInterrupt:
            console.print("interrupted; everything that was started has been ended")
            return INTERRUPTED
        except (StartError, EmbeddedBrokerError) as why:
            excuse = machine.too_slow(factor) if isinstance(why, LateError) else None
            became = "did not come up" if excuse else "failed"
            console.print(f"[red]the live run {became}:[/red] {escape(str(why))}", highlight=False)
            return _told(excuse, console)
    excuse = None if outcome.held else machine.too_slow(max(factor, outcome.fastest))
    printed.show(outcome, console, judged=excuse is None)
    ended(outcome)
    return HELD if outcome.held else _told(excuse, console)


def _told(excuse: str | None, console: Console) -> int:
    """Say that it was the machine, if it was; the exit code."""
    if excuse is None:
        return FAILED
    console.print(f"[yellow]{excuse}[/yellow]", highlight=False)
    return TOO_SLOW


def scaled(demands: Sequence[Demand], factor: int) -> list[Demand]:
    """The demands with their limits as a run at this speed can be held to: life's own delays pass `factor` times."""
    return [
        replace(demand, values={**demand.values, "within_s": demand.values["within_s"] + REAL_S * factor})
        if "within_s" in demand.values else demand
        for demand in demands
    ]  # fmt: skip


def _speed(scenario: Scenario, speed: float | None, seconds: float | None) -> int:
    """How many times as fast as life: as asked, or so that it fits into `seconds`, or as the scenario says."""
    if speed is not None:
        wanted = speed
    elif seconds is not None:
        wanted = (scenario.to_s - scenario.from_s) / max(1.0, seconds - START_UP_S - SETTLE_S - SHUT_DOWN_S)
    else:
        wanted = scenario.live["speed"]
    factor = max(SLOWEST, -int(-wanted // 1))
    if factor > FASTEST:
        length_s = (scenario.to_s - scenario.from_s) / FASTEST + START_UP_S + SETTLE_S + SHUT_DOWN_S
        raise ScenarioError(f"{scenario.name}: needs at least {length_s:.0f} s live (x{FASTEST} is the fastest)")
    return factor


def _play(
    scenario: Scenario, console: Console, factor: int, http_port: int, machine: Machine, *, keeps: bool, has_week: bool,
    bench: Bench | None, faults: int | None,
) -> Outcome:  # fmt: skip
    began_s = time.monotonic()
    scene = scene_of(scenario)
    from_at = float(scene.day_start_at + scenario.from_s)
    end_at = float(scene.day_start_at + scenario.to_s)
    timeline = Timeline(from_at)
    evidence = Evidence(from_at, end_at, float(scene.day_start_at))
    director = Director(scenario, scene, timeline, evidence)
    demands = scenario.demands
    if bench is not None:
        bench.must_fit(director, list(scene.plan.rooms))
        demands = tuple(demand for demand in demands if bench.can_judge(demand))
    plans = {}
    if faults is not None:
        plans = network_plans(faults, (*scene.plan.rooms, *director.truck_ids, "bridge"), (end_at - from_at) / factor)
        console.print(*told(faults, plans), sep="\n", highlight=False, markup=False, soft_wrap=True)
        evidence.happened.append((from_at, NETWORK))
    with run_folder(console, keeps=keeps) as folder:
        clock = SpedClock(from_at, factor, folder / "go")
        plant = LivePlant(
            scene.plan, director.truck_ids, folder, evidence, clock, http_port,
            director.lamp_shown, director.itinerary_shown, machine.look, load_cells=scenario.live["load_cells"],
            before_at=scene.day_start_at if has_week else None, bench=bench, asked=tell_by_hand(console),
            faults=plans,
        )  # fmt: skip
        panel = None
        week = WeekBeside(plant.records, plant.playback, scene.plan, scene.day_start_at) if has_week else None
        try:
            for note in plant.broker_notes:
                console.print(f"[yellow]{escape(note)}[/yellow]", highlight=False)
            if bench is not None:
                tell_before(bench, scenario, console)
            plant.start()
            screen = f"http://127.0.0.1:{plant.http_port}"
            console.print(
                filled(
                    "status page: {screen}   bin rooms on {on}, {rooms:room|rooms}, {trucks:truck|trucks}, x{factor}",
                    {"screen": screen, "on": plant.interpreter, "rooms": len(plant.rooms),
                     "trucks": len(plant.trucks), "factor": factor},
                ),
                highlight=False,
            )
            for warning in plant.warnings:
                console.print(f"[yellow]{warning}[/yellow]", highlight=False)
            director.begin(plant)
            panel = Panel(
                scenario, scene, director, plant, clock, evidence, screen=screen,
                fastest=FASTEST if bench is None else SLOWEST, demands=scaled(demands, factor),
            )  # fmt: skip
            panel.start()
            console.print(f"hardware panel: {panel.address}", highlight=False)
            clock.go()
            plant.break_network()
            if week is not None:
                week.start()
            street = Street(scenario, scene.day_start_at, end_at, timeline, clock, plant, panel, machine, week, screen)
            actions = _run(street, console, AFTER_FAULTS_S if plans else SETTLE_S)
            plant.collect(evidence)
            verdicts = tuple(judge(evidence, scaled(demands, clock.fastest)))
            panel.end(verdicts, judged=machine.too_slow(max(factor, clock.fastest)) is None)
        finally:
            if week is not None:
                week.stop()
            if panel is not None:
                panel.close()
                panel.write_down(folder / "played.toml")
            plant.close()
    mqtt = Count(published=plant.overheard)
    took_s = time.monotonic() - began_s
    if bench is not None:
        tell_after(bench, console)
    return Outcome(replace(scenario, demands=demands), verdicts, evidence, mqtt, actions, took_s, clock.fastest)


def _by_life(speed: float | None, seconds: float | None) -> int:
    """The only speed that hardware knows."""
    if seconds is not None or speed not in (None, 1):
        raise ScenarioError("hardware runs at life's own speed: leave out --speed and --seconds")
    return SLOWEST


class Street(NamedTuple):
    """What runs together while a live run lasts."""

    scenario: Scenario
    day_start_at: int
    end_at: float
    timeline: Timeline
    clock: SpedClock
    plant: LivePlant
    panel: Panel
    machine: Machine
    week: WeekBeside | None
    screen: str


def _run(street: Street, console: Console, settle_s: float) -> int:
    """Play until the end, and so many real seconds on, for what is under way; how many actions that were."""
    timeline, plant, actions = street.timeline, street.plant, 0
    shown_s = over_s = None
    with Live(console=console, auto_refresh=False, transient=True) as screen:
        while over_s is None or time.monotonic() - over_s < settle_s:
            actions += timeline.run_until(street.clock.now())
            plant.look()
            street.panel.work()
            street.machine.look()
            complaint = plant.complaint()
            if complaint is not None:
                raise StartError(complaint)
            if over_s is None and timeline.now >= street.end_at:
                over_s = time.monotonic()
            if shown_s is None or time.monotonic() - shown_s >= SHOW_S:
                shown_s = time.monotonic()
                head = _head(street.scenario, street.day_start_at, street.clock)
                shown = table(plant.api_dispatcher.picture, head)
                week = None if street.week is None else street.week.shown()
                for line in street.week.news(street.screen) if street.week is not None else ():
                    console.print(line, highlight=False, markup=False, soft_wrap=True)
                screen.update(shown if week is None else Group(shown, week), refresh=True)
            time.sleep(LOOK_S)
    return actions


def _head(scenario: Scenario, day_start_at: int, clock: SpedClock) -> str:
    of_day = int(clock.now()) - day_start_at
    return f"{scenario.name}  {of_day // 3600:02d}:{of_day // 60 % 60:02d}:{of_day % 60:02d}  x{clock.speed}"
