"""`/metrics`: what Prometheus reads, from a morning whose calls, presses and messages are known."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from broker.ingest.measured import Measured, Spread
from broker.rules.statistics.calls import outside_band_s
from broker.store import Record
from broker.web.desk import Desk
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.people import screen_of

DOCS = Path(__file__).parents[2] / "docs"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Watched:
    """A bridge and its metrics."""

    def __init__(self, folder: Path) -> None:
        self.morning = Morning(folder, alone=True)
        self.desk = Desk(measured=self.morning.bridge.measured)
        self.client: TestClient = screen_of(self.desk, self.morning.store)

    def samples(self) -> Samples:
        """Every sample by its name and labels."""
        self.desk.show(snapshot(self.morning.bridge, self.morning.now))
        families = text_string_to_metric_families(self.client.get("/metrics").text)
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families for sample in family.samples
        }  # fmt: skip

    def value(self, name: str, **labels: str) -> float:
        """One of them; 0 where there is none."""
        return self.samples().get((name, tuple(sorted(labels.items()))), 0.0)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Two rooms served, a press, and a message that nobody can read."""
    one = Watched(tmp_path_factory.mktemp("watched") / "records")
    one.morning.serve(0)
    one.morning.serve(1)
    one.morning.step(20, 5.0)
    one.morning.press()
    one.morning.step(2)
    one.morning.bridge.receive("zp/v1/xh/truck/t01/fix", b"\xff{", one.morning.now)
    yield one
    one.morning.close()


def test_calls_are_counted_by_kind_and_outcome_with_their_leads(watched: Watched) -> None:
    """As the record has them, once each."""
    last = {record.key: record.body for record in watched.morning.store.scan("call")}
    over = [body for body in last.values() if body["how"] == "served"]
    unmet = sum(body["how"] == "skipped" for body in last.values())
    assert (len(over), unmet) == (2, 1)  # the press was for the third
    in_band = sum(outside_band_s(body["lead_s"]) == 0 for body in over)
    samples = watched.samples()
    calls = {labels: count for (name, labels), count in samples.items() if name == "zhanpai_calls_total"}
    assert sum(calls.values()) == 3
    assert sum(count for labels, count in calls.items() if ("outcome", "unmet") in labels) == unmet
    assert sum(count for labels, count in calls.items() if ("outcome", "in_band") in labels) == in_band
    leads = {name: count for (name, labels), count in samples.items() if ("kind", over[0]["kind"]) in labels}
    assert leads["zhanpai_call_lead_seconds_count"] == sum(body["kind"] == over[0]["kind"] for body in over)
    assert leads["zhanpai_call_lead_seconds_sum"] == sum(
        body["lead_s"] for body in over if body["kind"] == over[0]["kind"]
    )


def test_presses_messages_refusals_and_arrivals_are_counted(watched: Watched) -> None:
    """By words that are few and ours."""
    assert watched.value("zhanpai_press_stored_seconds_count") == 1
    assert watched.value("zhanpai_messages_received_total", channel="incident") == 1
    assert watched.value("zhanpai_messages_received_total", channel="fix") > 20
    assert watched.value("zhanpai_messages_sent_total", channel="arrival") > 0
    assert watched.value("zhanpai_refusals_total", reason="unreadable") == 1
    errors = [error for record in watched.morning.store.scan("error") for error in record.body["errors"]]
    samples = watched.samples()
    arrivals = sum(count for (name, _), count in samples.items() if name == "zhanpai_predictions_total")
    assert arrivals == len(errors) > 0
    assert watched.value("zhanpai_commit_seconds_count", urgent="true") == 1


def test_a_press_is_seen_once(watched: Watched) -> None:
    """From the press to the first click, by whoever; what is clicked later, and what nobody saw, is not counted."""
    before = watched.value("zhanpai_press_seen_seconds_count")
    seen, unseen = (watched.morning.press(incident_id=f"t01-1-70{number}") for number in (1, 2))
    watched.morning.step(40)
    watched.morning.act("acknowledge", seen)
    watched.morning.step(700)  # the acknowledgement runs out, and is given again
    watched.morning.act("acknowledge", seen)
    watched.morning.act("decide", seen, decision="wait")
    watched.morning.step(2)
    assert watched.value("zhanpai_press_seen_seconds_count") == before + 1
    assert watched.value("zhanpai_press_seen_seconds_bucket", le="30") == before
    assert watched.value("zhanpai_press_seen_seconds_bucket", le="60") == before + 1
    assert {one.incident_id for one in watched.morning.bridge.dispatch.day.incidents.values() if one.open} >= {unseen}


def test_a_press_that_was_seen_before_a_restart_is_not_counted_again(tmp_path: Path) -> None:
    """Nor one whose acknowledgement ran out: who clicks once more after the restart is no first look."""
    morning = Morning(tmp_path / "records", alone=True)
    seen, ran_out, unseen = (morning.press(incident_id=f"t01-1-80{number}") for number in (1, 2, 3))
    morning.act("acknowledge", ran_out)
    morning.step(700)
    morning.act("acknowledge", seen)
    morning.close()
    morning.open()
    counts = morning.bridge.measured.seen_s
    morning.act("decide", seen, decision="wait")
    morning.act("acknowledge", ran_out)
    assert sum(counts.counts) == 0
    morning.act("acknowledge", unseen)
    assert sum(counts.counts) == 1
    morning.close()


def test_no_count_falls_when_a_day_is_over_or_begun_again(watched: Watched) -> None:
    """A counter that falls is a restart to whoever reads it."""
    before = watched.samples()
    watched.morning.now += 86_400
    watched.morning.step(3)
    assert watched.morning.bridge._decisions.rebuild(int(watched.morning.now))  # as after a rule failed
    watched.morning.step(3)
    after = watched.samples()
    counts = {key: value for key, value in before.items() if key[0].endswith(("_total", "_count", "_bucket", "_sum"))}
    assert len(counts) > 50
    assert {key for key, value in counts.items() if after.get(key, 0.0) < value} == set()


def test_names_and_units_are_as_prometheus_has_them(watched: Watched) -> None:
    """Counters end in _total, times in _seconds; no secret, no place and no person is a label."""
    text = watched.client.get("/metrics").text
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split()
            assert re.fullmatch(r"zhanpai_[a-z_]+", name), name
            assert (kind == "counter") == name.endswith("_total"), line
            assert kind != "histogram" or name.endswith("_seconds"), line
    ours = {"channel", "event", "kind", "label", "le", "level", "outcome", "reason", "receiver", "truck", "urgent"}
    assert set(re.findall(r'([a-z_]+)="', text)) <= ours


def test_the_operators_table_names_every_metric(watched: Watched) -> None:
    """And none that there is not."""
    watched.desk.outside = lambda: [{"name": "phones", "waiting": 1, "dead": 0, "delivered": 2}]
    watched.desk.turned(1.0)
    page = (DOCS / "operator.md").read_text(encoding="utf-8")
    table = page.split("| metric | kind | labels | what it is |")[1].split("\n\n")[0]
    said = set(re.findall(r"`(zhanpai_\w+)`", table))
    assert said == set(re.findall(r"^# TYPE (\w+)", watched.client.get("/metrics").text, re.M))


def test_each_query_of_the_dashboard_names_metrics_and_labels_that_exist(watched: Watched) -> None:
    """A panel over a name that nobody has stays empty for ever."""
    watched.desk.outside = lambda: [{"name": "phones", "waiting": 1, "dead": 0, "delivered": 2}]
    watched.desk.turned(1.0)
    labels: dict[str, set[str]] = {}
    for name, given in watched.samples():
        labels.setdefault(name, set()).update(label for label, _ in given)
    board = json.loads((DOCS / "grafana.json").read_bytes())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(queries) > 20
    for query in queries:
        named = re.findall(r"zhanpai_\w+", query)
        assert named and set(named) <= labels.keys(), query
        used = re.findall(r"(\w+)(?:=~|!=|=)\"", query) + re.findall(r"\b(?:by|on) \(([^)]*)\)", query)
        known = set().union(*(labels[name] for name in named))
        assert {label.strip() for text in used for label in text.split(",")} <= known, query
    known = "\n".join(queries)
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in labels}
    assert [name for name in families if name not in known] == []
    gauges = {name for name in labels if not name.endswith(("_total", "_bucket", "_sum", "_count"))}
    for query in queries:  # a counter alone is a line that only rises
        for name in re.findall(r"zhanpai_\w+", query):
            assert name in gauges or re.search(rf"(rate|increase)\({name}", query), query


def test_words_that_a_device_could_make_up_make_no_lines() -> None:
    """What a record says that is none of ours is counted as unknown."""
    measured = Measured()
    odd = {"how": "served", "kind": "x" * 50, "lead_s": "soon"}
    errors = [{"label": f"l{n}", "error_s": 1, "in_band": False} for n in range(99)]
    records = [Record(f"c{n}", "call", f"c{n}", 1, 1, "xh", odd | {"kind": f"k{n}"}) for n in range(99)]
    measured.committed([*records, Record("e", "error", "e", 1, 1, "xh", {"errors": errors})], 0.1, 5.0, urgent=False)
    assert measured.calls == {("unknown", "unknown"): 99} and measured.predictions == {("unknown", "late"): 99}


def test_a_call_that_ends_once_more_is_counted_once() -> None:
    """Its visit was taken back, and served later: what was counted cannot be taken back."""
    measured = Measured()
    ends = [Record(f"c:{n}", "call", "c", n, n, "xh", {"how": "served", "kind": "live", "lead_s": 900}) for n in (1, 2)]
    for end in ends:
        measured.committed([end], 0.1, 5.0, urgent=False)
    assert measured.calls == {("live", "in_band"): 1}


def test_a_spread_counts_a_value_that_lies_on_a_bound_up_to_it() -> None:
    """As `le` says."""
    spread = Spread((1, 2))
    for value in (0.5, 1, 1.5, 2, 9):
        spread.add(value)
    assert (spread.counts, spread.total) == ([2, 2, 1], 14.0)
