"""What a cell says that nobody can read takes no other cell away, and nothing of itself that can be read."""

from typing import Any

import pytest

from broker.city.database import Cell, CityDatabase
from broker.city.platform import Platform
from broker.city.said import opened, said
from broker.city.standing import alarms, standing
from broker.config import OutsideConfig
from tests.support.city.district import beat_of
from tests.support.facts import NOON, ZONE

GOOD = beat_of(3, presses=2, alarms=1)


def cell_of(beat: Any, area: str = "aa") -> Cell:
    """A cell that says this."""
    return Cell(area, area, ZONE, "r1", NOON, NOON, beat, {}, 0, ())


@pytest.mark.parametrize(
    "beat",
    [{}, {**GOOD, "link": 7}, {**GOOD, "progress": {**GOOD["progress"], "served": "many"}}, {**GOOD, "health": ["x"]},
     {**GOOD, "screen": 7}, {**GOOD, "at": 10**18}],
)  # fmt: skip
def test_a_cell_whose_beat_cannot_be_read_gets_a_note(beat) -> None:
    """It stays on the page, with what of it can be read."""
    cell = cell_of(beat)
    assert standing(cell)["said"] == {} and [note["word"] for note in standing(cell)["notes"]] == ["unreadable"]
    assert len(alarms(cell)) == (3 if beat else 0)


@pytest.mark.parametrize(
    "odd", [7, [7], [{}], [{"open": True}], {"open": True}, [{**GOOD["incidents"][0], "truck": 7}]]
)  # fmt: skip
def test_an_odd_press_or_alarm_hides_no_other(odd) -> None:
    """What is listed beside it is shown, and a note stands there."""
    rows, whole = opened(cell_of({**GOOD, "incidents": odd}))
    assert [row["kind"] for row in rows] == ["alarm"] and not whole
    rows, whole = opened(cell_of({**GOOD, "alarms": odd}))
    assert [row["kind"] for row in rows] == ["press", "press"] and not whole


def test_a_good_beat_is_shown_whole_and_an_unknown_level_is_the_worst() -> None:
    """No note, and nothing lost; a newer release may have levels that this one does not know."""
    assert said(cell_of(GOOD)).keys() == GOOD.keys() - {"incidents", "alarms"}
    assert standing(cell_of(GOOD))["notes"] == []
    assert said(cell_of({**GOOD, "screen": "javascript:alert(1)"})) == {**said(cell_of(GOOD)), "screen": None}
    odd = {**GOOD, "alarms": [{**GOOD["alarms"][0], "level": "purple"}]}
    assert alarms(cell_of(odd))[-1]["level"] == "severe" and opened(cell_of(odd))[1]


def test_the_platform_looks_at_the_cells_behind_an_odd_one(monkeypatch) -> None:
    """Whatever is wrong with one, the next is looked at."""
    cells, seen = [cell_of({**GOOD, "link": 7}, "aa"), cell_of(GOOD, "bb"), cell_of(GOOD, "cc")], []
    city = CityDatabase("postgresql://nobody@127.0.0.1:1/x", None, lambda: NOON)

    def records(area: str, _timezone: str) -> None:
        seen.append(area)
        raise KeyError(area)

    monkeypatch.setattr(city, "records", records)
    Platform(OutsideConfig.model_validate({}), city, lambda: cells).look()
    assert seen == ["bb", "cc"]


class Rows:
    """A connection that answers with one cell for each area."""

    def __init__(self, *cells: tuple[str, str, str]) -> None:
        self.cells = cells

    def execute(self, text: str | bytes) -> list[tuple[Any, ...]]:
        """The cells; nothing of how far they have pushed."""
        if "FROM zp_cell" not in (text if isinstance(text, str) else text.decode()):
            return []
        names = '{"r01": 7, "r02": "x"}'
        return [(area, area, zone, "r1", NOON, NOON, beat, names, 0) for area, zone, beat in self.cells]


def test_only_what_may_be_an_area_is_one(caplog) -> None:
    """Folders are named by it; a beat that is no object is none, a name that is no text is none."""
    city = CityDatabase("postgresql://nobody@127.0.0.1:1/x", None, lambda: NOON)
    # without a database to make tables in
    city._made = True
    odd = [("../../etc", ZONE, "{}"), ("..", ZONE, "{}"), ("a/b", ZONE, "{}"), ("", ZONE, "{}"), ("cc", "../x", "{}")]
    rows = Rows(*odd, ("aa", ZONE, "[]"), ("bb", ZONE, '{"at": 1}'))
    for _ in range(2):
        found = city._read_cells(rows)  # type: ignore[arg-type]
    assert [(one.area, one.beat) for one in found] == [("aa", {}), ("bb", {"at": 1})]
    assert all(one.names == {"r02": "x"} for one in found)
    assert len([line for line in caplog.messages if "left out" in line]) == len(odd), "each is said once"
