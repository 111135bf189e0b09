"""A made-up register of the safety works the pilot promised: 28, 25, 6 and 4 places, at various stages."""

from datetime import date, timedelta
from typing import Any

from broker.demo_estates import DEMO_ESTATES, NAMES_ZH

FIRST_DAY = date(2021, 3, 1)
# kind, id, title, promised, and how many of them are accepted, in work, prepared (the rest is only named)
PROGRAMMES = (
    ("rescue_post", "rescue", "应急救援阵地", 28, 15, 8, 3),
    ("ebike_charging", "ebike", "电动自行车智能充电场所", 25, 12, 9, 2),
    ("lift_blocker", "lift", "电梯劝阻系统", 6, 2, 2, 2),
    ("fire_repair", "fire", "高层消防设施维修", 4, 1, 2, 1),
)
CONTRACTORS = (("c1", "平安设施工程（示例）"), ("c2", "城东消防维保（示例）"), ("c3", "绿电充电服务（示例）"))
BOUNDS = {"south": 31.15, "west": 121.40, "north": 31.27, "east": 121.52}
LOOKED_AT_AFTER_DAYS = 180  # when the demo is looked at: works of every stage
STEP_DAYS = (("m1", "选址确认", 20), ("m2", "进场施工", 60), ("m3", "完工验收", 120))


def first_day_for(today: date) -> date:
    """The day the demo's programmes began on for somebody who looks at them today."""
    return today - timedelta(days=LOOKED_AT_AFTER_DAYS)


def demo_works(first_day: date = FIRST_DAY) -> dict[str, Any]:
    """The whole register as a document; the programmes start on `first_day`."""
    sites = [
        _site(kind, name, title, number, stage, first_day)
        for kind, name, title, target, accepted, working, prepared in PROGRAMMES
        for number, stage in enumerate(
            ["accepted"] * accepted + ["working"] * working + ["prepared"] * prepared
            + ["named"] * (target - accepted - working - prepared), start=1,
        )
    ]
    return {
        "format": "zhanpai-safety/1", "bounds": BOUNDS,
        "estates": [
            {"id": estate_id, "name": name, "area": f"a{n:02d}"}
            for n, (estate_id, name) in enumerate(zip(DEMO_ESTATES, NAMES_ZH, strict=True), start=1)
        ],
        "contractors": [{"id": name, "name": title} for name, title in CONTRACTORS],
        "programmes": [
            {
                "id": name, "kind": kind, "title": title, "target_count": target, "starts_on": first_day.isoformat(),
                "due_on": (first_day + timedelta(days=270)).isoformat(),
            }
            for kind, name, title, target, *_ in PROGRAMMES
        ],
        "sites": sites,
    }


def _site(kind: str, programme: str, title: str, number: int, stage: str, first_day: date) -> dict[str, Any]:
    estate = (number * 3 + len(programme)) % len(NAMES_ZH)
    start = first_day + timedelta(days=number * 2)
    accepted_on = start + timedelta(days=118)
    site: dict[str, Any] = {
        "id": f"{programme}-{number:02d}", "programme": programme, "estate": f"e{estate + 1:02d}",
        "title": f"{NAMES_ZH[estate]}{title}",
        "place": {
            "lat": round(31.18 + (number * 37 % 60) / 1000, 5), "lon": round(121.43 + (number * 53 % 70) / 1000, 5),
        },
        "contractor": {"fire_repair": "c2", "ebike_charging": "c3"}.get(kind, "c1"),
        "status": {"accepted": "completion", "working": "implementation", "prepared": "preparation"}.get(
            stage, "identification",
        ),
        "milestones": _milestones(stage, start),
        "progress": [], "inspections": [], "defects": [], "acceptance": None,
    }
    if stage in ("accepted", "working"):
        site["progress"] = [
            {"on": (start + timedelta(days=30)).isoformat(), "measure": 0.25},
            {"on": (start + timedelta(days=75)).isoformat(), "measure": 0.6},
        ]
    if stage == "accepted":
        document = f"验〔{accepted_on.year}〕{number:03d}号"
        site["acceptance"] = {"accepted_on": accepted_on.isoformat(), "document": document}
        passed = "passed_with_defects" if number % 5 == 0 else "passed"
        site["inspections"] = [{"id": "i1", "on": (accepted_on - timedelta(days=4)).isoformat(), "result": passed}]
        if number % 5 == 0:
            site["defects"] = [{
                "id": "d1", "description": "标识不清", "found_on": (accepted_on - timedelta(days=4)).isoformat(),
                "due_on": (accepted_on + timedelta(days=30)).isoformat(), "fixed_on": None,
            }]
    return site


def _milestones(stage: str, start: date) -> list[dict[str, Any]]:
    met = {"accepted": 3, "working": 2, "prepared": 1}.get(stage, 0)
    found = []
    for n, (name, title, days) in enumerate(STEP_DAYS):
        due = start + timedelta(days=days)
        done = n < met
        found.append({
            "id": name, "title": title, "due_on": due.isoformat(), "status": "met" if done else "scheduled",
            "met_on": (due - timedelta(days=2)).isoformat() if done else None,
        })
    return found
