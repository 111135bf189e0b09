"""What did not change is neither made nor compared again, and what is told is the same all the same."""

from pathlib import Path

from broker.web.stream.changes import change, parts_of, picture_of
from broker.web.stream.frames import Frames
from broker.web.stream.visit_rows import VisitRows
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning


def test_kept_rows_make_the_same_pictures_and_the_same_stream(tmp_path: Path) -> None:
    """Through calls, a stay, a press and a second visit, second by second."""
    morning = Morning(tmp_path, alone=True)
    rows, kept, anew = VisitRows(), Frames(), Frames()
    kept_rows = all_rows = 0
    before: dict[str, object] = {}

    def look() -> None:
        nonlocal kept_rows, all_rows, before
        picture = snapshot(morning.bridge, morning.now, visits=rows)
        assert picture == snapshot(morning.bridge, morning.now)
        parts = parts_of(picture)
        copied = {section: {key: dict(row) for key, row in held.items()} for section, held in parts.items()}
        assert kept.take(parts, picture["at"]) == anew.take(copied, picture["at"])
        all_rows += len(parts["visits"])
        kept_rows += sum(before.get(key) is row for key, row in parts["visits"].items())
        before = dict(parts["visits"])

    for _ in range(12):
        morning.step(60)
        look()
    morning.serve(0)
    look()
    morning.drive_to(1)
    morning.press()
    for _ in range(30):
        morning.step()
        look()
    morning.close()
    assert kept.parts == anew.parts
    assert kept_rows > all_rows / 2


def test_a_row_that_moved_within_the_slack_is_told_once_it_is_beyond(tmp_path: Path) -> None:
    """A row that stays as it was does not hide that another one moved on."""
    morning = Morning(tmp_path, alone=True)
    morning.step(60)
    first = parts_of(snapshot(morning.bridge, morning.now))
    key, row = next((key, row) for key, row in first["visits"].items() if row["eta_at"])
    near, far = ({**first, "visits": {**first["visits"], key: {**row, "eta_at": row["eta_at"] + by}}} for by in (6, 12))
    frames = Frames()
    frames.take(first, 1)
    assert b'"visits"' not in frames.take(near, 2)
    assert b'"visits"' not in frames.take(near, 3)
    assert b'"visits"' in frames.take(far, 4)
    assert picture_of(frames.parts, 4)["runs"] == picture_of(far, 4)["runs"]
    assert change(frames.parts, far, 5)["set"] == {}
    morning.close()
