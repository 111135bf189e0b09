"""Faults on real parts, one after the other or each by itself, and what came of it.

`.venv/bin/python -m tests.support.faults.run [FAULT ...] [--seed N] [--for SECONDS]` plays each in a street of its own
(default: all) and prints a line of JSON for it. After each everybody must speak and be answered again, nothing that a
device kept may be missing or there twice, and no lamp that was called may have been dark.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from sim.live.devices import spoil
from sim.live.faults.plan import planned
from tests.support.faults.machines import faketime
from tests.support.faults.street import BACK_S, CALLED, MORNING, NEXT_DAY, NIGHT, ROOMS, Street
from tests.support.kill.run import Outcome, judged
from tests.support.processes import REPO, wait_until

DARK_S = 10.0  # a lamp that knows nothing flashes each 5 s; longer than this is dark
UNKNOWN_S = 110.0  # a room that has not heard for so long must say so
DAY_S = 86_400
RIGHT_S = 90.0  # so near a time is the right one
DISK = "192m"  # so that the bridge begins with room, and has none when it is filled
BEFORE = "1a719f2e"  # with the record as it is now, before the bridge doubted its clock
RELEASE_0_2_0 = "289e7ab7"  # its last commit; its record was another


class CannotBePlayedError(Exception):
    """What a fault needs is not on this machine; the text says what."""


@dataclass
class Played:
    """A fault, and what came of it."""

    fault: str
    seed: int
    lasted_s: float = 0.0
    back_after_s: float = 0.0  # until every device had said something new and was answered
    presses: int = 0
    stored: int = 0
    dark_s: float = 0.0  # the longest that a called lamp was dark
    late_s: float = 0.0  # that processes waited for a core: a lamp may be dark so much longer
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


Deed = Callable[[Street, float, Played], None]


def _freeze(what: str) -> Deed:
    def do(street: Street, for_s: float, played: Played) -> None:
        street.freeze(what, True)
        time.sleep(for_s)
        street.freeze(what, False)

    return do


def _kill_broker(street: Street, for_s: float, played: Played) -> None:
    street.broker.kill()
    time.sleep(for_s)
    street.broker.start()


def _kill_bridge(street: Street, for_s: float, played: Played) -> None:
    street.bridge.kill()
    time.sleep(for_s)
    street.start_bridge()


def _kill_truck(street: Street, for_s: float, played: Played) -> None:
    for truck in street.trucks.values():
        truck.kill()
    time.sleep(for_s)
    for truck in street.trucks.values():
        truck.start()


def _kill_unit(street: Street, for_s: float, played: Played) -> None:
    street.units[ROOMS[0]].kill()
    time.sleep(for_s)
    street.units[ROOMS[0]].start()


def _spoil(*, gone: bool) -> Deed:
    def do(street: Street, for_s: float, played: Played) -> None:
        street.broker.kill()
        spoil(street.broker.folder / street.broker.KEPT, gone=gone)
        time.sleep(for_s)
        street.broker.start()
        played.notes += street.broker.notes

    return do


def _clock(machine: str, by_s: int) -> Deed:
    def do(street: Street, for_s: float, played: Played) -> None:
        street.machines[machine].set_wrong(by_s)
        time.sleep(for_s)
        played.notes.append(f"whole after {street.is_whole('while the clock is wrong'):.1f} s with the wrong clock")
        street.machines[machine].set_wrong(0)
        time.sleep(2)

    return do


def _starts_with_wrong_clock(by_s: int) -> Deed:
    def do(street: Street, for_s: float, played: Played) -> None:
        """The machine was off, and comes up with the clock wrong: two receivers, or the record, know better."""
        street.bridge.kill()
        street.machines["bridge"].set_wrong(by_s)
        time.sleep(2)
        street.start_bridge()
        began_s = time.monotonic()
        wait_until(lambda: abs(_time_of(street) - street.now) < RIGHT_S, "the bridge has the trucks' time", BACK_S)
        played.notes.append(f"the right time {time.monotonic() - began_s:.1f} s after its screen answered")
        street.is_whole("while the clock is wrong")
        time.sleep(for_s)
        if abs(_time_of(street) - street.now) > RIGHT_S:
            played.wrong.append("the bridge went back to a wrong time")
        street.machines["bridge"].set_wrong(0)
        time.sleep(2)

    return do


def _fill_disk(street: Street, for_s: float, played: Played) -> None:
    filler = street.bridge.folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass
    time.sleep(for_s)
    said = [row["word"] for row in street.bridge.get("/api/v1/picture")["health"]]
    if "store_trouble" not in said:
        played.wrong.append(f"the screen does not say that the disk is full: {said}")
    filler.unlink()


def _upgrade(street: Street, for_s: float, played: Played) -> None:
    """A second process on the same folder is refused; then one goes in order and the next begins, under load."""
    config = street.bridge.folder / "broker.toml"
    second = subprocess.run(
        [sys.executable, "-m", "broker", "--config", str(config)], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    played.notes.append(f"a second bridge beside it: exit code {second.returncode}, {second.stderr.strip()[-160:]}")
    if second.returncode == 0:
        played.wrong.append("two bridges on one folder")
    time.sleep(for_s)
    began_s = time.monotonic()
    street.bridge.stop()
    street.start_bridge()
    played.notes.append(f"no bridge for {time.monotonic() - began_s:.1f} s")


def _rollback(street: Street, for_s: float, played: Played) -> None:
    """To older code that knows this form of the record, and back, under load."""
    street.bridge.stop()
    street.bridge.repo = _older(street.folder, BEFORE)
    street.start_bridge()
    played.notes.append(f"the older code is whole after {street.is_whole('with the older code'):.1f} s")
    time.sleep(for_s)
    street.bridge.stop()
    street.bridge.repo = REPO
    street.start_bridge()


def _rollback_too_far(street: Street, for_s: float, played: Played) -> None:
    """To a release with another form of the record: it ends and touches nothing; by an export it goes on, and back."""
    street.bridge.stop()
    street.bridge.repo = old = _older(street.folder, RELEASE_0_2_0)
    try:
        street.start_bridge()
        played.wrong.append("0.2.0 runs on a record that it does not know")
    except AssertionError as why:
        played.notes.append(str(why).strip().splitlines()[-1])
    records, kept = street.bridge.folder / "records", street.folder / "records.jsonl"
    played.notes.append(_typed(street, REPO, "export", str(kept)))
    records.rename(records.with_name("records.newer"))
    played.notes.append(_typed(street, old, "import", str(kept)))
    street.start_bridge()
    played.notes.append(f"0.2.0 is whole after {street.is_whole('with 0.2.0'):.1f} s")
    time.sleep(for_s)
    street.bridge.stop()
    street.bridge.repo = REPO
    street.start_bridge()


def _typed(street: Street, repo: Path, *command: str) -> str:
    """What a command of that code says of the bridge's folder; it has to be content."""
    config = street.bridge.folder / "broker.toml"
    done = subprocess.run(
        [sys.executable, "-m", "broker", "--config", str(config), *command], cwd=repo, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-400:]}{done.stderr[-800:]}"
    return f"{command[0]}: {(done.stdout or done.stderr).strip().splitlines()[-1]}"


def _older(folder: Path, commit: str) -> Path:
    old = folder / "old"
    old.mkdir()
    packed = subprocess.run(["git", "-C", REPO, "archive", commit], capture_output=True)
    if packed.returncode:
        raise CannotBePlayedError(f"the history has no commit {commit}: {packed.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", old], input=packed.stdout, check=True)
    return old


def _day_changes(street: Street, for_s: float, played: Played) -> None:
    """Midnight passes, a minute and a half after the beginning."""
    played.notes.append(f"it was {_day_of(street)} when everybody was up")
    wait_until(lambda: _day_of(street) == NEXT_DAY, "the next day begins", BACK_S)
    time.sleep(for_s)


def _time_of(street: Street) -> float:
    return float(street.bridge.get("/api/v1/picture")["at"])


def _day_of(street: Street) -> str:
    return datetime.datetime.fromtimestamp(_time_of(street), ZoneInfo("Asia/Shanghai")).date().isoformat()


def _network(street: Street, for_s: float, played: Played) -> None:
    street.network.go()
    time.sleep(for_s)
    played.notes.append(f"plans of the network by seed {played.seed}, {for_s:g} s")


DEEDS: dict[str, Deed] = {
    "network": _network,
    "freeze_broker": _freeze("broker"),
    "freeze_bridge": _freeze("bridge"),
    "freeze_truck": _freeze(CALLED),
    "freeze_unit": _freeze(ROOMS[0]),
    "kill_broker": _kill_broker,
    "kill_bridge": _kill_bridge,
    "kill_truck": _kill_truck,
    "kill_unit": _kill_unit,
    "full_disk": _fill_disk,
    **{f"clock_{machine}_{word}": _clock(machine, by_s) for machine in ("broker", "bridge", "truck")
       for word, by_s in (("day_ahead", DAY_S), ("day_behind", -DAY_S))},
    "clock_bridge_starts_day_ahead": _starts_with_wrong_clock(DAY_S),
    "clock_bridge_starts_day_behind": _starts_with_wrong_clock(-DAY_S),
    "broker_file_lost": _spoil(gone=True),
    "broker_file_spoilt": _spoil(gone=False),
    "upgrade": _upgrade,
    "rollback": _rollback,
    "rollback_too_far": _rollback_too_far,
    "day_change": _day_changes,
}  # fmt: skip
USUAL_S = {"network": 120.0, "freeze_broker": 130.0, "freeze_bridge": 130.0, "kill_broker": 130.0, "kill_bridge": 130.0}
OTHERS_S = 20.0
SILENT = ("freeze_broker", "freeze_bridge", "kill_broker", "kill_bridge")  # nobody hears the bridge meanwhile
MACHINES = ("broker", "bridge", "truck", "unit")
NOT_SEEN = ("freeze_unit", "kill_unit")  # whose own lamp does not work meanwhile


def play(folder: Path, *steps: Sequence[str], seed: int, for_s: float | None = None) -> Played:
    """Play some faults in one street; raises CannotBePlayedError before it begins.

    A step begins when all is whole after the one before; in it, faults of different machines come at once.
    """
    faults = [fault for step in steps for fault in step]
    clocks = any(fault.startswith("clock_") for fault in faults)
    if clocks and faketime() is None:
        raise CannotBePlayedError("faketime is not installed: apt-get install faketime")
    lengths = {fault: for_s or USUAL_S.get(fault, OTHERS_S) for fault in faults}
    names = (CALLED, "t41", "t42", *ROOMS, "bridge")
    plans = {name: planned(seed, name, lengths["network"]) for name in names} if "network" in faults else None
    by_night = "day_change" in faults
    played = Played(" ".join(faults), seed)
    # What a thread starts ends with it: those of the machines last as long as the street.
    with ThreadPoolExecutor() as machines, _disk(folder / "bridge", small="full_disk" in faults):
        street = Street(folder, seed=seed, hour=NIGHT if by_night else MORNING, clocks=clocks, plans=plans)
        try:
            street.start(called=not by_night)
            for step in steps:
                _some(street, step, lengths, played, machines, called=not by_night)
            street.rest()
        finally:
            street.stop()
        gapless = [*ROOMS, *([] if "kill_truck" in faults else [CALLED])]
        outcome = judged(folder, list(street.trucks.values()), Outcome(), gapless)
    played.presses, played.stored = outcome.presses, outcome.stored
    played.wrong += [f"missing: {one}" for one in outcome.missing] + [f"twice: {one}" for one in outcome.repeated]
    return played


def _some(
    street: Street, faults: Sequence[str], lengths: dict[str, float], played: Played, machines: Executor, *,
    called: bool,
) -> None:  # fmt: skip
    began_s = time.monotonic()
    _do(street, faults, lengths, played, machines)
    ended_s = time.monotonic()
    what = " and ".join(faults)
    played.lasted_s = round(played.lasted_s + ended_s - began_s, 1)
    back_s = street.is_whole(f"after {what}")
    played.back_after_s = max(played.back_after_s, round(back_s, 1))
    played.late_s = round(street.late_s, 1)
    silent_s = max((lengths[fault] for fault in faults if fault in SILENT), default=0.0)
    for room in ROOMS if called else ():
        if room == ROOMS[0] and not set(faults).isdisjoint(NOT_SEEN):
            continue
        dark_s = street.dark_s(room, began_s, time.monotonic())
        played.dark_s = max(played.dark_s, round(dark_s, 1))
        if dark_s > DARK_S + played.late_s:
            played.wrong.append(f"{what}: the lamp of {room} was called and dark for {dark_s:.1f} s")
        if silent_s > UNKNOWN_S and street.dark_s(room, began_s + UNKNOWN_S, ended_s) < 1:
            played.wrong.append(f"{what}: the lamp of {room} says nothing of a silence of {silent_s:g} s")


def _do(
    street: Street, faults: Sequence[str], lengths: dict[str, float], played: Played, machines: Executor
) -> None:
    """Those of one machine one after the other, different machines at once."""
    lanes: dict[str, list[str]] = {}
    for fault in faults:
        lanes.setdefault(next((word for word in MACHINES if word in fault), fault), []).append(fault)

    def lane(these: list[str]) -> None:
        for fault in these:
            DEEDS[fault](street, lengths[fault], played)

    list(machines.map(lane, lanes.values()))


@contextmanager
def _disk(folder: Path, *, small: bool) -> Iterator[None]:
    """The bridge's folder on a small file system of its own, where that is wanted."""
    if not small:
        yield
        return
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", folder], capture_output=True)
    if mounted.returncode:
        raise CannotBePlayedError(f"a full disk needs the right to mount one: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def main() -> int:
    """Print a line for each; 1 if anything was wrong."""
    top = argparse.ArgumentParser(prog="python -m tests.support.faults.run", description=__doc__.partition("\n")[0])
    top.add_argument("faults", nargs="*", help=f"which (default: all): {' '.join(DEEDS)}")
    top.add_argument("--seed", type=int, default=1)
    top.add_argument("--for", dest="for_s", type=float, help="how long each lasts, in seconds (default: by its kind)")
    top.add_argument("--at-once", action="store_true", help="all of them in one street, different machines at once")
    args = top.parse_args()
    if unknown := [fault for fault in args.faults if fault not in DEEDS]:
        top.error(f"no fault {unknown[0]!r}; there are {' '.join(DEEDS)}")
    failed = False
    one_by_one = [[fault] for fault in args.faults or DEEDS]
    for faults in [args.faults] if args.at_once and args.faults else one_by_one:
        fault = " ".join(faults)
        with tempfile.TemporaryDirectory(prefix="zhanpai-faults-") as folder:
            try:
                played = play(Path(folder), faults, seed=args.seed, for_s=args.for_s)
            except CannotBePlayedError as why:
                print(f"NOT RUN: {fault}: {why}", flush=True)
                continue
            except (AssertionError, OSError, subprocess.SubprocessError) as why:  # others go on
                played = Played(fault, args.seed, wrong=[str(one) for one in (why, why.__context__) if one])
        print(json.dumps(asdict(played), ensure_ascii=False), flush=True)
        failed = failed or bool(played.wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
