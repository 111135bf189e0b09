"""The tables of states: only their own files go along the arrows; the documentation's diagrams are drawn from them."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from broker.rules.states import incident, visit
from broker.rules.states.diagrams import states_page
from broker.rules.states.incident import Incident, IncidentError
from broker.rules.states.visit import Visit, VisitError

REPO = Path(__file__).parents[2]
SOURCES = [path for room in ("broker", "sim") for path in (REPO / room).rglob("*.py")]
STATES = REPO / "broker" / "rules" / "states"
AT = 1_795_400_000

VISIT = Visit("r1.20261123", "r01", "residential_wet", "R1", "t01", "e01", 1, 1, AT)
INCIDENT = Incident("t01", "t01-1-1", "lane_blocked", AT, AT, None, None)

VISIT_DEEDS: list[Callable[[Visit], Visit]] = [
    lambda one: one.called(AT, AT + 900, "call"),
    lambda one: one.arrived(AT, 3, None, inferred=False),
    lambda one: one.left(AT),
    lambda one: one.served_by_hand(None),
    lambda one: one.skipped("not_out"),
    lambda one: one.cancelled("other"),
    lambda one: one.restored(),
    lambda one: replace(one, call_id="call").restored(),
    lambda one: replace(one, arrived_at=AT).restored(),
]
INCIDENT_DEEDS: list[Callable[[Incident], Incident]] = [
    lambda one: one.acknowledged("Wang", AT),
    lambda one: one.decided("wait", "Wang", AT),
    lambda one: one.expired(AT),
    lambda one: one.resolved(AT),
    lambda one: one.closed(AT),
    lambda one: one.withdrawn(AT),
]


def test_the_diagrams_in_the_documentation_are_drawn_from_the_tables() -> None:
    """Else: `.venv/bin/python -m broker.rules.states.diagrams > docs/states.md`."""
    assert (REPO / "docs" / "states.md").read_text(encoding="utf-8") == states_page()


def test_the_deeds_of_a_visit_go_along_all_arrows_of_its_table_and_no_other() -> None:
    """From each state each deed: it leads where an arrow leads, or raises and changes nothing."""
    gone = set()
    for state in (*visit.OWED, "served", "skipped", "cancelled"):
        for deed in VISIT_DEEDS:
            try:
                gone.add((state, deed(replace(VISIT, state=state)).state))
            except VisitError:
                continue
    assert gone == {(state, to) for (state, _), to in visit.TRANSITIONS.items()}


def test_the_deeds_of_an_incident_go_along_all_arrows_of_its_table_and_no_other() -> None:
    """As of a visit; each of them makes a new version."""
    gone = set()
    for state in incident.STAGES:
        for deed in INCIDENT_DEEDS:
            before = replace(INCIDENT, workflow=state)
            try:
                after = deed(before)
            except IncidentError:
                continue
            gone.add((state, after.workflow))
            assert after.version == before.version + 1
    assert gone == {(state, to) for (state, _), to in incident.TRANSITIONS.items()}


def test_what_is_cleared_stays_cleared() -> None:
    """By a person, by the end of it, by the driver; nothing makes it active again."""
    cleared = INCIDENT.cleared("keeper", AT)
    assert cleared.condition == cleared.cleared("Wang", AT).condition == INCIDENT.withdrawn(AT).condition == "cleared"
    assert cleared.resolved(AT).closed(AT).condition == INCIDENT.resolved(AT).closed(AT).condition == "cleared"


def transitions_fired(path: Path) -> list[int]:
    """The lines that go along an arrow: the firing itself, a table looked up, a state put in by hand."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        firing = isinstance(node, ast.Attribute) and node.attr == "_fire"
        looked_up = isinstance(node, ast.alias) and node.name in ("TRANSITIONS", "CONDITIONS")
        by_hand = False
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            named = {keyword.arg for keyword in node.keywords}
            by_hand = name in ("replace", "Visit", "Incident") and bool(named & {"state", "workflow", "condition"})
        if firing or looked_up or by_hand:
            lines.append(getattr(node, "lineno", 0))
    return lines


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPO)))
def test_a_transition_is_fired_in_its_tables_own_file_only(path: Path) -> None:
    """Everybody else asks for a deed by its name."""
    fired = transitions_fired(path)
    assert bool(fired) == (path.name in ("visit.py", "incident.py") and path.parent == STATES), fired
