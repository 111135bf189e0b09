"""Every bench: what it is about, what its end says, with which dice, and how it is run in ten minutes.

The numbers that are asked of them stand in goals.py; what a bench's own judge asks is said here, by `ends_well`.
"""

import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
DEVICES = ("binroom", "truck")  # folders that are part of a bench's name
# Not in bench/ because the tests run their short versions.
ELSEWHERE = {"kill": [sys.executable, "-m", "tests.support.kill.run"],
             "bookings": [sys.executable, "-m", "tests.support.bookings.run"],
             "bookings_killed": [sys.executable, "-m", "tests.support.bookings.killed"],
             "faults": [sys.executable, "-m", "tests.support.faults.run"],
             "store_faults": [sys.executable, "-m", "tests.support.record.store_faults"],
             "long_tests": [sys.executable, "-m", "pytest", "-m", "long", "-n", "2"]}  # fmt: skip


class Bench(NamedTuple):
    """One of them; `quick` are the options of its short run, None where it has none."""

    about: str
    ends_well: str  # what is true when it ends with 0; empty where only numbers are asked
    seeds: str = "none"
    quick: tuple[str, ...] | None = None
    usual: tuple[str, ...] = ()


CATALOGUE = {
    "cell": Bench("a cell of 400 trucks and 1,000 rooms, each a real MQTT client", "", quick=("--quick",)),
    "growth": Bench("what a message costs with 100 to 6,400 trucks", "", quick=("--quick",)),
    "throughput": Bench("records stored a second, beside clients that only count; acks at a rate", "",
                        quick=("--quick",)),
    "flood": Bench("one account floods a whole cell: what everybody else waits for", "every shape keeps its limits",
                   quick=("positions", "--seconds", "3")),
    "silence": Bench("a plan of which nothing is heard; one position", "", quick=()),
    "store": Bench("the record beside bare sqlite3", "", "1", quick=("--quick",)),
    "store_faults": Bench("the record under cuts, full disks and kill -9", "nothing acknowledged is missing", "fixed"),
    "stream": Bench("the screen's stream in an area of 4,000 rooms", ""),
    "screen": Bench("what the operations room costs a browser", ""),
    "playback": Bench("looking back at a second of a stored day", "", "1"),
    "registers": Bench("a register's save, and kill -9 in the midst of it", "", "1",
                       quick=("--kills", "20", "--rounds", "20")),
    "wire_fuzz": Bench("rubbish at the bridge's door", "every message was refused or taken, none raised", "5",
                       quick=("20000",)),
    "kill": Bench("trucks, rooms, bridge and broker killed", "nothing is missing, nothing is there twice", "1",
                  quick=("--seconds", "30", "--trucks", "6"), usual=("--seconds", "180")),
    "faults": Bench("faults on real parts, one after the other", "everybody speaks again, nothing is missing or twice",
                    "1"),
    "bookings": Bench("bookings, many at once", "nobody was booked twice", "fixed"),
    "bookings_killed": Bench("bookings while the bridge is killed", "no answer was lost, none given twice", "fixed"),
    "eta": Bench("arrivals of buses, beside plain ways and a learned model", "every goal in strict order is met",
                 "strict order of time"),
    "eta_sim": Bench("lamp leads and arrivals in a world of trucks, beside an oracle", "every goal is met", "1-3"),
    "outside": Bench("minutes that bins stand outside and trucks wait", "it was played to its end", "1-4",
                     quick=("--seeds", "1")),
    "replan": Bench("re-planning beside a solver", "", "0-23 and 0-3"),
    "rough": Bench("days with each kind of roughness", "99 % of the visits are right, none is invented", "1-10",
                   quick=("jams", "--days", "1")),
    "teach": Bench("a route driven once and taught", "no stop is missed or invented beyond the share of its kind",
                   "0-19", quick=("--seeds", "2")),
    "search": Bench("planted faults, found by the search", "each is found within ten minutes", "of each fault"),
    "soak": Bench("a week in virtual time with random faults", "nothing lost, doubled, wrongly lit, grown or stuck",
                  "1", quick=("--days", "1")),
    "sim": Bench("how fast the simulator is", "the long scenarios hold", "of each scenario"),
    "flash_cuts": Bench("the power cut at each block write of an upgrade", "each next run ends well", "all cuts"),
    "binroom.memory": Bench("the unit's heap over 24 hours", "it does not grow", quick=("--hours", "1")),
    "binroom.power": Bench("the power cut at each block write of a unit", "no record is lost or torn", "all cuts"),
    "truck.gps": Bench("the GPS reader under fuzz", "it never raised", "2026", quick=("100000",)),
    "truck.idle": Bench("the truck agent at rest, beside a bare loop", "it was measured to its end", quick=("20",)),
    "truck.kill": Bench("agent and broker killed", "no press is lost or changed", "2026", quick=("10",)),
    "truck.outbox": Bench("what an hour of driving writes to the card", "it was measured to its end"),
    "long_tests": Bench("the tests that take minutes", "all of them pass", "of each test"),
}


def commands() -> dict[str, list[str]]:
    """All benchmarks there are, each with its command; one is called as its file is, those of a device with its name
    before it."""
    files = (path.relative_to(HERE).with_suffix("") for path in HERE.glob("*/*.py") if path.stem != "__init__")
    found = {(".".join(path.parts) if path.parts[0] in DEVICES else path.name): path for path in files}
    ours = {name: [sys.executable, "-m", ".".join(("bench", *path.parts))] for name, path in found.items()}
    return dict(sorted((ours | ELSEWHERE).items()))
