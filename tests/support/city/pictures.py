"""A city of made pictures for the screen: copies of the demo area side by side, every truck driving along its line.

The rows are those of a true picture of the demo area with other ids, places and times; no bridge decides anything.
"""

import copy
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from broker.plan.demo_area import demo_plan
from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point, lengths_m, point_at
from broker.plan.model import Plan, RunPlan
from broker.web.view.picture import Picture, snapshot
from tests.support.bridge.morning import Morning

WIDE_M, HIGH_M = 4700.0, 2900.0  # from one copy to the next
SPEED_MPS = 6.0
NEAR_M, DUE_M = 30.0, 16 * 60 * SPEED_MPS  # at the room, and when its lamp is lit


class City:
    """So many trucks and rooms; `picture(after_s)` is what is shown then."""

    def __init__(self, trucks: int = 4, rooms: int = 22) -> None:
        with tempfile.TemporaryDirectory(prefix="zhanpai-city-") as folder:
            morning = Morning(Path(folder))
            for room in ("r01", "r02", "r05"):
                morning.say("life", {"life": "ready", "fw": "1.0.0"}, device=room)
            morning.serve(0)
            self._true = snapshot(morning.bridge, morning.now)
            morning.close()
        self.at = int(self._true["at"])
        self._runs: list[tuple[str, RunPlan, tuple[Point, ...], tuple[float, ...]]] = []
        self.plan = self._copied(trucks, rooms)
        self._base = self._rows()
        self._shown: dict[int, tuple[tuple[str, ...], list[dict[str, Any]]]] = {}  # each run's visits as shown last

    def _copied(self, trucks: int, rooms: int) -> Plan:
        demo = demo_plan()
        first: dict[str, RunPlan] = {}
        for run in sorted(demo.runs.values(), key=lambda run: run.visits[0].arrive_day_s):
            first.setdefault(run.truck_id, run)
        copies = max(math.ceil(trucks / len(first)), math.ceil(rooms / (2 * len(demo.rooms))))
        across = math.ceil(math.sqrt(copies))
        plan: dict[str, dict[str, Any]] = {"estates": {}, "rooms": {}, "routes": {}, "runs": {}}
        for n in range(copies):
            east, north = (n % across) * WIDE_M, (n // across) * HIGH_M
            mark = f"x{n}" if n else ""

            def there(lat: float, lon: float, east: float = east, north: float = north) -> Point:
                scale = METRES_PER_DEGREE_LON * math.cos(math.radians(31.19))
                return lat + north / METRES_PER_DEGREE_LAT, lon + east / scale

            plan["estates"] |= {
                f"{key}{mark}": replace(one, estate_id=f"{key}{mark}") for key, one in demo.estates.items()
            }  # fmt: skip
            for again in range(2):  # a second room of each estate, across the street
                for key, room in demo.rooms.items():
                    lat, lon = there(room.lat + 0.0011 * again, room.lon + 0.0007 * again)
                    room_id, (zh, en) = f"{key}{mark}{'b' * again}", room.name.split(" / ")
                    name = f"{zh}二 / {en} 2" if again else room.name
                    plan["rooms"][room_id] = replace(
                        room, room_id=room_id, lat=lat, lon=lon, estate_id=f"{room.estate_id}{mark}", name=name
                    )
            for key, route in demo.routes.items():
                line = tuple(there(*point) for point in route.line)
                plan["routes"][f"{key}{mark}"] = replace(route, route_id=f"{key}{mark}", line=line)
            for run in first.values():
                if len(plan["runs"]) == trucks:
                    break
                visits = tuple(replace(visit, room_id=f"{visit.room_id}{mark}") for visit in run.visits)
                made = replace(
                    run, trip_id=f"{run.trip_id}{mark}", route_id=f"{run.route_id}{mark}",
                    truck_id=f"{run.truck_id}{mark}", visits=visits,
                )  # fmt: skip
                plan["runs"][made.trip_id] = made
        plan["rooms"] = dict(list(plan["rooms"].items())[:rooms])
        whole = replace(
            demo, estates=plan["estates"], rooms=plan["rooms"], routes=plan["routes"], runs=plan["runs"], piles={},
            vehicles={},
        )  # fmt: skip
        for run in whole.runs.values():
            line = whole.routes[run.route_id].line
            self._runs.append((run.truck_id, run, line, lengths_m(line)))
        return whole

    def _rows(self) -> Picture:
        """The picture with a row for each thing, trucks still to be placed."""
        true = self._true
        truck = next(row for row in true["trucks"] if row["truck"] == "t01")
        run_row = next(row for row in true["runs"] if row["truck"] == "t01")
        rooms = {row["room"]: row for row in true["rooms"]}
        found = {
            **true, "trucks": [], "runs": [], "attention": [], "alarms": [], "incidents": [],
            "rooms": [
                {**copy.deepcopy(rooms.get(key.split("x")[0].rstrip("b"), rooms["r01"])), "room": key,
                 "name": room.name, "estate": room.estate_id, "lat": room.lat, "lon": room.lon, "life": "ready",
                 "estate_name": self.plan.estates[room.estate_id].name}
                for key, room in self.plan.rooms.items()
            ],
        }  # fmt: skip
        for name, run, _, _ in self._runs:
            run_id = f"{run.trip_id}.20261123"
            found["trucks"].append({**truck, "truck": name, "run_id": run_id, "life": "ready", "fresh": True})
            visits = [
                {**run_row["visits"][i % len(run_row["visits"])], "run_id": run_id, "room": visit.room_id,
                 "name": self.plan.rooms[visit.room_id].name if visit.room_id in self.plan.rooms else "–",
                 "id": f"{run_id}/{visit.room_id}/1", "sequence": visit.sequence}
                for i, visit in enumerate(run.visits)
            ]  # fmt: skip
            found["runs"].append(
                {**run_row, "run_id": run_id, "route": run.route_id, "truck": name, "visits": visits,
                 "state": "running", "route_name": self.plan.routes[run.route_id].name, "active": True}
            )  # fmt: skip
        return found

    def picture(self, after_s: float) -> Picture:
        """What is shown so long after the beginning: each truck farther along its line, its fix new, its visits as the
        way it has driven makes them."""
        at = self.at + int(after_s)
        trucks: list[dict[str, Any]] = []
        runs: list[dict[str, Any]] = []
        for number, (_, plan, line, along) in enumerate(self._runs):
            begins_m = along[-1] * 0.2 + 37.0 * number
            m = (begins_m + SPEED_MPS * after_s) % along[-1]
            lat, lon = point_at(line, along, m)
            run, visits = self._base["runs"][number], self._visits(number, plan, m, begins_m)
            following = next((one for one in visits if one["state"] != "served"), visits[-1])
            trucks.append(
                {**self._base["trucks"][number], "lat": lat, "lon": lon, "fix_at": at, "heard_at": at,
                 "speed_mps": SPEED_MPS, "next_room": following["room"], "next_room_name": following["name"],
                 "next_eta_at": following["eta_at"]}
            )  # fmt: skip
            owed = sum(one["state"] != "served" for one in visits)
            runs.append({**run, "along_m": round(m), "visits": visits, "owed": owed})
        data = {**self._base["data"], "oldest_fix_at": at}
        return {**self._base, "at": at, "data": data, "trucks": trucks, "runs": runs}

    def _visits(self, number: int, plan: RunPlan, m: float, begins_m: float) -> list[dict[str, Any]]:
        """The visits of a run whose truck is so far along; the very rows of before where none changed."""
        away = [visit.distance_m - m for visit in plan.visits]
        states = tuple(
            "served" if far < -NEAR_M else "at_stop" if far < NEAR_M else "due" if far < DUE_M else "pending"
            for far in away
        )
        if self._shown.get(number, ((), []))[0] != states:
            rows = self._base["runs"][number]["visits"]
            self._shown[number] = states, [
                {**row, "state": state, "eta_at": self.at + round((visit.distance_m - begins_m) / SPEED_MPS)}
                for row, state, visit in zip(rows, states, plan.visits, strict=True)
            ]
        return self._shown[number][1]
