"""The cases as they are on record: each version is a record of its own, so of two deeds on one version one is kept.

There is no other state: a restart, another process or a restored copy has the cases as the record has them.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from broker.plan.model import Plan
from broker.reports.figures import facts_of
from broker.rules.states.case import Case, CaseError, Evidence
from broker.rules.statistics.facts import moment, text
from broker.rules.statistics.grounds import Ground, Happened, grounds
from broker.store import Conflict, Record, Store, StoreError
from broker.store.days import Days

KIND = "case"
MOST_EVIDENCE = 200
READ_AGAIN_S = 30.0  # a command beside the bridge may have taken some in


class CaseBook:
    """The cases of one area; `times` and `within_days` say when what happens again is a ground for one."""

    def __init__(self, store: Store, plan: Plan, times: int, within_days: int) -> None:
        self._store, self._plan, self._times, self._within_days = store, plan, times, within_days
        self._days = Days(plan.timezone)
        self._known: dict[str, Case] | None = None
        self._read_at = 0.0
        self._turn = threading.Lock()

    def cases(self) -> list[Case]:
        """All cases, the newest change first; raises StoreError."""
        return sorted(self._cases().values(), key=lambda one: (-one.changed_at, one.case_id))

    def case(self, case_id: str) -> Case:
        """One of them; raises KeyError."""
        return self._cases()[case_id]

    def suggestions(self, now: int) -> list[Ground]:
        """What a case could be opened for, of the last days; an open one has its own of it. Raises StoreError."""
        facts, from_at = self._facts(now)
        self._gather(facts, from_at, now)
        return grounds(facts, from_at, now + 1, self._times, self._used())

    def gather(self, now: int) -> None:
        """Give the open cases what happened again at their places in the last days; raises StoreError."""
        if any(case.gathers for case in self._cases().values()):
            self._gather(*self._facts(now), now)

    def _facts(self, now: int) -> tuple[list[Record], int]:
        from_at = self._days.start(self._days.of(now - (self._within_days - 1) * 86_400))
        return facts_of(self._store, self._days.of(from_at), self._days.of(now), self._plan.timezone), from_at

    def _used(self) -> set[str]:
        return {one.key for case in self._cases().values() for one in case.evidence}

    def _gather(self, facts: list[Record], from_at: int, now: int) -> None:
        """The newest case of a place has what happened there after its first evidence; what cannot be kept waits."""
        used = self._used()
        found = grounds(facts, from_at, now + 1, 1, used)
        happened = {(one.kind, one.estate, one.room, one.waste): one for one in found}
        for case in sorted(self._cases().values(), key=lambda one: (-one.opened_at, one.case_id)):
            ground = happened.get((case.kind, case.estate or "", case.room or "", case.waste or ""))
            if ground is None or not case.gathers or not case.evidence:
                continue
            since_at, room = case.evidence[0].at, MOST_EVIDENCE - len(case.evidence)
            later = [one for one in ground.happened if one.at >= since_at and one.key not in used][: max(0, room)]
            if later:
                with suppress(CaseError, StoreError):
                    self._keep(case.gathered([self._evidence(one) for one in later], now), now)
                    used |= {one.key for one in later}

    def suggested(self, kind: str, estate: str, room: str, waste: str, now: int) -> Ground:
        """The suggestion of a kind for a place as it stands; raises CaseError where there is none any more."""
        asked = (kind, estate, room, waste)
        for one in self.suggestions(now):
            if (one.kind, one.estate, one.room, one.waste) == asked:
                return one
        raise CaseError("there is no such ground for a case now: look again")

    def told_of(self, records: Sequence[str]) -> tuple[Happened, ...]:
        """Records that a person names as evidence; raises CaseError for one that is not there."""
        found = []
        for record_id in records:
            record = self._store.get(record_id)
            if record is None:
                raise CaseError(f"there is no record {record_id[:80]!r}")
            found.append(Happened(record, moment(record.body, "at") or record.at, record.kind))
        return tuple(found)

    def open(self, ground: Ground, note: str | None, who: str, now: int) -> Case:
        """A case for a ground; of two people who open it at once one is refused. Raises CaseError, StoreError."""
        evidence = tuple(self._evidence(one) for one in ground.happened[-MOST_EVIDENCE:])
        place = (ground.estate or None, ground.room or None, ground.waste or None)
        name = "\0".join((ground.kind, *(one or "" for one in place), *(one.key for one in evidence[:1]), note or ""))
        case_id = f"c{blake2b(name.encode(), digest_size=5).hexdigest()}"
        return self._keep(Case.of(case_id, ground.kind, place, evidence, note, who, now), now)

    def change(self, case_id: str, version: int | None, deed: Any, now: int) -> Case:
        """A case after a deed on it as it was looked at; raises KeyError, CaseError, StoreError."""
        case = self.case(case_id)
        if version is not None and version != case.version:
            raise CaseError(f"somebody changed this case meanwhile (version {case.version}): look again")
        return self._keep(deed(case), now)

    def _keep(self, case: Case, now: int) -> Case:
        record_id = f"{KIND}:{case.case_id}:{case.version:06d}"
        record = Record(record_id, KIND, case.case_id, now, now, self._plan.area_id, case.body())
        with self._turn:
            try:
                stored = self._store.append([record]).stored
            except Conflict:
                stored = 0
            self._known = None  # as the record has them, whoever wrote
        if not stored:
            raise CaseError("somebody was quicker: look again")
        return case

    def _cases(self) -> dict[str, Case]:
        with self._turn:
            if self._known is None or time.monotonic() - self._read_at > READ_AGAIN_S:
                self._read_at = time.monotonic()
                found = self._store.latest(KIND)
                self._known = {key: Case.from_body(record.body) for key, record in found.items()}
            return dict(self._known)

    def _evidence(self, one: Happened) -> Evidence:
        body: Mapping[str, Any] = one.fact.body
        room = self._plan.rooms.get(text(body, "room"))
        lat, lon = (body.get(name) for name in ("lat", "lon"))
        evidence = Evidence(
            one.fact.id, one.key, one.at, one.what, text(body, "room") or None, text(body, "truck") or None,
            text(body, "incident_id") or None, lat, lon,
        )  # fmt: skip
        if room is not None and (lat is None or lon is None):  # where the driver's position is not known, the room's is
            evidence = replace(evidence, lat=room.lat, lon=room.lon)
        return evidence
