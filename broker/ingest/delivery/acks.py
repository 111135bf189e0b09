"""Which records of each device are stored: per boot, everything up to a number and ranges beyond it.

The set of a boot is a handful of ranges, however many records there were; only gaps (positions a full outbox
thinned out, a backlog still to come) make ranges.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson

from broker.ingest.sources import DeviceKey
from firmware import wire

ACK_EVERY_S = 0.2
BURST_S = 0.2  # so much of the pace may be used ahead: one ack may follow another at once, but not again and again
SET_BACK_S = BURST_S + ACK_EVERY_S + 0.01  # no pace is so far ahead, with what rounding adds: the clock was set back
BOOTS_KEPT = 64  # heard last; a device settles its earlier boots' backlog long before
RANGES_SENT = 64  # of a boot; what is left out is sent again by the device and acknowledged then
ALL_RANGES_SENT, FEWEST_SENT = 512, 8  # of all boots, and of each however many there are: an ack must fit the wire
GAPS_SHOWN = 20
RANGES_KEPT = 20_000  # of a boot; a number below them that comes again is known by the record


class SeqSet:
    """A set of sequence numbers of one boot, kept as sorted, separate [first, last] ranges."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def add(self, seq: int) -> bool:
        """Put `seq` in; False if it was in already."""
        i = bisect_right(self._firsts, seq)
        if i > 0 and seq <= self._lasts[i - 1]:
            return False
        joins_left = i > 0 and self._lasts[i - 1] == seq - 1
        joins_right = i < len(self._firsts) and self._firsts[i] == seq + 1
        if joins_left and joins_right:
            self._lasts[i - 1] = self._lasts.pop(i)
            del self._firsts[i]
        elif joins_left:
            self._lasts[i - 1] = seq
        elif joins_right:
            self._firsts[i] = seq
        else:
            self._firsts.insert(i, seq)
            self._lasts.insert(i, seq)
            if len(self._firsts) > RANGES_KEPT:
                del self._firsts[: RANGES_KEPT // 2], self._lasts[: RANGES_KEPT // 2]
        return True

    def discard(self, seq: int) -> None:
        """Take `seq` out, if it is in."""
        i = bisect_right(self._firsts, seq) - 1
        if i < 0 or seq > self._lasts[i]:
            return
        first, last = self._firsts[i], self._lasts[i]
        self._firsts[i : i + 1] = [number for number in (first, seq + 1) if number != seq and number <= last]
        self._lasts[i : i + 1] = [number for number in (seq - 1, last) if number != seq and number >= first]

    def __contains__(self, seq: int) -> bool:
        i = bisect_right(self._firsts, seq)
        return i > 0 and seq <= self._lasts[i - 1]

    def told(self, touched: Iterable[int], most: int) -> tuple[int, list[list[int]]]:
        """(all up to this is in, ranges beyond): at most so many, those with `touched` numbers and the newest first."""
        firsts, lasts = self._firsts, self._lasts
        begin = 1 if firsts and firsts[0] <= 1 else 0
        count = len(firsts) - begin
        wanted: Iterable[int] = range(begin, len(firsts))
        if count > most:
            asked = sorted({i for seq in touched if (i := bisect_right(firsts, seq) - 1) >= begin}, reverse=True)[:most]
            rest = (i for i in range(len(firsts) - 1, begin - 1, -1) if i not in asked)
            wanted = sorted([*asked, *islice(rest, most - len(asked))])
        return (lasts[0] if begin else 0), [[firsts[i], lasts[i]] for i in wanted]

    def ranges(self) -> list[tuple[int, int]]:
        """All ranges, in order."""
        return list(zip(self._firsts, self._lasts, strict=True))

    def gaps(self, most: int) -> list[tuple[int, int]]:
        """What is missing between the ranges, the newest first and at most so many."""
        count = len(self._firsts)
        return [(self._lasts[i - 1] + 1, self._firsts[i] - 1) for i in range(count - 1, max(0, count - 1 - most), -1)]

    @property
    def gap_count(self) -> int:
        """How many such there are."""
        return max(0, len(self._firsts) - 1)

    def ends_with(self, seq: int) -> list[int] | None:
        """The list whose last number is `seq`, if nothing above it is in: setting that number extends the set."""
        return self._lasts if self._lasts and self._lasts[-1] == seq else None


class DeviceAcks:
    """What one device has delivered, by boot, and when it may be told."""

    def __init__(self) -> None:
        self._boots: dict[int, SeqSet] = {}
        self._touched: dict[int, set[int]] = {}  # numbers to acknowledge in the next message
        # Numbers mostly count up: of a row of them only the end is kept, until something else comes.
        self._row_boot = -1
        self._row_next = -1
        self._row_lasts: list[int] = []
        self._row_grew = False
        self._paid_until = 0.0  # every ack sent moves this by ACK_EVERY_S
        self._untold = self._asked_for = 0  # deliveries since the last ack; as many when one was asked for

    def add(self, boot: int, seq: int) -> bool:
        """Note a delivery; False if it is a resend. Either way it is acknowledged (again)."""
        self._untold += 1
        if seq == self._row_next and boot == self._row_boot:
            self._row_lasts[-1] = seq
            self._row_next = seq + 1
            self._row_grew = True
            return True
        self._end_row()
        self._touched.setdefault(boot, set()).add(seq)
        numbers = self._boots.pop(boot) if boot in self._boots else SeqSet()
        self._boots[boot] = numbers  # behind the others: the boots as they were heard last
        if len(self._boots) > BOOTS_KEPT:
            del self._boots[next(iter(self._boots))]
        new = numbers.add(seq)
        lasts = numbers.ends_with(seq)
        if lasts is not None:
            self._row_boot, self._row_next, self._row_lasts = boot, seq + 1, lasts
        return new

    def discard(self, boot: int, seq: int) -> None:
        """A delivery that could not be kept: no ack covers it, and when it comes again it is new."""
        self._end_row()
        self._touched.get(boot, set()).discard(seq)
        if boot in self._boots:
            self._boots[boot].discard(seq)

    def _end_row(self) -> None:
        if self._row_grew:
            self._touched.setdefault(self._row_boot, set()).add(self._row_next - 1)
        self._row_boot, self._row_next, self._row_grew = -1, -1, False

    def body(self) -> dict[str, Any]:
        """The `ack` payload: of each boot heard lately all up to `upto` (when it began at 0 or 1), and ranges."""
        self._end_row()
        most = max(FEWEST_SENT, min(RANGES_SENT, ALL_RANGES_SENT // max(1, len(self._boots))))
        acks = []
        for boot in sorted(self._boots):
            upto, also = self._boots[boot].told(self._touched.get(boot, ()), most)
            acks.append({"boot": boot, "upto": upto, "also": also})
        self._touched.clear()
        return {"acks": acks}

    def gaps(self) -> list[tuple[int, int, int]]:
        """(boot, first, last) of what is missing between what came, of the boots heard last, at most GAPS_SHOWN."""
        found = [(boot, *gap) for boot in reversed(self._boots) for gap in self._boots[boot].gaps(GAPS_SHOWN)]
        return found[:GAPS_SHOWN]

    def gap_count(self) -> int:
        """How many such there are."""
        return sum(numbers.gap_count for numbers in self._boots.values())

    def payload(self) -> bytes:
        """`body` as JSON. It is ours and by far the most frequent message, so nothing checks it again."""
        return orjson.dumps(self.body())

    def may_be_sent(self, now: float) -> bool:
        """Whether the pace of one ack in ACK_EVERY_S allows one; a clock that was set back holds nothing up.

        In the midst of many records what may be used ahead is kept for their end, which need not wait then.
        """
        ahead_s = self._paid_until - now
        in_the_midst = self._untold > max(1, self._asked_for)
        self._asked_for = self._untold
        return ahead_s <= (0 if in_the_midst else BURST_S) or ahead_s > SET_BACK_S

    def sent(self, now: float) -> None:
        """One was sent; those that did not ask for the pace put the next one off no further than a burst does."""
        self._untold = self._asked_for = 0
        ahead_s = self._paid_until - now
        self._paid_until = now + ACK_EVERY_S + (min(ahead_s, BURST_S) if 0 < ahead_s <= SET_BACK_S else 0)


class AreaAcks:
    """The acks of an area's devices: what each has delivered, and who is to be told of it, at its pace or at once."""

    def __init__(self, area: str) -> None:
        self._area = area
        self._devices: dict[DeviceKey, DeviceAcks] = {}
        self._to_tell: dict[DeviceKey, bool] = {}  # whether at once, whatever the pace
        self._topics: dict[DeviceKey, str] = {}

    def add(self, device: DeviceKey, boot: int, seq: int, *, at_once: bool) -> bool:
        """Note a delivery; False if it is a resend. Either way it is acknowledged (again)."""
        known = self._devices.get(device)
        if known is None:
            known = self._devices[device] = DeviceAcks()
        if at_once or device not in self._to_tell:
            self._to_tell[device] = at_once
        return known.add(boot, seq)

    def discard(self, device: DeviceKey, boot: int, seq: int) -> None:
        """A delivery that could not be kept: no ack covers it, and when it comes again it is new."""
        self._devices[device].discard(boot, seq)

    def gaps(self, device: DeviceKey) -> list[tuple[int, int, int]]:
        """(boot, first, last) of what of one device is missing between what came."""
        known = self._devices.get(device)
        return [] if known is None else known.gaps()

    def gap_counts(self) -> dict[DeviceKey, int]:
        """How many such gaps each device has that has any."""
        return {device: count for device, acks in self._devices.items() if (count := acks.gap_count())}

    def tell_all(self) -> None:
        """Have every device told anew, at once."""
        self._to_tell.update(dict.fromkeys(self._devices, True))

    def due(self, now: float) -> Iterator[tuple[str, bytes]]:
        """(topic, payload) of the acks to be sent now; the others wait for their pace."""
        waiting = self._to_tell
        if not waiting:
            return
        self._to_tell = {}
        for device, at_once in waiting.items():
            acks = self._devices[device]
            if not at_once and not acks.may_be_sent(now):
                self._to_tell[device] = False
                continue
            topic = self._topics.get(device)
            if topic is None:
                topic = self._topics[device] = wire.topic("ack", self._area, device[1], family=device[0])
            yield topic, acks.payload()
            acks.sent(now)
