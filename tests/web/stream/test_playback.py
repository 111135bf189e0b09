"""What is played back is what the live stream told at that second; where nothing was kept it is said, never guessed."""

import random
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from broker.people.roles import Reach
from broker.web.desk import Desk
from broker.web.stream.changes import Parts, applied, picture_of
from broker.web.stream.frames import Frames
from broker.web.stream.kept_days import kept_days
from broker.web.stream.played import Played, played
from broker.web.stream.recording import GAP_S, KEYFRAME_S, Recording, picture_at
from broker.web.stream.share import Index, share
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.bridge.shown_minutes import shown_minutes
from tests.support.people import screen_of

pytestmark = pytest.mark.real  # tenths of a second each

START_AT = 1_795_374_000 - 130  # a UTC day's folder holds it, five minutes do not begin with it
ALL = Reach(everything=True)
REACHES = (ALL, Reach(estates=frozenset({"e02", "e03"})), Reach(trucks=frozenset({"t01"})))
MOMENTS = 20


class Run:
    """Half an hour of a bridge: away for some minutes, silent for two, killed in the middle of a line at the end."""

    def __init__(self, folder: Path, pictures: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.told: dict[int, Parts] = {}  # what whoever listened held, by the second in which it was told
        self._pictures, self._dice = pictures, random.Random(20)
        at = self._work(START_AT, 700)
        at = self._work(at + 400, 500)  # started again after it was away
        at = self._work(at + 130, 300) + 1
        self.last_at = max(self.told)
        (plain,) = folder.glob("*/*.jsonl")
        plain.write_bytes(plain.read_bytes() + b'{"at":%d,"set":{"trucks":{"t01"' % at)

    def _work(self, at: int, for_s: int) -> int:
        """One process, which is killed; the second after its last word."""
        frames, recording, until = Frames(), Recording(self.folder, 3), at + for_s
        while at < until:
            for _ in range(self._dice.choice((1, 1, 2))):  # some seconds have two pictures
                # As it comes from the bridge: predictions creep by less than is told, and jump now and then.
                picture = {**self._dice.choice(self._pictures), "at": at}
                recording.keep(frames.show(picture), frames.parts, at)
            self.told[at] = orjson.loads(orjson.dumps(frames.parts))
            at += self._dice.choice((1, 1, 1, 2, 9))
            if until - for_s == START_AT and 200 < at - START_AT < 320:
                at += 120  # its loop hung
        return at

    def held_at(self, at: int) -> tuple[int, Parts] | None:
        """What whoever listened held at a second; None where nobody was told anything for long."""
        seconds = [second for second in self.told if second <= at]
        return (seconds[-1], self.told[seconds[-1]]) if seconds and at - seconds[-1] <= GAP_S else None

    def moments(self) -> list[int]:
        """Some of any kind, and those around keyframes, gaps and the torn end."""
        any_of = [self._dice.randrange(START_AT, self.last_at) for _ in range(MOMENTS)]
        keyframes = range(START_AT // KEYFRAME_S * KEYFRAME_S, self.last_at, KEYFRAME_S)
        edges = {*keyframes, self.last_at, START_AT}
        known = sorted(self.told)
        edges |= {at for one, other in pairwise(known) if other - one > GAP_S for at in (one, other)}
        return [*any_of, *(at + off for at in sorted(edges) for off in (-1, 0, 1, GAP_S))]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One for all: it is only read."""
    folder = tmp_path_factory.mktemp("run")
    return Run(folder / "playback", shown_minutes(folder))


def seen_in(found: Played, at: int) -> tuple[int, Parts] | None:
    """What a player that was given all this shows at a second."""
    unknown = any(gap.from_at <= at <= gap.until_at for gap in found.gaps)
    if found.parts is None or found.at is None or found.at > at or unknown:
        return None
    parts, shown_at = found.parts, found.at
    for told in found.changes:
        if told["at"] > at:
            break
        parts, shown_at = applied(parts, told), told["at"]
    return shown_at, parts


@pytest.mark.real  # five seconds of work
def test_at_any_moment_what_is_played_is_what_was_told(run: Run) -> None:
    """Sought or played up to it, in seconds or in longer steps; around keyframes, after a gap, after a torn file."""
    for at in run.moments():
        held = run.held_at(at)
        shown = picture_at(run.folder, at)
        assert shown == (None if held is None else picture_of(held[1], held[0])), at
        for before_s, step_s in ((0, 1), (250, 1), (600, 30), (59, 60)):
            found = orjson.loads(orjson.dumps(played(run.folder, at - before_s, at, step_s, ALL)))
            last = found["changes"][-1]["at"] if found["changes"] else found["at"]
            parts = found["parts"]
            for told in found["changes"]:
                parts = applied(parts, told)
            ends_in_gap = any(gap["until_at"] == at for gap in found["gaps"])
            if held is None:
                assert ends_in_gap, (at, before_s)
            else:
                assert (last, parts) == held and not ends_in_gap, (at, before_s, step_s)


@pytest.mark.parametrize("reach", REACHES)
def test_each_second_of_a_stretch_is_of_the_readers_share(run: Run, reach: Reach) -> None:
    """As the live stream narrows it, over two gaps; what a share does not hold is in no line."""
    found = played(run.folder, START_AT, START_AT + 600, 1, reach)
    for at in range(START_AT, START_AT + 600):
        held = run.held_at(at)
        seen = seen_in(found, at)
        if seen is not None and held is not None:
            assert seen == (held[0], held[1] if reach.everything else share(Index(held[1]), reach)), at
        assert held is None or seen is not None or at - held[0] > 0, at
    assert 0 < len(found.gaps) <= 2 and sum(gap.until_at - gap.from_at for gap in found.gaps) > 100


def test_days_name_their_stretches_and_gaps(run: Run) -> None:
    """By the files' names: each gap is one of the run's, each told second is within a stretch; now is no gap."""
    days = kept_days(run.folder, "Asia/Shanghai", run.last_at + 5, 10)
    spans = sorted((span for day in days for span in day.stretches), key=lambda span: span.from_at)
    known = sorted(run.told)
    breaks = [at for at, after in pairwise(known) if after - at > GAP_S]
    assert [span.until_at for span in spans] == [*breaks, run.last_at]
    starts = [span.from_at for span in spans]
    assert all(spans[bisect_right(starts, at) - 1].until_at >= at for at in known)
    (day,) = days
    assert [(gap.from_at, gap.until_at) for gap in day.gaps[1:]] == [
        (span.until_at + 1, after.from_at - 1) for span, after in pairwise(spans)
    ]
    assert day.gaps[0].from_at == day.from_at  # before anything was kept
    assert kept_days(run.folder / "none", "Asia/Shanghai", run.last_at, 10) == []


def test_the_api_plays_a_stretch_and_says_where_it_goes_on(run: Run, tmp_path: Path) -> None:
    """Packed where that is understood, bounded, with where it goes on after a gap, and nothing where nothing was."""
    morning = Morning(tmp_path / "records")
    http = screen_of(Desk(picture=shown_now(run)), morning.store, playback=run.folder)
    path = "/api/v1/playback/changes"
    asked = {"from_at": START_AT, "until_at": START_AT + 60}
    answer = http.get(path, params=asked)
    assert answer.headers["Content-Encoding"] == "gzip" and answer.json()["at"] == START_AT
    assert http.get(path, params=asked, headers={"Accept-Encoding": "identity"}).json() == answer.json()
    away = next(at for at in sorted(run.told) if at > START_AT + 700)
    missing = http.get(path, params={"from_at": away - 200, "until_at": away - 100}).json()
    assert (missing["parts"], missing["next_at"]) == (None, away)
    for until_at, step_s in ((START_AT - 1, 1), (START_AT + 601, 1), (START_AT + 3601, 60)):
        assert http.get(path, params={"from_at": START_AT, "until_at": until_at, "step_s": step_s}).status_code == 422
    assert http.get(path, params={**asked, "until_at": START_AT + 3600, "step_s": 60}).status_code == 200
    (day,) = http.get("/api/v1/playback/days").json()["days"]
    assert len(day["stretches"]) == 4
    nothing = screen_of(Desk(picture=shown_now(run)), morning.store)
    assert nothing.get("/api/v1/playback/days").json()["days"] == []
    assert nothing.get(path, params=asked).json()["gaps"] == [asked]
    morning.close()


def test_what_came_true_stands_beside_what_was_told(tmp_path: Path) -> None:
    """Of the day of a moment, by the ids of its picture: arrivals, and when incidents began and ended."""
    morning = Morning(tmp_path / "records")
    morning.serve(0)
    told = snapshot(morning.bridge, morning.now)
    morning.serve(1)
    morning.drive_to(2)
    morning.press()
    http = screen_of(Desk(picture=snapshot(morning.bridge, morning.now)), morning.store)
    truth = http.get("/api/v1/playback/truth", params={"at": told["at"]}).json()
    visits = {visit["id"]: visit for run in told["runs"] for visit in run["visits"]}
    came, comes = (f"{morning.run_id}/{visit.room_id}/1" for visit in morning.trip.visits[:2])
    first, second = truth["visits"][came], truth["visits"][comes]
    assert (first["state"], second["state"]) == ("served", "served")
    assert first["arrived_at"] == visits[came]["arrived_at"] < told["at"] < second["arrived_at"]
    assert visits[comes]["arrived_at"] is None
    assert [row["reason"] for row in truth["incidents"].values()] == ["lane_blocked"]
    assert http.get("/api/v1/playback/truth", params={"at": told["at"] - 2 * 86_400}).json()["visits"] == {}
    morning.close()


def shown_now(run: Run) -> dict[str, Any]:
    """A picture of the end of the run."""
    return {**picture_of(run.told[run.last_at], run.last_at)}
