"""Amendments: corrections that are records themselves, laid over the originals whenever those are read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from broker.store import Record, Refused

KIND = "amendment"


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
    return Record(f"{original.id}#{number}", KIND, original.id, at, received_at, original.area, body)


class Amendments:
    """All amendments of a store in memory: there are few, people make them one by one."""

    def __init__(self) -> None:
        self._patches: dict[str, dict[int, Mapping[str, Any]]] = {}
        self._kinds: dict[str, str] = {}

    def take(self, amendment: Record) -> None:
        """Take one in; again changes nothing."""
        body = amendment.body
        self._patches.setdefault(body["record_id"], {})[body["number"]] = body["patch"]
        self._kinds[body["record_id"]] = body["record_kind"]

    def take_all(self, records: Iterable[Record]) -> None:
        """Take many in."""
        for amendment in records:
            self.take(amendment)

    def count(self, record_id: str) -> int:
        """How many amendments a record has."""
        return len(self._patches.get(record_id, ()))

    def of_kind(self, kind: str) -> Iterator[str]:
        """The ids of amended records of a kind."""
        return (record_id for record_id, its_kind in list(self._kinds.items()) if its_kind == kind)

    def applied(self, original: Record) -> Record:
        """The record with its amendments laid over its body, in their order."""
        patches = self._patches.get(original.id)
        if not patches:
            return original
        body = dict(original.body)
        for number in sorted(patches):
            body.update(patches[number])
        return original._replace(body=body)
