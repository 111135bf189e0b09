"""What time it is on a computer without a clock of its own: from the receiver, else from the bridge; pure.

The monotonic clock runs everything; this only says how far POSIX time lies from it. The receiver is believed when
three fixes in a row agree within a second about that distance. Its week number may have rolled over (the date is
then a multiple of 1024 weeks back), which is undone with the year this program was built; but a receiver that has not
been told the date yet says one too, and in the same way: the day the weeks are counted from, or one of its maker's.
A date that may be such a one counts only beside the bridge's. Where receiver and bridge differ by more than two minutes
the receiver is not believed: the bridge's time is what everybody else uses; but it is told beside it, since a bridge
that started with a wrong clock has nobody else to learn it from. What the bridge said may have waited on its
way (a dead spot, a frozen process): an old time, in order, that the one before it does not bear out, tells nothing.
The system's clock is never read and never set.
"""

ROLLOVER_S = 1024 * 7 * 86_400
WEEK_0_AT = 315_964_800  # 1980-01-06, when the weeks were counted from 0; a receiver without a date begins there
UNSET_BEFORE_S = 86_400  # leap seconds, a time zone
UNSET_FOR_S = 14 * 86_400  # a clock that was never set runs on from there
BUILT_AT = 1_767_225_600  # 2026-01-01: no true date is before it
AGREE_S = 1.0
AGREEING_FIXES = 3
DISAGREE_S = 120.0
WAITED_S = 30.0  # a heartbeat so far behind what is known has waited, or the bridge's clock was set back
PACE_S = 5.0  # two heartbeats that keep their distance so well did not wait
SLACK_S = 5.0  # a fix whose own time is further from the truck's clock gets the clock's time


def without_rollover(gps_at: float) -> float:
    """The same instant of the week in the first 1024-week era after the build date; POSIX seconds."""
    while gps_at < BUILT_AT:
        gps_at += ROLLOVER_S
    return gps_at


def may_be_unset(gps_at: float) -> bool:
    """Whether a receiver that does not know the date could say this one: alone it proves nothing."""
    into_s = (gps_at - WEEK_0_AT) % ROLLOVER_S
    near_week_0 = into_s < UNSET_FOR_S or into_s >= ROLLOVER_S - UNSET_BEFORE_S
    return near_week_0 or not BUILT_AT <= gps_at < BUILT_AT + ROLLOVER_S


class TruckClock:
    """Feed fixes and bridge times; `unix_at(now_s)` is POSIX seconds for a monotonic time, or None."""

    def __init__(self) -> None:
        self._candidate_s: float | None = None
        self._agreeing = 0
        self._gps_offset_s: float | None = None
        self._is_sure = False  # the receiver's date needs no other's word
        self._bridge_offset_s: float | None = None
        self._newest_beat = (0, 0.0)  # what the bridge said last, and when it was received

    def bridge_said(self, at: int, now_s: float) -> bool:
        """The bridge's clock message, just received; False if it only says that it waited on its way."""
        (before_at, before_s), self._newest_beat = self._newest_beat, (at, now_s)
        known_s = self._bridge_offset_s
        is_behind = known_s is not None and before_at <= at < now_s + known_s - WAITED_S
        if is_behind and abs((at - before_at) - (now_s - before_s)) > PACE_S:
            return False
        self._bridge_offset_s = at - now_s
        return True

    def receiver_said(self, gps_at: float, now_s: float) -> None:
        """The date and time of a believed fix, just received."""
        is_sure = not may_be_unset(gps_at)
        offset_s = without_rollover(gps_at) - now_s
        if self._candidate_s is not None and abs(offset_s - self._candidate_s) <= AGREE_S:
            self._agreeing += 1
        else:
            self._agreeing = 1
        self._candidate_s = offset_s
        if self._agreeing < AGREEING_FIXES:
            return
        known_s = self._gps_offset_s
        if is_sure or not self._is_sure or (known_s is not None and abs(offset_s - known_s) <= DISAGREE_S):
            self._gps_offset_s, self._is_sure = offset_s, is_sure or self._is_sure

    @property
    def source(self) -> str:
        """Whom the time is from: gps, bridge or none."""
        gps_s, bridge_s = self._gps_offset_s, self._bridge_offset_s
        if bridge_s is None:
            return "gps" if gps_s is not None and self._is_sure else "none"
        return "gps" if gps_s is not None and abs(gps_s - bridge_s) <= DISAGREE_S else "bridge"

    @property
    def offset_s(self) -> float | None:
        """POSIX seconds less monotonic ones, or None while nobody has told."""
        source = self.source
        return self._gps_offset_s if source == "gps" else self._bridge_offset_s if source == "bridge" else None

    def unix_at(self, now_s: float) -> int | None:
        """POSIX seconds at monotonic `now_s`, or None while nobody has told."""
        offset_s = self.offset_s
        return None if offset_s is None else round(now_s + offset_s)

    def receivers_word(self, now_s: float) -> dict[str, int | None]:
        """What a position says beside a time that is the bridge's: the receiver's own, null while it has none."""
        if self.source != "bridge":
            return {}
        gps_s = self._gps_offset_s if self._is_sure else None
        return {"receiver_at": None if gps_s is None else round(now_s + gps_s)}

    def fix_at(self, gps_at: float | None, seen_s: float) -> int | None:
        """POSIX seconds of a fix that says `gps_at` of itself and was seen at monotonic `seen_s`, or None."""
        clock_at = self.unix_at(seen_s)
        if self.source != "gps" or clock_at is None or gps_at is None:
            return clock_at
        own_at = round(without_rollover(gps_at))
        return own_at if abs(own_at - clock_at) <= SLACK_S else clock_at
