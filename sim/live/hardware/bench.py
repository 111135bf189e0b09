"""Which devices of a run are hardware, where they are, how they find the broker, and what cannot be driven there.

    python3 -m sim SCENARIO --live --truck t01=192.0.2.21 --room r03=bench --bench 192.0.2.10:1884 --keys keys

A truck's address is where the simulator is its receiver: a serial line of this machine (`/dev/ttyUSB0`) or HOST[:PORT].
A room's is for people: what the by-hand instructions call it.
"""

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broker.config.values import is_loopback
from sim.live.relay import Door
from sim.scenario.director import Director
from sim.scenario.scenario import Demand, Scenario, ScenarioError

FIRST_PORT = 1884
RECEIVER_PORT = 2948  # where a truck's computer awaits its receiver, unless said otherwise
BY_LIGHT = ("light_stages", "acknowledged")
BY_EVERY_LAMP = ("never_dark_while_unknown", "invariants")
OF_DEVICE = ("truck", "room", "device")
NOT_BY_HAND = ("power_cut_after_press", "cell_drift")  # a moment, or a wrong weight, that no hand can give


@dataclass(frozen=True, slots=True)
class Bench:
    """The hardware beside a run: addresses by id, and where this machine is reached by it."""

    trucks: Mapping[str, str] = field(default_factory=dict)
    rooms: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    first_port: int = FIRST_PORT
    keys: Path = Path("bench-keys")

    @property
    def devices(self) -> dict[str, str]:
        """All addresses."""
        return {**self.trucks, **self.rooms}

    def port(self, device: str) -> int:
        """Where this device finds the broker: a door of its own, which can be shut."""
        return self.first_port + list(self.devices).index(device)

    def key(self, device: str) -> Path:
        """The file with its password, made if it is not there: whoever sets the device up copies it.

        Raises ScenarioError for one that cannot be used.
        """
        path = self.keys / device
        try:
            if not path.exists():
                self.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
                with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                    file.write(secrets.token_urlsafe(18) + "\n")
            is_empty = not path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as why:
            raise ScenarioError(f"--keys: {path} cannot be used ({why}); name a folder of your own") from why
        if is_empty:
            raise ScenarioError(f"--keys: {path} is empty; write the device's password there, or remove it")
        return path

    def door(self, device: str, broker_port: int) -> Door:
        """Its way to the broker; raises ScenarioError where this machine cannot be met there."""
        place = self.host, self.port(device)
        try:
            return Door("127.0.0.1", broker_port, place)
        except OSError as why:
            said = f"--bench: {device} cannot be met at {place[0]}:{place[1]} ({why.strerror})"
            raise ScenarioError(f"{said}; name an address of this machine and a port that is free") from why

    def must_fit(self, director: Director, rooms: Sequence[str]) -> None:
        """Raises ScenarioError for hardware that has no place in this run."""
        for family, named, known in (("truck", self.trucks, director.truck_ids), ("room", self.rooms, rooms)):
            for name in named:
                if name not in known:
                    there = " ".join(known)
                    raise ScenarioError(f"--{family} {name}: no such {family} in this scenario; there are {there}")

    def said(self) -> Iterator[str]:
        """How each device is to be set up."""
        for name, address in self.devices.items():
            way = f"its receiver is this run, at {address}" if name in self.trucks else f"it stands at {address}"
            yield f"{name} is hardware: {way}; broker {self.host}:{self.port(name)}, user {name}, key {self.key(name)}"
        if not is_loopback(self.host):
            yield f"{self.host} is open to the network without TLS while this runs: on a network of yours alone"

    def undriven(self, scenario: Scenario) -> Iterator[str]:
        """What of this scenario cannot be driven or judged from here, each by name."""
        for name in self.trucks:
            yield f"{name}: its light is not seen; button and plug are a person's; presses are dated by the truck"
        for name in self.rooms:
            yield f"{name}: its lamps are taken from its own word (`lit` is read back from the pin), not seen"
        for happening in scenario.happenings:
            whom = next((happening.values[key] for key in OF_DEVICE if happening.values.get(key) in self.devices), None)
            if whom is not None and happening.kind in NOT_BY_HAND:
                yield f"{whom}: {happening.kind} cannot be done by hand as exactly as it is meant"
            elif happening.kind == "press" and whom is not None and happening.values["chatters"]:
                yield f"{whom}: a wire that chatters cannot be had by hand: a plain press is asked for"
        for demand in scenario.demands:
            if not self.can_judge(demand):
                yield f"[[expect]] {demand.kind} is not judged: it needs eyes on the hardware; see the list at the end"

    def can_judge(self, demand: Demand) -> bool:
        """Whether broker and record say enough for this expectation."""
        if demand.kind in BY_LIGHT:
            return demand.values["truck"] not in self.trucks
        return not (demand.kind in BY_EVERY_LAMP and self.devices)


def bench_of(trucks: Sequence[str], rooms: Sequence[str], at: str, keys: Path) -> Bench | None:
    """The hardware that a command line names, or None; raises ScenarioError."""
    if not (trucks or rooms):
        return None
    host, port = _place(at, "--bench")
    found = {}
    for family, entries in (("truck", trucks), ("room", rooms)):
        named: dict[str, str] = {}
        for entry in entries:
            name, _, address = entry.partition("=")
            if not name or not address:
                raise ScenarioError(f"--{family} {entry}: write it as --{family} ID=ADDRESS")
            if name in named:
                raise ScenarioError(f"--{family} {name} is named twice")
            if family == "truck" and not address.startswith("/"):
                address = address if ":" in address else f"{address}:{RECEIVER_PORT}"
                _place(address, f"--truck {name}")
            named[name] = address
        found[family] = named
    return Bench(found["truck"], found["room"], host, port, keys)


def _place(text: str, where: str) -> tuple[str, int]:
    found = re.fullmatch(r"([^\s:/]+):(\d{1,5})", text)
    if found is None or not 0 < int(found[2]) < 65536:
        line = " or a serial line such as /dev/ttyUSB0" if where.startswith("--truck") else ""
        raise ScenarioError(f"{where} {text}: write HOST:PORT{line}")
    return found[1], int(found[2])
