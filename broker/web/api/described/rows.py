"""What a deed on the street answers with: a run with its visits, an incident with its answers, as they are kept."""

from dataclasses import fields
from typing import Any

from pydantic import BaseModel, create_model

from broker.rules.states.answer import Answer
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit
from broker.web.api.described import Row, told

At = int | None


def _row(title: str, says: str, kept: Any, /, **beside: Any) -> type[BaseModel]:
    """What is kept of one, field by field, and what the picture has `beside` that."""
    own = {field.name: field.type for field in fields(kept)} if kept is not None else {}
    types: dict[str, Any] = {one: (kind, ...) for one, kind in {**own, **beside}.items()}
    return create_model(title, __doc__=says, __base__=Row, **types)


AnswerRow = _row("AnswerRow", "What one addressee said, and by when.", Answer, id=str, in_vain=bool)
VisitRow = _row(
    "VisitRow", "A visit with when it is expected.", Visit,
    id=str, name=str, eta_at=At, early_at=At, late_at=At, label=str | None, held=bool, along_m=At,
)  # fmt: skip
RunRow = _row(
    "RunRow", "A run with its visits in driving order.", None,
    run_id=str, route=str, route_name=str, truck=str, waste=str, state=str, active=bool, started_at=At, ended_at=At,
    planned_start_at=int, planned_end_at=int, owed=int, full_at=At, away_until=At, along_m=At, version=int,
    visits=list[VisitRow],  # type: ignore[valid-type]
)  # fmt: skip
IncidentRow = _row(
    "IncidentRow", "An incident with what each addressee said of it.", Incident,
    answers=list[AnswerRow],  # type: ignore[valid-type]
    estate_told_at=At, estate_ack_at=At, stage=str, open=bool, cause=str, effect=str, severity=str,
    offers=list[dict[str, Any]], room_name=str | None, estate_name=str | None,
    second_visit=str | None, second_visit_number=int | None,
)  # fmt: skip
RUN_TOLD, INCIDENT_TOLD = told(RunRow), told(IncidentRow)
