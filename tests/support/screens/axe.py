"""What axe-core (vendored, for tests only) finds on a page that somebody could not see, read or reach."""

from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[1] / "vendored" / "axe-core-4.14.1.min.js"
_RUN = """async (within) => (await axe.run(within ?? document, { resultTypes: ["violations"] })).violations.flatMap(
    (rule) => rule.nodes.map((node) => `${rule.id} at ${node.target.join(" ")}: ${node.failureSummary}`))"""


def findings(page: Page, within: str | None = None) -> list[str]:
    """All rules of axe-core that the page (or the part `within` a selector) breaks, each with its element."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))  # not a script of the page: its policy stays as it is
    return list(page.evaluate(_RUN, within))
