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
    "throughput/paho": Goal("records a second, of a paho client's that only counts", "times", least=1.25, digits=2),
    "throughput/c": Goal("records a second, of libmosquitto's C callback's", "times", least=0.25, digits=2),
    "throughput/unacknowledged": Goal("records without an ack", most=0),
    "throughput/ack_1000": Goal("ack p99 at 1,000 records a second", "ms", most=20),
    "throughput/ack_5000": Goal("ack p99 at 5,000 records a second", "ms", most=64),
    "silence/ms": Goal("each second in which nobody speaks, of 3,864 visits", "ms", most=5, digits=1),
    "silence/messages": Goal("messages in such a second", most=5, digits=1),
    "silence/fix": Goal("one position of a run of 21 visits", "ms", most=0.3, digits=2),
    "store/ingest": Goal("records a second, of bare sqlite3's", "times", least=0.8, digits=2),
    "store/commit": Goal("commit p50 with many records, of that with few", "times", most=1.2, digits=2),
    "store/look_up": Goal("the slowest kind of look-up", "ms", most=1, digits=2),
    "store/opening": Goal("opening", "ms", most=100),
    "store/memory": Goal("memory that a record leaves behind", "bytes", most=20),
    "stream/bytes": Goal("to each client a second", "kB", most=50, digits=1),
    "stream/clients": Goal("ten clients, of a core", "%", most=5, digits=1),
    "screen/first_30": Goal("first data, 30 trucks", "s", most=1, digits=2),
    "screen/share_30": Goal("the page's main thread, 30 trucks five times a second", "%", most=15, digits=1),
    "screen/first_400": Goal("first data, 400 trucks and 4,000 rooms", "s", most=3, digits=2),
    "screen/share_400": Goal("the page's main thread, 400 trucks once a second", "%", most=30, digits=1),
    "screen/stall_400": Goal("the longest task when the page is moved, 400 trucks", "ms", most=100),
    "playback/seek": Goal("the slowest of some seeks", "s", most=1, digits=2),
    "registers/lost": Goal("acknowledged saves lost or damaged by kill -9", most=0),
    "sim/whole_shift": Goal("a whole shift, of processor", "s", most=10, digits=1),
    "sim/rolled_out": Goal("a week of learning, of processor", "s", most=120, digits=1),
    "replan/ms_40": Goal("all options of 40 stops, the worst", "ms", most=200),
    "replan/ms_200": Goal("all options of 200 stops, the worst", "ms", most=2000),
    "replan/rival": Goal("cost, of a solver's that keeps the same promises, on average", "times", most=1.06, digits=3),
    "eta_sim/fix": Goal("a position and 20 visits anew", "ms", most=0.3, digits=3),
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

_missed: list[str] = []  # in this process


def held(key: str, figure: float, *, of: str = "", beyond: float = 0.0) -> bool:
    """Print a figure beside its goal; whether it is met. `of` says of which part of the run it is."""
    met, text = said(key, figure, of=of, beyond=beyond)
    print(text, flush=True)
    return met


def said(key: str, figure: float, *, of: str = "", beyond: float = 0.0) -> tuple[bool, str]:
    """Whether a goal is met, and the line that says so."""
    goal = GOALS[key]
    met = goal.is_met(figure, beyond)
    if not met:
        _missed.append(key)
    what = f"{of}: {goal.about}" if of else goal.about
    return met, line(met, f"{what} {figure:,.{goal.digits}f}{_spaced(goal.unit)}", goal.asked(beyond))


def code() -> int:
    """What a bench ends with: 1 where a goal was missed."""
    return 1 if _missed else 0


def line(met: bool, figure: str, asked: str) -> str:
    """A figure and what was asked of it; a missed one is said so."""
    return f"  {MET if met else MISSED:6} {figure}; goal: {asked}"


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
