"""What the bridge has counted and measured since it started, for whoever watches it (`/metrics`).

Counts only grow, over a day's end and when the day is begun again; a restart begins anew, as Prometheus expects. The
words that counts are told apart by are few and ours: no device, room or person makes a new one.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from broker.rules.settings import CALL_KINDS
from broker.rules.states.incident import FINAL, Incident
from broker.rules.statistics.cube import CALL_BANDS_S
from broker.store import Record

LEADS_S = (300, 600, 660, 810, 990, 1170, 1260, 1500, 1800)  # the bounds of what calls are scored by are among them
PRESSES_S = (1, 2, 5, 10, 30, 60, 300, 3600, 86400)
SEEN_S = (5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # the sound is after 15 s, the next on duty after 60
COMMITS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
KINDS = frozenset({*CALL_KINDS, "held"})
LABELS = frozenset({"live", "history", "timetable", "stale", "held", "off_route"})
UNKNOWN = "unknown"
SEEN_STAGES = ("seen", "decided")
ENDED_KNOWN = 10_000  # calls, some days of a large area: one that ends again is not counted again


class Spread:
    """How many values lay up to each of some bounds, and what they sum up to."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Iterable[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)  # the last: beyond all bounds
        self.total = 0.0

    def add(self, value: float) -> None:
        """Take in one more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Measured:
    """One bridge's counts; written by its loop alone, read by any thread."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()  # by channel
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()  # by why
        self.calls: Counter[tuple[str, str]] = Counter()  # by kind and outcome
        self.predictions: Counter[tuple[str, str]] = Counter()  # by label and where in its band the arrival lay
        self.leads_s = {kind: Spread(LEADS_S) for kind in sorted((*KINDS, UNKNOWN))}
        self._ended: dict[str, None] = {}  # the calls that were counted, oldest first
        self.presses_s = Spread(PRESSES_S)
        self.seen_s = Spread(SEEN_S)
        self._seen: set[str] = set()  # of the presses that are open
        self.commits_s = {urgent: Spread(COMMITS_S) for urgent in (False, True)}

    def came(self, channel: str) -> None:
        """A message came in that could be read."""
        self.received[channel] += 1

    def went(self, channel: str) -> None:
        """A message went out."""
        self.sent[channel] += 1

    def refuses(self, why: str) -> None:
        """A message was not taken."""
        self.refused[why] += 1

    def over_limits(self, refused: Mapping[str, int]) -> None:
        """So much was refused by now before it came to the bridge, by limit."""
        for why, count in refused.items():
            self.refused[why] = count

    def knew(self, incidents: Iterable[Incident]) -> None:
        """These presses are on record as this bridge starts: those that somebody has seen are not counted once more."""
        self._seen.update("/".join(one.key) for one in incidents if one.open and _was_seen(one))

    def committed(self, records: Iterable[Record], took_s: float, now: float, *, urgent: bool) -> None:
        """These are on the record since `now`, after a commit that took so long."""
        self.commits_s[urgent].add(took_s)
        for record in records:
            if record.kind == "incident":
                self._press(record.body, now)
            elif record.kind == "workflow":
                self._looked_at(record.key, record.body, now)
            elif record.kind == "call" and record.body.get("how") is not None:
                self._call(record.key, record.body)
            elif record.kind == "error":
                self._arrivals(record.body)

    def _press(self, body: Mapping[str, Any], now: float) -> None:
        pressed_at = body.get("pressed_at")
        if type(pressed_at) is int and not body.get("withdrawn"):
            self.presses_s.add(max(0.0, now - pressed_at))

    def _looked_at(self, key: str, body: Mapping[str, Any], now: float) -> None:
        """The first time that a person has it before them; an acknowledgement that ran out and comes again is none."""
        pressed_at = body.get("pressed_at")
        if body.get("stage") in SEEN_STAGES and key not in self._seen:
            self._seen.add(key)
            if type(pressed_at) is int:
                self.seen_s.add(max(0.0, now - pressed_at))
        if body.get("workflow") in FINAL:
            self._seen.discard(key)

    def _call(self, call_id: str, body: Mapping[str, Any]) -> None:
        if call_id in self._ended:  # its visit was taken back, and ended once more
            return
        self._ended[call_id] = None
        if len(self._ended) > ENDED_KNOWN:
            del self._ended[next(iter(self._ended))]
        how, kind = body["how"], body.get("kind")
        kind = "held" if body.get("held_at") and kind != "second" else kind
        lead_s, kind = body.get("lead_s"), kind if kind in KINDS else UNKNOWN
        least_s, most_s = CALL_BANDS_S["calls_13_to_19"]
        if how == "served" and type(lead_s) is int:
            self.leads_s[kind].add(lead_s)
            outcome = "short" if lead_s < least_s else "long" if lead_s > most_s else "in_band"
        else:
            outcome = UNKNOWN if how == "served" else "unmet"
        self.calls[kind, outcome] += 1

    def _arrivals(self, body: Mapping[str, Any]) -> None:
        for error in body["errors"]:
            label, error_s = error.get("label"), error.get("error_s", 0)
            outside = "early" if error_s < 0 else "late"
            if error.get("in_band") is not None:
                self.predictions[label if label in LABELS else UNKNOWN, "in_band" if error["in_band"] else outside] += 1


def _was_seen(incident: Incident) -> bool:
    """Whether a person had it before them, be it that their acknowledgement has run out since."""
    rows = (row.seen_at for row in incident.answers if row.state != "refused")
    return incident.acknowledged_at is not None or incident.stage in SEEN_STAGES or any(at is not None for at in rows)
