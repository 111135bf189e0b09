"""The page of states, drawn from the tables: `python3 -m broker.rules.states.diagrams > docs/states.md`.

tests/rules/test_states.py holds that docs/states.md is what this draws.
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter()

from collections.abc import Mapping

from broker.rules.states import answer, booking, case, incident, visit

Table = Mapping[tuple[str, str], str]

PAGE = """# States

Drawn from the tables in `broker/rules/states/` by `python3 -m broker.rules.states.diagrams > docs/states.md`.
Only the deeds in a table's own file go along its arrows; why there is an arrow stands at the head of that file.

## A visit 到站 (`visit.py`)
{visit}
## An incident 报警: what people have done (`incident.py`)
{workflow}
The driver's light follows: {stages}.

## An incident 报警: what is the matter (`incident.py`)
{condition}
## An answer 应答: what each addressee says (`answer.py`)
{answer}
## A booking 预约 (`booking.py`)
{booking}
## A case 案件 for enforcement (`case.py`)
{case}"""


def states_page() -> str:
    """The whole page as text."""
    return PAGE.format(
        visit=diagram(visit.TRANSITIONS, visit.BEGINS),
        workflow=diagram(incident.TRANSITIONS, incident.BEGINS),
        condition=diagram(incident.CONDITIONS, incident.CONDITION_BEGINS),
        booking=diagram(booking.TRANSITIONS, booking.BEGINS),
        answer=diagram(answer.TRANSITIONS, answer.BEGINS),
        case=diagram(case.TRANSITIONS, case.BEGINS),
        stages=", ".join(f"{state} → {stage}" for state, stage in incident.STAGES.items()),
    )


def diagram(table: Table, begins: str) -> str:
    """A table (state, step) -> state as a Mermaid state diagram; a state that no step leads out of is an end."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {begins}"]
    lines += [f"    {state} --> {to}: {step}" for (state, step), to in table.items()]
    leaves = {state for state, _ in table}
    lines += [f"    {end} --> [*]" for end in dict.fromkeys(table.values()) if end not in leaves]
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    print(states_page(), end="")
