"""What a lamp shows and why: the states of a call, their blink patterns, and when knowledge ends.

A lamp is dark only when the unit *knows* that nothing is due. Knowledge of one waste kind is a `Call`; it ends
(the lamp shows `no_data`) in the cases of this table, each with its own limit:

    case                                            a dark lamp     a lit lamp
    nothing heard since boot, topic cleared         at once         at once
    `scheduled` without a time: truck is silent     at once         at once
    a message for this lamp could not be unpacked   at once         at once
    no bridge clock for 90 s, or never              at once         at once
    link down, or call not heard again since        after 5 s       after 90 s
    clock says the call ended 45 min ago            (scheduled)     at once

Everything here is pure; times are milliseconds of uptime (`_ms`, never wrapping) or Unix seconds (`_at`).
"""

from firmware.binroom.constant import const
from firmware.wire import NO_DATA_S

OFF, NO_DATA = "off", "no_data"

# state: (lit for this long at the start of each period, the period), milliseconds
PATTERNS = {
    OFF: (0, 1000),
    "due": (1000, 1000),
    "held": (1000, 2000),
    "at_stop": (200, 400),
    NO_DATA: (100, 5000),
}
# What a call's state means for the lamp.
LAMP_OF_ARRIVAL = {
    "none": OFF,
    "scheduled": OFF,
    "served": OFF,
    "skipped": OFF,
    "due": "due",
    "held": "held",
    "at_stop": "at_stop",
}
# A single lamp for all kinds shows the first of these that any kind has; unknown beats dark, a call beats unknown.
URGENCY = ("at_stop", "due", "held", NO_DATA, OFF)

NO_DATA_MS = NO_DATA_S * 1000
_GRACE_MS = const(5000)
_EXPIRED_S = const(45 * 60)
_AHEAD_S = const(5)
_ENDING_STATES = const(("scheduled", "due", "held", "at_stop"))


class Call:
    """What is known of one waste kind: the last arrival message, and since when it has not been confirmed."""

    def __init__(self):
        self.state = None
        self.call_id = None
        self.ends_at = 0
        self.sent_at = 0
        self.stale_since_ms = None

    def heard(self, body, now_s=None):
        """Take over an arrival message's body; None means the topic was cleared.

        After a reconnect an older word than the last is what a killed broker had kept of before: it says nothing new.
        But where the last was sent later than the bridge's clock says it is now, that clock was set back.
        """
        if body is not None and self.stale_since_ms is not None and now_s is not None:
            if body["sent_at"] < self.sent_at <= now_s + _AHEAD_S:
                return
        self.stale_since_ms = None
        if body is None or (body["state"] == "scheduled" and body["eta_at"] is None):
            self.forget()
            return
        self.state = body["state"]
        self.call_id = body["call_id"]
        last = body["late_at"]
        if last is None:
            last = body["eta_at"]
        if last is None:
            last = body["sent_at"]
        self.ends_at = last + _EXPIRED_S
        self.sent_at = body["sent_at"]

    def forget(self):
        """Nothing is known any more, until the next message."""
        self.sent_at = 0
        self.state = None
        self.call_id = None

    def doubt(self, up_ms):
        """The link went down: from now on the call is unconfirmed, until it is heard again."""
        if self.stale_since_ms is None:
            self.stale_since_ms = up_ms

    def shows(self, up_ms, now_s):
        """The lamp state for this kind, given that the bridge's clock says `now_s`."""
        if self.state is None:
            return NO_DATA
        if self.state in _ENDING_STATES and now_s > self.ends_at:
            return NO_DATA
        lamp = LAMP_OF_ARRIVAL[self.state]
        if self.stale_since_ms is not None:
            limit_ms = _GRACE_MS if lamp == OFF else NO_DATA_MS
            if up_ms - self.stale_since_ms >= limit_ms:
                return NO_DATA
        return lamp

    def changes_in_ms(self, up_ms, now_s):
        """Milliseconds until `shows` may change by the passing of time alone, or None."""
        if self.state is None:
            return None
        found = None
        if self.state in _ENDING_STATES and now_s <= self.ends_at:
            found = (self.ends_at - now_s + 1) * 1000
        if self.stale_since_ms is not None:
            limit_ms = _GRACE_MS if LAMP_OF_ARRIVAL[self.state] == OFF else NO_DATA_MS
            left_ms = self.stale_since_ms + limit_ms - up_ms
            if left_ms > 0 and (found is None or left_ms < found):
                found = left_ms
        return found


class Lamp:
    """One lamp on the wall: its state, its pattern over time, and what was read back from its pin."""

    def __init__(self, name, wastes):
        self.name = name
        self.wastes = wastes
        self.state = NO_DATA
        self.call_id = None
        self.since_ms = 0
        self.on: bool | None = None  # the level last commanded; None before the first command
        self.level = False  # the level last read back while the pattern's lit part (or `off`) was commanded

    def show(self, state, call_id, up_ms):
        """Show a state from now on; a new state starts its pattern with the lit part."""
        if state != self.state:
            self.since_ms = up_ms
        self.state = state
        self.call_id = call_id

    def wants(self, up_ms):
        """Whether the lamp is to be lit at this moment."""
        on_ms, period_ms = PATTERNS[self.state]
        return (up_ms - self.since_ms) % period_ms < on_ms

    def edge_in_ms(self, up_ms):
        """Milliseconds until `wants` changes, or None for a pattern that does not blink."""
        on_ms, period_ms = PATTERNS[self.state]
        if on_ms == 0 or on_ms == period_ms:
            return None
        phase_ms = (up_ms - self.since_ms) % period_ms
        return on_ms - phase_ms if phase_ms < on_ms else period_ms - phase_ms

    def read_back(self, level):
        """Take the pin's level as read after a command; returns whether the lamp turned out broken or mended.

        Dark halves of a blink say nothing about a lamp, so only the lit part (or `off`) counts as its `lit`.
        """
        if not self.on and self.state != OFF:
            return False
        was_true = self.level == (self.state != OFF)
        self.level = level
        return was_true != (level == (self.state != OFF))


def most_urgent(shown):
    """Of (lamp state, call id) pairs the one a single lamp shows."""
    best = (NO_DATA, None)
    rank = len(URGENCY)
    for pair in shown:
        if URGENCY.index(pair[0]) < rank:
            rank = URGENCY.index(pair[0])
            best = pair
    return best
