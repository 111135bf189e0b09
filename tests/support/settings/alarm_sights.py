"""What is to be seen of a configured day's alarms: how long it takes until they begin, and until they end."""

from pathlib import Path

from tests.support.settings.day import ConfiguredDay, configured

LONGEST_S = 12_000
ROOM = "r01"


def _silent_until(day: ConfiguredDay, word: str) -> int:
    """Seconds of silence until there is an alarm of this word."""
    since = day.now
    while word not in day.alarms().values() and day.now - since < LONGEST_S:
        day.silent(10)
    return day.now - since


def _standing_until(day: ConfiguredDay, word: str) -> int:
    """As that, of a truck that stands and speaks."""
    return day.wait_for(lambda: word in day.alarms().values(), LONGEST_S)


def seconds_until_it_has_ended(folder: Path, text: str) -> int:
    """How long after the driver's light works again the alarm about it ends."""
    day = ConfiguredDay(configured(folder, text), 7200)
    day.life("light")
    assert day.alarms() == {"part/t01/light": "light_dead"}
    day.life()
    since = day.now
    while day.alarms() and day.now - since < LONGEST_S:
        day.silent(10)
    return day.now - since


def under_way(folder: Path, text: str) -> ConfiguredDay:
    """A truck that has served its first room and drives on."""
    day = ConfiguredDay(configured(folder, text), 200)
    return day.drive(day.first.distance_m).stand(120).drive(day.first.distance_m + 150)


def seconds_until_a_truck_is_silent(folder: Path, text: str) -> int:
    """Of a truck on its run."""
    return _silent_until(under_way(folder, text), "truck_silent")


def seconds_until_a_unit_is_silent(folder: Path, text: str) -> int:
    """Of a room's unit, from its last will."""
    day = ConfiguredDay(configured(folder, text), 20_000)
    day.life(life="ready", device=ROOM)
    day.life(life="lost", device=ROOM)
    return _silent_until(day, "unit_silent")


def seconds_until_the_broker_is_away(folder: Path, text: str) -> int:
    """From the moment that nobody is heard."""
    day = ConfiguredDay(configured(folder, text), 20_000)
    day.day.devices.hear_nothing(day.now)
    return _silent_until(day, "broker_away")


def alarms_of_an_area_whose_units_are_silent(folder: Path, text: str) -> int:
    """How many there are when the units of four estates fall silent at once."""
    day = ConfiguredDay(configured(folder, text), 20_000)
    rooms = {room.estate_id: name for name, room in sorted(day.plan.rooms.items())}
    for room in list(rooms.values())[:4]:
        day.life(life="ready", device=room)
        day.life(life="lost", device=room)
    day.silent(4000)
    return len(day.alarms())


def seconds_until_a_truck_should_be_heard(folder: Path, text: str) -> int:
    """From two and a half hours before its run on."""
    return _silent_until(ConfiguredDay(configured(folder, text), 3500), "truck_not_heard")


def seconds_until_a_run_should_have_begun(folder: Path, text: str) -> int:
    """Of a truck that is heard and stands at its depot."""
    return _standing_until(ConfiguredDay(configured(folder, text), 200), "run_not_begun")


def seconds_until_it_stands_on_the_road(folder: Path, text: str) -> int:
    """Between its first two rooms."""
    return _standing_until(under_way(folder, text), "standing")


def seconds_until_bins_should_be_out(folder: Path, text: str) -> int:
    """At a room of four bins, all of which are inside."""
    day = ConfiguredDay(configured(folder, text), 200)
    day.life(life="ready", device=day.first.room_id)
    bins = [{"waste": day.route.waste, "count": 4, "grams": None, "quality": 0}]
    day.say("bins", {"at": day.now, "late": False, "bins": bins}, device=day.first.room_id)
    day.drive(day.first.distance_m)
    return _standing_until(day, "not_out")


def is_named_ahead_when_half_an_hour_late(folder: Path, text: str) -> bool:
    """Whether a truck that begins 40 minutes late is an alarm."""
    day = ConfiguredDay(configured(folder, text), 200)
    day.stand(200 + 2400).drive(day.first.distance_m).stand(60)
    return "will_miss" in day.alarms().values()
