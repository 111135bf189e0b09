"""The tables of states: only their own files go along the arrows; the documentation's diagrams are drawn from them."""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from broker.rules.states import alarm, answer, booking, case, incident, visit
from broker.rules.states.alarm import Alarm, AlarmError
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

ALARM = Alarm("silent/r01", "unit_silent", "warning", {}, AT)
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
    lambda one: one.taken_back(),
    lambda one: replace(one, call_id="call").taken_back(),
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
    lambda one: one.gathered((), AT),
    lambda one: one.handed_over("Wang", AT),
    lambda one: one.taken_back(AT),
    lambda one: one.answered("fined", "Qian", AT),
    lambda one: one.closed("paid", "Wang", AT),
]
ALARM_DEEDS: list[Callable[[Alarm], Alarm]] = [
    lambda one: one.begun("unit_silent", "warning", {}, AT, AT),
    lambda one: replace(one, active=True).ended(AT),
    lambda one: one.worsened("units_silent", "severe", {}, AT),
    lambda one: one.covered(AT),
    lambda one: one.seen("Wang", AT),
    lambda one: one.shelved("Wang", AT + 60, None, AT),
    lambda one: replace(one, active=False).unshelved(AT),
    lambda one: replace(one, active=True).unshelved(AT, "Wang"),
    lambda one: one.taken_out("Wang", "new battery", AT),
    lambda one: replace(one, active=False).put_back("Wang", AT),
    lambda one: replace(one, active=True).put_back("Wang", AT),
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


@dataclass(frozen=True)
class Walk:
    """A table, somebody whose state it has, and all that can be done to them."""

    table: Mapping[tuple[str, str], str]
    one: Any
    deeds: Sequence[Callable[[Any], Any]]
    error: type[Exception]
    field: str = "state"
    may_stay: bool = False  # a deed may leave the state as it is, without an arrow

    def steps(self) -> Iterator[tuple[Callable[[Any], Any], Any, Any]]:
        """From each state each deed that does not raise: the deed, who it was done to, who that is then."""
        for state in sorted({state for state, _ in self.table} | {*self.table.values()}):
            before = replace(self.one, **{self.field: state})
            for deed in self.deeds:
                try:
                    yield deed, before, deed(before)
                except self.error:
                    continue


WALKS = {
    "visit": Walk(visit.TRANSITIONS, VISIT, VISIT_DEEDS, VisitError),
    "incident": Walk(incident.TRANSITIONS, INCIDENT, INCIDENT_DEEDS, IncidentError, "workflow"),
    "alarm": Walk(alarm.TRANSITIONS, ALARM, ALARM_DEEDS, AlarmError, may_stay=True),
    "booking": Walk(booking.TRANSITIONS, BOOKING, BOOKING_DEEDS, BookingError),
    "answer": Walk(answer.TRANSITIONS, ANSWER, ANSWER_DEEDS, AnswerError),
    "case": Walk(case.TRANSITIONS, CASE, CASE_DEEDS, CaseError),
}


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_the_deeds_go_along_all_arrows_of_their_table_and_no_other(walk: Walk) -> None:
    """From each state each deed: it leads where an arrow leads, or raises and changes nothing."""
    gone = {(getattr(before, walk.field), getattr(after, walk.field)) for _, before, after in walk.steps()}
    arrows = {(state, to) for (state, _), to in walk.table.items()}
    stayed = {(state, to) for state, to in gone - arrows if state == to and walk.may_stay}
    assert gone - stayed == arrows


@pytest.mark.parametrize("name", sorted({*WALKS} - {"visit"}))
def test_each_deed_makes_a_new_version(name: str) -> None:
    """But on the shelf and out of service an alarm's condition comes and goes without one."""
    for _, before, after in WALKS[name].steps():
        is_quiet = name == "alarm" and before.suppressed and after.state == before.state
        assert after.version == before.version + (not is_quiet)


def test_an_exit_of_a_booking_says_by_whom_and_why() -> None:
    """And when."""
    exits = [after for _, _, after in WALKS["booking"].steps() if after.state in booking.EXITS]
    assert {after.state for after in exits} == {*booking.EXITS}
    assert all(after.by and after.reason and after.ended_at == AT for after in exits)


def test_nothing_is_answered_once_its_incident_is_over() -> None:
    """But it may be told again."""
    for deed, before, after in WALKS["answer"].steps():
        if after.state != "told":
            with pytest.raises(AnswerError):
                deed(replace(before, ended_at=AT))


def test_a_promise_that_is_taken_back_is_a_broken_one() -> None:
    """Who promised nothing breaks nothing by refusing."""
    promised = ANSWER.promised(AT + 600, "Wang", AT)
    assert [one.refused("Wang", None, AT).broken for one in (promised, ANSWER)] == [1, 0]


def test_a_case_says_of_itself_what_its_table_has_for_it() -> None:
    """And its record makes the same case again."""
    for _, before, after in WALKS["case"].steps():
        assert after.case_id == before.case_id
        assert Case.from_body(after.body()) == after
        assert {*before.steps} == {step for state, step in case.TRANSITIONS if state == before.state}
    assert not replace(CASE, state="closed").steps


def test_what_is_cleared_stays_cleared() -> None:
    """By a person, by the end of it, by the driver; nothing makes it active again."""
    cleared = INCIDENT.cleared("keeper", AT)
    assert cleared.condition == cleared.cleared("Wang", AT).condition == INCIDENT.withdrawn(AT).condition == "cleared"
    assert cleared.resolved(AT).closed(AT).condition == INCIDENT.resolved(AT).closed(AT).condition == "cleared"


TABLES = ("TRANSITIONS", "CONDITIONS")
STATED = ("state", "workflow", "condition")
STATE_AT = {kind.__name__: list(kind.__dataclass_fields__).index("condition" if kind is Incident else "state")
            for kind in (Alarm, Answer, Booking, Case, Incident, Visit)}  # fmt: skip
MAKERS = ("replace", "__replace__", "_changed", *STATE_AT)


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
    own = {"diagrams.py", *(f"{name}.py" for name in WALKS)}
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
        'Visit("r", "r01", "w", "R", "t", "e", 1, 1, 0, None, "served")', 'Alarm("a", "w", "l", {}, 0, "shelved")',
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


def test_a_stay_that_was_seen_stays_seen_when_its_times_are_set_right() -> None:
    """`inferred` is a stay nobody saw: one that lay in a gap, or of which a person alone told."""
    came = VISIT.arrived(AT, 3, None, inferred=False, exactly=True)
    assert not came.left(AT + 60).stayed(AT + 10, AT + 90).inferred
    assert replace(came, inferred=True).left(AT + 60).stayed(AT + 10, AT + 90).inferred
    assert VISIT.served_by_hand(None).stayed(AT + 10, AT + 90).inferred
