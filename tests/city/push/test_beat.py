"""What a cell says of itself: from the picture that its own screens show."""

import json

from broker.city.beat import MOST_LISTED, OVER_S, Beats, progress_of
from broker.city.database import Cell
from broker.city.said import opened
from broker.web.pages.rendering import STATIC
from tests.support.outside import picture_of, press

NOW = 1795320000


def pressed(name: str, raised_at: int = NOW, **changes):
    """An incident as the picture has it."""
    return {**picture_of(press(name, raised_at))["incidents"][0], **changes}


def beat_of(**changes):
    """The beat of a picture with these changes."""
    picture = {
        "old_since_at": None, "link": {"up": True, "since_at": NOW}, "health": [], "alarms": [], "trucks": [],
        "plan": {"state": "running", "known": True, "last_day": "2026-12-31", "next_day": None, "days_left": 30},
        **picture_of(), **changes,
    }  # fmt: skip
    return Beats("xh", "Asia/Shanghai").of({**picture, "at": NOW}, [], "http://here/")


def test_a_beat_counts_the_visits_of_the_day_by_what_became_of_them():
    """Owed is what is not over; each kind of waste has its own."""
    run = {"waste": "unit_wet", "state": "running", "visits": [{"state": one} for one in ("served", "due", "pending")]}
    other = {"waste": "hazardous", "state": "finished", "visits": [{"state": "skipped"}, {"state": "served"}]}
    progress = progress_of({"runs": [run, other], "rooms": [], "trucks": []})
    assert (progress["served"], progress["skipped"], progress["owed"]) == (2, 1, 2)
    assert progress["by_waste"]["hazardous"] == {"served": 1, "skipped": 1, "owed": 0, "cancelled": 0}
    assert (progress["runs"], progress["runs_running"], progress["runs_finished"]) == (2, 1, 1)


def test_a_beat_counts_rooms_whose_bins_wait():
    """A room where nobody counts waits for nobody."""
    rooms = [
        {"life": "ready", "bins": {"unit_wet": {"count": 3}, "hazardous": {"count": None}}},
        {"life": "disconnected", "bins": {"unit_wet": {"count": 0}}},
    ]
    progress = progress_of({"runs": [], "rooms": rooms, "trucks": [{"reserve": False, "life": "ready"}]})
    assert (progress["rooms"], progress["rooms_ready"], progress["rooms_waiting"]) == (2, 1, 1)
    assert (progress["bins_waiting"], progress["trucks"], progress["trucks_ready"]) == (3, 1, 1)


def test_a_press_is_told_while_it_is_open_and_an_hour_longer():
    """What is over for longer has gone; all open ones are counted, however many are listed."""
    old = pressed("old", NOW - 9000, open=False, changed_at=NOW - OVER_S - 1)
    late = pressed("late", NOW - 9000, open=False, changed_at=NOW - OVER_S + 1)
    beat = beat_of(incidents=[pressed("now", NOW - 9000), old, late])
    assert [one["incident_id"] for one in beat["incidents"]] == ["now", "late"] and beat["open"] == 1
    rows, whole = opened(Cell("xh", "xh", "Asia/Shanghai", "r1", NOW, NOW, beat, {}, 0, ()))
    assert [row["id"] for row in rows] == ["now"] and whole, "the city can read it"
    many = beat_of(incidents=[pressed(str(number)) for number in range(MOST_LISTED + 5)])
    assert len(many["incidents"]) == MOST_LISTED and many["open"] == MOST_LISTED + 5


def test_an_alarm_has_its_sentence_in_both_languages():
    """What is shelved or over is nobody's business in the city."""
    row = {
        "about": "silent/room/r01", "topic": "silent", "word": "not_heard", "level": "warning", "values": {},
        "since": NOW, "state": "unseen_active", "announced_at": NOW, "until": None, "active": True,
    }  # fmt: skip
    words = {one: json.loads((STATIC / f"{one}.json").read_bytes()) for one in ("zh", "en")}
    row["word"] = next(word for word, text in words["en"].items() if "{" not in text)
    beat = beat_of(alarms=[row, {**row, "state": "shelved", "until": NOW}, {**row, "active": False}])
    (told,) = beat["alarms"]
    assert told["text"]["en"].startswith(words["en"][row["word"]]) and beat["alarm_count"] == 1
    assert told["text"]["zh"].startswith(words["zh"][row["word"]])
