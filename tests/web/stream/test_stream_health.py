"""What the thread that shows the pictures cannot do is said to whoever watches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.config import BrokerConfig
from broker.web.desk import Desk
from broker.web.server import WebServer
from broker.web.stream import recording
from broker.web.stream.frames import Frames
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.people import screen_of
from tests.support.processes import wait_until


class Watched:
    """A bridge with its screen, and somebody who asks how it is."""

    def __init__(self, folder: Path) -> None:
        self.morning, self.desk = Morning(folder / "records"), Desk()
        folders = {part: {"folder": folder / part} for part in ("people", "registers", "playback")}
        config = BrokerConfig.model_validate({"area": {"plan": "demo"}, "web": {"port": 0}, **folders})
        self.server = WebServer(config, self.desk, self.morning.store, self.morning.plan)
        self.http = screen_of(self.desk, self.morning.store)

    def health(self) -> tuple[int, list[str]]:
        """The answer of /healthz once a next picture is shown, with the words of its reasons."""
        self.morning.now += recording.KEYFRAME_S
        self.desk.show(snapshot(self.morning.bridge, self.morning.now))
        answer = self.http.get("/healthz")
        reasons = answer.json()["reasons"]
        assert all(row["en"] and row["zh"] for row in reasons)
        return answer.status_code, [row["word"] for row in reasons]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """One that runs."""
    found = Watched(tmp_path)
    found.health()
    found.server.start()
    yield found
    found.server.stop()
    found.morning.close()


def test_a_playback_without_room_is_a_warning_until_there_is_room(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By /healthz, which stays 200, and on the screens."""
    streamed: list[list[str]] = []
    show = Frames.show

    def shown(frames: Frames, picture: dict) -> bytes:  # type: ignore[type-arg]
        streamed.append([row["word"] for row in picture["health"]])
        return show(frames, picture)

    monkeypatch.setattr(Frames, "show", shown)
    with monkeypatch.context() as full:
        full.setattr(recording, "ROOM_BYTES", 1 << 60)
        wait_until(lambda: watched.health() == (200, ["not_kept"]), "it is said")
        wait_until(lambda: watched.health() and streamed[-1:] == [["not_kept"]], "it is on the screens")
    wait_until(lambda: watched.health() == (200, []), "it is over")


def test_a_stream_that_fails_each_time_is_ill_health_and_logged_once(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No screen shows anything new; what is logged each second hides what else is."""

    def fault(*_: object) -> bytes:
        tries.append(1)
        raise ValueError("odd")

    tries: list[int] = []
    with monkeypatch.context() as odd:
        odd.setattr(Frames, "show", fault)
        wait_until(lambda: watched.health() == (503, ["not_streamed"]) and len(tries) > 2, "it is said")
    wait_until(lambda: watched.health() == (200, []), "it is over")
    assert caplog.text.count("a picture could not be streamed") == 1
