"""What a city comes to: each cell's record against what its devices kept and its trucks did, and the sums of it all."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from broker.city.takeover import Gap
from broker.reports.figures import figures_of
from broker.store import Store
from sim.judging.judges.visits import records_stored_once
from sim.world.evidence import Evidence, StoredRecord, TrueVisit

DEVICE_KINDS = ("fix", "incident", "bins", "lamp", "keeper")
BEFORE_S = 900  # a visit's bins are counted from its call on
SEEN_WITHIN_S = 120  # of the street: so long after it left a truck may be seen to have left, and its bins to be back


@dataclass(frozen=True, slots=True)
class Truth:
    """Of one cell, up to a moment: what was kept by devices and done by trucks, and what of it is on record."""

    records: int
    visits: int
    bins: int
    faults: tuple[str, ...]


def kept_by(evidence: Evidence, at: float) -> set[str]:
    """The names of the records that devices kept by a moment."""
    return {name for name, kept_at in evidence.recorded.items() if kept_at <= at}


def on_record(stored: Iterable[StoredRecord]) -> set[str]:
    """The names of the devices' records that are stored."""
    return {record.id for record in stored if record.kind in DEVICE_KINDS}


def truth_of(evidence: Evidence, stored: Sequence[StoredRecord], until_at: float) -> Truth:
    """Judge a cell by what happened until then; `stored` may hold more.

    Visit by visit the record has those that were made, and the bins of each, where it says how many.
    """
    kept = kept_by(evidence, until_at)
    mine = [one for one in stored if one.kind not in DEVICE_KINDS or one.id in kept]
    seen = Evidence(evidence.start_at, until_at, evidence.day_start_at, stored=mine)
    seen.recorded = {name: evidence.recorded[name] for name in kept}
    verdict = records_stored_once(seen, {"at_least": 1})
    faults = list(verdict.faults)
    served = {key: record.body for key, record in _served(stored).items()}
    made = {visit.key: visit for visit in evidence.visits}
    done = {key: visit for key, visit in made.items() if visit.left_at is not None and visit.left_at <= until_at}
    faults += [f"{key}: was made and is not on record" for key in done.keys() - served.keys()]
    faults += [f"{key}: is on record and was never made" for key in served.keys() - made.keys()]
    bins = 0
    for key in sorted(done.keys() & served.keys()):
        before, after = served[key]["bins_before"], served[key]["bins_after"]
        if None in (before, after):
            continue
        bins += before - after
        if before - after != done[key].bins_taken:
            faults.append(f"{key}: {done[key].bins_taken} bins were emptied, {before - after} are on record")
    return Truth(len(kept), len(done), bins, tuple(faults))


def _served(stored: Iterable[StoredRecord]) -> dict[str, StoredRecord]:
    newest: dict[str, StoredRecord] = {}
    for record in sorted((one for one in stored if one.kind == "visit"), key=lambda one: (one.at, one.id)):
        newest[record.key] = record
    return {key: record for key, record in newest.items() if record.body["state"] == "served"}


def wrong_in(evidence: Evidence, stored: Iterable[StoredRecord], until_at: float) -> dict[str, TrueVisit]:
    """The visits that were made until then and are not on record, or with another number of bins."""
    served, found = _served(stored), {}
    for visit in evidence.visits:
        if visit.left_at is None or visit.left_at > until_at:
            continue
        key = visit.key
        if key not in served or _miscounts(served[key], visit):
            found[key] = visit
    return found


def miscounted(evidence: Evidence, stored: Iterable[StoredRecord], keys: Collection[str]) -> dict[str, int]:
    """The bins that were emptied at some visits of which the record says another number, by its id."""
    served = _served(stored)
    made = {visit.key: visit for visit in evidence.visits}
    return {
        served[key].id: made[key].bins_taken for key in sorted(keys)
        if key in served and _miscounts(served[key], made[key])
    }  # fmt: skip


def served_in(stored: Iterable[StoredRecord]) -> set[str]:
    """The visits that are on record as made."""
    return set(_served(stored))


def _miscounts(record: StoredRecord, visit: TrueVisit) -> bool:
    before, after = record.body["bins_before"], record.body["bins_after"]
    return None not in (before, after) and before - after != visit.bins_taken


def in_gap(visit: TrueVisit, gaps: Iterable[Gap], missing: bool) -> bool:
    """Whether records of its truck are lost of when it stood there; of a miscounted one also some of its room's."""
    devices = (visit.truck,) if missing else (visit.truck, visit.room)
    from_at = visit.arrived_at - (0 if missing else BEFORE_S)
    return any(
        gap.device in devices and (gap.after_at or 0) <= (visit.left_at or visit.arrived_at) + SEEN_WITHIN_S
        and from_at <= (gap.before_at or 0)
        for gap in gaps
    )  # fmt: skip


def sums_of(store: Store, day: str, timezone: str) -> dict[str, int]:
    """The figures of a cell's record on a day, all kinds of waste, rooms and trucks together."""
    return added(figures_of(store, day, day, timezone).values())


def added(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """The sum of several."""
    total: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            total[name] = total.get(name, 0) + number
    return total
