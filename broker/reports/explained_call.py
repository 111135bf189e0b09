"""One call explained: read from a store, and told in plain text or as JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from broker.reports import corrections
from broker.rules.states.visit import record_key
from broker.rules.statistics.calls import outside_band_s
from broker.rules.statistics.explained import Explained, Part, explained
from broker.store import Store, amendments, where

BEFORE_S, AFTER_S = 86_400, 15 * 86_400  # visits are written on their day, and by who tidies up within two weeks
WORTH_A_WORD_S = 30
LEAST_FACTOR = 0.01
KINDS = {
    "first_leg": "while the truck was on its way to its first room", "live": "while the truck was between rooms",
    "second": "for a visit that makes up for a skipped one",
}  # fmt: skip
SAYS = {"leg": "drive to", "stay": "stay at", "way": "way to"}
RESTS_ON = {
    "live": "the truck's own position",
    "history": "where the truck was last heard, as it usually goes on",
    "timetable": "the timetable, before the run had begun",
}


def explained_in(store: Store, call_id: str) -> Explained:
    """The call of this id; raises ValueError where there is none on record."""
    found = list(store.search((where("kind") == "call") & (where("key") == call_id)))
    if found:
        run_id, called_at = found[0].body.get("run_id"), found[0].at
        keys = _visits_of(store, str(run_id), found[0].body)
        written = (where("at") >= called_at - BEFORE_S) & (where("at") < called_at + AFTER_S)
        found += store.search((where("kind") == "visit") & written & where("key").one_of(keys))
    return explained(corrections.laid_over(found, store.search(where("kind") == amendments.KIND)), call_id)


def _visits_of(store: Store, run_id: str, call: Mapping[str, Any]) -> list[str]:
    """The keys of the visits that the truck was told of in this run, and that this call is about."""
    run = store.latest("run", run_id).get(run_id)
    order = run.body.get("order") if run is not None else None
    keys = [record_key(tuple(key)) for key in order or () if isinstance(key, list) and len(key) == 3]
    return [*keys, record_key((run_id, str(call.get("room")), call.get("visit_number") or 1))]


def as_json(one: Explained) -> str:
    """Everything that is known, with each part's error."""
    body = asdict(one) | {"lead_s": one.lead_s, "error_s": one.error_s}
    for row, part in zip(body["parts"] or (), one.parts or (), strict=True):
        row["error_s"] = part.error_s
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def as_text(one: Explained, timezone: str, names: Mapping[str, str]) -> str:
    """A page for the terminal, in the area's time; `names` are the plan's."""
    return "\n".join(_lines(one, ZoneInfo(timezone), names)) + "\n"


def _lines(one: Explained, zone: ZoneInfo, names: Mapping[str, str]) -> Iterator[str]:
    def at(moment_at: int | None) -> str:
        return "?" if moment_at is None else f"{datetime.fromtimestamp(moment_at, zone):%H:%M:%S}"

    day = datetime.fromtimestamp(one.called_at, zone).date()
    yield f"call {one.call_id}: room {_named(one.room, names)}, {one.waste}, truck {one.truck}, {day}"
    rests_on = RESTS_ON.get(one.label, one.label or "nobody knows what")
    heard = "" if one.fix_at is None else f", the truck heard of at {at(one.fix_at)}"
    yield f"called    {at(one.called_at)}, by {rests_on}{heard}"
    if one.kind in KINDS:
        yield f"          {KINDS[one.kind]}"
    if one.lit_at is not None:
        yield f"lamp on   {at(one.lit_at)}, as the room's unit said"
    if one.held_at is not None:
        yield f"held      {at(one.held_at)}: from then on the lamp said that the truck is late or blocked"
    ahead = "" if one.eta_at is None else f", {_minutes(one.eta_at - one.called_at)} ahead"
    yield f"promised  {at(one.eta_at)}{ahead}"
    yield f"came true {_outcome(one, at(one.arrived_at))}"
    if one.parts is None:
        yield "What the promise was made of was not kept with this call."
        return
    yield ""
    yield f"{'':24} {'believed':>9} {'was':>9} {'error':>9}  learned"
    for part in one.parts:
        yield f"{SAYS[part.kind]} {part.room:<{23 - len(SAYS[part.kind])}} {_row(part):29}  {_learned(part)}".rstrip()
        if part.streets_s:
            yield f"  by 100 m of street: {' '.join(map(_street, part.streets_s))} s"
    promised_s = sum(part.expected_s for part in one.parts)
    yield f"{'together':24} {_row(Part('way', '', promised_s, one.lead_s))}"
    if any(street_s < 0 for part in one.parts for street_s in part.streets_s):
        yield "(*: nobody ever drove there)"
    yield ""
    yield from _said(one, names)


def _street(street_s: int) -> str:
    return f"{abs(street_s)}{'*' if street_s < 0 else ''}"


def _row(part: Part) -> str:
    error = "" if part.error_s is None else f"{'+' if part.error_s >= 0 else ''}{_minutes(part.error_s)}"
    known = "?" if part.true_s is None else _minutes(part.true_s)
    return f"{_minutes(part.expected_s):>9} {known:>9} {error:>9}".rstrip()


def _learned(part: Part) -> str:
    """What of the belief was learned, as far as it is known: seen before or not, this time of day, today."""
    if part.known is None:
        return ""
    factors = {"at this time of day": part.half_hour, "today": part.today}
    said = [f"x{factor:.2f} {when}" for when, factor in factors.items() if factor and abs(factor - 1) >= LEAST_FACTOR]
    return ", ".join(["seen before" if part.known else "not seen before", *said])


def _said(one: Explained, names: Mapping[str, str]) -> Iterator[str]:
    """What is worth saying of the parts."""
    part = one.largest
    if part is not None and part.error_s and abs(part.error_s) >= WORTH_A_WORD_S:
        than = "longer" if part.error_s > 0 else "shorter"
        bins = ""
        if part.kind == "stay" and part.bins != part.bins_true:
            bins = f"; {_bins(part.bins)} believed to wait, {_bins(part.bins_true)} did"
        what = f"{SAYS[part.kind]} {_named(part.room, names)}"
        yield f"Furthest off: the {what} took {_minutes(abs(part.error_s))} {than} than believed{bins}."
    if one.unmet:
        yield f"Not made on the way, though believed: {', '.join(one.unmet)}."
    if one.between:
        yield f"Made on the way, though not believed: {', '.join(one.between)}."


def _outcome(one: Explained, arrived: str) -> str:
    if one.lead_s is None:
        reason = f" ({one.reason})" if one.reason else ""
        return {"": "not yet", "served": "nobody knows when"}.get(one.how, f"it was {one.how}{reason}")
    missed_s = outside_band_s(one.lead_s)
    band = "within 13.5 to 19.5 min" if missed_s == 0 else f"{_minutes(missed_s)} outside 13.5 to 19.5 min"
    late = ""
    if one.error_s:
        late = f", {_minutes(abs(one.error_s))} {'later' if one.error_s > 0 else 'earlier'} than promised"
    return f"{arrived}, {_minutes(one.lead_s)} after the call ({band}){late}"


def _minutes(seconds: int) -> str:
    sign = "-" if seconds < 0 else ""
    return f"{sign}{abs(seconds) // 60}:{abs(seconds) % 60:02d}"


def _bins(count: int | None) -> str:
    return "an unknown number of bins" if count is None else f"{count} bin{'' if count == 1 else 's'}"


def _named(room: str, names: Mapping[str, str]) -> str:
    return f"{room} ({names[room]})" if room in names else room
