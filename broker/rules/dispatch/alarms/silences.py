"""Of whom nothing is heard: one finding for one cause.

A truck on a run, and a room's unit of which its broker said that it is lost, are silent after a while. Many that fell
silent within TOGETHER_WITHIN_S of each other are one finding: the trucks, an estate's rooms, the rooms of many estates.
A room whose unit never said anything, since the bridge hears and in the whole record, is a finding of its own after
NEVER_HEARD_S; many are one. While the bridge itself hears nobody, that is the finding, and nothing is known of others.

Who was silent before a restart is silent after it until it speaks: that a broker says again who is lost is not new.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from broker.rules.day.attention.about_devices import (
    BrokerAway,
    EstateSilent,
    TruckSilent,
    TrucksSilent,
    UnitSilent,
    UnitsNeverHeard,
    UnitsSilent,
)
from broker.rules.day.attention.asked import Asked, Topic, listed
from broker.rules.day.attention.attention_list import Subject
from broker.rules.day.day import Day
from broker.rules.day.devices import SILENT, RoomState, TruckState
from broker.rules.effects.effect import Effect

TOGETHER_WITHIN_S = 600
NEVER_HEARD_S = 3600  # a unit that works says within minutes what stands in its room
MOST_NAMED = 8
TRUCKS, ROOMS, ESTATE, UNITS, NEVER = "truck/", "room/", "estate/", "units", "never"
_ALL_TRUCKS = "trucks"


@dataclass(frozen=True, slots=True)
class _Silence:
    """Since when somebody is silent, and whether for long enough to be said."""

    since: int
    is_long: bool


def look_for_silences(day: Day, now: int) -> list[Effect]:
    """Ask about who is silent, and no more about who speaks."""
    if day.devices.hears_since is None:
        away_s = now - (day.devices.deaf_since or now)
        if away_s >= day.settings.alarms.broker_away_s:
            day.attention.ask("", BrokerAway(away_s // 60), now - away_s)
        return []
    day.attention.answered(Topic.LINK, "")
    before = _known(day)
    asked = {**_trucks(day, before, now), **_rooms(day, before, now), **_never_heard(day, now)}
    for subject in [one for one in day.attention.of(Topic.SILENT) if one not in asked]:
        day.attention.answered(Topic.SILENT, subject)
    for subject, (values, since) in asked.items():
        day.attention.ask(subject, values, since)
    return []


def is_silent(day: Day, truck: str) -> bool:
    """Whether it was said of this truck that nothing is heard of it, by itself or with others."""
    known, subject = day.attention.of(Topic.SILENT), TRUCKS + truck
    together = known.get(_ALL_TRUCKS)
    subjects: Sequence[str] = getattr(together.values, "subjects", ()) if together is not None else ()
    place = bisect_left(subjects, subject)  # they are sorted, and each run asks
    return subject in known or subject in subjects[place : place + 1]


def _known(day: Day) -> dict[str, int]:
    """Who is silent by the alarms, each since when."""
    found: dict[str, int] = {}
    for alarm in day.alarms.values():
        if alarm.topic == Topic.SILENT and alarm.active:
            own = alarm.about.removeprefix(f"{Topic.SILENT}/")
            found |= dict.fromkeys(alarm.values.get("subjects", (own,)), alarm.since)
    return found


def _silence(
    day: Day, state: TruckState | RoomState, known_since: int | None, limit_s: int, now: int
) -> _Silence | None:
    """None for one that is heard, or was not silent for half of the limit."""
    if known_since is not None and (state.spoke_at or 0) <= known_since:
        return _Silence(known_since, is_long=True)
    since = max(state.heard_at or 0, day.devices.hears_since or now)
    return _Silence(since, now - since >= limit_s) if now - since >= limit_s / 2 else None


Found = dict[Subject, tuple[Asked, int]]  # what is to be asked, since when


def _trucks(day: Day, before: Mapping[str, int], now: int) -> Found:
    silent: dict[str, _Silence] = {}
    for run in day.runs.values():
        subject = TRUCKS + run.truck
        if run.state != "running" or day.run_of(run.truck) is not run:
            continue
        state = day.devices.trucks.get(run.truck) or TruckState()
        found = _silence(day, state, before.get(subject), day.settings.alarms.truck_silent_s, now)
        if found is not None:
            silent[subject] = found
    together = _together(day, _ALL_TRUCKS, silent, len)
    are_together = frozenset(together)
    found_of: Found = {
        one: (TruckSilent(one.removeprefix(TRUCKS), (now - silence.since) // 60), silence.since)
        for one, silence in silent.items()
        if silence.is_long and one not in are_together
    }
    if together:
        names = named(one.removeprefix(TRUCKS) for one in together)
        since = min(silent[one].since for one in together)
        found_of[_ALL_TRUCKS] = (TrucksSilent(len(together), names, together), since)
    return found_of


def _rooms(day: Day, before: Mapping[str, int], now: int) -> Found:
    silent: dict[str, _Silence] = {}
    for name, state in day.devices.rooms.items():
        if name not in day.plan.rooms or state.life not in SILENT or not state.boot:
            continue  # one that was never heard is none yet
        found = _silence(day, state, before.get(ROOMS + name), day.settings.alarms.unit_silent_s, now)
        if found is not None:
            silent[ROOMS + name] = found
    rooms = day.plan.rooms
    estate_of = {one: rooms[one.removeprefix(ROOMS)].estate_id for one in silent}
    everywhere = frozenset(_together(day, UNITS, silent, lambda wave: len({estate_of[one] for one in wave})))
    found_of: Found = {}
    if everywhere:
        estates = sorted({estate_of[one] for one in everywhere})
        names = named(day.plan.estates[estate].name if estate in day.plan.estates else estate for estate in estates)
        covered = (*sorted(everywhere), *(ESTATE + estate for estate in estates))
        since = min(silent[one].since for one in everywhere)
        found_of[UNITS] = (UnitsSilent(len(estates), names, covered), since)
    rest = {one: silence for one, silence in silent.items() if one not in everywhere}
    by_estate: dict[str, dict[str, _Silence]] = {}
    for one, silence in rest.items():
        by_estate.setdefault(estate_of[one], {})[one] = silence
    known = Counter(rooms[name].estate_id for name in day.devices.rooms if name in rooms) if rest else Counter()
    for estate, here in sorted(by_estate.items()):
        together = _together(day, ESTATE + estate, here, len, whole=known[estate])
        if together:
            names = named(rooms[one.removeprefix(ROOMS)].name for one in together)
            name = day.plan.estates[estate].name if estate in day.plan.estates else estate
            values = EstateSilent(name, len(together), names, together)
            found_of[ESTATE + estate] = (values, min(here[one].since for one in together))
        for one, silence in here.items():
            if silence.is_long and one not in together:
                room = rooms[one.removeprefix(ROOMS)].name
                found_of[one] = (UnitSilent(room, (now - silence.since) // 60), silence.since)
    return found_of


def _never_heard(day: Day, now: int) -> Found:
    """The rooms whose units never said anything, as one finding; after a restart as before, as long as they do not."""
    known, hears_since = day.devices.rooms, day.devices.hears_since or now
    never = [name for name in sorted(day.plan.rooms) if name not in known or not known[name].boot]
    alarm = day.alarms.get(f"{Topic.SILENT}/{NEVER}")
    was_so = alarm is not None and alarm.active
    if not never or not (was_so or now - hears_since >= NEVER_HEARD_S):
        return {}
    names = named(day.plan.rooms[name].name for name in never)
    return {NEVER: (UnitsNeverHeard(len(never), names), alarm.since if alarm is not None and was_so else hears_since)}


def _together(
    day: Day, group: str, silent: Mapping[str, _Silence], size: Callable[[list[str]], int], whole: int = 0
) -> tuple[str, ...]:
    """Who of them is one finding: those who fell silent last, if they are many or the `whole` (of two at least), and
    who was of it before."""
    many = max(2, min(day.settings.alarms.together, whole or day.settings.alarms.together))
    counted = [one for one in silent if not _is_put_aside(day, one)]
    newest = max((silent[one].since for one in counted), default=0)
    wave = [one for one in counted if newest - silent[one].since <= TOGETHER_WITHIN_S]
    if size(wave) < many or not any(silent[one].is_long for one in wave):
        wave = []
    alarm, entry = day.alarms.get(f"{Topic.SILENT}/{group}"), day.attention.of(Topic.SILENT).get(group)
    were: Iterable[str] = getattr(entry.values, "subjects", ()) if entry is not None else ()
    if entry is None and alarm is not None and alarm.active:
        were = alarm.values.get("subjects", ())
    return tuple(sorted({*wave, *(one for one in were if one in silent)}))


def _is_put_aside(day: Day, subject: str) -> bool:
    """Whether somebody knows about it, and it says nothing of the others."""
    alarm = day.alarms.get(f"{Topic.SILENT}/{subject}")
    return alarm is not None and alarm.suppressed


def named(names: Iterable[str]) -> str:
    """The first MOST_NAMED of some names in a row."""
    all_names = list(names)
    return listed([*all_names[:MOST_NAMED], *(["…"] if len(all_names) > MOST_NAMED else [])])
