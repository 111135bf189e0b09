"""The picture as a stream: a snapshot once, then what changed; who listens, or looks later, holds what was shown."""

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from broker.web.api.picture import picture_router
from broker.web.desk import Desk
from broker.web.stream import recording
from broker.web.stream.changes import ETA_FIELDS, ETA_SLACK_S, SECTIONS, Parts, applied, parts_of, picture_of
from broker.web.stream.frames import MOST_CHANGES, Frames
from broker.web.stream.recording import KEYFRAME_S, Recording, picture_at
from tests.support.bridge.shown_minutes import shown_minutes
from tests.support.people import behind_the_door

START_AT = 1_795_374_000


class Listener:
    """Somebody at the other end of the stream, written from what the events hold."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.number: int | None = None
        self.parts: Parts = {}
        self.at = 0
        self.snapshots = 0

    def listen(self) -> None:
        """Hear all there is."""
        self.number, blocks = self.frames.since(self.number)
        for block in blocks:
            head, event, data = block.decode().rstrip("\n").split("\n")
            assert head.startswith("id: ") and self.frames.numbered(head[4:]) is not None
            told = orjson.loads(data.removeprefix("data: "))
            if event == "event: snapshot":
                self.parts, self.snapshots = told["parts"], self.snapshots + 1
            else:
                self.parts = applied(self.parts, told)
            self.at = told["at"]


def without_slack(told: Any, true: Any) -> Any:
    """What was told, with the predictions as they truly are where they are within the slack."""
    if isinstance(true, dict) and isinstance(told, dict):
        return {
            key: true[key]
            if key in ETA_FIELDS and None not in (value, true.get(key)) and abs(value - true[key]) < ETA_SLACK_S
            else without_slack(value, true.get(key))
            for key, value in told.items()
        }
    if isinstance(true, list) and isinstance(told, list) and len(true) == len(told):
        return [without_slack(one, other) for one, other in zip(told, true, strict=True)]
    return told


def event_id(frames: Frames) -> str:
    """The id of the newest event, as a browser keeps it."""
    return frames.since(None)[1][0].split(b"\n")[0].decode().removeprefix("id: ")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The pictures of some minutes."""
    return shown_minutes(tmp_path_factory.mktemp("stream"))


def test_a_picture_comes_whole_out_of_its_parts(shown: list[dict[str, Any]]) -> None:
    """Every list in its order, every visit in its run."""
    for picture in shown:
        assert picture_of(parts_of(picture), picture["at"]) == picture


@pytest.mark.parametrize("joins", [0, 1, 20, 40])
def test_who_listens_holds_what_is_shown(shown: list[dict[str, Any]], joins: int) -> None:
    """One snapshot, then changes only, whenever somebody joins; predictions within the slack."""
    frames = Frames()
    listener = Listener(frames)
    for number, picture in enumerate(shown):
        frames.show(picture)
        if number >= joins:
            listener.listen()
            held = picture_of(listener.parts, listener.at)
            assert without_slack(held, picture) == picture
    assert listener.snapshots == 1


def test_a_change_holds_what_changed_and_little_else(shown: list[dict[str, Any]]) -> None:
    """Where nothing happened the change names no row of a device, and it is small beside the whole."""
    frames = Frames()
    frames.show(shown[0])
    again = orjson.loads(frames.show({**shown[0], "at": shown[0]["at"] + 1}))
    assert again == {"at": shown[0]["at"] + 1, "set": {}, "gone": {}}
    sizes = [len(frames.show(picture)) for picture in shown[1:]]
    assert sorted(sizes)[len(sizes) // 2] * 10 < len(orjson.dumps(shown[-1]))


def test_who_was_away_goes_on_where_they_were(shown: list[dict[str, Any]]) -> None:
    """By the id of the last event; after a restart, a long absence or with a made-up id there is a snapshot."""
    frames = Frames()
    frames.show(shown[0])
    last = event_id(frames)
    for picture in shown[1:4]:
        frames.show(picture)
    assert [block.split(b"\n")[1] for block in frames.since(frames.numbered(last))[1]] == [b"event: change"] * 3
    own = last.partition("-")[0]
    too_long = own + "-" + "9" * 5000
    for strange in ("", "1", event_id(Frames()), f"{own}-999", f"{own}-x", f"{own}-", f"{own}-²", "-", too_long):
        assert b"event: snapshot" in frames.since(frames.numbered(strange))[1][0], strange
    for _ in range(MOST_CHANGES):
        frames.show(shown[4])
    assert b"event: snapshot" in frames.since(frames.numbered(last))[1][0]


@pytest.fixture
def kept(tmp_path: Path, shown: list[dict[str, Any]]) -> Iterator[tuple[Path, dict[int, dict[str, Any]]]]:
    """A recording of the pictures, ten seconds apart over several keyframes, and what was shown when."""
    recorder, frames, seen = Recording(tmp_path / "playback", 3), Frames(), {}
    for number in range(100):
        at = START_AT + 10 * number
        picture = {**shown[number % len(shown)], "at": at}
        recorder.keep(frames.show(picture), frames.parts, at)
        seen[at] = picture
    yield tmp_path / "playback", seen
    recorder.close()


def test_any_second_can_be_seen_again(kept: tuple[Path, dict[int, dict[str, Any]]]) -> None:
    """At each moment what was shown then, and before, after and in a gap nothing rather than something else."""
    folder, seen = kept
    for at, picture in seen.items():
        for later_s in (0, 9):
            found = picture_at(folder, at + later_s)
            assert found is not None and without_slack(found, picture) == picture
    assert picture_at(folder, START_AT - 1) is None
    assert picture_at(folder, max(seen) + recording.GAP_S) is not None
    assert picture_at(folder, max(seen) + recording.GAP_S + 1) is None
    assert len(list(folder.glob("*/*.gz"))) == len(list(folder.glob("*/*"))) - 1 == (max(seen) - START_AT) // KEYFRAME_S


def test_one_looks_back_at_a_time_and_another_is_told_when_to_ask_again(
    kept: tuple[Path, dict[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the bridge's own process that reads; what is shown now is there for all, and after a miss it is free."""
    folder, seen = kept
    desk = Desk(picture=seen[START_AT])
    http, begun, meanwhile = behind_the_door(picture_router(desk, Frames(), folder)), [], []

    def slow(folder: Path, at: int) -> Any:
        if not begun:
            begun.append(at)
            meanwhile.append(http.get("/api/v1/picture", params={"at": START_AT}))
            meanwhile.append(http.get("/api/v1/picture"))
        return picture_at(folder, at)

    monkeypatch.setattr("broker.web.api.picture.picture_at", slow)
    first = http.get("/api/v1/picture", params={"at": START_AT})
    assert first.status_code == 200 and first.json()["at"] == START_AT
    assert [answer.status_code for answer in meanwhile] == [429, 200]
    assert int(meanwhile[0].headers["Retry-After"]) > 0 and "ask again" in meanwhile[0].json()["detail"]
    assert [http.get("/api/v1/picture", params={"at": at}).status_code for at in (1, START_AT)] == [404, 200]


def test_to_look_back_copies_no_section_for_each_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A city has thousands of rooms and a second changes few of them: those alone are touched."""
    copied = []
    monkeypatch.setattr("broker.web.stream.changes.dict", lambda *of: copied.append(of) or dict(*of), raising=False)
    recorder, parts = Recording(tmp_path, 3), {section: {} for section in SECTIONS}
    parts["rooms"] = {f"r{number}": {"room": f"r{number}", "heard_at": 0} for number in range(50)}
    recorder.keep(b"", parts, START_AT)
    for second in range(1, 20):
        told = {"at": START_AT + second, "set": {"rooms": {"r7": {"heard_at": second}}}, "gone": {}}
        recorder.keep(orjson.dumps(told), parts, START_AT + second)
    recorder.close()
    found = picture_at(tmp_path, START_AT + 12)
    assert found is not None and {row["room"]: row["heard_at"] for row in found["rooms"]}["r7"] == 12
    assert copied == []


def test_a_kill_costs_the_line_that_was_cut(
    kept: tuple[Path, dict[int, dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    """The lines before it hold, and the next process packs the file and begins one of its own."""
    folder, seen = kept
    (plain,) = folder.glob("*/*.jsonl")
    plain.write_bytes(plain.read_bytes()[:-20])
    *_, before, last = sorted(seen)
    found = picture_at(folder, last)
    assert found is not None and found["at"] == before
    assert not caplog.messages  # no damage: so ends what is being written, too
    frames = Frames()
    again = Recording(folder, 3)
    again.keep(frames.show({**seen[last], "at": last + 5}), frames.parts, last + 5)
    again.close()
    assert list(folder.glob("*/*.jsonl")) == []
    assert (picture_at(folder, last + 6) or {})["at"] == last + 5
    assert (picture_at(folder, before) or {})["at"] == before


def test_old_days_go_and_strange_files_stay(tmp_path: Path, shown: list[dict[str, Any]]) -> None:
    """As many days as configured are kept; with 0 nothing is written at all."""
    (tmp_path / "notes").mkdir()
    frames, recorder = Frames(), Recording(tmp_path, 3)
    for day in range(6):
        at = START_AT + 86_400 * day
        recorder.keep(frames.show({**shown[0], "at": at}), frames.parts, at)
    recorder.close()
    assert sorted(path.name for path in tmp_path.iterdir())[-1] == "notes"
    assert len(list(tmp_path.glob("20*"))) == 4  # three whole days and this one
    Recording(tmp_path / "none", 0).keep(b"{}", frames.parts, START_AT)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("ahead_days", [[400], [5], [-900], [9, 400]])
def test_a_clock_that_is_wrong_for_a_moment_ends_no_day_that_is_kept(
    ahead_days: list[int], tmp_path: Path, shown: list[dict[str, Any]]
) -> None:
    """No day goes for a date far from the others, and when the clock is right again the days go as ever."""
    frames, recorder = Frames(), Recording(tmp_path, 3)

    def keep(day: int) -> None:
        at = START_AT + 86_400 * day
        recorder.keep(frames.show({**shown[0], "at": at}), frames.parts, at)

    def there() -> set[int]:
        return {day for day in range(20) if picture_at(tmp_path, START_AT + 86_400 * day) is not None}

    for day in range(4):
        keep(day)
    for day in ahead_days:
        keep(day)
        assert there() >= ({0, 1, 2, 3} if day == ahead_days[0] else {1, 2, 3}), day
    keep(3)
    keep(4)
    assert there() >= {2, 3, 4}
    for day in range(5, 20):
        keep(day)
    recorder.close()
    assert there() == {16, 17, 18, 19}
    assert len(list(tmp_path.glob("*"))) <= 4 + len(ahead_days)


def test_a_disk_without_room_is_left_to_the_record(
    tmp_path: Path, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written, it is said once, and playback begins again when there is room."""
    frames, recorder = Frames(), Recording(tmp_path, 3)
    monkeypatch.setattr(recording, "ROOM_BYTES", shutil.disk_usage(tmp_path).total * 2)
    for number in range(10):
        at = START_AT + KEYFRAME_S * number
        recorder.keep(frames.show({**shown[0], "at": at}), frames.parts, at)
    assert "MB are free" in str(recorder.trouble) and caplog.text.count("not kept for playback") == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    monkeypatch.setattr(recording, "ROOM_BYTES", 0)
    at += KEYFRAME_S
    recorder.keep(frames.show({**shown[0], "at": at}), frames.parts, at)
    recorder.close()
    assert recorder.trouble is None and picture_at(tmp_path, at) is not None


@pytest.mark.parametrize("how", ["cut", "nonsense", "flipped", "another line", "another shape", "not ours"])
def test_damage_of_a_kept_file_is_said_once_by_name(
    kept: tuple[Path, dict[int, dict[str, Any]]], caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """However often it is asked for; what stands before the damage holds."""
    folder, _ = kept
    packed = sorted(folder.glob("*/*.gz"))[0]
    lines = gzip.decompress(packed.read_bytes()).splitlines(keepends=True)
    spoiled = {
        "another line": [*lines[:3], b"{\n", *lines[3:]],
        "another shape": [*lines[:3], b'{"at": %d, "set": 5, "gone": {}}\n' % (START_AT + 2), *lines[3:]],
        "not ours": [b'{"at": %d, "parts": {"rooms": {"r01": {}}}}\n' % START_AT, *lines[1:]],
    }.get(how, lines)
    raw = gzip.compress(b"".join(spoiled))
    raw = {"cut": raw[: len(raw) // 2], "nonsense": b"nonsense"}.get(how, raw)
    packed.write_bytes(raw[:-200] + bytes([raw[-200] ^ 64]) + raw[-199:] if how == "flipped" else raw)
    for _ in range(3):
        picture_at(folder, START_AT + KEYFRAME_S - 1)
    assert [text for text in caplog.messages if str(packed) in text and "is damaged after" in text] == caplog.messages
    assert len(caplog.messages) == 1


def test_a_spoiled_file_is_no_picture(kept: tuple[Path, dict[int, dict[str, Any]]]) -> None:
    """A packed file cut in half gives what its first half holds, and one of nonsense nothing."""
    folder, seen = kept
    packed = sorted(folder.glob("*/*.gz"))[0]
    whole = gzip.decompress(packed.read_bytes())
    packed.write_bytes(gzip.compress(whole)[: len(gzip.compress(whole)) // 2])
    assert picture_at(folder, START_AT + KEYFRAME_S - 1) is None  # the half ends long before
    packed.write_bytes(b"nonsense")
    assert picture_at(folder, START_AT) is None
    assert set(parts_of(next(iter(seen.values())))) == set(SECTIONS)
