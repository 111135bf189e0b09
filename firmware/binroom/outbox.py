"""Records that the bridge has not acknowledged yet: what to send next, when again, what to give up when full.

A PUBACK means nothing; only the bridge's application ack takes a record out. Pure: no clock, no flash. The unit
tells its shell of each record kept or forgotten, and the shell mirrors that in flash.

A record is a list `[boot, seq, kind, at, up_s, data]`: `kind` is `bins`, `lamp` or `keeper`, `at` Unix seconds or
None while the unit did not know the time, `up_s` the uptime of that boot in seconds, `data` plain JSON.
"""

from firmware.binroom.constant import const
from firmware.wire import NO_DATA_S

_BOOT = const(0)
_SEQ = const(1)
_KIND = const(2)
_AT = const(3)
_UP_S = const(4)
_DATA = const(5)

LIMIT = 128
_WINDOW = const(4)  # backlog records under way at a time, so that a slow link is never flooded
_RESEND_MS = const(30000)
_KEEPER_RESEND_MS = const(5000)  # somebody waits for what the keeper said
_RESEND_MAX_MS = const(600000)


class _Entry:
    def __init__(self, record, born_ms):
        self.record = record
        self.born_ms = born_ms  # uptime at creation; None for a record of an earlier boot
        self.tries = 0
        self.wait_until_ms = 0


class Outbox:
    """The unsettled records, oldest first."""

    def __init__(self, kept: list, limit=LIMIT):
        self.limit = limit
        self.dropped = 0
        self._entries = [_Entry(list(r), None) for r in sorted(kept)]

    def size(self):
        """How many records it holds."""
        return len(self._entries)

    def holds(self, boot, seq):
        """Whether it holds this record."""
        for entry in self._entries:
            if entry.record[_BOOT] == boot and entry.record[_SEQ] == seq:
                return True
        return False

    def restore(self, records):
        """Take records back from flash, as backlog."""
        for record in records:
            if not self.holds(record[_BOOT], record[_SEQ]):
                self._entries.append(_Entry(record, None))
        self._entries.sort(key=lambda entry: (entry.record[_BOOT], entry.record[_SEQ]))

    def records(self):
        """The records themselves, oldest first."""
        return [e.record for e in self._entries]

    def add(self, record, up_ms):
        """Keep a new record; returns those given up to make room."""
        self._entries.append(_Entry(record, up_ms))
        lost = []
        while len(self._entries) > self.limit:
            worst = min(range(len(self._entries) - 1), key=self._worth)
            lost.append(self._entries.pop(worst).record)
            self.dropped += 1
        return lost

    def _worth(self, index):
        record = self._entries[index].record
        # When full, lamp reports are given up first, then bins, keeper's events last.
        return ({"bins": 1, "keeper": 2}.get(record[_KIND], 0), record[_BOOT], record[_SEQ])

    def settle(self, acks):
        """Take out what an ack message covers; returns the records taken out."""
        done = []
        kept = []
        for entry in self._entries:
            (done if _covered(entry.record, acks) else kept).append(entry)
        self._entries = kept
        return [e.record for e in done]

    def retry(self):
        """A new link, or the bridge is back: everything may be sent again at once."""
        for entry in self._entries:
            entry.tries = 0
            entry.wait_until_ms = 0

    def fill_times(self, boot, now_s, up_ms):
        """Once the clock is known, date this boot's undated records; returns those that changed."""
        changed = []
        for entry in self._entries:
            record = entry.record
            if record[_BOOT] == boot and record[_AT] is None:
                record[_AT] = now_s - (up_ms // 1000 - record[_UP_S])
                changed.append(record)
        return changed

    def renumber(self, former, boot):
        """Give one boot's records a new boot number and seq from 1; returns (old seq, record) pairs."""
        moved = []
        for entry in self._entries:
            record = entry.record
            if record[_BOOT] == former:
                old_seq = record[_SEQ]
                record[_BOOT] = boot
                record[_SEQ] = len(moved) + 1
                entry.tries = 0
                entry.wait_until_ms = 0
                moved.append((old_seq, record))
        return moved

    def take(self, up_ms, link_since_ms):
        """The records to send now as (record, is_backlog), newest first; each is then due again later."""
        waiting = 0
        for entry in self._entries:
            if entry.tries and entry.wait_until_ms > up_ms:
                waiting += 1
        chosen = []
        for i in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[i]
            if entry.wait_until_ms > up_ms:
                continue
            born_ms = entry.born_ms  # what is older than the link, or says nothing of now, is backlog
            live = born_ms is not None and born_ms >= link_since_ms and up_ms - born_ms < NO_DATA_S * 1000
            if waiting >= _WINDOW and not (live and entry.tries == 0):
                continue
            waiting += 1
            first_ms = _KEEPER_RESEND_MS if entry.record[_KIND] == "keeper" else _RESEND_MS
            pause_ms = first_ms << min(entry.tries, 7)
            entry.wait_until_ms = up_ms + min(pause_ms, _RESEND_MAX_MS)
            entry.tries += 1
            chosen.append((entry.record, not live))
        return chosen

    def next_in_ms(self, up_ms):
        """Milliseconds until `take` may find more, or None: what the window holds back waits for those under way."""
        times = [e.wait_until_ms for e in self._entries if e.wait_until_ms > up_ms]
        return min(times) - up_ms if times else None


def _covered(record, acks):
    for ack in acks:
        if ack["boot"] == record[_BOOT]:
            seq = record[_SEQ]
            if seq <= ack["upto"]:
                return True
            for first, last in ack["also"]:
                if first <= seq <= last:
                    return True
    return False
