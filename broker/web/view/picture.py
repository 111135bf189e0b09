"""One picture of everything for the screen, the API and the live table: plain JSON, made from the dispatch's state.

It has moments and no ages, so that what nothing happened to stays equal from second to second; `aged` adds them.

What is shown when one cannot be made: last_picture.py.
"""

from collections.abc import Mapping
from typing import Any

from broker.bridge import Bridge
from broker.plan.calendar import day_start_at, local_date
from broker.reports.words import waste_word
from broker.rules.day.attention.attention_list import About, Attention
from broker.rules.day.bins import waits_in
from broker.rules.day.closures import Closure
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.alarms.alarm_states import is_of_device
from broker.rules.dispatch.incidents.incident_handling import second_visit
from broker.rules.dispatch.visits.extra_truck import may_load
from broker.rules.states.alarm import Alarm
from broker.rules.states.incident import Incident
from broker.rules.states.visit import record_key
from broker.web.stream.visit_rows import VisitRows
from broker.web.view.health import LINK_LOST_S, Way, reasons
from broker.words import LANGUAGES
from firmware import wire

OVER_SHOWN = 200  # incidents that are over
Picture = dict[str, Any]
_HERE = Way()


def snapshot(bridge: Bridge, now: float, way: Way = _HERE, visits: VisitRows | None = None) -> Picture:
    """What is known at `now`; every list is sorted, None = not known. Unchanged rows are taken of `visits`."""
    day = bridge.dispatch.day
    visits = visits or VisitRows()
    visits.begin()
    at = int(now)
    opened: dict[str, list[str]] = {}
    for one in day.incidents.values():
        if one.open:
            opened.setdefault(one.truck, []).append(one.incident_id)
    trucks = sorted(day.planned_trucks.union(day.devices.trucks, (run.truck for run in day.runs.values())))
    picture = of_now(bridge, at, way)
    picture["data"]["oldest_fix_at"] = _oldest_fix_at(bridge, at)
    return {
        **picture,
        "trucks": [_truck(bridge, name, opened.get(name, []), at) for name in trucks],
        "rooms": [_room(bridge, room_id, at) for room_id in sorted(day.plan.rooms)],
        "runs": [_run(bridge, run, visits, at) for run in _by_start(bridge)],
        "incidents": [incident_row(bridge, incident) for incident in in_order(bridge)],
        "attention": attention(bridge),
        "alarms": alarms(bridge),
    }


def of_now(bridge: Bridge, at: int, way: Way = _HERE) -> Picture:
    """The part of it that no rule has a hand in: counters, the way to the broker, what was said lately."""
    day = bridge.dispatch.day
    return {
        "area": {"id": bridge.area, "name": day.plan.name, "timezone": day.plan.timezone},
        "at": at,
        "old_since_at": None,  # of when the picture is, if none can be made now
        "link": {"up": bridge.link[0], "since_at": bridge.link[1]},
        "health": reasons(bridge, way, at),
        "limits": {
            "link_lost_s": LINK_LOST_S, "no_data_s": wire.NO_DATA_S, "sound_s": day.settings.answers.sound_s,
        },
        "plan": day.outlook.on(local_date(day.plan, at)).as_json(),
        "closures": [_closure(one) for one in day.closures.values() if one.until_at > at],
        "notices": [{"at": since, "level": note.level, "text": note.text} for since, note in bridge.notices[-20:]],
        "data": {
            "oldest_fix_at": None,
            "counts": dict(bridge.counts),
            "refused": dict(bridge.refused),
            "late_positions": day.devices.stale_fixes,
            "wrong_clocks": day.devices.wrong_clocks,
            "trouble": bridge.trouble,
            "unstored": bridge.unstored,
        },
    }


def blank(bridge: Bridge, at: int) -> Picture:
    """A picture of nothing: what a screen has as long as no picture could be made."""
    return {**of_now(bridge, at), "trucks": [], "rooms": [], "runs": [], "incidents": [], "attention": [],
            "alarms": []}  # fmt: skip


def in_order(bridge: Bridge) -> list[Incident]:
    """The incidents as they are listed: all open ones, then the newest that are over; the record has the others."""
    known = bridge.dispatch.day.incidents.values()
    rows = sorted(known, key=lambda one: (not one.open, -one.raised_at, one.incident_id, one.truck))
    return rows[: sum(one.open for one in rows) + OVER_SHOWN]


def severe(topic: str, subject: str, since: int, word: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A severe entry of the list that is about none of the rules' own questions."""
    name = f"{topic}/{subject}" if subject else topic
    return {
        "id": name, "topic": topic, "subject": subject, "level": "severe", "since": since, "word": word,
        "values": dict(values),
    }  # fmt: skip


def aged(picture: Picture) -> Picture:
    """The picture with how old everything was when it was made, in seconds, beside the moments."""
    at = picture["at"]
    return {
        **picture,
        "trucks": [{**row, "fix_age_s": _age_s(row["fix_at"], at)} for row in picture["trucks"]],
        "rooms": [
            {
                **row,
                "heard_age_s": _age_s(row["heard_at"], at),
                "lamps_age_s": _age_s(row["lamps_at"], at),
                "bins": {waste: {**bins, "age_s": _age_s(bins["at"], at)} for waste, bins in row["bins"].items()},
            }
            for row in picture["rooms"]
        ],
        "incidents": [{**row, "age_s": _age_s(row["raised_at"], at)} for row in picture["incidents"]],
        "data": {**picture["data"], "oldest_fix_s": _age_s(picture["data"]["oldest_fix_at"], at)},
    }


def attention(bridge: Bridge) -> list[dict[str, Any]]:
    """What a person should look at, by id; `topic` and `subject` say what it is about, `word` has the sentence."""
    rows = [_attention(about, asked) for about, asked in bridge.dispatch.day.attention]
    return sorted(rows, key=lambda row: str(row["id"]))


def alarms(bridge: Bridge) -> list[dict[str, Any]]:
    """What became of each such entry on the screen, by what it is about: whether it is so still, and who has seen it;
    what is over is not listed."""
    day = bridge.dispatch.day
    entries = {about.id: entry for about, entry in day.attention}
    return [_alarm(one, entries.get(about)) for about, one in sorted(day.alarms.items()) if not one.over]


def _closure(closure: Closure) -> dict[str, Any]:
    """A closed road as everybody may see it; who closed it stands in the record."""
    return {name: value for name, value in closure.body().items() if name != "who"}


def _alarm(alarm: Alarm, entry: Attention | None) -> dict[str, Any]:
    now_said = {} if entry is None else {"word": entry.word, "level": entry.values.level, "values": entry.fields()}
    return {
        **{name: value for name, value in alarm.body().items() if name not in ("said", "changed_at")},
        **now_said,
        "alarm_id": alarm.id,
        "topic": alarm.topic,
        "active": entry is not None,
        "of_device": is_of_device(alarm),
    }


def _attention(about: About, asked: Attention) -> dict[str, Any]:
    visit = about.subject if isinstance(about.subject, tuple) else None
    return {
        "id": about.id,
        "topic": about.topic.value,
        "subject": dict(zip(("run_id", "room", "visit_number"), visit, strict=True)) if visit else about.subject,
        "level": asked.values.level,
        "since": asked.since,
        "word": asked.word,
        "values": asked.fields(),
    }


def _by_start(bridge: Bridge) -> list[Run]:
    return sorted(bridge.dispatch.day.runs.values(), key=lambda run: (run.planned_start_at, run.run_id))


def _age_s(since: int | None, now: int) -> int | None:
    return None if since is None else max(0, now - since)


def _oldest_fix_at(bridge: Bridge, now: int) -> int | None:
    """When the oldest newest position among trucks that are on a run was taken; None where none is."""
    day = bridge.dispatch.day
    moments = []
    for run in day.runs.values():
        truck = day.devices.trucks.get(run.truck)
        if run.state == "running" and day.run_of(run.truck) is run:
            moments.append(truck.fix.fix_at if truck and truck.fix else run.started_at or now)
    return min(moments, default=None)


def _truck(bridge: Bridge, name: str, opened: list[str], now: int) -> dict[str, Any]:
    day = bridge.dispatch.day
    state = day.devices.trucks.get(name)
    run = day.run_of(name)
    fix = state.fix if state else None
    progress = run.tracker.progress(now) if run else None
    following = next((visit for visit in day.owed(run)), None) if run else None
    eta = run.etas.get(following.key) if run and following else None
    return {
        "truck": name,
        "life": state.life if state else "disconnected",
        "loads": list(may_load(day, name, now)),
        "reserve": _is_reserve(day, name, now),
        "fw": state.fw if state else None,
        "boot": state.boot if state else None,
        "heard_at": state.heard_at if state else None,
        "answer": state.answer if state else None,
        "lat": fix.lat if fix else None,
        "lon": fix.lon if fix else None,
        "speed_mps": fix.speed_mps if fix else None,
        "fix_at": fix.fix_at if fix else None,
        "fresh": fix is not None and fix.fresh(now),
        "run_id": run.run_id if run else None,
        "vehicle_status": progress.status if progress else None,
        "held": bool(progress and progress.held),
        "off_route": bool(progress and progress.off_route),
        "next_room": following.room if following else None,
        "next_room_name": day.plan.places[following.room].name if following else None,
        "next_eta_at": eta.eta_at if eta else None,
        "label": eta.label if eta else None,
        "incidents": opened,
    }


def _is_reserve(day: Day, name: str, now: int) -> bool:
    """Whether it is one of vehicles.txt that no run names, and nothing was heard of it today: as it should be."""
    if name not in day.plan.vehicles or day.last_run_of(name) is not None:
        return False
    state = day.devices.trucks.get(name)
    if state is not None and (state.heard_at or 0) >= day_start_at(day.plan, local_date(day.plan, now)):
        return False
    return name not in day.timed_trucks


def _room(bridge: Bridge, room_id: str, now: int) -> dict[str, Any]:
    day = bridge.dispatch.day
    room, state = day.plan.rooms[room_id], day.devices.rooms.get(room_id)
    return {
        "room": room_id,
        "name": room.name,
        "estate": room.estate_id,
        "estate_name": day.plan.estates[room.estate_id].name if room.estate_id in day.plan.estates else None,
        "lat": room.lat,
        "lon": room.lon,
        "wastes": list(room.wastes),
        "life": state.life if state else "disconnected",
        "fw": state.fw if state else None,
        "boot": state.boot if state else None,
        "heard_at": state.heard_at if state else None,
        "answer": state.answer if state else None,
        "lamps": list(state.lamps.values()) if state else [],
        "lamps_at": state.lamps_at if state else None,
        "bins": {waste: _bins(bridge, room_id, waste, now) for waste in (state.bins if state else ())},
        "bins_out_at": state.bins_out_at if state else None,
        "arrivals": {waste: day.told.arrivals.get((room_id, waste)) for waste in room.wastes},
    }


def _bins(bridge: Bridge, room_id: str, waste: str, now: int) -> dict[str, Any]:
    """What waits of a waste kind (`count`, `grams`), and what stands inside now, where the sensors see it."""
    day = bridge.dispatch.day
    inside = day.devices.rooms[room_id].bins[waste]
    count, grams = waits_in(day, room_id, waste, now)
    return {
        "count": count,
        "grams": grams,
        "inside": inside.count,
        "inside_grams": inside.grams,
        "quality": inside.quality,
        "at": inside.at,
    }


def _run(bridge: Bridge, run: Run, visits: VisitRows, now: int) -> dict[str, Any]:
    day = bridge.dispatch.day
    progress = run.tracker.progress(now)
    return {
        "run_id": run.run_id,
        "route": run.route_id,
        "route_name": _route_name(day, run),
        "truck": run.truck,
        "waste": run.waste,
        "state": run.state,
        "active": day.run_of(run.truck) is run,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "planned_start_at": run.planned_start_at,
        "planned_end_at": run.planned_end_at,
        "owed": len(day.owed(run)),
        "full_at": run.full_at,
        "away_until": run.away_until,
        "along_m": None if progress.along_m is None else round(progress.along_m),
        "version": run.version,
        "visits": visits.of(day, run),
    }


def _route_name(day: Day, run: Run) -> str:
    """What a run's route is called; that of a truck on call is called as its waste is."""
    route = day.plan.routes.get(run.route_id)
    return route.name if route is not None else " / ".join(waste_word(language, run.waste) for language in LANGUAGES)


def incident_row(bridge: Bridge, incident: Incident) -> dict[str, Any]:
    """An incident with what the day knows around it."""
    day = bridge.dispatch.day
    second = second_visit(day, incident)
    rooms, estates = day.plan.places, day.plan.estates
    return {
        **plain_incident(incident),
        "offers": list(day.incidents.offers(incident.key)[1]),
        "room_name": rooms[incident.room].name if incident.room and incident.room in rooms else None,
        "estate_name": estates[incident.estate].name if incident.estate and incident.estate in estates else None,
        "second_visit": record_key(second.key) if second else None,
        "second_visit_number": second.visit_number if second else None,
    }


def plain_incident(incident: Incident) -> dict[str, Any]:
    """What an incident says of itself."""
    return {
        **incident.body(),
        "open": incident.open,
        # GTFS-Realtime's words for passengers of a truck: cause, effect, severity
        "cause": "TECHNICAL_PROBLEM" if incident.reason == "breakdown" else "OTHER_CAUSE",
        "effect": "SIGNIFICANT_DELAYS" if incident.reason == "breakdown" else "DETOUR",
        "severity": "SEVERE" if incident.open and incident.acknowledged_at is None else "WARNING",
    }
