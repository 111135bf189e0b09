"""Where the truck is, as far as its receiver is to be believed, and what is to be said of it; pure.

A fix is believed or not (`acceptance`); believed ones and the receiver's state make positions worth a message
(`reporting`). No believed fix for 15 s is no fix, whatever the receiver says.
"""

from typing import Any

from firmware.truck.clock import TruckClock
from firmware.truck.events import GPS_WORDS
from firmware.truck.gps.acceptance import Acceptance, Box
from firmware.truck.gps.fix import Fix
from firmware.truck.gps.position import position_body, rounded
from firmware.truck.gps.reporting import Reporting

FIX_LOST_S = 15.0  # no believed fix for this long: there is no fix, whatever the receiver says


class Whereabouts:
    """The newest believed fix and what the receiver's light says of it; `clock` learns the time from each."""

    def __init__(self, clock: TruckClock, box: Box | None, test_mode: bool) -> None:
        self._clock = clock
        self._acceptance = Acceptance(box, test_mode)
        self._reporting = Reporting()
        self._fix: Fix | None = None
        self._fix_s: float | None = None
        self._word: str | None = None
        self._started_s: float | None = None

    @property
    def word(self) -> str:
        """The receiver's state, one of GPS_WORDS."""
        return self._word or "no_bytes"

    @property
    def wake_at_s(self) -> float | None:
        """When time alone changes something here; None = never."""
        reporting_s, lost_s = self._reporting.wake_at_s, self._lost_at_s()
        if reporting_s is None or lost_s is None:
            return reporting_s if lost_s is None else lost_s
        return min(reporting_s, lost_s)

    def begin(self, now_s: float) -> None:
        """The program started: from now on a receiver that says nothing is missed."""
        self._started_s = now_s

    def seen(self, fix: Fix, now_s: float) -> str | None:
        """Take in a fix; the reason if it is not believed."""
        reason = self._acceptance.refusal(fix, now_s)
        if reason:
            return reason
        if fix.fix_at is not None:
            self._clock.receiver_said(fix.fix_at, now_s)
        self._fix, self._fix_s = fix, now_s
        self._word = "fix"
        self._reporting.seen(fix, now_s)
        return None

    def said(self, word: str) -> bool:
        """Take in the receiver's state; False if there is no such word. `fix` is believed only from a believed fix."""
        if word not in GPS_WORDS:
            return False
        if word != "fix":
            self._word = word
            self._reporting.lost(word)
        return True

    def ask(self) -> None:
        """The next position is to be said, wherever the truck is."""
        self._reporting.ask()

    def report(self, now_s: float) -> dict[str, Any] | None:
        """The position that is worth a message now, as its body; None if none is."""
        lost_at_s = self._lost_at_s()
        if lost_at_s is not None and now_s >= lost_at_s:
            self._word = "no_fix"
            self._reporting.lost("no_fix")
        reported = self._reporting.take(now_s)
        if reported is None:
            return None
        if isinstance(reported, str):
            return position_body(reported, None)
        return position_body(reported, self._fix_at(reported, now_s)) | self._clock.receivers_word(self._seen_s(now_s))

    def lead(self, at_s: float) -> dict[str, Any]:
        """The place for an incident at this moment; empty where none is known. A point of unknown age is a lead only
        while it is fresh."""
        if self._fix is None or self._fix_s is None:
            return {}
        fix_at = self._fix_at(self._fix, at_s)
        if fix_at is None and at_s - self._fix_s > FIX_LOST_S:
            return {}
        return {"lat": rounded(self._fix.lat), "lon": rounded(self._fix.lon), "fix_at": fix_at}

    def _lost_at_s(self) -> float | None:
        if self._word not in (None, "fix") or self._started_s is None:
            return None
        return (self._started_s if self._fix_s is None else self._fix_s) + FIX_LOST_S

    def _fix_at(self, fix: Fix, now_s: float) -> int | None:
        return self._clock.fix_at(fix.fix_at, self._seen_s(now_s))

    def _seen_s(self, now_s: float) -> float:
        return now_s if self._fix_s is None else self._fix_s
