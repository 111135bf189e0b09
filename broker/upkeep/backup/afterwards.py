"""What was acknowledged to devices and is not in a backup: by the broker's last acks, or by the old disk.

Devices keep what nobody acknowledged and send it again by themselves; what was acknowledged after the backup they have
forgotten. It is named here, and an old disk that can still be read gives it back (`import`).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from broker.store import Store, where
from firmware import wire

Numbers = set[int]


class Range(NamedTuple):
    """Numbers of one start of one device, from the first to the last."""

    device: str
    boot: int
    first: int
    last: int

    def __str__(self) -> str:
        numbers = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return f"{self.device} start {self.boot}: {numbers}"


def acknowledged(retained: Mapping[str, bytes]) -> Iterator[Range]:
    """What the acks say that a broker holds; one that is none of ours says nothing."""
    for topic, payload in retained.items():
        try:
            device = wire.parse_topic(topic).device
            for ack in json.loads(payload)["acks"]:
                spans = [[1, ack["upto"]]] if ack["upto"] else []
                for first, last in [*spans, *ack["also"]]:
                    yield Range(device, ack["boot"], first, last)
        except (wire.WireError, ValueError, KeyError, TypeError):
            continue


def missing(said: Iterable[Range], stored: Callable[[str, int], Numbers]) -> list[Range]:
    """What was acknowledged and is not stored, in order; `stored` gives the numbers of a device's start on record."""
    found: list[Range] = []
    for one in sorted(set(said)):
        have = stored(one.device, one.boot)
        lacking = [number for number in range(one.first, one.last + 1) if number not in have]
        found += _joined(one.device, one.boot, lacking)
    return found


def _joined(device: str, boot: int, numbers: list[int]) -> Iterator[Range]:
    first = None
    for number, following in zip(numbers, [*numbers[1:], None], strict=True):
        first = number if first is None else first
        if following != number + 1:
            yield Range(device, boot, first, number)
            first = None


def numbers_in(store: Store) -> Callable[[str, int], Numbers]:
    """The numbers that a store has of a device's start, each start looked up once."""
    known: dict[tuple[str, int], Numbers] = {}

    def of(device: str, boot: int) -> Numbers:
        if (device, boot) not in known:
            before, behind = f"{device}:{boot}:", f"{device}:{boot};"  # `;` comes right after `:`
            ids = store.search((where("id") > before) & (where("id") < behind), amended=False)
            parts = (record.id.split(":")[2] for record in ids)
            known[device, boot] = {int(part) for part in parts if part.isdecimal()}
        return known[device, boot]

    return of


def ranges_of(ids: Iterable[str]) -> list[Range]:
    """The numbers of devices among the ids of records, as ranges."""
    numbers: dict[tuple[str, int], list[int]] = {}
    for record_id in ids:
        device, *rest = record_id.split(":")
        if len(rest) >= 2 and rest[0].isdecimal() and rest[1].isdecimal() and wire.is_id(device):
            numbers.setdefault((device, int(rest[0])), []).append(int(rest[1]))
    return [one for (device, boot), those in sorted(numbers.items()) for one in _joined(device, boot, sorted({*those}))]
