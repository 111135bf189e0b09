"""The kill run: many trucks and rooms for real, with truck agents, bin-room units, bridge and broker killed (-9).

`.venv/bin/python -m tests.support.kill.run [--seconds N] [--trucks N] [--rooms N] [--seed N]` prints what it did and
what is missing.
At the end every press that a truck's outbox made durable, and every report of every boot of every unit, must be in
the store exactly once.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broker.mqtt.own_broker.child import die_with_parent
from broker.mqtt.own_broker.mosquitto import EmbeddedBroker
from broker.store import Record
from broker.store.opening import open_store
from sim.micropython.running import RunningUnit, simple_settings
from tests.support.processes import REPO, BridgeProcess, mosquitto, wait_until

IN_PIN, OUT_PIN = 5, 6
SETTLE_S = 60.0


@dataclass
class Outcome:
    """What a kill run did and found."""

    kills: Counter[str] = field(default_factory=Counter)
    presses: int = 0
    bin_reports: int = 0
    missing: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    stored: int = 0


class Truck:
    """One truck agent process and its witness."""

    def __init__(self, folder: Path, name: str, port: int, seed: int, *, has_receiver: bool = False) -> None:
        """Without a receiver every record is on its disk before it is sent: a position may die with its process."""
        self.name, self.seed, self.starts = name, seed, 0
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.witness = self.folder / "witness"
        (self.folder / "secret").write_text(f"pw-{name}")
        (self.folder / "secret").chmod(0o600)
        (self.folder / "truck.toml").write_text(
            f'[truck]\nid = "{name}"\narea = "xh"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n'
            f'password_file = "{self.folder / "secret"}"\n[gps]\nport = "{"/dev/null" if has_receiver else "none"}"\n'
            f'[outbox]\npath = "{self.folder / "outbox.db"}"\nbatch_s = 1\n'
        )
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, *how: str) -> None:
        """Power on; `at-rest` with a driver who presses nothing."""
        self.starts += 1
        argv = [sys.executable, "-m", "tests.support.kill.truck", str(self.folder / "truck.toml"), str(self.witness)]
        with (self.folder / "log").open("ab") as log:
            self.child = subprocess.Popen(
                [*argv, f"{self.seed} {self.name} {self.starts}", *how], cwd=REPO, stdout=log, stderr=log,
                preexec_fn=die_with_parent,
            )

    def kill(self) -> None:
        """Power off without a word."""
        if self.child is not None:
            self.child.kill()
            self.child.wait(10)

    def presses(self) -> list[tuple[int, int]]:
        """(boot, seq) of every press the outbox made durable."""
        if not self.witness.exists():
            return []
        rows = [line.split() for line in self.witness.read_text().splitlines()]
        return [(int(row[0]), int(row[1])) for row in rows if len(row) == 2]


def _unit(folder: Path, name: str, port: int) -> RunningUnit:
    settings = simple_settings(name, "xh", ["residential_wet"])
    settings["sensors"] = [{"kind": "beam", "waste": "residential_wet", "in_pin": IN_PIN, "out_pin": OUT_PIN}]
    return RunningUnit(folder / name, settings, "127.0.0.1", port, f"pw-{name}")


def _holes(records: list[Record]) -> Iterator[str]:
    """Numbers of a boot that are not stored though later ones of it are."""
    seen: dict[tuple[str, int], set[int]] = {}
    for record in records:
        seen.setdefault((record.body["device"], record.body["boot"]), set()).add(record.body["seq"])
    for (device, boot), numbers in sorted(seen.items()):
        for seq in range(1, max(numbers)):
            if seq not in numbers:
                yield f"{device}:{boot}:{seq}"


def run(folder: Path, *, seconds: float, trucks: int, rooms: int, seed: int) -> Outcome:
    """Play one kill run in `folder`."""
    dice = random.Random(seed)
    outcome = Outcome()
    truck_names = [f"t{i:02d}" for i in range(1, trucks + 1)]
    room_names = [f"r{i:02d}" for i in range(1, rooms + 1)]
    broker = mosquitto(folder / "mosquitto", *truck_names, *room_names)
    bridge = BridgeProcess(folder / "bridge", broker.port)
    fleet = [Truck(folder, name, broker.port, seed) for name in truck_names]
    units = [_unit(folder, name, broker.port) for name in room_names]
    try:
        bridge.start()
        for part in (*units, *fleet):
            part.start()
        _play(dice, seconds, broker, bridge, fleet, units, outcome)
        for truck in fleet:  # a last life for everybody, so that what waits can be handed over
            truck.kill()
            truck.start("at-rest")
        wait_until(lambda: _all_settled(fleet, bridge), "the trucks' outboxes are handed over", SETTLE_S)
        # What a unit sent to a bridge that was killed it sends again, up to half a minute later.
        give_up_at = time.monotonic() + SETTLE_S
        while True:
            time.sleep(3)
            bridge.stop()
            if time.monotonic() > give_up_at or not list(_holes(list(_stored(folder)))):
                break
            bridge.start()
    finally:
        for truck in fleet:
            truck.kill()
        for unit in units:
            unit.stop()
        bridge.stop()
        broker.stop()
    return judged(folder, fleet, outcome)


def _play(
    dice: random.Random, seconds: float, broker: EmbeddedBroker, bridge: BridgeProcess, fleet: list[Truck],
    units: list[RunningUnit], outcome: Outcome,
) -> None:
    end = time.monotonic() + seconds
    plan = ["bridge", "broker"] * max(1, int(seconds / 12))
    plan += ["truck"] * int(seconds / 1.5) + ["unit"] * int(seconds / 5)
    dice.shuffle(plan)
    pause_s = seconds / (len(plan) + 1)
    for what in plan:
        step_end = time.monotonic() + dice.uniform(0.4, 1.6) * pause_s
        while time.monotonic() < step_end:
            for unit in units:  # a bin passes the beam
                pin = dice.choice((IN_PIN, IN_PIN, OUT_PIN))
                unit.panel.drive(pin, 0)
                time.sleep(0.03)
                unit.panel.drive(pin, 1)
            time.sleep(0.3)
        outcome.kills[what] += 1
        if what == "truck":
            truck = dice.choice(fleet)
            truck.kill()
            truck.start()
        elif what == "unit":
            unit = dice.choice(units)
            unit.kill()
            unit.start()
        elif what == "bridge":
            bridge.kill()
            bridge.start()
        else:
            broker.kill()
            time.sleep(dice.uniform(0.0, 1.0))
            broker.start()
        if time.monotonic() > end + 120:
            break


def _all_settled(fleet: list[Truck], bridge: BridgeProcess) -> bool:
    wanted = {(truck.name, f"{truck.name}-{boot}-{seq}") for truck in fleet for boot, seq in truck.presses()}
    try:
        known = {(row["truck"], row["incident_id"]) for row in bridge.get("/api/v1/incidents")}
    except OSError:
        return False
    return wanted <= known


def _stored(folder: Path) -> Iterator[Record]:
    """What devices sent and a bridge that is stopped has."""
    store = open_store(folder / "bridge" / "records", area="xh", timezone="Asia/Shanghai", now=time.time)
    try:
        for kind in ("incident", "bins", "keeper", "lamp", "fix"):
            yield from store.scan(kind)
    finally:
        store.close()


def judged(folder: Path, fleet: Sequence[Truck], outcome: Outcome, gapless: Collection[str] | None = None) -> Outcome:
    """What is missing and what is there twice, by the record of a bridge that is stopped.

    `gapless` are the devices that were not killed while they kept positions; None: all.
    """
    everything = list(_stored(folder))
    outcome.stored = len(everything)
    counted = Counter((r.body["device"], r.body["boot"], r.body["seq"]) for r in everything)
    outcome.repeated = [":".join(map(str, key)) for key, count in counted.items() if count > 1]
    for truck in fleet:
        for boot, seq in truck.presses():
            outcome.presses += 1
            if counted[(truck.name, boot, seq)] == 0:
                outcome.missing.append(f"{truck.name}:{boot}:{seq} (a press)")
    outcome.bin_reports = sum(record.kind == "bins" for record in everything)
    outcome.missing += _holes([r for r in everything if gapless is None or r.body["device"] in gapless])
    return outcome


def main() -> int:
    """Print one run as JSON; 1 if anything is missing or there twice."""
    top = argparse.ArgumentParser(prog="python -m tests.support.kill.run", description="Kill everything, lose nothing.")
    top.add_argument("--seconds", type=float, default=240)
    top.add_argument("--trucks", type=int, default=20)
    top.add_argument("--rooms", type=int, default=4)
    top.add_argument("--seed", type=int, default=1)
    args = top.parse_args()
    with tempfile.TemporaryDirectory(prefix="zhanpai-kill-") as folder:
        outcome = run(Path(folder), seconds=args.seconds, trucks=args.trucks, rooms=args.rooms, seed=args.seed)
    print(json.dumps({**outcome.__dict__, "kills": dict(outcome.kills)}))
    return 1 if outcome.missing or outcome.repeated else 0


if __name__ == "__main__":
    sys.exit(main())
