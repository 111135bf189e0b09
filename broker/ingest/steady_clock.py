"""The bridge's clock: the machine's own, until that jumps; then the seconds that passed, until trucks say who is right.

A machine whose clock is a day ahead for ten minutes would end the day's runs, call rooms for tomorrow's and lose what
is left of today. A truck's receiver knows the time better than any machine: where a fresh position agrees with the new
time it is taken, and where it agrees with ours the jump stays doubted. Without a word of any truck it is taken after
ten minutes: at night nobody is called. A step of a minute is a correction and is followed at once.

A machine may be wrong when the bridge starts: a clock that is before the record's newest entry is doubted like one that
jumped, and as long as no truck agrees with ours the time that two receivers say is taken instead of the machine's and
the record's. What lay at the broker meanwhile is old and comes faster than time passes, so their words must lie as far
apart as the seconds between. After a start of the machine, or a long absence, nobody is told the time before a truck
agreed with it, for a minute at most: how long it was away is not known to a machine whose clock stood meanwhile. A
bridge that alone was away tells it at once, since trucks send what waits when they hear it. Where machine and record
contradict each other nobody is told until the machine is believed. A truck that was told a wrong time dates by it and
says its receiver's beside it; a truck without one is no witness.
"""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from firmware import wire

Clock = Callable[[], float]

STEP_S = 60.0  # so much a clock may be corrected by at once
AGREES_S = float(wire.NO_DATA_S)  # so old the position may be by which a time is believed
ALONE_S = 600.0
BOOTED_S = 600.0  # a machine that is up for so long has had its time for as long,
AWAY_S = 900.0  # and where the newest record is not older than this, the bridge alone was away
WAITS_S = 60.0  # after a start: so long a truck that stands is silent, and less than a lamp waits for a heartbeat
BUILT_AT = 1_767_225_600  # 2026-01-01: a receiver that says less counts its weeks wrongly
APART_S = 10.0  # so far apart two words must come,
STEADY_S = 5.0  # and so well agree, for it to be known that they were not kept for us


def since_boot() -> float:
    """Seconds that no setting of a clock changes, and that a machine's sleep does not stop where it can be told."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


def own_time(fix: Mapping[str, Any]) -> int | None:
    """What a truck's receiver says in a `fix`, whatever the truck dates by; None where it has no time of its own."""
    at: int | None = fix.get("receiver_at", fix["fix_at"])
    return at


class SteadyClock:
    """`now()` is POSIX seconds; `heard` takes the own time of a truck's fresh position. Safe to use from any thread."""

    def __init__(self, wall: Clock, elapsed: Clock) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._ahead_s = wall() - elapsed()
        self._doubted_s: float | None = None  # since when, in elapsed seconds, or when a truck agreed with us last
        self._agree: set[str] = set()  # trucks that agreed with us since anything was doubted, and did not take it back
        self._known_from_s: float | None = None  # until then, in elapsed seconds, nobody is told the time
        self._words: dict[str, tuple[float, float]] = {}  # by truck: how far ahead of `elapsed`, since when

    def begins(self, newest_at: float) -> None:
        """What is on record came until then, 0 where nothing is: no time before that is believed at once."""
        with self._lock:
            went_on = self._elapsed() >= BOOTED_S and self._now() - newest_at <= AWAY_S
            if newest_at and not went_on:
                self._known_from_s = self._elapsed() + WAITS_S
            if newest_at > self._now() + STEP_S:
                self._go_by(newest_at - self._elapsed())
                self._known_from_s = self._elapsed() + ALONE_S

    def is_known(self) -> bool:
        """Whether devices may be told the time: better none than a wrong one."""
        with self._lock:
            if self._known_from_s is not None and self._elapsed() >= self._known_from_s:
                self._known_from_s = None
            return self._known_from_s is None

    def now(self) -> float:
        """What time it is."""
        with self._lock:
            return self._now()

    def wrong_by_s(self) -> int | None:
        """By how much the machine's clock jumped, while that is doubted."""
        with self._lock:
            self._now()
            return None if self._doubted_s is None else round(self._wall() - self._elapsed() - self._ahead_s)

    def heard(self, truck: str, at: float) -> None:
        """A truck's receiver said that time just now."""
        with self._lock:
            ours_off_s = abs(self._now() - at)
            theirs_off_s = abs(self._wall() - at)
            if min(ours_off_s, theirs_off_s) > AGREES_S:
                self._agree.discard(truck)
                if not self._agree and (ahead_s := self._said_by_two(truck, at)) is not None:
                    self._known_from_s = None
                    self._go_by(ahead_s)
                return
            self._known_from_s = None
            if self._doubted_s is None:
                self._agree.add(truck)
                self._words.clear()
            elif theirs_off_s < ours_off_s:
                self._follow(self._wall() - self._elapsed())
            else:
                self._doubted_s = self._elapsed()

    def _said_by_two(self, truck: str, at: float) -> float | None:
        """How far ahead of `elapsed` this truck and another one say to be, words of them lying apart."""
        elapsed = self._elapsed()
        ahead_s = at - elapsed
        if at < BUILT_AT:
            return None
        said_s, since = self._words.get(truck, (ahead_s, elapsed))
        if abs(said_s - ahead_s) > STEADY_S:
            said_s, since = ahead_s, elapsed
        self._words[truck] = said_s, since
        agree = [
            other_s for name, (other_s, other_since) in self._words.items()
            if name != truck and abs(other_s - ahead_s) <= STEADY_S and elapsed - min(since, other_since) >= APART_S
        ]  # fmt: skip
        return max(ahead_s, *agree) if agree else None  # a word may be late and never early

    def _now(self) -> float:
        wall_s, elapsed_s = self._wall(), self._elapsed()
        if abs(wall_s - elapsed_s - self._ahead_s) <= STEP_S:
            self._follow(wall_s - elapsed_s)
        elif self._doubted_s is None:
            self._doubt(elapsed_s)
        elif not 0 <= elapsed_s - self._doubted_s < ALONE_S:
            self._follow(wall_s - elapsed_s)
        return elapsed_s + self._ahead_s

    def _doubt(self, elapsed_s: float) -> None:
        self._doubted_s = elapsed_s
        self._agree.clear()

    def _go_by(self, ahead_s: float) -> None:
        """From now on it is so much later than `elapsed` says, whatever the machine's clock is."""
        self._ahead_s = ahead_s
        if abs(self._wall() - self._elapsed() - ahead_s) > STEP_S:
            self._doubt(self._elapsed())

    def _follow(self, ahead_s: float) -> None:
        self._ahead_s, self._doubted_s = ahead_s, None
