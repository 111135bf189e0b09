"""What is to be seen of a configured day: when a lamp is called, what a room is told, when a truck will be where."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from broker.bridge import Bridge
from broker.plan.demo_area import demo_plan
from broker.plan.gtfs.writing import write_gtfs
from broker.settings import configured_plan, dispatch_settings
from broker.web.view.picture import of_now
from tests.support.bridge.rehearsal import MemoryStore
from tests.support.settings.day import ConfiguredDay, configured


def state(day: ConfiguredDay) -> Any:
    """What the first room's arrival says."""
    return day.arrival(day.first.room_id).get("state")


def seconds_to_the_call(folder: Path, text: str) -> int:
    """How long a truck that stands before the first room waits for the room's call."""
    day = ConfiguredDay(configured(folder, text), 1500)
    return day.wait_for(lambda: state(day) == "due", 1500)


def seconds_from_call_to_held(folder: Path, text: str) -> int:
    """How long after its call the lamp of a truck that does not come says so."""
    day = ConfiguredDay(configured(folder, text), 1000)
    day.wait_for(lambda: state(day) == "due", 1000)
    return day.wait_for(lambda: state(day) == "held", 3000)


def state_of_a_late_truck_that_drives_again(folder: Path, text: str) -> Any:
    """The lamp of a truck that was held for some minutes and then comes."""
    day = ConfiguredDay(configured(folder, text), 1000)
    day.wait_for(lambda: state(day) == "held", 3000)
    day.drive(day.first.distance_m - 40)
    return state(day)


def blocked(folder: Path, text: str) -> ConfiguredDay:
    """A day on which the way to the first room, whose lamp is lit, is blocked."""
    day = ConfiguredDay(configured(folder, text), 600).stand(60)
    assert state(day) == "due"
    day.press()
    return day.stand(30)


def lamp_is_kept_lit(folder: Path, text: str) -> bool:
    """Whether the skipped room's lamp waits for the truck."""
    return state(blocked(folder, text)) == "held"


def seconds_to_the_second_visit(folder: Path, text: str) -> int:
    """How long after the press the truck is to be back."""
    day = blocked(folder, text)
    return next(visit["eta_at"] - day.now for visit in day.visits() if visit["visit_number"] == 2)


def seconds_until_a_full_truck_is_back(folder: Path, text: str) -> int:
    """How long after its crew called it full the truck is to be at a room."""
    day = ConfiguredDay(configured(folder, text), 600).stand(60)
    day.call_full()
    return min(visit["eta_at"] for visit in day.visits()) - day.now
def addressees_told(folder: Path, text: str) -> dict[str, list[str]]:
    """Who is told of a blocked lane: by which steps, the first of them."""
    day = blocked(folder, text)
    return {row.id: [one.step for one in row.told] for row in day.answers()}


def seconds_until_told(step: str) -> Callable[[Path, str], int]:
    """How long after the press the dispatcher's chain comes to this step, as nobody sees it."""

    def seen(folder: Path, text: str) -> int:
        day = blocked(folder, text).stand(900)
        row = next(row for row in day.answers() if row.id == "dispatcher")
        return next(one.at - row.asked_at for one in row.told if one.step == step)

    return seen


def seconds_to_the_sound(folder: Path, text: str) -> int:
    """After how long without an answer the screen is to sound."""
    config = configured(folder, text)
    bridge = Bridge(configured_plan(config), MemoryStore({}), lambda *_: None, dispatch_settings(config))
    bridge.start(1_795_400_000)
    return int(of_now(bridge, 1_795_400_000)["limits"]["sound_s"])


def promises_that_a_breakdown_breaks(folder: Path, text: str) -> int:
    """How many keepers would be told another time if the broken truck's rooms went to the cheapest other."""
    day = ConfiguredDay(configured(folder, text), 600).stand(60)
    return min(offer["broken_promises"] for offer in day.offers(day.press("breakdown")))


def seconds_to_the_extra_truck(folder: Path, text: str) -> int:
    """How long after a breakdown an extra truck is to be there of which nobody knows where it is."""
    day = ConfiguredDay(configured(folder, text), 600).stand(60)
    offers = day.offers(day.press("breakdown"))
    return next(offer["extra"]["comes_at"] - day.now for offer in offers if offer["extra"])


def a_silent_truck_has_a_time(folder: Path, text: str) -> bool:
    """Whether a room is told a time for a truck that was never heard."""
    return ConfiguredDay(configured(folder, text), 1800).arrival("r01")["eta_at"] is not None


def run_is_open_before(folder: Path, text: str) -> bool:
    """Whether the truck has its itinerary 50 minutes before its run."""
    return bool(ConfiguredDay(configured(folder, text), 3000).visits())


def run_is_open_after(folder: Path, text: str) -> bool:
    """Whether a bridge that starts an hour after a run's planned end begins it."""
    day = ConfiguredDay(configured(folder, text), -9000)
    assert 3000 < day.now - day.end_at < 4000
    return bool(day.visits())


def seconds_between_rooms(folder: Path, text: str) -> int:
    """From the first room to the second one, as the truck is told."""
    first, second = ConfiguredDay(configured(folder, text), 1000).stand(10).visits()[:2]
    return int(second["eta_at"] - first["eta_at"])


def seconds_over_open_country(folder: Path, text: str) -> int:
    """How far the first room is from a truck four kilometres beside its line, whose way only the tracker measures."""
    day = ConfiguredDay(configured(folder, text), 200)
    day.north_m = 4000.0
    day.stand(300)
    return int(day.visits()[0]["eta_at"] - day.now)


def silent_past_a_room(folder: Path, text: str) -> Any:
    """What became of the second room when its truck was silent for 400 s and is heard beyond it."""
    day = ConfiguredDay(configured(folder, text), 1000)
    day.wait_for(lambda: day.now >= day.start_at, 2000)
    day.drive(day.first.distance_m).stand(100).drive(day.first.distance_m + 150)
    day.now += 400
    day.along_m = day.second.distance_m + 200
    day.fix(5.0)
    day.drive(day.second.distance_m + 300)
    return {visit["room"]: visit["state"] for visit in day.visits()}[day.second.room_id]


def area_of(folder: Path, text: str) -> str:
    """The area that the bridge serves."""
    write_gtfs(replace(demo_plan(), area_id="other"), folder / "feed")
    return ConfiguredDay(configured(folder, text), 1000).plan.area_id
