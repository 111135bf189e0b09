"""The chain 投放、收集、运输、中转 as a cube of its own: filled, collected, transported, weighed.

It has the dimensions of the figures (cube.py) and adds up as they do. What each link says stands beside the next one:

- **Filled** is by how much each room grew heavier on a day, collected or not (filling.py).
- **Bins** fill as fast as they are emptied: those of this collection, in the hours since the last one.
- **Contamination** is what the crew notes at a visit, by grade, and what it left behind for that reason.
- **Collected** are the bins and grams of the figures, on the day of the visit.
- **Transported** is the same load with its run: all that a run's visits collected, on the day of its last one.
- **Weighed** are the weigh-ins of the transfer station. Where each served room of the load has a scale both are
  compared; a weigh-in that no visit fits is counted apart.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from broker.rules.settings import CONTAMINATION_GRADES
from broker.rules.statistics.cube import Cube, Figures, Key, add, count, key_of
from broker.rules.statistics.facts import Fact, drop, moment, newest, text, undone, visit_at, whole
from broker.rules.statistics.filling import FILLED_WITHIN_S, filling, out_at
from broker.rules.statistics.findings import weigh_ins
from broker.rules.statistics.periods import local_day

_OF_THE_FIGURES = (
    "visits", "served", "skipped_contamination", "bins", "bins_known", "grams", "grams_known", "weighings",
    "weighed_grams",
)  # fmt: skip
MEASURES = (
    "filled_grams", "filled_s", "filled_known", "refilled_bins", "refilled_s", "refilled_known",
    "contaminated", *(f"contaminated_{grade}" for grade in CONTAMINATION_GRADES),
    *_OF_THE_FIGURES,
    "runs", "transported_bins", "transported_bins_known", "transported_grams", "transported_grams_known",
    "weighings_unmatched", "compared", "compared_transported_grams", "compared_weighed_grams",
)  # fmt: skip


def chain(facts: Sequence[Fact], timezone: str, figures_cube: Cube | None = None) -> Cube:
    """The cube of all facts; give it, beside what the figures need, the collections of FILLED_WITHIN_S before with the
    units' reports before each midnight, and the cube of the figures of the same facts where it is at hand."""
    zone = ZoneInfo(timezone)
    cube: Cube = {}
    for key, figures in (count(facts, timezone) if figures_cube is None else figures_cube).items():
        if any(figures[name] for name in _OF_THE_FIGURES):
            _add(cube, key, {name: figures[name] for name in _OF_THE_FIGURES})
    visits = [fact for fact in newest(facts, "visit") if not undone(fact.body)]
    served = [fact for fact in visits if fact.body.get("state") == "served"]
    for fact in visits:
        grade = whole(fact.body, "contamination")
        if grade in CONTAMINATION_GRADES:
            key = key_of(local_day(visit_at(fact), zone), fact.body)
            _add(cube, key, {"contaminated": 1, f"contaminated_{grade}": 1})
    for key, figures in filling(facts, served, zone):
        _add(cube, key, figures)
    _refill(cube, served, zone)
    routes = _transport(cube, served, zone)
    for row in weigh_ins(facts, timezone):
        key = (row.day, row.waste, "", "", routes.get((row.run_id, row.waste), ""), row.truck)
        if row.rooms_grams is None and not row.rooms_without_scale:
            _add(cube, key, {"weighings_unmatched": 1})
        elif row.difference_grams is not None:
            pair = {"compared_transported_grams": row.rooms_grams or 0, "compared_weighed_grams": row.weighed_grams}
            _add(cube, key, {"compared": 1, **pair})
    return cube


def _refill(cube: Cube, served: Sequence[Fact], zone: ZoneInfo) -> None:
    """The bins that each room and kind of waste filled between two collections."""
    before: dict[tuple[str, str], Fact] = {}
    for fact in sorted(served, key=lambda one: (visit_at(one), one.key)):
        body = fact.body
        place = text(body, "room"), text(body, "waste")
        last, before[place] = before.get(place), fact
        since = None if last is None else moment(last.body, "left_at")
        until, bins = out_at(body), drop(body, "bins")
        if since is None or until is None or bins is None or not 0 < until - since <= FILLED_WITHIN_S:
            continue
        if body.get("by_appointment") is not True:
            figures = {"refilled_bins": max(0, bins), "refilled_s": until - since, "refilled_known": 1}
            _add(cube, key_of(local_day(visit_at(fact), zone), body), figures)


def _transport(cube: Cube, served: Sequence[Fact], zone: ZoneInfo) -> dict[tuple[str, str], str]:
    """Each run's load, on the day of its last visit; the route of each run and waste."""
    last: dict[str, Fact] = {}
    for fact in served:
        run = text(fact.body, "run_id")
        if run not in last or (visit_at(fact), fact.key) > (visit_at(last[run]), last[run].key):
            last[run] = fact
    days = {run: local_day(visit_at(fact), zone) for run, fact in last.items()}
    for fact in served:
        figures: Figures = {}
        for name in ("grams",) if fact.body.get("by_appointment") is True else ("bins", "grams"):
            fell = drop(fact.body, name)
            if fell is not None:
                figures[f"transported_{name}"], figures[f"transported_{name}_known"] = max(0, fell), 1
        _add(cube, key_of(days[text(fact.body, "run_id")], fact.body), figures)
    routes = {}
    for run, fact in last.items():
        body = fact.body
        routes[run, text(body, "waste")] = text(body, "route")
        _add(cube, (days[run], text(body, "waste"), "", "", text(body, "route"), text(body, "truck")), {"runs": 1})
    return routes


def _add(cube: Cube, key: Key, figures: Figures) -> None:
    add(cube, key, figures, MEASURES)
