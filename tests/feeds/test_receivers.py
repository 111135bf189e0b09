"""From the bridge's pictures into the outboxes: each fact once, before anything forgets it, and nobody waits for it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.__main__ import main
from broker.config import BrokerConfig
from broker.feeds.midnight import OVER_AFTER_S
from broker.feeds.outside.outbox import Outbox
from broker.feeds.outside.receivers import MOST_DAYS
from broker.store import Record, Store, StoreError
from broker.store.opening import open_store
from broker.web.desk import Desk
from broker.web.view.health import of_stream
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.outside import NOON, drips, picture_of, press, receiver, secret_in, telling
from tests.support.people import screen_of
from tests.support.processes import wait_until
from tests.support.settings.day import configured

FILES = '[[outside.receiver]]\nname = "files"\nfolder = "files"\n'
DAY_S = 86_400
MIDNIGHT = NOON - 43_200 + DAY_S  # after that noon, in the area's time


class Shown:
    """What is shown, and how often somebody looked."""

    def __init__(self, picture: Any) -> None:
        self.picture, self.looks = picture, 0

    def __call__(self) -> Any:
        """Look."""
        self.looks += 1
        return self.picture

    def show(self, picture: Any) -> None:
        """Something else, until it was looked at."""
        self.picture = picture
        self.is_seen()

    def is_seen(self) -> None:
        """Wait until what is shown was looked at, and what came of it is done."""
        enough = self.looks + 3
        wait_until(lambda: self.looks >= enough, "somebody looks")


def lines(folder: Path) -> list[dict[str, Any]]:
    """What the file receiver has, the oldest day first."""
    return [json.loads(line) for path in sorted((folder / "files").glob("*.jsonl"))
            for line in path.read_text().splitlines()]  # fmt: skip


def none_waits(folder: Path) -> bool:
    """Whether each message is taken from its outbox: what a stop catches on its way is told again."""
    return not list(folder.glob("data/outside/**/waiting/*.json"))


@pytest.fixture
def config(tmp_path: Path) -> BrokerConfig:
    """One receiver of everything, in files."""
    return configured(tmp_path, FILES)


def test_a_press_is_told_once_over_restarts(tmp_path: Path, config: BrokerConfig) -> None:
    """The same picture again and again, before and after."""
    for _ in range(3):
        with telling(config, shown := Shown(picture_of(press()))):
            wait_until(lambda: lines(tmp_path) and none_waits(tmp_path), "it is told")
            shown.is_seen()
    assert [row["type"] for row in lines(tmp_path)] == ["alarm.opened"]


def test_nothing_is_told_of_what_is_not_stored_or_old(tmp_path: Path, config: BrokerConfig) -> None:
    """A full disk, a picture that could not be made: afterwards it is told."""
    with telling(config, shown := Shown({})) as found:
        shown.is_seen()
        shown.show(picture_of(press(), unstored=1))
        shown.show(picture_of(press(), old_since_at=NOON - 60))
        assert found.state()[0]["waiting"] == 0 and lines(tmp_path) == []
        shown.show(picture_of(press(), at=NOON + 60))
        wait_until(lambda: lines(tmp_path), "it is told")


def test_what_cannot_be_kept_is_told_later(
    tmp_path: Path, config: BrokerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for a while: nothing is forgotten meanwhile, nor told twice."""
    full, put, tries = [True], Outbox.put, []

    def failing(self: Outbox, message: Any) -> None:
        tries.append(message.id)
        if full[0]:
            raise OSError(28, "No space left on device")
        put(self, message)

    monkeypatch.setattr(Outbox, "put", failing)
    monkeypatch.setattr("broker.feeds.outside.receivers.FAILED_S", 0.5)
    with telling(config, lambda: picture_of(press("p1"), press("p2"))):
        wait_until(lambda: len(tries) >= 3, "it is tried")
        full[0] = False
        wait_until(lambda: len(lines(tmp_path)) == 2, "both are told")
    assert len({row["id"] for row in lines(tmp_path)}) == 2


def test_an_outbox_that_takes_nothing_costs_the_other_receivers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is somebody else's: the others hear each fact once, it hears all of them once it can."""
    shut, put, tries = [True], Outbox.put, []

    def failing(self: Outbox, message: Any) -> None:
        if self.folder.name == "shut" and shut[0]:
            tries.append(message.id)
            raise OSError(13, "Permission denied")
        put(self, message)

    def in_shut() -> str:
        return "".join(path.read_text() for path in (tmp_path / "later").glob("*.jsonl"))

    monkeypatch.setattr(Outbox, "put", failing)
    monkeypatch.setattr("broker.feeds.outside.receivers.FAILED_S", 0.5)
    config = configured(tmp_path, f'[[outside.receiver]]\nname = "shut"\nfolder = "later"\n{FILES}')
    with telling(config, shown := Shown(picture_of(press("p1")))):
        wait_until(lambda: len(tries) >= 4, "it is tried")
        shown.show(picture_of(press("p1"), press("p2")))
        wait_until(lambda: len(lines(tmp_path)) >= 2, "the other is told the next one, too")
        assert [row["data"]["incident_id"] for row in lines(tmp_path)] == ["p1", "p2"]
        shut[0] = False
        wait_until(lambda: '"p1"' in in_shut() and '"p2"' in in_shut(), "it is told as well")
        wait_until(lambda: none_waits(tmp_path), "and waits no more")
    assert len(lines(tmp_path)) == 2
    with telling(config, shown):
        shown.is_seen()
    assert len(lines(tmp_path)) == 2, "what was told is known after a restart"


def test_a_dead_receiver_holds_up_neither_the_others_nor_who_looks(tmp_path: Path) -> None:
    """One drips; the file of the other is there at once, and the end is not waited for."""
    secret_in(tmp_path)
    with receiver(drips) as slow:
        text = f'{FILES}[[outside.receiver]]\nname = "slow"\nurl = "http://127.0.0.1:{slow.port}/"\n'
        config = configured(tmp_path, f'{text}secret_file = "secret"\ninside = ["127.0.0.1"]\n')
        began = time.monotonic()
        with telling(config, lambda: picture_of(press())) as found:
            wait_until(lambda: lines(tmp_path) and slow.messages, "both are called")
            wait_until(lambda: not found.state()[0]["waiting"], "the file has it")
            state = {row["name"]: row for row in found.state()}
            assert (state["files"]["waiting"], state["slow"]["waiting"]) == (0, 1)
        assert time.monotonic() - began < 15, "less than a try may last"


def test_a_memory_that_is_spoiled_begins_anew_and_says_so(
    tmp_path: Path, config: BrokerConfig, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of before is told; what comes is."""
    folder = tmp_path / "data" / "outside"
    folder.mkdir(parents=True)
    (folder / "said-xh.json").write_text('{"memory": ')
    with telling(config, shown := Shown(picture_of(press("old", NOON - 7200)))):
        shown.is_seen()
        shown.show(picture_of(press("old", NOON - 7200), press("new")))
        wait_until(lambda: lines(tmp_path), "the new one is told")
    assert [row["data"]["incident_id"] for row in lines(tmp_path)] == ["new"]
    assert "begins anew" in caplog.text


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A record with one served visit at noon."""
    found = open_store(tmp_path / "records", area="xh", timezone="Asia/Shanghai", now=lambda: NOON)
    body = {
        "run_id": "a", "room": "r01", "waste": "residential_wet", "route": "w", "truck": "t01", "estate": "e01",
        "sequence": 1, "visit_number": 1, "planned_at": NOON, "state": "served", "arrived_at": NOON, "left_at": NOON,
        "bins_before": 3, "bins_after": 0,
    }
    found.append([Record("visit:a:1", "visit", "a/r01/1", NOON, NOON, "xh", body)])
    yield found
    found.close()


def totals(folder: Path) -> list[dict[str, Any]]:
    """The totals that were told."""
    return [row for row in lines(folder) if row["type"] == "totals.day"]


def test_the_days_totals_are_told_after_midnight_once(tmp_path: Path, config: BrokerConfig, store: Store) -> None:
    """As the figures have them; a restart tells them no second time; a bridge that was away catches up."""
    at = MIDNIGHT + OVER_AFTER_S
    with telling(config, shown := Shown(picture_of(at=NOON)), store):
        shown.is_seen()
        shown.show(picture_of(at=at - 1))
        assert totals(tmp_path) == []
        shown.show(picture_of(at=at))
        (told,) = wait_until(lambda: none_waits(tmp_path) and totals(tmp_path), "they are told")
    assert (told["data"]["day"], told["data"]["figures"]["served"], told["data"]["figures"]["bins"]) == (
        time.strftime("%Y-%m-%d", time.gmtime(NOON + 28_800)), 1, 3,
    )  # fmt: skip
    assert told["data"]["by_waste"][0]["waste"] == "residential_wet"
    with telling(config, shown := Shown(picture_of(at=at)), store):
        shown.is_seen()
        shown.show(picture_of(at=at + 2 * DAY_S))
        wait_until(lambda: len(totals(tmp_path)) == 3 and none_waits(tmp_path), "the two days are told")
    with telling(config, Shown(picture_of(at=at + 30 * DAY_S)), store):
        wait_until(lambda: len(totals(tmp_path)) == 3 + MOST_DAYS, "the last week is told, not the whole month")
    assert len({row["data"]["day"] for row in totals(tmp_path)}) == len(totals(tmp_path))


def test_a_clock_that_was_years_ahead_is_no_reason_to_be_silent_for_years(
    tmp_path: Path, config: BrokerConfig, store: Store
) -> None:
    """Once it is right again the next day's totals come."""
    at = MIDNIGHT + OVER_AFTER_S
    with telling(config, shown := Shown(picture_of(at=NOON)), store):
        shown.is_seen()
        shown.show(picture_of(at=NOON + 1000 * DAY_S))
        wait_until(lambda: totals(tmp_path), "totals of another time")
        shown.show(picture_of(at=NOON))
        shown.show(picture_of(at=at))
        wait_until(lambda: any(row["data"]["figures"]["served"] for row in totals(tmp_path)), "the day's totals come")


@pytest.mark.parametrize("fault", [StoreError("no"), KeyError("visits")])
def test_totals_that_cannot_be_counted_now_hold_up_nothing_else(
    tmp_path: Path, config: BrokerConfig, store: Store, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """The record cannot be asked for a while, or holds what we cannot count: presses are told, and the totals later."""
    monkeypatch.setattr("broker.feeds.outside.receivers.figures_of", lambda *_: (_ for _ in ()).throw(fault))
    after = MIDNIGHT + OVER_AFTER_S
    with telling(config, shown := Shown(picture_of(at=NOON)), store):
        shown.is_seen()
        shown.show(picture_of(press("p1", after), at=after))
        wait_until(lambda: lines(tmp_path), "the press is told")
        assert totals(tmp_path) == []
        monkeypatch.undo()
        shown.show(picture_of(press("p1", after), at=after + 61))
        wait_until(lambda: totals(tmp_path), "the totals too")


def test_healthz_and_metrics_say_who_is_not_told(tmp_path: Path) -> None:
    """A warning, not a failure; with what waits and why, and without where it goes."""
    morning = Morning(tmp_path / "records")
    row = {"name": "phones", "waiting": 3, "dead": 0, "delivered": 7, "ended": False,
           "failing_since_at": int(time.time()) - 600, "why": "it answers 500"}  # fmt: skip
    desk = Desk(picture=snapshot(morning.bridge, morning.now), outside=lambda: [row])
    client = screen_of(desk, morning.store)
    body = client.get("/healthz").json()
    (reason,) = [one for one in body["reasons"] if one["word"] == "outside_late"]
    assert (reason["level"], body["outside"]) == ("warning", [row])
    assert "phones" in reason["en"] and "it answers 500" in reason["zh"]
    said = client.get("/metrics").text
    assert 'zhanpai_outside_waiting{receiver="phones"} 3.0' in said
    assert [one["word"] for one in of_stream(desk)] == ["outside_late"], "on the screens too"
    row["failing_since_at"] = int(time.time())
    assert "outside_late" not in [one["word"] for one in client.get("/healthz").json()["reasons"]]
    morning.close()


def test_the_command_lists_tests_shows_the_dead_and_tries_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside a bridge or without one."""
    secret_in(tmp_path)

    def ask(*words: str) -> tuple[int, str]:
        code = main(["--config", str(tmp_path / "broker.toml"), "outside", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    with receiver(204, 410, 204) as received:
        url = f'url = "http://127.0.0.1:{received.port}/"\nsecret_file = "secret"\ninside = ["127.0.0.1"]\n'
        config = configured(tmp_path, f'[[outside.receiver]]\nname = "phones"\n{url}')
        assert ask() == (0, "phones: 0 waiting, 0 given up; well\n")
        assert ask("test", "phones")[0] == 0 and received.types == ["test"]
        with telling(config, lambda: picture_of(press())) as found:
            wait_until(lambda: found.state()[0]["ended"], "it has ended it")
            code, said = ask("list")
            assert code == 1 and "1 given up; it has ended it (410)" in said
            code, said = ask("dead", "phones")
            assert code == 0 and json.loads(said)["type"] == "alarm.opened"
            assert ask("retry", "phones")[0] == 0
            wait_until(lambda: not found.state()[0]["ended"] and received.types[1:] == ["alarm.opened"] * 2, "it comes")
    assert ask("test", "phones")[0] == 1
    code, said = ask("test", "nobody")
    assert code == 2 and "phones" in said
