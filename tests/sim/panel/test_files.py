"""The page's own files: both languages whole, nothing from elsewhere."""

import json
import re
from pathlib import Path

from firmware import wire
from sim.live.hardware import truck
from sim.panel import server
from sim.panel.faults import FAULTS
from sim.scenario.schema import DEMANDS, HAPPENINGS

STATIC = server.STATIC
OURS = sorted(STATIC.glob("*.js"))


def words() -> dict[str, dict[str, str]]:
    """Both word files."""
    return {name: json.loads((STATIC / f"{name}.json").read_text(encoding="utf-8")) for name in ("zh", "en")}


def test_both_languages_have_every_sentence_with_the_same_gaps() -> None:
    """A word that one language lacks would be shown as its key."""
    gaps = [{key: sorted(re.findall(r"{(\w+)}", text)) for key, text in each.items()} for each in words().values()]
    assert gaps[0] == gaps[1]


def test_every_word_that_the_page_says_is_there_and_none_is_left_over() -> None:
    """Also those that it puts together of what the run says."""
    keys = set(words()["en"])
    sources = "\n".join(path.read_text(encoding="utf-8") for path in OURS)
    said = set(re.findall(r'say\("(\w+)"', sources))
    families = set(re.findall(r"say\(`(\w+_)\$\{", sources))
    assert said <= keys
    composed = {f"fault_{name}" for name in FAULTS} | {f"fault_{name}_is" for name in FAULTS}
    composed |= {f"expect_{kind}" for kind in DEMANDS}
    lasting = {fault.kind for fault in FAULTS.values()}
    composed |= {f"did_{kind}" for kind in HAPPENINGS if kind not in (*lasting, "breakdown", "power_cut_after_press")}
    composed |= {f"hand_{event}" for event in wire.KEEPER_EVENTS}
    assert composed <= keys
    folders = (Path(server.__file__).parent, Path(truck.__file__).parent)
    python = "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py"))
    loose = {key for key in keys - said - composed if not any(key.startswith(family) for family in families)}
    named = {key for key in loose if re.search(rf'["`]{key}["`]', sources + python)}
    others = {"residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation"}
    others |= {"waiting", "held", "failed", "not_judged"}
    assert loose - named - others == set()


def test_nothing_comes_from_elsewhere() -> None:
    """No address in the page's files, no script or style in its HTML, no code made of text."""
    for path in [*OURS, STATIC / "index.html", STATIC / "panel.css"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!\")", text), path.name
        assert not re.search(r"\beval\(|new Function|innerHTML|dangerouslySetInnerHTML", text), path.name
    page = (STATIC / "index.html").read_text()
    assert "<style" not in page and not re.search(r"<script(?! type=\"module\" src=)", page)
    assert "unsafe" not in server.POLICY and "default-src 'none'" in server.POLICY
