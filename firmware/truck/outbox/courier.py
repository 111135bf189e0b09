"""Which report goes to the broker now; pure but for asking the outbox, time is passed in.

A report stays in the outbox until the bridge's own acknowledgement; until then it is sent again. The order:

    1. incident reports, oldest first, at once and however much is under way
    2. the newest position, `late` false if it is of this start, not older than 90 s, and no newer one was ever sent
    3. the backlog, oldest first, `late` true, never more than 16 of the 20 places under way

While the bridge is not heard its acknowledgements cannot come: then each new report is sent once, which the broker
queues for it, and the backlog waits. When the bridge is heard again everything not acknowledged is sent again.
While it is heard a report is sent again after 15 s without acknowledgement, then after 30, 60 ... 240 s; a press after
3, 6, 12 ... 240 s: a broker whose memory somebody filled says that it has a press, and has lost it.

Only the last word on an incident that is still open is retained: an older one sent again must not replace it at the
broker, and a closed one must not come back.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from firmware import wire
from firmware.truck.events import Body, Publish, Report
from firmware.truck.outbox.dating import UnixAt, dated, not_ahead

UNDER_WAY_MAX = 20
BACKLOG_MAX = 16
RESEND_S = 15.0
PRESS_RESEND_S = 3.0
RESEND_MAX_S = 240.0


class Waiting(Protocol):
    """What the courier asks of an outbox."""

    boot: int

    def waiting(self) -> int: ...
    def incidents(self) -> list[Report]: ...
    def newest_position(self) -> Report | None: ...
    def backlog(self, limit: int) -> list[Report]: ...
    def is_latest(self, report: Report) -> bool: ...
    def shares_clock(self, boot: int) -> bool: ...


class Courier:
    """Decides what is sent; `due(now_s, bridge_heard)` after every event, and at `wake_at_s`."""

    def __init__(self, truck_id: str, area: str, outbox: Waiting, unix_at: UnixAt) -> None:
        """`unix_at` gives POSIX seconds for a monotonic time, or None while unknown."""
        self._truck_id = truck_id
        self._area = area
        self._outbox = outbox
        self._unix_at = unix_at
        self._up = False
        self._heard = False
        self._under_way: dict[tuple[int, int], float] = {}  # key -> when it is to be sent again
        self._tries: dict[tuple[int, int], int] = {}
        self._live_key = (0, 0)  # the newest position ever sent as such: what is older has been overtaken
        self.trouble: str | None = None

    def link_up(self) -> None:
        """Connected: nothing sent before counts."""
        self._up, self._heard = True, False
        self._under_way.clear()
        self._tries.clear()

    def link_down(self) -> None:
        """Not connected: nothing can be sent."""
        self._up = False

    def settle(self, acks: Iterable[Body]) -> None:
        """The bridge has stored these reports."""
        for ack in acks:
            ranges = [(0, ack["upto"]), *ack["also"]]
            for key in [k for k in self._tries if k[0] == ack["boot"]]:
                if any(first <= key[1] <= last for first, last in ranges):
                    self._under_way.pop(key, None)
                    self._tries.pop(key, None)

    def due(self, now_s: float, bridge_heard: bool) -> list[Publish]:
        """What to publish now, in this order; it then counts as under way."""
        if not self._up:
            return []
        if bridge_heard and not self._heard:
            self._under_way.clear()
            self._tries.clear()
        self._heard = bridge_heard
        if bridge_heard:
            for key in [k for k, again_s in self._under_way.items() if now_s >= again_s]:
                del self._under_way[key]
        out: list[Publish] = []
        if not self._outbox.waiting():
            return out
        for report in self._outbox.incidents():
            if (report.boot, report.seq) not in self._under_way:
                out += self._sent(report, now_s)
        newest = self._outbox.newest_position()
        if newest is None:
            return out
        newest_key = (newest.boot, newest.seq)
        if newest_key not in self._under_way and len(self._under_way) < UNDER_WAY_MAX:
            fresh = newest.boot == self._outbox.boot and now_s - newest.kept_s <= wire.NO_DATA_S
            out += self._sent(newest, now_s, late=not fresh or newest_key < self._live_key)
            self._live_key = max(self._live_key, newest_key)
        room = BACKLOG_MAX - len(self._under_way) if bridge_heard else 0
        if room > 0:
            waiting = self._outbox.backlog(room + len(self._under_way))
            old = [r for r in waiting if (r.boot, r.seq) not in self._under_way and (r.boot, r.seq) != newest_key]
            for report in old[:room]:
                out += self._sent(report, now_s, late=True)
        return out

    @property
    def wake_at_s(self) -> float | None:
        """When something is to be sent again, or None."""
        if not self._up or not self._heard or not self._under_way:
            return None
        return min(self._under_way.values())

    def _sent(self, report: Report, now_s: float, late: bool = False) -> list[Publish]:
        """The report as a message, and under way; nothing (and `trouble`) if the disk gave back what is none."""
        key = (report.boot, report.seq)
        tries = self._tries.get(key, 0)
        self._tries[key] = tries + 1
        first_s = PRESS_RESEND_S if report.channel == "incident" else RESEND_S
        self._under_way[key] = now_s + min(first_s * 2**tries, RESEND_MAX_S)
        try:
            name = wire.topic(report.channel, self._area, self._truck_id, report.item)
            payload = wire.pack(name, self._body(report, now_s, late))
        except (wire.WireError, KeyError) as error:
            self.trouble = (
                f"record {key} cannot be sent and stays in the outbox: {error}; show the file to the technician"
            )
            return []
        return [Publish(name, payload, report.channel == "incident" and self._outbox.is_latest(report))]

    def _body(self, report: Report, now_s: float, late: bool) -> dict[str, Any]:
        body = dict(report.body)
        if self._outbox.shares_clock(report.boot):
            body = dated(report, self._unix_at) or body
        body = not_ahead(body, self._unix_at(now_s))
        if report.channel == "fix":
            body |= {"sent_at": self._unix_at(now_s), "late": late}
        return body
