"""A practice: who clicks at the very screen is scored beside what happened; same seed and clicks, same score."""

import json
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from broker.rules.dispatch.actions import Act
from broker.words import LANGUAGES
from sim.practice.command import main
from sim.practice.morning import CLICKS, Click, Morning
from sim.practice.page import WORDS, Scores, page_of
from sim.practice.score import ROWS, Score
from sim.practice.screen import Screen
from sim.scenario.scenario import ScenarioError, load
from tests.support.processes import wait_until

SCENARIO = load("blocked_lane")


def practised(folder: Path, clicks: Sequence[Click] = ()) -> tuple[Score, list[Click]]:
    """The score of these clicks, and what was clicked."""
    with Morning(SCENARIO, folder, practised=True) as morning:
        morning.play(morning.end_at, clicks)
        return morning.score(), morning.clicks


@pytest.mark.real
def test_clicks_at_the_screen_and_the_same_from_a_file_are_one_score(tmp_path: Path) -> None:
    """Somebody sees the press over HTTP while it goes fast; their file plays to that score, better than nobody's."""
    with Morning(SCENARIO, tmp_path / "screen", practised=True) as morning:
        morning.play(morning.start_at + 2400)
        screen, said = Screen(morning, tmp_path / "web", 0), list[str]()

        def ask(path: str, body: bytes | None = None) -> list[dict[str, str]]:
            headers = {"Authorization": f"Bearer {screen.token}", "Content-Type": "application/json"}
            request = urllib.request.Request(screen.address + path, body, headers)
            with urllib.request.urlopen(request, timeout=20) as got:
                return list(json.loads(got.read())) if body is None else []

        def is_shown() -> bool:
            try:
                return bool(ask("api/v1/incidents"))  # 45 minutes into the morning
            except OSError:
                return False  # it does not serve yet

        def click() -> None:
            wait_until(is_shown, "the press is on the screen", 60)
            (press,) = ask("api/v1/incidents")
            ask(f"api/v1/incidents/{press['incident_id']}/acknowledge?truck={press['truck']}", b"{}")
            said.append(press["incident_id"])

        person = threading.Thread(target=click)
        person.start()
        screen.run(20, morning.end_at, lambda: bool(said))
        person.join(60)
        assert "演练" in morning.plan.name and "Practice" in morning.plan.name  # wherever the screen names the area
        score, clicks = morning.score(), morning.clicks
    assert [click.act.action for click in clicks] == ["acknowledge"]
    kept = CLICKS.validate_json(CLICKS.dump_json(clicks, exclude_defaults=True))
    assert practised(tmp_path / "again", kept) == (score, clicks)
    idle, _ = practised(tmp_path / "idle")
    assert score.minutes["unseen"] < idle.minutes["unseen"] and score.total < idle.total


@pytest.mark.real
def test_a_score_stands_beside_what_happened_with_its_reasons_in_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command plays clicks from a file, writes the pages and the clicks, and the rows add up."""
    first = SCENARIO.name
    given = tmp_path / "none.json"
    given.write_text("[]")
    assert main([first, "--clicks", str(given), "--folder", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    happened = Score(told["happened"]["minutes"], told["happened"]["counts"])
    assert told["happened"]["total"] == happened.total < told["yours"]["total"]
    assert happened.total == round(sum(happened.minutes.values()), 1) and tuple(happened.minutes) == ROWS
    click = Click(1_795_557_600, Act("decide", "demo", ("t01", "t01-1-82"), decision="return_later"))
    for language in LANGUAGES:
        written = (tmp_path / f"practice-{first}.{language}.html").read_text()
        assert WORDS.say(language, "row", "unseen") in written and WORDS.say(language, "page", "nothing") in written
        page = page_of(SCENARIO, Scores(happened, happened), [click], "Asia/Shanghai", language)
        assert WORDS.say(language, "page", "same") in page and WORDS.say(language, "decision", "return_later") in page
    assert main([first, "--clicks", str(tmp_path / "absent.json")]) == 2
    with pytest.raises(ScenarioError, match="cannot be practised"):
        Morning(load("broker_restart"), tmp_path / "no", practised=True)
