"""What is to be seen of a configured day's alarms: when they begin, and when they end."""

from pathlib import Path

from tests.support.settings.day import ConfiguredDay, configured


def seconds_until_it_has_ended(folder: Path, text: str) -> int:
    """How long after the driver's light works again the alarm about it ends."""
    day = ConfiguredDay(configured(folder, text), 7200)
    day.life("light")
    assert day.alarms() == {"part/t01/light": "light_dead"}
    day.life()
    since = day.now
    while day.alarms() and day.now - since < 7200:
        day.silent(10)
    return day.now - since
