"""From the receiver's bytes to fixes: the sentences of one instant make one fix; pure.

    for fix in read_fixes(chunks): ...        # an iterable of bytes, cut anywhere
    epochs = Epochs(); epochs.feed(data); epochs.flush()      # for a reader with a clock (`gpsport`)

A receiver tells each instant in several sentences (RMC, GGA, GLL, GNS), each with the time of day. They are gathered
while that time stays the same. The fix is given out as soon as RMC and GGA are both there, else when the next instant
begins or the reader says that nothing more came (`flush`): RMC, GGA, GLL or GNS alone is enough. One of them saying
"no position" (void status, quality 0) refuses the instant if it comes before the fix is given out.

Given out is what the receiver vouches for, anywhere on earth, estimated and simulated positions included and marked
by `quality`. Whether this truck believes it is decided by `acceptance`. The date comes from RMC or ZDA and is carried
to the instants between; before the first one, `fix_at` is None.
"""

import calendar
import datetime
from collections.abc import Iterable, Iterator

from firmware.truck.gps.fix import Fix
from firmware.truck.gps.nmea import Sentences, Spoken

SAME_INSTANT_S = 0.005
HALF_DAY_S = 43_200
DAY_S = 86_400


class Epochs:
    """Feed bytes, get fixes; `sentences.counts` says what the bytes were like."""

    def __init__(self) -> None:
        self.sentences = Sentences()
        self._gathered: dict[str, Spoken] = {}
        self._day_s: float | None = None
        self._given = False
        self._date: datetime.date | None = None
        self._midnight_at = 0
        self._date_day_s = 0.0
        self._dimensions: int | None = None

    def feed(self, data: bytes) -> list[Fix]:
        """The fixes that the next bytes complete."""
        return self._take(self.sentences.feed(data))

    def flush(self) -> list[Fix]:
        """The fix of the instant under way, if it has one: nothing more will be said about it."""
        fix = None if self._given else self._finish()
        return [] if fix is None else [fix]

    def end(self) -> list[Fix]:
        """The fixes left at the end of the input."""
        return self._take(self.sentences.end()) + self.flush()

    def _take(self, spoken: list[Spoken]) -> list[Fix]:
        out: list[Fix] = []
        for said in spoken:
            if said.kind == "GSA":
                self._dimensions = said.dimensions
                continue
            if said.day_s is None:
                continue
            if self._day_s is None or abs(said.day_s - self._day_s) > SAME_INSTANT_S:
                out += self.flush()
                self._day_s, self._given, self._gathered = said.day_s, False, {}
            if said.date is not None:
                if said.date != self._date:
                    self._date, self._midnight_at = said.date, calendar.timegm(said.date.timetuple())
                self._date_day_s = said.day_s
            if said.kind != "ZDA":
                self._gathered[said.kind] = said
            if "RMC" in self._gathered and "GGA" in self._gathered:
                out += self.flush()
        return out

    def _finish(self) -> Fix | None:
        if not self._gathered or self._day_s is None:
            return None
        self._given = True
        said = self._gathered
        for spoken in said.values():
            if spoken.refused:
                return None
        # The one with the best position first; the others add what it does not say.
        order = [said[kind] for kind in ("GGA", "GNS", "RMC", "GLL") if kind in said]
        place = order[0]
        if place.lat is None or place.lon is None:
            return None
        rmc, rated = said.get("RMC"), said.get("GGA") or said.get("GNS")
        return Fix(
            lat=place.lat,
            lon=place.lon,
            fix_at=self._fix_at(self._day_s),
            speed_mps=rmc.speed_mps if rmc else None,
            bearing_deg=rmc.bearing_deg if rmc else None,
            hdop=rated.hdop if rated else None,
            sats=rated.sats if rated else None,
            mode=3 if self._dimensions == 3 else 2,
            quality=next((spoken.quality for spoken in order if spoken.quality is not None), None),
        )

    def _fix_at(self, day_s: float) -> float | None:
        if self._date is None:
            return None
        midnight_at = self._midnight_at
        # The date may be some sentences old: midnight lies between if the time of day jumped by half a day.
        if day_s < self._date_day_s - HALF_DAY_S:
            midnight_at += DAY_S
        elif day_s > self._date_day_s + HALF_DAY_S:
            midnight_at -= DAY_S
        return midnight_at + day_s


def read_fixes(chunks: Iterable[bytes]) -> Iterator[Fix]:
    """The fixes in a receiver's output; never raises on account of its content."""
    epochs = Epochs()
    for data in chunks:
        yield from epochs.feed(data)
    yield from epochs.end()
