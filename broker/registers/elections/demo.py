"""A made-up election register, fitted so that its computed figures are the pilot's published table.

Nobody here exists. The head counts were sought so that every published figure comes out at once
(docs/decisions/0501): 90 members before and 98 after, 41 of them part-time (13, 18 and 10 by origin).
Ages are spread over their groups so that each group's sum is right; everything else is counted from there.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from broker.demo_estates import NAMES_ZH

SECOND_LEVEL_BRANCHES = 79
FIRST_DAY = date(2021, 4, 10)
TERM_YEARS = 3
LARGEST_MEETING = 301
LOOKED_AT_AFTER_DAYS = 40  # when the demo is looked at: the general branches are elected, the next elections prepared
LATE_BODIES_OF = 20  # of so many bodies one is late with a step

# One group of seats: post, seats, sum of ages, youngest, oldest, and what the holders are. The two
# education numbers say how many of the group have college or above, and of those a bachelor's or above.
Group = tuple[str, int, int, int, int, int, int, str | None, str | None]

BEFORE: tuple[Group, ...] = (
    ("secretary", 4, 150, 36, 39, 4, 4, None, None),
    ("secretary", 12, 568, 41, 56, 10, 7, None, None),
    ("deputy_secretary", 4, 212, 47, 58, 4, 1, None, None),
    ("full_time_member", 20, 1100, 44, 63, 14, 4, None, None),
    ("part_time_member", 50, 3280, 48, 80, 20, 5, None, None),
)
AFTER: tuple[Group, ...] = (
    ("secretary", 8, 297, 34, 39, 8, 7, None, None),
    ("secretary", 8, 399, 42, 57, 8, 6, None, None),
    ("deputy_secretary", 8, 376, 33, 57, 8, 5, None, None),
    ("full_time_member", 30, 1200, 27, 54, 28, 16, None, "social_worker"),
    ("full_time_member", 3, 174, 55, 60, 2, 0, None, "retired"),
    ("part_time_member", 4, 188, 42, 52, 4, 3, "self_governance", "police_officer"),
    ("part_time_member", 5, 355, 64, 78, 1, 0, "self_governance", "owners_committee"),
    ("part_time_member", 4, 228, 50, 62, 2, 0, "self_governance", "property_manager"),
    ("part_time_member", 10, 693, 60, 79, 2, 1, "co_governance", "resident_organisation"),
    ("part_time_member", 8, 520, 56, 74, 2, 1, "co_governance", "firm"),
    ("part_time_member", 10, 372, 32, 39, 10, 9, "support", "official"),
)


def first_day_for(today: date) -> date:
    """The day the demo's elections began on for somebody who looks at them today."""
    return today - timedelta(days=LOOKED_AT_AFTER_DAYS)


def demo_elections(first_day: date = FIRST_DAY) -> dict[str, Any]:
    """The whole register as a document; the general branches are elected from `first_day` on, one a day.

    It stands as it would some weeks later (`first_day_for`): what was planned until then is done, with few exceptions.
    """
    areas = [
        {
            "id": f"a{n:02d}", "name": name, "first_responsible": f"示例第一责任人{n:02d}",
            "liaison_cadre": f"示例包联干部{n:02d}",
        }
        for n, name in enumerate(NAMES_ZH, start=1)
    ]
    days = [first_day + timedelta(days=n) for n in range(len(areas))]
    before, after = _seats(BEFORE, days, -1), _seats(AFTER, days, 0)
    general = [_general_branch(n, area, days[n], before[n], after[n]) for n, area in enumerate(areas)]
    today = first_day + timedelta(days=LOOKED_AT_AFTER_DAYS)
    later = first_day + timedelta(days=60)
    bodies = [*general, *_second_level(areas, later, today), *_others(areas, later + timedelta(days=90), today)]
    return {"format": "zhanpai-elections/1", "areas": areas, "bodies": bodies}


def spread(total: int, count: int, low: int, high: int) -> list[int]:
    """`count` whole numbers from `low` to `high`, evenly spread, the first `low`, that sum to `total`."""
    if count == 1:
        return [total]
    values = [low + (high - low) * n // (count - 1) for n in range(count)]
    step = 1 if sum(values) < total else -1
    while sum(values) != total:
        moved = False
        for n in range(1, count):
            if sum(values) != total and low <= values[n] + step <= high:
                values[n] += step
                moved = True
        if not moved:
            raise ValueError(f"{count} ages from {low} to {high} cannot sum to {total}")
    return values


def _seats(groups: Sequence[Group], days: Sequence[date], shift_days: int) -> list[list[dict[str, Any]]]:
    """The members of each area; posts are dealt out in turn, so that every area has one secretary."""
    areas: list[list[dict[str, Any]]] = [[] for _ in days]
    dealt: dict[str, int] = {}
    for post, count, total, low, high, college, bachelor, origin, occupation in groups:
        for n, years in enumerate(spread(total, count, low, high)):
            turn = dealt.get(post, 0)
            dealt[post] = turn + 1
            area = turn % len(areas)
            counted_on = days[area] + timedelta(days=shift_days)
            areas[area].append({
                "id": f"m{len(areas[area]) + 1:02d}", "post": post,
                "name": f"示例书记{area + 1:02d}" if post == "secretary" else None,
                "birth_date": _born(years, counted_on, 17 * n + 31 * area).isoformat(),
                "education": _education(n, college, bachelor), "sex": "female" if (n + area) % 5 < 3 else "male",
                "origin": origin, "occupation": occupation, **_service(post, area, counted_on, shift_days),
            })
    return areas


def _born(years: int, counted_on: date, salt: int) -> date:
    """A birthday that makes somebody `years` old on the day, some weeks or months past the birthday."""
    day = counted_on - timedelta(days=5 + salt % 340)
    return date(day.year - years, day.month, min(day.day, 28))


def _education(n: int, college: int, bachelor: int) -> str:
    if n < bachelor:
        return "master" if n % 6 == 5 else "bachelor"
    return "college" if n < college else "senior_secondary"


def _service(post: str, area: int, counted_on: date, shift_days: int) -> dict[str, Any]:
    """Since when: one secretary for eleven years and re-elected three times, the others for less."""
    if post != "secretary":
        return {"since": None, "consecutive_terms": None}
    if shift_days == 0 and area == 9:
        return {"since": date(counted_on.year - 11, counted_on.month, 1).isoformat(), "consecutive_terms": 4}
    years = 3 + area % 4 if shift_days else (0, 3, 6)[area % 3]
    since = date(counted_on.year - years, counted_on.month, min(counted_on.day, 28))
    return {"since": since.isoformat(), "consecutive_terms": 1 + years // TERM_YEARS}


def _general_branch(
    n: int, area: dict[str, str], day: date, before: list[dict[str, Any]], after: list[dict[str, Any]],
) -> dict[str, Any]:
    eligible = 190 + (n * 37) % 130
    present = LARGEST_MEETING if n == 5 else eligible * 9 // 10
    eligible = max(eligible, present + 12)
    ended = day - timedelta(days=1)
    started = date(day.year - TERM_YEARS, day.month, min(day.day, 28))
    return {
        "id": f"pb-{area['id']}", "area": area["id"], "kind": "party_branch", "level": "first",
        "name": f"{area['name']}党总支",
        "before": {"starts_on": started.isoformat(), "ends_on": ended.isoformat(), "members": before},
        "after": {"starts_on": day.isoformat(), "ends_on": None, "members": after},
        "plan": {
            "summary": f"{area['name']}一居一方案：结合走访登记党员，提前排查风险。",
            "risks": [
                {"id": "r1", "risk": "行动不便的党员到会难", "countermeasure": "上门接送，流动票箱", "level": "medium"},
                {"id": "r2", "risk": "在职党员工作日难以到会", "countermeasure": "会议安排在周末", "level": "low"},
            ],
        },
        "steps": dict(_steps(day, day + timedelta(days=LOOKED_AT_AFTER_DAYS - n), n)),
        "first_responsible": area["first_responsible"], "liaison_cadre": area["liaison_cadre"],
        "tallies": _tallies(day, day, eligible),
        "ballot": {"eligible": eligible, "present": present, "valid_votes": present - n % 4},
    }


def _steps(day: date, today: date, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    plan = {
        "preparation": -60, "plan": -45, "nomination": -30, "registration": -21, "meeting": 0, "vote": 0, "result": 0,
        "handover": 7, "training": 30,
    }
    past = [name for name, offset in plan.items() if day + timedelta(days=offset) < today]
    if past and number % LATE_BODIES_OF == LATE_BODIES_OF - 1:
        past.pop()
    for name, offset in plan.items():
        planned = (day + timedelta(days=offset)).isoformat()
        yield name, {"planned_on": planned, "done_on": planned if name in past else None, "note": None}


def _tallies(day: date, today: date, voters: int) -> list[dict[str, Any]]:
    """Counts of the weeks in which voters are registered and households visited, as far as they have come."""
    weeks = [day + timedelta(days=offset) for offset in (-35, -28, -21, -14)]
    return [
        {"on": on.isoformat(), "voters_registered": voters * week // 4, "households_visited": voters * week // 6}
        for week, on in enumerate(weeks, start=1) if on < today
    ]


def _second_level(areas: Sequence[dict[str, str]], day: date, today: date) -> Iterator[dict[str, Any]]:
    for n in range(SECOND_LEVEL_BRANCHES):
        area = areas[n % len(areas)]
        number = n // len(areas) + 1
        yield {
            "id": f"pb-{area['id']}-{number}", "area": area["id"], "kind": "party_branch", "level": "second",
            "parent": f"pb-{area['id']}", "name": f"{area['name']}第{number}党支部",
            "steps": dict(_steps(day + timedelta(days=n % 20), today, n)),
        }


def _others(areas: Sequence[dict[str, str]], day: date, today: date) -> Iterator[dict[str, Any]]:
    for kind, short, title in (("residents_committee", "rc", "居委会"), ("womens_federation", "wf", "妇联")):
        for n, area in enumerate(areas):
            yield {
                "id": f"{short}-{area['id']}", "area": area["id"], "kind": kind, "level": "first",
                "name": f"{area['name']}{title}",
                "first_responsible": area["first_responsible"], "liaison_cadre": area["liaison_cadre"],
                "steps": dict(_steps(day + timedelta(days=n), today, n)),
            }
