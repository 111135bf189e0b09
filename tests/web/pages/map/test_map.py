"""The map: the plan's shapes for whose they are, where trucks drove, and what is seen of it in a browser."""

from pathlib import Path

from fastapi.testclient import TestClient

from broker.people.roles import Role, Scope
from broker.plan.demo_area import demo_plan
from broker.plan.geometry import lengths_m, project
from broker.plan.outline import simplified, ways
from broker.web.api.map.ground import Ground
from tests.support.bridge.morning import Morning
from tests.support.bridge.whole_web import WholeWeb
from tests.support.processes import wait_until


def client(web: WholeWeb, *roles: Role, **scope: tuple[str, ...]) -> TestClient:
    """A machine of some roles."""
    return web.house.machine(web.app, *roles, name="".join(roles), scope=Scope(**scope))


def test_a_line_is_drawn_with_few_points_and_no_other_way() -> None:
    """A straight street with many points is its two ends; no point of the line is farther off than was allowed."""
    street = [(31.0 + i * 1e-4, 121.0 + (i % 2) * 1e-6) for i in range(200)]
    assert simplified(street) == (street[0], street[-1])
    for route in demo_plan().routes.values():
        drawn = simplified(route.line, 30.0)
        assert len(drawn) < len(route.line)
        along = lengths_m(drawn)
        assert max(project(drawn, along, *point, 0.0, along[-1])[0] for point in route.line) <= 30.0


def test_a_run_with_a_way_of_its_own_has_a_line_of_its_own() -> None:
    """Beside its route's; runs that drive the route's way name none."""
    plan = demo_plan()
    assert set(ways(plan).values()) == {()}
    assert {route for route, _ in ways(plan)} == set(plan.routes)


def test_each_sees_the_rooms_that_are_theirs(tmp_path: Path) -> None:
    """Streets are everybody's, rooms the estate's and the truck's that calls there; the scales see no map at all."""
    web = WholeWeb(tmp_path)
    path = "/api/v1/plan/map"
    whole = client(web, "viewer").get(path).json()
    assert len(whole["lines"]) == len(web.morning.plan.routes) and whole["ground"]
    assert {row["place"] for row in whole["places"] if row["kind"] == "room"} == set(web.morning.plan.rooms)
    estate = client(web, "property", estates=("e01",)).get(path).json()
    assert {row["estate"] for row in estate["places"]} == {"e01"} == {row["estate"] for row in estate["estates"]}
    assert estate["lines"] == whole["lines"] and not estate["ground"]
    truck = client(web, "crew", trucks=("t01",)).get(path).json()
    assert {row["place"] for row in truck["places"]} == {
        visit.room_id for run in web.morning.plan.runs.values() if run.truck_id == "t01" for visit in run.visits
    }
    scales = client(web, "weigher").get(path).json()
    assert scales["lines"] == scales["places"] == []
    web.morning.close()


def test_a_map_that_was_read_before_is_not_sent_again(tmp_path: Path) -> None:
    """By its ETag, which another share does not have."""
    web = WholeWeb(tmp_path)
    viewer = client(web, "viewer")
    first = viewer.get("/api/v1/plan/map")
    again = viewer.get("/api/v1/plan/map", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    crew = client(web, "crew", trucks=("t01",))
    assert crew.get("/api/v1/plan/map", headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    web.morning.close()


def test_the_ground_is_where_trucks_drove_on_days_that_are_over(tmp_path: Path) -> None:
    """Who asks first does not wait for it; who stands says nothing; today is counted tomorrow, and once."""
    morning, later = Morning(tmp_path, alone=True), [0]
    ground = Ground(morning.store, morning.plan, lambda: morning.now + later[0])
    morning.step(30)
    for _ in range(20):
        morning.along += 50
        morning.step(1, speed_mps=5.0)
        morning.fix(5.0)
    wait_until(lambda: ground.cells().whole, "there is nothing")
    assert ground.cells().cells == []
    later[0] = 86_400
    assert not ground.cells().whole
    wait_until(lambda: ground.cells().whole, "the day is counted")
    found = ground.cells()
    line, along = morning.line, morning.cumulative
    places = [(row * found.cell_deg, column * found.cell_deg) for row, column, _ in found.cells]
    near = [project(line, along, *place, 0.0, along[-1])[0] for place in places]
    assert max(near) < 20
    assert str(found.to_day) == "2026-11-23" and sum(count for _, _, count in found.cells) >= 20
    morning.close()
