"""Who is only asked about a press reads in the answer to a deed what they are asked, and nothing more of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.people.roles import Role, Scope
from broker.rules.states.answer import Answer
from broker.web.api.described.rows import IncidentRow
from broker.web.api.street.incident_shares import FOR_ASKED
from tests.support.bridge.whole_web import WholeWeb


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WholeWeb]:
    """A press in an estate."""
    made = WholeWeb(tmp_path)
    yield made
    made.morning.close()


def answered(web: WholeWeb, role: Role, addressee: str, deed: str) -> dict[str, Any]:
    """What somebody of a role reads after a deed on an addressee's row."""
    (incident,) = web.desk.picture["incidents"]
    client = web.house.machine(web.app, role, scope=Scope(estates=(incident["estate"],), contractors=("qingyun",)))
    answer = client.post(f"/api/v1/incidents/{web.incident_id}/answers/{addressee}/{deed}", json={})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("role", ["committee", "fire_brigade"])
def test_who_is_only_asked_is_told_of_their_own_row(web: WholeWeb, role: Role) -> None:
    """Not where the truck stood, who decided what, nor what the others said; the form of it is an incident's."""
    web.morning.act("acknowledge", web.incident_id)
    incidents = web.morning.bridge.dispatch.day.incidents
    (incident,) = incidents.values()
    row = Answer.asked(role, incident.estate or "", int(web.morning.now))
    incidents.place(replace(incident, answers=(*incident.answers, row)))
    found = answered(web, role, role, "seen")
    assert [(one["id"], one["state"]) for one in found["answers"]] == [(role, "seen")]
    assert (found["incident_id"], found["truck"], found["reason"]) == (web.incident_id, "t01", "lane_blocked")
    assert {name for name in found if found[name]} == {*FOR_ASKED, "answers"}
    IncidentRow.model_validate(found)
    (whole,) = web.desk.picture["incidents"]
    assert whole["who"] and whole["lat"] and len(whole["answers"]) > 2  # which whoever decides sees


def test_an_estate_and_a_firm_are_told_what_the_stream_tells_them(web: WholeWeb) -> None:
    """Their share of the picture has the incident, without what is offered to who decides."""
    found = answered(web, "property", "estate", "seen")
    (whole,) = web.desk.picture["incidents"]
    assert found == {**whole, "offers": []}
