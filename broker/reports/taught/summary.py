"""What was taught, as a table for the terminal, and what of it a person should look at."""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from broker.reports.taught import WORDS
from broker.rules.teaching.judging import BEGIN, END, STOP, Judged
from broker.rules.teaching.positions import usual_gap_s
from broker.rules.teaching.route import Taught

SHORTEST_SHOWN_S = 20.0
THIN_S = 20.0
GAPS_SHOWN = 8


def summary(route: Taught, zone: tzinfo) -> str:
    """A page of text; halts have the numbers by which they are kept and dropped."""
    return "\n".join(_lines(route, zone)) + "\n"


def verdict(one: Judged, language: str = "en") -> str:
    """What a halt is, in a word or two."""
    return WORDS.say(language, "verdict", one.verdict, stop=1 if one.stop is None else one.stop + 1)


def worth_showing(route: Taught) -> list[Judged]:
    """Without the shortest, which are traffic for certain."""
    return [one for one in route.halts if one.stop is not None or one.doubts or one.halt.seconds >= SHORTEST_SHOWN_S
            or one.verdict in (BEGIN, END)]  # fmt: skip


def doubts(one: Judged, language: str = "en") -> list[str]:
    """Why a halt is doubtful, in words."""
    return [WORDS.say(language, "doubt", doubt) for doubt in one.doubts]


def _lines(route: Taught, zone: tzinfo) -> Iterator[str]:
    places = route.positions.positions
    first, last = (datetime.fromtimestamp(one.at, zone) for one in (places[0], places[-1]))
    visits, stops = len(route.visits), len(route.stops)
    yield (f"driven {first:%Y-%m-%d %H:%M} to {last:%H:%M}: {route.length_m / 1000:.1f} km, {len(places)} positions, "
           f"{visits} visit{'s' * (visits != 1)} at {stops} stop{'s' * (stops != 1)}")  # fmt: skip
    yield f"{'halt':>5} {'at':8} {'stood':>7}  {'what it is':20} place"
    shown = worth_showing(route)
    for one in shown:
        halt = one.halt
        marks = "?" if one.doubts else " "
        yield (f"{one.number:5} {datetime.fromtimestamp(halt.since, zone):%H:%M:%S} {halt.seconds:5.0f} s "
               f"{marks}{verdict(one):20} {halt.lat:.6f},{halt.lon:.6f}")  # fmt: skip
    if len(shown) < len(route.halts):
        yield f"      and {len(route.halts) - len(shown)} of less than {SHORTEST_SHOWN_S:.0f} s, which are traffic"
    yield from _to_look_at(route, zone)


def _to_look_at(route: Taught, zone: tzinfo) -> Iterator[str]:
    left_out = route.positions
    if left_out.jumped:
        yield f"left out: {left_out.jumped} positions that no truck can have driven to"
    usual_s = usual_gap_s(left_out.positions)
    if usual_s > THIN_S:
        yield (f"thin: a position each {usual_s:.0f} s; shorter halts are not seen, and all times are as rough. Where "
               "you can, teach from the truck's own record or its receiver's log")  # fmt: skip
    longest = sorted(route.gaps, key=lambda gap: gap.metres, reverse=True)[:GAPS_SHOWN]
    for gap in sorted(longest, key=lambda gap: gap.since):
        since = datetime.fromtimestamp(gap.since, zone)
        yield (f"silent at {since:%H:%M:%S} for {gap.until - gap.since:.0f} s and {gap.metres:.0f} m: drawn straight; "
               "a stop in there is missing, and the street may be another")  # fmt: skip
    if len(route.gaps) > GAPS_SHOWN:
        yield f"and {len(route.gaps) - GAPS_SHOWN} shorter silences, which the page shows"
    for one in route.halts:
        if one.verdict in (BEGIN, END):
            yield f"the drive's {one.verdict}, halt {one.number}, is taken for the depot (if not: --keep {one.number})"
    if route.doubtful:
        yield "doubtful, look at the picture:"
    for one in route.doubtful:
        halt = one.halt
        taken, otherwise = ("a stop", "drop") if one.verdict == STOP else ("no stop", "keep")
        at = datetime.fromtimestamp(halt.since, zone)
        yield (f"  halt {one.number}, {at:%H:%M:%S}, {halt.seconds:.0f} s: {'; '.join(doubts(one))} "
               f"({taken} unless you say --{otherwise} {one.number})")  # fmt: skip
