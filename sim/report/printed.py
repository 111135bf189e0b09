"""What a run came to, for people (a table) and for programs (JSON)."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sim.judging.outcome import Outcome
from sim.judging.street import street


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain data."""
    evidence, on_street = outcome.evidence, street(outcome.evidence)
    return {
        "scenario": outcome.scenario.name,
        "seed": outcome.scenario.seed,
        "held": outcome.held,
        "simulated_s": round(evidence.end_at - evidence.start_at),
        "took_s": round(outcome.took_s, 2),
        "actions": outcome.actions,
        "visits": sum(1 for visit in evidence.visits if visit.left_at is not None),
        "presses": len(evidence.presses),
        "records": len(evidence.recorded),
        "street": {
            "outside_min": round(on_street.outside_min, 1),
            "waited_min": round(on_street.waited_s / 60, 1),
            "waited_visits": on_street.waited,
        },
        "mqtt": {
            "published": outcome.mqtt.published,
            "delivered": outcome.mqtt.delivered,
            "denied": outcome.mqtt.denied,
        },
        "expectations": [
            {"kind": v.kind, "held": v.held, "seen": v.seen, "faults": list(v.faults)} for v in outcome.verdicts
        ],
        "notes": evidence.notes,
    }


def show(outcome: Outcome, console: Console, *, judged: bool = True) -> None:
    """The outcome as a table, faults in full below it; where the machine was too slow to be `judged` none failed."""
    failed = "[red]FAILED[/red]" if judged else "[yellow]not judged[/yellow]"
    evidence = outcome.evidence
    hours = (evidence.end_at - evidence.start_at) / 3600
    name, about = escape(outcome.scenario.name), escape(outcome.scenario.about)
    console.print(f"[bold]{name}[/bold]  {about}", highlight=False)
    table = Table(show_edge=False)
    for title in ("", "expectation", "seen"):
        table.add_column(title)
    for verdict in outcome.verdicts:
        table.add_row("[green]held[/green]" if verdict.held else failed, verdict.kind, escape(verdict.seen))
    console.print(table)
    for verdict in outcome.verdicts:
        for fault in verdict.faults:
            colour = "red" if judged else "yellow"
            console.print(f"  [{colour}]{verdict.kind}[/{colour}]: {escape(fault)}", highlight=False)
    for note in evidence.notes[:10]:
        console.print(f"  note: {note}", highlight=False, markup=False)
    on_street = street(evidence)
    console.print(
        f"bins stood outside {on_street.outside_min:.0f} min for each of {on_street.visits} visits; trucks waited "
        f"{on_street.waited_s / 60:.1f} min for bins, at {on_street.waited} of them",
        highlight=False,
    )
    console.print(
        f"{hours:.1f} h simulated in {outcome.took_s:.1f} s (x{hours * 3600 / outcome.took_s:.0f}), seed "
        f"{outcome.scenario.seed}, {outcome.mqtt.published} messages, {len(evidence.recorded)} records",
        highlight=False,
    )
