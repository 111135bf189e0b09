"""`python3 -m tests.support.bookings.killed [--count N]`: two people book over HTTP while the bridge is killed (-9).

Each of them does one short thing after the other about the same piles: a window, a hold, a booking, a yes or a cancel.
What is not answered is sent again with the same key, once the bridge is back. After each start, and at the end, no
window of a pile is booked twice, no hold has outlived its end, and whatever was answered is known.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from broker.mqtt.own_broker.child import free_port
from broker.people.people import People
from broker.people.roles import Scope
from broker.rules.states.booking import PLACED
from tests.support.people import QUICK
from tests.support.processes import BridgeProcess, offset_to, wait_until

COUNT = 1_000
EACH_KILL = 12  # things that are done before the next kill
HOLD_S = 30
LITRES = 30  # so little that no pile is full before the end
PATIENCE_S = 600.0  # on a busy machine everything else may come first
PILES = ("p01", "p08")
API = "/api/v1/bookings"


@dataclass
class Town:
    """One bridge, who may ask it, and what they were answered."""

    bridge: BridgeProcess
    tokens: dict[str, str]
    known: dict[str, int] = field(default_factory=dict)  # booking: the version that somebody was told
    done: Counter[str] = field(default_factory=Counter)
    begun: "count[int]" = field(default_factory=count)
    over: threading.Event = field(default_factory=threading.Event)
    faults: list[str] = field(default_factory=list)

    def ask(self, who: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer, however often the bridge is killed meanwhile; None where it is refused."""
        key = f"{who}-{next(self.begun)}"
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Content-Type": "application/json",
                   **({} if body is None else {"Idempotency-Key": key})}  # fmt: skip
        data = None if body is None else json.dumps(body).encode()
        while not self.over.is_set():
            request = urllib.request.Request(f"http://127.0.0.1:{self.bridge.port}{path}", data, headers)
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as why:
                text = why.read().decode(errors="replace")
                if why.code in (429, 503, 504) or "being done just now" in text:
                    time.sleep(0.2)
                    continue
                unknown = "nobody knows" in text
                self.done["unknown" if unknown else f"refused {why.code}"] += 1
                if not unknown and why.code not in (403, 409):
                    self.faults.append(f"{path}: {why.code} {text[:200]}")
                return None
            except OSError:
                time.sleep(0.05)  # it was killed
        return None

    def note(self, booking: dict[str, Any]) -> None:
        """Somebody was answered this."""
        name = booking["booking_id"]
        self.known[name] = max(self.known.get(name, 0), booking["version"])


def one_thing(town: Town, who: str, dice: random.Random) -> None:
    """A window, a hold, and what comes of it."""
    pile = dice.choice(PILES)
    windows = town.ask(who, f"{API}/windows?pile={pile}&litres={LITRES}") or []
    if not windows:
        town.done["no window"] += 1
        return
    window = dice.choice(windows[:4])
    asked = {"pile": pile, "litres": LITRES, "truck": window["truck"], "from_at": window["from_at"]}
    held = town.ask(who, f"{API}/holds", asked)
    if held is None:
        return
    town.note(held)
    town.done["held"] += 1
    what = dice.random()
    if what < 0.15:
        return  # the form is left alone
    booked = town.ask(who, f"{API}/{held['booking_id']}/book", {"version": held["version"], "note": who})
    if booked is None:
        return
    town.note(booked)
    town.done["booked"] += 1
    last = booked
    if what < 0.5:
        yes = {"version": booked["version"], "run_version": booked["run_version"]}
        last = town.ask("dispatcher", f"{API}/{booked['booking_id']}/accept", yes) or booked
        town.note(last)
        town.done["accepted"] += last is not booked
    if what < 0.95:
        gone = town.ask(who, f"{API}/{last['booking_id']}/cancel", {"version": last["version"]})
        if gone is not None:
            town.note(gone)
            town.done["cancelled"] += 1


def check(town: Town) -> None:
    """What must be so whenever the bridge was started."""
    rows = town.ask("dispatcher", API)
    known = {row["booking_id"]: row for row in rows}
    for name, version in list(town.known.items()):
        if name not in known:
            town.faults.append(f"{name} is lost: version {version} was told")
        elif known[name]["version"] < version:
            town.faults.append(f"{name} is known as version {known[name]['version']}, and {version} was told")
    placed = sorted((row for row in rows if row["state"] in PLACED), key=lambda row: (row["pile"], row["from_at"]))
    for before, after in pairwise(placed):
        if before["pile"] == after["pile"] and after["from_at"] < before["until_at"]:
            town.faults.append(f"{before['booking_id']} and {after['booking_id']} have one window of {after['pile']}")


def people_in(folder: Path) -> dict[str, str]:
    """Two properties of the same two estates, and a dispatcher; their tokens."""
    people = People(folder, passwords=QUICK)
    scope = Scope(estates=("e01", "e08"))
    tokens = {who: people.add_token(who, ("property",), scope) for who in ("zhang", "li")}
    return {**tokens, "dispatcher": people.add_token("dispatcher", ("dispatcher",))}


def run(folder: Path, number: int, seed: int = 1) -> Town:
    """Do so many things, killing the bridge now and then; AssertionError if it does not come back."""
    extra = f"[bookings]\nhold_s = {HOLD_S}\n"
    bridge = BridgeProcess(folder / "bridge", free_port(), extra, offset_to(9.0))  # no broker: nobody speaks MQTT here
    tokens = people_in(bridge.folder / "data" / "people")
    bridge.start(PATIENCE_S)
    town, left = Town(bridge, tokens), count()

    def person(who: str) -> None:
        dice = random.Random(f"{seed} {who}")
        while next(left) < number and not town.over.is_set():
            one_thing(town, who, dice)
            town.done["things"] += 1

    dice = random.Random(seed)
    threads = [threading.Thread(target=person, args=(who,), daemon=True) for who in ("zhang", "li")]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            goal = town.done["things"] + dice.randint(EACH_KILL // 2, EACH_KILL)
            _await(town, goal, threads)
            time.sleep(dice.random() * 0.05)
            bridge.kill()
            bridge.start(PATIENCE_S)
            town.done["kills"] += 1
            check(town)
        bridge.kill()
        bridge.offset_s += HOLD_S + 5  # all that is held now has run out by then
        bridge.start(PATIENCE_S)
        wait_until(lambda: not [row for row in town.ask("dispatcher", API) if row["state"] == "held"],
                   "a hold that has run out is over")  # fmt: skip
        check(town)
    finally:
        town.over.set()
        for thread in threads:
            thread.join(30)
        bridge.kill()
    return town


def _await(town: Town, goal: int, threads: list[threading.Thread]) -> None:
    """Until so many things are done, or all of them."""
    wait_until(lambda: town.done["things"] >= goal or not any(one.is_alive() for one in threads),
               f"{goal} things are done; so far {dict(town.done)}, {town.bridge.log()}", PATIENCE_S)  # fmt: skip


def main() -> int:
    """Do all of it; 1 if anything was double, orphaned or lost."""
    top = argparse.ArgumentParser(prog="python3 -m tests.support.bookings.killed", description=__doc__)
    top.add_argument("--count", type=int, default=COUNT, help=f"how many things are done (default: {COUNT})")
    top.add_argument("--seed", type=int, default=1)
    args = top.parse_args()
    with tempfile.TemporaryDirectory(prefix="zhanpai-bookings-") as folder:
        town = run(Path(folder), args.count, args.seed)
    print(", ".join(f"{name} {number}" for name, number in sorted(town.done.items())))
    for fault in town.faults[:20]:
        print(f"FAULT: {fault}")
    print(f"{town.done['things']} things, {town.done['kills']} kills: {len(town.faults)} double, orphaned or lost")
    return 1 if town.faults else 0


if __name__ == "__main__":
    sys.exit(main())
