"""The tables of states: only their own files go along the arrows; the documentation's diagrams are drawn from them."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from broker.rules.states import answer, booking, case, incident, visit
from broker.rules.states.answer import Answer, AnswerError
from broker.rules.states.booking import Booking, BookingError, Seat
from broker.rules.states.case import Case, CaseError
from broker.rules.states.diagrams import states_page
from broker.rules.states.incident import Incident, IncidentError
from broker.rules.states.visit import Visit, VisitError

REPO = Path(__file__).parents[2]
SOURCES = [path for room in ("broker", "sim") for path in (REPO / room).rglob("*.py")]
STATES = REPO / "broker" / "rules" / "states"
AT = 1_795_400_000

VISIT = Visit("r1.20261123", "r01", "residential_wet", "R1", "t01", "e01", 1, 1, AT)
INCIDENT = Incident("t01", "t01-1-1", "lane_blocked", AT, AT, None, None)

ANSWER = Answer.asked("estate", "e01", AT)
SEAT = Seat("t01", "call-t01.20261123", AT, AT + 3600, AT + 60, 240)
BOOKING = Booking.hold("b1", "p01", "e01", SEAT, 1000, "Zhang", AT, AT + 300)

VISIT_DEEDS: list[Callable[[Visit], Visit]] = [
    lambda one: one.called(AT, AT + 900, "call"),
    lambda one: one.arrived(AT, 3, None, inferred=False, exactly=True),
    lambda one: one.left(AT),
    lambda one: one.drove_on(),
    lambda one: replace(one, call_id="call").drove_on(),
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
BOOKING_DEEDS: list[Callable[[Booking], Booking]] = [
    lambda one: one.requested(1000, None, "", AT),
    lambda one: one.accepted("crew", AT),
    lambda one: one.asked_otherwise(SEAT, 500, 10, "", AT),
    lambda one: one.passed_on(SEAT, AT),
    lambda one: one.declined("crew", "full_truck", AT),
    lambda one: one.expired("hold_ran_out", AT),
    lambda one: one.cancelled("Zhang", "not_wanted", AT),
    lambda one: one.departed(AT, AT),
    lambda one: one.arrived(AT, AT),
    lambda one: one.drove_on(AT),
    lambda one: one.put_off(AT),
    lambda one: one.loaded(AT, "crew", 1200, AT, overfilled=False),
    lambda one: one.failed("crew", "no_show", AT),
    lambda one: one.completed(900_000, AT),
]
CASE = Case("c1", "chronic_lane", "e01", "r01", None, (), AT, "Wang", AT)
CASE_DEEDS: list[Callable[[Case], Case]] = [
    lambda one: one.handed_over("Wang", AT),
    lambda one: one.taken_back(AT),
    lambda one: one.answered("fined", "Qian", AT),
    lambda one: one.closed("paid", "Wang", AT),
]
ANSWER_DEEDS: list[Callable[[Answer], Answer]] = [
    lambda one: one.seen("Wang", AT),
    lambda one: one.promised(AT + 600, "Wang", AT),
    lambda one: one.finished("Wang", AT),
    lambda one: one.refused("Wang", None, AT),
    lambda one: one.passed(AT),
    lambda one: one.expired(AT),
    lambda one: one.told_again(AT),
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


def test_the_deeds_of_a_booking_go_along_all_arrows_of_its_table_and_no_other() -> None:
    """As of an incident; and an exit says by whom and why."""
    gone = set()
    for state in (*booking.PLACED, "loaded", "completed", *booking.EXITS):
        for deed in BOOKING_DEEDS:
            before = replace(BOOKING, state=state)
            try:
                after = deed(before)
            except BookingError:
                continue
            gone.add((state, after.state))
            assert after.version == before.version + 1
            assert after.state not in booking.EXITS or (after.by and after.reason and after.ended_at == AT)
    assert gone == {(state, to) for (state, _), to in booking.TRANSITIONS.items()}


def test_the_deeds_of_an_answer_go_along_all_arrows_of_its_table_and_no_other() -> None:
    """As of a visit; each makes a new version, and once its incident is over there is none but to tell it again."""
    gone = set()
    for state in ("told", "seen", "promised", "done", "refused", "late"):
        for deed in ANSWER_DEEDS:
            before = replace(ANSWER, state=state)
            try:
                after = deed(before)
            except AnswerError:
                continue
            gone.add((state, after.state))
            assert after.version == before.version + 1
            if after.state != "told":
                with pytest.raises(AnswerError):
                    deed(replace(before, ended_at=AT))
    assert gone == {(state, to) for (state, _), to in answer.TRANSITIONS.items()}


def test_the_deeds_of_a_case_go_along_all_arrows_of_its_table_and_no_other() -> None:
    """As of a visit; each makes a new version, and what its table has for it is what it says of itself."""
    gone = set()
    for state in ("opened", "handed_over", "answered", "closed"):
        for deed in CASE_DEEDS:
            before = replace(CASE, state=state)
            try:
                after = deed(before)
            except CaseError:
                continue
            gone.add((state, after.state))
            assert after.version == before.version + 1 and after.case_id == before.case_id
            assert Case.from_body(after.body()) == after
        assert set(replace(CASE, state=state).steps) == {step for frm, step in case.TRANSITIONS if frm == state}
    assert gone == {(state, to) for (state, _), to in case.TRANSITIONS.items()}


def test_what_is_cleared_stays_cleared() -> None:
    """By a person, by the end of it, by the driver; nothing makes it active again."""
    cleared = INCIDENT.cleared("keeper", AT)
    assert cleared.condition == cleared.cleared("Wang", AT).condition == INCIDENT.withdrawn(AT).condition == "cleared"
    assert cleared.resolved(AT).closed(AT).condition == INCIDENT.resolved(AT).closed(AT).condition == "cleared"


TABLES = ("TRANSITIONS", "CONDITIONS")
STATED = ("state", "workflow", "condition")
MAKERS = ("replace", "__replace__", "_changed", "Visit", "Incident", "Answer", "Booking", "Case")
STATE_AT = {"Case": list(Case.__dataclass_fields__).index("state"),
            "Answer": list(Answer.__dataclass_fields__).index("state"),
            "Visit": list(Visit.__dataclass_fields__).index("state"),
            "Incident": list(Incident.__dataclass_fields__).index("condition"),
            "Booking": list(Booking.__dataclass_fields__).index("state")}  # fmt: skip


def is_as_recorded(body: ast.expr) -> bool:
    """Whether this is a body as somebody else made it: a name or what it has, or a copy of that."""
    if isinstance(body, ast.Call) and isinstance(body.func, ast.Name) and body.func.id == "dict":
        return len(body.args) == 1 and not body.keywords and is_as_recorded(body.args[0])
    return isinstance(body, ast.Name | ast.Attribute)


def goes_along_an_arrow(node: ast.AST) -> bool:
    """Whether this fires a transition, reads a table, or puts a state in by hand, in whatever way."""
    if isinstance(node, ast.alias):
        return node.name in TABLES
    if isinstance(node, ast.Attribute):
        return node.attr in ("_fire", *TABLES)
    if isinstance(node, ast.Subscript):
        named = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return isinstance(node.ctx, ast.Store) and named in ("workflow", "condition")
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    texts = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    if name in ("getattr", "setattr", "__setattr__", "attrgetter"):
        return bool(texts & {"_fire", *TABLES, *STATED})
    if name == "from_body" and getattr(getattr(node.func, "value", None), "id", "") in STATE_AT:
        return not (len(node.args) == 1 and not node.keywords and is_as_recorded(node.args[0]))
    named = {keyword.arg for keyword in node.keywords}
    by_position = name in STATE_AT and (
        len(node.args) > STATE_AT[name] or any(isinstance(arg, ast.Starred) for arg in node.args)
    )
    # `**` may hold anything.
    return by_position or (name in MAKERS and bool(named & {*STATED, None}))


def transitions_fired(text: str) -> list[int]:
    """The lines that go along an arrow."""
    return [getattr(node, "lineno", 0) for node in ast.walk(ast.parse(text)) if goes_along_an_arrow(node)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPO)))
def test_a_transition_is_fired_in_its_tables_own_file_only(path: Path) -> None:
    """Everybody else asks for a deed by its name; the diagrams read the tables."""
    fired = transitions_fired(path.read_text(encoding="utf-8"))
    own = ("answer.py", "booking.py", "case.py", "diagrams.py", "incident.py", "visit.py")
    assert bool(fired) == (path.name in own and path.parent == STATES), fired


@pytest.mark.parametrize(
    "text",
    [
        'Visit.from_body({**one.body(), "state": "served"})', 'Incident.from_body(one.body() | {"workflow": "closed"})',
        'Visit.from_body(dict(one.body(), state="served"))', "Incident.from_body({**record.body, **changes})",
        'body["workflow"] = "closed"', "replace(one, **changes)", 'dataclasses.replace(one, state="served")',
        "copy.replace(one, **changes)", "one.__replace__(workflow=to)", 'one._changed(now, workflow="closed")',
        "visit.TRANSITIONS[state, step]", "incident.CONDITIONS.get(key)", 'getattr(visit, "TRANSITIONS")',
        "from broker.rules.states.visit import TRANSITIONS", 'one._fire("serve", now)', "Visit(*fields)",
        'object.__setattr__(one, "state", "served")', 'Incident(**fields)',
        'Visit("r", "r01", "w", "R", "t", "e", 1, 1, 0, None, "served")',
    ],
)  # fmt: skip
def test_a_way_round_a_table_is_found(text: str) -> None:
    """As the sources might have it one day."""
    assert transitions_fired(text)


@pytest.mark.parametrize(
    "text",
    [
        "Visit.from_body(dict(record.body))", "Incident.from_body(body)", 'run.state == "running"',
        "replace(settings, streets=streets)", "one.skipped(reason)", 'Visit("r", "r01", "w", "R", "t", "e", 1, 1, 0)',
    ],
)  # fmt: skip
def test_who_asks_for_a_deed_fires_nothing(text: str) -> None:
    """Reading a record, other things replaced, states compared."""
    assert not transitions_fired(text)
