"""All benches on one page: each goal beside its figure, what missed, what failed and what was not run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.catalogue import CATALOGUE
from bench.goals import GOALS
from bench.results import ABSENT, Result

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`, not by hand: every bench there is, each goal of the project beside its figure, what missed its
goal, failed or was not run said so. `python3 -m bench NAME` runs one and keeps what it found in `.bench/`;
`python3 -m bench --page` makes this page of what is kept. A figure is a ratio within one run, processor time or a count
wherever that is possible; times and rates of a machine that was not quiet are worth little, and are marked.
"""


def page(results: Mapping[str, Result], machine: Sequence[str]) -> str:
    """The page of these runs on this machine; a bench without one is not run, and said so."""
    parts = [HEAD.strip(), "\n".join(f"- {line}" for line in machine), _goals(results), _runs(results)]
    return "\n\n".join([*parts, *(_output(results[name]) for name in CATALOGUE if name in results)]) + "\n"


def _goals(results: Mapping[str, Result]) -> str:
    rows = [row for name in CATALOGUE for row in _rows(name, results.get(name))]
    missed = sum("**" in row[-1] for row in rows)
    table = ["| bench | goal | figure | |", "| --- | --- | --- | --- |"]
    table += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return f"## Goals\n\n{len(rows)} goals, {missed} of them missed, failed or not known.\n\n" + "\n".join(table)


def _rows(name: str, result: Result | None) -> list[tuple[str, str, str, str]]:
    """(bench, goal, figure, how it is) of each goal of a bench."""
    bench = CATALOGUE[name]
    numbers = [goal for key, goal in GOALS.items() if key.partition("/")[0] == name]
    if result is None or result.code == ABSENT:
        end = "not run" if result is None else "not run: its data is absent"
        rows = [(name, goal.asked(), goal.about, f"**{end}**") for goal in numbers]
        return [*rows, (name, bench.ends_well, "", f"**{end}**")] if bench.ends_well else rows
    mark = "" if result.is_quiet else ", not quiet"
    mark += ", short run" if result.quick else ""
    rows = [(name, asked, figure, f"met{mark}" if word == "met" else f"**{word}**{mark}")
            for word, figure, asked in result.lines()]  # fmt: skip
    unknown = [goal for goal in numbers if not any(goal.about in figure for _, _, figure, _ in rows)]
    rows += [(name, goal.asked(), goal.about, "**not measured**") for goal in unknown]
    if bench.ends_well or (result.code != 0 and all(word == "met" for word, _, _ in result.lines())):
        asked = bench.ends_well or "it ends well"
        rows.append((name, asked, "", f"met{mark}" if result.code == 0 else f"**{result.end}**{mark}"))
    return rows


def _runs(results: Mapping[str, Result]) -> str:
    table = ["| bench | what it is about | dice | command | seconds | before, after | ended |",
             "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for name, bench in CATALOGUE.items():
        one = results.get(name)
        if one is None:
            row = [name, bench.about, bench.seeds, f"`python3 -m bench {name}`", "", "", "**not run**"]
        else:
            waited = "" if one.waited is None else f"; while it ran: {one.waited:.0%}"
            row = [name, bench.about, bench.seeds, f"`{one.command}`", f"{one.seconds:,.0f}",
                   f"{one.before}; {one.after}{waited}", f"{one.end}, {one.at}, {one.commit}"]  # fmt: skip
        table.append(f"| {' | '.join(_cell(cell) for cell in row)} |")
    return "## Runs\n\n" + "\n".join(table)


def _output(result: Result) -> str:
    return f"## {result.name}\n\n```text\n{result.output.strip()}\n```"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
