"""What a run beside hardware says on the terminal: how it is met, what is asked by hand, what is left to measure."""

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape

from sim.live.hardware.bench import Bench
from sim.live.hardware.measures import form
from sim.scenario.scenario import Scenario


def tell_by_hand(console: Console) -> Callable[[str], None]:
    """Tells a person what is to be done by hand, with a sound."""

    def tell(text: str) -> None:
        console.bell()
        console.print(f"[bold cyan]BY HAND[/bold cyan]  {escape(text)}", highlight=False)

    return tell


def tell_before(bench: Bench, scenario: Scenario, console: Console) -> None:
    """How the hardware finds this run, and what of it cannot be driven or judged."""
    for line in (*bench.said(), *bench.undriven(scenario), "the run begins when all of it has spoken"):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def tell_after(bench: Bench, console: Console) -> None:
    """What is left to be measured by hand."""
    families = [family for family, named in (("truck", bench.trucks), ("room", bench.rooms)) if named]
    console.print("left to be measured by hand (docs/technician.md):", highlight=False)
    for line in form(families):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
