"""HTTP: what is counted and measured, for Prometheus."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, product
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from broker.ingest.measured import KINDS, LABELS, UNKNOWN, Spread
from broker.web.desk import Desk

MOST_TRUCKS = 1000  # that have a line of their own: strangers make no more
LEVELS = ("info", "warning", "severe")
# A line that begins at 1 has not grown to whoever asks how much it grew: what happens seldom begins at 0.
CALLS = dict.fromkeys(product((*sorted(KINDS), UNKNOWN), ("in_band", "short", "long", "unmet", UNKNOWN)), 0)
PREDICTIONS = dict.fromkeys(product((*sorted(LABELS), UNKNOWN), ("in_band", "early", "late")), 0)
FAULTS = dict.fromkeys(("rule_faults", "failed_commits", "unstorable", "unsayable"), 0)


def exposition(desk: Desk) -> bytes:
    """Everything in Prometheus's text format."""
    return generate_latest(_Everything(desk))


class _Everything(Collector):
    """What there is now."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        """Family by family."""
        yield from _of_bridge(self._desk)
        yield from _of_picture(self._desk.picture)
        yield from _of_outside(self._desk.outside())
        yield from _of_city(self._desk.city())


def _of_bridge(desk: Desk) -> Iterator[Metric]:
    """What only grows, and how the loop goes."""
    measured = desk.measured
    yield _counter("messages_received", "Messages that came in, by channel", ["channel"], measured.received)
    yield _counter("messages_sent", "Messages that went out, by channel", ["channel"], measured.sent)
    yield _counter("refusals", "Messages refused, by the limit or fault", ["reason"], measured.refused)
    yield _counter("calls", "Calls that are over, by what the truck did and how long before it the lamp was called "
                   "(short: under 13.5 min, long: over 19.5 min, unmet: no truck came)", ["kind", "outcome"],
                   {**CALLS, **measured.calls})  # fmt: skip
    yield _counter("predictions", "Predictions whose arrival has come, by label and where in p10 to p90 it lay",
                   ["label", "outcome"], {**PREDICTIONS, **measured.predictions})  # fmt: skip
    leads = {(kind,): spread for kind, spread in measured.leads_s.items()}
    yield _histogram("call_lead_seconds", "From a call to its truck", ["kind"], leads)
    yield _histogram("press_stored_seconds", "From a press, by its truck's clock, until it was durable", [],
                     {(): measured.presses_s})  # fmt: skip
    yield _histogram("press_seen_seconds", "From a press, by its truck's clock, until a person had seen it", [],
                     {(): measured.seen_s})  # fmt: skip
    commits = {("true" if urgent else "false",): spread for urgent, spread in measured.commits_s.items()}
    yield _histogram("commit_seconds", "How long commits took; urgent ones hold a press", ["urgent"], commits)
    yield _histogram("loop_turn_seconds", "From one turn of the bridge's loop to the next", [], {(): desk.turns_s})
    for name, age_s in desk.ages().items():
        if age_s is not None:
            what = name.removesuffix("_s")
            yield _gauge(f"{what}_age_seconds", f"How long ago the {what} was there last", {(): age_s})


def _of_picture(picture: Mapping[str, Any]) -> Iterator[Metric]:
    """What the newest picture says."""
    data = picture["data"]
    yield _counter("events", "Messages and records by what became of them", ["event"], {**FAULTS, **data["counts"]})
    yield _counter("late_positions", "Positions too old to use", [], {(): data["late_positions"]})
    ages = {
        (truck["truck"],): max(0, picture["at"] - truck["fix_at"])
        for truck in picture["trucks"][:MOST_TRUCKS] if truck["fix_at"] is not None
    }  # fmt: skip
    yield _gauge("fix_age_seconds", "Age of each truck's newest position", ages, ["truck"])
    opened = sum(1 for incident in picture["incidents"] if incident["open"])
    yield _gauge("open_incidents", "Incidents that are not closed", {(): opened})
    active = [row["level"] for row in picture["alarms"] if row["active"]]
    yield _gauge("active_alarms", "Alarms whose condition holds", {(one,): active.count(one) for one in LEVELS},
                 ["level"])  # fmt: skip
    yield _gauge("unstored_records", "Records decided on but not durable", {(): data["unstored"]})
    yield _gauge("broker_connected", "1 while the MQTT broker is connected", {(): picture["link"]["up"]})


def _of_outside(receivers: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    """Messages to people outside."""
    rows = list(receivers)
    for what in ("waiting", "dead"):
        told = {(one["name"],): one[what] for one in rows}
        yield _gauge(f"outside_{what}", f"Messages to people outside: {what}", told, ["receiver"])
    told = {(one["name"],): one["delivered"] for one in rows}
    yield _counter("outside_delivered", "Messages to people outside that were delivered", ["receiver"], told)


def _of_city(state: Mapping[str, Any] | None) -> Iterator[Metric]:
    """What is pushed to the city, where there is one."""
    if state is not None:
        yield _gauge("city_connected", "1 while the city takes what is pushed", {(): state["away_since_at"] is None})
        yield _gauge("city_waiting_records", "Records that the city has not got yet", {(): state["waiting"]})
        yield _counter("city_pushed_records", "Records that the city was given", [], {(): state["pushed"]})


Values = Mapping[Any, float]  # by the values of the labels, by the one value where there is one label


def _counter(name: str, about: str, labels: list[str], values: Values) -> Metric:
    family = CounterMetricFamily(f"zhanpai_{name}", about, labels=labels)
    for key, value in sorted(list(values.items())):  # noqa: C414  (a list first: the loop goes on counting meanwhile)
        family.add_metric([key] if isinstance(key, str) else list(key), value)
    return family


def _gauge(name: str, about: str, values: Values, labels: list[str] | None = None) -> Metric:
    family = GaugeMetricFamily(f"zhanpai_{name}", about, labels=labels or [])
    for key, value in values.items():
        family.add_metric(list(key), float(value))
    return family


def _histogram(name: str, about: str, labels: list[str], spreads: Mapping[Any, Spread]) -> Metric:
    family = HistogramMetricFamily(f"zhanpai_{name}", about, labels=labels)
    for key, spread in spreads.items():
        up_to = list(accumulate(spread.counts))
        bounds = [*(f"{bound:g}" for bound in spread.bounds), "+Inf"]
        family.add_metric(list(key), list(zip(bounds, up_to, strict=True)), spread.total)
    return family
