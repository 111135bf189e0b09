"""The day report in a real browser, on a desk and on a phone: nothing is cut, nothing is too small to read."""

from typing import Any

import pytest
from playwright.sync_api import Page

from broker.rules.statistics.cube import count
from broker.web.pages import day_report
from firmware.wire import WASTES
from tests.support.facts import DAY, NOON, ZONE, Fact, visit, weighing, workflow

pytestmark = pytest.mark.real

SMALLEST_PX = 12
NAMES = {
    "xh": "香禾街道(演示) / Xianghe (demo)",
    "e1": "香禾一村小区 / Xianghe First Village",
    "r00": "香禾一村东门箱房 / Xianghe First Village, east gate room",
}
MEASURE = """(smallest) => {
  const out = [], small = [], broken = [];
  const wide = document.documentElement.clientWidth;
  for (const element of document.querySelectorAll('h1, h2, p, th, td, .chart span, .chart svg')) {
    const box = element.getBoundingClientRect(), words = element.textContent;
    if (box.width === 0 || box.height === 0) continue;
    if (box.left < -0.5 || box.right > wide + 0.5) out.push(words);
    if (parseFloat(getComputedStyle(element).fontSize) < smallest) small.push(words);
    const text = document.createRange();
    text.selectNodeContents(element);
    if (element.matches('th, td.n') && text.getClientRects().length > 1) broken.push(words);
  }
  const boxes = [...document.querySelectorAll('.wide')].filter(box => box.scrollWidth > box.clientWidth + 1);
  return {page: document.documentElement.scrollWidth, wide, out, small, broken, scrolled: boxes.length};
}"""


def busy_day() -> list[Fact]:
    """Every chapter full: five wastes with tons, weigh-ins of runs with long names, lanes, contradictions."""
    facts = [visit(f"run1/r0{n}/1", room=f"r0{n}", bins_after=6) for n in range(3)]
    facts += [workflow(n, NOON - n * 86_400) for n in range(4)]
    for n, waste in enumerate(WASTES):
        run_id = f"wet-north-{n}.20261122"
        tons = {"grams_before": 130_000_000, "grams_after": 6_543_300, "bins_before": 5000, "bins_after": 3}
        facts.append(visit(f"run{n}/q{n}/1", run_id=run_id, room=f"q{n}", waste=waste, **tons))
        load = weighing(n, 123_456_700, run_id=run_id)
        facts.append(Fact("weighing", "t01", load.id, load.at, {**load.body, "waste": waste}))
    facts += [visit("x/r9/1", room="r9", bins_before=None, waste="", grams_before=None, run_id="x")]
    leads = {"r00": 960, "r01": 12_345, "r02": 1, "q0": None}
    return [
        *facts,
        *(Fact("call", f"c.{room}", f"call:c.{room}:1:1", NOON, {
            "called_at": NOON, "eta_at": NOON + 960, "room": room, "lead_s": lead_s, "route": "wet-north",
            "off": [["counts", "r00", 123]],
          })
          for room, lead_s in leads.items()),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_of_the_report_is_cut(page: Page, language: str, width: int) -> None:
    """No text beyond the edge, no table to be pushed sideways, no number or head that breaks, no tiny letters."""
    facts = busy_day()
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(day_report.day_report(facts, count(facts, ZONE), "xh", DAY, language, ZONE, NAMES))
    found: dict[str, Any] = page.evaluate(MEASURE, SMALLEST_PX)
    assert found["wide"] == width
    assert (found["out"], found["small"], found["broken"], found["scrolled"]) == ([], [], [], 0)
    assert found["page"] <= width
    assert "123456.7" in page.content()
