"""The cab's own rules, as the browser has them, without a bridge: outbox, clock, and what became otherwise of a run."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from broker.rules.bookings.fetching import FAILURES, OVERFILLED, REFUSALS
from broker.web.pages.rendering import STATIC
from firmware.wire import SKIP_REASONS
from tests.support.screens.browser import chromium_page

pytestmark = pytest.mark.real
PLACE = "http://cab.test/"


def served(route: Route) -> None:
    """A module as it stands in the folder."""
    name = Path(route.request.url.removeprefix(PLACE) or "index.html").name
    if name == "index.html":
        route.fulfill(body="<title>rules</title>", content_type="text/html")
    else:
        route.fulfill(body=(STATIC / "cab" / name).read_text(), content_type="text/javascript")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page with the modules as `outbox`, `clock` and `itinerary`."""
    with chromium_page() as opened:
        opened.route(f"{PLACE}**", served)
        opened.goto(PLACE)
        for name in ("outbox", "clock", "itinerary"):
            opened.evaluate(f"import('/{name}.js').then((found) => {{ window.{name} = found; }})")
        yield opened


DRAFT = {"deed": "serve", "path": "/x", "body": {}, "about": {"visit": "r/a/1"}, "account": "chen"}


def entry(page: Page, n: int, made_ms: int, off_ms: int | None = 0, **changes: Any) -> dict[str, Any]:
    """An entry as it is kept."""
    draft = "([draft, key, at, off]) => outbox.drafted(draft, key, at, off)"
    made = page.evaluate(draft, [DRAFT, f"k{n}", made_ms, off_ms])
    return {**made, "n": n, **changes}


def after(page: Page, one: dict[str, Any], answer: dict[str, Any], is_so: bool = False) -> Any:
    """What an answer makes of it, a second later."""
    return page.evaluate("([one, answer, so]) => outbox.answered(one, answer, 1000, so)", [one, answer, is_so])


def test_a_deed_can_be_taken_back_for_ten_seconds_and_holds_up_the_ones_after_it(page: Page) -> None:
    """In their order, also where the first one waits; another account's wait for them; a clock set back holds none."""
    entries = [entry(page, 2, 1_000), entry(page, 1, 0), entry(page, 3, 0, account="li")]
    ask = "([all, whose, now]) => outbox.next(all, whose, now)"
    assert page.evaluate(ask, [entries, "chen", 4_000]) == {"wait_ms": 6_000}
    assert page.evaluate(ask, [entries, "chen", 10_000])["entry"]["n"] == 1
    entries[1] |= {"state": "sending", "again_ms": 15_000}
    assert page.evaluate(ask, [entries, "chen", 12_000]) == {"wait_ms": 3_000}
    assert page.evaluate(ask, [[entry(page, 1, 5_000_000)], "chen", 0])["entry"]["n"] == 1
    assert page.evaluate(ask, [[entry(page, 1, 0, state="refused")], "chen", 99_000]) == {}
    taken = "([all, n]) => outbox.takes_back(all, n)"
    assert page.evaluate(taken, [entries, 2]) and not page.evaluate(taken, [entries, 1])


def test_when_it_was_done_is_said_by_the_systems_clock_and_never_changes_after(page: Page) -> None:
    """Ten minutes slow or fast, measured before or only when it is sent; what goes out again is the very same."""
    claim = "([one, now, off]) => outbox.claimed(one, now, off)"
    slow = page.evaluate(claim, [entry(page, 1, 1_000_000, 600_000), 1_020_000, 600_000])
    assert slow["body"] == {"acted_at": 1_600, "clock_off_s": 600}
    assert page.evaluate(claim, [slow, 9_000_000, 0])["body"] == slow["body"]
    unknown = page.evaluate(claim, [entry(page, 1, 1_000_000, None), 1_020_000, -600_000])
    assert unknown["body"] == {"acted_at": 400, "clock_off_s": -600}
    ahead = page.evaluate(claim, [entry(page, 1, 1_000_000, 600_000), 1_020_000, 0])
    assert ahead["body"]["acted_at"] == 1_020  # (the clock was set right meanwhile: it was not done later than now)


def test_an_answer_says_done_later_refused_or_that_nobody_knows(page: Page) -> None:
    """A refusal stays to be read; of what nobody knows the next name tells, and done is done."""
    one = {**entry(page, 1, 0), "state": "sending", "tries": 1}
    done = after(page, one, {"status": 200})
    assert (done["state"], done["done_ms"]) == ("done", 1_000)
    seen = "([all, at, booked]) => outbox.seen(all, at, booked).length"
    booked = {**done, "about": {"booking": "b1"}}
    assert [page.evaluate(seen, [[done, booked], at, 0]) for at in (1_000, 1_001)] == [0, 1]
    for later in ({"status": None}, {"status": 503}, {"status": 504}, {"status": 429}, {"status": 409, "busy": True}):
        again = after(page, one, later)
        assert (again["state"], again["key"], again["again_ms"]) == ("sending", "k1", 2_000), later
    assert after(page, one, {"status": 401})["state"] == "sending"
    refused = after(page, one, {"status": 409, "detail": "it was served"})
    assert (refused["state"], refused["told"]) == ("refused", "it was served")
    doubted = after(page, one, {"status": 409, "unknown": True})
    assert (doubted["key"], doubted["state"]) == ("k1~1", "sending")
    again = after(page, doubted, {"status": 409, "unknown": True})  # nobody knows of that one either
    assert (again["key"], again["doubts"]) == ("k1~2", 2)
    both = "(one) => [200, 503].map((status) => outbox.answered(one, {status}, 1000, false, 7000))"
    done_then, later = page.evaluate(both, one)  # tries wait by the tablet's clock, pictures come by the system's
    assert (done_then["done_ms"], later["again_ms"]) == (7_000, 2_000)
    assert after(page, doubted, {"status": 409}, is_so=True)["state"] == "done"
    assert after(page, doubted, {"status": 409})["state"] == "refused"
    assert after(page, one, {"status": 409}, is_so=True)["state"] == "refused"


def test_the_clock_is_measured_by_what_arrives_soonest_and_begins_anew_when_it_is_set(page: Page) -> None:
    """A word that was long under way says less than one that was not."""
    offs: list[int] = []
    for at_s, now_ms in ((1_000, 400_300), (1_001, 401_050), (1_002, 403_900)):
        offs = page.evaluate("([offs, at, now]) => clock.measured(offs, at, now)", [offs, at_s, now_ms])
    assert page.evaluate("(offs) => clock.off_of(offs)", offs) == 599_950
    assert page.evaluate("(offs) => clock.measured(offs, 1003, 1003100)", offs) == [-100]


def visit(name: str, state: str = "pending", number: int = 1, reason: str | None = None) -> dict[str, Any]:
    """A visit of a run."""
    return {"id": f"r/{name}/{number}", "room": name, "name": name, "state": state, "visit_number": number,
            "eta_at": 100, "reason": reason}  # fmt: skip


def told(page: Page, before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """(what, name, after which) for a driver who looked before."""
    rows = page.evaluate(
        """([before, now]) => {
          const by = (visits) => Object.fromEntries(visits.map((one) => [one.id, one]));
          const run = (visits) => ({run_id: "r", visits: visits.map((one) => one.id)});
          return itinerary.changes(itinerary.looked_at(run(before), by(before)), run(now), {...by(before), ...by(now)});
        }""",
        [before, now],
    )
    return [(row["what"], row["name"], row["after"]) for row in rows]


def test_a_driver_is_told_what_became_otherwise_and_nothing_that_did_not(page: Page) -> None:
    """Skipped and when again, taken over, new, moved; what was served is no news."""
    a, b, c, d = (visit(name) for name in "abcd")
    assert told(page, [a, b, c], [a, b, c]) == []
    assert told(page, [a, b, c], [visit("a", "served"), b, c]) == []
    blocked = visit("a", "skipped", reason="lane_blocked")
    assert told(page, [a, b, c], [blocked, b, visit("a", number=2), c]) == [("later", "a", "b")]
    assert told(page, [a, b, c], [blocked, b, c]) == [("skipped", "a", None)]
    assert told(page, [a, b, c], [a, c]) == [("gone", "b", None)]
    assert told(page, [a, b], [d, a, b]) == [("new", "d", None)]
    assert told(page, [a, b, c, d], [b, c, a, d]) == [("moved", "a", "c")]


def test_what_can_be_chosen_is_what_the_rules_know() -> None:
    """Each reason and no other, and the same bound from which more was there than announced."""
    text = (STATIC / "cab" / "sheets.js").read_text()
    lists = {name: re.findall(r'"(\w+)"', rows) for name, rows in re.findall(r"const (\w+) = \[(.*?)\]", text)}
    asked = {name: sorted(lists[name]) for name in ("SKIPS", "REFUSALS", "FAILURES")}
    assert asked == {"SKIPS": sorted(SKIP_REASONS), "REFUSALS": sorted(REFUSALS), "FAILURES": sorted(FAILURES)}
    assert f"OVERFILLED = {OVERFILLED};" in text
