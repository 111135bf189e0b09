"""Every goal of the benches that is a number: what is asked, of what, and the one place where the number stands.

`held` prints a figure with its goal beside it, one line for each, in the one form that the page of all benches reads
(page.py):

      met    ack p99 at their own pace 12 ms; goal: at most 500 ms

Goals that a judge of the tests holds (arrivals, rough days, the search) are printed by it in the same form.
"""

from typing import NamedTuple

MET, MISSED = "met", "MISSED"


class Goal(NamedTuple):
    """One of them: `least` or `most` of a figure in this unit."""

    about: str
    unit: str = ""
    most: float | None = None
    least: float | None = None
    digits: int = 0

    def asked(self, beyond: float = 0.0) -> str:
        """The goal in words; `beyond` is what the machine itself takes, found in the same run."""
        bound = self.most if self.most is not None else self.least
        more = f" + {beyond:.{max(1, self.digits)}f} of this disk" if beyond else ""
        return f"{'at most' if self.most is not None else 'at least'} {bound:g}{more}{_spaced(self.unit)}"

    def is_met(self, figure: float, beyond: float = 0.0) -> bool:
        """Whether a figure is as asked; one that is none (nan) is not."""
        if self.most is not None:
            return figure <= self.most + beyond
        return figure >= (self.least or 0.0)


GOALS = {
    "cell/unacknowledged": Goal("records without an ack", most=0),
    "cell/lost": Goal("records lost", most=0),
    "cell/doubled": Goal("records doubled", most=0),
    "cell/gone": Goal("connections that ended", most=0),
    "cell/ack": Goal("ack p99 at their own pace", "ms", most=500),
    "cell/light": Goal("press to light p99 at their own pace", "ms", most=500),
    "cell/light_fast": Goal("press to light p99 as fast as acks come", "ms", most=1000),
    "growth/bridge": Goal("processor of the bridge a message, of the smallest area's", "times", most=1.15, digits=2),
    "growth/broker": Goal("processor of Mosquitto a message, of the smallest area's", "times", most=1.15, digits=2),
    "growth/calls": Goal("calls of functions a message, of the smallest area's", "times", most=1.15, digits=2),
}


def held(key: str, figure: float, *, of: str = "", beyond: float = 0.0) -> bool:
    """Print a figure beside its goal; whether it is met. `of` says of which part of the run it is."""
    goal = GOALS[key]
    met = goal.is_met(figure, beyond)
    what = f"{of}: {goal.about}" if of else goal.about
    print(line(met, f"{what} {figure:,.{goal.digits}f}{_spaced(goal.unit)}", goal.asked(beyond)), flush=True)
    return met


def line(met: bool, figure: str, asked: str) -> str:
    """A figure and what was asked of it; a missed one is said so."""
    return f"  {MET if met else MISSED:6} {figure}; goal: {asked}"


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
