"""How much longer a truck stands that is known to stand on the road: learned from the drives that took far too long.

Most blocked lanes are free after some minutes more, however long one has waited; one that has lasted very long will
last on for a share of that. Until the area has seen some, a first guess counts.
"""

from dataclasses import dataclass

from broker.rules.learning.bands import Recent


@dataclass(frozen=True, slots=True)
class StandingSettings:
    """The first guess and how many stands it weighs; from when on a drive held a stand; the share of what has gone."""

    guess_s: float = 300.0
    weight: float = 4.0
    memory: int = 60
    known_s: float = 170.0  # a truck is held after so long
    of_drive: float = 0.6  # less beyond its time than that was slow traffic
    share: float = 0.25


class Standing:
    """The stands of one area."""

    def __init__(self, settings: StandingSettings) -> None:
        self._settings = settings
        self._rests = Recent(settings.memory)

    def learn(self, drive_s: float, expected_s: float) -> None:
        """Take in a drive, of which it was known how long it should take."""
        settings, beyond_s = self._settings, drive_s - expected_s
        if beyond_s > max(settings.known_s, settings.of_drive * expected_s):
            self._rests.add(beyond_s - settings.known_s)

    def rest_s(self, stood_s: float) -> float:
        """How much longer a truck will stand that has stood for so long."""
        settings, number = self._settings, len(self._rests)
        usual_s = settings.weight * settings.guess_s
        if number:
            usual_s += number * self._rests.quantile(0.5)
        return max(usual_s / (settings.weight + number), settings.share * stood_s)
