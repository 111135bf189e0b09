"""What time it is on a computer without a clock of its own: from the receiver, else from the bridge; pure.

The monotonic clock runs everything; this only says how far POSIX time lies from it. The receiver is believed when
three fixes in a row agree within a second about that distance. Its week number may have rolled over (the date is
then a multiple of 1024 weeks back), which is undone with the year this program was built. Where receiver and bridge
differ by more than two minutes the receiver is not believed: the bridge's time is what everybody else uses.
The system's clock is never read and never set.
"""

ROLLOVER_S = 1024 * 7 * 86_400
BUILT_AT = 1_767_225_600  # 2026-01-01: no true date is before it
AGREE_S = 1.0
AGREEING_FIXES = 3
DISAGREE_S = 120.0
SLACK_S = 5.0  # a fix whose own time is further from the truck's clock gets the clock's time


def without_rollover(gps_at: float) -> float:
    """The same instant of the week in the first 1024-week era after the build date; POSIX seconds."""
    while gps_at < BUILT_AT:
        gps_at += ROLLOVER_S
    return gps_at


class TruckClock:
    """Feed fixes and bridge times; `unix_at(now_s)` is POSIX seconds for a monotonic time, or None."""

    def __init__(self) -> None:
        self._candidate_s: float | None = None
        self._agreeing = 0
        self._gps_offset_s: float | None = None
        self._bridge_offset_s: float | None = None

    def bridge_said(self, at: int, now_s: float) -> None:
        """The bridge's clock message, just received."""
        self._bridge_offset_s = at - now_s

    def receiver_said(self, gps_at: float, now_s: float) -> None:
        """The date and time of a believed fix, just received."""
        offset_s = without_rollover(gps_at) - now_s
        if self._candidate_s is not None and abs(offset_s - self._candidate_s) <= AGREE_S:
            self._agreeing += 1
        else:
            self._agreeing = 1
        self._candidate_s = offset_s
        if self._agreeing >= AGREEING_FIXES:
            self._gps_offset_s = offset_s

    @property
    def source(self) -> str:
        """Whom the time is from: gps, bridge or none."""
        gps_s, bridge_s = self._gps_offset_s, self._bridge_offset_s
        if gps_s is not None and (bridge_s is None or abs(gps_s - bridge_s) <= DISAGREE_S):
            return "gps"
        return "none" if bridge_s is None else "bridge"

    def unix_at(self, now_s: float) -> int | None:
        """POSIX seconds at monotonic `now_s`, or None while nobody has told."""
        offset_s = {"gps": self._gps_offset_s, "bridge": self._bridge_offset_s, "none": None}[self.source]
        return None if offset_s is None else round(now_s + offset_s)

    def fix_at(self, gps_at: float | None, seen_s: float) -> int | None:
        """POSIX seconds of a fix that says `gps_at` of itself and was seen at monotonic `seen_s`, or None."""
        clock_at = self.unix_at(seen_s)
        if self.source != "gps" or clock_at is None or gps_at is None:
            return clock_at
        own_at = round(without_rollover(gps_at))
        return own_at if abs(own_at - clock_at) <= SLACK_S else clock_at
