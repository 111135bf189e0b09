"""`python3 -m sim practice SCENARIO`, or `--day D --data FOLDER`: you are at the screen; a score says what it changed.

Of a day on record what happened is read from that record; the day is also played with the deeds of then, so that one
sees how far the play is from it.
"""

import argparse
import contextlib
import json
import logging
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

from broker.store import StoreError
from sim.practice.morning import CLICKS, Click, Morning, played_by_itself
from sim.practice.page import WORDS, Scores, clock, write_pages
from sim.practice.score import Score
from sim.practice.stored_day import StoredDay, on_record
from sim.scenario.scenario import Scenario, ScenarioError, load, value_of
from sim.scenario.scenes.scene import DataAbsentError
from sim.scenario.schema import SECTIONS
from sim.virtual.run import scratch_folder

BEFORE_S = 180  # so long before the first press one sits down at the screen
DONE, BAD, ABSENT = 0, 2, 4


def main(words: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(words)
    if (options.scenario is None) == (options.day is None) or (options.day is None) != (options.data is None):
        parser.error("say a scenario, or --day YYYY-MM-DD with --data FOLDER")
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    try:
        clicks = None if options.clicks is None else _read(options.clicks)
        seed = None if options.seed is None else value_of("--seed", SECTIONS["scenario"]["seed"], options.seed)
        day: Scenario | StoredDay
        if options.day is None:
            day = scenario = load(options.scenario) if seed is None else replace(load(options.scenario), seed=seed)
            happened = None
        else:
            day, happened = on_record(options.data, options.plan, options.day, seed or 1)
            scenario = day.scenario
        with scratch_folder() as folder:
            again, first_at = played_by_itself(day, folder)
        with scratch_folder() as folder, Morning(day, folder, practised=True) as morning:
            if clicks is None:
                morning.play(morning.start_at if first_at is None else first_at - BEFORE_S)
                _practise(morning, folder, options.speed, options.port, options.language)
            else:
                morning.play(morning.end_at, clicks)
            yours, done, zone = morning.score(), morning.clicks, morning.plan.timezone
    except (ScenarioError, StoreError) as error:
        print(f"scenario refused: {error}", file=sys.stderr)
        return BAD
    except DataAbsentError as error:
        print(f"SKIPPED: {error}", file=sys.stderr)
        return ABSENT
    options.folder.mkdir(parents=True, exist_ok=True)
    scores = Scores(yours, again) if happened is None else Scores(yours, happened, again)
    page = write_pages(options.folder, scenario, scores, done, zone)
    kept = options.folder / f"practice-{scenario.name}.json"
    kept.write_bytes(CLICKS.dump_json(done, indent=1, exclude_defaults=True))
    if options.json:
        print(json.dumps({name: _as_json(score) for name, score in scores.named.items()}, indent=1))
    else:
        print(WORDS.say(options.language, "console", "written", page=page, clicks=kept))
    return DONE


def _practise(morning: Morning, folder: Path, speed: float, port: int, language: str) -> None:
    from sim.practice.screen import Screen  # only here: clicks from a file need no server

    screen = Screen(morning, folder, port)
    now, end = (clock(at, morning.plan.timezone) for at in (morning.now, morning.end_at))
    print(WORDS.say(language, "console", "screen", address=screen.address, speed=f"{speed:g}", now=now))
    print(WORDS.say(language, "console", "ends", end=end), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        screen.run(speed, morning.end_at)


def _read(path: Path) -> list[Click]:
    try:
        return CLICKS.validate_json(path.read_bytes())
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ScenarioError(f"{path}: holds no clicks of a practice: {error}") from error


def _as_json(score: Score) -> dict[str, object]:
    return {"total": score.total, "minutes": score.minutes, "counts": score.counts}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m sim practice", description="You are at the screen.")
    parser.add_argument("scenario", nargs="?", help="name of a scenario (python3 -m sim --list) or a .toml file")
    parser.add_argument("--day", type=date.fromisoformat, help="a day on record instead, YYYY-MM-DD")
    parser.add_argument("--data", type=Path, help="the folder of its record ([store] url), or the one that holds it")
    parser.add_argument("--plan", help="its plan, a GTFS folder or zip (default: the demo area)")
    parser.add_argument("--seed", type=int, help="another roll of the dice")
    parser.add_argument("--speed", type=float, default=5.0, help="times as fast as life (default 5)")
    parser.add_argument("--port", type=int, default=0, help="of the screen (default: any)")
    parser.add_argument("--clicks", type=Path, help="play these clicks of an earlier practice, without a screen")
    parser.add_argument("--folder", type=Path, default=Path(), help="where score and clicks go (default: here)")
    parser.add_argument("--language", choices=("zh", "en"), default="en", help="of what is printed here")
    parser.add_argument("--json", action="store_true", help="the score as JSON on standard output")
    return parser
