"""The weigh-ins of a weighbridge's file, each line checked; and what of them is on record already.

A line is the same weigh-in wherever it comes again: by its ticket, truck, time and kind it has one id, so the same file
twice, or a longer one that has the earlier lines too, stores nothing twice. The same load that somebody has typed in at
the station meanwhile is not counted again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from broker.plain_text import hidden_character
from broker.plan.model import Plan
from broker.reports.weighbridge.cells import grams_of, moment_of, plate, waste_of
from broker.reports.weighbridge.sheet import WEIGHTS, Bridge, Line
from broker.rules.settings import HEAVIEST_LOAD_GRAMS
from broker.rules.statistics.facts import Fact, text, weighing_at, whole

TYPED_WITHIN_S = 1800  # a load that was typed in has the time of the typing
ROUNDED = 0.001  # gross less tare is net, but for how scales round: this part of gross, or
ROUNDED_GRAMS = 20_000
LONGEST = 64


@dataclass(frozen=True, slots=True)
class Load:
    """One weigh-in of a line."""

    line: int
    truck: str
    waste: str
    grams: int
    at: int
    ticket: str
    run_id: str | None

    @property
    def key(self) -> str:
        """What tells it from all others; the same in each file that has it."""
        name = "\0".join((self.ticket, self.truck, self.waste, str(self.at)))
        return f"{self.truck}/b{blake2b(name.encode(), digest_size=8).hexdigest()}"

    def body(self, who: str) -> dict[str, Any]:
        """It as the body of a record."""
        return {"truck": self.truck, "run_id": self.run_id, "waste": self.waste, "grams": self.grams, "at": self.at,
                "who": who, "ticket": self.ticket or None}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a line is no weigh-in."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Registered:
    """Whose loads are taken: trucks by their id or plate, and the kind that each carries where it carries one."""

    trucks: Mapping[str, str]
    kinds: Mapping[str, str]

    @staticmethod
    def of(plan: Plan, plates: Mapping[str, str]) -> "Registered":
        """The trucks of a plan, and plates of them; raises ValueError for a plate of no truck."""
        for name, truck in plates.items():
            if truck not in plan.trucks():
                raise ValueError(f"--truck {name}={truck}: no truck {truck!r} in the plan; {' '.join(plan.trucks())}")
        carried: dict[str, set[str]] = {truck: set(vehicle.wastes) for truck, vehicle in plan.vehicles.items()}
        for run in plan.runs.values():
            carried.setdefault(run.truck_id, set()).add(plan.routes[run.route_id].waste)
        names = {plate(truck): truck for truck in plan.trucks()} | {plate(one): truck for one, truck in plates.items()}
        return Registered(names, {truck: min(kinds) for truck, kinds in carried.items() if len(kinds) == 1})


def loads_of(
    bridge: Bridge, registered: Registered, zone: ZoneInfo, now: float, *, unit: str, waste: str | None
) -> tuple[list[Load], list[Finding], list[Finding]]:
    """(weigh-ins, findings, what was passed over); `unit` and `waste` hold where the file does not say."""
    loads: dict[str, Load] = {}
    findings: list[Finding] = []
    passed: list[Finding] = []
    for line in bridge.lines:
        if not any(line.cells.get(name) for name in ("truck", "at", "day")):
            passed.append(Finding(line.number, "names neither truck nor time: a line of sums, it is passed over"))
            continue
        reader = _Reader(line, bridge, registered, zone)
        load = reader.load(now, unit, waste)
        findings += [Finding(line.number, text) for text in reader.wrong]
        if load is None:
            continue
        other = loads.setdefault(load.key, load)
        if other is not load and other.grams == load.grams:
            passed.append(Finding(load.line, f"says the same as line {other.line}"))
        elif other is not load:
            findings.append(Finding(load.line, f"is the weigh-in of line {other.line} with another weight"))
    return list(loads.values()), findings, passed


class _Reader:
    """One line; what is wrong with it is gathered, all of it."""

    def __init__(self, line: Line, bridge: Bridge, registered: Registered, zone: ZoneInfo) -> None:
        self._line, self._bridge, self._registered, self._zone = line, bridge, registered, zone
        self.wrong: list[str] = []

    def load(self, now: float, unit: str, waste: str | None) -> Load | None:
        """The weigh-in, None where anything is wrong."""
        truck, at, grams = self._truck(), self._at(now), self._grams(unit)
        kind = self._waste(waste, truck)
        ticket, run = (self._name(name) for name in ("ticket", "run"))
        if self.wrong or truck is None or at is None or grams is None or kind is None:
            return None
        return Load(self._line.number, truck, kind, grams, at, ticket, run or None)

    def _truck(self) -> str | None:
        told = self._line.cells.get("truck", "")
        truck = self._registered.trucks.get(plate(told))
        if truck is None:
            what = f"no truck {told[:LONGEST]!r} is registered here (a plate: --truck PLATE=TRUCK)"
            self.wrong.append(what if told else "no truck")
        return truck

    def _at(self, now: float) -> int | None:
        told, day = (self._line.cells.get(name, "") for name in ("at", "day"))
        try:
            at = moment_of(told or day, day if told else "", self._zone)
        except (ValueError, OverflowError) as why:
            self.wrong.append(f"the time {(told or day)[:LONGEST]!r} {why}" if told or day else "no time")
            return None
        if at > now + 600:
            self.wrong.append(f"the time {told or day!r} has not come yet")
            return None
        return at

    def _grams(self, unit: str) -> int | None:
        weights: dict[str, int] = {}
        for name in WEIGHTS:
            told = self._line.cells.get(name)
            if told:
                try:
                    own = self._bridge.units.get(name, unit)
                    weights[name] = grams_of(told, own, decimal_comma=self._bridge.decimal_comma)
                except ValueError as why:
                    self.wrong.append(f"{self._bridge.heads[name]} {told[:LONGEST]!r} {why}")
                    return None
        if "net" not in weights and not {"gross", "tare"} <= weights.keys():
            self.wrong.append("no net weight, nor gross and tare")
            return None
        net = weights.get("net", weights.get("gross", 0) - weights.get("tare", 0))
        if {"gross", "tare"} <= weights.keys():
            off = abs(weights["gross"] - weights["tare"] - net)
            if off > max(ROUNDED_GRAMS, weights["gross"] * ROUNDED):
                self.wrong.append(f"gross less tare is not the net weight: off by {off / 1000:g} kg")
        if not 0 < net <= HEAVIEST_LOAD_GRAMS:
            self.wrong.append(f"{net / 1000:g} kg is no load; up to {HEAVIEST_LOAD_GRAMS // 1000} kg are")
            return None
        return net

    def _waste(self, usual: str | None, truck: str | None) -> str | None:
        told = self._line.cells.get("waste", "")
        if told:
            kind = waste_of(told)
            if kind is None:
                self.wrong.append(f"{told[:LONGEST]!r} is none of the five kinds of waste")
            return kind
        kind = usual or self._registered.kinds.get(truck or "")
        if kind is None and truck is not None:
            self.wrong.append(f"no kind of waste, and {truck} may carry several (--waste KIND for all such lines)")
        return kind

    def _name(self, name: str) -> str:
        told = self._line.cells.get(name, "")
        if len(told) > LONGEST or hidden_character(told):
            self.wrong.append(f"the {name} {told[:LONGEST]!r} is longer than {LONGEST}, or has hidden characters")
        return told


def against(loads: Sequence[Load], known: Iterable[Fact]) -> tuple[list[Load], list[Finding], list[Finding]]:
    """(weigh-ins that are new, findings, what is there already), of those on record around their days."""
    records = [fact for fact in known if fact.kind == "weighing"]
    by_key = {fact.key: fact for fact in records}
    typed = [fact for fact in records if "ticket" not in fact.body]
    new, findings, there = [], [], []
    for load in loads:
        same = by_key.get(load.key)
        if same is not None and whole(same.body, "grams") not in (load.grams, None):
            said = f"is on record as {(whole(same.body, 'grams') or 0) / 1000:g} kg ({same.id}); correct it with amend"
            findings.append(Finding(load.line, said))
        elif same is not None:
            there.append(Finding(load.line, "is on record"))
        elif (by_hand := next((fact for fact in typed if _is_typed(fact, load)), None)) is not None:
            typed.remove(by_hand)  # it stands for one load
            there.append(Finding(load.line, f"was typed in by {text(by_hand.body, 'who')}"))
        else:
            new.append(load)
    return new, findings, there


def _is_typed(fact: Fact, load: Load) -> bool:
    same = (text(fact.body, "truck"), text(fact.body, "waste"), whole(fact.body, "grams"))
    return same == (load.truck, load.waste, load.grams) and abs(weighing_at(fact) - load.at) <= TYPED_WITHIN_S
