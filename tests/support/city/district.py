"""A district of cells in a database, each with a few days of records and a beat: to be looked at, and counted."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg

from broker import __version__
from broker.city.database import CityShare
from broker.store import Record
from tests.support.facts import NOON, ZONE, visit, weighing, workflow

DAY_S = 86_400
NAMES = {
    "jingan": "静安寺街道 / Jing'an Temple", "nanxi": "南京西路街道 / Nanjing West Road",
    "shimen": "石门二路街道 / Shimen Second Road", "caojia": "曹家渡街道 / Caojiadu",
    "jiangning": "江宁路街道 / Jiangning Road", "tianmu": "天目西路街道 / Tianmu West Road",
    "beizhan": "北站街道 / Beizhan", "baoshan": "宝山路街道 / Baoshan Road",
    "daning": "大宁路街道 / Daning Road", "pengpu": "彭浦新村街道 / Pengpu",
}  # fmt: skip
WASTES = ("residential_wet", "residential_dry", "unit_wet")


def records_of(facts: Sequence[Any], area: str) -> list[Record]:
    """Facts as records of an area."""
    return [Record(one.id, one.kind, one.key, one.at, one.at, area, one.body) for one in facts]


def days_of(area: int, days: int = 3, now: int = NOON) -> list[Any]:
    """Facts of the days before `now`, another number of them in each area."""
    found: list[Any] = []
    for day in range(days):
        noon = now - day * DAY_S
        for number in range(4 + area % 5):
            waste, run = WASTES[number % 3], f"run{number % 3}.{day}"
            at = noon - 3600 + 300 * number
            times = {"planned_at": at - 60 * (number % 4), "promised_at": at - 90, "due_at": at - 900, "arrived_at": at,
                     "left_at": at + 200}  # fmt: skip
            state = {"state": "skipped", "reason": "lane_blocked"} if (number + area + day) % 6 == 5 else {}
            found.append(visit(
                f"{run}/r{number:02d}/1", at, run_id=run, room=f"r{number:02d}", waste=waste, truck=f"t{number % 3}",
                bins_before=4 + number, grams_before=250_000 + 10_000 * area, **times, **state,
            ))  # fmt: skip
        found.append(weighing(10 * day + area, 400_000 + 30_000 * area, noon + 600))
        found.append(workflow(100 * day + area, noon - 2000))
    return found


def beat_of(
    area: int, *, now: int = NOON, presses: int = 0, alarms: int = 0, since: int = NOON, **changes: Any
) -> dict[str, Any]:  # fmt: skip
    """What a cell says, with so many presses, and alarms that began at `since`."""
    rooms = 60 + 7 * area
    progress = {
        "served": 120 + 9 * area, "skipped": area % 3, "owed": 80 - 6 * area, "cancelled": 0, "by_waste": {},
        "runs": 12, "runs_running": 6, "runs_finished": 3, "trucks": 12 + area, "trucks_ready": 11 + area,
        "rooms": rooms,
        "rooms_ready": rooms - area % 2, "rooms_waiting": 12 + area, "bins_waiting": 40 + 5 * area,
    }  # fmt: skip
    press = {
        "truck": "t01", "reason": "lane_blocked", "workflow": "raised", "condition": "active", "stage": "seen",
        "decision": None, "room": "r01", "room_name": "一村 3 号 / First Village 3", "estate": "e1",
        "estate_name": "一村 / First Village", "lat": None, "lon": None, "run_id": "run1", "acknowledged_at": None,
        "decided_at": None, "closed_at": None, "open": True,
    }  # fmt: skip
    text = {"zh": "箱房 r07 失去联系（未确认）", "en": "r07 is not heard (not seen)"}
    alarm = {"topic": "silent", "word": "x", "level": "warning", "values": {}, "state": "unseen_active", "until": None,
             "announced_at": since, "text": text}  # fmt: skip
    return {
        "at": now, "version": __version__, "screen": f"http://127.0.0.1:{9000 + area}/", "old_since_at": None,
        "link": {"up": True, "since_at": now - 40_000}, "unstored": 0, "health": [], "progress": progress,
        "plan": {"state": "running", "known": True, "last_day": "2026-12-31", "next_day": None, "days_left": 30},
        "open": int(presses), "alarm_count": int(alarms),
        "incidents": [
            {**press, "incident_id": f"p{n}", "pressed_at": now - 600 * (n + 1), "raised_at": now - 600,
             "changed_at": now, "acknowledged_at": now - 100 if n % 2 else None}
            for n in range(presses)
        ],
        "alarms": [{**alarm, "about": f"silent/room/r{n}", "since": since - 900 * n} for n in range(alarms)],
        **changes,
    }  # fmt: skip


def share(database: str, area: str, record: str = "r1") -> CityShare:
    """What an area has in the city's database."""
    return CityShare(database, None, area, ZONE, record, lambda: NOON)


def say(database: str, area: str, beat: Mapping[str, Any], records: Sequence[Record] = (), name: str = "") -> None:
    """Push an area's records, as if all it has, and its beat."""
    with closing(share(database, area)) as one:
        if records:
            one.push(records, len(records), records[-1].id, len(records))
        one.beat(beat, name or NAMES.get(area, area), {"r01": "一村 3 号 / First Village 3"})


def silent_for(database: str, area: str, seconds: int) -> None:
    """The cell was heard so long ago."""
    with psycopg.connect(database) as connection:
        for table in ("zp_cell", "zp_pushed"):
            connection.execute(f"UPDATE {table} SET heard_at = heard_at - %s WHERE area = %s".encode(), (seconds, area))


def stay_heard(database: str) -> None:
    """All cells but the silent one are heard for as long as a test may take."""
    for area in NAMES.keys() - {"beizhan"}:
        silent_for(database, area, -3600)


def district(database: str, now: int = NOON) -> None:
    """Ten cells, one of them silent, one whose broker is away, with presses and alarms."""
    for number, area in enumerate(NAMES):
        presses = 2 if number == 3 else number == 6
        changes: dict[str, Any] = {"presses": presses, "alarms": number % 4 == 1, "since": now - 900}
        if number == 7:
            changes["link"] = {"up": False, "since_at": now - 300}
        records = records_of(days_of(number, now=now), area)
        records += records_of([case_of(area, now)], area) if number in (2, 3) else []
        say(database, area, beat_of(number, now=now, **changes), records)
    silent_for(database, "beizhan", 1500)


def case_of(area: str, now: int) -> Any:
    """A case that is with enforcement."""
    from broker.rules.states.case import Case, Evidence
    from tests.support.facts import Fact

    evidence = [Evidence("x", "workflow:t01/i1", now - 3000, "lane_blocked", "r01")]
    case = Case.of("c1", "chronic_lane", ("e1", "r01", None), evidence, "每天都堵 / every day", "wang", now - 2000)
    case = case.handed_over("wang", now - 1000)
    return Fact("case", "c1", f"case:c1:{case.version:06d}", now - 1000, case.body())


def cases_of(area: str, now: int, count: int, closed: int) -> list[Any]:
    """So many cases of an area, handed over one after the other; the first ones were answered and closed."""
    from tests.support.facts import Fact

    one, facts = case_of(area, now), []
    for number in range(count):
        name, body = f"c{number:03d}", {**one.body, "case_id": f"c{number:03d}", "handed_over_at": now + number}
        if number < closed:
            body |= {"state": "closed", "answered_at": now + 900, "answer": "x", "closed_at": now + 1000}
        facts.append(Fact("case", name, f"case:{name}:000002", now + number, body))
    return facts
