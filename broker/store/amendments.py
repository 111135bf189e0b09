"""Amendments: corrections that are records themselves, laid over the originals whenever those are read."""

from collections.abc import Iterable, Mapping
from typing import Any

from broker.store.record import Record, Refused

KIND = "amendment"


def id_of(record_id: str, number: int) -> str:
    """The id of a record's amendment number `number`."""
    return f"{record_id}#{number}"


def record(
    original: Record, number: int, patch: Mapping[str, Any], reason: str, who: str, at: int, received_at: int
) -> Record:
    """The amendment number `number` of a record; raises Refused without a reason or a name."""
    if not reason.strip() or not who.strip():
        raise Refused(f"an amendment of {original.id!r} needs a reason and a name")
    body = {
        "record_id": original.id,
        "record_kind": original.kind,
        "number": number,
        "patch": dict(patch),
        "reason": reason,
        "who": who,
    }
    return Record(id_of(original.id, number), KIND, original.id, at, received_at, original.area, body)


class Amendments:
    """All amendments of a store in memory: there are few, people make them one by one."""

    def __init__(self) -> None:
        self._patches: dict[str, dict[int, Mapping[str, Any]]] = {}

    def take(self, amendments: Iterable[Record]) -> "Amendments":
        """Take some in, in any order; again changes nothing."""
        for amendment in amendments:
            body = amendment.body
            self._patches.setdefault(body["record_id"], {})[body["number"]] = body["patch"]
        return self

    def next_number(self, record_id: str) -> int:
        """The number of the next amendment of a record: beyond all of it, whichever of them were lost."""
        return max(self._patches.get(record_id, (0,))) + 1

    def count(self, record_id: str) -> int:
        """How many amendments a record has."""
        return len(self._patches.get(record_id, ()))

    def all_applied(self, originals: list[Record]) -> list[Record]:
        """The records, each with its amendments."""
        return [self.applied(record) for record in originals] if self._patches else originals

    def applied(self, original: Record) -> Record:
        """The record with its amendments laid over its body, in their order."""
        patches = self._patches.get(original.id)
        if not patches:
            return original
        body = dict(original.body)
        for number in sorted(patches):
            body.update(patches[number])
        return original._replace(body=body)
