"""Drives that are no route say why and what to do; what looks odd and is none is taken as it is."""

from collections.abc import Sequence

import pytest

from broker.plan.geometry import METRES_PER_DEGREE_LAT
from broker.plan.model import Room
from broker.rules.teaching.judging import DEPOT, HALT, STOP, Wishes
from broker.rules.teaching.positions import Position, TeachingError, cleaned, of_one_clock
from broker.rules.teaching.rooms import KnownRoom, rooms_at
from broker.rules.teaching.route import Taught, taught

AT = 1_795_903_200
LAT, LON = 31.2, 121.44


class Truck:
    """A truck on a road to the north, which writes down each second where it is."""

    def __init__(self, speeds: bool = True) -> None:
        self.at, self.m, self.speeds = float(AT), 0.0, speeds
        self.said: list[Position] = []

    def say(self, speed_mps: float, beside_m: float = 0.0) -> None:
        """Its place now."""
        speed = speed_mps if self.speeds else None
        self.said.append(Position(self.at, LAT + self.m / METRES_PER_DEGREE_LAT, LON + beside_m / 95_000, speed))

    def go(self, metres: float, every_s: int = 1) -> "Truck":
        """Drive on; below 0 back."""
        for _ in range(int(abs(metres) / 6 / every_s)):
            self.at += every_s
            self.m += 6.0 * every_s * (1 if metres > 0 else -1)
            self.say(6.0)
        return self

    def stand(self, seconds: int, drift_m: float = 0.0, every_s: int = 1) -> "Truck":
        """Stand, with places that stray slowly so far to one side and back."""
        for second in range(0, seconds, every_s):
            self.at += every_s
            self.say(0.0, drift_m * min(second, seconds - second) / seconds * 2)
        return self

    def silent(self, seconds: int, metres: float = 0.0) -> "Truck":
        """Nothing is heard."""
        self.at += seconds
        self.m += metres
        return self


def route(truck: Truck, wishes: Wishes = Wishes()) -> Taught:  # noqa: B008 - frozen
    """What is taught of it."""
    return taught(cleaned(truck.said), wishes)


def verdicts(found: Taught) -> list[str]:
    """Of its halts."""
    return [one.verdict for one in found.halts]


def usual(truck: Truck | None = None) -> Truck:
    """From the depot past a red light to two stops and on."""
    return (truck or Truck()).stand(300).go(600).stand(30).go(300).stand(150).go(600).stand(200).go(600).stand(300)


@pytest.mark.parametrize("speeds", [True, False])
def test_a_red_light_is_no_stop_and_the_ends_are_the_depot(speeds: bool) -> None:
    """With and without a speed in the log."""
    found = route(usual(Truck(speeds)))
    assert verdicts(found) == ["begin", "halt", "stop", "stop", "end"]
    assert [round(one.along_m or 0.0) for one in found.visits] == pytest.approx([900, 1500], abs=12)
    assert found.length_m == pytest.approx(2100, abs=25)


def test_drift_while_standing_is_no_path_and_no_second_stop() -> None:
    """The place strays by 45 m and back in ten minutes."""
    found = route(Truck().stand(60).go(600).stand(600, drift_m=45.0).go(600).stand(60))
    assert verdicts(found) == ["begin", "stop", "end"]
    assert found.length_m == pytest.approx(1200, abs=60)


def test_a_stop_served_twice_is_one_stop_visited_twice() -> None:
    """On the way out and on the way back."""
    found = route(Truck().stand(60).go(600).stand(150).go(300).stand(150).go(-300).stand(150).go(-600).stand(60))
    assert [one.stop for one in found.visits] == [0, 1, 0] and len(found.stops) == 2


def test_two_rooms_35_m_apart_are_two_stops_and_moving_up_is_one() -> None:
    """36 m on is another door, 12 m on in the middle of a stay is none."""
    assert len(route(Truck().stand(60).go(600).stand(150).go(36).stand(150).go(600)).stops) == 2
    moved_up = route(Truck().stand(60).go(600).stand(100).go(12).stand(100).go(600))
    assert len(moved_up.visits) == 1 and moved_up.visits[0].halt.seconds == pytest.approx(202, abs=3)


def test_what_a_person_says_of_a_halt_holds() -> None:
    """A light is kept as a stop, a stop dropped, by their numbers; the begin may be a stop."""
    found = route(usual(), Wishes(keep=[1, 2], drop=[4]))
    assert verdicts(found) == [STOP, STOP, STOP, HALT, "end"]
    with pytest.raises(TeachingError, match="no halt 9: this drive has halts 1 to 5"):
        route(usual(), Wishes(drop=[9]))
    with pytest.raises(TeachingError, match="halt 2 is to be kept and to be dropped"):
        route(usual(), Wishes(keep=[2], drop=[2]))


def test_short_stops_are_taken_where_that_is_said() -> None:
    """A technician who stands for half a minute at each."""
    truck = Truck().stand(60).go(600).stand(35).go(600).stand(35).go(600).stand(60)
    with pytest.raises(TeachingError, match=r"nowhere for .* s .*longest halts: .*--stay-from 20"):
        route(truck)
    assert len(route(truck, Wishes(stay_from_s=20.0)).stops) == 2


def test_a_return_to_the_depot_is_doubtful_and_no_stop() -> None:
    """Two rounds in one record: the halt in the middle is where it began."""
    found = route(Truck().stand(60).go(900).stand(150).go(-900).stand(900).go(900).stand(150).go(300).stand(60))
    assert DEPOT in verdicts(found) and len(found.stops) == 1
    assert [one.doubts for one in found.halts if one.verdict == DEPOT] == [("depot",)]


def test_a_halt_that_a_silence_hid_is_found_and_doubtful() -> None:
    """The receiver saw no sky for three minutes, in which it came 12 m further."""
    found = route(Truck().stand(60).go(600).silent(180, 12.0).go(600).stand(150).go(600).stand(60))
    assert verdicts(found) == ["begin", "stop", "stop", "end"] and "unseen" in found.visits[0].doubts


def test_a_silence_on_the_way_is_drawn_straight_and_said() -> None:
    """600 m in two minutes."""
    found = route(Truck().stand(60).go(600).stand(150).go(600).silent(120, 600.0).go(600).stand(60))
    assert [round(gap.metres) for gap in found.gaps] == pytest.approx([606], abs=8)
    assert found.length_m == pytest.approx(2400, abs=12)


def test_places_no_truck_can_have_driven_to_are_left_out() -> None:
    """A reflection 3 km away, now and then."""
    truck = usual()
    there = [one._replace(at=one.at + 0.6, lat=one.lat + 0.03) for one in truck.said[::50]]
    found = taught(cleaned([*truck.said, *there]))
    assert len(found.stops) == 2 and found.positions.jumped == len(there)


REFUSED: dict[str, tuple[Sequence[Position], str]] = {
    "nothing": ([], "only 0 positions"),
    "never stands": (Truck().go(3000).said, "the truck stood nowhere: at each stop stand still"),
    "never drives": (Truck().stand(900).said, "never more than 0 m from where it began"),
    "too short": (Truck().stand(60).go(60).stand(120).go(60).stand(60).said, "never more than 120 m .*--from, --to"),
    "several days": (usual().said + usual(Truck().silent(200_000)).said, "positions are of 2 days: .*--day"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_drive_is_refused_with_what_to_do(name: str) -> None:
    """In a sentence."""
    said, sentence = REFUSED[name]
    with pytest.raises(TeachingError, match=sentence):
        taught(cleaned(said))


def test_two_trucks_in_one_log_are_refused() -> None:
    """Which are in the same street at first, and in the same second."""
    one = usual().said
    other = [position._replace(at=position.at + 0.6, lat=2 * LAT - position.lat) for position in one]
    apart = [position._replace(lat=position.lat + 0.02) for position in other]
    for both in ([*one, *other], [*one, *apart]):
        with pytest.raises(TeachingError, match="two trucks"):
            cleaned(both)


def test_a_clock_that_jumps_is_refused_and_one_that_was_set_is_not() -> None:
    """Back by an hour in the midst of the drive; or at its beginning, which is left out."""
    said = usual().said
    middle = len(said) // 2
    with pytest.raises(TeachingError, match="clock jumps by -60 min after position"):
        of_one_clock([*said[:middle], *(one._replace(at=one.at - 3600) for one in said[middle:])])
    unset = [one._replace(at=one.at - 20 * 365 * 86_400) for one in said[:20]]
    assert of_one_clock([*unset, *said[20:]]) == (said[20:], 20)
    assert of_one_clock(said) == (said, 0)


def test_bins_that_move_while_the_truck_is_at_the_door_prove_a_stop() -> None:
    """However short it was, and not the light beside it; a room that is known gives its place to the nearest stop."""
    truck = Truck().stand(60).go(600).stand(25).go(24).stand(35).go(600).stand(150).go(600).stand(60)
    rooms = [room(1, 624), room(2, 1900)]
    assert verdicts(route(truck)) == ["begin", "halt", "halt", "stop", "end"]
    moved = [KnownRoom(rooms[0], (AT + 220.0,)), KnownRoom(rooms[1], (AT + 220.0,))]
    found = taught(cleaned(truck.said), rooms=moved)
    assert verdicts(found) == ["begin", "halt", "stop", "stop", "end"] and found.halts[2].doubts == ()
    assert rooms_at(found.stops, moved) == {0: rooms[0]}
    assert verdicts(taught(cleaned(truck.said), Wishes(drop=[3]), moved))[2] == HALT


def room(number: int, along_m: float) -> Room:
    """A room of the plan at the road."""
    return Room(f"r{number:02d}", "", LAT + along_m / METRES_PER_DEGREE_LAT, LON, "e01", ("residential_wet",))
