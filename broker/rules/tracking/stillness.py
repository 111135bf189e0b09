"""Whether a truck makes progress: it is held when it does not get 30 m further for too long, or by its button.

    moving --no progress outside a stop for 120..170 s (twice what the leg takes), known by fresh fixes--> held
    moving --the driver's button--> held
    held   --30 m of progress, or the hold-up is over--> moving

170 s at most, so that a hold-up is shown within three minutes on long legs too. A truck that says it stands must be
60 m away before that is progress: the positions of a standing truck wander.
"""

from broker.plan.geometry import distance_m
from broker.rules.tracking.types import GpsFix, TrackSettings


class Stillness:
    """Progress since the last place that counted; `held_since` is None while moving."""

    def __init__(self, settings: TrackSettings) -> None:
        self._settings = settings
        self._place: GpsFix | None = None
        self._along_m: float | None = None
        self._since = 0
        self.held_since: int | None = None

    def restart(self, fix: GpsFix | None, along_m: float | None, at: int) -> None:
        """Count from here and now."""
        self._place, self._along_m, self._since = fix, along_m, at

    def progressed(self, fix: GpsFix, along_m: float | None) -> bool:
        """Whether this fix is 30 m further, or 60 m for a truck that says it stands.

        Measured along the line where both places are on it (`along_m`), else straight.
        """
        if self._place is None:
            self.restart(fix, along_m, fix.fix_at)
            return False
        if along_m is not None and self._along_m is not None:
            moved_m = along_m - self._along_m
        else:
            moved_m = distance_m(self._place.lat, self._place.lon, fix.lat, fix.lon)
        settings = self._settings
        stands = fix.speed_mps is not None and fix.speed_mps < settings.noise_mps
        # Positions of a standing truck wander, and where d never decreases their wandering adds up.
        if moved_m < settings.progress_m * (2 if stands else 1):
            return False
        self.restart(fix, along_m, fix.fix_at)
        return True

    def still_s(self, now: int) -> int:
        """Seconds without progress."""
        return 0 if self._place is None else max(0, now - self._since)

    def may_be_too_long(self, now: int) -> bool:
        """Whether it stands for longer than any road explains, so that it must be asked what this one does."""
        return self.still_s(now) >= min(self._settings.held_most_s, self._settings.held_least_s)

    def too_long(self, now: int, leg_expected_s: float) -> bool:
        """Whether the truck stands for longer than the road explains."""
        settings = self._settings
        return self.still_s(now) >= min(settings.held_most_s, max(settings.held_least_s, 2 * leg_expected_s))

    def hold(self, since: int) -> None:
        """Held from `since` on."""
        self.held_since = since
